//! Formats that show nothing but stacks: `-f folded` as lines, `-f flame` as one picture, which is written at the end (a map that is printed
//! several times is drawn as it was the last time). Whatever else a script says goes to standard error as text: the output is for a tool.

mod fold;
mod folded;
mod svg;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;

use rbtrace_ir::EventDecl;
use rbtrace_lang::run::{Message, Report, RunError};
use rbtrace_lang::{Value, warnings};

pub use self::fold::has_stack;
use self::fold::paths;
use self::tree::Node;
use crate::output::{Output, Shown, Stream, Text, Trial};

/// See the module.
#[derive(Debug)]
pub struct Stacks {
    /// How the rest is said.
    text: Text,
    /// Whether it is said which maps are not drawn.
    says_undrawn: bool,
    /// Maps by their titles, where a picture is wanted.
    picture: Option<RefCell<BTreeMap<String, Node>>>,
}

impl Stacks {
    /// A line for each stack, as it is printed.
    pub fn lines(text: Text, says_undrawn: bool) -> Self {
        Self { text, says_undrawn, picture: None }
    }

    /// A flame graph.
    pub fn picture(text: Text, says_undrawn: bool) -> Self {
        Self { text, says_undrawn, picture: Some(RefCell::default()) }
    }

    /// A map without stacks is none that anybody expects to see drawn.
    fn tell_undrawn(&self, shown: &Shown<'_>, out: &mut Vec<u8>) {
        if shown.stacks && self.says_undrawn {
            let why = if shown.adds_up { "only numbers that are not negative can" } else { "its values do not add up" };
            self.text.complain(Some(warnings::NOT_DRAWN.code), &format!("{} is not drawn: {why}", shown.title), out);
        }
    }
}

impl Output for Stacks {
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
            Err(rows) => {
                self.tell_undrawn(&shown, out);
                return self.text.map(Shown { rows: &mut rows.into_iter().map(Ok), ..shown }, out).map(|_| Stream::Err);
            }
        };
        match &self.picture {
            Some(maps) => drop(maps.borrow_mut().insert(shown.title, Node::new(paths))),
            None => paths.iter().for_each(|(path, weight)| folded::write(path, *weight, out)),
        }
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

    fn complain(&self, code: Option<&str>, text: &str, out: &mut Vec<u8>) -> Stream {
        self.text.complain(code, text, out)
    }

    fn end(&self, out: &mut Vec<u8>) {
        if let Some(maps) = &self.picture {
            svg::draw(&Node::of_maps(maps.borrow().clone()), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fold::tests::rows;
    use super::*;
    use crate::maps::table::Row;

    fn show(stacks: &Stacks, title: &str, rows: Vec<Row>) -> String {
        let rows = &mut rows.into_iter().map(Ok);
        let mut out = Vec::new();
        let shown = Shown { title: title.into(), keyed: true, stacks: true, adds_up: true, json_type: "map", rows };
        assert_eq!(stacks.map(shown, &mut out), Ok(Stream::Out));
        String::from_utf8(out).expect("text")
    }

    fn end(stacks: &Stacks) -> String {
        let mut out = Vec::new();
        stacks.end(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn paths_are_lines() {
        let expected = "a:b;main;0x10;work<int>;outer_[i];inner_[i];read;ksys_read_[k];vfs_read_[k] 2\n\
                        a:b;main;0x10;work<int>;outer_[i];inner_[i];read 1\n";
        assert_eq!(show(&Stacks::lines(Text { color: false }, true), "@", rows()), expected);
    }

    #[test]
    fn the_last_state_of_each_map_is_drawn() {
        let flame = Stacks::picture(Text { color: false }, true);
        for _ in 0..2 {
            assert_eq!(show(&flame, "@a", rows()), "");
        }
        show(&flame, "@b", rows().into_iter().take(1).collect());
        let svg = end(&flame);
        assert!(svg.contains("<title>@a (3 of 5, 60.0 %)</title>"), "{svg}");
        assert_eq!(svg.matches("<title>work&lt;int&gt; (").count(), 2, "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(end(&Stacks::picture(Text { color: false }, true)).contains("no stacks"));
        assert_eq!(end(&Stacks::lines(Text { color: false }, true)), "");
    }
}
