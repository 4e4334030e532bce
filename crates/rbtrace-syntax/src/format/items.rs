//! Items: probes with their headers, definitions, settings. C is not touched.

use super::comments::Comment;
use super::doc::Doc;
use super::lines::Lines;
use super::{Writer, range};
use crate::ast::*;

impl Writer<'_> {
    /// An item that was written from `from` on.
    pub(super) fn item(&mut self, item: &Item, from: usize) -> Doc {
        match item {
            Item::C(text) => Doc::text(text.node.trim_end()),
            Item::Config(config) => self.config(config),
            Item::Import(path) => self.import(path.span),
            Item::Macro(definition) => self.macro_(definition, from),
            Item::MapDecl(map) => self.map_decl(map),
            Item::Function(function) => self.function(function, from),
            Item::Probe(probe) => self.probe(probe),
        }
    }

    pub(super) fn import(&self, path: rbtrace_diag::Span) -> Doc {
        Doc::Text(format!("import {};", self.source(path)))
    }

    fn config(&mut self, config: &Config) -> Doc {
        let (from, to) = range(config.span);
        let mut lines = Lines::default();
        // The bracket's own place is not kept: the comments before it stand before the first entry, too.
        let mut end = from;
        for entry in &config.entries {
            let (start, _) = range(entry.key.span);
            lines.comments(self.comments.take(end, start));
            end = range(entry.value.span).1;
            let text = format!("{} = {};", entry.key.node, self.source(entry.value.span));
            lines.push(start, end, Doc::Text(text));
        }
        lines.comments(self.comments.take(end, to));
        if lines.is_empty() {
            return Doc::text("config = {}");
        }
        let inner = Doc::Concat(vec![Doc::Hard, lines.finish(self.text)]).nest();
        Doc::Concat(vec![Doc::text("config = {"), inner, Doc::Hard, Doc::text("}")])
    }

    fn map_decl(&self, map: &MapDecl) -> Doc {
        Doc::Text(format!("let @{} = {}({});", map.name.node, map.kind.node, self.source(map.entries.span)))
    }

    fn macro_(&mut self, definition: &Macro, from: usize) -> Doc {
        let params = Doc::list(definition.params.iter().map(|param| match &param.node {
            MacroParam::Variable(name) => Doc::Text(format!("${name}")),
            MacroParam::Map(name) => Doc::Text(format!("@{name}")),
            MacroParam::Expr(name) => Doc::text(name),
        }));
        let head = params.between(&format!("macro {}(", definition.name.node), ")");
        Doc::Concat(vec![head, Doc::Hard, self.valued_body(from, &definition.body)])
    }

    fn function(&mut self, function: &Function, from: usize) -> Doc {
        let mut params = vec![];
        for (name, ty) in &function.params {
            let name = Doc::Text(format!("${}", name.node));
            params.push(Doc::Concat(vec![name, self.type_behind(ty.as_ref())]));
        }
        let head = Doc::list(params).between(&format!("fn {}(", function.name.node), ")");
        let result = self.type_behind(function.result.as_ref());
        Doc::Concat(vec![head, result, Doc::Hard, self.body(from, &function.body)])
    }

    /// ` : t`, where there is one.
    fn type_behind(&mut self, ty: Option<&TypeRef>) -> Doc {
        match ty {
            Some(ty) => Doc::Concat(vec![Doc::text(" : "), self.type_(ty)]),
            None => Doc::text(""),
        }
    }

    fn probe(&mut self, probe: &Probe) -> Doc {
        let mut header = Lines::default();
        let last = probe.attach_points.len().saturating_sub(1);
        let mut end = range(probe.span).0;
        for (index, point) in probe.attach_points.iter().enumerate() {
            let (start, after) = range(point.whole());
            header.comments(self.comments.take(end, start));
            // Comments between alternatives would end the line for those that follow: they stand above all of them.
            let between = self.comments.take(start, after).into_iter();
            header.comments(between.map(|comment| Comment { begins_line: true, ..comment }).collect());
            end = after;
            let comma = if index == last { "" } else { "," };
            let alternatives: Vec<&str> = std::iter::once(point).chain(&point.alternatives).map(|point| self.source(point.span)).collect();
            header.push(start, end, Doc::Text(format!("{}{comma}", alternatives.join(" ?: "))));
        }
        let mut parts = vec![header.finish(self.text), Doc::Hard];
        if let Some(predicate) = &probe.predicate {
            let predicate = self.expr(predicate).align().between("/", "/");
            parts.extend([predicate, Doc::Hard]);
        }
        parts.push(self.body(end, &probe.body));
        Doc::Concat(parts)
    }
}
