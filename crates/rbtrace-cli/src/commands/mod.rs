//! What rbtrace can be asked to do, one file each.

pub mod compiler_bench;
pub mod dump;
pub mod explain;
pub mod format;
pub mod info;
pub mod list;
pub mod run;
