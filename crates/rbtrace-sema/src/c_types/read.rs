//! The C items of a script → what they say: which headers are files that we read, which are a C compiler's, which the kernel's types replace.

use std::collections::HashSet;

use rbtrace_diag::{Diagnostic, Sink, SourceId, Sources, Span, Spanned};
use rbtrace_lang::{aggregations, constants, functions, variables};
use rbtrace_syntax::ast::{self, Item, Program};
use rbtrace_syntax::c::{Headers, Include, Macro, Params, Unit, World};
use rbtrace_syntax::parse_c_macro;
use rbtrace_types::ctype::c_integer;
use rbtrace_types::headers::{Answer, HeaderMacro, MacroParams};
use rbtrace_types::{Facts, Type};

use crate::{Options, stdlib};

/// A type every kernel has: where BTF knows it, BTF knows the others, too.
const PROOF_OF_BTF: &str = "struct task_struct";

/// The name of the text that macros are read from.
const DEFINITIONS: &str = "definitions.h";

/// More headers than any script has, counted once each: there is a number for every text of a run, and those end.
const MOST_HEADERS: usize = 10_000;

/// Macros that are texts or expressions, counted likewise. Those beyond are said to have no value.
const MOST_MACROS: usize = 10_000;

/// The C side of a script, as far as it can be read without a compiler.
pub(crate) struct Reading<'a> {
    /// The machine.
    pub facts: &'a dyn Facts,
    pub(super) items: Vec<&'a Spanned<String>>,
    pub(super) has_btf: bool,
    headers: Headers,
    /// Headers that are there and cannot be read, which was said.
    refused: HashSet<(SourceId, String)>,
    /// What the script says outside of its C items.
    words: HashSet<String>,
    /// Headers that are not ours to read.
    pub(super) unread: Vec<Include>,
}

impl<'a> Reading<'a> {
    /// Reads the files that are included. They are added to the sources.
    pub fn new(program: &'a Program, sources: &mut Sources, facts: &'a dyn Facts, options: &Options, sink: &mut Sink) -> Reading<'a> {
        let items: Vec<&Spanned<String>> = program.items.iter().filter_map(c_item).collect();
        let has_btf = !items.is_empty() && facts.kernel_type(PROOF_OF_BTF).is_some();
        let words = if items.is_empty() { HashSet::new() } else { words(&items, sources) };
        let mut reading =
            Reading { facts, items, has_btf, headers: Headers::default(), refused: HashSet::new(), words, unread: Vec::new() };
        // A header says which others it wants only when it is read, and conditionals may hide some.
        while !reading.items.is_empty() {
            let unread = reading.unit(None, &mut Sink::default()).includes;
            let is_new = |include: &&Include| !reading.headers.asked.contains_key(&key(include));
            let new: Vec<Include> = unread.iter().filter(is_new).cloned().collect();
            if new.is_empty() || reading.headers.asked.len() > MOST_HEADERS {
                reading.unread = unread.into_iter().filter(|include| !reading.refused.contains(&key(include))).collect();
                break;
            }
            for include in new {
                reading.find(&include, sources, options, sink);
            }
        }
        reading
    }

    /// Remembers what an include means.
    fn find(&mut self, include: &Include, sources: &mut Sources, options: &Options, sink: &mut Sink) {
        let from = sources.get(include.name.span.source).name.clone();
        let from = include.is_quoted.then_some(from.as_str());
        let found = self.facts.header(from, &include.name.node, &options.include_directories);
        let found = found.unwrap_or_else(|why| {
            sink.push(Diagnostic::error(include.name.span, format!("cannot include `{}`: {why}", include.name.node)));
            self.refused.insert(key(include));
            None
        });
        let id = found.map(|(name, text)| {
            let known = self.headers.texts.keys().find(|id| sources.get(**id).name == name).copied();
            known.unwrap_or_else(|| {
                let id = sources.add(name, text.clone());
                self.headers.texts.insert(id, Spanned { span: Span::new(id, 0, text.len()), node: text });
                id
            })
        });
        self.headers.asked.insert(key(include), id);
    }

    /// What the items say, with what a compiler found in headers.
    pub fn unit(&self, answer: Option<&Answer>, sink: &mut Sink) -> Unit {
        if self.items.is_empty() {
            return Unit::default();
        }
        let mut predefined = vec!["__KERNEL__", "__BPF_TRACING__"];
        if self.has_btf {
            predefined.extend(["BPFTRACE_HAVE_BTF", "_LINUX_TYPES_H"]);
        }
        predefined.extend(answer.iter().flat_map(|answer| answer.macros.keys()).map(String::as_str));
        let world = World {
            predefined: &predefined,
            constant: &|name| header_constant(answer, name).or_else(|| outside_constant(self.facts, name)),
            size: &|name| size_of(self.facts, answer, name),
            headers: &self.headers,
            is_used: &|name| self.words.contains(name),
        };
        rbtrace_syntax::c::parse(&self.items, &world, sink)
    }

    /// Names that a compiler of C is asked for.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = self.items.iter().flat_map(|item| identifiers(&item.node));
        self.words.iter().map(String::as_str).chain(own)
    }
}

/// The macros of the script and its headers that are no integers, as macros of the language: their bodies are expressions of the script (SPEC
/// §1.4).
pub(crate) fn script_macros(unit: &Unit, answer: Option<&Answer>) -> Vec<ast::Macro> {
    let is_number = |name: &str| answer.and_then(|answer| answer.macros.get(name)).is_some_and(|found| found.value.is_some());
    let is_text = |found: &&Macro| found.value.is_none() && !found.body.node.is_empty() && !is_number(&found.name.node);
    unit.macros.iter().filter(is_text).take(MOST_MACROS).filter_map(parse_c_macro).collect()
}

/// Adds the macros of headers that a compiler found, but for those that are integers. The language's own names, and those that the script
/// gives to its own macros, stay what they are: nobody chose what else a header defines.
pub(crate) fn add_header_macros(unit: &mut Unit, answer: Option<&Answer>, program: &Program, sources: &mut Sources) {
    let headers = answer.iter().flat_map(|answer| &answer.macros).filter(|(_, found)| found.value.is_none());
    let is_free = |name: &str| !is_ours(name) && !unit.defines(name) && !defines_macro(program, name);
    let headers: Vec<_> = headers.filter(|(name, found)| found.body != **name && is_free(name)).take(MOST_MACROS).collect();
    unit.macros.extend(headers.into_iter().map(|(name, found)| header_macro(name, found, sources)));
}

/// Whether a name means something in the language.
pub(super) fn is_ours(name: &str) -> bool {
    let is_row = variables::by_name(name).or_else(|| functions::by_name(name)).is_some();
    is_row || aggregations::by_name(name).is_some() || stdlib::file_of(name).is_some()
}

fn defines_macro(program: &Program, name: &str) -> bool {
    program.items.iter().any(|item| matches!(item, Item::Macro(item) if item.name.node == name))
}

/// A macro of which only the words are known, not where they stand.
fn header_macro(name: &str, found: &HeaderMacro, sources: &mut Sources) -> Macro {
    let mut text = "#define ".to_owned();
    let mut places = vec![(text.len(), name)];
    text += name;
    if let MacroParams::Names(params) = &found.params {
        for (at, param) in params.iter().enumerate() {
            text += if at == 0 { "(" } else { ", " };
            places.push((text.len(), param));
            text += param;
        }
        text += if params.is_empty() { "()" } else { ")" };
    }
    text += " ";
    places.push((text.len(), &found.body));
    text += &found.body;
    let id = sources.add(DEFINITIONS, text);
    let mut words = places.into_iter().map(|(at, word)| Spanned { node: word.to_owned(), span: Span::new(id, at, at + word.len()) });
    let (name, body) = (words.next().expect("a macro has a name"), words.next_back().expect("a macro has a body"));
    let params = match found.params {
        MacroParams::None => Params::None,
        MacroParams::Names(_) => Params::Names(words.collect()),
        MacroParams::Others => Params::Others,
    };
    Macro { name, body, params, value: None }
}

fn c_item(item: &Item) -> Option<&Spanned<String>> {
    match item {
        Item::C(text) => Some(text),
        Item::Config(_) | Item::Import(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => None,
    }
}

fn key(include: &Include) -> (SourceId, String) {
    (include.name.span.source, include.name.node.clone())
}

/// The names in all texts but for those of the C items.
fn words(items: &[&Spanned<String>], sources: &Sources) -> HashSet<String> {
    let mut words = HashSet::new();
    for (number, source) in sources.iter().enumerate() {
        let mut inside: Vec<Span> = items.iter().map(|item| item.span).filter(|span| usize::from(span.source.0) == number).collect();
        inside.sort_unstable();
        let mut at = 0;
        for span in inside {
            words.extend(source.text.get(at..span.start as usize).into_iter().flat_map(identifiers).map(str::to_owned));
            at = span.end as usize;
        }
        words.extend(source.text.get(at..).into_iter().flat_map(identifiers).map(str::to_owned));
    }
    words
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

fn header_constant(answer: Option<&Answer>, name: &str) -> Option<i64> {
    let answer = answer?;
    let constant = || answer.constants.get(name).map(|(_, value)| *value);
    answer.macros.get(name).and_then(|found| found.value).or_else(constant)
}

pub(super) fn kernel_constant(facts: &dyn Facts, name: &str) -> Option<i64> {
    facts.kernel_enum_constant(name).map(|(_, value)| value)
}

fn outside_constant(facts: &dyn Facts, name: &str) -> Option<i64> {
    kernel_constant(facts, name).or_else(|| constants::by_name(name, facts.arch(), &|name| kernel_constant(facts, name)))
}

/// Bytes of a type that the script does not define itself, and whether it is a signed integer.
fn size_of(facts: &dyn Facts, answer: Option<&Answer>, name: &str) -> Option<(u32, bool)> {
    let known = answer.and_then(|answer| answer.types.get(name)).map(|found| (found.ty.clone(), found.size));
    let (ty, size) = known.or_else(|| c_integer(name).or_else(|| facts.kernel_type(name)).map(|ty| (ty.clone(), ty.size())))?;
    match ty {
        Type::Int(int) => Some((size, int.signed)),
        Type::Enum(_) => Some((size.min(4), false)),
        Type::Void => None,
        Type::Bool | Type::String(_) | Type::Buffer(_) | Type::Pointer(..) | Type::Array(..) | Type::Struct(_) => Some((size, false)),
        Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => Some((size, false)),
    }
}
