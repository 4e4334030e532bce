//! Documents: text with places where a line may end, laid out in a given width. Knows nothing of what the text means.
//!
//! A group that fits on the rest of its line stands there; otherwise the line ends at each of its own places.

/// Columns of a line.
const WIDTH: usize = 100;

/// A text that can be laid out in more than one way.
#[derive(Clone, Debug)]
pub(super) enum Doc {
    /// Stands as it is; may hold line breaks of its own.
    Text(String),
    /// A space, or the end of the line.
    Line,
    /// The end of the line, always.
    Hard,
    /// One after the other.
    Concat(Vec<Doc>),
    /// Lines that begin inside are indented two columns more.
    Nest(Box<Doc>),
    /// Lines that begin inside are indented to where this begins.
    Align(Box<Doc>),
    /// What is kept on one line if it fits.
    Group(Box<Doc>),
}

impl Doc {
    pub(super) fn text(text: impl Into<String>) -> Doc {
        Doc::Text(text.into())
    }

    pub(super) fn group(self) -> Doc {
        Doc::Group(Box::new(self))
    }

    pub(super) fn nest(self) -> Doc {
        Doc::Nest(Box::new(self))
    }

    pub(super) fn align(self) -> Doc {
        Doc::Align(Box::new(self))
    }

    /// Between brackets.
    pub(super) fn between(self, open: &str, close: &str) -> Doc {
        Doc::Concat(vec![Doc::text(open), self, Doc::text(close)])
    }

    /// A list with commas; as many as fit stand on a line, all aligned to the first.
    pub(super) fn list(items: impl IntoIterator<Item = Doc>) -> Doc {
        let mut parts = vec![];
        for item in items {
            if parts.is_empty() {
                parts.push(item);
            } else {
                parts.extend([Doc::text(","), Doc::Concat(vec![Doc::Line, item]).group()]);
            }
        }
        Doc::Concat(parts).align()
    }

    /// Whether its first character is this one.
    pub(super) fn starts_with(&self, first: char) -> bool {
        match self {
            Doc::Text(text) => text.starts_with(first),
            Doc::Line | Doc::Hard => false,
            Doc::Concat(docs) => {
                let said = |doc: &&Doc| !matches!(doc, Doc::Text(text) if text.is_empty());
                docs.iter().find(said).is_some_and(|doc| doc.starts_with(first))
            }
            Doc::Nest(doc) | Doc::Align(doc) | Doc::Group(doc) => doc.starts_with(first),
        }
    }

    /// The text, without a line break at its end.
    pub(super) fn render(&self) -> String {
        let mut page = Page { out: String::new(), column: 0, indent: None };
        let mut stack = vec![Command { doc: self, indent: 0, flat: false }];
        while let Some(command) = stack.pop() {
            page.put(command, &mut stack);
        }
        page.out
    }
}

/// What is still to be laid out, and how.
#[derive(Clone, Copy)]
struct Command<'d> {
    doc: &'d Doc,
    indent: usize,
    flat: bool,
}

struct Page {
    out: String,
    column: usize,
    /// The indentation that the next text on this line gets: an empty line gets none.
    indent: Option<usize>,
}

impl Page {
    fn put<'d>(&mut self, Command { doc, indent, flat }: Command<'d>, stack: &mut Vec<Command<'d>>) {
        let inside = |doc| Command { doc, indent, flat };
        match doc {
            Doc::Text(text) => self.text(text),
            Doc::Line if flat => self.text(" "),
            Doc::Line | Doc::Hard => self.end_line(indent),
            Doc::Concat(docs) => stack.extend(docs.iter().rev().map(inside)),
            Doc::Nest(doc) => stack.push(Command { indent: indent + 2, ..inside(doc) }),
            Doc::Align(doc) => stack.push(Command { indent: self.indent.unwrap_or(self.column), ..inside(doc) }),
            // Asked anew inside a flat group: what fits there may be only its beginning, up to a hard line break.
            Doc::Group(doc) => {
                let room = WIDTH.saturating_sub(self.indent.unwrap_or(self.column));
                stack.push(Command { flat: fits(doc, stack, room), ..inside(doc) });
            }
        }
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(indent) = self.indent.take() {
            self.out.push_str(&" ".repeat(indent));
            self.column = indent;
        }
        self.out.push_str(text);
        match text.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn end_line(&mut self, indent: usize) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
        self.indent = Some(indent);
        self.column = 0;
    }
}

/// Whether a document on one line, and what follows it up to the next place where the line can end, is no longer than `room`.
fn fits(doc: &Doc, rest: &[Command<'_>], room: usize) -> bool {
    let mut left = room;
    let mut rest = rest.iter().rev();
    let mut stack = vec![(doc, true)];
    loop {
        let Some((doc, flat)) = stack.pop().or_else(|| rest.next().map(|command| (command.doc, false))) else { return true };
        match doc {
            Doc::Text(text) => {
                let first = text.split('\n').next().unwrap_or(text);
                match left.checked_sub(first.chars().count()) {
                    Some(less) => left = less,
                    None => return false,
                }
                if first.len() < text.len() {
                    return true;
                }
            }
            Doc::Line if flat => match left.checked_sub(1) {
                Some(less) => left = less,
                None => return false,
            },
            Doc::Line | Doc::Hard => return true,
            Doc::Concat(docs) => stack.extend(docs.iter().rev().map(|doc| (doc, flat))),
            Doc::Nest(doc) | Doc::Align(doc) | Doc::Group(doc) => stack.push((doc, flat)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Doc;

    fn words(count: usize) -> Doc {
        Doc::list((0..count).map(|_| Doc::text("word"))).between("f(", ")")
    }

    #[test]
    fn a_list_fills_its_lines() {
        assert_eq!(words(3).render(), "f(word, word, word)");
        let text = words(40).render();
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("  word")), "{text}");
    }

    #[test]
    fn empty_lines_hold_no_blanks() {
        let doc =
            Doc::Concat(vec![Doc::text("{"), Doc::Concat(vec![Doc::Hard, Doc::Hard, Doc::text("x")]).nest(), Doc::Hard, Doc::text("}")]);
        assert_eq!(doc.render(), "{\n\n  x\n}");
    }
}
