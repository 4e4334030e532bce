//! The sentences for what the grammar refuses: what stands there, what was expected, and the slip it most likely is.
//!
//! Knows the names of the terminals in grammar/rbtrace.lalrpop.

use rbtrace_diag::{Diagnostic, Span};

use crate::token::{Tok, Token};

/// Says that token `at` cannot stand where it does; `expected` are the terminals that could.
pub(crate) fn unexpected(tokens: &[Token<'_>], at: usize, expected: &[String], text: &str) -> Diagnostic {
    let place = Place { tokens, at, expected, text };
    place.slip().unwrap_or_else(|| place.plain())
}

struct Place<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    expected: &'a [String],
    text: &'a str,
}

impl Place<'_> {
    /// `unexpected x`, with a list of what could stand there.
    fn plain(&self) -> Diagnostic {
        Diagnostic::error(self.span(), format!("unexpected {}", self.shown())).because(self.expectation())
    }

    /// The mistakes that have a name.
    fn slip(&self) -> Option<Diagnostic> {
        let (found, before) = (self.found(), self.before()?);
        match (before.tok, found) {
            (_, Some(Tok::Else)) => Some(self.error("`else` without `if`").because("no `if` block ends right before it")),
            (Tok::Let, Some(Tok::Map(_))) => {
                let problem = self.error("`let` cannot declare a map here").because("in a block it declares scratch variables (`$x`)");
                Some(problem.hint("a map needs no declaration; its kind and size are declared outside of probes"))
            }
            (_, Some(Tok::Plus)) if self.expects("integer") => {
                Some(self.error("there is no unary `+`").because("an expression is expected").hint("leave it out"))
            }
            (last, Some(Tok::Assign)) if last.ends_expression() => {
                let problem = self.error("`=` cannot stand inside an expression").because("assignments are statements");
                Some(problem.hint("write `==` to compare"))
            }
            (Tok::PredicateOpen, Some(Tok::PredicateClose)) => {
                Some(self.error("this predicate is empty").because("an expression is expected"))
            }
            (_, Some(Tok::Ident("in"))) if self.expects(":") => Some(
                self.error("unexpected `in`")
                    .because("`:` stands between the variable and what it goes over")
                    .hint("write `for ($x : @map) { … }`"),
            ),
            _ if self.expects_only_block() => Some(self.missing_block()),
            (Tok::Ident(name), Some(found)) if self.expects("(") && starts_argument(found) && self.same_line() => {
                let problem = self
                    .error(format!("unexpected {} after `{name}`", self.shown()))
                    .because("the arguments of a call stand in parentheses");
                Some(problem.hint(format!("write `{name}(…)`")))
            }
            (last, Some(found)) if self.expects(";") && last.ends_expression() && starts_statement(found) => {
                Some(self.missing_semicolon(before.span))
            }
            (_, None) if self.expects(";") => Some(self.missing_semicolon(before.span)),
            _ => None,
        }
    }

    fn missing_semicolon(&self, before: Span) -> Diagnostic {
        let message = match self.found() {
            Some(_) => format!("missing `;` before {}", self.shown()),
            None => "missing `;` at the end of the line".to_string(),
        };
        Diagnostic::error(before, message).because("the statement is not ended").hint("write `;` after it")
    }

    fn missing_block(&self) -> Diagnostic {
        let problem = self.error(format!("expected a block, found {}", self.shown()));
        match self.found() {
            Some(found) if self.before().is_some_and(|token| token.tok == Tok::ParenClose) && is_operator(found) => {
                problem.because("the parentheses already held the whole condition").hint("wrap all of it: `if ((a) == b) { … }`")
            }
            Some(found) if is_operator(found) => {
                problem.because("without parentheses, a condition is a single operand").hint("write `if (a == b) { … }`")
            }
            Some(_) | None => problem.because("`{` must follow").hint("braces are needed, even around a single statement"),
        }
    }

    fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.span(), message)
    }

    fn found(&self) -> Option<Tok<'_>> {
        self.tokens.get(self.at).map(|token| token.tok)
    }

    fn before(&self) -> Option<Token<'_>> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).copied()
    }

    /// Where the token stands; the end of the last one where there is none.
    fn span(&self) -> Span {
        match (self.tokens.get(self.at), self.tokens.last()) {
            (Some(token), _) => token.span,
            (None, Some(last)) => last.span,
            (None, None) => Span::default(),
        }
    }

    fn shown(&self) -> String {
        let Some(token) = self.tokens.get(self.at) else { return "end of the line".into() };
        let written = &self.text[token.span.start as usize..token.span.end as usize];
        if token.tok == Tok::PredicateClose {
            "end of the predicate".into()
        } else if matches!(token.tok, Tok::Str(_)) {
            "string".into()
        } else if written.is_empty() {
            "end of the block".into()
        } else {
            format!("`{written}`")
        }
    }

    fn same_line(&self) -> bool {
        let (Some(before), Some(found)) = (self.before(), self.tokens.get(self.at)) else { return false };
        !self.text[before.span.end as usize..found.span.start as usize].contains('\n')
    }

    fn expects(&self, name: &str) -> bool {
        self.expected.iter().any(|terminal| terminal.trim_matches('"') == name)
    }

    fn expects_only_block(&self) -> bool {
        self.expects("{") && !self.expects("integer") && !self.expects(";") && !self.expects("}")
    }

    /// What could stand here, in a few words.
    fn expectation(&self) -> String {
        let mut words: Vec<&str> = vec![];
        if self.expects("integer") && self.expects("variable") {
            words.push("an expression");
        } else {
            let alone = [
                ("integer", "an integer"),
                ("identifier", "a name"),
                ("variable", "a variable"),
                ("string", "a string"),
                ("map", "a map"),
                ("attach point", "an attach point"),
            ];
            words.extend(alone.iter().filter(|(name, _)| self.expects(name)).map(|(_, word)| *word));
        }
        if self.expects("*") && self.expects("+") && self.expects("<") {
            words.push("an operator");
        }
        let marks = [
            ("( type", "`(`"),
            ("(", "`(`"),
            (")", "`)`"),
            ("]", "`]`"),
            (",", "`,`"),
            (":", "`:`"),
            (";", "`;`"),
            ("..", "`..`"),
            ("{", "`{`"),
            ("}", "`}`"),
        ];
        for (name, word) in marks {
            let implied = words.contains(&"an expression") && (word == "`(`" || word == "`{`");
            if self.expects(name) && !implied && !words.contains(&word) {
                words.push(word);
            }
        }
        words.extend(self.expects("predicate /").then_some("the `/` that ends the predicate"));
        words.extend((self.expects("=") && !self.expects("==")).then_some("`=`"));
        match words.split_last() {
            None => "nothing can follow here".into(),
            Some((only, [])) => format!("expected {only}"),
            Some((last, others)) => format!("expected {} or {last}", others.join(", ")),
        }
    }
}

fn starts_argument(tok: Tok<'_>) -> bool {
    matches!(tok, Tok::Str(_) | Tok::Int(_) | Tok::Variable(_) | Tok::Map(_) | Tok::Param(_) | Tok::Ident(_) | Tok::Reserved(_))
}

fn starts_statement(tok: Tok<'_>) -> bool {
    let keyword =
        matches!(tok, Tok::If | Tok::While | Tok::For | Tok::Unroll | Tok::Let | Tok::Break | Tok::Continue | Tok::Return | Tok::Import);
    keyword || tok.starts_operand() || tok == Tok::Open
}

fn is_operator(tok: Tok<'_>) -> bool {
    let compares = matches!(tok, Tok::Eq | Tok::Ne | Tok::Lt | Tok::Le | Tok::Gt | Tok::Ge | Tok::AndAnd | Tok::OrOr | Tok::Question);
    compares
        || matches!(
            tok,
            Tok::Plus | Tok::Minus | Tok::Star | Tok::Slash | Tok::Percent | Tok::And | Tok::Or | Tok::Xor | Tok::Shl | Tok::Shr
        )
}
