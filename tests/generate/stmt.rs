//! Writes statements: blocks of lines that use and change what is in scope.

use crate::expr::Writer;
use crate::kind::Kind;
use crate::scope::{Holds, Leaves, MapVar, Var};
use crate::signatures::Signature;
use crate::tree::Node;

/// How deep expressions are.
const DEPTH: u32 = 3;

impl Writer<'_, '_> {
    /// So many statements, in a scope of their own.
    pub fn block(&mut self, count: usize, depth: u32) -> Vec<Node> {
        let known = self.scope.vars.len();
        let mut nodes = Vec::new();
        for _ in 0..count {
            let node = self.statement(depth);
            nodes.extend(node);
        }
        self.scope.vars.truncate(known);
        nodes
    }

    /// One to `most` statements.
    fn some(&mut self, most: usize, depth: u32) -> Vec<Node> {
        let count = 1 + self.dice.below(most);
        self.block(count, depth)
    }

    fn statement(&mut self, depth: u32) -> Option<Node> {
        if self.scope.unordered && self.scope.rules.repeatable {
            return self.aggregation().map(Node::line);
        }
        match self.dice.below(if depth < 3 { 40 } else { 26 }) {
            0..=4 => Some(self.declaration()),
            5..=8 => self.assignment(),
            9..=12 => self.map_store().map(Node::line),
            13..=16 => self.aggregation().map(Node::line),
            17..=18 => Some(Node::line(self.printing())),
            19..=20 => self.formatted().map(Node::line),
            21 => self.map_statement().map(Node::line),
            22..=23 => self.effect().map(Node::line),
            24 => Some(Node::line(format!("_ = {};", self.any(DEPTH)))),
            25 => self.jump(),
            26..=30 => Some(self.branch(depth)),
            31..=32 => Some(self.counted_loop(depth)),
            33 => Some(self.while_loop(depth)),
            34 => Some(self.unrolled(depth)),
            35..=36 => self.map_loop(depth),
            37 => Some(Node::block("", self.block(3, depth + 1))),
            38 => Some(self.known_branch(depth)),
            _ => self.declared().map(Node::line),
        }
    }

    /// A kind that a variable, key or value can have.
    pub fn kind(&mut self, depth: u32) -> Kind {
        match self.dice.below(if depth == 0 { 9 } else { 13 }) {
            0..=3 => Kind::Int,
            4 => Kind::Bool,
            5..=6 => Kind::Str,
            7 => Kind::Buf,
            8 => {
                let (of, len) = self.shape();
                Kind::Array(of, len)
            }
            9..=10 => Kind::Tuple((0..1 + self.dice.below(4)).map(|_| self.kind(depth - 1)).collect()),
            11 => Kind::Record((0..1 + self.dice.below(3)).map(|at| (format!("f{at}"), self.kind(depth - 1))).collect()),
            _ if self.scope.rules.repeatable => Kind::Int,
            _ => Kind::Pointer("uint8".to_string()),
        }
    }

    /// Also what only builtins make.
    fn any_kind(&mut self) -> Kind {
        if self.dice.percent(75) {
            return self.kind(2);
        }
        let given: Vec<Kind> =
            self.scope.calls().filter_map(|call| call.gives.clone()).filter(|kind| matches!(kind, Kind::Other(_))).collect();
        if given.is_empty() { Kind::Int } else { self.dice.pick(&given).clone() }
    }

    fn any(&mut self, depth: u32) -> String {
        let kind = self.any_kind();
        self.expr(&kind, depth)
    }

    fn declaration(&mut self) -> Node {
        let kind = self.any_kind();
        let value = self.expr(&kind, DEPTH);
        let name = self.scope.fresh("$v");
        let line = match (&kind, self.dice.below(4)) {
            (Kind::Int, 0) => format!("let {name} : {} = {value};", self.dice.word_of(&["int64", "uint64", "uint32", "int8", "uint16"])),
            (_, 1) => format!("let {name} = {value};"),
            _ => format!("{name} = {value};"),
        };
        self.scope.vars.push(Var { name, kind, assignable: true });
        Node::line(line)
    }

    fn assignment(&mut self) -> Option<Node> {
        let vars: Vec<Var> = self.scope.vars.iter().filter(|var| var.assignable).cloned().collect();
        if vars.is_empty() {
            return None;
        }
        let var = self.dice.pick(&vars).clone();
        Some(Node::line(match (&var.kind, self.dice.below(3)) {
            (Kind::Int, 0) => {
                format!("{} {}= {};", var.name, self.dice.word_of(&["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"]), self.int(DEPTH))
            }
            (Kind::Int, 1) => format!("{}{};", var.name, self.dice.word_of(&["++", "--"])),
            (kind, _) => format!("{} = {};", var.name, self.expr(kind, DEPTH)),
        }))
    }

    fn map_store(&mut self) -> Option<String> {
        let map = self.map(|map| matches!(map.holds, Holds::Plain(_)))?;
        let Holds::Plain(kind) = &map.holds else { return None };
        let entry = self.entry(&map, 2);
        Some(match (kind, self.dice.below(4)) {
            (Kind::Int, 0) => format!("{entry}{};", self.dice.word_of(&["++", "--"])),
            (Kind::Int, 1) => format!("{entry} {}= {};", self.dice.word_of(&["+", "-", "|", "^", "*"]), self.int(DEPTH)),
            (kind, _) => format!("{entry} = {};", self.expr(kind, DEPTH)),
        })
    }

    fn aggregation(&mut self) -> Option<String> {
        let maps: Vec<MapVar> = self.scope.maps.iter().filter(|map| matches!(map.holds, Holds::Aggregate { .. })).cloned().collect();
        if maps.is_empty() {
            return None;
        }
        let map = self.dice.pick(&maps).clone();
        let Holds::Aggregate { call, constants, .. } = &map.holds else { return None };
        let entry = self.entry(&map, 2);
        let args: Vec<String> = constants.iter().map(|constant| if constant.is_empty() { self.int(2) } else { constant.clone() }).collect();
        Some(format!("{entry} = {}({});", call.name, args.join(", ")))
    }

    fn printing(&mut self) -> String {
        if let (true, Some(map)) = (self.dice.percent(20), self.map(|_| true)) {
            return format!("print({});", map.name);
        }
        if !self.scope.rules.repeatable && self.dice.percent(15) {
            let whole =
                ["*curtask.fs", "curtask.se.load", "curtask.nsproxy.uts_ns.name", "*curtask.nsproxy", "args", "curtask.signal.rlim"];
            return format!("print({});", self.dice.word_of(&whole));
        }
        format!("print({});", self.any(DEPTH))
    }

    /// Something that prints by a format.
    fn formatted(&mut self) -> Option<String> {
        let rules = self.scope.rules;
        let fits = |(name, repeatable): &&(&'static str, bool)| (*repeatable || !rules.repeatable) && (!rules.plain || *name == "printf");
        let names: Vec<&str> = self.scope.signatures.formatted.iter().filter(fits).map(|(name, _)| *name).collect();
        if names.is_empty() {
            return None;
        }
        let name = *self.dice.pick(&names);
        let (mut format, mut args) = (String::new(), String::new());
        for _ in 0..self.dice.below(5) {
            let (spec, kind) = match self.dice.below(6) {
                0..=1 => (self.dice.word_of(&["%d", "%5d", "%-8d", "%u", "%x", "%lx", "%#x", "%c", "%lld"]), Kind::Int),
                2..=3 => (self.dice.word_of(&["%s", "%10s", "%-10s"]), Kind::Str),
                4 => ("%r".to_string(), Kind::Buf),
                _ => ("%s".to_string(), Kind::Bool),
            };
            format.push_str(&spec);
            format.push(' ');
            args.push_str(&format!(", {}", self.expr(&kind, 2)));
        }
        Some(format!("{name}(\"{format}\\n\"{args});"))
    }

    fn map_statement(&mut self) -> Option<String> {
        let map = self.map(|_| true)?;
        Some(match self.dice.below(4) {
            0 => format!("clear({});", map.name),
            1 => format!("zero({});", map.name),
            _ => format!("delete({});", self.entry(&map, 2)),
        })
    }

    /// A call for its effect.
    fn effect(&mut self) -> Option<String> {
        if self.dice.percent(25)
            && let Some(call) = self.function_call(None, 2)
        {
            return Some(format!("{call};"));
        }
        let calls: Vec<Signature> = self.scope.calls().filter(|call| call.gives.is_none()).cloned().collect();
        if calls.is_empty() {
            return None;
        }
        let call = self.dice.pick(&calls).clone();
        if matches!(call.name, "exit" | "print") {
            return None;
        }
        Some(format!("{};", self.call(&call, 2)?))
    }

    fn jump(&mut self) -> Option<Node> {
        let leave = match self.scope.leaves.clone() {
            Leaves::Probe | Leaves::Nothing => "return;".to_string(),
            Leaves::Value(kind) => format!("return {};", self.expr(&kind, 1)),
        };
        let jump = if self.scope.loops > 0 {
            self.dice.word_of(&["break;", "continue;", &leave])
        } else {
            self.dice.word_of(&[&leave, "exit();", "exit(3);"])
        };
        // Else nothing behind it would ever run.
        Some(Node::block(format!("if ({})", self.bool(2)), vec![Node::line(jump)]))
    }

    fn branch(&mut self, depth: u32) -> Node {
        let condition = self.bool(DEPTH);
        let then = self.some(3, depth + 1);
        if self.dice.percent(50) {
            return Node::block(format!("if ({condition})"), then);
        }
        let mut node = Node::block("else", self.some(3, depth + 1));
        node.head = "} else {".to_string();
        let otherwise = Node { tail: String::new(), ..node };
        let mut kids = then;
        kids.push(otherwise);
        Node::block(format!("if ({condition})"), kids)
    }

    /// A branch that is chosen while the script is compiled.
    fn known_branch(&mut self, depth: u32) -> Node {
        let condition = format!("{} == {}", self.dice.below(2), self.dice.below(2));
        if self.scope.rules.plain {
            return Node::block(format!("if ({condition})"), self.block(2, depth + 1));
        }
        Node::block(format!("if comptime ({condition})"), self.block(2, depth + 1))
    }

    fn counted_loop(&mut self, depth: u32) -> Node {
        let name = self.scope.fresh("$i");
        let bounds = match self.dice.below(3) {
            0 => format!("{}..{}", self.dice.below(4), self.dice.below(9)),
            1 => format!("{}..(({} & 7) + 1)", self.dice.below(2), self.int(1)),
            _ => format!("({} & 3)..6", self.int(1)),
        };
        let kids = self.looped(&name, false, depth);
        Node::block(format!("for ({name} : {bounds})"), kids)
    }

    /// The body of a loop whose variable has a name.
    fn looped(&mut self, name: &str, assignable: bool, depth: u32) -> Vec<Node> {
        self.scope.vars.push(Var { name: name.to_string(), kind: Kind::Int, assignable });
        self.scope.loops += 1;
        let kids = self.some(4, depth + 1);
        self.scope.loops -= 1;
        self.scope.vars.pop();
        kids
    }

    fn while_loop(&mut self, depth: u32) -> Node {
        let name = self.scope.fresh("$w");
        // The counter is nobody's to change, and changes before anything can jump.
        let mut kids = vec![Node::line(format!("{name}++;"))];
        kids.extend(self.looped(&name, false, depth));
        let body = Node::block(format!("while ({name} < {})", self.dice.below(9)), kids);
        Node::block("", vec![Node::line(format!("{name} = 0;")), body])
    }

    fn unrolled(&mut self, depth: u32) -> Node {
        self.scope.loops += 1;
        let kids = self.some(3, depth + 1);
        self.scope.loops -= 1;
        Node::block(format!("unroll ({})", 1 + self.dice.below(5)), kids)
    }

    /// A walk over a map.
    fn map_loop(&mut self, depth: u32) -> Option<Node> {
        let map = self.map(|map| match &map.holds {
            Holds::Plain(_) => map.key.is_some(),
            Holds::Aggregate { readable, .. } => map.key.is_some() && *readable,
        })?;
        let name = self.scope.fresh("$kv");
        let known = self.scope.vars.len();
        if let Some(key) = map.key.clone() {
            self.scope.vars.push(Var { name: format!("{name}.0"), kind: key, assignable: false });
        }
        if let Holds::Plain(kind) = &map.holds {
            self.scope.vars.push(Var { name: format!("{name}.1"), kind: kind.clone(), assignable: false });
        }
        // An entry that is added meanwhile may be met or not.
        let maps = self.scope.maps.clone();
        if self.scope.rules.repeatable {
            self.scope.maps.retain(|other| other.name != map.name);
        }
        let before = std::mem::replace(&mut self.scope.unordered, true);
        self.scope.loops += 1;
        let kids = self.some(3, depth + 1);
        self.scope.loops -= 1;
        self.scope.unordered = before;
        self.scope.maps = maps;
        self.scope.vars.truncate(known);
        Some(Node::block(format!("for ({name} : {})", map.name), kids))
    }

    /// A variable that is declared and gets its value later.
    fn declared(&mut self) -> Option<String> {
        let name = self.scope.fresh("$v");
        let ty = self.dice.word_of(&["int64", "uint32", "uint8", "string", "bool"]);
        let kind = match ty.as_str() {
            "string" => Kind::Str,
            "bool" => Kind::Bool,
            _ => Kind::Int,
        };
        let line = format!("let {name} : {ty}; {name} = {};", self.expr(&kind, 2));
        self.scope.vars.push(Var { name, kind, assignable: true });
        Some(line)
    }
}
