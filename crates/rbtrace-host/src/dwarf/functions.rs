//! Functions by the address they begin at: their parameters and what they return, as the source declares them.

use anyhow::Result;
use gimli::AttributeValue;
use gimli::constants as dw;
use rbtrace_types::debug_info::{Convention, Declaration, Parameter, Passed};

use super::session::{At, Entry, Session};
use super::{classes, texts, types};

/// More parameters than any function has.
const MOST_PARAMETERS: usize = 256;

/// How a function is declared.
pub(super) fn declaration(session: &Session<'_>, at: At) -> Result<Declaration> {
    let language = session.language(at)?;
    let says_struct = !language.is_some_and(has_plain_names);
    let (mut params, mut is_variadic) = (Vec::new(), false);
    for (at, entry) in parameters(session, at)?.into_iter().take(MOST_PARAMETERS) {
        if entry.tag() == dw::DW_TAG_unspecified_parameters {
            is_variadic = true;
            continue;
        }
        let name = session.inherited(at, dw::DW_AT_name)?.map(|(at, name)| session.text(at, name)).transpose()?;
        let name = name.unwrap_or_else(|| format!("arg{}", params.len()));
        params.push(Parameter { name, passed: passed(session, at, says_struct)? });
    }
    let result = passed(session, at, says_struct)?;
    let entry = session.entry(at)?;
    let is_changed = matches!(entry.attr_value(dw::DW_AT_calling_convention), Some(AttributeValue::CallingConvention(dw::DW_CC_nocall)));
    let convention = if is_changed { Convention::Changed } else { convention(language) };
    Ok(Declaration { params, is_variadic, result, convention })
}

/// The entries of the parameters: those of the copy that has code, or else those of what it is a copy of.
fn parameters<'a>(session: &Session<'a>, mut at: At) -> Result<Vec<(At, Entry<'a>)>> {
    let is_parameter = |tag| matches!(tag, dw::DW_TAG_formal_parameter | dw::DW_TAG_unspecified_parameters);
    for _ in 0..4 {
        let mut found = session.children(at)?;
        found.retain(|(_, entry)| is_parameter(entry.tag()));
        let origin = session.origin(at, &session.entry(at)?)?;
        match origin {
            Some(origin) if found.is_empty() => at = origin,
            _ => return Ok(found),
        }
    }
    Ok(Vec::new())
}

/// The type of a parameter or a variable, or of what a function returns.
pub(super) fn passed(session: &Session<'_>, at: At, says_struct: bool) -> Result<Passed> {
    let at = session.inherited(at, dw::DW_AT_type)?.map(|(at, value)| session.follow(at, &value)).transpose()?;
    let by_reference = classes::is_by_reference(session, at)?;
    let ty = at.map_or(Ok(rbtrace_types::Type::Void), |at| types::convert(session, at))?;
    Ok(Passed { ty, bytes: types::bytes(session, at)?, by_reference, text: texts::text(session, at, says_struct)? })
}

/// Whether people write names of types without a keyword.
pub(super) fn has_plain_names(language: dw::DwLang) -> bool {
    !matches!(convention(Some(language)), Convention::C) || is_cpp(language)
}

fn is_cpp(language: dw::DwLang) -> bool {
    matches!(
        language,
        dw::DW_LANG_C_plus_plus
            | dw::DW_LANG_C_plus_plus_03
            | dw::DW_LANG_C_plus_plus_11
            | dw::DW_LANG_C_plus_plus_14
            | dw::DW_LANG_C_plus_plus_17
            | dw::DW_LANG_C_plus_plus_20
            | dw::DW_LANG_ObjC_plus_plus
    )
}

/// Languages that do not pass arguments as C does.
fn convention(language: Option<dw::DwLang>) -> Convention {
    match language {
        Some(language) if is_cpp(language) => Convention::Cpp,
        Some(dw::DW_LANG_Rust) => Convention::Rust,
        Some(dw::DW_LANG_Go) => Convention::Foreign("Go"),
        Some(dw::DW_LANG_OCaml) => Convention::Foreign("OCaml"),
        Some(dw::DW_LANG_Haskell) => Convention::Foreign("Haskell"),
        Some(dw::DW_LANG_Swift) => Convention::Foreign("Swift"),
        _ => Convention::C,
    }
}
