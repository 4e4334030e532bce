//! C at the top of a script: preprocessor lines and definitions, taken verbatim (SPEC §1.4). Understands no C beyond its
//! brackets, comments and literals.

use rbtrace_diag::Diagnostic;

use super::Lexer;

/// The words that begin a C definition.
const KEYWORDS: [&str; 4] = ["struct", "union", "enum", "typedef"];

impl Lexer<'_> {
    /// If C begins here: its end.
    pub(super) fn c_end(&mut self) -> Option<usize> {
        if self.peek() == Some(b'#') {
            return Some(self.preprocessor_end());
        }
        let word = self.word();
        if !KEYWORDS.contains(&word) {
            return None;
        }
        let after = self.text[self.pos + word.len()..].trim_start();
        match after.as_bytes().first() {
            // `struct:name {` is a probe of a type we do not know, not C.
            None | Some(b':' | b'/' | b',' | b';') => None,
            Some(_) => Some(self.definition_end()),
        }
    }

    /// To the end of the line; a backslash there takes the next one too.
    fn preprocessor_end(&self) -> usize {
        let mut end = self.pos;
        for line in self.text[self.pos..].split_inclusive('\n') {
            end += line.len();
            if !line.trim_end().ends_with('\\') {
                return end - (line.len() - line.trim_end().len());
            }
        }
        end
    }

    /// To the `;`, or to the closing brace and the attributes after it where the `;` is missing.
    fn definition_end(&mut self) -> usize {
        let typedef = self.word() == "typedef";
        let (mut depth, mut at, mut body_end) = (0usize, self.pos, None);
        while let Some(next) = c_token(&self.text[at..]) {
            let (token, end) = (&self.text[at + next.skipped..at + next.end], at + next.end);
            match token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && token == "}" {
                        body_end = Some(end);
                    }
                }
                ";" if depth == 0 => return end,
                // Without a `;`, only attributes belong to the definition after its body.
                _ if depth == 0 && !typedef => match body_end {
                    Some(body) if !token.starts_with("__attribute__") && body <= at => return body,
                    Some(_) | None => {}
                },
                _ => {}
            }
            if depth == 0 && body_end.is_some() && token == ")" {
                body_end = Some(end);
            }
            at = end;
        }
        body_end.filter(|_| depth == 0).unwrap_or_else(|| self.open_definition())
    }

    fn open_definition(&mut self) -> usize {
        let span = self.span(self.pos, self.pos + self.word().len());
        self.report(Diagnostic::error(span, "this C definition has no end").because("its closing `}` or `;` is missing"));
        self.text.len()
    }
}

struct CToken {
    /// Layout and comments before it.
    skipped: usize,
    end: usize,
}

/// The next word, literal or character of C.
fn c_token(text: &str) -> Option<CToken> {
    let mut rest = text.trim_start();
    loop {
        let comment = match rest.as_bytes() {
            [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => rest[2..].find("*/").map_or(rest.len(), |at| at + 4),
            _ => break,
        };
        rest = rest[comment..].trim_start();
    }
    let length = match rest.bytes().next()? {
        quote @ (b'"' | b'\'') => quoted_length(rest, quote),
        byte if byte.is_ascii_alphanumeric() || byte == b'_' => {
            rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count()
        }
        _ => rest.chars().next().map_or(1, char::len_utf8),
    };
    let skipped = text.len() - rest.len();
    Some(CToken { skipped, end: skipped + length })
}

fn quoted_length(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote && bytes[at] != b'\n' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let mut end = (at + 1).min(bytes.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    end
}
