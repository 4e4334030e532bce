//! Tokens → declarations: structs, unions, enums, typedefs. What else C has at the top level is skipped where it does no harm.

use std::collections::HashMap;

use rbtrace_diag::{Diagnostic, Sink, Span, Spanned};

use super::constant::{Names, value};
use super::token::{Kind, Token};
use super::{Attributes, Base, CType, Composite, Declaration, Enumeration, Layer, Member, World};
use crate::ast::{Name, Tag};

/// The deepest nesting of structs and declarators.
const MAX_DEPTH: u32 = 32;

/// Words before a type that do not change it.
const QUALIFIERS: [&str; 14] = [
    "const",
    "volatile",
    "restrict",
    "__restrict",
    "__restrict__",
    "register",
    "extern",
    "static",
    "inline",
    "__extension__",
    "__user",
    "__rcu",
    "__percpu",
    "__iomem",
];

/// Words that together say one of C's own types.
pub(super) const BASIC: [&str; 12] =
    ["unsigned", "signed", "long", "short", "int", "char", "float", "double", "void", "_Bool", "bool", "__int128"];

/// Something was reported.
struct Stop;

type Parsed<T> = Result<T, Stop>;

/// Reads all declarations; after a mistake it goes on behind the next `;` at the top level.
pub(super) fn parse(tokens: &[Token], world: &World, sink: &mut Sink) -> Vec<Declaration> {
    let mut parser = Parser { tokens, at: 0, own: HashMap::new(), world, found: Vec::new(), sink };
    while parser.at < tokens.len() {
        let start = parser.at;
        if parser.top_level().is_err() {
            parser.at = start;
            parser.skip_declaration();
        }
    }
    parser.found
}

struct Parser<'a, 't> {
    tokens: &'a [Token<'t>],
    at: usize,
    /// Enum constants so far.
    own: HashMap<String, i64>,
    world: &'a World<'a>,
    found: Vec<Declaration>,
    sink: &'a mut Sink,
}

impl<'t> Parser<'_, 't> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn is(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.text == text && token.kind != Kind::Quoted)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.is(text);
        self.at += usize::from(found);
        found
    }

    fn here(&self) -> Span {
        let token = self.peek().or_else(|| self.tokens.last().copied());
        token.map(|token| token.span).unwrap_or_default()
    }

    fn stop<T>(&mut self, message: impl Into<String>) -> Parsed<T> {
        self.sink.push(Diagnostic::error(self.here(), message));
        Err(Stop)
    }

    fn expect(&mut self, text: &str) -> Parsed<()> {
        if self.eat(text) {
            return Ok(());
        }
        match self.peek() {
            Some(token) => self.stop(format!("expected `{text}`, found `{}`", token.text)),
            None => self.stop(format!("expected `{text}`")),
        }
    }

    /// To the end of a declaration that cannot be read; takes at least one token.
    fn skip_declaration(&mut self) {
        let (mut depth, mut had_body) = (0usize, false);
        while let Some(token) = self.peek() {
            if depth == 0 && had_body && token.begins_line && token.text != ";" {
                return;
            }
            self.at += 1;
            match token.text {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth = depth.saturating_sub(1);
                    had_body |= depth == 0 && token.text == "}";
                }
                ";" if depth == 0 => return,
                _ => {}
            }
        }
    }

    fn top_level(&mut self) -> Parsed<()> {
        if self.eat(";") {
            return Ok(());
        }
        let is_typedef = self.eat("typedef");
        let mut attributes = Attributes::default();
        let base = self.specifier(&mut attributes, 0)?;
        let span = self.tokens[self.at.saturating_sub(1)].span;
        let lone = !is_typedef && (self.is(";") || self.peek().is_none_or(|token| token.begins_line));
        if lone {
            self.keep(base);
            self.eat(";");
            return Ok(());
        }
        loop {
            let (name, layers) = self.declarator(0)?;
            self.attributes(&mut attributes)?;
            if let (true, Some(name)) = (is_typedef, name) {
                let ty = CType { base: base.clone(), layers, span };
                self.found.push(Declaration::Typedef { name, ty });
            }
            if !self.eat(",") {
                break;
            }
        }
        // Headers have functions and values, too, which are nothing to a script.
        if self.is("{") || self.is("=") {
            self.skip_declaration();
            return Ok(());
        }
        self.expect(";")
    }

    /// A definition without a declarator: an enum without a name still has constants.
    fn keep(&mut self, base: Base) {
        match base {
            Base::Enumeration(found) => self.found.push(Declaration::Enumeration(*found)),
            Base::Composite(found) => self.found.push(Declaration::Composite(*found)),
            Base::Words(_) | Base::Tagged(..) => {}
        }
    }

    /// What stands before the declarators.
    fn specifier(&mut self, attributes: &mut Attributes, depth: u32) -> Parsed<Base> {
        let mut words: Vec<&str> = Vec::new();
        let mut tagged = None;
        loop {
            self.attributes(attributes)?;
            let Some(token) = self.peek().filter(|token| token.kind == Kind::Word) else { break };
            match token.text {
                word if QUALIFIERS.contains(&word) => self.at += 1,
                "struct" | "union" | "enum" if words.is_empty() && tagged.is_none() => tagged = Some(self.tagged(depth)?),
                word if BASIC.contains(&word) && tagged.is_none() => {
                    words.push(word);
                    self.at += 1;
                }
                word if words.is_empty() && tagged.is_none() => {
                    self.at += 1;
                    tagged = Some(Base::Words(word.to_owned()));
                }
                _ => break,
            }
        }
        match (tagged, words.is_empty()) {
            (Some(base), _) => Ok(base),
            (None, false) => Ok(Base::Words(canonical(&words))),
            (None, true) => match self.peek() {
                Some(token) => self.stop(format!("expected a C type, found `{}`", token.text)),
                None => self.stop("expected a C type"),
            },
        }
    }

    /// `struct …`, `union …`, `enum …`
    fn tagged(&mut self, depth: u32) -> Parsed<Base> {
        let tag = match self.peek().map(|token| token.text) {
            Some("struct") => Tag::Struct,
            Some("union") => Tag::Union,
            _ => Tag::Enum,
        };
        let span = self.here();
        self.at += 1;
        let mut attributes = Attributes::default();
        self.attributes(&mut attributes)?;
        let name = self.peek().filter(|token| token.kind == Kind::Word).map(|token| token.text.to_owned());
        self.at += usize::from(name.is_some());
        let mut stored_as = None;
        // `enum e : u8 {`
        if tag == Tag::Enum
            && self.eat(":")
            && let Base::Words(words) = self.specifier(&mut Attributes::default(), depth)?
        {
            stored_as = Some(words);
        }
        if !self.is("{") {
            return match name {
                Some(name) => Ok(Base::Tagged(tag, name)),
                None => self.stop("expected a name or `{`"),
            };
        }
        if depth >= MAX_DEPTH {
            return self.stop("these definitions are nested too deeply");
        }
        self.at += 1;
        match tag {
            Tag::Enum => self.enumeration(Enumeration { name, span, constants: Vec::new(), stored_as, packed: attributes.packed }),
            Tag::Struct | Tag::Union => self.composite(tag, name, span, attributes, depth),
        }
    }

    fn composite(&mut self, tag: Tag, name: Option<String>, span: Span, mut attributes: Attributes, depth: u32) -> Parsed<Base> {
        let mut members = Vec::new();
        while !self.eat("}") {
            self.member_line(&mut members, depth)?;
        }
        self.attributes(&mut attributes)?;
        let found = Composite { tag, name, span, members, attributes };
        Ok(match found.name.clone() {
            Some(name) => {
                self.found.push(Declaration::Composite(found));
                Base::Tagged(tag, name)
            }
            None => Base::Composite(Box::new(found)),
        })
    }

    /// `T a, *b, c[2], d : 3;`
    fn member_line(&mut self, members: &mut Vec<Member>, depth: u32) -> Parsed<()> {
        if self.eat(";") {
            return Ok(());
        }
        let start = self.here();
        let mut shared = Attributes::default();
        let base = self.specifier(&mut shared, depth + 1)?;
        if self.eat(";") {
            // Without a declarator only a struct without a name is a member.
            if matches!(base, Base::Composite(_)) {
                let ty = CType { base, layers: Vec::new(), span: start };
                members.push(Member { name: None, ty, bits: None, attributes: shared, span: start });
            } else if matches!(base, Base::Enumeration(_)) {
                self.keep(base);
            }
            return Ok(());
        }
        loop {
            let span = self.here();
            let mut attributes = shared;
            let (name, layers) = if self.is(":") { (None, Vec::new()) } else { self.declarator(depth + 1)? };
            let bits = match self.eat(":") {
                true => Some(self.constant(&[",", ";", "__attribute__"])?.clamp(0, 255) as u32),
                false => None,
            };
            self.attributes(&mut attributes)?;
            let ty = CType { base: base.clone(), layers, span: start };
            members.push(Member { name: name.map(|name| name.node), ty, bits, attributes, span });
            if !self.eat(",") {
                // Compilers let the last one pass without its `;`, and so do old scripts.
                return if self.is("}") { Ok(()) } else { self.expect(";") };
            }
        }
    }

    /// Behind the brace of an enum of which `found` is the head.
    fn enumeration(&mut self, mut found: Enumeration) -> Parsed<Base> {
        let mut next = 0i64;
        while !self.eat("}") {
            let Some(token) = self.peek().filter(|token| token.kind == Kind::Word) else {
                return self.stop("expected the name of a constant");
            };
            self.at += 1;
            if self.eat("=") {
                next = self.constant(&[",", "}"])?;
            }
            self.own.insert(token.text.to_owned(), next);
            found.constants.push((token.text.to_owned(), next));
            next = next.wrapping_add(1);
            if !self.eat(",") && !self.is("}") {
                self.expect("}")?;
            }
        }
        let mut attributes = Attributes::default();
        self.attributes(&mut attributes)?;
        found.packed |= attributes.packed;
        Ok(match found.name.clone() {
            Some(name) => {
                self.found.push(Declaration::Enumeration(found));
                Base::Tagged(Tag::Enum, name)
            }
            None => Base::Enumeration(Box::new(found)),
        })
    }

    /// `*a[2]`, `(*f)(int)`: the name, and what is around the type, innermost first.
    fn declarator(&mut self, depth: u32) -> Parsed<(Option<Name>, Vec<Layer>)> {
        if depth >= MAX_DEPTH {
            return self.stop("these definitions are nested too deeply");
        }
        let mut layers = Vec::new();
        loop {
            self.attributes(&mut Attributes::default())?;
            match self.peek() {
                Some(token) if token.text == "*" => layers.push(Layer::Pointer),
                Some(token) if QUALIFIERS.contains(&token.text) => {}
                _ => break,
            }
            self.at += 1;
        }
        let (mut name, mut outer) = (None, Vec::new());
        if self.eat("(") {
            (name, outer) = self.declarator(depth + 1)?;
            self.expect(")")?;
        } else if let Some(token) = self.peek().filter(|token| token.kind == Kind::Word) {
            name = Some(Spanned { node: token.text.to_owned(), span: token.span });
            self.at += 1;
        }
        let mut suffixes = Vec::new();
        while let Some(suffix) = self.suffix()? {
            suffixes.push(suffix);
        }
        layers.extend(suffixes.into_iter().rev());
        layers.extend(outer);
        Ok((name, layers))
    }

    fn suffix(&mut self) -> Parsed<Option<Layer>> {
        if self.eat("(") {
            self.skip_bracket();
            return Ok(Some(Layer::Function));
        }
        if !self.eat("[") {
            return Ok(None);
        }
        let length = if self.is("]") { 0 } else { self.constant(&["]"])? };
        self.expect("]")?;
        match u32::try_from(length) {
            Ok(length) => Ok(Some(Layer::Array(u64::from(length)))),
            Err(_) => self.stop(format!("an array cannot have {length} elements")),
        }
    }

    /// Behind the bracket that was just opened.
    fn skip_bracket(&mut self) {
        let mut depth = 1;
        while let Some(token) = self.peek().filter(|_| depth > 0) {
            self.at += 1;
            match token.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
        }
    }

    /// `__attribute__((packed, aligned(8)))`, any number of them.
    fn attributes(&mut self, attributes: &mut Attributes) -> Parsed<()> {
        while self.eat("__attribute__") || self.eat("__attribute") || self.is("__packed") {
            if self.eat("__packed") {
                attributes.packed = true;
                continue;
            }
            self.expect("(")?;
            let start = self.at;
            self.skip_bracket();
            let inside = &self.tokens[start..self.at];
            for (at, token) in inside.iter().enumerate() {
                match token.text {
                    "packed" | "__packed__" => attributes.packed = true,
                    "aligned" | "__aligned__" => attributes.align = Some(self.alignment(inside.get(at + 1..).unwrap_or_default())),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The number in `(8)`; without one, the largest alignment of the machine.
    fn alignment(&self, rest: &[Token]) -> u32 {
        let end = rest.iter().position(|token| token.text == ")").unwrap_or(0);
        let names = Names { own: &self.own, world: self.world, unknown_is_zero: false };
        let number = rest.get(1..end).and_then(|tokens| value(tokens, &names, Span::default()).ok());
        number.and_then(|number| u32::try_from(number).ok()).filter(|number| number.is_power_of_two()).unwrap_or(16).min(1 << 16)
    }

    /// A constant expression up to one of `ends`, which stays.
    fn constant(&mut self, ends: &[&str]) -> Parsed<i64> {
        let (start, around) = (self.at, self.here());
        let mut depth = 0usize;
        while let Some(token) = self.peek() {
            match token.text {
                "(" | "[" => depth += 1,
                ")" | "]" if depth > 0 => depth -= 1,
                text if depth == 0 && ends.contains(&text) => break,
                ";" | "{" | "}" => break,
                _ => {}
            }
            self.at += 1;
        }
        let names = Names { own: &self.own, world: self.world, unknown_is_zero: false };
        value(&self.tokens[start..self.at], &names, around).map_err(|problem| {
            self.sink.push(problem);
            Stop
        })
    }
}

/// The words of one of C's types in the order that tables of them use: `unsigned long long`.
pub(super) fn canonical(words: &[&str]) -> String {
    let count = |word: &str| words.iter().filter(|other| **other == word).count();
    let sign = if count("unsigned") > 0 { "unsigned " } else { "" };
    let plain = ["void", "float", "double", "_Bool", "bool", "__int128"].into_iter().find(|word| count(word) > 0);
    match (plain, count("char"), count("short"), count("long")) {
        (Some("double"), _, _, long) if long > 0 => "long double".to_owned(),
        (Some(word), ..) => format!("{}{word}", if word == "__int128" { sign } else { "" }),
        (None, 1.., ..) => format!("{sign}char"),
        (None, _, 1.., _) => format!("{sign}short"),
        (None, _, _, 0) => {
            if sign.is_empty() {
                "int".to_owned()
            } else {
                "unsigned int".to_owned()
            }
        }
        (None, _, _, 1) => format!("{sign}long"),
        (None, ..) => format!("{sign}long long"),
    }
}
