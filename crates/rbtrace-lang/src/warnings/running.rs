//! Warnings about what happens while a script runs (SPEC §9.13).

use super::Warning;
use crate::functions::warnf;

/// An index that is too large.
pub static ARRAY_BOUNDS: Warning = Warning::new(
    "array-bounds",
    "An array was asked for an element behind its last one while the script ran; the answer was 0.\n\n\
     An index that is known before is an error.\n\n\
     ```\nbegin { $bytes = (uint8[8])nsecs; $i = 8; print($bytes[$i]); }\n```\n\n\
     Test the index before it is used.",
)
.running();

/// A divisor of zero.
pub static DIVISION_BY_ZERO: Warning = Warning::new(
    "division-by-zero",
    "Something was divided by 0 while the script ran; the result was 1.\n\n\
     ```\ninterval:s:1 { print(@bytes / @calls); @bytes = 0; @calls = 0; }\n```\n\n\
     Test the divisor: `if (@calls) { … }`.",
)
.running();

/// A helper of the kernel that did not do its work.
pub static FAILED_HELPER: Warning = Warning::new(
    "failed-helper",
    "A helper of the kernel failed; the warning says which, and what it returned.\n\n\
     What it should have read is empty or 0. Of `signal`: the signal was not sent.\n\n\
     ```\ntracepoint:sched:sched_switch { signal(\"USR1\"); }\n```",
)
.running();

/// Memory that is not there.
pub static FAILED_READ: Warning = Warning::new(
    "failed-read",
    "Memory could not be read; what it should have held is 0 or empty. Shown with `-k`.\n\n\
     The address is wrong, belongs to another address space, or to a page that is not in memory just now.\n\n\
     ```\ntracepoint:syscalls:sys_enter_openat { print(str(args.filename)); }\n```\n\n\
     `uptr` and `kptr` say which address space is meant. A file's name that is not in memory yet when a call begins is there when it ends: keep \
     the address in a map until `sys_exit_openat`.",
)
.running();

/// A record that came to nothing.
pub static FAILED_RECORD: Warning = Warning::new(
    "failed-record",
    "What a probe sent was not printed or done; the warning says why.\n\n\
     A file could not be written, say, or the kernel did not let a map be read.\n\n\
     ```\nbegin { @x = 1; print(@x); }\n```",
)
.running();

/// A loop that the script did not end.
pub static LOOP_CUT_SHORT: Warning = Warning::new(
    "loop-cut-short",
    "A loop was ended before the script wanted: the kernel does not let programs run on for ever.\n\n\
     ```\nbegin { while (true) { @++; } }\n```\n\n\
     What shall go on for ever is a probe that fires again and again: `interval:ms:1 { … }`.",
)
.running();

/// Events for which there was no room.
pub static LOST_EVENTS: Warning = Warning::new(
    "lost-events",
    "Probes sent more than could be printed; what did not fit into the ring buffer is lost, and counted.\n\n\
     ```\ntracepoint:raw_syscalls:sys_enter { printf(\"%d %s\\n\", args.id, comm); }\n```\n\n\
     `config = { perf_rb_pages = … }` makes the buffer larger, a predicate the events fewer; a map that counts loses nothing. `--no-warnings` alone \
     leaves lines like `Lost 12 events` as they are; named by their code, these are held back, too.",
)
.running();

/// A map that is full.
pub static MAP_FULL: Warning = Warning::new(
    "map-full",
    "A map has no room for another key, and what should have been stored is lost.\n\n\
     ```\nkprobe:vfs_read { @[nsecs] = count(); }\n```\n\n\
     `config = { max_map_keys = … }` makes all maps larger, `let @ = hash(100000);` this one; `lruhash` forgets the keys that were not used for \
     the longest time. Fewer different keys are better still.",
)
.running();

/// A key that a map does not have.
pub static MISSING_KEY: Warning = Warning::new(
    "missing-key",
    "A key was deleted that the map does not have; with `-k`, also: it was read.\n\n\
     What is read is 0, or empty.\n\n\
     ```\nbegin { @start[1] = nsecs; delete(@start, tid); }\n```\n\n\
     `if (has_key(@start, tid)) { … }` asks before; `_ = delete(@start, tid);` says that it is meant.",
)
.running();

/// Runs that did not happen.
pub static MISSED_RUNS: Warning = Warning::new(
    "missed-runs",
    "A probe was to run while a program already ran on its CPU, so the kernel left it out. How often, is said at the end.\n\n\
     ```\nfentry:_raw_spin_lock { @ = count(); }\n```\n\n\
     Trace a function that programs themselves do not run into.",
)
.running();

/// A process that is not there.
pub static NO_SUCH_PROCESS: Warning = Warning::new(
    "no-such-process",
    "The name of a thread was asked for by a number that no thread has; the answer was `N/A`.\n\n\
     ```\ntracepoint:sched:sched_switch { print(comm(-1)); }\n```",
)
.running();

/// A benchmark that says it is none.
pub static SKIPPED_BENCHMARK: Warning = Warning::new(
    "skipped-benchmark",
    "A benchmark returned something else than 0, so it is not measured.\n\n\
     ```\nbench:wrong { return 1; }\n```",
)
.running();

/// A map of stacks that is no picture.
pub static NOT_DRAWN: Warning = Warning::new(
    "not-drawn",
    "With `-f flame` and `-f folded`, a map is keyed by stacks but is shown as text. What is drawn is added up: a function is as wide as all that it \
     calls. Averages, smallest and largest values do not add up, and nothing is as wide as a negative number or a text.\n\n\
     ```\nprofile:hz:99 { @[ustack] = avg(rand % 10); }\n```\n\n\
     `count()` and `sum(x)` can be drawn; of `hist(x)` how many values there were.",
)
.running();

/// Stacks that are unwound, but not to their end.
pub static STACK_CUT: Warning = Warning::new(
    "stack-cut",
    "A stack that is unwound ends before its outermost function: its last line is `<unwind failure>`. The tables of its process were not read yet (they are \
     as soon as one is missing), a function on it is not described in the `.eh_frame` of its binary, or its memory could not be read.\n\n\
     ```\nprofile:hz:99 { @[comm, dw_ustack] = count(); }\n```\n\n\
     For one process, `-p` or `-c` has the tables read before its first event.",
)
.running();

/// Stacks that are not whole.
pub static STACK_LOST: Warning = Warning::new(
    "stack-lost",
    "A stack could not be read, or there was no room to keep it: where it is printed, it is empty. Or two stacks have the same hash, so that the \
     first one is printed for both.\n\n\
     ```\nprofile:hz:99 { @[ustack] = count(); }\n```\n\n\
     There is room for many thousands at a time, and what no map refers to any more (after `clear` or `delete`) makes room again within seconds; \
     `ustack(5)` is the same for many that `ustack` tells apart.",
)
.running();

/// Memory that is not watched.
pub static UNWATCHED: Warning = Warning::new(
    "unwatched",
    "A function was handed an address that a watchpoint cannot watch: the processor has no register left for it, or none that fits. What happens there is \
     not seen.\n\n\
     ```\nwatchpoint:connect_to+arg0:8:w { @ = count(); }\n```\n\n\
     x86-64 watches four places at a time, each aligned to its length.",
)
.running();

/// What the script itself says.
pub static WARNF: Warning = Warning::new(
    warnf::ROW.name,
    "The script says so by `warnf`. The code is not shown: the words are the script's own.\n\n\
     ```\nbegin { warnf(\"this takes %d seconds\", 10); }\n```",
)
.running();
