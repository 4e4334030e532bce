//! Cases that run on the kernel: starts rbtrace on the case's own file, does the work once everything is attached, sends the signals, compares.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::expect;
use super::file::{CaseFile, words};
use super::process::{Finished, Running, Scratch, said};

/// What rbtrace prints once it is attached, because this variable is set.
pub const ATTACHED: &str = "__BPFTRACE_NOTIFY_PROBES_ATTACHED";

/// Seconds a case may take; one that overstays is killed and has failed.
const LIMIT: i64 = 20;

/// All workloads have the same name, and scripts count by name: one at a time.
static WORKPLACE: Mutex<()> = Mutex::new(());

/// Runs the case.
pub fn run(file: &CaseFile, scratch: &Scratch) -> Result<(), String> {
    let works = file.value("WORKLOAD").is_some() || file.value("RUN").is_some_and(|options| options.contains("{workload}"));
    let _alone = works.then(|| WORKPLACE.lock().unwrap_or_else(PoisonError::into_inner));
    let limit = Duration::from_secs(file.number("TIMEOUT", LIMIT)?.unsigned_abs());
    file.values("BUILD").try_for_each(|line| build(line, file, scratch))?;
    let work = file.values("WORKLOAD").collect::<Vec<_>>().join(" + ");
    let mut worker = if work.is_empty() { None } else { Some(start_worker(&work, limit)?) };
    let pid = worker.as_ref().map(|worker| worker.id().to_string()).unwrap_or_default();
    let fill = |text: &str| fill(text, &pid, scratch);
    let running = Running::start(command(file, &fill)?, limit)?;
    let finished = drive(file, running, worker.as_mut(), &fill);
    let ended = worker.map(Running::finish).transpose();
    // What rbtrace did says more than what became of the work.
    let finished = finished?;
    if let Some(worker) = ended?.filter(|worker| worker.code != 0) {
        return Err(format!("the workload failed{}", said(&worker.stdout, &worker.stderr)));
    }
    check(file, &finished, &fill).map_err(|why| format!("{why}{}", said(&finished.stdout, &finished.stderr)))
}

/// Compiles a program of `cases/programs`: its file and options for the compiler. What comes out has the file's name without its end.
pub fn build(line: &str, file: &CaseFile, scratch: &Scratch) -> Result<(), String> {
    let words = words(line)?;
    let source = words.first().ok_or("BUILD: names no file")?;
    let (name, end) = source.rsplit_once('.').ok_or(format!("BUILD: `{source}` is no source"))?;
    let compiler = match end {
        "cpp" => "g++",
        "rs" => "rustc",
        _ => "gcc",
    };
    let mut command = Command::new(compiler);
    command.args(["-o", &scratch.path().join(name).display().to_string(), source]).args(&words[1..]);
    let programs = file.path.parent().and_then(std::path::Path::parent).expect("cases are in a directory of their kind").join("programs");
    let output = command.current_dir(programs).output().map_err(|error| format!("BUILD: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("BUILD: {line}:\n{}", String::from_utf8_lossy(&output.stderr))) }
}

/// Replaces what a case cannot know beforehand.
fn fill(text: &str, pid: &str, scratch: &Scratch) -> String {
    let this = std::env::current_exe().unwrap_or_default().display().to_string();
    let tmp = scratch.path().display().to_string();
    text.replace("{pid}", pid).replace("$pid", pid).replace("{tmp}", &tmp).replace("{workload}", &format!("{this} --workload"))
}

fn start_worker(work: &str, limit: Duration) -> Result<Running, String> {
    let this = std::env::current_exe().map_err(|error| format!("who am I: {error}"))?;
    let mut command = Command::new(this);
    command.arg("--workload-when-told").args(words(work)?).stdin(Stdio::piped());
    Running::start(command, limit)
}

/// `rbtrace RUN… FILE PARAMS…`, in the case's directory so that messages name the file alone.
fn command(file: &CaseFile, fill: &dyn Fn(&str) -> String) -> Result<Command, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbtrace"));
    clean_environment(&mut command);
    command.env(ATTACHED, "1");
    for variable in file.values("ENV") {
        let (name, value) = variable.split_once('=').ok_or(format!("ENV: `{variable}` has no `=`"))?;
        command.env(name, fill(value));
    }
    command.args(words(&fill(file.value("RUN").unwrap_or_default()))?);
    command.arg(file.path.file_name().unwrap_or_default());
    command.args(words(&fill(file.value("PARAMS").unwrap_or_default()))?);
    command.current_dir(file.path.parent().expect("a file has a directory")).stdin(Stdio::null());
    Ok(command)
}

/// Takes away whatever of the user's environment changes what rbtrace prints.
pub fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("BPFTRACE_") || text.starts_with("RBTRACE_") || text.starts_with("LC_") {
            command.env_remove(name);
        }
    }
    command.env("TZ", "UTC").env("LANG", "C").env_remove("NO_COLOR");
}

/// Work and signals, in this order, after everything is attached and what `AFTER` waits for was printed.
fn drive(file: &CaseFile, running: Running, worker: Option<&mut Running>, fill: &dyn Fn(&str) -> String) -> Result<Finished, String> {
    let signals = signals(file.value("SIGNAL").unwrap_or(if worker.is_some() { "INT" } else { "none" }))?;
    if worker.is_some() || !signals.is_empty() {
        let ready = running.wait_for(ATTACHED).and_then(|()| file.values("AFTER").try_for_each(|text| running.wait_for(&fill(text))));
        if let Err(why) = ready {
            // Its end, by itself or by force, says more than that it was not ready.
            return match running.finish() {
                Ok(_) => Err(format!("rbtrace ended before the work could begin: {why}")),
                Err(end) => Err(format!("{why}; {end}")),
            };
        }
    }
    if let Some(worker) = worker {
        tell(worker)?;
        worker.wait()?;
    }
    signals.into_iter().for_each(|signal| running.signal(signal));
    running.finish()
}

fn tell(worker: &mut Running) -> Result<(), String> {
    let mut stdin = worker.stdin().ok_or("the workload was told twice")?;
    stdin.write_all(b"\n").map_err(|error| format!("telling the workload: {error}"))
}

/// `INT`, `INT INT`, `TERM`, `none`
fn signals(text: &str) -> Result<Vec<Signal>, String> {
    let mut signals = Vec::new();
    for name in text.split_whitespace() {
        match name {
            "INT" => signals.push(Signal::INT),
            "TERM" => signals.push(Signal::TERM),
            "USR1" => signals.push(Signal::USR1),
            "none" => {}
            other => return Err(format!("SIGNAL: `{other}` means nothing")),
        }
    }
    Ok(signals)
}

fn check(file: &CaseFile, finished: &Finished, fill: &dyn Fn(&str) -> String) -> Result<(), String> {
    expect::code(file.number("EXIT", 0)?, finished.code)?;
    let filled = |name: &str| file.section(name).map(|lines| lines.iter().map(|line| fill(line)).collect::<Vec<String>>());
    expect::on_stderr(filled("expect-stderr").as_deref(), &finished.stderr)?;
    let stdout = finished.stdout.replace(&format!("{ATTACHED}\n"), "");
    if let Some(patterns) = filled("expect-regex") {
        expect::in_order(&patterns, &stdout)?;
    }
    if file.section("expect-exact").is_some() {
        file.check("expect-exact", &stdout.lines().collect::<Vec<_>>())?;
    }
    if file.section("expect").is_some() || file.section("expect-exact").is_none() && file.section("expect-regex").is_none() {
        file.check("expect", &expect::lines(&stdout))?;
    }
    Ok(())
}
