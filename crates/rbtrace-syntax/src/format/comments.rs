//! Comments: where they stand in the source, and which of them were already written. Everything between two tokens is layout,
//! so a comment begins wherever such a gap holds a `/`.

use crate::lexer::{Lexed, Lexeme};

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// Its first byte.
    pub start: usize,
    /// One past its last.
    pub end: usize,
    /// With `//` or `/* */`, without white space at its end.
    pub text: String,
    /// Whether nothing stands before it on its line.
    pub begins_line: bool,
}

impl Comment {
    /// As the last thing on its line after code: `/* why */` becomes `// why`.
    pub(super) fn as_line(&self) -> String {
        match self.text.strip_prefix("/*").and_then(|text| text.strip_suffix("*/")) {
            Some(inner) if !self.text.contains('\n') && !inner.trim().is_empty() => format!("// {}", inner.trim()),
            Some(_) | None => self.text.clone(),
        }
    }

    /// What it says: neither its kind nor its indentation.
    pub(super) fn words(&self) -> Vec<&str> {
        let inner = self.text.strip_prefix("//").or_else(|| self.text.strip_prefix("/*")?.strip_suffix("*/"));
        inner.unwrap_or(&self.text).split_whitespace().collect()
    }

    /// Its lines; those of a comment drawn as a column of stars are indented like its first.
    pub(super) fn lines(&self) -> Vec<String> {
        let is_column = self.text.lines().skip(1).all(|line| line.trim_start().starts_with('*'));
        let column = |line: &str| format!(" {}", line.trim());
        match self.text.split_once('\n') {
            Some((first, rest)) if is_column => std::iter::once(first.trim_end().to_owned()).chain(rest.lines().map(column)).collect(),
            Some(_) | None => vec![self.text.clone()],
        }
    }
}

/// All comments of a source, but those inside C.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// Invariant: in the order in which they stand.
    left: Vec<Comment>,
}

impl Comments {
    /// Those of a text that was cut without problems.
    pub(super) fn of(text: &str, lexed: &Lexed<'_>) -> Comments {
        let mut comments = Comments::default();
        let mut end = shebang(text).map_or(0, |(_, end)| end);
        for item in &lexed.items {
            match item {
                Lexeme::C(text_of_c) => {
                    comments.gap(text, end, text_of_c.span.start as usize);
                    end = text_of_c.span.end as usize;
                }
                Lexeme::Code(code) => {
                    for token in &code.tokens {
                        comments.gap(text, end, token.span.start as usize);
                        end = end.max(token.span.end as usize);
                    }
                }
            }
        }
        comments.gap(text, end, text.len());
        comments
    }

    /// Those between two tokens.
    fn gap(&mut self, text: &str, from: usize, to: usize) {
        let mut at = from;
        while let Some(start) = text.get(at..to).and_then(|gap| gap.find('/')).map(|found| at + found) {
            let rest = &text[start..to];
            let length = match rest.strip_prefix("/*") {
                Some(inner) => inner.find("*/").map_or(rest.len(), |end| end + 4),
                None => rest.find('\n').unwrap_or(rest.len()),
            };
            let before = text[..start].rsplit('\n').next().unwrap_or("");
            self.left.push(Comment {
                start,
                end: start + length,
                text: rest[..length].trim_end().to_owned(),
                begins_line: before.trim().is_empty(),
            });
            at = start + length;
        }
    }

    /// Takes those that begin in a range and were not taken before.
    pub(super) fn take(&mut self, from: usize, to: usize) -> Vec<Comment> {
        self.left.extract_if(.., |comment| (from..to).contains(&comment.start)).collect()
    }

    /// Whether one in a range was not taken.
    pub(super) fn has(&self, from: usize, to: usize) -> bool {
        self.left.iter().any(|comment| (from..to).contains(&comment.start))
    }

    /// What those in a range say.
    pub(super) fn words(&self, from: usize, to: usize) -> Vec<Vec<&str>> {
        self.left.iter().filter(|comment| (from..to).contains(&comment.start)).map(Comment::words).collect()
    }
}

/// The `#!` line and where it ends.
pub(super) fn shebang(text: &str) -> Option<(&str, usize)> {
    let start = text.len() - text.trim_start().len();
    let line = text[start..].lines().next().filter(|line| line.starts_with("#!"))?;
    Some((line.trim_end(), start + line.len()))
}
