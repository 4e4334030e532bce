//! A program as text, for people and snapshots.

use crate::op::Program;

/// The text of `-d ir`.
pub fn print(program: &Program) -> String {
    format!("{program:#?}")
}
