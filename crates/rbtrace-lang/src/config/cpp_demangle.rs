//! `cpp_demangle`: whether names of C++ and Rust are shown as they were written.

use super::parse;
use crate::row::ConfigKey;

/// The row.
pub static ROW: ConfigKey = ConfigKey {
    name: "cpp_demangle",
    aliases: &[],
    opposites: &["no_cpp_demangle"],
    manual: "Whether functions of C++ and Rust have the names that their authors wrote, in stacks, `usym()`, `ksym()` and `func`: \
             `ns::f(int)`, and no number at the end of Rust's. Else they have those that linkers see, like `_ZN2ns1fEi`.",
    default: "true",
    parse: parse::boolean,
};
