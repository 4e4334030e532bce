//! Where a script's text comes from: the command line, standard input or a file.

use std::io::Read;

use rbtrace_diag::{SourceId, Sources};
use rbtrace_sema::frontend::lang::warnings;

use crate::args::Script;
use crate::report::Reporter;

/// Reads a script and files it under the name diagnostics use (SPEC §1.1). What went wrong is said.
pub fn read(script: &Script, sources: &mut Sources, reporter: &Reporter) -> Option<SourceId> {
    let (name, bytes) = match script {
        Script::Text(text) => ("stdin".to_owned(), Ok(text.clone().into_encoded_bytes())),
        Script::Stdin => ("stdin".to_owned(), read_stdin()),
        Script::File(path) => (path.display().to_string(), std::fs::read(path)),
    };
    match bytes {
        Ok(bytes) => Some(sources.add(name.clone(), text(bytes, &name, reporter))),
        Err(error) => {
            reporter.error(format!("failed to open file '{name}': {}", words(&error)));
            None
        }
    }
}

fn read_stdin() -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Scripts are UTF-8. Other bytes can only matter inside a string or a comment, so the script still runs and the user is told what became of
/// them: refusing a tool for the é of its author's name would help nobody.
fn text(bytes: Vec<u8>, name: &str, reporter: &Reporter) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("{name}:{line}: byte 0x{:02x} is not UTF-8; such bytes are read as `\u{fffd}`", bytes[at]);
        reporter.warning(&warnings::NOT_UTF8, message);
        String::from_utf8_lossy(bytes).into_owned()
    })
}

/// The system's words for a failure, without Rust's number behind them.
pub fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use rbtrace_diag::HeldBack;

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let reporter = Reporter::new(&Environment::default(), HeldBack::Nothing);
        assert_eq!(text(b"a\xffb".to_vec(), "x.bt", &reporter), "a\u{fffd}b");
        assert_eq!(text("é".as_bytes().to_vec(), "x.bt", &reporter), "é");
    }

    #[test]
    fn failures_are_told_without_numbers() {
        assert_eq!(words(&std::io::Error::from_raw_os_error(2)), "No such file or directory");
    }
}
