//! Directives and macros: tokens of all items → the tokens of the declarations that remain.

use std::collections::{BTreeMap, HashMap, HashSet};

use rbtrace_diag::{Diagnostic, Sink, Span, Spanned};

use super::Macro;
use super::constant::{Names, value};
use super::token::{Kind, Text, Token};
use crate::ast::Name;

/// The most tokens that are looked at: macros within macros multiply.
const MAX_STEPS: u32 = 1 << 20;
/// The deepest nesting of macros.
const MAX_DEPTH: usize = 64;

/// What is left, and what was learnt.
pub(super) struct Processed<'t> {
    /// Tokens of declarations.
    pub tokens: Vec<Token<'t>>,
    /// Macros that are defined at the end.
    pub macros: Vec<Macro>,
    /// Headers.
    pub includes: Vec<Name>,
}

/// Follows the directives.
pub(super) fn run<'t>(texts: &'t [Text<'t>], predefined: &[&str], outside: &dyn Fn(&str) -> Option<i64>, sink: &mut Sink) -> Processed<'t> {
    let predefined = predefined.iter().map(|name| (*name).to_owned()).collect();
    let mut state = State {
        macros: BTreeMap::new(),
        predefined,
        branches: Vec::new(),
        out: Vec::new(),
        includes: Vec::new(),
        steps_left: MAX_STEPS,
        outside,
        sink,
    };
    for text in texts {
        let mut at = 0;
        while let Some(token) = text.tokens.get(at) {
            let length = 1 + text.tokens[at + 1..].iter().take_while(|token| !token.begins_line).count();
            let line = &text.tokens[at..at + length];
            match token.text == "#" && token.begins_line {
                true => state.directive(&line[1..], text, token.span),
                false if state.active() => state.expand(line, &mut Vec::new()),
                false => {}
            }
            at += length;
        }
    }
    if let Some(open) = state.branches.last() {
        state.sink.push(Diagnostic::error(open.span, "this conditional has no `#endif`"));
    }
    let macros = state.constants();
    Processed { tokens: state.out, macros, includes: state.includes }
}

struct Defined<'t> {
    public: Macro,
    body: &'t [Token<'t>],
}

/// An `#if` that is open.
struct Branch {
    span: Span,
    /// Whether what follows is read.
    active: bool,
    /// Whether one of its branches was read.
    taken: bool,
    /// Whether `#else` was seen.
    last: bool,
}

struct State<'a, 't> {
    macros: BTreeMap<String, Defined<'t>>,
    predefined: HashSet<String>,
    branches: Vec<Branch>,
    out: Vec<Token<'t>>,
    includes: Vec<Name>,
    steps_left: u32,
    outside: &'a dyn Fn(&str) -> Option<i64>,
    sink: &'a mut Sink,
}

impl<'t> State<'_, 't> {
    fn active(&self) -> bool {
        self.branches.iter().all(|branch| branch.active)
    }

    fn error(&mut self, span: Span, message: &str) {
        self.sink.push(Diagnostic::error(span, message));
    }

    fn directive(&mut self, line: &'t [Token<'t>], text: &'t Text<'t>, hash: Span) {
        let Some((keyword, rest)) = line.split_first() else { return };
        match keyword.text {
            "ifdef" | "ifndef" => {
                let holds = self.is_defined(rest, keyword.span) == (keyword.text == "ifdef");
                self.open(hash, holds);
            }
            "if" => {
                let holds = self.active() && self.condition(rest, keyword.span);
                self.open(hash, holds);
            }
            "elif" => self.elif(rest, keyword.span),
            "else" => self.else_(keyword.span),
            "endif" if self.branches.pop().is_none() => self.error(keyword.span, "this `#endif` ends nothing"),
            "endif" => {}
            _ if !self.active() => {}
            "define" => self.define(rest, text, keyword.span),
            "undef" => {
                if let Some(name) = rest.first() {
                    self.macros.remove(name.text);
                    self.predefined.remove(name.text);
                }
            }
            "include" => self.include(rest, text, keyword.span),
            "error" => self.error(keyword.span, "the script's own `#error` was reached"),
            "pragma" | "warning" | "line" | "ident" => {}
            other => self.error(keyword.span, &format!("unknown preprocessor directive `#{other}`")),
        }
    }

    fn open(&mut self, span: Span, holds: bool) {
        self.branches.push(Branch { span, active: holds, taken: holds, last: false });
    }

    fn is_defined(&mut self, rest: &[Token], keyword: Span) -> bool {
        let Some(name) = rest.first() else {
            self.error(keyword, "a macro's name is missing here");
            return false;
        };
        self.knows(name.text)
    }

    fn knows(&self, name: &str) -> bool {
        self.macros.contains_key(name) || self.predefined.contains(name)
    }

    fn elif(&mut self, rest: &'t [Token<'t>], keyword: Span) {
        let Some(branch) = self.branches.pop() else { return self.error(keyword, "this `#elif` belongs to nothing") };
        let active = !branch.taken && self.active() && self.condition(rest, keyword);
        self.branches.push(Branch { active, taken: branch.taken || active, ..branch });
    }

    fn else_(&mut self, keyword: Span) {
        match self.branches.last_mut() {
            Some(branch) if !branch.last => {
                branch.active = !branch.taken;
                branch.last = true;
            }
            _ => self.error(keyword, "this `#else` belongs to nothing"),
        }
    }

    /// The condition of `#if`: `defined` first, then macros, then names that are left are 0.
    fn condition(&mut self, tokens: &'t [Token<'t>], keyword: Span) -> bool {
        let outer = std::mem::take(&mut self.out);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            if token.text != "defined" {
                self.expand(std::slice::from_ref(token), &mut Vec::new());
                at += 1;
                continue;
            }
            let bracketed = tokens.get(at + 1).is_some_and(|token| token.text == "(");
            let name = tokens.get(at + 1 + usize::from(bracketed));
            let known = name.is_some_and(|name| self.knows(name.text));
            self.out.push(Token { kind: Kind::Number, text: if known { "1" } else { "0" }, ..*token });
            at += if bracketed { 4 } else { 2 };
        }
        let expanded = std::mem::replace(&mut self.out, outer);
        let names = Names { own: &HashMap::new(), outside: self.outside, unknown_is_zero: true };
        value(&expanded, &names, keyword).map(|value| value != 0).unwrap_or_else(|problem| {
            self.sink.push(problem);
            false
        })
    }

    fn define(&mut self, rest: &'t [Token<'t>], text: &'t Text<'t>, keyword: Span) {
        let Some((name, after)) = rest.split_first().filter(|(name, _)| name.kind == Kind::Word) else {
            return self.error(keyword, "a macro's name is missing here");
        };
        let has_params = after.first().is_some_and(|token| token.text == "(" && token.span.start == name.span.end);
        let span = match (after.first(), after.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span { start: name.span.end, ..name.span },
        };
        let begin = text.item.span.start;
        let body = text.item.node.get((span.start - begin) as usize..(span.end - begin) as usize).unwrap_or_default();
        let name = Spanned { node: name.text.to_owned(), span: name.span };
        let public = Macro { name: name.clone(), body: Spanned { node: body.to_owned(), span }, has_params, value: None };
        self.macros.insert(name.node, Defined { public, body: after });
    }

    fn include(&mut self, rest: &'t [Token<'t>], text: &'t Text<'t>, keyword: Span) {
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            return self.error(keyword, "the name of a header is missing here");
        };
        let span = first.span.to(last.span);
        let begin = text.item.span.start;
        let written = text.item.node.get((span.start - begin) as usize..(span.end - begin) as usize).unwrap_or_default();
        let name = written.trim_matches(['<', '>', '"', ' ']);
        self.includes.push(Spanned { node: name.to_owned(), span });
    }

    /// All macros, those with their values that are constants by themselves.
    fn constants(&mut self) -> Vec<Macro> {
        let bodies: Vec<_> = self.macros.values().map(|found| (found.public.clone(), found.body)).collect();
        let value_of = |(public, body): (Macro, &'t [Token<'t>])| {
            let outer = std::mem::take(&mut self.out);
            self.expand(body, &mut vec![public.name.node.clone()]);
            let expanded = std::mem::replace(&mut self.out, outer);
            let names = Names { own: &HashMap::new(), outside: self.outside, unknown_is_zero: false };
            let value = value(&expanded, &names, public.body.span).ok().filter(|_| !public.has_params);
            Macro { value, ..public }
        };
        bodies.into_iter().map(value_of).collect()
    }

    /// Appends tokens, macros replaced. `within` are the macros under way: those are left as they are.
    fn expand(&mut self, tokens: &'t [Token<'t>], within: &mut Vec<String>) {
        for token in tokens {
            let Some(left) = self.steps_left.checked_sub(1) else {
                return self.error(tokens[0].span, "the macros of this script expand to too much");
            };
            self.steps_left = left;
            let body = match self.macros.get(token.text) {
                Some(found) if token.kind == Kind::Word && !found.public.has_params && within.len() < MAX_DEPTH => found.body,
                _ => {
                    self.out.push(*token);
                    continue;
                }
            };
            if within.iter().any(|name| name == token.text) {
                self.out.push(*token);
                continue;
            }
            within.push(token.text.to_owned());
            self.expand(body, within);
            within.pop();
        }
    }
}
