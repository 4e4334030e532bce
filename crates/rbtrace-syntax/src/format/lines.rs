//! Statements, items and entries one below the other, with the comments and the empty lines that stood between them.

use super::comments::Comment;
use super::doc::Doc;

/// Lines under construction.
#[derive(Default)]
pub(super) struct Lines {
    entries: Vec<Entry>,
}

struct Entry {
    doc: Doc,
    start: usize,
    end: usize,
    is_comment: bool,
    /// Whether an empty line sets it apart even where none was written.
    apart: bool,
    /// Comments behind it.
    behind: Vec<Comment>,
}

impl Lines {
    /// Appends what was written at `start..end`.
    pub(super) fn push(&mut self, start: usize, end: usize, doc: Doc) {
        self.entries.push(Entry { doc, start, end, is_comment: false, apart: false, behind: vec![] });
    }

    /// The same, set apart by empty lines.
    pub(super) fn push_apart(&mut self, start: usize, end: usize, doc: Doc) {
        self.push(start, end, doc);
        self.entries.iter_mut().rev().take(1).for_each(|entry| entry.apart = true);
    }

    /// Appends comments: those on the line of an entry go behind it.
    pub(super) fn comments(&mut self, comments: Vec<Comment>) {
        for comment in comments {
            match self.entries.last_mut() {
                Some(entry) if !comment.begins_line => {
                    entry.end = comment.end;
                    entry.behind.push(comment);
                }
                Some(_) | None => self.comment(&comment, comment.end),
            }
        }
    }

    /// Appends comments that stood in a head before `open`, the bracket whose content these lines are.
    pub(super) fn head(&mut self, comments: &[Comment], open: usize) {
        comments.iter().for_each(|comment| self.comment(comment, open + 1));
    }

    fn comment(&mut self, comment: &Comment, end: usize) {
        let mut lines = vec![];
        for line in comment.lines() {
            if !lines.is_empty() {
                lines.push(Doc::Hard);
            }
            lines.push(Doc::Text(line));
        }
        self.push(comment.start, end, Doc::Concat(lines));
        self.entries.iter_mut().rev().take(1).for_each(|entry| entry.is_comment = true);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them; several empty lines of `text` become one.
    pub(super) fn finish(self, text: &str) -> Doc {
        let mut parts = vec![];
        let mut before: Option<(usize, bool, bool)> = None;
        for Entry { doc, start, end, is_comment, apart, behind } in self.entries {
            if let Some((from, was_comment, was_apart)) = before {
                parts.push(Doc::Hard);
                let was_empty = text.get(from..start).is_some_and(|gap| gap.matches('\n').count() > 1);
                if was_empty || was_apart || (apart && !was_comment) {
                    parts.push(Doc::Hard);
                }
            }
            parts.push(doc);
            let last = behind.len().saturating_sub(1);
            for (index, comment) in behind.iter().enumerate() {
                let shown = if index == last { comment.as_line() } else { comment.text.clone() };
                parts.push(Doc::Text(format!(" {shown}")));
                // Only the last thing on a line can be a `//`.
                if index != last && comment.text.starts_with("//") {
                    parts.push(Doc::Hard);
                }
            }
            before = Some((end, is_comment, apart));
        }
        Doc::Concat(parts)
    }
}
