//! `-l`: which probes exist here (SPEC §8.6). Every probe type lists its own; this file splits patterns and prints.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;

use rbtrace_diag::{Sink, Sources, Span};
use rbtrace_host::Host;
use rbtrace_host::btf::KernelBtf;
use rbtrace_sema::frontend::lang::probes::{self, wildcard};
use rbtrace_sema::frontend::lang::row::{Target, TargetPart};
use rbtrace_sema::frontend::lang::{ProbeType, warnings};
use rbtrace_sema::frontend::types::Facts;
use rbtrace_sema::frontend::{ir, syntax};

use crate::Ending;
use crate::args::{List, Script};
use crate::commands::run::attachable;
use crate::environment::Environment;
use crate::report::Reporter;
use crate::script;

/// Prints what matches. Nothing matching is no failure.
pub fn run(list: &List, environment: &Environment, reporter: &Reporter) -> Ending {
    if !reporter.can_read(list.functions.as_deref(), "functions") {
        return Ending::Mistake;
    }
    let host = environment
        .host()
        .seen_by(list.pid)
        .with_functions(list.functions.clone())
        .with_debug_files(&list.debuginfo, &environment.debuginfod);
    if host.tracefs().is_none() {
        reporter.warning(&warnings::NO_TRACEFS, "tracefs is not mounted, or only root may read it: no tracepoints are known");
        reporter.hint("mount -t tracefs tracefs /sys/kernel/tracing");
    }
    let lines = match script_of(list) {
        Some(script) => match lines_of_script(&script, list, &host, environment, reporter) {
            Some(lines) => lines,
            None => return Ending::Mistake,
        },
        None => lines_asked_for(list, &host, reporter),
    };
    host.take_complaints().into_iter().for_each(|complaint| reporter.warning(&warnings::UNREAD_FILE, complaint));
    // A reader that has seen enough (`| head`) closes the pipe: that is no failure.
    let _ = std::io::stdout().lock().write_all(lines.as_bytes());
    Ending::Done
}

/// What matches the patterns of the command line; says which of them nothing matches, and why.
fn lines_asked_for(list: &List, host: &Host, reporter: &Reporter) -> String {
    let pattern = list.pattern.as_deref().unwrap_or(OsStr::new("*")).to_string_lossy();
    let is_no_file = looks_like_a_file(&pattern);
    if is_no_file {
        let message =
            format!("It appears that '{pattern}' is a filename but the file does not exist. Treating '{pattern}' as a search pattern.");
        reporter.warning(&warnings::NOT_A_FILE, message);
    }
    lines_of_pattern(&pattern, list.verbose, host, &|nothing| {
        if !is_no_file {
            reporter.warning(&warnings::NOT_LISTED, format!("No matches for {nothing}{}", because(nothing, host)));
        }
    })
}

/// The script whose attach points are asked for, if any: a pattern that is a file's path is one.
fn script_of(list: &List) -> Option<Script> {
    let file = || list.pattern.as_deref().map(Path::new).filter(|path| path.is_file()).map(|path| Script::File(path.to_owned()));
    list.script.clone().or_else(file)
}

fn looks_like_a_file(pattern: &str) -> bool {
    pattern.contains('.') && !pattern.contains([':', '*', ' '])
}

/// The attach points of a script, expanded; probes that need no place (`begin`) are left out.
fn lines_of_script(script: &Script, list: &List, host: &Host, environment: &Environment, reporter: &Reporter) -> Option<String> {
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let source = script::read(script, &mut sources, reporter)?;
    let program = syntax::parse(&sources, source, &mut sink);
    let attachable = |plan: &ir::AttachPlan| attachable(plan, host);
    let trial = Some(rbtrace_sema::Trial(&attachable));
    let options = rbtrace_sema::Options { config: environment.config(), pid: list.pid, trial, ..Default::default() };
    let names = if sink.has_errors() { Vec::new() } else { rbtrace_sema::probe_names(&program, &mut sources, host, &options, &mut sink) };
    reporter.diagnostics(&sink, &sources, false);
    if sink.has_errors() {
        return None;
    }
    let lines = |name: &String| if list.verbose { lines_of_pattern(name, true, host, &|_| {}) } else { format!("{name}\n") };
    Some(names.iter().map(lines).collect())
}

/// What matches a comma-separated list of patterns. `say_nothing`: is told those that nothing matches.
fn lines_of_pattern(patterns: &str, verbose: bool, host: &Host, say_nothing: &dyn Fn(&str)) -> String {
    let mut text = String::new();
    let patterns: Vec<&str> = split(patterns, ',').into_iter().map(str::trim).collect();
    let is_alone = patterns.len() == 1;
    // Nothing alone means all; between or behind commas it is nothing.
    for pattern in patterns.into_iter().filter(|pattern| is_alone || !pattern.is_empty()) {
        let before = text.len();
        match kernel_types(pattern, verbose, host.btf()) {
            Some(lines) => text.push_str(&lines),
            None => probe_lines(pattern, verbose, host, &mut text),
        }
        if text.len() == before {
            say_nothing(pattern);
        }
    }
    text
}

/// Why nothing matches a pattern, as far as its probe type knows.
fn because(pattern: &str, facts: &dyn Facts) -> String {
    let Some((provider, rest)) = pattern.split_once(':').filter(|(provider, _)| !wildcard::is_pattern(provider)) else {
        return String::new();
    };
    let Some(row) = probes::by_name(provider) else { return format!(": no probe type is called `{provider}`") };
    let part = |text: &str| TargetPart { text: text.trim_matches('"').to_owned(), quoted: text.starts_with('"'), span: Span::default() };
    let parts: Vec<TargetPart> = split(rest, ':').into_iter().map(part).collect();
    let target = Target { parts: &parts, span: Span::default(), pid: facts.process(), is_unsafe: false, ignores_absence: false };
    (row.absent)(facts, &target).map(|absent| format!(": {}", absent.why)).unwrap_or_default()
}

fn probe_lines(pattern: &str, verbose: bool, facts: &dyn Facts, text: &mut String) {
    let (provider, rest) = pattern.split_once(':').unwrap_or(("*", pattern));
    let rest = if rest.is_empty() { "*" } else { rest };
    let parts = split(rest, ':');
    for row in providers(provider, is_about_processes(&parts, facts)) {
        for listed in (row.list)(facts, &parts, verbose) {
            text.push_str(&listed.name);
            text.push('\n');
            for detail in &listed.details {
                text.push_str("    ");
                text.push_str(detail);
                text.push('\n');
            }
        }
    }
}

/// The pieces between separators; in quotes these are part of a name, as in `uprobe:./app:cpp:"ns::f(int, int)"`.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let is_between = |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    };
    text.split(is_between).collect()
}

/// Whether a pattern means probes of programs and libraries, too: with `-p`, and where it names a file.
fn is_about_processes(parts: &[&str], facts: &dyn Facts) -> bool {
    facts.process().is_some() || parts.first().is_some_and(|part| part.contains('/'))
}

/// The probe types that a pattern's first part means.
fn providers(pattern: &str, of_processes: bool) -> Vec<&'static ProbeType> {
    if wildcard::is_pattern(pattern) {
        probes::meant(pattern, of_processes).collect()
    } else {
        probes::by_name(pattern).into_iter().collect()
    }
}

/// `struct X`, `union X`, `enum X`, with stars: the names that the kernel has, with `-v` their definitions.
fn kernel_types(pattern: &str, verbose: bool, btf: &KernelBtf) -> Option<String> {
    let (keyword, wanted) = pattern.split_once(' ')?;
    if !matches!(keyword, "struct" | "union" | "enum") {
        return None;
    }
    let mut text = String::new();
    for (name, (module, id)) in btf.tagged(keyword).into_iter().filter(|(name, _)| wildcard::matches(wanted.trim(), name)) {
        match verbose.then(|| btf.c_text(module, id)).flatten() {
            Some(definition) => text.push_str(&format!("{module}: {definition};\n\n")),
            None => text.push_str(&format!("{keyword} {name}\n")),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_not_split() {
        assert_eq!(split("u:x:cpp:\"a::b(c, d)\"", ':'), ["u", "x", "cpp", "\"a::b(c, d)\""]);
        assert_eq!(split("u:x:\"a,b\",k:c", ','), ["u:x:\"a,b\"", "k:c"]);
        assert_eq!(split("", ','), [""]);
    }

    #[test]
    fn only_dots_without_colons_look_like_files() {
        assert!(looks_like_a_file("tool.bt"));
        assert!(!looks_like_a_file("tracepoint:a.b") && !looks_like_a_file("*.isra.*") && !looks_like_a_file("sched_switch"));
    }
}
