//! Output for people (SPEC §9.2, §9.3). How a value reads is rbtrace-lang's.

use std::io::Write as _;

use rbtrace_ir::EventDecl;
use rbtrace_lang::run::{Message, Report, RunError, code};
use rbtrace_lang::{Value, text, warnings};

use crate::output::{Output, Shown, Stream, Trial, trial};

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const RESET: &str = "\x1b[0m";

/// See the module.
#[derive(Debug)]
pub struct Text {
    /// Colour what goes to stderr.
    pub color: bool,
}

impl Text {
    fn colored(&self, color: &str, line: &str, out: &mut Vec<u8>) -> Stream {
        let (before, after) = if self.color { (color, RESET) } else { ("", "") };
        for part in [before, line, after, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        Stream::Err
    }
}

impl Output for Text {
    fn message(&self, kind: Message, text: &[u8], out: &mut Vec<u8>) -> Stream {
        out.extend_from_slice(text);
        match kind {
            Message::Printf | Message::Time | Message::Cat => {}
            Message::Join | Message::Syscall => out.push(b'\n'),
        }
        Stream::Out
    }

    fn value(&self, value: &Value, out: &mut Vec<u8>) -> Stream {
        text::write(value, out);
        out.push(b'\n');
        Stream::Out
    }

    fn map(&self, shown: Shown<'_>, out: &mut Vec<u8>) -> Result<Stream, RunError> {
        for row in shown.rows {
            let row = row?;
            out.extend_from_slice(shown.title.as_bytes());
            if let Some(key) = &row.key {
                out.push(b'[');
                text::write_key(key, out);
                out.push(b']');
            }
            // A histogram or graph is a block of lines of its own, with a blank line after it.
            let between: &[u8] = if matches!(row.value, Value::Histogram(_) | Value::Series(_)) { b":\n" } else { b": " };
            out.extend_from_slice(between);
            text::write(&row.value, out);
            out.push(b'\n');
        }
        Ok(Stream::Out)
    }

    fn before_maps(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\n\n");
    }

    fn attached(&self, probes: usize, out: &mut Vec<u8>) -> Stream {
        let plural = if probes == 1 { "" } else { "s" };
        out.extend_from_slice(format!("Attached {probes} probe{plural}\n").as_bytes());
        Stream::Err
    }

    fn lost(&self, events: u64, out: &mut Vec<u8>) -> Stream {
        out.extend_from_slice(format!("Lost {events} events\n").as_bytes());
        Stream::Err
    }

    fn report(&self, kind: Report<'_>, event: &EventDecl, text: &str, out: &mut Vec<u8>) -> Stream {
        let (color, level) = match kind {
            Report::Errorf => (RED, "ERROR"),
            Report::FileError => return self.colored(RED, &format!("ERROR: {text}"), out),
            Report::Warnf | Report::RuntimeError | Report::HelperError { .. } => (YELLOW, "WARNING"),
        };
        // What `warnf` says are the script's own words.
        let code = code(kind, event).filter(|code| *code != warnings::WARNF.code);
        let marked = matches!(kind, Report::RuntimeError | Report::HelperError { .. }) && !event.excerpt.is_empty();
        self.colored(color, &format!("{}: {level}: {text}", event.location), out);
        if let Report::HelperError { helper, retcode: Some(retcode) } = kind {
            put(out, format_args!("Additional Info - helper: {helper}, retcode: {retcode}\n"));
        }
        if marked {
            // Behind the marks, as below an excerpt of the compiler: the first line is matched by scripts that know no codes.
            put(out, format_args!("{} {}\n", event.excerpt, code.unwrap_or_default()));
        } else {
            below(code, out);
        }
        for caller in &event.callers {
            self.colored(color, &format!("{}: {level}: expanded from", caller.location), out);
            put(out, format_args!("{}\n", caller.excerpt));
        }
        Stream::Err
    }

    fn repeated(&self, kind: Report<'_>, event: &EventDecl, text: &str, times: u64, out: &mut Vec<u8>) -> Stream {
        let what = match kind {
            Report::HelperError { helper, .. } => format!("the helper {helper} failed {times} more times"),
            Report::RuntimeError | Report::Errorf | Report::Warnf | Report::FileError => format!("{text} ({times} more times)"),
        };
        self.colored(YELLOW, &format!("{}: WARNING: {what}", event.location), out);
        below(code(kind, event), out)
    }

    fn trial(&self, trial: Trial<'_>, out: &mut Vec<u8>) {
        trial::text(trial, self.color, out);
    }

    fn complain(&self, code: Option<&str>, text: &str, out: &mut Vec<u8>) -> Stream {
        self.colored(YELLOW, &format!("WARNING: {text}"), out);
        below(code, out)
    }
}

/// A code where there is no excerpt that it could stand below: on a line of its own.
fn below(code: Option<&str>, out: &mut Vec<u8>) -> Stream {
    if let Some(code) = code {
        put(out, format_args!("[{code}]\n"));
    }
    Stream::Err
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::table::Row;
    use rbtrace_lang::value::Bucket;

    fn shown(keyed: bool, rows: Vec<Row>) -> String {
        let mut out = Vec::new();
        let mut rows = rows.into_iter().map(Ok);
        let shown = Shown { title: "@m".into(), keyed, stacks: false, adds_up: true, json_type: "map", rows: &mut rows };
        Text { color: false }.map(shown, &mut out).expect("no row fails");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn maps_have_a_line_per_entry() {
        let key = Value::Tuple(vec![Value::Int(1), Value::Str("bash".into()), Value::Tuple(vec![Value::Int(2)])]);
        let rows = vec![Row { key: Some(key), value: Value::UInt(7) }, Row { key: Some(Value::Int(-1)), value: Value::Str("x".into()) }];
        assert_eq!(shown(true, rows), "@m[1, bash, (2)]: 7\n@m[-1]: x\n");
        assert_eq!(shown(false, vec![Row { key: None, value: Value::UInt(7) }]), "@m: 7\n");
        assert_eq!(shown(true, vec![]), "");
    }

    #[test]
    fn histograms_are_blocks() {
        let bar = "@".repeat(52);
        let bucket = Bucket { label: "[2, 4)".into(), min: Some(2), max: Some(3), count: 1 };
        let row = |key| Row { key, value: Value::Histogram(vec![bucket.clone()]) };
        assert_eq!(shown(false, vec![row(None)]), format!("@m:\n[2, 4)                 1 |{bar}|\n\n"));
        assert_eq!(shown(true, vec![row(Some(Value::Int(5)))]), format!("@m[5]:\n[2, 4)                 1 |{bar}|\n\n"));
        assert_eq!(shown(false, vec![Row { key: None, value: Value::Histogram(vec![]) }]), "@m:\n\n");
    }

    #[test]
    fn reports_name_their_place() {
        let (mut out, at) = (Vec::new(), crate::output::event("stdin:1:9-20"));
        Text { color: false }.report(Report::Warnf, &at, "hey", &mut out);
        Text { color: true }.report(Report::Errorf, &at, "hey", &mut out);
        Text { color: false }.attached(1, &mut out);
        Text { color: false }.attached(0, &mut out);
        let expected = "stdin:1:9-20: WARNING: hey\n\x1b[31mstdin:1:9-20: ERROR: hey\x1b[0m\nAttached 1 probe\nAttached 0 probes\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
