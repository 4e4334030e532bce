//! The command line (SPEC §8.1-8.2): which options there are and what they mean. Reads no file and no environment; knows no exit code.

mod format;
mod later;
mod mode;
mod pages;
mod stage;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use rbtrace_diag::HeldBack;
use rbtrace_host::Feature;
use rbtrace_runtime::{Buffering, Format};
use rbtrace_sema::frontend::lang::warnings;
use regex_lite::Regex;

pub use format::Formatting;
use later::Later;
pub use mode::Mode;
pub use pages::manual;
pub use stage::Stage;

const USAGE: &str = "\
rbtrace [OPTIONS] FILE [PARAMS]...
       rbtrace [OPTIONS] - [PARAMS]...          read the script from standard input
       rbtrace [OPTIONS] -e PROGRAM [PARAMS]...
       rbtrace -l [PATTERN | FILE | -e PROGRAM]
       rbtrace --fmt [-o FILE] FILE | - | -e PROGRAM";

const EXAMPLES: &str = "\
Examples:
  rbtrace -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }'
      count system calls by program until ^C
  rbtrace -l 'tracepoint:*sched*'
      list the scheduler's tracepoints
  rbtrace -lv tracepoint:syscalls:sys_enter_openat
      show what a tracepoint tells

Environment:
  BPFTRACE_X or RBTRACE_X sets the configuration variable x; RBTRACE_X wins, and both win over the script's `config` block.";

/// What clap reads. [`Args`] is what the rest of the program sees.
#[derive(Debug, Parser)]
#[command(
    name = "rbtrace",
    about = "Runs tracing scripts inside the Linux kernel and prints what they find.",
    override_usage = USAGE,
    after_help = EXAMPLES,
    disable_version_flag = true,
    args_override_self = true
)]
struct Raw {
    /// Run this text instead of a file
    #[arg(short = 'e', value_name = "PROGRAM", allow_hyphen_values = true)]
    program: Option<OsString>,
    /// List the probes that match a pattern, or those of a script; with -v their arguments
    #[arg(short, long)]
    list: bool,
    /// Watch only this process, and end when it ends
    #[arg(short, long, value_name = "PID", allow_hyphen_values = true)]
    pid: Option<String>,
    /// Start this command once everything is attached, and end when it ends
    #[arg(short, long = "cmd", value_name = "COMMAND")]
    command: Option<String>,
    /// Unwind the stacks of this process only, and of the one that is watched
    #[arg(long, value_name = "PID", allow_hyphen_values = true, action = clap::ArgAction::Append)]
    dwarf_pid: Vec<String>,
    /// Write what the script prints to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How results are written: text, json, folded (stacks as lines) or flame (stacks as a picture)
    #[arg(short, value_name = "FORMAT")]
    format: Option<String>,
    /// When output is flushed: line (default), full or none
    #[arg(short = 'B', value_name = "MODE")]
    buffering: Option<String>,
    /// Do not say how many probes are attached
    #[arg(short, long)]
    quiet: bool,
    /// Say more about what happens
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Also warn when a probe reads memory that is not there, or a key that a map does not have
    #[arg(short = 'k', long = "warnings", action = clap::ArgAction::Count)]
    more_warnings: u8,
    /// Hold back all warnings, or those of these codes
    #[arg(long, value_name = "CODE[,CODE]", num_args = 0..=1, require_equals = true, default_missing_value = "", action = clap::ArgAction::Append)]
    no_warnings: Vec<String>,
    /// Allow functions that change the system
    #[arg(long = "unsafe")]
    is_unsafe: bool,
    /// Compile, load and attach, then leave without running
    #[arg(long)]
    dry_run: bool,
    /// Print stages of the compilation: ast, types, ir, codegen (llvm), codegen-opt, asm, manifest, libbpf, verifier, all
    #[arg(short, long, value_name = "STAGE[,STAGE]", num_args = 0..=1, default_missing_value = "", action = clap::ArgAction::Append)]
    debug: Vec<String>,
    /// Write the compiled object to a file and leave
    #[arg(long, value_name = "FILE")]
    emit_elf: Option<PathBuf>,
    /// Write LLVM's text to FILE.original.ll and FILE.optimized.ll and leave
    #[arg(long, value_name = "FILE")]
    emit_llvm: Option<PathBuf>,
    /// Read this header's definitions before the script
    #[arg(long, value_name = "HEADER", action = clap::ArgAction::Append)]
    include: Vec<String>,
    /// Look for headers in this directory, too
    #[arg(short = 'I', value_name = "DIRECTORY", action = clap::ArgAction::Append)]
    include_directory: Vec<String>,
    /// Do not use these kernel features: kprobe_multi, kprobe_session, uprobe_multi, and others
    #[arg(long, value_name = "FEATURE[,FEATURE]", action = clap::ArgAction::Append)]
    no_feature: Vec<String>,
    /// Look for debug files of binaries in these directories, or take these files, instead of the usual places
    #[arg(long, value_name = "PLACE[:PLACE]", action = clap::ArgAction::Append)]
    debuginfo: Vec<String>,
    /// Take the list of the kernel's functions that can be probed from a file: `name` or `name [module]` a line
    #[arg(long, value_name = "FILE")]
    traceable_functions: Option<PathBuf>,
    /// Accepted for old scripts; the kernel tells programs that they are watched
    #[arg(long, hide = true)]
    usdt_file_activation: bool,
    /// Print the script in the one style instead of running it; with -o FILE, replace that file
    #[arg(long)]
    fmt: bool,
    /// Attach only probes whose name this regular expression is found in; `begin`, `end` and `self` always stay
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    probe_filter: Option<String>,
    /// Have LLVM check the text that it compiles
    #[arg(long, hide = true)]
    verify_llvm_ir: bool,
    /// Run the script's `test` probes
    #[arg(long)]
    test: bool,
    /// Measure the script's `bench` probes
    #[arg(long)]
    bench: bool,
    /// What to do with the script: test, bench, format, codegen (compile only) or compiler-bench (measure the compiler)
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Say what this machine and this build can do
    #[arg(long)]
    info: bool,
    /// Say what a warning means, by the code that stands below it; without a code, list them all
    #[arg(long, value_name = "CODE", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
    /// Print the version
    #[arg(short = 'V', long)]
    version: bool,
    /// Accepted for old scripts; BTF is always used
    #[arg(short, long, hide = true, action = clap::ArgAction::Count)]
    btf: u8,
    #[command(flatten)]
    later: Later,
    /// The script and its parameters
    #[arg(value_name = "WORDS", hide = true)]
    words: Vec<OsString>,
    /// What stands behind `--`
    #[arg(last = true, hide = true)]
    rest: Vec<OsString>,
}

/// Where the script comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// `-e`
    Text(OsString),
    /// `-`
    Stdin,
    /// A path.
    File(PathBuf),
}

/// What the user wants done.
#[derive(Debug)]
pub enum Action {
    /// `--help`, with the text.
    Help(String),
    /// `--version`
    Version,
    /// `--info`
    Info,
    /// `--explain`: the code, or nothing.
    Explain(String),
    /// `-l`
    List(List),
    /// `--fmt`
    Format(Formatting),
    /// Compile and run, or compile and show.
    Run(Box<Run>),
}

impl Action {
    /// Which warnings are not shown.
    pub fn held_back(&self) -> HeldBack {
        match self {
            Self::Help(_) | Self::Version | Self::Info | Self::Explain(_) => HeldBack::Nothing,
            Self::List(list) => list.held_back.clone(),
            Self::Format(formatting) => formatting.held_back.clone(),
            Self::Run(run) => run.held_back.clone(),
        }
    }
}

/// `-l`: without a script and a pattern, everything.
#[derive(Debug)]
pub struct List {
    /// Whose attach points to list: `-e`, or `-`.
    pub script: Option<Script>,
    /// A pattern, or the path of a script.
    pub pattern: Option<OsString>,
    /// `-v`
    pub verbose: bool,
    /// `-p`
    pub pid: Option<u32>,
    /// `--traceable-functions`
    pub functions: Option<PathBuf>,
    /// `--debuginfo`
    pub debuginfo: Vec<String>,
    /// `--no-warnings`
    pub held_back: HeldBack,
}

/// Everything about a run.
#[derive(Debug)]
pub struct Run {
    pub script: Script,
    /// `$1`, `$2`, …
    pub params: Vec<String>,
    /// `--name` and `--name=value` behind `--`
    pub named: Vec<(String, Option<String>)>,
    /// `--include`
    pub includes: Vec<String>,
    /// `-I`
    pub include_directories: Vec<String>,
    pub pid: Option<u32>,
    pub command: Option<String>,
    /// `--dwarf-pid`
    pub unwound: Vec<u32>,
    pub output: Option<PathBuf>,
    pub format: Format,
    pub buffering: Buffering,
    pub quiet: bool,
    pub verbose: bool,
    /// `-k`
    pub more_warnings: bool,
    /// `--no-warnings`
    pub held_back: HeldBack,
    pub mode: Mode,
    pub probe_filter: Option<Regex>,
    pub verify_llvm_ir: bool,
    pub is_unsafe: bool,
    pub dry_run: bool,
    /// `--traceable-functions`
    pub functions: Option<PathBuf>,
    /// `--debuginfo`
    pub debuginfo: Vec<String>,
    /// `--no-feature`
    pub without: Vec<String>,
    pub stages: Vec<Stage>,
    pub emit_elf: Option<PathBuf>,
    pub emit_llvm: Option<PathBuf>,
}

/// A command line that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Misuse {
    /// What is wrong with it; nothing when it is empty.
    pub message: Option<String>,
    /// Whether the usage helps.
    pub show_usage: bool,
}

/// Reads a command line; the first word is the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Action, Misuse> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    stage::complete(&mut args);
    if args.len() < 2 {
        return Err(Misuse { message: None, show_usage: true });
    }
    let raw = match Raw::try_parse_from(args) {
        Ok(raw) => raw,
        Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => return Ok(Action::Help(error.to_string())),
        Err(error) => return Err(Misuse { message: Some(first_sentence(&error)), show_usage: true }),
    };
    raw.into_action()
}

/// The usage lines.
pub fn usage() -> String {
    // Scripts look for upstream's heading.
    format!("USAGE:\n    {}\nTry `rbtrace --help`.\n", USAGE.replace("\n       ", "\n    "))
}

/// clap's sentence without its prefix, its tips and its usage.
fn first_sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\n").next().unwrap_or(text).trim().replace('\'', "`").replace("\n  ", " ")
}

/// A misuse that a sentence explains.
fn misuse(message: impl Into<String>) -> Misuse {
    Misuse { message: Some(message.into()), show_usage: false }
}

impl Raw {
    fn into_action(self) -> Result<Action, Misuse> {
        if self.version {
            return Ok(Action::Version);
        }
        if let Some(message) = self.later.refusal() {
            return Err(misuse(message));
        }
        if self.info {
            return Ok(Action::Info);
        }
        if let Some(code) = self.explain {
            return Ok(Action::Explain(code));
        }
        let mode = self.mode()?;
        if mode == Mode::Format {
            return self.into_format().map(Action::Format);
        }
        if self.list {
            return self.into_list().map(Action::List);
        }
        self.into_run(mode).map(|run| Action::Run(Box::new(run)))
    }

    fn into_list(self) -> Result<List, Misuse> {
        let held_back = self.held_back()?;
        let verbose = self.verbose > 0;
        let pid = self.pid.as_deref().map(parse_pid).transpose()?;
        let (functions, debuginfo) = (self.traceable_functions, self.debuginfo);
        let script = self.program.map(Script::Text);
        let pattern = self.words.into_iter().chain(self.rest).next();
        Ok(match pattern {
            Some(word) if word == "-" && script.is_none() => {
                List { script: Some(Script::Stdin), pattern: None, verbose, pid, functions, debuginfo, held_back }
            }
            pattern => List { script, pattern, verbose, pid, functions, debuginfo, held_back },
        })
    }

    fn into_run(self, mode: Mode) -> Result<Run, Misuse> {
        if self.pid.is_some() && self.command.is_some() {
            return Err(Misuse { message: Some("`-c` and `-p` cannot be used together".into()), show_usage: true });
        }
        let held_back = self.held_back()?;
        // Until 0.22 `-kk` said more than `-k`.
        let more_warnings = self.more_warnings > 0;
        if more_warnings && held_back == HeldBack::All {
            return Err(Misuse { message: Some("`-k` and `--no-warnings` cannot be used together".into()), show_usage: true });
        }
        let stages = stage::parse(&self.debug).map_err(misuse)?;
        let without = self.no_feature.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect::<Vec<_>>();
        check_features(&without)?;
        let (named, rest): (Vec<OsString>, Vec<OsString>) =
            self.rest.into_iter().partition(|word| word.to_string_lossy().starts_with("--"));
        let mut words = self.words.into_iter().chain(rest);
        let script = script(self.program, &mut words)?;
        Ok(Run {
            script,
            params: words.map(|word| word.to_string_lossy().into_owned()).collect(),
            named: named.iter().map(|word| named_param(&word.to_string_lossy())).collect(),
            includes: self.include,
            include_directories: self.include_directory,
            pid: self.pid.as_deref().map(parse_pid).transpose()?,
            command: self.command,
            unwound: self.dwarf_pid.iter().map(|pid| parse_pid(pid)).collect::<Result<_, _>>()?,
            output: self.output,
            format: parse_format(self.format.as_deref())?,
            buffering: parse_buffering(self.buffering.as_deref())?,
            quiet: self.quiet,
            verbose: self.verbose > 0,
            more_warnings,
            held_back,
            mode,
            probe_filter: self.probe_filter.as_deref().map(probe_filter).transpose()?,
            verify_llvm_ir: self.verify_llvm_ir,
            is_unsafe: self.is_unsafe,
            dry_run: self.dry_run || stage::bare(&self.debug) > 0,
            functions: self.traceable_functions,
            debuginfo: self.debuginfo,
            without,
            stages,
            emit_elf: self.emit_elf,
            emit_llvm: self.emit_llvm,
        })
    }
}

impl Raw {
    fn held_back(&self) -> Result<HeldBack, Misuse> {
        let lists = self.no_warnings.iter().map(|list| {
            warnings::held_back(list).map_err(|unknown| {
                let (message, hint) = warnings::unknown_code(unknown);
                misuse(format!("{message}; {hint}"))
            })
        });
        lists.into_iter().try_fold(HeldBack::Nothing, |held, list| list.map(|list| held.and(list)))
    }
}

fn probe_filter(text: &str) -> Result<Regex, Misuse> {
    Regex::new(text).map_err(|error| misuse(format!("Invalid --probe-filter regex '{text}': {error}")))
}

/// `-e`, or the first word.
fn script(program: Option<OsString>, words: &mut impl Iterator<Item = OsString>) -> Result<Script, Misuse> {
    match program.filter(|text| !text.is_empty()) {
        Some(text) => Ok(Script::Text(text)),
        None => match words.next() {
            None => Err(misuse("filename or -e 'program' required")),
            Some(word) if word == "-" => Ok(Script::Stdin),
            Some(word) => Ok(Script::File(word.into())),
        },
    }
}

/// `--name` or `--name=value`
fn named_param(word: &str) -> (String, Option<String>) {
    let word = word.trim_start_matches('-');
    match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (word.to_owned(), None),
    }
}

/// Scripts look for these words, so they are upstream's.
fn parse_pid(text: &str) -> Result<u32, Misuse> {
    /// `PID_MAX_LIMIT` of 64-bit kernels.
    const MAX: i64 = 0x40_0000;
    let number = text.strip_prefix('-').unwrap_or(text);
    let what = if number.starts_with(|c: char| c.is_ascii_digit()) { "trailing bytes" } else { "integer" };
    let Ok(pid) = text.parse::<i64>() else { return Err(misuse(format!("Failed to parse pid: invalid {what}: {text}"))) };
    match u32::try_from(pid) {
        Ok(pid @ 1..) if i64::from(pid) <= MAX => Ok(pid),
        Ok(_) | Err(_) => Err(misuse(format!("Pid out of range: {text}"))),
    }
}

fn parse_format(text: Option<&str>) -> Result<Format, Misuse> {
    match text {
        None | Some("text") => Ok(Format::Text),
        Some("json") => Ok(Format::Json),
        Some("folded") => Ok(Format::Folded),
        Some("flame") => Ok(Format::Flame),
        Some(other) => Err(misuse(format!("Invalid output format \"{other}\"\nValid formats: 'text', 'json', 'folded', 'flame'"))),
    }
}

fn parse_buffering(text: Option<&str>) -> Result<Buffering, Misuse> {
    match text {
        None | Some("line") => Ok(Buffering::Line),
        Some("full") => Ok(Buffering::Full),
        Some("none") => Ok(Buffering::None),
        Some(other) => Err(misuse(format!("`-B` takes `line`, `full` or `none`, not `{other}`"))),
    }
}

/// Features that can be switched off.
fn check_features(names: &[String]) -> Result<(), Misuse> {
    let known: BTreeSet<&str> = Feature::ALL.iter().map(|feature| feature.name()).collect();
    match names.iter().find(|name| !known.contains(name.as_str())) {
        Some(name) => {
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            Err(misuse(format!("`--no-feature` does not know `{name}`; it knows {known}")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
