//! The format strings of `printf` and its relatives (SPEC §9.4): split, check against types, lower to an event, render in user space.
//! The same splitter serves both halves, so what was checked is what is printed.

pub mod call;
mod gfp;
mod render;
mod seq;
mod spec;

pub use render::render;
pub use spec::{Conversion, Piece, Size, Spec, pieces};
