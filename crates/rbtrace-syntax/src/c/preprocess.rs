//! Directives and macros: tokens of all items → the tokens of the declarations that remain.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rbtrace_diag::{Diagnostic, Sink, SourceId, Span, Spanned};

use super::constant::{Names, value};
use super::token::{Kind, Text, Token};
use super::{Include, Macro, Params, World};

/// The most tokens that are looked at: macros within macros multiply.
const MAX_STEPS: u32 = 1 << 22;
/// What a header costs besides its tokens: headers that include each other multiply, too.
const HEADER_STEPS: u32 = 256;
/// The deepest nesting of headers.
const MAX_HEADERS: usize = 64;

/// What is left, and what was learnt.
pub(super) struct Processed<'t> {
    /// Tokens of declarations.
    pub tokens: Vec<Token<'t>>,
    /// Macros that are defined at the end.
    pub macros: Vec<Macro>,
    /// Headers that are not among those which can be read.
    pub includes: Vec<Include>,
}

/// Follows the directives.
pub(super) fn run<'t>(texts: &'t [Text<'t>], headers: &'t BTreeMap<SourceId, Text<'t>>, world: &World, sink: &mut Sink) -> Processed<'t> {
    let mut state = State {
        macros: BTreeMap::new(),
        predefined: world.predefined.iter().map(|name| (*name).to_owned()).collect(),
        branches: Vec::new(),
        out: Vec::new(),
        includes: Vec::new(),
        headers,
        once: BTreeSet::new(),
        nesting: 0,
        steps_left: MAX_STEPS,
        in_arguments: 0,
        world,
        sink,
    };
    for text in texts {
        state.text(text);
    }
    if let Some(open) = state.branches.last() {
        state.sink.push(Diagnostic::error(open.span, "this conditional has no `#endif`"));
    }
    let macros = state.constants();
    Processed { tokens: state.out, macros, includes: state.includes }
}

pub(super) struct Defined<'t> {
    pub public: Macro,
    pub body: &'t [Token<'t>],
}

/// An `#if` that is open.
struct Branch {
    span: Span,
    /// Whether all conditionals around it are read: kept here, for texts can nest them a hundred thousand times.
    outer: bool,
    /// Whether what follows is read, as far as this one is concerned.
    active: bool,
    /// Whether one of its branches was read.
    taken: bool,
    /// Whether `#else` was seen.
    last: bool,
}

pub(super) struct State<'a, 't> {
    pub macros: BTreeMap<String, Defined<'t>>,
    predefined: HashSet<String>,
    branches: Vec<Branch>,
    pub out: Vec<Token<'t>>,
    includes: Vec<Include>,
    headers: &'t BTreeMap<SourceId, Text<'t>>,
    /// Headers that say `#pragma once`.
    once: BTreeSet<SourceId>,
    /// How many headers are under way.
    nesting: usize,
    pub steps_left: u32,
    /// How many macros are under way whose arguments are being expanded.
    pub in_arguments: u32,
    world: &'a World<'a>,
    sink: &'a mut Sink,
}

impl<'t> State<'_, 't> {
    fn text(&mut self, text: &'t Text<'t>) {
        let mut at = 0;
        while let Some(token) = text.tokens.get(at) {
            let length = 1 + text.tokens[at + 1..].iter().take_while(|token| !token.begins_line).count();
            let line = &text.tokens[at..at + length];
            match token.text == "#" && token.begins_line {
                true => self.directive(&line[1..], text, token.span),
                false if self.active() => self.expand(line, &mut Vec::new()),
                false => {}
            }
            at += length;
        }
    }

    fn active(&self) -> bool {
        self.branches.last().is_none_or(|branch| branch.outer && branch.active)
    }

    pub fn error(&mut self, span: Span, message: &str) {
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
            "include" | "include_next" | "import" => self.include(rest, text, keyword.span),
            "error" => self.error(keyword.span, "the script's own `#error` was reached"),
            "pragma" if rest.first().is_some_and(|word| word.text == "once") => drop(self.once.insert(hash.source)),
            "pragma" | "warning" | "line" | "ident" => {}
            other => self.error(keyword.span, &format!("unknown preprocessor directive `#{other}`")),
        }
    }

    fn open(&mut self, span: Span, holds: bool) {
        self.branches.push(Branch { span, outer: self.active(), active: holds, taken: holds, last: false });
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
        let (mut answered, mut at) = (Vec::with_capacity(tokens.len()), 0);
        while let Some(token) = tokens.get(at) {
            if token.text != "defined" {
                answered.push(*token);
                at += 1;
                continue;
            }
            let bracketed = tokens.get(at + 1).is_some_and(|token| token.text == "(");
            let name = tokens.get(at + 1 + usize::from(bracketed));
            let known = name.is_some_and(|name| self.knows(name.text));
            answered.push(Token { kind: Kind::Number, text: if known { "1" } else { "0" }, ..*token });
            at += if bracketed { 4 } else { 2 };
        }
        let outer = std::mem::take(&mut self.out);
        self.expand(&answered, &mut Vec::new());
        let expanded = std::mem::replace(&mut self.out, outer);
        let names = Names { own: &HashMap::new(), world: self.world, unknown_is_zero: true };
        value(&expanded, &names, keyword).map(|value| value != 0).unwrap_or_else(|problem| {
            self.sink.push(problem);
            false
        })
    }

    fn define(&mut self, rest: &'t [Token<'t>], text: &'t Text<'t>, keyword: Span) {
        let Some((name, after)) = rest.split_first().filter(|(name, _)| name.kind == Kind::Word) else {
            return self.error(keyword, "a macro's name is missing here");
        };
        let (params, after) = params(*name, after);
        let span = match (after.first(), after.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span { start: name.span.end, ..name.span },
        };
        let begin = text.item.span.start;
        let body = text.item.node.get((span.start - begin) as usize..(span.end - begin) as usize).unwrap_or_default();
        let name = Spanned { node: name.text.to_owned(), span: name.span };
        let public = Macro { name: name.clone(), body: Spanned { node: body.to_owned(), span }, params, value: None };
        self.macros.insert(name.node, Defined { public, body: after });
    }

    fn include(&mut self, rest: &'t [Token<'t>], text: &'t Text<'t>, keyword: Span) {
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
            return self.error(keyword, "the name of a header is missing here");
        };
        let span = first.span.to(last.span);
        let begin = text.item.span.start;
        let written = text.item.node.get((span.start - begin) as usize..(span.end - begin) as usize).unwrap_or_default();
        let name = Spanned { node: written.trim_matches(['<', '>', '"', ' ']).to_owned(), span };
        match self.world.headers.asked.get(&(span.source, name.node.clone())) {
            Some(Some(id)) => self.header(*id, keyword),
            Some(None) | None => self.includes.push(Include { name, is_quoted: written.starts_with('"') }),
        }
    }

    fn header(&mut self, id: SourceId, keyword: Span) {
        let Some(text) = self.headers.get(&id).filter(|_| !self.once.contains(&id)) else { return };
        let cost = HEADER_STEPS + text.tokens.len() as u32 / 4;
        let Some(left) = self.steps_left.checked_sub(cost).filter(|_| self.nesting < MAX_HEADERS) else {
            return self.error(keyword, "these headers include each other without end");
        };
        self.steps_left = left;
        self.nesting += 1;
        let outer = self.branches.len();
        self.text(text);
        if let Some(open) = self.branches.get(outer) {
            let span = open.span;
            self.error(span, "this conditional has no `#endif`");
        }
        self.branches.truncate(outer);
        self.nesting -= 1;
    }

    /// All macros; of those that the script uses, directly or by other macros, also their values where they are constants by themselves.
    fn constants(&mut self) -> Vec<Macro> {
        let mut used: Vec<&str> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut values: HashMap<String, Option<i64>> = HashMap::new();
        let known: Vec<(String, &'t [Token<'t>])> = self.macros.iter().map(|(name, found)| (name.clone(), found.body)).collect();
        for (name, _) in &known {
            if (self.world.is_used)(name) && seen.insert(name) {
                used.push(name);
            }
        }
        while let Some(name) = used.pop() {
            values.insert(name.to_owned(), self.value_of(name));
            let Ok(at) = known.binary_search_by(|(other, _)| other.as_str().cmp(name)) else { continue };
            for word in known[at].1.iter().filter(|token| token.kind == Kind::Word) {
                if self.macros.contains_key(word.text) && seen.insert(word.text) {
                    used.push(word.text);
                }
            }
        }
        let is_used = |name: &str| values.contains_key(name);
        let found = self.macros.values().map(|found| &found.public).filter(|found| is_used(&found.name.node));
        found.map(|found| Macro { value: values.get(&found.name.node).copied().flatten(), ..found.clone() }).collect()
    }

    /// The value of a macro that is a constant by itself.
    fn value_of(&mut self, name: &str) -> Option<i64> {
        let found = self.macros.get(name).filter(|found| found.public.params == Params::None)?;
        let (body, around) = (found.body, found.public.body.span);
        let outer = std::mem::take(&mut self.out);
        self.expand(body, &mut vec![name.to_owned()]);
        let expanded = std::mem::replace(&mut self.out, outer);
        let names = Names { own: &HashMap::new(), world: self.world, unknown_is_zero: false };
        value(&expanded, &names, around).ok()
    }
}

/// The parameters that follow a macro's name, and what is behind them.
fn params<'t>(name: Token, after: &'t [Token<'t>]) -> (Params, &'t [Token<'t>]) {
    let opens = after.first().is_some_and(|token| token.text == "(" && token.span.start == name.span.end);
    if !opens {
        return (Params::None, after);
    }
    let Some(end) = after.iter().position(|token| token.text == ")") else { return (Params::Others, after) };
    let mut names = Vec::new();
    for (index, token) in after[1..end].iter().enumerate() {
        match (index % 2, token.kind, token.text) {
            (0, Kind::Word, name) => names.push(Spanned { node: name.to_owned(), span: token.span }),
            (1, _, ",") => {}
            _ => return (Params::Others, after),
        }
    }
    let is_cut = end > 1 && end % 2 == 1;
    if is_cut { (Params::Others, after) } else { (Params::Names(names), &after[end + 1..]) }
}
