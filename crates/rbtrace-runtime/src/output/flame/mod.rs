//! `-f flame`: the stacks of a run as one picture, a flame graph that browsers show and search. It is written at the end; a map that is printed
//! several times is drawn as it was the last time. Whatever else a script says goes to standard error as text.

mod svg;

use std::cell::RefCell;
use std::collections::BTreeMap;

use rbtrace_ir::EventDecl;
use rbtrace_lang::Value;
use rbtrace_lang::run::{Message, Report, RunError};

use super::fold::{Kind, Step, paths};
use crate::output::{Output, Shown, Stream, Text, Trial};

/// See the module.
#[derive(Debug)]
pub struct Flame {
    /// How the rest is said.
    text: Text,
    /// Maps by their titles.
    maps: RefCell<BTreeMap<String, Node>>,
}

/// A function, called the way that leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// How much was seen here and in what it calls.
    weight: u64,
    /// What it calls, in the order of names: the same run gives the same picture.
    calls: BTreeMap<Step, Node>,
}

impl Node {
    fn add(&mut self, path: Vec<Step>, weight: u64) {
        self.weight = self.weight.saturating_add(weight);
        let mut node = self;
        for step in path {
            node = node.calls.entry(step).or_default();
            node.weight = node.weight.saturating_add(weight);
        }
    }
}

impl Flame {
    /// Without a stack so far.
    pub fn new(text: Text) -> Self {
        Self { text, maps: RefCell::default() }
    }

    /// All maps in one tree; several of them stand side by side.
    fn tree(&self) -> Node {
        let mut maps = self.maps.borrow().clone();
        if maps.len() == 1
            && let Some((_, only)) = maps.pop_first()
        {
            return only;
        }
        let weight = maps.values().fold(0, |sum: u64, map| sum.saturating_add(map.weight));
        let calls = maps.into_iter().map(|(name, node)| (Step { name, kind: Kind::Label }, node)).collect();
        Node { weight, calls }
    }
}

impl Output for Flame {
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
        let mut root = Node::default();
        paths.into_iter().for_each(|(path, weight)| root.add(path, weight));
        self.maps.borrow_mut().insert(shown.title, root);
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

    fn end(&self, out: &mut Vec<u8>) {
        svg::draw(&self.tree(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::fold::tests::rows;

    fn shown<'a>(title: &str, rows: &'a mut dyn Iterator<Item = Result<crate::maps::table::Row, RunError>>) -> Shown<'a> {
        Shown { title: title.into(), keyed: true, stacks: true, json_type: "map", rows }
    }

    #[test]
    fn the_last_state_of_each_map_is_drawn() {
        let flame = Flame::new(Text { color: false });
        for _ in 0..2 {
            flame.map(shown("@a", &mut rows().into_iter().map(Ok)), &mut Vec::new()).expect("numbers");
        }
        assert_eq!(flame.tree().weight, 3);
        flame.map(shown("@b", &mut rows().into_iter().take(1).map(Ok)), &mut Vec::new()).expect("numbers");
        let tree = flame.tree();
        assert_eq!(tree.weight, 5);
        assert_eq!(tree.calls.values().map(|map| map.weight).collect::<Vec<_>>(), [3, 2]);
        let mut out = Vec::new();
        flame.end(&mut out);
        let svg = String::from_utf8(out).expect("text");
        assert!(svg.contains("<title>work&lt;int&gt; (3 of 5, 60.0 %)</title>"), "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_is_a_picture_too() {
        let mut out = Vec::new();
        Flame::new(Text { color: false }).end(&mut out);
        assert!(String::from_utf8(out).expect("text").contains("no stacks"));
    }
}
