//! Options of the language's other implementations that rbtrace does not have yet: recognised, so that the refusal can be a plain sentence.

use std::ffi::OsString;

/// See the module.
#[derive(Debug, clap::Args)]
pub struct Later {
    #[arg(long, hide = true)]
    aot: Option<OsString>,
}

impl Later {
    /// Why the command line cannot be obeyed, if one of these was given.
    pub fn refusal(&self) -> Option<String> {
        self.given().into_iter().find(|(is_given, ..)| *is_given).map(|(_, option, what)| format!("`{option}` ({what}) is not there yet"))
    }

    /// Each option: whether it was given, its name, and what it would do.
    fn given(&self) -> [(bool, &'static str, &'static str); 1] {
        [(self.aot.is_some(), "--aot", "scripts as executables of their own")]
    }
}
