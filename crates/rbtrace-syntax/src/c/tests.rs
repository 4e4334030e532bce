//! Texts against what they say, written back in one line each.

use rbtrace_diag::{Sink, SourceId, Span, Spanned};

use super::*;

fn item(text: &str) -> Spanned<String> {
    Spanned { node: text.to_owned(), span: Span::new(SourceId(0), 0, text.len()) }
}

fn world(headers: &Headers) -> World<'_> {
    let constant = &|name: &str| (name == "TASK_COMM_LEN").then_some(16);
    let size = &|name: &str| match name {
        "int" | "s32" => Some((4, true)),
        "unsigned char" | "u8" => Some((1, false)),
        "struct page" => Some((64, false)),
        _ => None,
    };
    World { predefined: &["BPFTRACE_HAVE_BTF"], constant, size, headers, is_used: &|_| true }
}

fn read(text: &str) -> (Unit, Vec<String>) {
    let mut sink = Sink::default();
    let unit = parse(&[&item(text)], &world(&Headers::default()), &mut sink);
    let said = sink.sorted().iter().map(|diagnostic| diagnostic.message.clone()).collect();
    (unit, said)
}

/// All declarations, shortly.
fn shown(unit: &Unit) -> String {
    unit.declarations.iter().map(declaration).collect::<Vec<_>>().join(" ")
}

fn declaration(declaration: &Declaration) -> String {
    match declaration {
        Declaration::Composite(found) => composite(found),
        Declaration::Enumeration(found) => enumeration(found),
        Declaration::Typedef { name, ty } => format!("typedef {} = {};", name.node, c_type(ty)),
    }
}

fn composite(found: &Composite) -> String {
    let members = found.members.iter().map(|member| {
        let bits = member.bits.map(|bits| format!(":{bits}")).unwrap_or_default();
        let align = member.attributes.align.map(|align| format!("@{align}")).unwrap_or_default();
        format!("{}{bits}{align} {}", member.name.as_deref().unwrap_or("_"), c_type(&member.ty))
    });
    let packed = if found.attributes.packed { "packed " } else { "" };
    let keyword = if found.tag == Tag::Union { "union" } else { "struct" };
    format!("{packed}{keyword} {}{{{}}}", found.name.as_deref().unwrap_or(""), members.collect::<Vec<_>>().join(", "))
}

fn enumeration(found: &Enumeration) -> String {
    let constants = found.constants.iter().map(|(name, value)| format!("{name}={value}"));
    format!("enum {}{{{}}}", found.name.as_deref().unwrap_or(""), constants.collect::<Vec<_>>().join(","))
}

fn c_type(ty: &CType) -> String {
    let base = match &ty.base {
        Base::Words(words) => words.clone(),
        Base::Tagged(Tag::Struct, name) => format!("struct {name}"),
        Base::Tagged(Tag::Union, name) => format!("union {name}"),
        Base::Tagged(Tag::Enum, name) => format!("enum {name}"),
        Base::Composite(inner) => composite(inner),
        Base::Enumeration(inner) => enumeration(inner),
    };
    ty.layers.iter().fold(base, |text, layer| match layer {
        Layer::Pointer => format!("{text}*"),
        Layer::Array(length) => format!("{text}[{length}]"),
        Layer::Function => format!("{text}()"),
    })
}

fn check(text: &str, expected: &str) {
    let (unit, said) = read(text);
    assert_eq!(said, Vec::<String>::new(), "{text}");
    assert_eq!(shown(&unit), expected, "{text}");
}

fn check_error(text: &str, expected: &str) {
    assert_eq!(read(text).1, [expected], "{text}");
}

#[test]
fn members_and_declarators() {
    check("struct s { int a; unsigned long long *b, c[2][3]; };", "struct s{a int, b unsigned long long*, c unsigned long long[3][2]}");
    check("struct s { long unsigned int a; const char *n; short int x; }", "struct s{a unsigned long, n char*, x short}");
    check("struct s { void (*f)(int, char *); int *(*g[4])(void); };", "struct s{f void()*, g int*()*[4]}");
    check("struct s { int a : 3, : 5, b : 1 + 1; };", "struct s{a:3 int, _:5 int, b:2 int}");
    check("struct s { struct { int a; }; union u { int b; } u; };", "union u{b int} struct s{_ struct {a int}, u union u}");
    check("struct s { char comm[TASK_COMM_LEN]; char flex[]; };", "struct s{comm char[16], flex char[0]}");
    check("struct __attribute__((packed)) s { int a; };", "packed struct s{a int}");
    check("struct s { int a; } __attribute__((packed)) __attribute__((unused));", "packed struct s{a int}");
    check("struct s { int a __attribute__((aligned(8))); };", "struct s{a@8 int}");
    check("union u { int a; struct s *p; };", "union u{a int, p struct s*}");
    check("struct s { int a; int b };", "struct s{a int, b int}");
    check("struct s;", "");
    check("static inline int f(void) { return 1; }\nconst int v[] = { 1, 2 };\nstruct s { int a; };", "struct s{a int}");
    check(
        "struct s { char a[(u8)0x104 + sizeof(struct page) + sizeof(s32 *)]; int b[-(s32)0xffffffff]; };",
        "struct s{a char[76], b int[1]}",
    );
}

#[test]
fn headers_are_read_where_they_are_asked_for() {
    let header = |id: u16, text: &str| (SourceId(id), Spanned { span: Span::new(SourceId(id), 0, text.len()), node: text.to_owned() });
    let asked = |from: u16, name: &str, id: Option<u16>| ((SourceId(from), name.to_owned()), id.map(SourceId));
    let headers = Headers {
        texts: [
            header(1, "#pragma once\n#include \"b.h\"\nstruct a { struct b b; };"),
            header(2, "#ifndef B\n#define B\n#include \"b.h\"\nstruct b { int x; };\n#endif"),
            header(3, "#include \"c.h\"\n#include \"c.h\"\n"),
        ]
        .into(),
        asked: [
            asked(0, "a.h", Some(1)),
            asked(1, "b.h", Some(2)),
            asked(2, "b.h", Some(2)),
            asked(0, "c.h", Some(3)),
            asked(3, "c.h", Some(3)),
        ]
        .into(),
    };
    let read = |text: &str| {
        let mut sink = Sink::default();
        let unit = parse(&[&item(text)], &world(&headers), &mut sink);
        (shown(&unit), unit.includes.len(), sink.sorted().iter().map(|diagnostic| diagnostic.message.clone()).collect::<Vec<_>>())
    };
    let whole = "struct b{x int} struct a{b struct b}".to_owned();
    assert_eq!(read("#include \"a.h\"\n#include \"a.h\"\n#include <linux/fs.h>"), (whole, 1, Vec::new()));
    assert_eq!(read("#if 0\n#include \"a.h\"\n#include <x.h>\n#endif"), (String::new(), 0, Vec::new()));
    assert_eq!(read("#include \"c.h\"").2[..1], ["these headers include each other without end"]);
}

#[test]
fn enums_and_typedefs() {
    check("enum e { A, B = 5, C, D = -1, E = B | 2, };", "enum e{A=0,B=5,C=6,D=-1,E=7}");
    check("enum { X = 1 << 4 };", "enum {X=16}");
    check(
        "typedef unsigned int u32; typedef struct { u32 x; } s_t, *s_p;",
        "typedef u32 = unsigned int; typedef s_t = struct {x u32}; typedef s_p = struct {x u32}*;",
    );
    check("enum e { N = 3 }; struct s { int a[N * 2]; };", "enum e{N=3} struct s{a int[6]}");
}

#[test]
fn conditionals_and_macros() {
    check("#ifdef BPFTRACE_HAVE_BTF\nstruct a { int x; };\n#else\nstruct b { int x; };\n#endif", "struct a{x int}");
    check("#ifndef BPFTRACE_HAVE_BTF\nstruct a { int x; };\n#endif\nstruct b { int x; };", "struct b{x int}");
    check("#define N 4\n#if defined(N) && N > 3\nstruct a { int x[N]; };\n#elif 1\nnonsense\n#endif", "struct a{x int[4]}");
    check(
        "#define BIT(n) (1 << (n))\n#define SUM(a, b) (a + b)\n#define TWO() 2\nenum { A = BIT(3), B = SUM(BIT(1), TWO()), C = SUM((1), 2 * 3) };",
        "enum {A=8,B=4,C=7}",
    );
    check("#define SELF(x) (SELF)\n#define SELF 4\nstruct s { int a[SELF]; };", "struct s{a int[4]}");
    check("#define TWICE(x) (x * 2)\n#if TWICE(defined(TWICE)) == 2\nenum { A };\n#endif", "enum {A=0}");
    check("#if 0\n#if 1\nnonsense\n#endif\n#else\nenum { A };\n#endif", "enum {A=0}");
    check("struct s {\n#ifdef NO\n int a;\n#endif\n int b; };", "struct s{b int}");
    let (unit, said) = read("#define A (1 + \\\n 2)\n#define F(x) x\n#define B\n#undef B\n#include <linux/sched.h>\n");
    assert_eq!(said, Vec::<String>::new());
    let macros: Vec<_> =
        unit.macros.iter().map(|found| (found.name.node.as_str(), found.body.node.as_str(), found.params != Params::None)).collect();
    assert_eq!(macros, [("A", "(1 + \\\n 2)", false), ("F", "x", true)]);
    assert_eq!(unit.includes[0].name.node, "linux/sched.h");
}

#[test]
fn mistakes_are_said_and_the_rest_is_read() {
    check_error("struct s { int a int b; };", "expected `;`, found `int`");
    check_error("struct s { int a[b]; };", "unknown constant `b`");
    check_error("#if 1\n", "this conditional has no `#endif`");
    check_error("#endif", "this `#endif` ends nothing");
    check_error("#else", "this `#else` belongs to nothing");
    check_error("#error no", "the script's own `#error` was reached");
    check_error("enum e { A = 1 / 0 };", "division by zero in a constant expression");
    let (unit, said) = read("struct a { 5 };\nstruct b { int x; };");
    assert_eq!((shown(&unit).as_str(), said.len()), ("struct b{x int}", 1));
}

/// Macros that multiply, endless nesting, and every cut of a good text: an answer, and soon.
#[test]
fn nothing_panics_or_takes_long() {
    let mut bomb = String::new();
    for level in 0..40 {
        bomb += &format!("#define M{level} M{} M{}\n", level + 1, level + 1);
    }
    assert!(!read(&format!("{bomb}struct s {{ int a[M0]; }};")).1.is_empty());
    let mut growing = String::new();
    for level in 0..40 {
        growing += &format!("#define F{level}(x) F{}(x x x x)\n", level + 1);
    }
    assert!(!read(&format!("{growing}struct s {{ int a[F0(1)]; }};")).1.is_empty());
    assert!(!read(&format!("#define F(x) x\nstruct s {{ int a[{}1]; }};", "F(".repeat(10_000))).1.is_empty());
    assert!(!read(&format!("#define F(x) x\nstruct s {{ int a[{}1{}]; }};", "F(".repeat(5_000), ")".repeat(5_000))).1.is_empty());
    assert!(!read(&"struct {".repeat(10_000)).1.is_empty());
    assert!(!read(&format!("struct s {{ int a[{}1]; }};", "(".repeat(10_000))).1.is_empty());
    assert!(!read(&format!("struct s {{ int {}a; }};", "(".repeat(10_000))).1.is_empty());
    let good = "#define N 'x'\nstruct __attribute__((packed)) s { int (*a[N])(int), b : 3; /* c */ enum { A = ~1 } e; } x; // d\n#if defined N\n#endif é\"";
    for (end, _) in good.char_indices() {
        read(&good[..end]);
        read(&good[end..]);
    }
}
