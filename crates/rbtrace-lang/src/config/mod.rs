//! The list of configuration keys, alphabetical.

mod cache_user_symbols;
pub mod cpp_demangle;
pub mod dummy_ts_map;
mod lazy_symbolication;
pub mod license;
pub mod log_size;
pub mod max_bpf_progs;
pub mod max_cat_bytes;
pub mod max_map_keys;
pub mod max_probes;
pub mod max_strlen;
pub mod missing_probes;
pub mod no_warnings;
mod on_stack_limit;
pub mod perf_rb_pages;
pub mod print_maps_on_exit;
pub mod show_debug_info;
pub mod stack_mode;
pub mod str_trunc_trailer;
pub mod unstable_dw_ustack;
pub mod unstable_import_statement;
pub mod unstable_tseries;
pub mod unstable_typeinfo;
mod use_blazesym;
pub mod user_symbols;

mod parse;
mod retired;

use rbtrace_diag::Diagnostic;

use crate::compile::{Call, TypeCx};
use crate::row::ConfigKey;
use crate::warnings;

/// Every row.
pub static ALL: &[&ConfigKey] = &[
    &cache_user_symbols::ROW,
    &cpp_demangle::ROW,
    &retired::DEBUG_OUTPUT,
    &dummy_ts_map::ROW,
    &lazy_symbolication::ROW,
    &license::ROW,
    &log_size::ROW,
    &retired::MAX_AST_NODES,
    &max_bpf_progs::ROW,
    &max_cat_bytes::ROW,
    &max_map_keys::ROW,
    &max_probes::ROW,
    &max_strlen::ROW,
    &retired::MAX_TYPE_RES_ITERATIONS,
    &missing_probes::ROW,
    &no_warnings::ROW,
    &retired::NODE_MAX,
    &on_stack_limit::ROW,
    &perf_rb_pages::ROW,
    &print_maps_on_exit::ROW,
    &retired::PROBE_INLINE,
    &show_debug_info::ROW,
    &stack_mode::ROW,
    &str_trunc_trailer::ROW,
    &retired::SYMBOL_SOURCE,
    &retired::UNSTABLE_ADDR,
    &unstable_dw_ustack::ROW,
    &retired::UNSTABLE_IMPORT,
    &unstable_import_statement::ROW,
    &retired::UNSTABLE_MACRO,
    &retired::UNSTABLE_MAP_DECL,
    &unstable_tseries::ROW,
    &unstable_typeinfo::ROW,
    &use_blazesym::ROW,
    &user_symbols::ROW,
    &retired::VERIFY_LLVM_IR,
];

/// The row of a name (lower case, without prefix).
pub fn by_name(name: &str) -> Option<&'static ConfigKey> {
    ALL.iter().copied().find(|row| [&[row.name], row.aliases, row.opposites].iter().any(|names| names.contains(&name)))
}

/// Says of a call that it uses an unstable feature, as the key of that feature wants it; `None`: it may not.
pub(crate) fn unstable(cx: &mut dyn TypeCx, call: &Call, key: &str) -> Option<()> {
    let name = call.name;
    match cx.config(key).as_deref() {
        Some("error") => {
            let message = format!(
                "{name} feature is not enabled by default. To enable this unstable feature, set the config flag to enable. {key}=enable"
            );
            cx.report(Diagnostic::error(call.span, message).because("it may still change"));
            return None;
        }
        Some("warn") => {
            let message = format!(
                "Script is using an unstable feature: {name}. To prevent this warning you must explicitly enable it in the config e.g. \
                 {key}=enable"
            );
            // Without a place: said once a script, however often it is used.
            cx.report(warnings::UNSTABLE.general(message));
        }
        Some(_) | None => {}
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{ALL, by_name};

    fn check(key: &str, text: &str, expected: Result<&str, &str>) {
        let parsed = (by_name(key).expect("a key").parse)(text);
        assert_eq!(parsed.as_ref().map(String::as_str).map_err(String::as_str), expected, "{key} = {text}");
    }

    #[test]
    fn booleans_have_many_spellings() {
        for yes in ["1", "true", "ON", "Yes"] {
            check("print_maps_on_exit", yes, Ok("true"));
        }
        for no in ["0", "FALSE", "off", "no"] {
            check("print_maps_on_exit", no, Ok("false"));
        }
        check("print_maps_on_exit", "2", Err("true, false"));
    }

    #[test]
    fn numbers_are_decimal() {
        check("max_strlen", "0064", Ok("64"));
        check("strlen", "200", Ok("200"));
        check("max_strlen", "0", Err("positive integers"));
        check("max_map_keys", "many", Err("positive integers"));
        check("max_cat_bytes", "0", Ok("0"));
        check("max_cat_bytes", "-1", Err("integers that are not negative"));
    }

    #[test]
    fn words_are_from_a_list() {
        check("missing_probes", "warn", Ok("warn"));
        check("missing_probes", "WARN", Err("error, warn, ignore"));
        check("license", "Dual BSD/GPL", Ok("Dual BSD/GPL"));
        check("license", "MIT", Err("Dual MIT/GPL, Dual BSD/GPL, Dual MPL/GPL, GPL and additional rights, GPL v2, GPL"));
        check("cache_user_symbols", "0", Ok("NONE"));
        check("str_trunc_trailer", "", Ok(""));
        check("unstable_tseries", "1", Ok("enable"));
        check("no_warnings", "yes", Ok("true"));
        check("no_warnings", "offset, map-full", Ok("offset,map-full"));
        check("no_warnings", "map-fulll", Err("true, false, codes of warnings; did you mean `map-full`?"));
        check("no_warnings", "", Err("true, false, codes of warnings"));
        check("unstable_tseries", "no", Ok("error"));
    }

    #[test]
    fn defaults_are_canonical() {
        for row in ALL {
            assert_eq!((row.parse)(row.default).as_deref(), Ok(row.default), "{}", row.name);
            assert!(!row.manual.is_empty(), "{}", row.name);
        }
        assert!(ALL.is_sorted_by_key(|row| row.name));
    }
}
