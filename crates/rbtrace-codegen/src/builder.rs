//! LLVM's instruction builder, wrapped once: what BPF needs of it, with no results to check. Knows no operation of ours.
//!
//! LLVM refuses a build call only when the builder has no position or the types disagree. Both are our mistakes, so the `expect`s of the
//! crate are all here.

use inkwell::basic_block::BasicBlock;
use inkwell::context::Context;
use inkwell::types::{ArrayType, BasicMetadataTypeEnum, BasicType, IntType, PointerType};
use inkwell::values::{BasicMetadataValueEnum, BasicValue, BasicValueEnum, FunctionValue, InstructionValue, IntValue, PointerValue};
use inkwell::{AddressSpace, AtomicOrdering, AtomicRMWBinOp, IntPredicate};

const BUILT: &str = "the builder has a position and operand types agree";

/// Appends LLVM instructions.
pub struct Code<'ctx> {
    pub context: &'ctx Context,
    pub builder: inkwell::builder::Builder<'ctx>,
    pub i64: IntType<'ctx>,
    pub i32: IntType<'ctx>,
    pub i8: IntType<'ctx>,
    pub ptr: PointerType<'ctx>,
}

/// The two-operand instructions in use; all on 64-bit integers.
#[derive(Clone, Copy)]
pub enum Arith {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Shl,
    LShr,
    AShr,
}

impl<'ctx> Code<'ctx> {
    pub fn new(context: &'ctx Context) -> Self {
        Self {
            context,
            builder: context.create_builder(),
            i64: context.i64_type(),
            i32: context.i32_type(),
            i8: context.i8_type(),
            ptr: context.ptr_type(AddressSpace::default()),
        }
    }

    pub fn int(&self, value: i64) -> IntValue<'ctx> {
        self.i64.const_int(value as u64, false)
    }

    pub fn bytes_type(&self, size: u32) -> ArrayType<'ctx> {
        self.i8.array_type(size)
    }

    pub fn arith(&self, op: Arith, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        let b_ = &self.builder;
        match op {
            Arith::Add => b_.build_int_add(a, b, ""),
            Arith::Sub => b_.build_int_sub(a, b, ""),
            Arith::Mul => b_.build_int_mul(a, b, ""),
            Arith::And => b_.build_and(a, b, ""),
            Arith::Or => b_.build_or(a, b, ""),
            Arith::Xor => b_.build_xor(a, b, ""),
            Arith::Shl => b_.build_left_shift(a, b, ""),
            Arith::LShr => b_.build_right_shift(a, b, false, ""),
            Arith::AShr => b_.build_right_shift(a, b, true, ""),
        }
        .expect(BUILT)
    }

    /// A one-bit result.
    pub fn compare(&self, predicate: IntPredicate, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        self.builder.build_int_compare(predicate, a, b, "").expect(BUILT)
    }

    /// A one-bit result.
    pub fn is_null(&self, pointer: PointerValue<'ctx>) -> IntValue<'ctx> {
        self.builder.build_is_null(pointer, "").expect(BUILT)
    }

    /// A one-bit result.
    pub fn is_not_zero(&self, value: IntValue<'ctx>) -> IntValue<'ctx> {
        self.compare(IntPredicate::NE, value, self.int(0))
    }

    pub fn select(&self, condition: IntValue<'ctx>, a: IntValue<'ctx>, b: IntValue<'ctx>) -> IntValue<'ctx> {
        self.builder.build_select(condition, a, b, "").expect(BUILT).into_int_value()
    }

    /// To 64 bits.
    pub fn widen(&self, value: IntValue<'ctx>, signed: bool) -> IntValue<'ctx> {
        if signed { self.builder.build_int_s_extend(value, self.i64, "") } else { self.builder.build_int_z_extend(value, self.i64, "") }
            .expect(BUILT)
    }

    /// To the low bytes.
    pub fn narrow(&self, value: IntValue<'ctx>, bytes: u8) -> IntValue<'ctx> {
        if bytes == 8 { value } else { self.builder.build_int_truncate(value, self.int_type(bytes), "").expect(BUILT) }
    }

    pub fn int_type(&self, bytes: u8) -> IntType<'ctx> {
        match bytes {
            1 => self.i8,
            2 => self.context.i16_type(),
            4 => self.i32,
            _ => self.i64,
        }
    }

    /// Memory of the current function. It goes to the start of the entry block: BPF has no dynamic stack.
    pub fn alloca(&self, function: FunctionValue<'ctx>, ty: impl BasicType<'ctx>, name: &str) -> PointerValue<'ctx> {
        let here = self.builder.get_insert_block().expect(BUILT);
        let entry = function.get_first_basic_block().expect("every function starts with its entry block");
        match entry.get_first_instruction() {
            Some(first) => self.builder.position_before(&first),
            None => self.builder.position_at_end(entry),
        }
        let location = self.builder.get_current_debug_location();
        self.builder.unset_current_debug_location();
        let pointer = self.builder.build_alloca(ty, name).expect(BUILT);
        if let Some(instruction) = pointer.as_instruction() {
            instruction.set_alignment(8).expect("8 is a power of two");
        }
        self.builder.position_at_end(here);
        if let Some(location) = location {
            self.builder.set_current_debug_location(location);
        }
        pointer
    }

    /// `pointer + offset` bytes.
    pub fn offset(&self, pointer: PointerValue<'ctx>, offset: u32) -> PointerValue<'ctx> {
        if offset == 0 { pointer } else { self.index(pointer, self.int(i64::from(offset))) }
    }

    /// `pointer + index` bytes.
    pub fn index(&self, pointer: PointerValue<'ctx>, index: IntValue<'ctx>) -> PointerValue<'ctx> {
        // SAFETY: LLVM only builds an instruction; a GEP without `inbounds` is defined for every index.
        unsafe { self.builder.build_gep(self.i8, pointer, &[index], "") }.expect(BUILT)
    }

    /// Loads an integer of `bytes` bytes, not extended.
    pub fn load_raw(&self, bytes: u8, pointer: PointerValue<'ctx>, align: u32, volatile: bool) -> IntValue<'ctx> {
        let value = self.builder.build_load(self.int_type(bytes), pointer, "").expect(BUILT);
        set_access(value, align, volatile);
        value.into_int_value()
    }

    /// Loads an integer and extends it to 64 bits.
    pub fn load(&self, bytes: u8, signed: bool, pointer: PointerValue<'ctx>, align: u32) -> IntValue<'ctx> {
        let value = self.load_raw(bytes, pointer, align, false);
        if bytes == 8 { value } else { self.widen(value, signed) }
    }

    pub fn load_pointer(&self, pointer: PointerValue<'ctx>, volatile: bool) -> PointerValue<'ctx> {
        let value = self.builder.build_load(self.ptr, pointer, "").expect(BUILT);
        set_access(value, 8, volatile);
        value.into_pointer_value()
    }

    /// Stores the low bytes.
    pub fn store(&self, bytes: u8, pointer: PointerValue<'ctx>, align: u32, value: IntValue<'ctx>, volatile: bool) {
        let store = self.store_raw(pointer, align, self.narrow(value, bytes));
        store.set_volatile(volatile).expect("a store can be volatile");
    }

    /// Stores an integer as wide as it is.
    pub fn store_raw(&self, pointer: PointerValue<'ctx>, align: u32, value: IntValue<'ctx>) -> InstructionValue<'ctx> {
        let store = self.builder.build_store(pointer, value).expect(BUILT);
        store.set_alignment(align).expect("an alignment is a power of two");
        store
    }

    pub fn store_pointer(&self, pointer: PointerValue<'ctx>, value: PointerValue<'ctx>, volatile: bool) {
        let store = self.builder.build_store(pointer, value).expect(BUILT);
        store.set_volatile(volatile).expect("a store can be volatile");
    }

    pub fn atomic_add(&self, pointer: PointerValue<'ctx>, value: IntValue<'ctx>) {
        // Monotonic and without a use of the result it becomes the plain `lock xadd` that every kernel knows.
        self.builder.build_atomicrmw(AtomicRMWBinOp::Add, pointer, value, AtomicOrdering::Monotonic).expect(BUILT);
    }

    pub fn pointer_of(&self, value: IntValue<'ctx>) -> PointerValue<'ctx> {
        self.builder.build_int_to_ptr(value, self.ptr, "").expect(BUILT)
    }

    pub fn int_of(&self, pointer: PointerValue<'ctx>) -> IntValue<'ctx> {
        self.builder.build_ptr_to_int(pointer, self.i64, "").expect(BUILT)
    }

    /// A new block at the end of a function.
    pub fn block(&self, function: FunctionValue<'ctx>, name: &str) -> BasicBlock<'ctx> {
        self.context.append_basic_block(function, name)
    }

    pub fn at(&self, block: BasicBlock<'ctx>) {
        self.builder.position_at_end(block);
    }

    pub fn here(&self) -> BasicBlock<'ctx> {
        self.builder.get_insert_block().expect(BUILT)
    }

    pub fn jump(&self, to: BasicBlock<'ctx>) {
        self.builder.build_unconditional_branch(to).expect(BUILT);
    }

    /// Branches on one bit.
    pub fn branch(&self, condition: IntValue<'ctx>, then: BasicBlock<'ctx>, otherwise: BasicBlock<'ctx>) {
        self.builder.build_conditional_branch(condition, then, otherwise).expect(BUILT);
    }

    pub fn switch(&self, value: IntValue<'ctx>, default: BasicBlock<'ctx>, cases: &[(IntValue<'ctx>, BasicBlock<'ctx>)]) {
        self.builder.build_switch(value, default, cases).expect(BUILT);
    }

    pub fn ret(&self, value: IntValue<'ctx>) {
        self.builder.build_return(Some(&value)).expect(BUILT);
    }

    /// Calls kernel helper `number`; the result is an integer.
    pub fn call(&self, number: u32, args: &[BasicMetadataValueEnum<'ctx>]) -> IntValue<'ctx> {
        self.call_as(number, self.i64.into(), args).into_int_value()
    }

    /// Calls kernel helper `number`; the result is a pointer.
    pub fn call_for_pointer(&self, number: u32, args: &[BasicMetadataValueEnum<'ctx>]) -> PointerValue<'ctx> {
        self.call_as(number, self.ptr.into(), args).into_pointer_value()
    }

    /// Calls a function of the object.
    pub fn call_function(&self, function: inkwell::values::FunctionValue<'ctx>, args: &[BasicMetadataValueEnum<'ctx>]) {
        self.builder.build_call(function, args, "").expect(BUILT);
    }

    /// Calls a function of C: integers are cut to its parameters and become pointers where it wants some; what it gives is extended to 64 bits.
    pub fn call_c(&self, function: FunctionValue<'ctx>, args: &[BasicMetadataValueEnum<'ctx>], signed: bool) -> IntValue<'ctx> {
        let b = &self.builder;
        let params = function.get_type().get_param_types();
        let args = args.iter().zip(params).map(|(&arg, param)| match (arg, param) {
            (BasicMetadataValueEnum::IntValue(int), BasicMetadataTypeEnum::IntType(ty)) if ty.get_bit_width() < 64 => {
                b.build_int_truncate(int, ty, "").expect(BUILT).into()
            }
            (BasicMetadataValueEnum::IntValue(int), BasicMetadataTypeEnum::PointerType(ty)) => {
                b.build_int_to_ptr(int, ty, "").expect(BUILT).into()
            }
            (arg, _) => arg,
        });
        let args: Vec<BasicMetadataValueEnum> = args.collect();
        match b.build_call(function, &args, "").expect(BUILT).try_as_basic_value().basic() {
            Some(BasicValueEnum::IntValue(int)) if int.get_type().get_bit_width() < 64 => self.widen(int, signed),
            Some(BasicValueEnum::IntValue(int)) => int,
            Some(BasicValueEnum::PointerValue(pointer)) => self.int_of(pointer),
            Some(_) | None => self.int(0),
        }
    }

    fn call_as(
        &self,
        number: u32,
        result: inkwell::types::BasicTypeEnum<'ctx>,
        args: &[BasicMetadataValueEnum<'ctx>],
    ) -> BasicValueEnum<'ctx> {
        let params: Vec<_> = args.iter().map(|arg| if arg.is_pointer_value() { self.ptr.into() } else { self.i64.into() }).collect();
        let ty = result.fn_type(&params, false);
        // The BPF backend turns a call of a constant address into the call of that helper.
        let helper = self.int(i64::from(number)).const_to_pointer(self.ptr);
        let call = self.builder.build_indirect_call(ty, helper, args, "").expect(BUILT);
        call.try_as_basic_value().basic().expect("every helper is declared with a result")
    }

    /// Inline assembly from integers to an integer in the register of the first. LLVM neither looks inside nor moves, doubles or drops it.
    pub fn asm(&self, text: &str, args: &[IntValue<'ctx>]) -> IntValue<'ctx> {
        let mut constraints = String::from("=r,0");
        constraints.push_str(&",r".repeat(args.len() - 1));
        let ty = self.i64.fn_type(&vec![self.i64.into(); args.len()], false);
        let code = self.context.create_inline_asm(ty, text.into(), constraints, true, false, None, false);
        let args: Vec<_> = args.iter().map(|&arg| arg.into()).collect();
        let call = self.builder.build_indirect_call(ty, code, &args, "").expect(BUILT);
        call.try_as_basic_value().basic().expect("the assembly has a result").into_int_value()
    }

    /// `pointer + offset` bytes, of which LLVM no longer knows that it is a sum.
    pub fn sum(&self, pointer: PointerValue<'ctx>, offset: u32) -> PointerValue<'ctx> {
        self.pointer_of(self.asm(&format!("$0 += {offset}"), &[self.int_of(pointer)]))
    }

    /// A load that is one instruction with its offset in it, zero-extended. Why not a load of LLVM's? It keeps the sum of pointer and offset
    /// in a register once a hundred loads want it, and the verifier allows no arithmetic on a context.
    pub fn load_from_context(&self, bytes: u8, context: PointerValue<'ctx>, offset: u32) -> IntValue<'ctx> {
        let text = format!("$0 = *(u{} *)($1 + {offset})", 8 * u32::from(bytes));
        let ty = self.i64.fn_type(&[self.i64.into()], false);
        let code = self.context.create_inline_asm(ty, text, "=r,r".into(), true, false, None, false);
        let call = self.builder.build_indirect_call(ty, code, &[self.int_of(context).into()], "").expect(BUILT);
        call.try_as_basic_value().basic().expect("the assembly has a result").into_int_value()
    }

    /// The same value, of which LLVM no longer knows anything.
    pub fn opaque(&self, value: IntValue<'ctx>) -> IntValue<'ctx> {
        self.asm("", &[value])
    }
}

fn set_access(value: BasicValueEnum<'_>, align: u32, volatile: bool) {
    let load = value.as_instruction_value().expect("a load is an instruction");
    load.set_alignment(align).expect("an alignment is a power of two");
    load.set_volatile(volatile).expect("a load can be volatile");
}
