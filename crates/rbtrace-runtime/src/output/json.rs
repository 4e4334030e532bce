//! Output for programs: one JSON object per line (SPEC §9.10), everything on the script's own stream.

use std::io::Write as _;

use rbtrace_ir::EventDecl;
use rbtrace_lang::run::{self, Message, Report, RunError};
use rbtrace_lang::value::{Bucket, Series};
use rbtrace_lang::{Value, text, warnings};

use crate::output::utc::utc;
use crate::output::{Output, Shown, Stream, Trial, trial};

/// See the module.
#[derive(Debug)]
pub struct Json {
    /// Whether all warnings have their code; else only those that have no shape to keep to (SPEC §9.10).
    pub codes: bool,
}

impl Output for Json {
    fn message(&self, kind: Message, text: &[u8], out: &mut Vec<u8>) -> Stream {
        let line: &[u8] = match kind {
            Message::Printf => b"{\"type\": \"printf\", \"data\": ",
            Message::Time => b"{\"type\": \"time\", \"data\": ",
            Message::Cat => b"{\"type\": \"cat\", \"data\": ",
            Message::Join => b"{\"type\": \"join\", \"data\": ",
            Message::Syscall => b"{\"type\": \"syscall\", \"data\": ",
        };
        out.extend_from_slice(line);
        string(text, out);
        out.extend_from_slice(b"}\n");
        Stream::Out
    }

    fn value(&self, value: &Value, out: &mut Vec<u8>) -> Stream {
        out.extend_from_slice(b"{\"type\": \"value\", \"data\": ");
        data(value, out);
        out.extend_from_slice(b"}\n");
        Stream::Out
    }

    fn map(&self, shown: Shown<'_>, out: &mut Vec<u8>) -> Result<Stream, RunError> {
        let mut rows = shown.rows.peekable();
        if rows.peek().is_none() {
            return Ok(Stream::Out);
        }
        put(out, format_args!("{{\"type\": \"{}\", \"data\": {{\"{}\": ", shown.json_type, shown.title));
        if shown.keyed {
            out.push(b'{');
        }
        for (index, row) in rows.enumerate() {
            let row = row?;
            if index > 0 {
                out.extend_from_slice(b", ");
            }
            if let Some(row_key) = &row.key {
                key(row_key, out);
                out.extend_from_slice(b": ");
            }
            data(&row.value, out);
        }
        if shown.keyed {
            out.push(b'}');
        }
        out.extend_from_slice(b"}}\n");
        Ok(Stream::Out)
    }

    fn before_maps(&self, _: &mut Vec<u8>) {}

    fn attached(&self, probes: usize, out: &mut Vec<u8>) -> Stream {
        put(out, format_args!("{{\"type\": \"attached_probes\", \"count\": {probes}, \"data\": {{\"probes\": {probes}}}}}\n"));
        Stream::Out
    }

    fn lost(&self, events: u64, out: &mut Vec<u8>) -> Stream {
        put(out, format_args!("{{\"type\": \"lost_events\", \"count\": {events}, \"data\": {{\"events\": {events}}}}}\n"));
        Stream::Out
    }

    fn report(&self, kind: Report<'_>, event: &EventDecl, text: &str, out: &mut Vec<u8>) -> Stream {
        self.report_line(kind, event, text, None, out)
    }

    fn repeated(&self, kind: Report<'_>, event: &EventDecl, text: &str, times: u64, out: &mut Vec<u8>) -> Stream {
        self.report_line(kind, event, text, Some(times), out)
    }

    fn trial(&self, trial: Trial<'_>, out: &mut Vec<u8>) {
        trial::json(trial, out);
    }

    fn complain(&self, class: Option<&str>, text: &str, out: &mut Vec<u8>) -> Stream {
        out.extend_from_slice(b"{\"type\": \"runtime_error\", \"msg\": ");
        string(text.as_bytes(), out);
        code(class, out);
        out.extend_from_slice(b"}\n");
        Stream::Out
    }
}

/// The class of a warning, as one member more.
fn code(class: Option<&str>, out: &mut Vec<u8>) {
    if let Some(class) = class {
        put(out, format_args!(", \"code\": \"{class}\""));
    }
}

impl Json {
    /// `repeated`: how many times more the same happened; not part of the line of a first time.
    fn report_line(&self, kind: Report<'_>, event: &EventDecl, text: &str, repeated: Option<u64>, out: &mut Vec<u8>) -> Stream {
        let name = match kind {
            Report::Errorf => "\"errorf\"",
            Report::Warnf => "\"warnf\"",
            Report::RuntimeError | Report::FileError => "\"runtime_error\"",
            Report::HelperError { .. } => "\"helper_error\"",
        };
        put(out, format_args!("{{\"type\": {name}, \"msg\": "));
        string(text.as_bytes(), out);
        if let Report::HelperError { helper, retcode } = kind {
            put(out, format_args!(", \"helper\": \"{helper}\""));
            if let Some(retcode) = retcode {
                put(out, format_args!(", \"retcode\": {retcode}"));
            }
        }
        if let Some(times) = repeated {
            put(out, format_args!(", \"count\": {times}"));
        }
        let (file, line, column) = place(&event.location);
        out.extend_from_slice(b", \"filename\": ");
        string(file.as_bytes(), out);
        put(out, format_args!(", \"line\": {line}, \"col\": {column}"));
        callers(event, out);
        // What `warnf` says has a type of its own.
        if self.codes {
            code(run::code(kind, event).filter(|code| *code != warnings::WARNF.code), out);
        }
        out.extend_from_slice(b"}\n");
        Stream::Out
    }
}

/// The calls of macros that led there; most places have none.
fn callers(event: &EventDecl, out: &mut Vec<u8>) {
    if event.callers.is_empty() {
        return;
    }
    out.extend_from_slice(b", \"expanded_from\": ");
    list(&event.callers, out, |caller, out| {
        let (file, line, column) = place(&caller.location);
        out.extend_from_slice(b"{\"filename\": ");
        string(file.as_bytes(), out);
        put(out, format_args!(", \"line\": {line}, \"col\": {column}}}"));
    });
}

/// `stdin:1:9-20` → file, line, first column. A file's name may contain colons; an unknown place is line 0.
fn place(location: &str) -> (&str, u32, u32) {
    let mut parts = location.rsplitn(3, ':');
    let columns = parts.next().and_then(|columns| columns.split('-').next()?.parse().ok());
    let line = parts.next().and_then(|line| line.parse().ok());
    match (parts.next(), line, columns) {
        (Some(file), Some(line), Some(column)) => (file, line, column),
        (_, _, _) => (location, 0, 0),
    }
}

/// Appends a value.
fn data(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::None => out.extend_from_slice(b"null"),
        Value::Int(number) | Value::Enum(number, _) => integer(*number, out),
        Value::UInt(number) | Value::Pointer(number) => unsigned(*number, out),
        Value::Bool(_) => text::write(value, out),
        Value::Str(text) => string(text, out),
        Value::Text(text) => string(text.as_bytes(), out),
        Value::Stack(_) => string(&text::of(value), out),
        Value::Bytes(bytes) => list(bytes, out, |byte, out| text::write_int(i64::from(*byte as i8), out)),
        Value::Array(items) | Value::Tuple(items) => list(items, out, data),
        Value::Struct(fields) => structure(fields, out),
        Value::Histogram(buckets) => list(buckets, out, bucket),
        Value::Series(series) => series_of(series, out),
    }
}

/// Numbers of JSON are doubles to most readers: one that no double holds is written as a string.
fn integer(number: i64, out: &mut Vec<u8>) {
    if i128::from(number) == number as f64 as i128 {
        text::write_int(number, out);
    } else {
        put(out, format_args!("\"{number}\""));
    }
}

fn unsigned(number: u64, out: &mut Vec<u8>) {
    if u128::from(number) == number as f64 as u128 {
        text::write_uint(number, out);
    } else {
        put(out, format_args!("\"{number}\""));
    }
}

fn list<T>(items: &[T], out: &mut Vec<u8>, each: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(b']');
}

fn structure(fields: &[(String, Value)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        string(name.as_bytes(), out);
        out.extend_from_slice(b": ");
        data(value, out);
    }
    out.push(b'}');
}

fn bucket(bucket: &Bucket, out: &mut Vec<u8>) {
    out.push(b'{');
    for (name, bound) in [("min", bucket.min), ("max", bucket.max)] {
        if let Some(bound) = bound {
            put(out, format_args!("\"{name}\": {bound}, "));
        }
    }
    put(out, format_args!("\"count\": {}}}", bucket.count));
}

/// The intervals that have a value.
fn series_of(series: &Series, out: &mut Vec<u8>) {
    let points: Vec<_> = series.points.iter().filter_map(|point| Some((point.start, point.value?))).collect();
    list(&points, out, |&(start, value), out| {
        put(out, format_args!("{{\"interval_start\":\"{}\",\"value\":", utc(start)));
        match i64::try_from(value) {
            Ok(value) => integer(value, out),
            Err(_) => unsigned(value as u64, out),
        }
        out.push(b'}');
    });
}

/// A key is its text, the elements of a tuple without blanks between them. Blanks inside strings stay.
fn key(key: &Value, out: &mut Vec<u8>) {
    let mut plain = Vec::new();
    match key {
        Value::Tuple(items) => elements(items, &mut plain),
        Value::None | Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Pointer(_) | Value::Enum(..) => key_part(key, &mut plain),
        Value::Str(_) | Value::Bytes(_) | Value::Array(_) | Value::Struct(_) | Value::Text(_) | Value::Stack(_) => {
            key_part(key, &mut plain)
        }
        Value::Histogram(_) | Value::Series(_) => key_part(key, &mut plain),
    }
    string(&plain, out);
}

fn key_part(part: &Value, out: &mut Vec<u8>) {
    match part {
        Value::Tuple(items) => {
            out.push(b'(');
            elements(items, out);
            out.push(b')');
        }
        Value::Struct(fields) => {
            out.push(b'{');
            for (index, (name, value)) in fields.iter().enumerate() {
                put(out, format_args!("{}.{name}=", if index > 0 { "," } else { "" }));
                key_part(value, out);
            }
            out.push(b'}');
        }
        Value::None | Value::Int(_) | Value::UInt(_) | Value::Bool(_) | Value::Pointer(_) | Value::Enum(..) => text::write(part, out),
        Value::Str(_) | Value::Bytes(_) | Value::Array(_) | Value::Text(_) => text::write(part, out),
        Value::Stack(_) => unindented(&text::of(part), out),
        Value::Histogram(_) | Value::Series(_) => text::write(part, out),
    }
}

/// Lines without the blanks that they begin with. Those inside a line stay: they are part of names.
fn unindented(lines: &[u8], out: &mut Vec<u8>) {
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let blanks = line.iter().take_while(|byte| **byte == b' ').count();
        out.extend_from_slice(&line[blanks..]);
    }
}

fn elements(items: &[Value], out: &mut Vec<u8>) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        key_part(item, out);
    }
}

/// A string in quotes. Bytes that are no UTF-8 become U+FFFD: JSON has no other way to say them.
pub(super) fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        escape(chunk.valid(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    // Most strings need no escape at all and are copied in one piece.
    while let Some(at) = rest.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => put(out, format_args!("\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::table::Row;

    fn said<R>(say: impl FnOnce(&mut Vec<u8>) -> R) -> String {
        let mut out = Vec::new();
        say(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn shown(keyed: bool, json_type: &'static str, rows: Vec<Row>) -> String {
        let mut rows = rows.into_iter().map(Ok);
        said(|out| {
            Json { codes: false }
                .map(Shown { title: "@m".into(), keyed, stacks: false, adds_up: true, json_type, rows: &mut rows }, out)
                .expect("no row fails")
        })
    }

    #[test]
    fn strings_are_escaped_and_stay_utf_8() {
        let text = "a\"\\\n\r\t\x01é".as_bytes();
        assert_eq!(
            said(|out| Json { codes: false }.message(Message::Printf, text, out)),
            "{\"type\": \"printf\", \"data\": \"a\\\"\\\\\\n\\r\\t\\u0001é\"}\n"
        );
        assert_eq!(said(|out| string(b"a\xffb", out)), "\"a\u{fffd}b\"");
    }

    #[test]
    fn numbers_that_are_no_doubles_are_strings() {
        let value = |value: Value| said(|out| data(&value, out));
        assert_eq!(value(Value::UInt(1 << 53)), "9007199254740992");
        assert_eq!(value(Value::UInt((1 << 53) + 1)), "\"9007199254740993\"");
        assert_eq!(value(Value::UInt(u64::MAX)), "\"18446744073709551615\"");
        assert_eq!(value(Value::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(value(Value::Int(i64::MAX)), "\"9223372036854775807\"");
        assert_eq!(value(Value::Bytes(b"\xff\x01".to_vec())), "[-1,1]");
        assert_eq!(value(Value::Tuple(vec![Value::Int(1), Value::Str("a".into())])), "[1,\"a\"]");
        assert_eq!(value(Value::Struct(vec![("f".into(), Value::Bool(true)), ("g".into(), Value::None)])), "{\"f\": true, \"g\": null}");
    }

    #[test]
    fn keys_lose_blanks_between_elements_only() {
        let key = Value::Tuple(vec![Value::Int(1), Value::Str("x y".into()), Value::Tuple(vec![Value::Int(2), Value::Str("c".into())])]);
        let rows = vec![Row { key: Some(key), value: Value::UInt(7) }, Row { key: Some(Value::Str("(a)".into())), value: Value::UInt(8) }];
        assert_eq!(shown(true, "map", rows), "{\"type\": \"map\", \"data\": {\"@m\": {\"1,x y,(2,c)\": 7, \"(a)\": 8}}}\n");
        assert_eq!(shown(true, "map", vec![]), "", "an empty map has no line");
    }

    #[test]
    fn stacks_in_keys_are_not_indented() {
        let lines = b"\n        operator new(int)+4\n        main+8@/a b.c:1\n\tffff main+8\n";
        assert_eq!(said(|out| unindented(lines, out)), "\noperator new(int)+4\nmain+8@/a b.c:1\n\tffff main+8\n");
    }

    #[test]
    fn histograms_are_lists_of_buckets() {
        let bucket = |min, max, count| Bucket { label: String::new(), min, max, count };
        let value = Value::Histogram(vec![bucket(None, Some(-1), 1), bucket(Some(2), Some(3), 0), bucket(Some(10), None, 2)]);
        let expected = "{\"type\": \"hist\", \"data\": {\"@m\": [{\"max\": -1, \"count\": 1},{\"min\": 2, \"max\": 3, \"count\": 0},{\"min\": 10, \"count\": 2}]}}\n";
        assert_eq!(shown(false, "hist", vec![Row { key: None, value }]), expected);
    }

    #[test]
    fn reports_take_their_place_apart() {
        assert_eq!(place("/a:b/tool.bt:12:9-20"), ("/a:b/tool.bt", 12, 9));
        assert_eq!(place("somewhere"), ("somewhere", 0, 0));
        assert_eq!(
            said(|out| Json { codes: false }.report(Report::Warnf, &crate::output::event("stdin:1:9-20"), "hey", out)),
            "{\"type\": \"warnf\", \"msg\": \"hey\", \"filename\": \"stdin\", \"line\": 1, \"col\": 9}\n"
        );
        assert_eq!(
            said(|out| Json { codes: false }.lost(3, out)),
            "{\"type\": \"lost_events\", \"count\": 3, \"data\": {\"events\": 3}}\n"
        );
        assert_eq!(
            said(|out| Json { codes: false }.attached(2, out)),
            "{\"type\": \"attached_probes\", \"count\": 2, \"data\": {\"probes\": 2}}\n"
        );
    }
}
