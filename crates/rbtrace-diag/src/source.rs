//! Source texts and the places inside them.

use serde::{Deserialize, Serialize};

/// Which text a [`Span`] points into; an index into [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u16);

/// A half-open range of bytes in one source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `source`.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Self { source, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers `self` and `other`; both lie in the same text.
    pub fn to(self, other: Span) -> Span {
        Span { source: self.source, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether `other` lies inside.
    pub fn contains(self, other: Span) -> bool {
        self.source == other.source && self.start <= other.start && other.end <= self.end
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// What was written.
    pub node: T,
    /// Where.
    pub span: Span,
}

/// One named text.
#[derive(Clone, Debug)]
pub struct Source {
    /// As diagnostics show it: the path as given, `stdin` for `-e` and `-` (SPEC §1.1).
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Byte offset of the start of each line. Invariant: sorted, begins with 0.
    lines: Vec<u32>,
}

impl Source {
    /// 1-based line and 1-based byte column of a byte offset.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let line = self.lines.partition_point(|&start| start <= offset) - 1;
        (line as u32 + 1, offset - self.lines[line] + 1)
    }

    /// The bytes of the line that holds a byte offset, without its newline.
    pub fn line_around(&self, offset: usize) -> std::ops::Range<usize> {
        let (line, _) = self.line_column(offset as u32);
        let start = self.lines[line as usize - 1] as usize;
        let next = self.lines.get(line as usize).map_or(self.text.len(), |&next| next as usize - 1);
        start..next
    }

    /// The text of a 1-based line, without its newline; empty past the end.
    pub fn line(&self, number: u32) -> &str {
        let Some(&start) = (number as usize).checked_sub(1).and_then(|n| self.lines.get(n)) else { return "" };
        self.text[start as usize..].lines().next().unwrap_or("")
    }
}

/// All texts of one run; a [`SourceId`] is an index.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a text and returns its id.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let breaks = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at as u32 + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        self.0.push(Source { name: name.into(), text, lines });
        SourceId((self.0.len() - 1) as u16)
    }

    /// The text of an id that [`Sources::add`] gave.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.0[id.0 as usize]
    }

    /// The characters a span covers.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// All sources in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}
