//! Which classes of C++ are handed over by their address: those that their authors want copied, or cleaned up, in a way of their own.

use anyhow::Result;
use gimli::AttributeValue;
use gimli::constants as dw;

use super::session::{At, Entry, Session};
use super::types;

/// A class by value cannot contain itself, so only a broken file nests deeper.
const MAX_DEPTH: u32 = 16;

/// Whether a value of a type is handed over by its address. Some compilers say so; for the others the class's declaration does.
pub(super) fn is_by_reference(session: &Session<'_>, at: Option<At>) -> Result<bool> {
    class(session, at, 0)
}

fn class(session: &Session<'_>, at: Option<At>, depth: u32) -> Result<bool> {
    let Some((at, entry)) = types::strip(session, at)?.plain else { return Ok(false) };
    let is_class = matches!(entry.tag(), dw::DW_TAG_structure_type | dw::DW_TAG_class_type | dw::DW_TAG_union_type);
    if !is_class || depth >= MAX_DEPTH {
        return Ok(false);
    }
    if let Some(AttributeValue::CallingConvention(said)) = entry.attr_value(dw::DW_AT_calling_convention) {
        return Ok(said == dw::DW_CC_pass_by_reference);
    }
    let name = session.name(at, &entry)?.unwrap_or_default();
    for (child, entry) in session.children(at)? {
        let says_so = match entry.tag() {
            dw::DW_TAG_subprogram => is_own_way(session, at, &name, child, &entry)?,
            // The pointer to the table of virtual functions is copied in a way of its own.
            dw::DW_TAG_member if Session::flag(&entry, dw::DW_AT_artificial) => true,
            dw::DW_TAG_member if Session::flag(&entry, dw::DW_AT_external) => false,
            dw::DW_TAG_member | dw::DW_TAG_inheritance => class(session, session.referred(child, &entry, dw::DW_AT_type)?, depth + 1)?,
            _ => false,
        };
        if says_so {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a function of a class is a destructor, or a constructor from another object of the class, that somebody wrote.
fn is_own_way<'a>(session: &Session<'a>, class: At, class_name: &str, at: At, entry: &Entry<'a>) -> Result<bool> {
    let is_written = !Session::flag(entry, dw::DW_AT_artificial) && Session::number(entry, dw::DW_AT_defaulted).unwrap_or(0) == 0;
    let is_there = is_written && !Session::flag(entry, dw::DW_AT_deleted);
    let Some(name) = session.name(at, entry)?.filter(|_| is_there) else { return Ok(false) };
    if name.starts_with('~') {
        return Ok(true);
    }
    // A template's constructors are called without its parameters.
    if name != class_name.split('<').next().unwrap_or(class_name) {
        return Ok(false);
    }
    let mut others = Vec::new();
    for (at, param) in session.children(at)? {
        if param.tag() == dw::DW_TAG_formal_parameter && !Session::flag(&param, dw::DW_AT_artificial) {
            others.push(session.referred(at, &param, dw::DW_AT_type)?);
        }
    }
    let [Some(only)] = others[..] else { return Ok(false) };
    let reference = session.entry(only)?;
    let is_reference = matches!(reference.tag(), dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type);
    let target = session.referred(only, &reference, dw::DW_AT_type)?;
    Ok(is_reference && types::strip(session, target)?.plain.is_some_and(|(target, _)| target == class))
}
