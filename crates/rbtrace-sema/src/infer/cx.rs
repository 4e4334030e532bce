//! What the rows of the tables may ask while calls are typed: [`TypeCx`] over the state of a round.

use std::sync::Arc;

use rbtrace_diag::{Diagnostic, Reported, Span};
use rbtrace_lang::compile::{MapInfo, Place, PlaceText, TypeCx};
use rbtrace_syntax::ast::{Expr, ExprKind};
use rbtrace_types::{Facts, Struct, Type};

use super::{Infer, MapState};
use crate::lookup;

impl TypeCx for Infer<'_> {
    fn facts(&self) -> &dyn Facts {
        self.shared.facts
    }

    fn config(&self, key: &str) -> Option<String> {
        self.shared.config.get(key).cloned()
    }

    fn place(&self) -> &Place {
        self.asked_place.set(true);
        &self.body.places[0].0
    }

    fn places(&self) -> Vec<&Place> {
        self.asked_place.set(true);
        self.body.places.iter().map(|(place, _)| place).collect()
    }

    fn program_type(&self) -> rbtrace_ir::ProgramType {
        self.body.program_type
    }

    fn args_struct(&self) -> Option<Arc<Struct>> {
        self.body.args.clone()
    }

    fn type_of(&mut self, expr: &Expr) -> Type {
        self.expr(expr).ty
    }

    fn int_literal(&mut self, expr: &Expr) -> Option<i128> {
        lookup::int_literal(self.constants.get(&expr.id), expr, self.shared)
    }

    fn string_literal(&mut self, expr: &Expr) -> Option<Vec<u8>> {
        let known = self.constants.get(&expr.id).cloned();
        lookup::string_literal(self, known, expr)
    }

    fn identifier<'e>(&self, expr: &'e Expr) -> Option<&'e str> {
        lookup::identifier(expr)
    }

    fn map(&mut self, expr: &Expr) -> Option<(String, MapInfo)> {
        let ExprKind::Map(name) = &expr.kind else { return None };
        self.refuse_unassigned(name, expr.span);
        let state = self.map_state(name, expr.span);
        Some((name.clone(), info(state)))
    }

    fn map_element(&mut self, expr: &Expr) -> Option<(String, MapInfo)> {
        let ExprKind::MapElement { map, key } = &expr.kind else { return None };
        self.keyed(&map.node, map.span, key);
        self.refuse_unassigned(&map.node, map.span);
        let state = self.map_state(&map.node, map.span);
        Some((map.node.clone(), info(state)))
    }

    fn param(&self, number: u32) -> Option<String> {
        self.shared.param(number).map(str::to_string)
    }

    fn named_param(&self, name: &str) -> Option<Option<String>> {
        self.shared.named_param(name)
    }

    fn command_pid(&self) -> Option<u32> {
        self.shared.options.child.or(self.shared.options.pid)
    }

    fn is_unsafe(&self) -> bool {
        self.shared.options.is_unsafe
    }

    fn constrain_key(&mut self, map: &str, key: &Expr) {
        self.keyed(map, key.span, std::slice::from_ref(key));
        if let Some(state) = self.maps.get_mut(map) {
            state.deletes = true;
        }
    }

    fn location(&self, span: Span) -> String {
        self.shared.location(span)
    }

    fn place_text_size(&self, text: PlaceText) -> u32 {
        self.asked_place.set(true);
        crate::attach_points::longest_text(&self.body.places, self.shared.facts, text)
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        match diagnostic.labels.first().and_then(|label| self.sink.error_within(label.span)) {
            // An argument in error has no type, and what a row says of it then is no news.
            Some(earlier) => earlier,
            None => self.sink.push(diagnostic),
        }
    }
}

fn info(state: &MapState) -> MapInfo {
    MapInfo { key: state.key.clone().flatten().map(|key| key.ty), value: state.value.ty.clone() }
}
