//! Cases that are command lines: `$ COMMAND` goes to the shell, with `rbtrace` on its path and an empty directory to be in; the lines below say
//! what must come of it. Commands of one file run in order in the same directory.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::expect;
use super::file::CaseFile;
use super::process::{Finished, Running, Scratch, said};
use super::running::clean_environment;

/// A command and what is expected of it.
#[derive(Debug, Default)]
struct Step {
    command: String,
    /// `? N`
    code: i64,
    /// `= text`: all lines of standard output that are not blank.
    exact: Vec<String>,
    /// `~ regex`: lines among others, in order.
    patterns: Vec<String>,
    /// `! text`: somewhere on standard error.
    stderr: Vec<String>,
}

/// Runs every command.
pub fn run(file: &CaseFile, scratch: &Scratch) -> Result<(), String> {
    let steps = steps(&file.program)?;
    if steps.is_empty() {
        return Err("there is no command (`$ …`)".into());
    }
    for step in &steps {
        let finished = start(file, &step.command, scratch)?.finish().map_err(|why| format!("$ {}\n{why}", step.command))?;
        check(step, &finished).map_err(|why| format!("$ {}\n{why}{}", step.command, said(&finished.stdout, &finished.stderr)))?;
    }
    Ok(())
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if mark == "$" {
            steps.push(Step { command: rest.to_owned(), ..Step::default() });
            continue;
        }
        let step = steps.last_mut().ok_or(format!("no command stands above `{line}`"))?;
        match mark {
            "?" => step.code = rest.trim().parse().map_err(|_| format!("`{line}`: not a number"))?,
            "=" => step.exact.push(rest.to_owned()),
            "~" => step.patterns.push(rest.to_owned()),
            "!" => step.stderr.push(rest.to_owned()),
            _ => return Err(format!("`{line}` begins with none of $ ? = ~ !")),
        }
    }
    Ok(steps)
}

fn start(file: &CaseFile, line: &str, scratch: &Scratch) -> Result<Running, String> {
    let mut command = Command::new("sh");
    clean_environment(&mut command);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_rbtrace"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = program.parent().map(std::path::Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(directories).map_err(|error| error.to_string())?);
    // Sources of programs that a case compiles.
    command.env("PROGRAMS", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/programs"));
    command.args(["-c", line]).current_dir(scratch.path()).stdin(Stdio::null());
    Running::start(command, Duration::from_secs(file.number("TIMEOUT", 20)?.unsigned_abs()))
}

fn check(step: &Step, finished: &Finished) -> Result<(), String> {
    expect::code(step.code, finished.code)?;
    expect::on_stderr(Some(&step.stderr).filter(|texts| !texts.is_empty()).map(Vec::as_slice), &finished.stderr)?;
    expect::in_order(&step.patterns, &finished.stdout)?;
    let lines = expect::lines(&finished.stdout);
    if step.patterns.is_empty() && lines != step.exact {
        return Err(format!("expected on stdout:\n{}", step.exact.join("\n")));
    }
    Ok(())
}
