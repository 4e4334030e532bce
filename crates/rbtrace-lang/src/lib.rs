//! THE TABLES: one file per language feature, under `functions/`, `variables/`, `aggregations/`, `probes/`, `config/`, `named/`,
//! `constants/`.
//! Nothing else in rbtrace knows their names.
//!
//! A row is a plain `static` with function pointers: how the thing is typed, how it is lowered to IR, how its record is handled in user
//! space. Rows see the compiler through [`compile::TypeCx`] and [`compile::LowerCx`] and the running session through [`run::RunCx`]; they
//! never do IO themselves.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod compile;
pub mod format;
pub mod row;
pub mod run;
pub mod text;
pub mod value;

pub mod aggregations;
pub mod config;
pub mod constants;
pub mod functions;
pub mod named;
pub mod probes;
pub mod variables;
pub mod warnings;

pub use compile::{Call, LowerCx, Lowered, Place, TypeCx};
pub use row::{Aggregation, Allowed, Builtin, ConfigKey, NamedType, PidFilter, ProbeType, Read, Showing};
pub use run::RunCx;
pub use value::Value;

/// Who handles the records of an event with this handler name: the row of that name, or what reports mistakes inside a probe.
pub fn handler(name: &str) -> Option<row::Handle> {
    if name == run::RUNTIME_ERROR {
        return Some(run::report_runtime_error);
    }
    if name == run::WAKE {
        return Some(|_, _, _| Ok(()));
    }
    let row = functions::by_name(name).or_else(|| variables::by_name(name));
    row.and_then(|row| row.handle)
}
