//! `config`: the settings in force, as a record that is known while the script is compiled.

use rbtrace_types::{Type, integer};

use crate::compile::{Constant, TypeCx};
use crate::config::ALL;
use crate::row::{Builtin, ConfigKey};

/// The row.
pub static ROW: Builtin = Builtin {
    name: "config",
    signature: "config",
    manual: "The settings in force: what the `config` block and the environment say, else their defaults. A record with a field for each \
             setting, whose values are known while the script is compiled.\n\n\
             ```\nconfig = { max_strlen = 64 }\nbegin { printf(\"%d %s\\n\", config.max_strlen, config.license); }\n```\n",
    type_of: |cx, _| Type::Record(settings(cx).into_iter().map(|(name, value)| (name, type_of(&value))).collect()),
    constant: Some(|cx, _| Some(Constant::Record(settings(cx)))),
    ..Builtin::BASE
};

/// Every setting that still means something, in order of the table.
fn settings(cx: &dyn TypeCx) -> Vec<(String, Constant)> {
    let current = ALL.iter().filter(|row| !row.default.is_empty());
    current.map(|row| (row.name.to_string(), value(row, cx.config(row.name).unwrap_or_default()))).collect()
}

/// What the default is says what the setting is.
fn value(row: &ConfigKey, text: String) -> Constant {
    let number = row.default.parse::<u64>().ok().and_then(|_| text.parse::<u64>().ok());
    match (row.default, number) {
        ("true" | "false", _) => Constant::Bool(text == "true"),
        (_, Some(number)) => Constant::Int(number.into()),
        (_, None) => Constant::Text(text.into_bytes()),
    }
}

fn type_of(value: &Constant) -> Type {
    match value {
        Constant::Int(value) => Type::Int(integer::of_literal(*value).int),
        Constant::Bool(_) => Type::Bool,
        Constant::Text(text) => Type::String(text.len() as u32 + 1),
        Constant::Record(fields) => Type::Record(fields.iter().map(|(name, value)| (name.clone(), type_of(value))).collect()),
    }
}
