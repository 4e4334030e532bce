//! What the texts of arguments are read as, for both architectures.

use super::*;

fn shown(text: &str, arch: Arch) -> String {
    let shown = |operand: &Result<Operand, Unreadable>| match operand {
        Ok(operand) => format!("{}{} {}", if operand.signed { "s" } else { "u" }, operand.bytes, source(&operand.source)),
        Err(FLOAT) => "(float)".to_owned(),
        Err(SEGMENT) => "(thread)".to_owned(),
        Err(UNKNOWN) => "(unknown)".to_owned(),
        Err(_) => "(size)".to_owned(),
    };
    parse(text, arch).iter().map(shown).collect::<Vec<_>>().join("; ")
}

fn register(r: &Register) -> String {
    let shift = if r.shift == 0 { String::new() } else { format!(">>{}", r.shift) };
    format!("{}r{}:{}{shift}", if r.signed { "s" } else { "" }, r.offset, r.bytes)
}

fn source(source: &Source) -> String {
    match source {
        Source::Constant(value) => value.to_string(),
        Source::Register(r) => register(r),
        Source::Address(at) => address(at),
        Source::Memory(at) => format!("[{}]", address(at)),
    }
}

fn address(address: &Address) -> String {
    let symbol = address.symbol.as_ref().map(|symbol| match symbol {
        Symbol::Whole(name) => format!("&{name}"),
        Symbol::Low(name) => format!("low &{name}"),
    });
    let base = address.base.as_ref().map(register);
    let index = address.index.as_ref().map(|(index, scale)| format!("{}*{scale}", register(index)));
    let displacement = (address.displacement != 0).then(|| address.displacement.to_string());
    [symbol, base, index, displacement].into_iter().flatten().collect::<Vec<_>>().join("+")
}

#[test]
fn operands_of_x86_64() {
    for (text, wanted) in [
        ("", ""),
        ("-4@%eax 8@%rdi", "s4 r80:4; u8 r112:8"),
        ("1@%al 1@%ah 2@%ax 1@%sil -2@%r9w 4@%r10d 1@%r11b", "u1 r80:1; u1 r80:1>>8; u2 r80:2; u1 r104:1; s2 r64:2; u4 r56:4; u1 r48:1"),
        ("4@$5 -8@$-579005069656919568 8@$0x10", "u4 5; s8 -579005069656919568; u8 16"),
        ("8@-8(%rbp) 4@(%rsp)", "u8 [r32:8+-8]; u4 [r152:8]"),
        ("-4@-80(%rbp,%rax,8) 8@(%rax,%rbx) 8@16(,%rcx,4)", "s4 [r32:8+r80:8*8+-80]; u8 [r80:8+r40:8*1]; u8 [r88:8*4+16]"),
        ("4@counter(%rip) 8@table+16(%rip) 8@16+table(%rip)", "u4 [&counter]; u8 [&table+16]; u8 [&table+16]"),
        (
            "8@counter 8@counter-8 4@table(,%rax,4) 4@table+8(%rbx)",
            "u8 [&counter]; u8 [&counter+-8]; u4 [&table+r80:8*4]; u4 [&table+r40:8+8]",
        ),
        ("8@$counter 8@$counter+4", "u8 &counter; u8 &counter+4"),
        ("%rdi", "u8 r112:8"),
        ("8f@%xmm0 4f@-8(%rbp) 8@%xmm1 4f@%st(0)", "(float); (float); (float); (float)"),
        ("3@%eax 16@%rax", "(size); (size)"),
        ("8@%fs:16(%rax)", "(thread)"),
        ("8@(%rax,%rbx,3) 8@%foo 8@8(%rip) x@%eax 8@", "(unknown); (unknown); (unknown); (unknown); (unknown)"),
    ] {
        assert_eq!(shown(text, Arch::X86_64), wanted, "{text}");
    }
}

#[test]
fn operands_of_aarch64() {
    for (text, wanted) in [
        ("-4@w1 8@x29 8@sp 8@fp 8@lr", "s4 r8:4; u8 r232:8; u8 r248:8; u8 r232:8; u8 r240:8"),
        ("4@5 -4@-1 8@#7 4@wzr 8@xzr", "u4 5; s4 -1; u8 7; u4 0; u8 0"),
        ("-4@[sp, 12] 8@[x29, -24] 8@[x0] 8@[x0, #16]", "s4 [r248:8+12]; u8 [r232:8+-24]; u8 [r0:8]; u8 [r0:8+16]"),
        ("8@[x0, x1] 8@[x0, x1, lsl 3] -4@[x19, w2, sxtw #2]", "u8 [r0:8+r8:8*1]; u8 [r0:8+r8:8*8]; s4 [r152:8+sr16:4*4]"),
        ("4@[x0,w1,uxtw 2] 1@[x2, x3, sxtx]", "u4 [r0:8+r8:4*4]; u1 [r16:8+sr24:8*1]"),
        ("4@[x0, #:lo12:counter] 8@[x1, :lo12:table+8] 8@counter", "u4 [low &counter+r0:8]; u8 [low &table+r8:8+8]; u8 [&counter]"),
        ("8@d0 4@s1 8f@[sp, 8]", "(float); (float); (float)"),
        // No register, so a name.
        ("8@x31", "u8 [&x31]"),
        ("8@x 8@[x31] 8@[x0, x1, ror 3] 8@[x0, 8, 9] 8@[7] 8@[x0", "u8 [&x]; (unknown); (unknown); (unknown); (unknown); (unknown)"),
    ] {
        assert_eq!(shown(text, Arch::Aarch64), wanted, "{text}");
    }
}
