//! The manual of the command line: clap's definitions say which options there are, this says more about them, with examples.

use std::fmt::Write;

use clap::{Arg, CommandFactory};

use super::{Raw, USAGE};

/// What there is to say about an option beyond its line in `--help`: one of its spellings, a text, a command line that uses it.
const PAGES: &[(&str, &str, &str)] = &[
    ("-e", "Of several, the last one is run. All other words are parameters of the script.", "rbtrace -e 'begin { print($1); }' 5"),
    (
        "--list",
        "A pattern is `type:target` with wildcards, or several with commas between; without a type it is looked for in all types. `struct x`, `union x` \
         and `enum x` list types of the kernel. The path of a script lists its attach points.",
        "rbtrace -lv 'tracepoint:sched:*'",
    ),
    (
        "--pid",
        "Events of other processes are left out wherever an event belongs to a process. When it ends, the script ends.",
        "rbtrace -p 1 tool.bt",
    ),
    (
        "--cmd",
        "The words of the command are separated by single spaces; nothing in it is quoted. The script ends with the command, and `cpid` is its process.",
        "rbtrace -c 'sleep 1' tool.bt",
    ),
    (
        "--dwarf-pid",
        "What `dw_ustack` needs is read for these processes and the one of `-p` or `-c`, and for no others; without the option it is read for every \
         process that fires. May be given several times.",
        "rbtrace --dwarf-pid 1 tool.bt",
    ),
    (
        "--usdt-file-activation",
        "The counters by which programs know that somebody watches are kept by the kernel, in all processes that have the file mapped and all to come.",
        "rbtrace --usdt-file-activation tool.bt",
    ),
    ("--output", "What rbtrace itself says stays on standard error. A file of this name is replaced.", "rbtrace -o out.txt tool.bt"),
    (
        "-f",
        "`text` is for people, `json` has an object a line; see Output. `folded` has a line for each stack that a map has as its key, with its number, as \
         tools that draw flame graphs read them; `flame` is such a drawing: an SVG that browsers zoom and search. With both, all else that the script \
         prints goes to standard error.",
        "rbtrace -f flame -o out.svg -e 'profile:hz:99 { @[ustack, kstack, comm] = count(); } interval:s:10 { exit(); }'",
    ),
    ("-B", "`line` writes after each line, `full` when there is much, `none` at once.", "rbtrace -B none tool.bt"),
    ("--quiet", "Everything else is said as usual.", "rbtrace -q tool.bt"),
    ("--verbose", "Also shows warnings that are about style only, and the kernel's reasons.", "rbtrace -v tool.bt"),
    ("-k", "What cannot be read is 0, and a missing key, too; this tells when that happens.", "rbtrace -k tool.bt"),
    (
        "--no-warnings",
        "Those of the compiler and those of a running script. With codes, only these: `--explain` lists them, and each warning shows its own. Losses of \
         events are said unless `lost-events` is named. May be given several times; the configuration key `no_warnings` does the same.",
        "rbtrace --no-warnings=map-full,discarded-value tool.bt",
    ),
    ("-I", "May be given several times; searched before the directories of the system.", "rbtrace -I include tool.bt"),
    ("--include", "As an `#include` in front of the script; may be given several times.", "rbtrace --include linux/fs.h tool.bt"),
    (
        "--debuginfo",
        "Relative ones are seen from the binary's directory; a file is the debug file of the binary with its build id. What is there is found by build \
         id (`.build-id/ab/cd….debug`) or by the name that the binary gives it. A file of another build is never taken; where there are no build ids, \
         `+` in front of a directory compares the sum of the file with the one that the binary gives. Without this option the places are \
         `+:+.debug:+/usr/lib/debug`, in the file system of the process that is traced.",
        "rbtrace --debuginfo .debug:/usr/lib/debug tool.bt",
    ),
    (
        "--traceable-functions",
        "Lines of `name` or `name [module]`, instead of the kernel's own list.",
        "rbtrace --traceable-functions names.txt tool.bt",
    ),
    ("--unsafe", "Those are marked in this manual: `system`, `signal`, `write_user` and their like.", "rbtrace --unsafe tool.bt"),
    ("--no-feature", "For looking into problems: the next best way is taken.", "rbtrace --no-feature kprobe_multi,uprobe_multi tool.bt"),
    ("--probe-filter", "A regular expression that is searched in the names of probes.", "rbtrace --probe-filter openat tool.bt"),
    ("--test", "Runs the script's `test:` probes and says which failed.", "rbtrace --test tests.bt"),
    ("--bench", "Runs the script's `bench:` probes and says how long each takes.", "rbtrace --bench benches.bt"),
    (
        "--fmt",
        "Comments are kept, and a formatted script means the same. A script that is wrong is not touched.",
        "rbtrace --fmt -o tool.bt tool.bt",
    ),
    ("--mode", "The same as the options of these names.", "rbtrace --mode format tool.bt"),
    ("--dry-run", "Tells whether this kernel takes the script.", "rbtrace --dry-run tool.bt"),
    (
        "--debug",
        "The tree goes to standard error, the other stages to standard output; the script runs as well. `-d` without a stage shows the tree and `-dd` \
         everything, as in versions before 0.22, and then nothing runs.",
        "rbtrace -d types,ir tool.bt",
    ),
    ("--emit-elf", "For `llvm-objdump` and `bpftool`.", "rbtrace --emit-elf tool.o tool.bt"),
    ("--emit-llvm", "Before and after LLVM's passes.", "rbtrace --emit-llvm tool tool.bt"),
    ("--verify-llvm-ir", "A check of rbtrace itself.", "rbtrace --verify-llvm-ir tool.bt"),
    ("--aot", "A program of its own that needs no rbtrace.", "rbtrace --aot tool tool.bt"),
    ("--btf", "Before 0.12 the kernel's types had to be asked for.", "rbtrace --btf tool.bt"),
    ("--info", "What the kernel has, and what this build was made with.", "rbtrace --info"),
    ("--explain", "See Warnings.", "rbtrace --explain discarded-value"),
    ("--version", "And the version of bpftrace's language that is understood.", "rbtrace --version"),
];

/// The manual of the command line.
pub fn manual() -> String {
    let mut text: String = USAGE.lines().flat_map(|line| ["    ", line.trim_start(), "\n"]).collect();
    for arg in Raw::command().get_arguments().filter(|arg| !arg.is_hide_set()) {
        let (_, more, example) = page(arg).copied().unwrap_or_default();
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let forms = forms(arg);
        write!(text, "\n### {}\n\n`{}`\n\n{help}.\n\n{more}\n\nExample: `{example}`.\n", name(arg), forms.join("`, `"))
            .expect("strings take all text");
    }
    text
}

fn page(arg: &Arg) -> Option<&'static (&'static str, &'static str, &'static str)> {
    PAGES.iter().find(|(spelling, ..)| spellings(arg).iter().any(|known| known == spelling))
}

/// `-p`, `--pid`
fn spellings(arg: &Arg) -> Vec<String> {
    let short = arg.get_short().map(|short| format!("-{short}"));
    short.into_iter().chain(arg.get_long().map(|long| format!("--{long}"))).collect()
}

/// The name of its page: the long spelling, if there is one.
fn name(arg: &Arg) -> String {
    spellings(arg).pop().unwrap_or_default()
}

/// `-p PID`, `--pid PID`
fn forms(arg: &Arg) -> Vec<String> {
    let takes_value = arg.get_action().takes_values();
    let value = arg.get_value_names().filter(|_| takes_value).and_then(|names| names.first());
    let optional = arg.get_num_args().is_some_and(|range| range.min_values() == 0);
    spellings(arg)
        .into_iter()
        .map(|spelling| match value {
            Some(value) if optional => format!("{spelling} [{value}]"),
            Some(value) => format!("{spelling} {value}"),
            None => spelling,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_a_page_and_every_page_an_option() {
        let command = Raw::command();
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            assert!(page(arg).is_some(), "{:?} has no page", arg.get_id());
            assert!(arg.get_help().is_some(), "{:?} has no help", arg.get_id());
        }
        for (spelling, ..) in PAGES {
            let is_known = command.get_arguments().any(|arg| spellings(arg).iter().any(|known| known == spelling));
            assert!(is_known, "no option is called {spelling}");
        }
    }

    #[test]
    fn examples_of_options_are_command_lines() {
        for arg in Raw::command().get_arguments().filter(|arg| !arg.is_hide_set()) {
            let (_, _, example) = page(arg).expect("tested above");
            // Quoted words are every second piece.
            let pieces = example.split('\'').enumerate();
            let words = pieces.flat_map(|(at, piece)| if at % 2 == 1 { vec![piece] } else { piece.split_whitespace().collect() });
            let parsed = super::super::parse(words.map(Into::into));
            assert!(parsed.is_ok(), "{example}: {parsed:?}");
        }
    }
}
