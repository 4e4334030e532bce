//! Properties of everything that reads a text.

use rbtrace_diag::{Sink, Source, SourceId, Sources, Span, Spanned, Style, render};
use rbtrace_syntax::c::{self, Headers, Unit};
use rbtrace_syntax::lexer::Lexeme;
use rbtrace_types::Space;
use rbtrace_types::ctype;
use rbtrace_types::fixture::Fixture;
use rbtrace_types::format::TracepointFormat;

/// Reads a text as a script; `None`: it is not UTF-8, which the command line refuses.
pub(crate) fn read(data: &[u8]) -> Option<(Sources, rbtrace_syntax::ast::Program, Sink)> {
    let text = std::str::from_utf8(data).ok()?;
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let id = sources.add("fuzz", text);
    let program = rbtrace_syntax::parse(&sources, id, &mut sink);
    Some((sources, program, sink))
}

/// Any text is cut into tokens that lie behind one another inside it, at whole characters.
pub fn lexer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut end = 0;
    for item in rbtrace_syntax::lexer::lex(text, SourceId(0)).items {
        let tokens = match item {
            Lexeme::C(c) => vec![c.span],
            Lexeme::Code(code) => code.tokens.iter().map(|token| token.span).collect(),
        };
        for span in tokens {
            // What the lexer puts in for a missing bracket has no width.
            assert!(span.start >= end || span.start == span.end, "{span:?} overlaps what ends at {end}");
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} lies outside its text");
            end = end.max(span.end);
        }
    }
}

/// Any text is parsed to its end; every label lies inside the text, at whole characters.
pub fn parse(data: &[u8]) {
    let Some((sources, _, sink)) = read(data) else { return };
    for label in sink.sorted().iter().flat_map(|diagnostic| &diagnostic.labels) {
        let source: &Source = sources.get(label.span.source);
        assert!(source.text.get(label.span.start as usize..label.span.end as usize).is_some(), "{label:?} lies outside its text");
    }
}

/// Reading is a function of the text: twice the same tree.
pub fn tree(data: &[u8]) {
    let (Some(once), Some(again)) = (read(data), read(data)) else { return };
    assert_eq!(rbtrace_syntax::print(&once.1), rbtrace_syntax::print(&again.1));
}

/// Formatting a program changes neither its tree nor, the second time, its text.
pub fn format(data: &[u8]) {
    let Some((sources, program, _)) = read(data).filter(|read| !read.2.has_errors()) else { return };
    let once = rbtrace_syntax::format(&sources, SourceId(0), &program).text;
    let Some((sources, again, sink)) = read(once.as_bytes()) else { return };
    assert!(!sink.has_errors(), "no program any more: {once}");
    assert_eq!(rbtrace_syntax::print(&program), rbtrace_syntax::print(&again), "{once}");
    assert_eq!(once, rbtrace_syntax::format(&sources, SourceId(0), &again).text);
}

/// Whatever is said can be shown, with colours and without.
pub fn diagnose(data: &[u8]) {
    let Some((sources, _, sink)) = read(data) else { return };
    for diagnostic in sink.sorted() {
        assert!(!render(diagnostic, &sources, Style { color: false }).is_empty());
        assert!(!render(diagnostic, &sources, Style { color: true }).is_empty());
    }
}

/// Form feeds part C texts: a script's, then the headers `a`, `b` and `c`, which may include each other. All of them are read to their end,
/// twice the same way, and what is said lies inside of them.
pub fn c_definitions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (once, again) = (read_c(text), read_c(text));
    assert_eq!(once.1, again.1);
    for label in once.0.sorted().iter().flat_map(|diagnostic| &diagnostic.labels) {
        let part = text.split('\u{c}').nth(usize::from(label.span.source.0)).unwrap_or_default();
        assert!(part.get(label.span.start as usize..label.span.end as usize).is_some(), "{label:?} lies outside its text");
    }
}

fn read_c(text: &str) -> (Sink, Unit) {
    let mut parts = text.split('\u{c}').take(4).enumerate().map(|(number, part)| {
        let id = SourceId(number as u16);
        (id, Spanned { span: Span::new(id, 0, part.len()), node: part.to_string() })
    });
    let (_, script) = parts.next().expect("a text has a first part");
    let mut headers = Headers { texts: parts.collect(), ..Headers::default() };
    let names = || ["a", "b", "c"].into_iter().zip(1..).map(|(name, id)| (name.to_string(), SourceId(id)));
    for from in 0..4 {
        let known = names().filter(|(_, id)| headers.texts.contains_key(id));
        headers.asked.extend(known.map(|(name, id)| ((SourceId(from), name), Some(id))).collect::<Vec<_>>());
    }
    let world = c::World {
        predefined: &["BPFTRACE_HAVE_BTF"],
        constant: &|name| (name == "PAGE_SIZE").then_some(4096),
        size: &|name| (name == "int").then_some((4, true)),
        headers: &headers,
        is_used: &|name| name.len() % 2 == 0,
    };
    let mut sink = Sink::default();
    let unit = c::parse(&[&script], &world, &mut sink);
    (sink, unit)
}

/// Fields of a format file lie inside what a record can be.
pub fn tracepoint_format(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(format) = TracepointFormat::parse("category", "event", text) else { return };
    for field in &format.fields {
        assert!(field.offset.checked_add(field.size).is_some_and(|end| end <= 64 << 10), "{field:?} reaches out of its record");
    }
}

/// Any text is a C type or none; a type has a text of its own.
pub fn c_type(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(ty) = ctype::c_type(text, Space::Kernel, &Fixture::empty()) {
        assert!(!ty.to_string().is_empty());
    }
}

/// Any text is a machine, or is refused with a reason.
pub fn fixture(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(reason) = Fixture::parse(text) {
        assert!(!reason.is_empty());
    }
}
