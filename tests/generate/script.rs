//! Writes whole scripts: declarations, maps, macros, probes.

use rbtrace_lang::probes;
use rbtrace_types::Facts;

use crate::dice::Dice;
use crate::expr::Writer;
use crate::front;
use crate::kind::Kind;
use crate::scope::{Holds, Leaves, MacroDef, MapVar, Param, Rules, Scope, StructDef, Var};
use crate::signatures::Signatures;
use crate::tree::{Node, Tree};

/// What scripts are written from.
pub struct Stock {
    pub signatures: Signatures,
    /// Probes that can be loaded here: type, text, scalar fields of `args`.
    pub probes: Vec<ProbeText>,
}

/// A probe as it is written.
#[derive(Clone, Debug)]
pub struct ProbeText {
    pub probe_type: &'static str,
    pub text: String,
    pub args: Vec<(String, Kind)>,
}

/// Probes of one type.
const MOST_PROBES: usize = 24;

impl Stock {
    /// Asks the machine what there is. `loads` says whether a script is accepted here at all.
    pub fn gather(facts: &dyn Facts, loads: &dyn Fn(&str) -> bool) -> Stock {
        let mut found = Vec::new();
        for row in probes::ALL {
            for text in front::probes_of(row, facts, MOST_PROBES) {
                if !loads(&format!("{text} {{ @ = 1 }}")) {
                    println!("left out: this machine does not take {text}");
                    break;
                }
                found.push(ProbeText { probe_type: row.name, args: args(row, &text, facts), text });
            }
        }
        let mut signatures = Signatures::learn(facts);
        signatures.leave_out(loads);
        Stock { signatures, probes: found }
    }

    /// The script of a seed.
    pub fn script(&self, seed: u64, rules: Rules) -> Tree {
        let mut dice = Dice::new(seed);
        let mut scope = Scope {
            signatures: &self.signatures,
            rules,
            vars: Vec::new(),
            maps: Vec::new(),
            structs: Vec::new(),
            macros: Vec::new(),
            functions: Vec::new(),
            leaves: Leaves::Probe,
            args: Vec::new(),
            address: None,
            probe_type: "begin".to_string(),
            loops: 0,
            unordered: false,
            serial: 0,
        };
        let mut writer = Writer { dice: &mut dice, scope: &mut scope };
        let mut items = writer.structs();
        items.extend(writer.config());
        writer.maps();
        items.extend(writer.map_declarations());
        items.extend(writer.macros());
        items.extend(writer.functions());
        items.push(writer.begin());
        if rules.repeatable {
            for _ in 0..usize::from(!rules.plain) * (1 + writer.dice.below(2)) {
                items.push(writer.raw_tracepoint());
            }
        } else {
            for _ in 0..1 + writer.dice.below(3) {
                let probe = writer.dice.pick(&self.probes).clone();
                items.push(writer.probe(&probe));
            }
        }
        Tree { items }
    }
}

/// The scalars and strings behind `args` of a probe.
fn args(row: &'static rbtrace_lang::row::ProbeType, text: &str, facts: &dyn Facts) -> Vec<(String, Kind)> {
    let parts = text.split(':').skip(1).map(str::to_string).collect();
    let place =
        rbtrace_lang::compile::Place { probe_type: row, parts, alias: None, span: Default::default(), walks_kernel: false, is_alone: true };
    let Some(found) = (row.args)(facts, &place) else { return Vec::new() };
    let scalar = |field: &rbtrace_types::Field| Kind::of(&field.ty).map(|kind| (format!("args.{}", field.name), kind));
    found.fields.iter().filter_map(scalar).filter(|(_, kind)| !matches!(kind, Kind::Other(_))).collect()
}

impl Writer<'_, '_> {
    /// C structs of numbers and small arrays.
    fn structs(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for at in 0..self.dice.below(3) {
            let (mut fields, mut text) = (Vec::new(), String::new());
            for field in 0..1 + self.dice.below(6) {
                let name = format!("f{field}");
                match self.dice.below(5) {
                    0 => text.push_str(&format!("unsigned int {name} : {}; ", 1 + self.dice.below(31))),
                    1 => text.push_str(&format!("int {name} : {}; ", 1 + self.dice.below(31))),
                    _ => text.push_str(&format!(
                        "{} {name}; ",
                        self.dice.word_of(&["char", "unsigned char", "short", "int", "unsigned int", "long", "unsigned long", "uint8_t"])
                    )),
                }
                fields.push((name, Kind::Int));
            }
            let attribute = if self.dice.percent(25) { "__attribute__((packed)) " } else { "" };
            nodes.push(Node::line(format!("struct {attribute}s{at} {{ {text}}};")));
            self.scope.structs.push(StructDef { name: format!("s{at}"), fields });
        }
        nodes
    }

    /// Settings that change code.
    fn config(&mut self) -> Option<Node> {
        if self.scope.rules.plain || self.dice.percent(75) {
            return None;
        }
        let strlen = self.dice.word_of(&["16", "64", "100", "200", "1000", "3000"]);
        // Which entries find room in a map that is full depends on the order of loops over maps.
        let keys = if self.scope.rules.repeatable { &["4096", "100000"] } else { &["16", "100000"] };
        let keys = self.dice.word_of(keys);
        Some(Node::line(format!("config = {{ max_strlen = {strlen}; max_map_keys = {keys} }}")))
    }

    /// Some maps get another kind of storage. What an LRU map gives up is the kernel's choice.
    fn map_declarations(&mut self) -> Vec<Node> {
        let kinds: &[&str] =
            if self.scope.rules.repeatable { &["hash", "percpuhash"] } else { &["hash", "lruhash", "percpuhash", "percpulruhash"] };
        let keyed: Vec<MapVar> = self.scope.maps.iter().filter(|map| map.key.is_some()).cloned().collect();
        let mut nodes = Vec::new();
        for map in keyed {
            let is_plain = matches!(map.holds, Holds::Plain(_));
            let kind = self.dice.word_of(kinds);
            if !self.scope.rules.plain && self.dice.percent(15) && is_plain != kind.starts_with("percpu") {
                let sizes: &[&str] = if self.scope.rules.repeatable { &["1000", "5000"] } else { &["1", "7", "100", "5000"] };
                nodes.push(Node::line(format!("let {} = {kind}({});", map.name, self.dice.word_of(sizes))));
            }
        }
        nodes
    }

    /// Decides which maps there are. They are declared by being assigned.
    fn maps(&mut self) {
        for at in 0..2 + self.dice.below(5) {
            let key = self.dice.percent(65).then(|| self.kind(2));
            let holds = if self.dice.percent(50) { self.aggregation_kind() } else { Holds::Plain(self.kind(2)) };
            self.scope.maps.push(MapVar { name: format!("@m{at}"), key, holds });
        }
    }

    /// An aggregation with its constants; what changes from event to event is left empty.
    fn aggregation_kind(&mut self) -> Holds {
        let all = &self.scope.signatures.aggregations;
        let repeatable = self.scope.rules.repeatable;
        let calls: Vec<_> = all.iter().filter(|call| !(repeatable && call.name == "tseries")).cloned().collect();
        let mut names: Vec<&str> = calls.iter().map(|call| call.name).collect();
        names.dedup();
        let name = *self.dice.pick(&names);
        let ways: Vec<_> = calls.into_iter().filter(|call| call.name == name).collect();
        let call = self.dice.pick(&ways).clone();
        let constants = match name {
            "lhist" => vec![
                String::new(),
                self.dice.word_of(&["0", "-10"]),
                self.dice.word_of(&["100", "1000"]),
                self.dice.word_of(&["1", "10", "7"]),
            ],
            "hist" if call.args.len() > 1 => vec![String::new(), self.dice.below(6).to_string()],
            "tseries" => vec![String::new(), "1s".to_string(), "5".to_string()],
            _ => call.args.iter().map(|_| String::new()).collect(),
        };
        let readable = matches!(name, "count" | "sum" | "min" | "max" | "avg");
        Holds::Aggregate { call, constants, readable }
    }

    fn macros(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for at in 0..self.dice.below(3) {
            let name = format!("mac{at}");
            if self.dice.percent(50) {
                nodes.push(Node::line(format!("macro {name}(x, y) {{ let $t = x; $t {} y }}", self.dice.word_of(&["+", "*", "^"]))));
                self.scope.macros.push(MacroDef { name, params: vec![Param::Value, Param::Value] });
            } else {
                nodes.push(Node::line(format!("macro {name}($x, y) {{ $x += y; $x }}")));
                self.scope.macros.push(MacroDef { name, params: vec![Param::Variable, Param::Value] });
            }
        }
        nodes
    }

    /// The first probe gives every map a value, and the variables memory that structs can be laid over.
    fn begin(&mut self) -> Node {
        let mut kids = self.areas();
        for map in self.scope.maps.clone() {
            let entry = self.entry(&map, 1);
            let value = match &map.holds {
                Holds::Plain(kind) => self.expr(kind, 1),
                Holds::Aggregate { call, constants, .. } => {
                    let args: Vec<String> =
                        constants.iter().map(|constant| if constant.is_empty() { "1".to_string() } else { constant.clone() }).collect();
                    format!("{}({})", call.name, args.join(", "))
                }
            };
            kids.push(Node::line(format!("{entry} = {value};")));
        }
        kids.extend(self.first_calls());
        kids.extend(self.body());
        self.probed("begin", kids)
    }

    /// A variable with 64 bytes of its own.
    fn areas(&mut self) -> Vec<Node> {
        self.scope.vars.clear();
        if self.scope.structs.is_empty() || self.scope.rules.plain {
            return Vec::new();
        }
        let name = self.scope.fresh("$area");
        let line = format!("let {name} : string[65] = {};", self.expr(&Kind::Str, 1));
        self.scope.vars.push(Var { name, kind: Kind::Other("area".to_string()), assignable: false });
        vec![Node::line(line)]
    }

    fn body(&mut self) -> Vec<Node> {
        let count = 4 + self.dice.below(10);
        self.block(count, 0)
    }

    fn probed(&mut self, text: &str, kids: Vec<Node>) -> Node {
        self.scope.vars.clear();
        let predicate = if self.dice.percent(20) && text != "begin" { format!(" /{}/", self.bool(2)) } else { String::new() };
        Node::block(format!("{text}{predicate}"), kids)
    }

    /// A probe whose context the test chooses: its first word is the address of readable memory, the second any number.
    fn raw_tracepoint(&mut self) -> Node {
        self.scope.probe_type = "rawtracepoint".to_string();
        self.scope.args = vec![("args.id".to_string(), Kind::Int)];
        self.scope.address = Some("args.regs".to_string());
        let mut kids = self.areas();
        kids.extend(self.body());
        let node = self.probed("rawtracepoint:sys_enter", kids);
        self.scope.args.clear();
        self.scope.address = None;
        node
    }

    fn probe(&mut self, probe: &ProbeText) -> Node {
        self.scope.probe_type = probe.probe_type.to_string();
        self.scope.args = probe.args.clone();
        let mut kids = self.areas();
        kids.extend(self.body());
        let node = self.probed(&probe.text, kids);
        self.scope.args.clear();
        node
    }
}
