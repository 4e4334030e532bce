//! Targets → places: which binaries, which functions of them, and what must not be attached to.

use std::collections::HashSet;

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_types::Facts;
use rbtrace_types::binary::{Function, Naming};

use super::target::{self, Code, Wanted};
use super::{Kind, VARIANTS, is_called, line};
use crate::probes::wildcard;
use crate::row::Target;
use crate::warnings;

/// Said of places that may be inside an instruction, where a breakpoint breaks the program.
const FORCE: &str = "Use --unsafe to force attachment. WARNING: This option could lead to data corruption in the target process.";

/// From so many functions of a binary on, a wildcard is dear to whoever uses it.
const MANY: usize = 1000;

/// Looks for places in one binary.
struct Search<'a> {
    facts: &'a dyn Facts,
    kind: Kind,
    target: &'a Target<'a>,
    wanted: &'a Wanted<'a>,
    sink: &'a mut Sink,
}

/// See [`crate::row::ProbeType::expand`].
pub fn expand(facts: &dyn Facts, kind: Kind, target: &Target, sink: &mut Sink) -> Vec<Vec<String>> {
    let Some(wanted) = target::read(facts, kind, target, sink) else { return Vec::new() };
    let mut places = Vec::new();
    for binary in binaries(facts, kind, target, &wanted, sink) {
        let mut search = Search { facts, kind, target, wanted: &wanted, sink };
        places.extend(search.places(&binary));
    }
    places
}

/// The binaries that a target means; says so if there is none.
fn binaries(facts: &dyn Facts, kind: Kind, target: &Target, wanted: &Wanted, sink: &mut Sink) -> Vec<String> {
    let Some(part) = &wanted.binary else { return facts.binaries("*") };
    let mut found = facts.binaries(&part.text);
    let is_pattern = part.text.contains(['*', '?', '[']) && !part.quoted;
    if is_pattern {
        return found;
    }
    if found.is_empty() {
        no_binary(kind, &part.text, part.span, &facts.why_no_binary(&part.text), sink);
    }
    if found.len() > 1 {
        let message = format!("attaching to {} target file '{}' but matched {} binaries", kind.name, found[0], found.len());
        let warning = warnings::MANY_BINARIES.at(target.span, message).because("more than one directory of `PATH` has it");
        sink.push(warning.hint("a path names one of them"));
        found.truncate(1);
    }
    found
}

fn no_binary(kind: Kind, text: &str, span: Span, why: &str, sink: &mut Sink) {
    let refusal = Diagnostic::error(span, format!("{} target file '{text}' does not exist or is not executable", kind.name));
    sink.push(refusal.because(why.to_owned()));
}

impl Search<'_> {
    fn places(&mut self, binary: &str) -> Vec<Vec<String>> {
        let is_sure = self.wanted.binary.as_ref().is_some_and(|part| part.quoted || !part.text.contains('*'));
        if let Err(why) = self.facts.function(binary, Naming::Symbol, "") {
            let address = matches!(self.wanted.code, Code::Address(_));
            return match (self.target.is_unsafe && address, is_sure) {
                (true, _) => self.at_address(binary),
                // Among many there are scripts, too.
                (false, false) => Vec::new(),
                (false, true) => {
                    no_binary(self.kind, binary, self.target.span, &why, self.sink);
                    Vec::new()
                }
            };
        }
        let places = match &self.wanted.code {
            Code::Address(_) => self.at_address(binary),
            Code::Pattern(pattern) => self.matching(binary, pattern),
            Code::Function { name, offset, is_quoted } => self.named(binary, name, *offset, *is_quoted),
            Code::Line(line) => line::places(self.facts, binary, line, self.target.span, self.sink),
        };
        if !places.is_empty() && self.kind.returns && self.facts.has_go_runtime(binary) {
            let refusal = Diagnostic::error(self.target.span, format!("{} cannot be used on {binary}, a Go program", self.kind.name));
            let refusal = refusal.because("Go moves stacks, and a replaced return address ends the program");
            self.sink.push(refusal.hint("attach a `uprobe` to the instructions that return: `f+offset`"));
            return Vec::new();
        }
        places
    }

    fn refuse(&mut self, message: String, why: &str, hint: Option<&str>) -> Vec<Vec<String>> {
        let mut refusal = Diagnostic::error(self.target.span, message).because(why.to_owned());
        if let Some(hint) = hint {
            refusal = refusal.hint(hint.to_owned());
        }
        self.sink.push(refusal);
        Vec::new()
    }

    fn at_address(&mut self, binary: &str) -> Vec<Vec<String>> {
        let Code::Address(address) = self.wanted.code else { return Vec::new() };
        let place = vec![vec![binary.to_owned(), address.to_string()]];
        let is_forced = self.target.is_unsafe;
        if is_forced {
            return place;
        }
        if self.facts.code_offset(binary, address).is_none() {
            let message = format!("Could not resolve address: {binary}:{address:#x}");
            return self.refuse(message, "the binary has no code at this address", None);
        }
        let all = self.facts.functions(binary, Naming::Symbol).unwrap_or_default();
        let around = all.iter().find(|function| (function.address..function.address + function.size).contains(&address));
        let starts = around.cloned().or_else(|| self.facts.nameless_function(binary, address)).map(|function| {
            (function.address == address).then_some(true).or_else(|| self.facts.is_instruction(binary, &function, address))
        });
        match starts {
            Some(Some(true)) => place,
            Some(Some(false)) => self.inside_instruction(&format!("{binary}:{address:#x}")),
            Some(None) | None => {
                let message = format!("Could not determine instruction boundary for {}:{binary}:{address:#x}", self.kind.name);
                self.refuse(message, "no symbol and no table for exceptions says where the code around it begins", Some(FORCE))
            }
        }
    }

    fn inside_instruction(&mut self, place: &str) -> Vec<Vec<String>> {
        let message = format!("Could not add {} into middle of instruction: {place}", self.kind.name);
        self.refuse(message, "a breakpoint here would break the instruction before", Some(FORCE))
    }

    /// Functions whose names match. Of several names of one function the plainest is taken: else it would count twice.
    fn matching(&mut self, binary: &str, pattern: &str) -> Vec<Vec<String>> {
        let naming = self.wanted.naming;
        let all = self.facts.functions(binary, naming).unwrap_or_default();
        let is_usable = |function: &&Function| function.size > 0 || function.is_indirect || self.target.is_unsafe;
        let mut meant: Vec<&Function> =
            all.iter().filter(|function| wildcard::matches(pattern, &function.name)).filter(is_usable).collect();
        meant.sort_by_key(|function| (function.name.bytes().take_while(|&byte| byte == b'_').count(), function.name.len(), &function.name));
        let mut seen = HashSet::new();
        let mut names: Vec<&str> = Vec::new();
        for function in meant {
            // What chooses between functions is another name for the one that is chosen.
            let code = self.code_of(binary, function);
            let is_new = seen.insert(function.address) && (!function.is_indirect || code.iter().any(|address| !seen.contains(address)));
            seen.extend(&code);
            if is_new && !code.is_empty() && self.is_steppable(binary, &code, 0) {
                names.push(&function.name);
            }
        }
        names.sort_unstable();
        names.dedup();
        self.warn_of_many(binary, names.len());
        names.into_iter().map(|name| target::parts_of(binary, naming, name, 0)).collect()
    }

    fn warn_of_many(&mut self, binary: &str, count: usize) {
        if count >= MANY && self.target.pid.is_none() {
            let message = format!("breakpoints in {count} functions of {binary} slow down every process that uses it");
            let warning = warnings::MANY_FUNCTIONS.at(self.target.span, message).because("each call of one of them is a trap");
            self.sink.push(warning.hint("`-p PID` leaves other processes alone; a narrower wildcard costs less"));
        }
    }

    fn named(&mut self, binary: &str, name: &str, offset: u64, is_quoted: bool) -> Vec<Vec<String>> {
        let exact = self.facts.function(binary, self.wanted.naming, name).unwrap_or_default();
        let (naming, functions) = match exact.is_empty() {
            false => (self.wanted.naming, exact),
            // A name of the source does not need its language: no symbol is written so.
            true if self.wanted.naming == Naming::Demangled || is_quoted || name.contains("::") => {
                (Naming::Demangled, self.overloads(binary, name))
            }
            true => (Naming::Symbol, Vec::new()),
        };
        // Functions of C have the names that they have in the source, whatever the language of the others.
        let (naming, functions) = match functions.is_empty() && naming == Naming::Demangled {
            true => (Naming::Symbol, self.facts.function(binary, Naming::Symbol, name).unwrap_or_default()),
            false => (naming, functions),
        };
        let functions = if functions.is_empty() { self.variants(binary, naming, name) } else { functions };
        if functions.iter().any(|function| !self.is_attachable(binary, function, offset)) {
            return Vec::new();
        }
        let mut names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
        names.dedup();
        names.into_iter().map(|name| target::parts_of(binary, naming, name, offset)).collect()
    }

    /// All functions that the source calls so.
    fn overloads(&self, binary: &str, name: &str) -> Vec<Function> {
        let all = self.facts.functions(binary, Naming::Demangled).unwrap_or_default();
        let is_meant = |function: &&Function| function.name == name || is_called(Naming::Demangled, &function.name, name);
        all.iter().filter(is_meant).cloned().collect()
    }

    /// The copies that a compiler made of a function which it did not keep.
    fn variants(&mut self, binary: &str, naming: Naming, name: &str) -> Vec<Function> {
        if naming == Naming::Demangled {
            return Vec::new();
        }
        let all = self.facts.functions(binary, naming).unwrap_or_default();
        let is_variant =
            |known: &str| known.strip_prefix(name).is_some_and(|rest| VARIANTS.iter().any(|variant| rest.starts_with(variant)));
        let found: Vec<Function> = all.iter().filter(|function| is_variant(&function.name)).cloned().collect();
        if let Some(first) = found.first() {
            let message = format!("{binary} has no `{name}` but `{}`, which the compiler made of it; its arguments may differ", first.name);
            self.sink.push(warnings::COMPILER_VARIANT.at(self.target.span, message).because("attached there"));
        }
        found
    }

    /// Whether a breakpoint on a function, or in it, hits the beginning of an instruction; says so if not.
    fn is_attachable(&mut self, binary: &str, function: &Function, offset: u64) -> bool {
        let name = &function.name;
        if self.is_unknown(binary, function) {
            let message = format!("`{name}` of {binary} chooses its code when it is loaded, and what it will choose is not known");
            self.refuse(
                message,
                "an indirect function (IFUNC)",
                Some("attach to the functions behind it; `-l` shows those that have names"),
            );
            return false;
        }
        if !self.is_steppable(binary, &self.code_of(binary, function), offset) {
            let step = if offset == 0 { String::new() } else { format!("+{offset}") };
            let message = format!("the kernel allows no breakpoint at `{name}{step}` of {binary}");
            let why = "the instruction there is one that it cannot run from a copy: under lock, a newer vector one, or the kernel's own";
            self.refuse(message, why, Some("`f+offset` names an instruction behind it"));
            return false;
        }
        self.tell_of_moved(binary, function, offset);
        if self.target.is_unsafe || function.is_indirect {
            return self.is_in_file(binary, function, offset);
        }
        if function.size == 0 {
            let message = format!("Could not determine boundary for {name} (symbol has size 0).");
            self.refuse(message, "nobody says where its code ends", Some(FORCE));
            return false;
        }
        if offset >= function.size {
            let message = format!("Offset outside the function bounds ('{name}' size is {})", function.size);
            self.refuse(message, "the offset is behind the function's end", None);
            return false;
        }
        if offset > 0 && self.facts.is_instruction(binary, function, function.address + offset) == Some(false) {
            self.inside_instruction(&format!("{binary}:{name}+{offset}"));
            return false;
        }
        true
    }

    /// Whether the file holds the place; says so if not, since no force puts a breakpoint where there is nothing.
    fn is_in_file(&mut self, binary: &str, function: &Function, offset: u64) -> bool {
        let is_there = |address: u64| self.facts.code_offset(binary, address + offset).is_some();
        let found = offset == 0 || self.code_of(binary, function).into_iter().any(is_there);
        if !found {
            let message = format!("`{}+{offset}` is outside of the code of {binary}", function.name);
            self.refuse(message, "the file has no instruction there", Some("a smaller offset"));
        }
        found
    }

    /// Says so where a breakpoint is not on the first instruction.
    fn tell_of_moved(&mut self, binary: &str, function: &Function, offset: u64) {
        let behind = |address: &u64| self.facts.breakpoint(binary, *address).map(|found| found - address).filter(|&behind| behind > 0);
        let code = self.code_of(binary, function);
        if let (0, Some(behind)) = (offset, code.iter().find_map(behind)) {
            let message = format!("the breakpoint of `{}` is {behind} bytes behind its first instruction", function.name);
            let warning = warnings::LATER_INSTRUCTION.at(self.target.span, message);
            self.sink.push(warning.because("the kernel cannot run that one from a copy; no argument changes in between"));
        }
    }

    /// Whether the kernel takes breakpoints there: one that it does not take would cost all others of its link.
    fn is_steppable(&self, binary: &str, code: &[u64], offset: u64) -> bool {
        code.iter().map(|address| address + offset).all(|address| match self.facts.breakpoint(binary, address) {
            Some(found) => found == address || offset == 0,
            None => false,
        })
    }

    /// Where a function really is; nowhere if nobody knows.
    fn code_of(&self, binary: &str, function: &Function) -> Vec<u64> {
        if function.is_indirect { self.facts.implementations(binary, function) } else { vec![function.address] }
    }

    fn is_unknown(&self, binary: &str, function: &Function) -> bool {
        function.is_indirect && self.facts.implementations(binary, function).is_empty()
    }
}
