//! Declarations and where their arguments are, as the documents of both machines say; on x86-64 as compilers do, too (cases/run/uprobe_args_*).

use rbtrace_types::fixture::Fixture;
use rbtrace_types::{Arch, Facts};

use super::{Home, homes};

/// Types that the declarations use.
const TYPES: &str = "struct point 8\n0 int x\n4 int y\nend\nstruct pair 16\n0 long a\n8 char b\nend\nstruct three 12\n0 int a\n4 int b\n8 int c\nend\n\
                     struct large 32\n0 u64 v[4]\nend\nstruct packed 5\n0 char a\n1 int b\nend\nstruct empty 1\nend\nenum color\nRED = 0\nend\n\
                     struct whole 4\n0 int only\nend\n";

fn check(arch: Arch, declared: &str, expected: &str) {
    let text = format!("{TYPES}binary /bin/a\n0x1000 16 f\ndeclared 0x1000 {declared}\nend\n");
    let facts = Fixture::parse(&text).expect("a good fixture");
    let declaration = facts.declaration("/bin/a", 0x1000).expect("it is declared").expect("at that address");
    let registers = if arch == Arch::X86_64 { 6 } else { 8 };
    let shown: Vec<String> = homes(arch, registers, &declaration).iter().map(show).collect();
    assert_eq!(shown.join(" "), expected, "{declared} on {}", arch.name());
}

fn show(home: &Home) -> String {
    match home {
        Home::Registers(pieces) => {
            let texts: Vec<String> = pieces.iter().map(|piece| format!("r{}@{}:{}", piece.register, piece.offset, piece.bytes)).collect();
            texts.join("+")
        }
        Home::Stack(offset) => format!("s{offset}"),
        Home::BehindRegister(register) => format!("*r{register}"),
        Home::BehindStack(offset) => format!("*s{offset}"),
        Home::Unreadable(why) => format!("{why:?}"),
    }
}

#[test]
fn integers_fill_registers_and_then_the_stack() {
    let nine = "C void: int a, char b, long c, void *d, enum color e, short f, int g, int h, int i, char j";
    check(Arch::X86_64, nine, "r0@0:4 r1@0:1 r2@0:8 r3@0:8 r4@0:4 r5@0:2 s0 s8 s16 s24");
    check(Arch::Aarch64, nine, "r0@0:4 r1@0:1 r2@0:8 r3@0:8 r4@0:4 r5@0:2 r6@0:4 r7@0:4 s0 s8");
}

#[test]
fn floats_have_registers_of_their_own_until_those_are_full() {
    check(Arch::X86_64, "C double: int a, double b, int c, float d", "r0@0:4 Float r1@0:4 Float");
    let ten = "C void: double a, double b, double c, double d, double e, double f, double g, double h, double i, struct large j, int k";
    let floats = "Float ".repeat(9);
    check(Arch::X86_64, ten, &format!("{floats}s8 r0@0:4"));
    check(Arch::Aarch64, ten, &format!("{floats}*r0 r1@0:4"));
    check(Arch::X86_64, "C void: long double a, struct large b", "Float s16");
}

#[test]
fn small_structs_are_in_registers_and_large_ones_are_not() {
    check(Arch::X86_64, "C void: struct point a, struct pair b, struct large c, int d", "r0@0:8 r1@0:8+r2@8:8 s0 r3@0:4");
    check(Arch::Aarch64, "C void: struct point a, struct pair b, struct large c, int d", "r0@0:8 r1@0:8+r2@8:8 *r3 r4@0:4");
    check(Arch::X86_64, "C void: struct three a", "r0@0:8+r1@8:4");
    // Its members are not aligned.
    check(Arch::X86_64, "C void: struct packed a, int b", "s0 r0@0:4");
}

#[test]
fn a_struct_is_never_split_between_registers_and_stack() {
    let five = "C void: int a, int b, int c, int d, int e, struct pair f, int g";
    check(Arch::X86_64, five, "r0@0:4 r1@0:4 r2@0:4 r3@0:4 r4@0:4 s0 r5@0:4");
    let seven = "C void: int a, int b, int c, int d, int e, int f, int g, struct pair h, int i";
    check(Arch::Aarch64, seven, "r0@0:4 r1@0:4 r2@0:4 r3@0:4 r4@0:4 r5@0:4 r6@0:4 s0 s16");
}

#[test]
fn a_large_result_takes_a_register_on_one_machine() {
    check(Arch::X86_64, "C struct large: int a", "r1@0:4");
    check(Arch::Aarch64, "C struct large: int a", "r0@0:4");
    check(Arch::X86_64, "C struct pair: int a", "r0@0:4");
    check(Arch::X86_64, "C long double: int a", "r0@0:4");
}

#[test]
fn wide_integers_take_two_registers() {
    check(Arch::X86_64, "C void: int a, u64[2] b, int c", "r0@0:4 r1@0:8+r2@8:8 r3@0:4");
    check(Arch::Aarch64, "C void: int a, u64[2] b, int c", "r0@0:4 r2@0:8+r3@8:8 r4@0:4");
    let many = "C void: int a, int b, int c, int d, int e, int f, int g, u64[2] h";
    check(Arch::X86_64, many, "r0@0:4 r1@0:4 r2@0:4 r3@0:4 r4@0:4 r5@0:4 s0 s16");
}

#[test]
fn rust_hands_over_pairs_apart_and_leaves_the_rest_open() {
    check(Arch::X86_64, "Rust void: struct point a, struct pair b, char c", "r0@0:4+r1@4:4 r2@0:8+r3@8:1 r4@0:1");
    check(Arch::X86_64, "Rust void: struct whole a, struct large b, int c", "r0@0:4 *r1 r2@0:4");
    check(Arch::X86_64, "Rust void: int a, struct three b, int c", "r0@0:4 Unsettled Unsettled");
    check(Arch::X86_64, "Rust struct large: int a", "r1@0:4");
    check(Arch::X86_64, "Rust struct three: int a", "Unsettled");
}

#[test]
fn what_is_not_known_is_said() {
    check(Arch::X86_64, "Go void: int a, int b", "Foreign(\"Go\") Foreign(\"Go\")");
    check(Arch::X86_64, "changed void: int a", "Changed");
    check(Arch::X86_64, "C++ void: struct empty a, int b", "Empty r0@0:4");
    check(Arch::Aarch64, "C++ void: struct empty a, int b", "r0@0:1 r1@0:4");
}
