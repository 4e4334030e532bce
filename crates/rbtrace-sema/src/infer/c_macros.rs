//! Macros of C that are used and stand for nothing that a script can say: why not.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_syntax::c::{Macro, Params};

use super::{Infer, Ty};

impl Infer<'_> {
    /// Says what is wrong with the use of a macro that was not replaced by its body.
    pub(super) fn c_macro(&mut self, found: &Macro, span: Span, is_call: bool) -> Ty {
        let name = &found.name.node;
        let no_expression = || {
            let error = Diagnostic::error(span, format!("the macro `{name}` is no expression")).because("what it stands for has no value");
            error.label(found.body.span, "this is what it stands for")
        };
        let error = match (&found.params, is_call) {
            (Params::Names(params), false) => {
                let params: Vec<&str> = params.iter().map(|param| param.node.as_str()).collect();
                let error = Diagnostic::error(span, format!("the macro `{name}` needs its arguments")).because("used without any");
                error.label(found.name.span, format!("`{name}({})`", params.join(", ")))
            }
            (Params::None, true) => {
                let error = Diagnostic::error(span, format!("the macro `{name}` takes no arguments")).because("called like a function");
                error.label(found.name.span, "defined without parameters")
            }
            (Params::Others, _) => no_expression().hint("macros that take any number of arguments are for C alone"),
            (Params::Names(_), true) if found.body.node.contains('#') => no_expression().hint("`#` and `##` are for C alone"),
            (Params::None, false) | (Params::Names(_), true) => {
                no_expression().hint("a macro that scripts can use is a number, a text or an expression of the script")
            }
        };
        self.sink.push(error);
        Ty::VOID
    }
}
