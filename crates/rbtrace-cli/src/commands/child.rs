//! The process of `-c`: found, started and held before its first instruction. Lets no half-started process outlive a failed compilation.

use std::process::{Child, Command};

use crate::Ending;
use crate::report::Reporter;

/// A child that waits to be let go; killed when nobody takes it over.
#[derive(Debug)]
pub struct Stopped(Option<Child>);

impl Stopped {
    /// Starts a command line, split at single spaces as nothing else would match other implementations (SPEC §8.2).
    pub fn start(command: &str, reporter: &Reporter) -> Result<Stopped, Ending> {
        let mut words = command.split(' ').filter(|word| !word.is_empty());
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(program);
        command.args(words);
        match rbtrace_runtime::spawn_stopped(command) {
            Ok(child) => Ok(Stopped(Some(child))),
            Err(error) => {
                reporter.error(format!("failed to start `{program}`: {error:#}"));
                Err(Ending::Mistake)
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// Hands it over.
    pub fn into_child(mut self) -> Child {
        self.0.take().expect("only `into_child` takes the child, and it takes the whole")
    }

    fn child(&self) -> &Child {
        self.0.as_ref().expect("only `into_child` takes the child, and it takes the whole")
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // It may have died by itself; there is nobody to tell and nothing more to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
