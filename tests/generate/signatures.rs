//! How each builtin can be called, found out by asking: the tables say names and numbers of arguments, the compiler says which kinds of
//! arguments it takes and what comes out. So a new row is written into programs without a word here.

use std::collections::BTreeSet;

use rbtrace_ir::{Function, Helper, Inst, Op, Program, Region};
use rbtrace_lang::row::{Allowed, Builtin};
use rbtrace_lang::{aggregations, functions, variables};
use rbtrace_types::Facts;

use crate::dice::Dice;
use crate::front::{self, Given};
use crate::kind::Kind;

/// An argument that a builtin takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    Int,
    Literal,
    Str,
    Text,
    Bool,
    Pointer,
    Array,
    Tuple,
    Buf,
    /// A map with keys, and its key.
    Map,
    Aggregated,
    Scalar,
    Element,
    Verbatim(String),
}

/// One way to call a builtin.
#[derive(Clone, Debug)]
pub struct Signature {
    pub name: &'static str,
    pub args: Vec<Arg>,
    /// What it gives; `None`: nothing.
    pub gives: Option<Kind>,
    /// Whether the same call gives the same in the kernel and in the interpreter.
    pub repeatable: bool,
    /// The probe types it works in, if not all.
    pub only: Option<&'static [&'static str]>,
}

/// Everything that can be called.
#[derive(Debug, Default)]
pub struct Signatures {
    pub calls: Vec<Signature>,
    /// Aggregations, with their arguments.
    pub aggregations: Vec<Signature>,
    /// Those that print by a format, and whether they do the same every time.
    pub formatted: Vec<(&'static str, bool)>,
}

/// Calls that are tried for one number of arguments.
const TRIES: usize = 90;

/// What arguments are tried with: how it is written, after `SETTING`.
const PALETTE: [(Arg, &str); 13] = [
    (Arg::Int, "$i"),
    (Arg::Literal, "7"),
    (Arg::Str, "$s"),
    (Arg::Text, "\"abc\""),
    (Arg::Bool, "$b"),
    (Arg::Pointer, "$p"),
    (Arg::Array, "$a"),
    (Arg::Tuple, "(1, \"x\")"),
    (Arg::Buf, "$u"),
    (Arg::Map, "@m"),
    (Arg::Aggregated, "@g"),
    (Arg::Scalar, "@s"),
    (Arg::Element, "@m[1]"),
];

const SETTING: &str = "$i = (uint64)7; $s = comm; $b = $i == 7; $p = (uint8*)$i; $a = (uint8[8])$i; $u = buf(\"ab\", 2);
@m[1] = 1; @g[1] = count(); @s = 1;";

impl Signatures {
    /// Asks the compiler about every row.
    pub fn learn(facts: &dyn Facts) -> Signatures {
        let mut learned = Signatures::default();
        for row in functions::ALL.iter().chain(variables::ALL) {
            if row.signature.contains("\"format\", values") {
                let program = front::compile(&format!("begin {{ {}(\"%d\", 1); }}", row.name), facts, &Given::default());
                learned.formatted.extend(program.map(|program| (row.name, repeatable(&program))));
                continue;
            }
            // `fail` is there to be refused.
            if row.name != "fail" {
                learned.calls.extend(ways(facts, row));
            }
        }
        for row in aggregations::ALL {
            for args in arguments(row.name, row.args, &[], &[Arg::Int, Arg::Literal, Arg::Verbatim("1s".to_string())]) {
                let script = format!("begin {{ {SETTING} @r = {}; }}", call(row.name, &args));
                if front::compile(&script, facts, &Given::default()).is_ok() {
                    learned.aggregations.push(Signature { name: row.name, args, gives: None, repeatable: true, only: None });
                }
            }
        }
        learned
    }
}

impl Signatures {
    /// Leaves out builtins whose helpers this machine does not offer (`write_user` under lockdown).
    pub fn leave_out(&mut self, loads: &dyn Fn(&str) -> bool) {
        let mut lacking: Vec<&str> = Vec::new();
        for signature in self.calls.iter().filter(|call| !call.repeatable && call.only.is_none()) {
            let script = format!("begin {{ {SETTING} _ = {}; }}", call(signature.name, &signature.args));
            let effect = format!("begin {{ {SETTING} {}; }}", call(signature.name, &signature.args));
            if signature.is_first_of(&self.calls) && !loads(if signature.gives.is_some() { &script } else { &effect }) {
                println!("left out: this machine does not take {}", signature.name);
                lacking.push(signature.name);
            }
        }
        self.calls.retain(|call| !lacking.contains(&call.name));
    }
}

impl Signature {
    /// Whether no other way to call the same builtin comes before it.
    fn is_first_of(&self, all: &[Signature]) -> bool {
        all.iter().find(|call| call.name == self.name).is_some_and(|first| std::ptr::eq(first, self))
    }
}

/// The ways to call one builtin that compile.
fn ways(facts: &dyn Facts, row: &'static Builtin) -> Vec<Signature> {
    let only = match row.allowed {
        Allowed::Any => None,
        Allowed::Only(types) => Some(types),
    };
    let probe = match only {
        None => "begin".to_string(),
        Some(types) => match types.iter().find_map(|name| front::some_probe(name, facts)) {
            Some(probe) => probe,
            None => return Vec::new(),
        },
    };
    let kinds: Vec<Arg> = PALETTE.iter().map(|(arg, _)| arg.clone()).collect();
    let mut found = Vec::new();
    for args in arguments(row.name, row.args, &verbatim(row), &kinds) {
        let written = call(row.name, &args);
        let given = Given::default();
        let valued = front::compile(&format!("{probe} {{ {SETTING} @r = {written}; }}"), facts, &given).ok();
        let kind = valued.as_ref().and_then(|program| {
            let map = program.manifest.maps.iter().find(|map| map.name == "@r")?;
            Kind::of(&map.value)
        });
        let program = match valued {
            Some(program) if kind.is_some() => program,
            _ => match front::compile(&format!("{probe} {{ {SETTING} {written}; }}"), facts, &given) {
                Ok(program) => program,
                Err(_) => continue,
            },
        };
        found.push(Signature { name: row.name, args, gives: kind, repeatable: repeatable(&program), only });
    }
    found
}

/// Lists of arguments to try: all short ones, some of the longer ones.
fn arguments(name: &str, (fewest, most): (usize, usize), words: &[Arg], kinds: &[Arg]) -> Vec<Vec<Arg>> {
    let mut all: Vec<Vec<Arg>> = Vec::new();
    let choices: Vec<&Arg> = words.iter().chain(kinds).collect();
    for arity in fewest..=most.min(fewest.max(2) + 1) {
        let possible = choices.len().saturating_pow(arity as u32);
        if possible <= TRIES {
            all.extend((0..possible).map(|mut number| {
                let digit = |number: &mut usize| {
                    let digit = *number % choices.len();
                    *number /= choices.len();
                    choices[digit].clone()
                };
                (0..arity).map(|_| digit(&mut number)).collect()
            }));
        } else {
            let mut dice = Dice::new(name.bytes().map(u64::from).sum());
            all.extend((0..TRIES).map(|_| (0..arity).map(|_| (*dice.pick(&choices)).clone()).collect()));
        }
    }
    all
}

/// Words that the row itself uses as arguments: modes in its signature, texts in its example.
fn verbatim(row: &Builtin) -> Vec<Arg> {
    let mut words = BTreeSet::new();
    for line in row.signature.lines() {
        let inside = line.split_once('(').map_or("", |(_, inside)| inside);
        words.extend(inside.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.len() > 2).map(str::to_string));
    }
    let example = row.manual.split("```").nth(1).unwrap_or_default();
    let mut rest = example;
    while let Some(at) = rest.find(&format!("{}(", row.name)) {
        rest = &rest[at + row.name.len() + 1..];
        let args = rest.split(')').next().unwrap_or_default();
        words.extend(
            args.split(',').map(str::trim).filter(|arg| arg.starts_with('"') && arg.ends_with('"') && arg.len() > 1).map(str::to_string),
        );
    }
    words.into_iter().map(Arg::Verbatim).collect()
}

fn call(name: &str, args: &[Arg]) -> String {
    let text = |arg: &Arg| match arg {
        Arg::Verbatim(text) => text.clone(),
        known => PALETTE.iter().find(|(arg, _)| arg == known).map(|(_, text)| text.to_string()).unwrap_or_default(),
    };
    if args.is_empty() { format!("{name}()") } else { format!("{name}({})", args.iter().map(text).collect::<Vec<_>>().join(", ")) }
}

/// Helpers whose answers the interpreter knows, and which change nothing outside.
const REPEATABLE: [Helper; 17] = [
    Helper::MapLookup,
    Helper::MapLookupPerCpu,
    Helper::MapUpdate,
    Helper::MapDelete,
    Helper::CurrentComm,
    Helper::CurrentPidTgid,
    Helper::CurrentUidGid,
    Helper::NsCurrentPidTgid,
    Helper::ProbeReadKernel,
    Helper::ProbeReadUser,
    Helper::ProbeReadKernelStr,
    Helper::ProbeReadUserStr,
    Helper::ProbeReadStr,
    Helper::Strncmp,
    Helper::RingbufOutput,
    Helper::RingbufReserve,
    Helper::RingbufSubmit,
];

/// Whether a program does the same every time, and no harm.
pub fn repeatable(program: &Program) -> bool {
    let bodies = |function: &Function| function.subprograms.iter().all(|sub| is_repeatable(&sub.body)) && is_repeatable(&function.body);
    program.functions.iter().all(bodies)
}

fn is_repeatable(region: &Region) -> bool {
    region.insts.iter().all(|Inst { op, .. }| match op {
        Op::Call(helper, _) => REPEATABLE.contains(helper),
        Op::LoadTrusted { .. } | Op::CtxAddr => false,
        Op::If { then, otherwise, .. } => is_repeatable(then) && is_repeatable(otherwise),
        Op::Switch { cases, default, .. } => is_repeatable(default) && cases.iter().all(|(_, region)| is_repeatable(region)),
        Op::Loop { body, .. } => is_repeatable(body),
        Op::Emit { fill, .. } => is_repeatable(fill),
        _ => true,
    })
}
