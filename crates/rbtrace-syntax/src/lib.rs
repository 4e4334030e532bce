//! Text → tokens → AST. Knows the keywords and the grammar; knows no builtin, no type, no kernel.
//!
//! [`parse`] never fails: what cannot be read is reported and left out, and the rest is read all the same. The road is
//! `lexer` (items and tokens) → `limit` (not too deep) → `mark` (which bracket is meant) → grammar/rbtrace.lalrpop with
//! `builder` → `parse` (recovery, order of sections).

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod ast;
mod builder;
pub mod c;
mod c_macro;
mod format;
pub mod lexer;
mod limit;
mod mark;
mod parse;
mod print;
pub mod token;
mod unexpected;

pub use c_macro::parse_c_macro;
pub use format::{Formatted, format};
pub use lexer::integer;
pub use parse::parse;
pub use print::print;

#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::wildcard_enum_match_arm,
    clippy::unwrap_used,
    missing_docs,
    unused,
    reason = "generated from grammar/rbtrace.lalrpop"
)]
mod grammar {
    include!(concat!(env!("OUT_DIR"), "/rbtrace.rs"));
}
