//! Sources, spans and diagnostics: what was said about which piece of text.
//!
//! A [`Diagnostic`] is plain data. The pure crates push it to a [`Sink`] and go on; only the command line
//! renders it. Knows no other crate of the house.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod diagnostic;
mod held_back;
mod render;
mod source;
mod window;

pub use diagnostic::{Code, Diagnostic, Label, Origin, Reported, Severity, Sink};
pub use held_back::HeldBack;
pub use render::{Style, header, location, render};
pub use source::{Source, SourceId, Sources, Span, Spanned};

mod suggest;
pub use suggest::nearest;
