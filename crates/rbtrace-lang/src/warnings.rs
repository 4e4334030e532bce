//! The list of warnings: what each class of them means. Its code stands below every warning, `--explain` shows its page, `--no-warnings=CODE`
//! holds it back.

mod compiling;
mod running;
mod starting;

use rbtrace_diag::{Diagnostic, HeldBack, Span, nearest};

pub use compiling::*;
pub use running::*;
pub use starting::*;

/// A class of warnings.
#[derive(Debug)]
pub struct Warning {
    /// Its code: `discarded-value`.
    pub code: &'static str,
    /// Whether it is about a script that does what was meant, so that only `-v` shows it.
    pub only_verbose: bool,
    /// Whether it is about a script, before it runs: its example gives it as soon as it is compiled.
    pub compiling: bool,
    /// Its page (markdown): first line is the summary, then why, an example that gives it, and what to do.
    pub manual: &'static str,
}

impl Warning {
    const fn new(code: &'static str, manual: &'static str) -> Warning {
        Warning { code, only_verbose: false, compiling: true, manual }
    }

    /// One that the script alone does not give.
    const fn running(self) -> Warning {
        Warning { compiling: false, ..self }
    }

    /// One of this class, at a place.
    pub fn at(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(self.code, span, message)
    }

    /// One of this class, about no place.
    pub fn general(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::general_warning(self.code, message)
    }
}

/// Every class, alphabetical.
pub static ALL: &[&Warning] = &[
    &ALTERNATIVE_TAKEN,
    &ARRAY_BOUNDS,
    &COMPILER_VARIANT,
    &CUT_VALUE,
    &DISCARDED_VALUE,
    &DIVISION_BY_ZERO,
    &ENVIRONMENT,
    &FAILED_HELPER,
    &FAILED_READ,
    &FAILED_RECORD,
    &FEW_FRAMES,
    &HEADER_NOT_READ,
    &LATER_INSTRUCTION,
    &LEFT_OUT,
    &LEGACY_SCOPE,
    &LENGTH,
    &LOOP_CUT_SHORT,
    &LOST_EVENTS,
    &MANY_BINARIES,
    &MANY_FUNCTIONS,
    &MAP_FULL,
    &MISSED_RUNS,
    &MISSING_KEY,
    &MISSING_PARAMETER,
    &MISSING_PROBE,
    &MIXED_SIGNS,
    &NO_SUCH_PROCESS,
    &NO_TRACEFS,
    &NOT_A_FILE,
    &NOT_DRAWN,
    &NOT_FORMATTED,
    &NOT_LISTED,
    &NOT_NOTIFIED,
    &NOT_TRACEABLE,
    &NOT_UTF8,
    &OFFSET,
    &OLD_NAME,
    &QUOTED_COMMAND,
    &RECURSIVE_FUNCTION,
    &SHARED_TRACE,
    &SKIPPED_BENCHMARK,
    &STACK_ARGUMENT,
    &STACK_CUT,
    &STACK_LOST,
    &UNASSIGNED,
    &UNFOLLOWED_PROCESSES,
    &UNREACHABLE,
    &UNREAD_FILE,
    &UNSTABLE,
    &UNUSED_MAP,
    &UNWATCHED,
    &WARNF,
    &WHILE_LOOP,
];

/// The class of a code.
pub fn by_code(code: &str) -> Option<&'static Warning> {
    ALL.iter().copied().find(|warning| warning.code == code)
}

/// What is wrong with a code that there is not.
pub fn unknown_code(code: &str) -> (String, String) {
    let hint = match nearest(code, ALL.iter().map(|warning| warning.code)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`--explain` without a code lists them all".to_owned(),
    };
    (format!("no warning has the code `{code}`"), hint)
}

/// Reads a list of codes, with commas; an empty one means all warnings. The error is the first code that there is not.
pub fn held_back(list: &str) -> Result<HeldBack, &str> {
    let codes = || list.split(',').map(str::trim).filter(|code| !code.is_empty());
    match codes().find(|code| by_code(code).is_none()) {
        Some(unknown) => Err(unknown),
        None if codes().next().is_none() => Ok(HeldBack::All),
        None => Ok(HeldBack::Codes(codes().map(str::to_owned).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_what_is_held_back() {
        assert_eq!(held_back(""), Ok(HeldBack::All));
        assert_eq!(held_back("map-full, offset"), Ok(HeldBack::Codes(vec!["map-full".into(), "offset".into()])));
        assert_eq!(held_back("offset,map-ful"), Err("map-ful"));
        assert_eq!(unknown_code("map-ful").1, "did you mean `map-full`?");
    }
}
