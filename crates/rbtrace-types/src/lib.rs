//! Types, their layout in memory, the integer rules, and [`Facts`]: what a kernel or a binary can tell us.
//!
//! Pure: no file, no clock, no environment. `Facts` is answered by rbtrace-host on a real machine and by
//! [`fixture::Fixture`] in tests.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod binary;
pub mod c_layout;
pub mod c_object;
pub mod ctype;
pub mod debug_info;
pub mod facts;
pub mod fixture;
pub mod format;
pub mod headers;
pub mod integer;
mod layout;
pub mod symbol;
mod ty;
pub mod unwind;

pub use facts::{Arch, Facts, Feature};
pub use layout::{Layout, align_up};
pub use ty::{Aggregate, DataLoc, Enum, Field, Int, Named, Space, Struct, Type};
