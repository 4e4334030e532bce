//! Warnings about the machine, the command line and files.

use super::Warning;

/// A variable of the environment.
pub static ENVIRONMENT: Warning = Warning::new(
    "environment",
    "A variable of the environment has a value that means nothing, and is ignored.\n\n\
     `BPFTRACE_COLOR` takes `auto`, `always` or `never`.",
)
.running();

/// A manager of services that cannot be told.
pub static NOT_NOTIFIED: Warning = Warning::new(
    "not-notified",
    "The service manager wants to know when all probes are attached, and cannot be told.\n\n\
     The variable `NOTIFY_SOCKET` names a socket at which nobody listens.",
)
.running();

/// A pattern that looks like a file's name.
pub static NOT_A_FILE: Warning = Warning::new(
    "not-a-file",
    "What `-l` is to list looks like the name of a script, but there is no such file: it is taken as a pattern.\n\n\
     `rbtrace -l tool.bt` lists the attach points of a script, `rbtrace -l '*open*'` those of a pattern.",
)
.running();

/// Quotes where no shell reads them.
pub static QUOTED_COMMAND: Warning = Warning::new(
    "quoted-command",
    "A word of the command of `-c` begins with a quote. The command is split at spaces and run without a shell, as it always was, so that quotes are \
     part of the words: `-c \"sh -c 'sleep 1'\"` gives the shell `'sleep`, which it cannot read.\n\n\
     A file of commands (`#!/bin/sh`) takes any quoting: `-c ./FILE`.",
)
.running();

/// `-l` of something that is not there.
pub static NOT_LISTED: Warning = Warning::new(
    "not-listed",
    "Nothing matches what `-l` was asked for. The list is empty, and the exit code 0 as always.\n\n\
     A name may be misspelt, a binary may have no symbols (`uprobe`) or no marks (`usdt`), or the kernel is another one.",
)
.running();

/// A piece that the formatter leaves alone.
pub static NOT_FORMATTED: Warning = Warning::new(
    "not-formatted",
    "A piece of a script stays as it was written: formatted, it would read as something else.\n\n\
     A comment may stand where the formatter has no line for it.",
)
.running();

/// Bytes that are no text.
pub static NOT_UTF8: Warning = Warning::new(
    "not-utf8",
    "A script is not in UTF-8. It is read nevertheless; what is no character becomes `\u{fffd}`.\n\n\
     `iconv -f latin1 -t utf8 old.bt > new.bt` converts it, if it is in Latin-1.",
)
.running();

/// No tracepoints.
pub static NO_TRACEFS: Warning = Warning::new(
    "no-tracefs",
    "tracefs is not mounted, or only root may read it, so that no tracepoints are known.\n\n\
     `mount -t tracefs tracefs /sys/kernel/tracing` mounts it.",
)
.running();

/// Processes whose code nobody sees.
pub static UNFOLLOWED_PROCESSES: Warning = Warning::new(
    "unfollowed-processes",
    "The kernel does not tell which files processes take into memory, so that code of those that end before it is shown has no names.\n\n\
     It tells only those who may use perf events on the whole machine: `CAP_PERFMON`, which a container may not have.",
)
.running();

/// A file that is not there as a whole.
pub static UNREAD_FILE: Warning = Warning::new(
    "unread-file",
    "A file could not be read to its end: a program that somebody cut short meanwhile, one whose symbols or debug information are damaged, or a \
     debug file that a server of `DEBUGINFOD_URLS` did not give.\n\n\
     Names and lines that only this file has are missing. A server that could not be reached is not asked again in the same run.",
)
.running();
