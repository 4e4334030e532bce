//! Writes expressions of a wanted kind. Every expression is closed: it can stand wherever an operand can.

use crate::dice::Dice;
use crate::kind::Kind;
use crate::scope::{Holds, MapVar, Param, Scope};
use crate::signatures::{Arg, Signature};

/// Numbers at the edges of types.
const EDGES: [&str; 16] = [
    "0",
    "1",
    "2",
    "7",
    "63",
    "64",
    "127",
    "128",
    "255",
    "0x7fff",
    "65535",
    "0x80000000",
    "4294967295",
    "0x7fffffffffffffff",
    "0xffffffffffffffff",
    "1e9",
];

/// Constants that scripts use by name.
const NAMED: [&str; 6] = ["ENOENT", "AF_INET6", "S_IFMT", "SIGKILL", "CLONE_VM", "DT_DIR"];

const INTS: [&str; 8] = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"];

const WORDS: [&str; 9] = [
    "\"\"",
    "\"a\"",
    "\"abc\"",
    "\"hello world\"",
    "\"two\"",
    "\"a\\n\\t\\\"x\\\"\"",
    "\"\\x01\\xff\"",
    "\"0123456789abcdef0123456789abcdef\"",
    "\"b\"",
];

/// Writes expressions.
pub struct Writer<'s, 'a> {
    pub dice: &'s mut Dice,
    pub scope: &'s mut Scope<'a>,
}

impl Writer<'_, '_> {
    /// An expression of a kind.
    pub fn expr(&mut self, kind: &Kind, depth: u32) -> String {
        if depth > 0 && self.dice.percent(8) {
            return self.wrapped(kind, depth - 1);
        }
        if let Some(found) = self.stored(kind, depth) {
            return found;
        }
        match kind {
            Kind::Int => self.int(depth),
            Kind::Bool => self.bool(depth),
            Kind::Str => self.string(depth),
            Kind::Buf => self.called(kind, depth).unwrap_or_else(|| "buf(\"abc\", 2)".to_string()),
            Kind::Array(of, len) => self.array(of, *len, depth),
            Kind::Pointer(to) => self.pointer(to, depth),
            Kind::Enum(name) => format!("({name}){}", self.dice.below(3)),
            Kind::Tuple(items) => self.tuple(items, depth),
            Kind::Record(items) => self.record(items, depth),
            Kind::Other(_) => self.called(kind, depth).unwrap_or_else(|| "0".to_string()),
        }
    }

    /// A choice between values, or a block around one.
    fn wrapped(&mut self, kind: &Kind, depth: u32) -> String {
        let value = self.expr(kind, depth);
        match self.dice.below(3) {
            0 => format!("({} ? {value} : {})", self.bool(depth), self.expr(kind, depth)),
            1 => format!("(if ({}) {{ {value} }} else {{ {} }})", self.bool(depth), self.expr(kind, depth)),
            _ => {
                let name = self.scope.fresh("$z");
                format!("({{ let {name} = {value}; {name} }})")
            }
        }
    }

    /// What variables, maps and arguments hold.
    fn stored(&mut self, kind: &Kind, depth: u32) -> Option<String> {
        let vars = self.scope.vars_of(kind);
        if !vars.is_empty() && self.dice.percent(35) {
            return Some(self.dice.pick(&vars).clone());
        }
        if depth > 0 && !(self.scope.unordered && self.scope.rules.repeatable) && self.dice.percent(20) {
            let maps: Vec<MapVar> =
                self.scope.maps.iter().filter(|map| matches!(&map.holds, Holds::Plain(holds) if holds == kind)).cloned().collect();
            if !maps.is_empty() {
                let map = self.dice.pick(&maps).clone();
                return Some(self.entry(&map, depth));
            }
        }
        if depth > 0
            && self.dice.percent(8)
            && let Some(call) = self.function_call(Some(kind), depth)
        {
            return Some(call);
        }
        let args: Vec<String> = self.scope.args.iter().filter(|(_, arg)| arg == kind).map(|(text, _)| text.clone()).collect();
        (!args.is_empty() && self.dice.percent(25)).then(|| self.dice.pick(&args).clone())
    }

    /// `@m` or `@m[key]`
    pub fn entry(&mut self, map: &MapVar, depth: u32) -> String {
        match &map.key {
            None => map.name.clone(),
            Some(key) => format!("{}[{}]", map.name, self.key(key, depth)),
        }
    }

    /// A key, a tuple's parts sometimes without parentheses.
    pub fn key(&mut self, kind: &Kind, depth: u32) -> String {
        match kind {
            Kind::Tuple(items) if self.dice.percent(60) => {
                items.iter().map(|item| self.expr(item, depth.saturating_sub(1))).collect::<Vec<_>>().join(", ")
            }
            kind => self.expr(kind, depth.saturating_sub(1)),
        }
    }

    pub fn int(&mut self, depth: u32) -> String {
        if depth == 0 || self.dice.percent(15) {
            return self.number();
        }
        let depth = depth - 1;
        match self.dice.below(24) {
            0..=7 => self.binary(depth),
            // Others negate narrow numbers as they are.
            8..=9 if self.scope.rules.plain => format!("(-(int64){})", self.expr(&Kind::Int, depth)),
            8 => format!("(-{})", self.expr(&Kind::Int, depth)),
            9 => format!("(~{})", self.expr(&Kind::Int, depth)),
            10..=12 => format!("(({}){})", self.dice.word_of(&INTS), self.expr(&Kind::Int, depth)),
            13 => format!("((int64){})", self.bool(depth)),
            14..=16 => self.called(&Kind::Int, depth).unwrap_or_else(|| self.number()),
            17 => self.part(depth),
            18 => self.aggregate(depth).unwrap_or_else(|| self.number()),
            19 => self.field(depth).unwrap_or_else(|| self.number()),
            20 => self.macro_call(depth).unwrap_or_else(|| self.number()),
            21 => self.known(),
            22 if !self.scope.rules.repeatable => self.task(),
            22 => self.step().unwrap_or_else(|| self.number()),
            _ => format!("(({}){} + {})", self.dice.word_of(&INTS), self.expr(&Kind::Int, depth), self.expr(&Kind::Int, depth)),
        }
    }

    fn binary(&mut self, depth: u32) -> String {
        let op = self.dice.word_of(&["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "+", "-"]);
        let (left, mut right) = (self.expr(&Kind::Int, depth), self.expr(&Kind::Int, depth));
        if matches!(op.as_str(), "<<" | ">>") && (self.scope.rules.plain || self.dice.percent(70)) {
            right = self.dice.below(64).to_string();
        }
        if matches!(op.as_str(), "/" | "%") && self.dice.percent(40) {
            right = (1 + self.dice.below(1000)).to_string();
        }
        format!("({left} {op} {right})")
    }

    fn number(&mut self) -> String {
        match self.dice.below(6) {
            0..=2 => self.dice.below(12).to_string(),
            3 => self.dice.word_of(&EDGES),
            4 => format!("({}{})", self.dice.word_of(&["-", ""]), self.dice.below(100_000)),
            _ if self.scope.rules.plain => self.dice.below(1000).to_string(),
            _ => self.dice.word_of(&["$1", "$3", "$#", "0b1011", "0775", "10us", "1_000"]),
        }
    }

    /// What is known at compile time.
    fn known(&mut self) -> String {
        match self.dice.below(5) {
            0 => format!("sizeof({})", self.dice.word_of(&INTS)),
            1 => format!("sizeof({})", self.expr(&Kind::Int, 0)),
            2 if !self.scope.structs.is_empty() => {
                let found = self.dice.pick(&self.scope.structs).clone();
                let (field, _) = self.dice.pick(&found.fields).clone();
                format!("offsetof(struct {}, {field})", found.name)
            }
            3 if !self.scope.rules.plain => format!("(comptime ({} + {}))", self.dice.below(9), self.dice.below(9)),
            _ if self.scope.rules.plain => "sizeof(uint64)".to_string(),
            _ => self.dice.word_of(&NAMED),
        }
    }

    /// A number in the kernel's memory.
    fn task(&mut self) -> String {
        self.dice.word_of(&[
            "curtask.pid",
            "curtask->tgid",
            "curtask.real_parent.real_parent.pid",
            "((struct task_struct*)curtask)->mm->pgd",
            "curtask.nsproxy.uts_ns.ns.inum",
            "curtask.se.load.weight",
            "curtask.sched_reset_on_fork",
            "curtask.thread.features",
            "curtask.comm[2]",
            "curtask.signal.rlim[1].rlim_cur",
            "*(uint16*)curtask",
            "((int32*)curtask)[3]",
        ])
    }

    /// `$x++` as a value; not where it would be evaluated in an order of its own.
    fn step(&mut self) -> Option<String> {
        let ours = |var: &&crate::scope::Var| var.kind == Kind::Int && var.assignable;
        let vars: Vec<String> = self.scope.vars.iter().filter(ours).map(|var| var.name.clone()).collect();
        if vars.is_empty() || self.scope.unordered {
            return None;
        }
        let name = self.dice.pick(&vars).clone();
        Some(match self.dice.below(4) {
            0 => format!("({name}++)"),
            1 => format!("(++{name})"),
            2 => format!("({name}--)"),
            _ => format!("(--{name})"),
        })
    }

    /// A number out of something larger.
    fn part(&mut self, depth: u32) -> String {
        match self.dice.below(5) {
            0 => format!("({}).0", self.tuple(&[Kind::Int, Kind::Str], depth)),
            1 => format!("({}).b", self.record(&[("a".to_string(), Kind::Str), ("b".to_string(), Kind::Int)], depth)),
            2 => {
                let (of, len) = self.shape();
                let array = self.array(&of, len, depth);
                let index = if self.dice.percent(60) {
                    self.dice.below(len as usize).to_string()
                } else {
                    format!("(uint64)({})", self.expr(&Kind::Int, depth))
                };
                format!("({array})[{index}]")
            }
            3 => format!("({})[{}]", self.expr(&Kind::Str, depth), self.dice.below(2)),
            _ => format!("strlen({})", self.expr(&Kind::Str, depth)),
        }
    }

    /// The value of an aggregation, read here and now.
    fn aggregate(&mut self, depth: u32) -> Option<String> {
        if self.scope.unordered {
            return None;
        }
        let readable = |map: &&MapVar| matches!(&map.holds, Holds::Aggregate { readable: true, .. });
        let maps: Vec<MapVar> = self.scope.maps.iter().filter(readable).cloned().collect();
        if maps.is_empty() {
            return None;
        }
        let map = self.dice.pick(&maps).clone();
        Some(format!("((int64){})", self.entry(&map, depth)))
    }

    /// A field of a struct, through a pointer to memory of ours.
    fn field(&mut self, _depth: u32) -> Option<String> {
        let texts: Vec<String> = self.scope.vars.iter().filter(|var| var.name.starts_with("$area")).map(|var| var.name.clone()).collect();
        if texts.is_empty() || self.scope.structs.is_empty() {
            return None;
        }
        let found = self.dice.pick(&self.scope.structs).clone();
        let fields: Vec<&(String, Kind)> = found.fields.iter().filter(|(_, kind)| *kind == Kind::Int).collect();
        if fields.is_empty() {
            return None;
        }
        let from = match &self.scope.address {
            Some(address) if self.dice.percent(50) => format!("uptr((uint8*){address})"),
            _ => format!("(&{})", self.dice.pick(&texts)),
        };
        let (field, _) = (*self.dice.pick(&fields)).clone();
        Some(format!("((struct {}*){from})->{field}", found.name))
    }

    fn macro_call(&mut self, depth: u32) -> Option<String> {
        if self.scope.macros.is_empty() || self.scope.unordered {
            return None;
        }
        let chosen = self.dice.pick(&self.scope.macros).clone();
        let mut args = Vec::new();
        for param in &chosen.params {
            args.push(match param {
                Param::Value => self.expr(&Kind::Int, depth.min(1)),
                Param::Variable => {
                    let ours = |var: &&crate::scope::Var| var.kind == Kind::Int && var.assignable;
                    let vars: Vec<String> = self.scope.vars.iter().filter(ours).map(|var| var.name.clone()).collect();
                    if vars.is_empty() {
                        return None;
                    }
                    self.dice.pick(&vars).clone()
                }
            });
        }
        Some(format!("{}({})", chosen.name, args.join(", ")))
    }

    pub fn bool(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.dice.word_of(&["true", "false"]);
        }
        let depth = depth - 1;
        match self.dice.below(10) {
            0..=3 => {
                let op = self.dice.word_of(&["==", "!=", "<", "<=", ">", ">="]);
                format!("({} {op} {})", self.expr(&Kind::Int, depth), self.expr(&Kind::Int, depth))
            }
            4 => format!("({} {} {})", self.bool(depth), self.dice.word_of(&["&&", "||"]), self.bool(depth)),
            5 => format!("(!{})", self.bool(depth)),
            6 => format!("({} {} {})", self.expr(&Kind::Str, depth), self.dice.word_of(&["==", "!="]), self.expr(&Kind::Str, depth)),
            7 => {
                let kinds = [Kind::Int, Kind::Str];
                format!("({} {} {})", self.tuple(&kinds, depth), self.dice.word_of(&["==", "!="]), self.tuple(&kinds, depth))
            }
            8 => format!("((bool){})", self.expr(&Kind::Int, depth)),
            _ => self.called(&Kind::Bool, depth).unwrap_or_else(|| "true".to_string()),
        }
    }

    fn string(&mut self, depth: u32) -> String {
        if depth == 0 || self.dice.percent(30) {
            return self.dice.word_of(&WORDS);
        }
        match self.dice.below(8) {
            0 if !self.scope.rules.plain => "comm".to_string(),
            7 if !self.scope.rules.repeatable => self.dice.word_of(&[
                "curtask.comm",
                "curtask.real_parent.comm",
                "str(curtask.comm, 9)",
                "curtask.nsproxy.uts_ns.name.release",
            ]),
            1 if !self.scope.rules.plain => "str($2)".to_string(),
            2 if self.scope.address.is_some() => {
                let address = self.scope.address.clone().unwrap_or_default();
                format!("str(uptr((uint8*){address}) + {}, {})", self.dice.below(9), 1 + self.dice.below(70))
            }
            3 => format!("str({}, {})", self.expr(&Kind::Str, depth - 1), 1 + self.dice.below(40)),
            _ => self.called(&Kind::Str, depth).unwrap_or_else(|| "\"abc\"".to_string()),
        }
    }

    pub fn shape(&mut self) -> (String, u32) {
        let (of, len) = *self.dice.pick(&[("uint8", 8), ("int8", 8), ("uint16", 4), ("int32", 2), ("uint64", 1)]);
        (of.to_string(), len)
    }

    fn array(&mut self, of: &str, len: u32, depth: u32) -> String {
        let size = of.trim_start_matches(|c: char| c.is_alphabetic()).parse::<u32>().unwrap_or(8) / 8 * len;
        if size == 8 {
            return format!("({of}[{len}])(uint64)({})", self.expr(&Kind::Int, depth.saturating_sub(1)));
        }
        self.called(&Kind::Array(of.to_string(), len), depth).unwrap_or_else(|| format!("({of}[{len}])\"abc\""))
    }

    fn pointer(&mut self, to: &str, depth: u32) -> String {
        let base = format!("(({to}*){})", self.expr(&Kind::Int, depth.saturating_sub(1)));
        if self.dice.percent(30) { format!("({base} {} {})", self.dice.word_of(&["+", "-"]), self.dice.below(9)) } else { base }
    }

    fn tuple(&mut self, items: &[Kind], depth: u32) -> String {
        let items: Vec<String> = items.iter().map(|item| self.expr(item, depth.saturating_sub(1))).collect();
        if let [only] = &items[..] { format!("({only},)") } else { format!("({})", items.join(", ")) }
    }

    fn record(&mut self, items: &[(String, Kind)], depth: u32) -> String {
        let items: Vec<String> =
            items.iter().map(|(name, item)| format!("{name} = {}", self.expr(item, depth.saturating_sub(1)))).collect();
        format!("({})", items.join(", "))
    }

    /// A call of some builtin that gives such a value.
    fn called(&mut self, kind: &Kind, depth: u32) -> Option<String> {
        let calls = self.scope.calls_of(kind);
        // Names first: one with many ways to call it is not the more likely for it.
        let mut names: Vec<&str> = calls.iter().map(|call| call.name).collect();
        names.dedup();
        if names.is_empty() {
            return None;
        }
        let name = *self.dice.pick(&names);
        let ways: Vec<Signature> = calls.into_iter().filter(|call| call.name == name).cloned().collect();
        let way = self.dice.pick(&ways).clone();
        self.call(&way, depth)
    }

    /// A call, its arguments as they are wanted.
    pub fn call(&mut self, call: &Signature, depth: u32) -> Option<String> {
        let depth = depth.saturating_sub(1);
        let mut args = Vec::new();
        for arg in &call.args {
            args.push(match arg {
                Arg::Int => self.expr(&Kind::Int, depth),
                Arg::Literal => self.dice.below(20).to_string(),
                Arg::Str => self.expr(&Kind::Str, depth),
                Arg::Text => self.dice.word_of(&WORDS),
                Arg::Bool => self.bool(depth),
                Arg::Pointer => self.expr(&Kind::Pointer("uint8".to_string()), depth),
                Arg::Array => self.array("uint8", 8, depth),
                Arg::Tuple => self.tuple(&[Kind::Int, Kind::Str], depth),
                Arg::Buf => self.expr(&Kind::Buf, depth),
                Arg::Map => self.map(|map| map.key.is_some() && matches!(map.holds, Holds::Plain(_)))?.name,
                Arg::Aggregated => self.map(|map| map.key.is_some() && matches!(map.holds, Holds::Aggregate { .. }))?.name,
                Arg::Scalar => self.map(|map| map.key.is_none())?.name,
                Arg::Element => {
                    let map = self.map(|map| map.key.is_some())?;
                    self.entry(&map, depth)
                }
                Arg::Verbatim(text) => text.clone(),
            });
        }
        Some(if args.is_empty() { call.name.to_string() } else { format!("{}({})", call.name, args.join(", ")) })
    }

    /// Some map of the script.
    pub fn map(&mut self, wanted: impl Fn(&MapVar) -> bool) -> Option<MapVar> {
        if self.scope.unordered && self.scope.rules.repeatable {
            return None;
        }
        let maps: Vec<MapVar> = self.scope.maps.iter().filter(|map| wanted(map)).cloned().collect();
        (!maps.is_empty()).then(|| self.dice.pick(&maps).clone())
    }
}
