//! The `config` block and the environment → one value for every key (SPEC §2.2, §8.4). The environment wins.

use std::collections::BTreeMap;

use rbtrace_diag::{Diagnostic, HeldBack, Sink, nearest};
use rbtrace_lang::config::{ALL, by_name, no_warnings};
use rbtrace_lang::{ConfigKey, warnings};
use rbtrace_syntax::ast::{ConfigEntry, ConfigValue, Item, Program};

use crate::Options;

/// Every key of the table with its effective value.
pub(crate) fn resolve(program: &Program, options: &Options, sink: &mut Sink) -> BTreeMap<&'static str, String> {
    let mut values: BTreeMap<&'static str, String> = ALL.iter().map(|row| (row.name, row.default.to_string())).collect();
    let blocks = program.items.iter().filter_map(|item| match item {
        Item::Config(block) => Some(block),
        Item::C(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => None,
    });
    let mut first = None;
    for block in blocks {
        if let Some(earlier) = first.replace(block.span) {
            sink.push(Diagnostic::error(block.span, "a program has one `config` block").label(earlier, "the first one is here"));
        }
        for entry in &block.entries {
            set_entry(&mut values, entry, sink);
        }
    }
    for (key, value) in &options.config {
        set_environment(&mut values, key, value, sink);
    }
    values
}

/// Which warnings are not shown; from now on the sink does not show them either.
pub(crate) fn held_back(values: &BTreeMap<&'static str, String>, options: &Options, sink: &mut Sink) -> HeldBack {
    let wish = values.get(no_warnings::ROW.name).map(|value| no_warnings::held_back(value));
    let held_back = options.held_back.clone().and(wish.unwrap_or_default());
    sink.hold_back(held_back.clone());
    held_back
}

fn set_entry(values: &mut BTreeMap<&'static str, String>, entry: &ConfigEntry, sink: &mut Sink) {
    let key = normal(&entry.key.node);
    let Some(row) = by_name(&key) else {
        let mut unknown = Diagnostic::error(entry.key.span, format!("{}: not a known configuration option", entry.key.node));
        if let Some(name) = nearest(&key, ALL.iter().map(|row| row.name)) {
            unknown = unknown.hint(format!("did you mean `{name}`?"));
        }
        sink.push(unknown);
        return;
    };
    if let Some(today) = today(row, &key, str::to_string) {
        sink.push(warnings::OLD_NAME.at(entry.key.span, today).because("the value is still applied"));
    }
    let text = match &entry.value.node {
        ConfigValue::Int(number) => number.to_string(),
        ConfigValue::String(text) | ConfigValue::Word(text) => text.clone(),
        ConfigValue::Bool(value) => value.to_string(),
    };
    match row.read(&key, &text) {
        Ok(value) => drop(values.insert(row.name, value)),
        Err(accepted) => {
            let message = format!("Invalid value for {}. Found: {text}. Valid values: {accepted}", row.name);
            sink.push(Diagnostic::error(entry.value.span, message).because("this value is not accepted"));
        }
    }
}

fn set_environment(values: &mut BTreeMap<&'static str, String>, key: &str, value: &str, sink: &mut Sink) {
    let key = normal(key);
    let Some(row) = by_name(&key) else { return };
    if let Some(today) = today(row, &key, |name| format!("BPFTRACE_{}", name.to_uppercase())) {
        sink.push(warnings::OLD_NAME.general(today));
    }
    match row.read(&key, value) {
        Ok(value) => drop(values.insert(row.name, value)),
        Err(accepted) => {
            let name = row.name.to_uppercase();
            sink.push(Diagnostic::general(format!("Invalid value for {name}. Found: {value}. Valid values: {accepted}")));
        }
    }
}

/// What a key that was called by an old name is called today.
fn today(row: &ConfigKey, key: &str, written: fn(&str) -> String) -> Option<String> {
    let (old, name) = (written(key), written(row.name));
    match row.opposites.contains(&key) {
        true => Some(format!("`{old}` is now the opposite of `{name}`")),
        false => (row.name != key).then(|| format!("`{old}` is now called `{name}`")),
    }
}

/// `BPFTRACE_MAX_STRLEN`, `MAX_STRLEN` and `max_strlen` are the same key.
fn normal(key: &str) -> String {
    let key = key.to_lowercase();
    key.strip_prefix("bpftrace_").or(key.strip_prefix("rbtrace_")).unwrap_or(&key).to_string()
}
