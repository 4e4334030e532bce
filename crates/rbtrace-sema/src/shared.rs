//! What every pass may look at: the machine, the command line, the sources, the configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use rbtrace_diag::{HeldBack, Sources, Span};
use rbtrace_syntax::ast::ExprId;
use rbtrace_types::Facts;

use crate::Options;
use crate::c_imports::CImports;
use crate::c_types::CTypes;
use crate::fold::Folded;
use crate::macros::Expansions;

/// See the module.
pub(crate) struct Shared<'a> {
    /// The machine.
    pub facts: &'a dyn Facts,
    /// The command line.
    pub options: &'a Options<'a>,
    /// Texts, for locations.
    pub sources: &'a Sources,
    /// The C side of the script and of the kernel.
    pub c: CTypes<'a>,
    /// Functions of C.
    pub c_imports: &'a CImports,
    /// Which expressions came out of macros.
    pub expansions: &'a Expansions,
    /// Effective configuration: every key of the table, as canonical text.
    pub config: BTreeMap<&'static str, String>,
    /// Which warnings are not shown, by the command line or the configuration.
    pub held_back: HeldBack,
    /// Operators that were folded already: each asks for the values of its operands, at every depth and in every round.
    pub folded: RefCell<HashMap<ExprId, Folded>>,
}

/// Bytes of a line that an excerpt shows.
const WIDEST: usize = 200;

impl Shared<'_> {
    /// A configuration value that `parse` of its row has checked to be a number.
    pub fn number(&self, key: &str) -> u64 {
        self.config.get(key).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The text of positional parameter N.
    pub fn param(&self, number: u32) -> Option<&str> {
        self.options.params.get((number as usize).checked_sub(1)?).map(String::as_str)
    }

    /// A named parameter; the last one counts.
    pub fn named_param(&self, name: &str) -> Option<Option<String>> {
        self.options.named.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// The call of a macro, with the line it stands in.
    pub fn caller(&self, call: Span) -> rbtrace_ir::Caller {
        rbtrace_ir::Caller { location: self.location(call), excerpt: self.excerpt(call) }
    }

    /// The line of a place, or its first one, and marks under the place. Of a very long line, what is around it.
    pub fn excerpt(&self, span: Span) -> String {
        let source = self.sources.get(span.source);
        let ((number, from), (last, to)) = (source.line_column(span.start), source.line_column(span.end));
        let line = source.line(number);
        let from = from as usize - 1;
        let to = if last == number { to as usize - 1 } else { line.len() };
        let start = if line.len() <= WIDEST { 0 } else { line.floor_char_boundary(from.saturating_sub(WIDEST / 4)) };
        let end = line.floor_char_boundary((start + WIDEST).min(line.len()));
        let marks = "~".repeat(to.min(end).saturating_sub(from));
        format!("{}\n{}{marks}", &line[start..end], " ".repeat(from - start))
    }

    /// `file:line:col1-col2`
    pub fn location(&self, span: Span) -> String {
        rbtrace_diag::location(span, self.sources)
    }
}
