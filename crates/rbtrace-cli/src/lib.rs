//! The command line of rbtrace: wires the crates together. The only place that decides exit codes and the only one that knows clap.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod args;
mod commands;
mod environment;
mod privileges;
mod report;
mod script;

use std::ffi::OsString;
use std::io::Write;

pub use args::manual;
use args::{Action, Misuse};
use environment::Environment;
use report::Reporter;

/// The newest bpftrace whose scripts mean the same here (SPEC, head).
const SPOKEN: &str = "0.27.0";

/// How a run of the program ends (SPEC §8.3). What a script says with `exit(N)` is passed on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Everything was done.
    Done,
    /// The script's own code.
    Script(i32),
    /// The user's mistake: the command line, the script, missing privileges.
    Mistake,
    /// Our mistake: a stage failed on what the stage before gave it.
    Broken,
    /// The kernel refused to load or to attach.
    Refused,
}

impl Ending {
    fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Script(code) => code,
            Self::Mistake => 1,
            Self::Broken => 2,
            Self::Refused => 255,
        }
    }
}

/// Does what a command line says and gives the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> i32 {
    let environment = Environment::of_process();
    let parsed = args::parse(args);
    let held_back = parsed.as_ref().map(Action::held_back).unwrap_or_default();
    let reporter = Reporter::new(&environment, held_back);
    let action = match parsed {
        Ok(action) => action,
        Err(misuse) => return refuse(&misuse, &reporter).code(),
    };
    let ending = match action {
        Action::Help(text) => say(&text),
        // The second line is for scripts that ask which bpftrace they are talking to.
        Action::Version => say(&format!("rbtrace v{}\nbpftrace v{SPOKEN} scripts are understood\n", env!("CARGO_PKG_VERSION"))),
        Action::Info => commands::info::run(&environment),
        Action::Explain(code) => commands::explain::run(&code, &reporter),
        Action::List(list) => commands::list::run(&list, &environment, &reporter),
        Action::Format(formatting) => commands::format::run(&formatting, &reporter),
        Action::Run(run) => commands::run::run(*run, &environment, &reporter),
    };
    ending.code()
}

/// Prints to standard output. A reader that has gone away wanted no more: that is no failure.
fn say(text: &str) -> Ending {
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ending::Done
}

fn refuse(misuse: &Misuse, reporter: &Reporter) -> Ending {
    if let Some(message) = &misuse.message {
        reporter.error(message);
    }
    if misuse.show_usage {
        report::say(&args::usage());
    }
    Ending::Mistake
}
