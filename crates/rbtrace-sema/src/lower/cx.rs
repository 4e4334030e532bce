//! What the rows may do while they are lowered: [`TypeCx`] from the final tables, [`LowerCx`] over the program under construction.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Reported, Span};
use rbtrace_ir as ir;
use rbtrace_ir::{Op, Value};
use rbtrace_lang::compile::{Call, Complaint, LowerCx, Lowered, MapInfo, Place, PlaceText, TypeCx};
use rbtrace_lang::row::Planned;
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::{Aggregate, Facts, Layout, Struct, Type};

use super::Lower;
use crate::lookup;

impl TypeCx for Lower<'_> {
    fn facts(&self) -> &dyn Facts {
        self.shared.facts
    }

    fn config(&self, key: &str) -> Option<String> {
        self.shared.config.get(key).cloned()
    }

    fn place(&self) -> &Place {
        let body = if self.inside.is_some() { &self.unit.bodies[0] } else { self.body };
        &body.places[0].0
    }

    fn places(&self) -> Vec<&Place> {
        let body = if self.inside.is_some() { &self.unit.bodies[0] } else { self.body };
        body.places.iter().map(|(place, _)| place).collect()
    }

    fn program_type(&self) -> ir::ProgramType {
        self.unit.planned.program_type
    }

    fn args_struct(&self) -> Option<Arc<Struct>> {
        self.body.args.clone()
    }

    fn type_of(&mut self, expr: &Expr) -> Type {
        self.ty(expr)
    }

    fn int_literal(&mut self, expr: &Expr) -> Option<i128> {
        lookup::int_literal(self.body.constants.get(&expr.id), expr, self.shared)
    }

    fn string_literal(&mut self, expr: &Expr) -> Option<Vec<u8>> {
        let known = self.body.constants.get(&expr.id).cloned();
        lookup::string_literal(self, known, expr)
    }

    fn identifier<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        lookup::identifier(expr)
    }

    fn map(&mut self, expr: &Expr) -> Option<(String, MapInfo)> {
        let ExprKind::Map(name) = &expr.kind else { return None };
        Some((name.clone(), self.map_info(name)))
    }

    fn map_element(&mut self, expr: &Expr) -> Option<(String, MapInfo)> {
        let ExprKind::MapElement { map, .. } = &expr.kind else { return None };
        Some((map.node.clone(), self.map_info(&map.node)))
    }

    fn param(&self, number: u32) -> Option<String> {
        self.shared.param(number).map(str::to_string)
    }

    fn named_param(&self, name: &str) -> Option<Option<String>> {
        self.shared.named_param(name)
    }

    fn command_pid(&self) -> Option<u32> {
        self.shared.options.child
    }

    fn is_unsafe(&self) -> bool {
        self.shared.options.is_unsafe
    }

    fn constrain_key(&mut self, _map: &str, _key: &Expr) {}

    fn location(&self, span: Span) -> String {
        self.shared.location(span)
    }

    fn place_text_size(&self, text: PlaceText) -> u32 {
        crate::attach_points::longest_text(&self.body.places, self.shared.facts, text)
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        self.sink.push(diagnostic)
    }
}

impl LowerCx for Lower<'_> {
    fn ir(&mut self) -> &mut ir::Builder {
        &mut self.ir
    }

    fn lower(&mut self, expr: &Expr) -> Lowered {
        self.expr(expr)
    }

    fn lower_int(&mut self, expr: &Expr) -> Value {
        self.int(expr)
    }

    fn lower_as(&mut self, expr: &Expr, ty: &Type) -> Value {
        let addr = self.temp(ty.size());
        self.expr_into(addr, 0, ty, expr);
        addr
    }

    fn store(&mut self, addr: Value, offset: u32, to: &Type, value: Lowered, from: &Type) {
        self.store_value(addr, offset, to, value, from);
    }

    fn constant(&mut self, bytes: &[u8]) -> Value {
        let id = self.out.constant(bytes);
        self.ir.const_addr(id)
    }

    fn emit(&mut self, decl: ir::EventDecl, args: &[Lowered]) {
        let layout = Layout::of(&decl.args);
        let types = decl.args.clone();
        // What is still in foreign memory is read before the record is reserved: a record holds plain copies only.
        let ready: Vec<Lowered> = args.iter().zip(&types).map(|(arg, ty)| self.materialise(*arg, ty)).collect();
        let event = self.out.event(decl);
        let payload = self.ir.fresh();
        self.ir.open();
        for ((value, ty), offset) in ready.iter().zip(&types).zip(&layout.offsets) {
            self.store_value(payload, *offset, ty, *value, ty);
        }
        let fill = self.ir.close();
        self.ir.push(Op::Emit { event, bytes: layout.size, payload, fill });
    }

    fn event(&self, handler: &str, span: Span) -> ir::EventDecl {
        ir::EventDecl {
            handler: handler.to_string(),
            texts: Vec::new(),
            numbers: Vec::new(),
            maps: Vec::new(),
            args: Vec::new(),
            span: Some(span),
            location: self.shared.location(span),
            excerpt: self.shared.excerpt(span),
            callers: self.sink.calls(span).into_iter().map(|call| self.shared.caller(call)).collect(),
            code: String::new(),
        }
    }

    fn complain(&mut self, complaint: Complaint<'_>) {
        self.failure(complaint);
    }

    fn map_id(&mut self, name: &str) -> ir::MapId {
        self.out.map(name)
    }

    fn map_decl(&mut self, name: &str) -> ir::MapDecl {
        self.out.decl(self.out.map(name)).clone()
    }

    fn find_map(&self, name: &str) -> Option<(ir::MapId, ir::MapDecl)> {
        let map = self.out.find(name)?;
        Some((map, self.out.decl(map).clone()))
    }

    fn internal_map(&mut self, symbol: &str) -> ir::MapId {
        self.exits |= symbol == ir::Manifest::EXIT_MAP;
        self.out.internal(symbol)
    }

    fn follow_processes(&mut self) -> bool {
        let config = &mut self.out.program.manifest.config;
        config.follow_processes = config.user_symbols;
        config.follow_processes
    }

    fn name_kernel(&mut self) {
        self.out.program.manifest.config.name_kernel = true;
    }

    fn stack_table(&mut self, user: bool, frames: u32) -> ir::MapId {
        self.out.stack_table(user, frames, self.shared)
    }

    fn internal_table(&mut self, decl: ir::MapDecl) -> ir::MapId {
        self.out.internal_table(decl)
    }

    fn text(&mut self, text: &str) -> u32 {
        self.out.text(text)
    }

    fn place_text(&mut self, text: PlaceText) -> Lowered {
        self.text_of_place(text)
    }

    fn lower_element_key(&mut self, element: &Expr) -> Value {
        let ExprKind::MapElement { map, key } = &element.kind else { unreachable!("rows ask this for map elements only") };
        self.key(&map.node, key)
    }

    fn lower_key(&mut self, map: &str, key: &Expr) -> Value {
        self.key(map, std::slice::from_ref(key))
    }

    fn read_aggregate(&mut self, map: &str, key: Option<Value>, aggregate: &Aggregate) -> Value {
        self.fold_cpus(self.out.map(map), key, aggregate)
    }

    fn leave(&mut self) {
        if self.inside.is_some() {
            return self.leave_from_function();
        }
        self.ir.push(Op::Return(self.result));
    }

    fn planned(&self) -> &Planned {
        &self.unit.planned
    }

    fn is_statement(&self, call: &Call) -> bool {
        self.statement == Some(call.id)
    }
}

impl Lower<'_> {
    fn map_info(&self, name: &str) -> MapInfo {
        match self.typed.maps.get(name) {
            Some(state) => MapInfo { key: state.key.clone().flatten().map(|key| key.ty), value: state.value.ty.clone() },
            None => MapInfo { key: None, value: Type::Void },
        }
    }

    /// The final type of an expression.
    pub(super) fn ty(&self, expr: &Expr) -> Type {
        self.body.types[expr.id.0 as usize].ty.clone()
    }

    /// The type of an expression's value: an aggregation reads as an integer.
    pub(super) fn value_ty(&self, expr: &Expr) -> Type {
        let ty = self.ty(expr);
        if let Type::Aggregate(aggregate) = &ty { Type::int(8, aggregate.signed) } else { ty }
    }
}
