//! Whatever the text: parsing ends, says what is wrong, and gives a tree whose numbers are dense.

use rbtrace_diag::{Sink, Sources};
use rbtrace_syntax::{parse, print};

const INPUTS: u64 = 20_000;

/// What scripts are made of; ` ` between them is left to chance.
const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ">>",
    "/",
    "//",
    "/*",
    "*/",
    ";",
    ":",
    ",",
    ".",
    "..",
    "->",
    "?",
    "=",
    "==",
    "+=",
    "++",
    "--",
    "+",
    "-",
    "*",
    "%",
    "&",
    "|",
    "^",
    "!",
    "~",
    "&&",
    "||",
    "<<",
    ">=",
    "if",
    "else",
    "while",
    "for",
    "unroll",
    "let",
    "return",
    "break",
    "import",
    "sizeof",
    "offsetof",
    "typeof",
    "typeinfo",
    "comptime",
    "struct",
    "union",
    "enum",
    "typedef",
    "config",
    "macro",
    "fn",
    "true",
    "pid",
    "comm",
    "x",
    "_",
    "$x",
    "$1",
    "$#",
    "$",
    "@",
    "@m",
    "@m[",
    "0",
    "1",
    "0x1f",
    "5ms",
    "1e3",
    "08",
    "\"a\"",
    "\"",
    "'",
    "\\",
    "#",
    "#define X 1\n",
    "kprobe:f",
    "BEGIN",
    "end",
    "interval:s:1",
    "uprobe:./a:\"b\"",
    "\n",
    " ",
    "\n",
    "\r\n",
    "é",
    "\u{0}",
    "print(",
    "@ = count();",
    "if (1) <",
    "> else <",
    "{ print(1); }",
    "begin {",
    "begin <",
    "for ($i : 0..3) {",
    "(int32)",
    "(x)",
];

#[test]
fn tokens_in_any_order_do_no_harm() {
    let mut random = Random(1);
    for _ in 0..INPUTS {
        let count = random.below(60);
        let begun = if random.below(2) == 0 { "begin { " } else { "" };
        let text: String = (0..count).flat_map(|_| [PIECES[random.below(PIECES.len())], [" ", ""][random.below(2)]]).collect();
        check(&format!("{begun}{text}"));
    }
}

#[test]
fn bytes_in_any_order_do_no_harm() {
    let mut random = Random(2);
    for _ in 0..INPUTS {
        let bytes: Vec<u8> = (0..random.below(80)).map(|_| random.next() as u8 & [0x7f, 0xff][random.below(2)]).collect();
        check(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_script_with_a_piece_cut_out_does_no_harm() {
    let script = "#!/x\nconfig = { a = 1; }\nmacro m($a, @b, c) { @b[$a] = c; $a }\nmine=kprobe:f,t:a:b /@x[pid] > (1 + 2)/ \
        < if ($x == 1) { print((1, \"a\")); } else if $y < exit(); > else { @ = hist(args.x->y.0); } for ($i : 0..3) { $z += (int8)$i; } >\n\
        fn g($a : struct s *) : int32[4] { return sizeof(struct s); }\n";
    for start in 0..script.len() {
        for length in 1..40.min(script.len() - start) {
            check(&format!("{}{}", &script[..start], &script[start + length..]));
        }
    }
}

#[test]
fn deep_trees_are_refused_and_wide_ones_are_not() {
    let deep = [
        format!("begin {{ $x = {}1{}; }}", "(".repeat(5000), ")".repeat(5000)),
        format!("begin {{ $x = {}1; }}", "-".repeat(5001)),
        format!("begin {{ $x = {}1; }}", "(int8)".repeat(5000)),
        format!("begin {{ $x = 1{}; }}", " + 1".repeat(10_000)),
        format!("begin {{ $x = 1{}; }}", " ? 1 : 1".repeat(5000)),
        format!("begin {{ $x = x{}; }}", ".y".repeat(5000)),
        format!("begin {{ $x = x{}; }}", "[0]".repeat(5000)),
        format!("begin {{ if (1) {{ }} {} }}", "else if (1) { }".repeat(5000)),
        format!("begin {{ {}{} }}", "if (1) {".repeat(5000), "}".repeat(5000)),
        format!("begin {}{}", "< if (1)".repeat(5000), ">".repeat(5000)),
        format!("begin {{ $x = {}1{}; }}", "(".repeat(200), format!("{})", " + 1".repeat(900)).repeat(200)),
        format!("begin {{ $x = {}; }}", "{1} + ".repeat(5000) + "1"),
        format!("begin {{ let $x : {}int8{}; }}", "typeof(".repeat(5000), ")".repeat(5000)),
    ];
    for text in deep {
        assert!(check(&text), "{}…", &text[..60]);
    }
    let wide = [
        format!("begin {{ {} }}", "print(1 + 2);".repeat(5000)),
        format!("begin {{ {} }}", "if (1) { print(1) } ".repeat(5000)),
        format!("begin {{ f({}1); }}", "1 + 2, ".repeat(5000)),
        format!("begin {{ $x = {}1; }}", "1 + ".repeat(900)),
        format!("begin {{ $x = {}1{}; }}", "(".repeat(200), ")".repeat(200)),
        "begin { print(1); }\n".repeat(3000),
    ];
    for text in wide {
        assert!(!check(&text), "{}…", &text[..60]);
    }
}

/// Parses a text and checks what must hold for all; whether there were errors.
fn check(text: &str) -> bool {
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let id = sources.add("soup", text);
    let program = parse(&sources, id, &mut sink);
    let tree = print(&program);
    let shown = format!("{program:?}");
    let ids: std::collections::BTreeSet<&str> = shown.split("ExprId(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(ids.len(), shown.matches("ExprId(").count(), "two expressions share a number: {text:?}");
    assert_eq!(ids.len(), program.expr_count as usize, "numbers are not dense: {text:?}");
    assert!(sink.has_errors() || !tree.lines().any(|line| line.trim() == "error"), "an error node without a word: {text:?}");
    for problem in sink.sorted() {
        for label in &problem.labels {
            assert!(label.span.start <= label.span.end && label.span.end as usize <= text.len(), "{problem:?}: {text:?}");
            assert!(
                text.is_char_boundary(label.span.start as usize) && text.is_char_boundary(label.span.end as usize),
                "{problem:?}: {text:?}"
            );
        }
    }
    sink.has_errors()
}

/// A small generator of our own, so that every run sees the same inputs (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
