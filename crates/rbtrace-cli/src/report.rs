//! What is said on standard error: diagnostics of a script, and failures that belong to no script. Decides about colours.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use rbtrace_diag::{Diagnostic, Severity, Sink, Sources, Style, render};
use rbtrace_sema::frontend::lang::warnings;

use crate::environment::Environment;

/// Which warnings are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warnings {
    /// `--no-warnings`
    None,
    /// Those about what may not be meant.
    Usual,
    /// `-v`
    All,
}

impl Warnings {
    /// As the options say.
    pub fn wanted(verbose: bool, no_warnings: bool) -> Warnings {
        match (no_warnings, verbose) {
            (true, _) => Self::None,
            (false, false) => Self::Usual,
            (false, true) => Self::All,
        }
    }

    fn include(self, warning: &Diagnostic) -> bool {
        match self {
            Self::None => false,
            Self::Usual => !warning.code.and_then(warnings::by_code).is_some_and(|class| class.only_verbose),
            Self::All => true,
        }
    }
}

/// Says things on standard error.
#[derive(Debug)]
pub struct Reporter {
    style: Style,
}

impl Reporter {
    /// Colours as `BPFTRACE_COLOR` and `NO_COLOR` say; without them where both outputs are terminals.
    pub fn new(environment: &Environment) -> Reporter {
        let on_terminal = || std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let wish = environment.get("COLOR");
        let color = match wish {
            Some("always") => true,
            Some("never") => false,
            Some(_) | None => !environment.no_color && on_terminal(),
        };
        let reporter = Reporter { style: Style { color } };
        if let Some(other) = wish.filter(|wish| !matches!(*wish, "always" | "never" | "auto")) {
            reporter.warning(format!("BPFTRACE_COLOR takes `auto`, `always` or `never`, not `{other}`; it is ignored"));
        }
        reporter
    }

    /// Whether to colour.
    pub fn color(&self) -> bool {
        self.style.color
    }

    /// A failure with no place in a script.
    pub fn error(&self, message: impl Display) {
        self.line("ERROR", "\x1b[31m", &message);
    }

    /// A remark with no place in a script.
    pub fn warning(&self, message: impl Display) {
        self.line("WARNING", "\x1b[33m", &message);
    }

    /// A remedy for what was said just before.
    pub fn hint(&self, message: impl Display) {
        say(&format!("HINT: {message}\n"));
    }

    fn line(&self, level: &str, color: &str, message: &dyn Display) {
        match self.style.color {
            true => say(&format!("{color}{level}: {message}\x1b[0m\n")),
            false => say(&format!("{level}: {message}\n")),
        }
    }

    /// Everything the compiler had to say, errors first.
    pub fn diagnostics(&self, sink: &Sink, sources: &Sources, shown: Warnings) {
        let mut text = String::new();
        for diagnostic in sink.sorted() {
            if diagnostic.severity == Severity::Error || shown.include(diagnostic) {
                text.push_str(&render(diagnostic, sources, self.style));
            }
        }
        say(&text);
        if sink.overflowed() {
            self.hint("there is more to say; these are the first ones");
        }
    }
}

/// Writes to standard error. When that is closed, nobody is left to be told.
pub fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
