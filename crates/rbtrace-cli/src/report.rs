//! What is said on standard error: diagnostics of a script, and failures that belong to no script. Decides about colours.

use std::fmt::Display;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;

use rbtrace_diag::{Diagnostic, HeldBack, Severity, Sink, Sources, Style, render};
use rbtrace_sema::frontend::lang::warnings::{self, Warning};

use crate::environment::Environment;

/// Says things on standard error.
#[derive(Debug)]
pub struct Reporter {
    style: Style,
    held_back: HeldBack,
}

impl Reporter {
    /// Colours as `BPFTRACE_COLOR` and `NO_COLOR` say; without them where both outputs are terminals.
    pub fn new(environment: &Environment, held_back: HeldBack) -> Reporter {
        let on_terminal = || std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let wish = environment.get("COLOR");
        let color = match wish {
            Some("always") => true,
            Some("never") => false,
            Some(_) | None => !environment.no_color && on_terminal(),
        };
        let reporter = Reporter { style: Style { color }, held_back };
        if let Some(other) = wish.filter(|wish| !matches!(*wish, "always" | "never" | "auto")) {
            let message = format!("BPFTRACE_COLOR takes `auto`, `always` or `never`, not `{other}`; it is ignored");
            reporter.warning(&warnings::ENVIRONMENT, message);
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
    pub fn warning(&self, class: &Warning, message: impl Display) {
        if !self.held_back.includes(class.code) {
            self.line("WARNING", "\x1b[33m", &message);
            say(&format!("[{}]\n", class.code));
        }
    }

    /// A remedy for what was said just before.
    pub fn hint(&self, message: impl Display) {
        say(&format!("HINT: {message}\n"));
    }

    fn shows(&self, warning: &Diagnostic, verbose: bool) -> bool {
        let Some(code) = warning.code else { return true };
        !self.held_back.includes(code) && (verbose || !warnings::by_code(code).is_some_and(|class| class.only_verbose))
    }

    fn line(&self, level: &str, color: &str, message: &dyn Display) {
        match self.style.color {
            true => say(&format!("{color}{level}: {message}\x1b[0m\n")),
            false => say(&format!("{level}: {message}\n")),
        }
    }

    /// Whether a file that an option names can be read; says why not.
    pub fn can_read(&self, path: Option<&Path>, what: &str) -> bool {
        let Some((path, error)) = path.and_then(|path| Some((path, File::open(path).err()?))) else { return true };
        self.error(format!("could not read {what} from '{}': {error}", path.display()));
        false
    }

    /// Everything the compiler had to say, errors first. `verbose`: also about scripts that do what was meant.
    pub fn diagnostics(&self, sink: &Sink, sources: &Sources, verbose: bool) {
        let mut text = String::new();
        for diagnostic in sink.sorted() {
            if diagnostic.severity == Severity::Error || self.shows(diagnostic, verbose) {
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
