//! What the debug information of a program says beside its arguments: types by name, what functions return, the lines of `-lv`.

use std::sync::Arc;

use rbtrace_types::debug_info::{Convention, Declaration};
use rbtrace_types::{Enum, Facts, Type};

use super::{abi, addresses};
use crate::compile::Place;

/// A type of the program that a place is in; of several, that which the code there knows.
pub fn named(facts: &dyn Facts, place: &Place, name: &str) -> Option<Type> {
    facts.program_type(place.parts.first()?, addresses(facts, place).first().copied(), name)
}

/// An enum of that program that has a constant of a name.
pub fn constant(facts: &dyn Facts, place: &Place, name: &str) -> Option<(Arc<Enum>, i64)> {
    facts.program_constant(place.parts.first()?, addresses(facts, place).first().copied(), name)
}

/// The type of what a function returns, if it is a number or a pointer; else what the register holds as a number.
pub fn result(facts: &dyn Facts, place: &Place) -> Option<Type> {
    let declared = declared(facts, place);
    let known = declared.filter(|declared| !matches!(declared.convention, Convention::Foreign(_) | Convention::Changed));
    let Some(result) = known.map(|declared| declared.result.clone()) else { return Some(Type::U64) };
    if let Type::Enum(of) = &result.ty
        && result.bytes < 4
    {
        // The rest of the register is anything.
        return Some(Type::int(result.bytes as u8, of.has_negative()));
    }
    Some(if result.ty.is_scalar() || abi::is_float(&result.ty) { result.ty } else { Type::U64 })
}

/// The parameters of a function as the source has them, as far as they are known.
pub fn parameters(facts: &dyn Facts, place: &[String]) -> Vec<String> {
    let Some(declared) = at(facts, place) else { return Vec::new() };
    let mut texts: Vec<String> = declared.params.iter().map(|param| format!("{} {}", param.passed.text, param.name)).collect();
    texts.extend(declared.is_variadic.then(|| "...".to_owned()));
    texts
}

/// The same of what it returns, called `retval`, if anything.
pub fn result_text(facts: &dyn Facts, place: &[String]) -> Vec<String> {
    let declared = at(facts, place).filter(|declared| declared.result.ty != Type::Void);
    declared.into_iter().map(|declared| format!("{} retval", declared.result.text)).collect()
}

fn declared(facts: &dyn Facts, place: &Place) -> Option<Arc<Declaration>> {
    at(facts, &place.parts)
}

fn at(facts: &dyn Facts, parts: &[String]) -> Option<Arc<Declaration>> {
    let address = super::addresses_of(facts, parts).first().copied()?;
    facts.declaration(&parts[0], address).ok()?
}
