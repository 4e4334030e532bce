//! Parts of values: fields, elements, what pointers point to, addresses.

use rbtrace_ir as ir;
use rbtrace_ir::{Cmp, Helper, Op, Operand, Value};
use rbtrace_lang::compile::{Call, Complaint, Lowered, TypeCx};
use rbtrace_lang::{variables, warnings};
use rbtrace_syntax::ast::{Expr, ExprKind, Name, UnaryOp};
use rbtrace_types::{Space, Type};

use super::Lower;
use super::memory::layout;
use crate::args::is_args;
use crate::forms::Target;

impl Lower<'_> {
    pub(super) fn field(&mut self, base: &Expr, name: &str) -> Lowered {
        if is_args(base) {
            let args = self.body.args.clone().expect("inference knows that there are arguments");
            let field = args.field(name).expect("inference knows the field").clone();
            return self.arg(&field);
        }
        if let Some(value) = self.builtin_field(base, name) {
            return value;
        }
        let mut ty = self.ty(base);
        let mut value = self.expr(base);
        // A read that fails is told from where the base begins, behind its parenthesis.
        if let Some(span) = &mut self.ir.span
            && span.source == base.span.source
        {
            span.start = span.start.max(base.span.start);
        }
        while let Type::Pointer(..) = ty {
            let (to, space) = self.pointee(&ty);
            let Lowered::Int(at) = value else { unreachable!("a pointer is an integer") };
            if let Some(value) = self.direct(base, at, &to, name) {
                return value;
            }
            value = self.read_remote(at, space, &to);
            ty = to;
        }
        let whole = self.seen().complete(&ty, Space::None);
        if let Type::Struct(s) = &whole {
            return self.read_field(value, s, name);
        }
        let Type::Record(items) = &whole else { unreachable!("inference refuses fields of {whole}") };
        let at = items.iter().position(|(field, _)| field == name).expect("inference knows the field");
        self.read(value, layout(&ty).offsets[at], &items[at].1)
    }

    /// An integer behind a pointer of an iterator's context, which was found not to be null: the kernel lets the program load it directly.
    fn direct(&mut self, base: &Expr, at: Value, of: &Type, name: &str) -> Option<Lowered> {
        let Type::Struct(of) = of else { return None };
        let is_iterator = self.unit.planned.program_type == ir::ProgramType::Iterator;
        let ExprKind::Field { base: context, .. } = &base.kind else { return None };
        let ExprKind::Ident(builtin) = &context.kind else { return None };
        variables::by_name(builtin).filter(|row| is_iterator && row.field.is_some())?;
        let field = of.field(name).filter(|field| of.is_plain_integer(field))?;
        // What the script says of a struct is nothing that the kernel knows.
        let known = self.shared.facts.kernel_type(&of.name)?;
        let is_known = matches!(&known, Type::Struct(known) if known.field(name) == Some(field) && known.size == of.size);
        let (bytes, signed) = (field.ty.size() as u8, field.ty.is_signed());
        is_known.then(|| Lowered::Int(self.ir.value(Op::LoadTrusted { bytes, signed, pointer: at, offset: field.offset })))
    }

    /// A field of what a builtin points to, where its row reads that itself.
    fn builtin_field(&mut self, base: &Expr, name: &str) -> Option<Lowered> {
        let inner = if let ExprKind::Unary { op: UnaryOp::Deref, operand } = &base.kind { operand } else { base };
        let (ExprKind::Ident(builtin) | ExprKind::Call { function: Name { node: builtin, .. }, .. }) = &inner.kind else { return None };
        let read = variables::by_name(builtin)?.field?;
        let Type::Pointer(to, to_space) = self.ty(inner) else { return None };
        let Type::Struct(of) = self.seen().complete(&to, to_space) else { return None };
        let field = of.field(name)?;
        let call = Call { name: builtin, id: inner.id, span: inner.span, args: Vec::new() };
        read(self, &call, field)
    }

    pub(super) fn element(&mut self, base: &Expr, index: u32) -> Lowered {
        let ty = self.ty(base);
        let value = self.expr(base);
        let element = ty.elements().expect("inference knows the tuple")[index as usize].clone();
        self.read(value, layout(&ty).offsets[index as usize], &element)
    }

    pub(super) fn index(&mut self, base: &Expr, index: &Expr) -> Lowered {
        let ty = self.ty(base);
        if ty.elements().is_some() {
            let at = self.int_literal(index).expect("inference wants a constant here");
            return self.element(base, at as u32);
        }
        let value = self.expr(base);
        match (&ty, value) {
            (Type::Pointer(..), Lowered::Int(at)) => {
                let (to, space) = self.pointee(&ty);
                let at = self.calculable(at, &ty);
                let at = self.scaled(at, index, to.size());
                self.read_remote(at, space, &to)
            }
            (Type::Array(of, len), value) => self.array_element(value, of, *len, index),
            (Type::String(size), value) => self.array_element(value, &Type::int(1, true), *size, index),
            (other, _) => unreachable!("inference refuses an index on {other}"),
        }
    }

    fn scaled(&mut self, base: Value, index: &Expr, step: u32) -> Value {
        let index = self.int(index);
        let bytes = self.ir.bin_int(ir::Bin::Mul, index, i64::from(step));
        self.ir.bin(ir::Bin::Add, base, bytes)
    }

    /// An element; one past the end is said to be, and reads as zero.
    fn array_element(&mut self, array: Lowered, of: &Type, len: u32, index: &Expr) -> Lowered {
        let step = of.size();
        if let Some(at) = self.int_literal(index) {
            return self.read(array, at as u32 * step, of);
        }
        // The array at the end of a struct has as many elements as there are.
        if let (Lowered::Remote(base, space), 0) = (array, len) {
            let at = self.scaled(base, index, step);
            return self.read_remote(at, space, of);
        }
        let span = self.ir.span.unwrap_or(index.span);
        let index = self.int(index);
        let inside = self.ir.cmp_int(Cmp::ULt, index, i64::from(len));
        let bytes = self.ir.bin_int(ir::Bin::Mul, index, i64::from(step));
        let found = self.element_within(array, bytes, (len.max(1) - 1) * step + 1, inside, of);
        self.ir.open();
        let then = self.ir.close();
        self.ir.open();
        let text = "Array access out of bounds. This can lead to unexpected results. 0 is being used as the result.";
        self.failure(Complaint { warning: &warnings::ARRAY_BOUNDS, span, text, helper: None });
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: inside, then, otherwise });
        found
    }

    /// The element that many bytes behind the start of an array, or zeros if it is not inside.
    fn element_within(&mut self, array: Lowered, bytes: Value, bound: u32, inside: Value, of: &Type) -> Lowered {
        let zero = self.ir.int(0);
        match array {
            Lowered::Remote(base, space) => {
                let at = self.ir.bin(ir::Bin::Add, base, bytes);
                // Nobody has memory at 0: such reads give zeros.
                let at = self.ir.value(Op::Select(inside, at, zero));
                self.read_remote(at, space, of)
            }
            Lowered::Mem(base) => {
                let at = self.ir.value(Op::Index { base, index: bytes, bound });
                if of.is_scalar() {
                    let found = self.load(at, 0, of);
                    return Lowered::Int(self.ir.value(Op::Select(inside, found, zero)));
                }
                let (copy, bytes) = (self.temp(of.size()), of.size());
                self.ir.if_else(inside, |ir| ir.push(Op::Copy { to: copy, from: at, bytes }), |ir| ir.push(Op::Zero { addr: copy, bytes }));
                Lowered::Mem(copy)
            }
            Lowered::Int(_) | Lowered::Void => unreachable!("an array is memory"),
        }
    }

    /// What a pointer points to, and where; an integer is taken as a pointer to `uint64` (SPEC §3.4).
    pub(super) fn pointee(&self, ty: &Type) -> (Type, Space) {
        let default = self.place().probe_type.space;
        match ty {
            Type::Pointer(to, Space::None) => (self.seen().complete(to, default), default),
            Type::Pointer(to, space) => (self.seen().complete(to, *space), *space),
            Type::Void | Type::Bool | Type::Int(_) | Type::String(_) | Type::Buffer(_) | Type::Array(..) => (Type::U64, default),
            Type::Struct(_) | Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) => (Type::U64, default),
            Type::Aggregate(_) => (Type::U64, default),
        }
    }

    /// How far apart two neighbours are: pointers count in what they point to.
    pub(super) fn step_size(&self, ty: &Type) -> i64 {
        if let Type::Pointer(to, space) = ty { i64::from(self.seen().complete(to, *space).size().max(1)) } else { 1 }
    }

    /// `&$x`, `&@m`, `&@m[k]`; 0 where a map has no such entry.
    pub(super) fn address_of(&mut self, operand: &Expr) -> Lowered {
        let entry = self.place_of(operand);
        if let ExprKind::Variable(_) = &operand.kind {
            return Lowered::Int(self.address(entry));
        }
        let slot = self.ir.scalar("address");
        let missing = self.ir.value(Op::IsNull(entry));
        self.ir.open();
        let zero = self.ir.int(0);
        self.ir.push(Op::Set(slot, zero));
        let then = self.ir.close();
        self.ir.open();
        let found = self.address(entry);
        self.ir.push(Op::Set(slot, found));
        let otherwise = self.ir.close();
        self.ir.push(Op::If { cond: missing, then, otherwise });
        Lowered::Int(self.ir.value(Op::Get(slot)))
    }

    /// Where a variable or the entry of a map is; that of a map may be missing.
    pub(super) fn place_of(&mut self, operand: &Expr) -> Value {
        match Target::of(operand) {
            Target::Map(name) => self.ir.value(Op::Global(self.out.map(name))),
            Target::Element(map, key) => {
                let id = self.out.map(&map.node);
                let key = self.key(&map.node, key);
                self.ir.lookup(id, key)
            }
            Target::Variable | Target::Part | Target::None => {
                let slot = self.vars[self.var_index(operand)];
                self.ir.slot_addr(slot)
            }
        }
    }

    /// Where a text or array begins, as a number: in the memory it is read from, or in a copy that lasts as long as the probe runs.
    pub(super) fn start_of(&mut self, operand: &Expr, ty: &Type) -> Value {
        if let Some(start) = self.home_of(operand) {
            return start;
        }
        match self.expr(operand) {
            Lowered::Int(at) | Lowered::Remote(at, _) => at,
            Lowered::Void => self.ir.int(0),
            Lowered::Mem(text) => {
                let slot = self.ir.lasting("kept", ty.size());
                let copy = self.ir.slot_addr(slot);
                self.ir.push(Op::Copy { to: copy, from: text, bytes: ty.size() });
                self.address(copy)
            }
        }
    }

    /// Where a part of what a pointer points to is, without reading it.
    fn home_of(&mut self, part: &Expr) -> Option<Value> {
        if let ExprKind::Unary { op: UnaryOp::Deref, operand } = &part.kind {
            return Some(self.whole_of(operand)?.0);
        }
        if let ExprKind::Index { base, index } = &part.kind {
            let (start, of) = self.whole_of(base)?;
            let step = if let Type::Array(element, _) = self.ty(base) { element.size() } else { of.size() };
            return Some(self.scaled(start, index, step));
        }
        let ExprKind::Field { base, field } = &part.kind else { return None };
        if is_args(base) {
            return None;
        }
        let (start, Type::Struct(of)) = self.whole_of(base)? else { return None };
        let offset = of.field(&field.node)?.offset;
        Some(self.ir.bin_int(ir::Bin::Add, start, i64::from(offset)))
    }

    /// What a part is taken of: where it is, and its type behind the pointer.
    fn whole_of(&mut self, base: &Expr) -> Option<(Value, Type)> {
        let ty = self.ty(base);
        if let Type::Pointer(..) = ty {
            let at = self.int(base);
            return Some((self.calculable(at, &ty), self.pointee(&ty).0));
        }
        Some((self.home_of(base)?, self.seen().complete(&ty, Space::None)))
    }

    /// An address as a plain number.
    fn address(&mut self, addr: Value) -> Value {
        let number = self.ir.value(Op::AddrInt(addr));
        self.plain(number)
    }

    /// A pointer that is about to be calculated with. What a typed raw tracepoint hands out is still a pointer to the verifier.
    pub(super) fn calculable(&mut self, value: Value, ty: &Type) -> Value {
        let is_known = matches!(self.unit.planned.program_type, ir::ProgramType::TypedRawTracepoint | ir::ProgramType::Iterator);
        if is_known && matches!(ty, Type::Pointer(_, Space::Kernel)) { self.plain(value) } else { value }
    }

    /// The same number, through memory and a helper: else the verifier would still know it as a pointer and refuse arithmetic that is
    /// harmless on a number.
    fn plain(&mut self, number: Value) -> Value {
        let (known, plain) = (self.temp(8), self.temp(8));
        self.ir.store(8, known, 0, number);
        self.ir.push(Op::Call(Helper::ProbeReadKernel, vec![Operand::Value(plain), Operand::Int(8), Operand::Value(known)]));
        self.ir.load(8, false, plain, 0)
    }
}
