//! The AST as an indented tree, for `-d ast` and for snapshots. Every node is a line; what belongs to it is indented below.

use std::fmt::Display;

use crate::ast::*;

/// The whole program, a line per node.
pub fn print(program: &Program) -> String {
    let mut tree = Tree::default();
    for item in &program.items {
        tree.item(item);
    }
    tree.out
}

#[derive(Default)]
struct Tree {
    out: String,
    depth: usize,
}

impl Tree {
    fn line(&mut self, text: impl Display) {
        self.out.push_str(&"  ".repeat(self.depth));
        self.out.push_str(&text.to_string());
        self.out.push('\n');
    }

    /// A line, and what belongs to it.
    fn node(&mut self, text: impl Display, children: impl FnOnce(&mut Self)) {
        self.line(text);
        self.depth += 1;
        children(self);
        self.depth -= 1;
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::C(text) => self.node("c", |tree| text.node.lines().for_each(|line| tree.line(line.trim_end()))),
            Item::Config(config) => self.node("config", |tree| config.entries.iter().for_each(|entry| tree.config_entry(entry))),
            Item::Import(path) => self.line(format_args!("import {:?}", path.node)),
            Item::Macro(definition) => self.macro_(definition),
            Item::MapDecl(map) => self.line(format_args!("map @{} = {}({})", map.name.node, map.kind.node, map.entries.node)),
            Item::Function(function) => self.function(function),
            Item::Probe(probe) => self.probe(probe),
        }
    }

    fn config_entry(&mut self, entry: &ConfigEntry) {
        let key = &entry.key.node;
        match &entry.value.node {
            ConfigValue::Int(value) => self.line(format_args!("{key} = {value}")),
            ConfigValue::String(value) => self.line(format_args!("{key} = {value:?}")),
            ConfigValue::Bool(value) => self.line(format_args!("{key} = {value}")),
            ConfigValue::Word(value) => self.line(format_args!("{key} = {value}")),
        }
    }

    fn macro_(&mut self, definition: &Macro) {
        let params: Vec<_> = definition
            .params
            .iter()
            .map(|param| match &param.node {
                MacroParam::Variable(name) => format!("${name}"),
                MacroParam::Map(name) => format!("@{name}"),
                MacroParam::Expr(name) => name.clone(),
            })
            .collect();
        self.node(format_args!("macro {}({})", definition.name.node, params.join(", ")), |tree| tree.block(&definition.body));
    }

    fn function(&mut self, function: &Function) {
        let of = |ty: &Option<TypeRef>| ty.as_ref().map_or(String::new(), |ty| format!(" : {}", type_name(ty)));
        let params: Vec<_> = function.params.iter().map(|(name, ty)| format!("${}{}", name.node, of(ty))).collect();
        let head = format!("fn {}({}){}", function.name.node, params.join(", "), of(&function.result));
        self.node(head, |tree| {
            let types = function.params.iter().filter_map(|(_, ty)| ty.as_ref()).chain(&function.result);
            types.for_each(|ty| tree.type_operand(ty));
            tree.block(&function.body);
        });
    }

    fn probe(&mut self, probe: &Probe) {
        self.node("probe", |tree| {
            probe.attach_points.iter().for_each(|point| tree.attach_point(point));
            if let Some(predicate) = &probe.predicate {
                tree.node("predicate", |tree| tree.expr(predicate));
            }
            tree.block(&probe.body);
        });
    }

    fn attach_point(&mut self, point: &AttachPoint) {
        let text = |point: &AttachPoint| {
            let parts: Vec<String> = point.parts.iter().map(|part| part.node.iter().map(part_text).collect()).collect();
            let alias = point.alias.as_ref().map_or(String::new(), |alias| format!("{} = ", alias.node));
            format!("{alias}{}", parts.join(" : "))
        };
        let all: Vec<String> = std::iter::once(point).chain(&point.alternatives).map(text).collect();
        self.line(format_args!("attach {}", all.join(" ?: ")));
    }

    fn block(&mut self, block: &Block) {
        self.node("block", |tree| tree.block_content(block));
    }

    fn block_content(&mut self, block: &Block) {
        block.stmts.iter().for_each(|stmt| self.stmt(stmt));
        if let Some(value) = &block.value {
            self.node("value", |tree| tree.expr(value));
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Expr(value) => self.expr(value),
            StmtKind::Discard(value) => self.node("discard", |tree| tree.expr(value)),
            StmtKind::Assign { target, value } => self.node("assign", |tree| tree.exprs([target, value])),
            StmtKind::Compound { target, op, value } => {
                self.node(format_args!("assign {}=", op.symbol()), |tree| tree.exprs([target, value]))
            }
            StmtKind::Let { name, ty, value } => self.let_(name, ty.as_ref(), value.as_ref()),
            StmtKind::Unroll { count, body } => self.loop_("unroll", count, body),
            StmtKind::While { condition, body } => self.loop_("while", condition, body),
            StmtKind::For { variable, over, body } => self.for_(variable, over, body),
            StmtKind::Break => self.line("break"),
            StmtKind::Continue => self.line("continue"),
            StmtKind::Return(value) => self.node("return", |tree| tree.exprs(value)),
            StmtKind::Import(path) => self.line(format_args!("import {:?}", path.node)),
            StmtKind::Error => self.line("error"),
        }
    }

    fn let_(&mut self, name: &Name, ty: Option<&TypeRef>, value: Option<&Expr>) {
        let shown = ty.map_or(String::new(), |ty| format!(" : {}", type_name(ty)));
        self.node(format_args!("let ${}{shown}", name.node), |tree| {
            ty.into_iter().for_each(|ty| tree.type_operand(ty));
            tree.exprs(value);
        });
    }

    fn loop_(&mut self, word: &str, head: &Expr, body: &Block) {
        self.node(word, |tree| {
            tree.expr(head);
            tree.block(body);
        });
    }

    fn for_(&mut self, variable: &Name, over: &ForOver, body: &Block) {
        self.node(format_args!("for ${}", variable.node), |tree| {
            match over {
                ForOver::Map(map) => tree.expr(map),
                ForOver::Range(from, to) => tree.node("range", |tree| tree.exprs([from, to])),
            }
            tree.block(body);
        });
    }

    fn exprs<'e>(&mut self, list: impl IntoIterator<Item = &'e Expr>) {
        list.into_iter().for_each(|expr| self.expr(expr));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Int(value) => self.line(format_args!("int {value}")),
            ExprKind::String(bytes) => self.line(format_args!("string \"{}\"", bytes.escape_ascii())),
            ExprKind::Bool(value) => self.line(format_args!("bool {value}")),
            ExprKind::Variable(name) => self.line(format_args!("variable ${name}")),
            ExprKind::Map(name) => self.line(format_args!("map @{name}")),
            ExprKind::MapElement { map, key } => self.node(format_args!("element @{}", map.node), |tree| tree.exprs(key)),
            ExprKind::Param(number) => self.line(format_args!("parameter ${number}")),
            ExprKind::ParamCount => self.line("parameter count"),
            ExprKind::Ident(name) => self.line(format_args!("ident {name}")),
            ExprKind::Call { function, args } => {
                self.node(format_args!("call {}", function.node), |tree| args.iter().for_each(|arg| tree.arg(arg)))
            }
            ExprKind::Binary { op, left, right } => self.node(format_args!("binary {}", op.symbol()), |tree| tree.exprs([&**left, right])),
            ExprKind::Unary { op, operand } => self.node(format_args!("unary {}", op.symbol()), |tree| tree.expr(operand)),
            ExprKind::Step { up, prefix, target } => self.step(*up, *prefix, target),
            ExprKind::Ternary { condition, then, otherwise } => self.ternary(condition, then.as_deref(), otherwise),
            ExprKind::If { condition, then, otherwise } => self.if_(condition, then, otherwise.as_ref()),
            ExprKind::Block(block) => self.block(block),
            ExprKind::Cast { ty, operand } => self.cast(ty, operand),
            ExprKind::Tuple(fields) => self.node("tuple", |tree| tree.exprs(fields)),
            ExprKind::Record(fields) => self.record(fields),
            ExprKind::Field { base, field } => self.node(format_args!("field {}", field.node), |tree| tree.expr(base)),
            ExprKind::TupleIndex { base, index } => self.node(format_args!("tuple index {}", index.node), |tree| tree.expr(base)),
            ExprKind::Index { base, index } => self.node("index", |tree| tree.exprs([&**base, index])),
            ExprKind::SizeOf(of) => self.node("sizeof", |tree| tree.type_or_expr(of)),
            ExprKind::OffsetOf(of, path) => self.offset_of(of, path),
            ExprKind::TypeInfo(of) => self.node("typeinfo", |tree| tree.type_or_expr(of)),
            ExprKind::Comptime(value) => self.node("comptime", |tree| tree.expr(value)),
            ExprKind::Error => self.line("error"),
        }
    }

    fn arg(&mut self, arg: &Arg) {
        match arg {
            Arg::Expr(value) => self.expr(value),
            Arg::Type(ty) => self.type_(ty),
        }
    }

    fn step(&mut self, up: bool, prefix: bool, target: &Expr) {
        let place = if prefix { "before" } else { "after" };
        self.node(format_args!("step {} {place}", if up { "++" } else { "--" }), |tree| tree.expr(target));
    }

    fn ternary(&mut self, condition: &Expr, then: Option<&Expr>, otherwise: &Expr) {
        let word = if then.is_some() { "ternary" } else { "ternary ?:" };
        self.node(word, |tree| {
            tree.expr(condition);
            tree.exprs(then);
            tree.expr(otherwise);
        });
    }

    fn if_(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Block>) {
        self.node("if", |tree| {
            tree.expr(condition);
            tree.node("then", |tree| tree.block_content(then));
            if let Some(otherwise) = otherwise {
                tree.node("else", |tree| tree.block_content(otherwise));
            }
        });
    }

    fn cast(&mut self, ty: &TypeRef, operand: &Expr) {
        self.node(format_args!("cast {}", type_name(ty)), |tree| {
            tree.type_operand(ty);
            tree.expr(operand);
        });
    }

    fn record(&mut self, fields: &[(Name, Expr)]) {
        self.node("record", |tree| {
            for (name, value) in fields {
                tree.node(&name.node, |tree| tree.expr(value));
            }
        });
    }

    fn offset_of(&mut self, of: &TypeOrExpr, path: &[Name]) {
        let path: Vec<_> = path.iter().map(|name| name.node.as_str()).collect();
        self.node(format_args!("offsetof {}", path.join(".")), |tree| tree.type_or_expr(of));
    }

    fn type_or_expr(&mut self, of: &TypeOrExpr) {
        match of {
            TypeOrExpr::Type(ty) => self.type_(ty),
            TypeOrExpr::Expr(value) => self.expr(value),
        }
    }

    fn type_(&mut self, ty: &TypeRef) {
        self.node(format_args!("type {}", type_name(ty)), |tree| tree.type_operand(ty));
    }

    /// What `typeof(…)` is about.
    fn type_operand(&mut self, ty: &TypeRef) {
        match &ty.base {
            TypeBase::Name(_) => {}
            TypeBase::TypeOf(of) => self.node("typeof", |tree| tree.type_or_expr(of)),
        }
    }
}

fn part_text(part: &Part) -> String {
    match part {
        Part::Text { text, quoted: false } => text.clone(),
        Part::Text { text, quoted: true } => format!("{text:?}"),
        Part::Param(number) => format!("${number}"),
        Part::At => " @ ".into(),
    }
}

/// A type on one line; `typeof(…)` without its operand.
fn type_name(ty: &TypeRef) -> String {
    let tag = ty.tag.map(|tag| format!("{} ", tag.keyword())).unwrap_or_default();
    let base = match &ty.base {
        TypeBase::Name(name) => name,
        TypeBase::TypeOf(_) => "typeof(…)",
    };
    let suffixes: String = ty.suffixes.iter().map(suffix_text).collect();
    format!("{tag}{base}{suffixes}")
}

fn suffix_text(suffix: &TypeSuffix) -> String {
    match suffix {
        TypeSuffix::Pointer => "*".into(),
        TypeSuffix::Array(Some(length)) => format!("[{length}]"),
        TypeSuffix::Array(None) => "[]".into(),
    }
}
