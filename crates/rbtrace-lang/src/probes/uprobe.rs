//! `uprobe`: a function of a program or library begins, or one of its instructions is reached.

use rbtrace_types::Space;

use super::user_code::{arguments, types};
use super::{context, registers, untraced, user_code};
use crate::row::{PidFilter, ProbeType};

/// The row.
pub static ROW: ProbeType = ProbeType {
    name: "uprobe",
    aliases: &["u"],
    signature: "uprobe:binary:function, uprobe:binary:function+offset, uprobe:binary:0xaddress, uprobe:binary:cpp:\"name\" or uprobe:binary@file:line",
    manual: "Runs when a process begins a function of a program or library, or reaches an instruction in it.

The binary is a path, a command (`bash`), a library (`libc`, `libc.so.6`), a pattern of paths (`./bin/*`), a library inside of
an archive (`app.apk!/lib/x.so`), or `*` for all that processes have mapped. With `-p` only that process counts, files are those it sees, and the binary may be left out. Functions may be
written with wildcards; after `cpp:` names are those of the C++ or Rust source, and a name without parameters means all overloads. Symbols
that choose a function when they are loaded, like `strlen` of the C library, mean the function that is chosen.

A line of the source, `uprobe:./app@main.c:42`, means the first instruction of it in every function that has code of that line, also where the
function was inlined; `main.c:42:7` means the statement at a column. The binary needs debug information for that.

The code of a binary without symbols is named by addresses, `uprobe:./app:0x1234`; where its instructions begin is known from its tables for
exceptions, and without these nobody can tell: `--unsafe` attaches all the same.

`args` has the arguments by name where the binary, or its file below `/usr/lib/debug`, has debug information (DWARF); `-lv` lists them. So do casts
know the program's own types: `((struct point *)arg0)->x`. Numbers of floating point are in registers that the kernel does not show.
At an instruction inside of a function (a line, `f+offset`, an address) `args` has the variables that the source sees there instead, with the
parameters as they are by then: in registers, on the stack, constants, also those of functions that were inlined there; of equal names the innermost.
What the compiler keeps nowhere at that instruction is refused by its name.
`arg0`, `arg1` and so on are the integer arguments in registers; pointers are the process's.

```
uprobe:libc:fopen { printf(\"%s opens %s\\n\", comm, str(arg0)); }
```",
    class: "uprobe",
    space: Space::User,
    pid_filter: PidFilter::AtAttach,
    in_wildcards: true,
    link: user_code::link,
    expand: |facts, target, sink| user_code::expand(facts, user_code::Kind { name: ROW.name, returns: false }, target, sink),
    nearest: user_code::remedy,
    absent: user_code::absent,
    list: |facts, pattern, verbose| user_code::list(facts, ROW.name, pattern, &|place| if verbose { types::parameters(facts, place) } else { vec![] }),
    plan: |facts, place, _, pid| user_code::plan(facts, place, false, pid),
    shared: user_code::shared,
    select: user_code::select,
    no_args: arguments::missing,
    args: arguments::args,
    unreadable_args: arguments::unreadable,
    arg: |cx, _, field| arguments::read(cx, field),
    program_type: types::named,
    program_constant: types::constant,
    context: |_, _| Some(context::REGISTERS.to_string()),
    hides_caller: user_code::hides_caller,
    function: user_code::function,
    arguments: |facts, _| Some(registers::argument_count(facts.arch())),
    argument: |cx, _, index| registers::read_argument(cx, index),
    ..untraced::BASE
};
