//! `dw_ustack`: the stack of the process, by the unwind tables of its binaries.

use rbtrace_diag::Diagnostic;

use super::stack_walk;
use super::stacks::{self, Source};
use crate::config;
use crate::named::stack::{self, Mode};
use crate::row::Builtin;
use crate::value::Value;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "dw_ustack",
    signature: "dw_ustack\ndw_ustack(mode)\ndw_ustack(limit)\ndw_ustack(mode, limit)",
    manual: "The functions the current process is in, innermost first, also where its code keeps no frame pointers, as distributions compile it: the \
             way from a function to its caller is read from the `.eh_frame` of its binary, across libraries, code that was written by hand, handlers of signals and the code \
             that the kernel gives to every process. Arguments, output and what `len` and maps do with it are as of `ustack`, but for the mode `build_id`.\n\n\
             ```\nprofile:hz:99 { @[comm, dw_ustack] = count(); }\n```\n\n\
             No process has to be named. The tables of a process are read before its first event where that can be known: for `-p`, `--dwarf-pid`, the program \
             that `-c` starts and those whose names it is given (`-c 'env A=1 ./program'`), \
             for those that have the code of a uprobe or USDT probe in memory, and for the children of all these. Those of a program that begins are read \
             as soon as its code is in memory, unless it has binaries of more than 4 MiB that nobody needed so far; those of any other when it fires for the first time. \
             From Linux 5.17 on (in interrupts, as in `profile`, from 6.1 on) the kernel is asked for the binaries of a process of which nothing is noted yet, so that even a program that ends at once is \
             seen whole if its binaries were met before, in this process or another. \
             Until its tables are there, and where a function is described nowhere or memory cannot be read, its stack ends with the line `<unwind failure>` behind the \
             frames that were found, and a warning says why and how often. With `--dwarf-pid` nothing is read for processes that were not \
             named.\n\n\
             Callers of functions whose return is watched (`uretprobe`) are shown as if nobody watched, here and by `ustack`.\n\n\
             Code without a description is taken to keep frame pointers, as Go's and that of most just-in-time compilers does, and so is what V8 puts into its programs. Binaries are read beside the run, which handles events \
             meanwhile. The tables of all \
             binaries together have room for 8 million rows (64 MiB, taken as they are needed; the C library has 30,000), those of processes for \
             65,536 stretches of code. Before Linux 5.17 a stack has at most 32 frames.\n",
    args: (0, 2),
    type_of: |cx, call| {
        let (mode, limit) = stacks::wanted(cx, ROW.name, call, true);
        if mode == Mode::BuildId {
            let error = Diagnostic::error(call.span, format!("`{}` has no mode build_id", ROW.name));
            cx.report(error.because("frames are addresses here").hint("`raw` writes addresses; `ustack(build_id)` goes by frame pointers"));
        }
        if cx.config(config::unstable_dw_ustack::ROW.name).as_deref() == Some("error") {
            let key = config::unstable_dw_ustack::ROW.name;
            let error = Diagnostic::error(
                call.span,
                format!(
                    "{} feature is not enabled by default. To enable this unstable feature, set the config flag to enable. {key}=enable",
                    ROW.name
                ),
            );
            cx.report(error);
        }
        if !stack_walk::is_possible(cx.facts()) {
            let error = Diagnostic::error(call.span, format!("`{}` needs Linux 5.15, or a kernel with BTF", ROW.name));
            cx.report(
                error.because("this kernel does not say where the registers of a process are").hint("`ustack` goes by frame pointers"),
            );
        }
        stack::user(mode, limit)
    },
    lower: |cx, call| stacks::lower(cx, ROW.name, call, Source::Unwound),
    handle: Some(|cx, event, args| {
        if let [Value::UInt(process)] = *args {
            match event.numbers.contains(&stack_walk::ASKS) {
                true => cx.world().unwind(process as u32),
                false => cx.world().meet(process as u32),
            }
        }
        Ok(())
    }),
    ..Builtin::BASE
};
