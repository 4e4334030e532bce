//! Warnings about a script, said before it runs.

use super::Warning;

/// Which of several attach points it is.
pub static ALTERNATIVE_TAKEN: Warning = Warning {
    only_verbose: true,
    ..Warning::new(
        "alternative-taken",
        "An attach point has alternatives, and this is the one that can be attached here. Shown with `-v`.\n\n\
         Those before it do not exist on this machine, or its kernel refuses them; the label says why.\n\n\
         ```\nkprobe:not_everywhere ?: tracepoint:sched:sched_switch { @ = count(); }\n```",
    )
};

/// A copy of a function.
pub static COMPILER_VARIANT: Warning = Warning::new(
    "compiler-variant",
    "A function is there only as copies that the compiler made of it, like `f.isra.0`.\n\n\
     It is attached to these. They may lack arguments that the source has, or have them in other registers.\n\n\
     ```\nuprobe:app:hidden { @ = count(); }\n```\n\n\
     Write the name of the copy where that is known to be right.",
);

/// An integer that loses bits.
pub static CUT_VALUE: Warning = Warning::new(
    "cut-value",
    "An integer is stored as a type that cannot hold all of its values: what does not fit is cut off.\n\n\
     ```\nbegin { let $low : uint8 = nsecs; print($low); }\n```\n\n\
     A cast says that it is meant: `(uint8)nsecs`.",
);

/// A function that ftrace does not list.
pub static NOT_TRACEABLE: Warning = Warning::new(
    "not-traceable",
    "The kernel does not list a function among those that can be traced.\n\n\
     There is none of that name, it was put into its callers, or its authors keep probes out (`notrace`).\n\n\
     ```\nkprobe:no_such_function { }\n```\n\n\
     `-l 'kprobe:*part_of_the_name*'` shows what there is; `--unsafe` tries nevertheless.",
);

/// A function that programs run into.
pub static RECURSIVE_FUNCTION: Warning = Warning::new(
    "recursive-function",
    "The kernel runs the function also while it runs programs.\n\n\
     A program does not interrupt itself: what happens while one runs is not counted.\n\n\
     ```\nfentry:_raw_spin_lock { @ = count(); }\n```\n\n\
     Trace a function that is further up.",
);

/// A value that nobody takes.
pub static DISCARDED_VALUE: Warning = Warning::new(
    "discarded-value",
    "A call does nothing but give a value, and nothing takes it.\n\n\
     ```\nbegin { strlen(\"abc\"); }\n```\n\n\
     Use the value, or write `_ = strlen(\"abc\");` where it is meant.",
);

/// A limit that the kernel does not keep.
pub static FEW_FRAMES: Warning = Warning::new(
    "few-frames",
    "A stack is to have more frames than the kernel takes: 127, unless `kernel.perf_event_max_stack` says more. The outermost functions are missing.\n\n\
     ```\nprofile:hz:99 { @[ustack(1000)] = count(); }\n```\n\n\
     `dw_ustack(1000)` walks the stack itself, and takes all of them.",
);

/// A header that nobody can read.
pub static HEADER_NOT_READ: Warning = Warning::new(
    "header-not-read",
    "A header is included that only a C compiler can read, and there is none on this machine.\n\n\
     The script compiles without it, but a type whose name the kernel has, too, is the kernel's then.\n\n\
     ```\n#include <netdb.h>\nbegin { exit(); }\n```\n\n\
     Install libclang: the warning says what its package is called.",
);

/// A breakpoint that is not where a function begins.
pub static LATER_INSTRUCTION: Warning = Warning {
    only_verbose: true,
    ..Warning::new(
        "later-instruction",
        "A function begins with an instruction that the kernel cannot run from a copy, as those of AVX are, and the breakpoint is on the first one \
         behind it that it can. Shown with `-v`.\n\n\
         Calls are counted all the same, and `argN`, `args` and the return address are what they were: this is done only where what is \
         skipped changes vector registers alone and nothing jumps behind it.\n\n\
         ```\nuprobe:libc:strchr { @ = count(); }\n```",
    )
};

/// `args` lacks an argument.
pub static LEFT_OUT: Warning = Warning::new(
    "left-out",
    "`args` as a whole lacks an argument that no program can read.\n\n\
     Numbers of floating point are in registers that the kernel does not show to BPF programs.\n\n\
     ```\nuprobe:typed:floats { print(args); }\n```\n\n\
     Name the arguments that are wanted: `args.x`.",
);

/// Variables of 0.21 and before.
pub static LEGACY_SCOPE: Warning = Warning::new(
    "legacy-scope",
    "A variable is used outside the block that assigns it.\n\n\
     Variables belong to their block; in scripts for 0.21 and before they belonged to the probe. It is taken as such a script means it: the \
     variable is 0, or empty, where none of the blocks ran.\n\n\
     ```\nbegin { if (pid > 1) { $x = 1; } print($x); }\n```\n\n\
     Declare it before the block: `let $x;`.",
);

/// A length that is cut.
pub static LENGTH: Warning = Warning::new(
    "length",
    "More bytes are asked for than a text can have.\n\n\
     ```\ntracepoint:syscalls:sys_enter_openat { print(str(args.filename, 100000)); }\n```\n\n\
     `config = { max_strlen = … }` allows longer ones. Keys of maps have 512 bytes at most before Linux 5.11: texts in them are cut there, and \
     `str(x, length)` chooses where.",
);

/// A command that is there twice.
pub static MANY_BINARIES: Warning = Warning::new(
    "many-binaries",
    "More than one directory of `PATH` has a command of this name; the first one is meant.\n\n\
     ```\nuprobe:twin:main { @ = count(); }\n```\n\n\
     A path says which one.",
);

/// Breakpoints in much of what a library does.
pub static MANY_FUNCTIONS: Warning = Warning::new(
    "many-functions",
    "A wildcard means a thousand functions or more of one binary, in all processes. Each call of one of them is a trap, which takes a thousand \
     times as long as the call: on a machine that is busy, everything that uses the binary nearly stops.\n\n\
     ```\nuprobe:libLLVM:* { @[func] = count(); }\n```\n\n\
     With `-p` other processes are left alone.",
);

/// A parameter that is 0.
pub static MISSING_PARAMETER: Warning = Warning {
    only_verbose: true,
    ..Warning::new(
        "missing-parameter",
        "A positional parameter is used that nobody gave: it is 0, or empty as a text. Shown with `-v`.\n\n\
         ```\nbegin { printf(\"%d\\n\", $9); }\n```\n\n\
         Give it behind the script: `rbtrace script.bt 5`.",
    )
};

/// `missing_probes=warn`
pub static MISSING_PROBE: Warning = Warning::new(
    "missing-probe",
    "Nothing on this machine has the name of an attach point, and the script goes on without it.\n\n\
     ```\nconfig = { missing_probes = \"warn\" }\ntracepoint:nothing:here { } interval:s:1 { exit(); }\n```\n\n\
     Without `missing_probes = warn` it is an error, with `ignore` nothing is said.",
);

/// Signs that differ.
pub static MIXED_SIGNS: Warning = Warning::new(
    "mixed-signs",
    "A signed number is compared with an unsigned one of 64 bits, which may be larger than any signed number.\n\n\
     ```\nbegin { $a = (int64)-1; if ($a < nsecs) { print($a); } }\n```\n\n\
     Cast one of them: `(int64)nsecs`.",
);

/// A text that ends before.
pub static OFFSET: Warning = Warning::new(
    "offset",
    "`str($1 + n)` begins behind the end of the parameter, so it is empty.\n\n\
     ```\nbegin { print(str($1 + 100)); }\n```",
);

/// Spellings of older versions.
pub static OLD_NAME: Warning = Warning::new(
    "old-name",
    "A function, a configuration key or a variable of the environment has another name today; the old one still works.\n\n\
     ```\nbegin { print(sym(0)); }\n```\n\n\
     The warning says the name of today.",
);

/// A way to see what happens that slows the machine down.
pub static SHARED_TRACE: Warning = Warning::new(
    "shared-trace",
    "`debugf` is for looking at a script while it is written.\n\n\
     All programs of the machine share the kernel's trace and wait for each other there.\n\n\
     ```\ntracepoint:syscalls:sys_enter_openat { debugf(\"%d opens\", pid); }\n```\n\n\
     `printf` writes to this script's own output instead.",
);

/// Arguments on the stack.
pub static STACK_ARGUMENT: Warning = Warning::new(
    "stack-argument",
    "`sarg0` and its like are words of the stack; newer versions of the language do not have them.\n\n\
     ```\nuprobe:app:main { print(sarg0); }\n```\n\n\
     `*(uint64 *)(reg(\"sp\") + 8)` is the same, if more to write.",
);

/// A variable without a value.
pub static UNASSIGNED: Warning = Warning::new(
    "unassigned",
    "A variable is declared, and used before anything is assigned to it, or never assigned.\n\n\
     It is zero, or empty.\n\n\
     ```\nbegin { let $x; print($x); $x = 5; }\n```\n\n\
     Give it its first value where it is declared: `let $x = 0;`.",
);

/// Code behind a jump.
pub static UNREACHABLE: Warning = Warning::new(
    "unreachable",
    "A statement stands behind one that leaves the probe or the loop, so it never runs.\n\n\
     ```\nbegin { exit(); print(1); }\n```",
);

/// Features that may change.
pub static UNSTABLE: Warning = Warning::new(
    "unstable",
    "A script uses a feature that may still change.\n\n\
     ```\ninterval:ms:100 { @ = tseries(5, 1s, 10); }\n```\n\n\
     The configuration key that the warning names takes `enable`, which says nothing, `warn`, or `error`.",
);

/// A map that is only declared.
pub static UNUSED_MAP: Warning = Warning::new(
    "unused-map",
    "A map is declared and never used.\n\n\
     ```\nlet @unused = hash(10);\nbegin { exit(); }\n```",
);

/// A loop whose end nobody sees.
pub static WHILE_LOOP: Warning = Warning {
    only_verbose: true,
    ..Warning::new(
        "while-loop",
        "`while` may go round very often; `for ($i : 0..n)` ends for sure. Shown with `-v`.\n\n\
         ```\nbegin { $i = 0; while ($i < 5) { print($i); $i++; } }\n```",
    )
};
