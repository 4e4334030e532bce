//! `-f folded`: a line for each stack, `outer;inner 7`, as tools that draw flame graphs read it. Whatever else a script says goes to standard
//! error as text: the output is for the tool.

use rbtrace_ir::EventDecl;
use rbtrace_lang::Value;
use rbtrace_lang::run::{Message, Report, RunError};

use super::fold::{Kind, Step, paths};
use crate::output::{Output, Shown, Stream, Text, Trial};

/// See the module.
#[derive(Debug)]
pub struct Folded {
    /// How the rest is said.
    pub text: Text,
}

/// Appends a path; functions of the kernel, and those that were put into others, say so as tools expect it.
fn write(path: &[Step], weight: u64, out: &mut Vec<u8>) {
    for (index, step) in path.iter().enumerate() {
        if index > 0 {
            out.push(b';');
        }
        // These separate.
        out.extend(step.name.bytes().map(|byte| match byte {
            b';' => b':',
            b'\n' => b' ',
            other => other,
        }));
        out.extend_from_slice(match step.kind {
            Kind::Kernel => b"_[k]",
            Kind::Inlined => b"_[i]",
            Kind::Label | Kind::User | Kind::Unknown => b"",
        });
    }
    out.extend_from_slice(format!(" {weight}\n").as_bytes());
}

impl Output for Folded {
    fn message(&self, kind: Message, text: &[u8], out: &mut Vec<u8>) -> Stream {
        self.text.message(kind, text, out);
        Stream::Err
    }

    fn value(&self, value: &Value, out: &mut Vec<u8>) -> Stream {
        self.text.value(value, out);
        Stream::Err
    }

    fn map(&self, mut shown: Shown<'_>, out: &mut Vec<u8>) -> Result<Stream, RunError> {
        let paths = match paths(&mut shown)? {
            Ok(paths) => paths,
            Err(rows) => return self.text.map(Shown { rows: &mut rows.into_iter().map(Ok), ..shown }, out).map(|_| Stream::Err),
        };
        paths.iter().for_each(|(path, weight)| write(path, *weight, out));
        Ok(Stream::Out)
    }

    fn before_maps(&self, _: &mut Vec<u8>) {}

    fn attached(&self, probes: usize, out: &mut Vec<u8>) -> Stream {
        self.text.attached(probes, out)
    }

    fn lost(&self, events: u64, out: &mut Vec<u8>) -> Stream {
        self.text.lost(events, out);
        Stream::Err
    }

    fn report(&self, kind: Report<'_>, event: &EventDecl, text: &str, out: &mut Vec<u8>) -> Stream {
        self.text.report(kind, event, text, out)
    }

    fn repeated(&self, kind: Report<'_>, event: &EventDecl, text: &str, times: u64, out: &mut Vec<u8>) -> Stream {
        self.text.repeated(kind, event, text, times, out)
    }

    fn trial(&self, trial: Trial<'_>, out: &mut Vec<u8>) {
        self.text.trial(trial, out);
    }

    fn complain(&self, text: &str, out: &mut Vec<u8>) -> Stream {
        self.text.complain(text, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fold::tests::rows;

    #[test]
    fn paths_are_lines() {
        let folded = Folded { text: Text { color: false } };
        let mut out = Vec::new();
        let shown = Shown { title: "@".into(), keyed: true, stacks: true, json_type: "map", rows: &mut rows().into_iter().map(Ok) };
        assert_eq!(folded.map(shown, &mut out), Ok(Stream::Out));
        let expected = "a:b;main;0x10;work<int>;outer_[i];inner_[i];read;ksys_read_[k];vfs_read_[k] 2\n\
                        a:b;main;0x10;work<int>;outer_[i];inner_[i];read 1\n";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
