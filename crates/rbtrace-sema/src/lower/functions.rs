//! Subprograms: each program has its own copy of what it calls, for two programs may run at once on one CPU and their memory is laid out
//! apart. Arguments and values are left in slots that both sides know.

use rbtrace_ir::{Cmp, Op, SlotId, SubId};
use rbtrace_lang::compile::{LowerCx, Lowered};
use rbtrace_syntax::ast::{Expr, Name};
use rbtrace_types::Type;

use super::Lower;

/// A subprogram of the program under construction.
#[derive(Clone)]
pub(super) struct Sub {
    id: SubId,
    params: Vec<Home>,
    result: Option<Home>,
    /// Set when the whole probe is to be left: `exit()`.
    left: Option<SlotId>,
}

/// A slot that a value crosses the border in.
#[derive(Clone)]
struct Home {
    slot: SlotId,
    ty: Type,
    register: bool,
}

/// The function under way.
pub(super) struct Inside {
    result: Option<Home>,
    /// See [`Sub::left`].
    left: SlotId,
    leaves: bool,
    /// How many of its variables are parameters.
    pub params: usize,
}

impl Lower<'_> {
    /// A call of a function of the script.
    pub(super) fn function_call(&mut self, function: &Name, args: &[&Expr]) -> Option<Lowered> {
        let at = self.typed.functions.get_index_of(&function.node)?;
        let sub = match self.subs.get(&at) {
            Some(made) => made.clone(),
            None => self.make_sub(at, function),
        };
        // All of them before any is handed over: an argument may be a call of the same function.
        let values: Vec<Lowered> = args.iter().zip(&sub.params).map(|(arg, home)| self.argument(arg, home)).collect();
        for (value, home) in values.into_iter().zip(&sub.params) {
            self.hand_over(home, value);
        }
        if let Some(result) = &sub.result {
            self.clear(result);
        }
        if let Some(left) = sub.left {
            let no = self.ir.int(0);
            self.ir.push(Op::Set(left, no));
        }
        self.ir.push(Op::Invoke(sub.id));
        if let Some(left) = sub.left {
            self.leave_too(left);
        }
        Some(sub.result.map_or(Lowered::Void, |result| self.take(&result)))
    }

    fn argument(&mut self, arg: &Expr, home: &Home) -> Lowered {
        if !home.ty.is_scalar() {
            return Lowered::Mem(self.lower_as(arg, &home.ty));
        }
        let value = self.int(arg);
        Lowered::Int(self.convert(value, &self.value_ty(arg), &home.ty))
    }

    fn hand_over(&mut self, home: &Home, value: Lowered) {
        match (value, home.register) {
            (Lowered::Int(value), true) => self.ir.push(Op::Set(home.slot, value)),
            (value, _) => {
                let addr = self.ir.slot_addr(home.slot);
                self.store_value(addr, 0, &home.ty, value, &home.ty);
            }
        }
    }

    /// A function that ends without a `return` has given zero.
    fn clear(&mut self, home: &Home) {
        if home.register {
            let zero = self.ir.int(0);
            return self.ir.push(Op::Set(home.slot, zero));
        }
        let addr = self.ir.slot_addr(home.slot);
        self.ir.push(Op::Zero { addr, bytes: home.ty.size() });
    }

    /// The value that was left there, out of the way of the next call.
    fn take(&mut self, home: &Home) -> Lowered {
        if home.register {
            return Lowered::Int(self.ir.value(Op::Get(home.slot)));
        }
        let to = self.temp(home.ty.size());
        let from = self.ir.slot_addr(home.slot);
        self.ir.push(Op::Copy { to, from, bytes: home.ty.size() });
        Lowered::Mem(to)
    }

    /// Leaves the probe if the function wanted that.
    fn leave_too(&mut self, left: SlotId) {
        let left = self.ir.value(Op::Get(left));
        let left = self.ir.cmp_int(Cmp::Ne, left, 0);
        self.ir.open();
        self.leave();
        let then = self.ir.close();
        self.ir.push(Op::If { cond: left, then, otherwise: rbtrace_ir::Region::default() });
    }

    fn make_sub(&mut self, at: usize, function: &Name) -> Sub {
        let typed = &self.typed.functions[at];
        let span = self.ir.span.replace(function.span);
        let outer = self.ir.begin_subprogram();
        let body = std::mem::replace(&mut self.body, &typed.body);
        let result = (typed.result.ty != Type::Void).then(|| self.result_home(&typed.result.ty));
        let inside = Inside { result: result.clone(), left: self.ir.scalar("left"), leaves: false, params: typed.params };
        let inside = self.inside.replace(inside);
        let vars = std::mem::take(&mut self.vars);
        let ended = std::mem::take(&mut self.ended);
        let statement = self.statement.take();
        self.make_vars();
        let params = (0..typed.params).map(|index| self.param_home(index)).collect();
        self.block_effects(&typed.body.probe.body);
        (self.body, self.vars, self.ended, self.statement) = (body, vars, ended, statement);
        let left = std::mem::replace(&mut self.inside, inside).filter(|inside| inside.leaves).map(|inside| inside.left);
        let id = self.ir.end_subprogram(&function.node, outer);
        self.ir.span = span;
        let sub = Sub { id, params, result, left };
        self.subs.insert(at, sub.clone());
        sub
    }

    fn param_home(&mut self, index: usize) -> Home {
        Home { slot: self.vars[index], ty: self.var_ty(index), register: self.is_register(index) }
    }

    fn result_home(&mut self, ty: &Type) -> Home {
        let register = ty.is_scalar();
        let slot = if register { self.ir.scalar("value") } else { self.ir.memory("value", ty.size()) };
        Home { slot, ty: ty.clone(), register }
    }

    /// `return` and `return e` inside a function.
    pub(super) fn return_from_function(&mut self, value: Option<&Expr>) {
        let home = self.inside.as_ref().and_then(|inside| inside.result.clone());
        if let (Some(home), Some(value)) = (home, value) {
            let value = self.argument(value, &home);
            self.hand_over(&home, value);
        } else if let Some(value) = value {
            self.expr(value);
        }
        self.ir.push(Op::Return(0));
    }

    /// Leaves the probe from within a function.
    pub(super) fn leave_from_function(&mut self) {
        let Some(inside) = &mut self.inside else { return };
        inside.leaves = true;
        let left = inside.left;
        let yes = self.ir.int(1);
        self.ir.push(Op::Set(left, yes));
        self.ir.push(Op::Return(0));
    }
}
