//! Calls of functions that were written in C: up to five integers or pointers in registers, and one comes back.

use rbtrace_ir::{CFunction, CId, Op, Operand};
use rbtrace_lang::compile::Lowered;
use rbtrace_syntax::ast::{Expr, ExprKind, Name, UnaryOp};
use rbtrace_types::Type;

use super::Lower;
use super::output::Output;

impl Lower<'_> {
    /// A call of an imported function of C; `None`: there is none of this name.
    pub(super) fn c_call(&mut self, function: &Name, args: &[&Expr]) -> Option<Lowered> {
        let shared = self.shared;
        let found = shared.c_imports.functions.get(&function.node)?;
        let mut operands = Vec::with_capacity(args.len());
        for (arg, (_, param)) in args.iter().zip(&found.params) {
            operands.push(Operand::Value(if let ExprKind::Unary { op: UnaryOp::AddressOf, operand } = &arg.kind {
                // Not as a number: C may follow it without a helper.
                self.place_of(operand)
            } else {
                let value = self.int(arg);
                self.convert(value, &self.value_ty(arg), param)
            }));
        }
        let signed = (found.result != Type::Void).then(|| found.result.is_signed());
        let id = self.out.c_function(&CFunction { name: found.name.clone(), params: found.params.len(), signed });
        let value = self.ir.value(Op::CallC(id, operands));
        Some(if signed.is_some() { Lowered::Int(value) } else { Lowered::Void })
    }
}

impl Output {
    /// The number of a function of C.
    fn c_function(&mut self, function: &CFunction) -> CId {
        let known = &mut self.program.c_code.functions;
        let at = known.iter().position(|other| other == function).unwrap_or_else(|| {
            known.push(function.clone());
            known.len() - 1
        });
        CId(at as u32)
    }
}
