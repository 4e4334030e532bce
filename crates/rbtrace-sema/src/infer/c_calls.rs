//! Calls of functions that were written in C: what they take is fixed, so values are fitted to it.

use rbtrace_diag::{Diagnostic, Span};
use rbtrace_lang::{TypeCx, warnings};
use rbtrace_syntax::ast::{Expr, Name};
use rbtrace_types::c_object::CFunction;
use rbtrace_types::{Int, Type};

use super::{Infer, Ty, join};

impl Infer<'_> {
    /// A call of an imported function of C; `None`: there is none of this name.
    pub(super) fn c_call(&mut self, function: &Name, span: Span, args: &[&Expr]) -> Option<Ty> {
        let shared = self.shared;
        let Some(found) = shared.c_imports.functions.get(&function.node) else {
            return shared.c_imports.is_partial.then_some(Ty::VOID);
        };
        let types: Vec<Ty> = args.iter().map(|arg| self.value(arg)).collect();
        if found.params.len() != args.len() {
            let (name, wanted, given) = (&found.name, found.params.len(), args.len());
            let some = if given < wanted { "only " } else { "" };
            let plural = if wanted == 1 { "argument" } else { "arguments" };
            let error = Diagnostic::error(span, format!("Function `{name}` requires {wanted} {plural}, got {some}{given}"));
            self.sink.push(error.because(signature(found)));
            return Some(Ty::VOID);
        }
        for ((arg, ty), (name, param)) in args.iter().zip(&types).zip(&found.params) {
            if ty.ty != Type::Void && !self.fits(arg, ty, param) {
                let error = Diagnostic::error(arg.span, format!("Expected {param} for argument `{name}` got {}", ty.ty));
                self.sink.push(error.because(format!("this is `{}`", ty.ty)).hint(format!("it is `{}`", signature(found))));
            }
        }
        if !found.result.is_scalar() && found.result != Type::Void {
            let error = Diagnostic::error(span, format!("`{}` gives what a script cannot take: {}", found.name, found.result));
            self.sink.push(error.because("neither an integer nor a pointer").hint("have it written to where a pointer points"));
            return Some(Ty::VOID);
        }
        Some(Ty::fixed(found.result.clone()))
    }

    /// Whether a value can be handed to a parameter; warns where it may change.
    fn fits(&mut self, arg: &Expr, ty: &Ty, param: &Type) -> bool {
        match (param, &ty.ty) {
            (Type::Int(int), given) if given.is_integer() => match self.int_literal(arg) {
                Some(value) => holds(*int, value),
                None => {
                    self.warn_if_cut(arg.span, ty, param);
                    true
                }
            },
            (Type::Bool | Type::Enum(_), given) => given.is_integer(),
            (Type::Pointer(to, _), Type::Pointer(given, _)) => **to == Type::Void || **given == Type::Void || is_same(to, given),
            (_, _) => false,
        }
    }

    /// Says that an integer is stored as a type that cannot hold all of its values.
    pub(super) fn warn_if_cut(&mut self, span: Span, from: &Ty, to: &Type) {
        let (Type::Int(_), Type::Int(_)) = (&from.ty, to) else { return };
        let holds_all = from.is_open() || join(&Ty::fixed(to.clone()), from).is_some_and(|joined| joined.ty == *to);
        if self.last && !holds_all {
            let message = format!("value of type {} is cut to {to}", from.ty);
            self.sink.push(warnings::CUT_VALUE.at(span, message).because(format!("`({to})` before it says that this is meant")));
        }
    }
}

fn signature(function: &CFunction) -> String {
    let params: Vec<String> = function.params.iter().map(|(name, ty)| format!("{ty} {name}")).collect();
    format!("{} {}({})", function.result, function.name, params.join(", "))
}

fn holds(int: Int, value: i128) -> bool {
    let bits = 8 * u32::from(int.bytes);
    let (least, most) = if int.signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
    (least..=most).contains(&value)
}

/// Structs are the same if their names are: one may be known more deeply than the other.
fn is_same(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Struct(a), Type::Struct(b)) => a.name == b.name,
        (a, b) => a == b,
    }
}
