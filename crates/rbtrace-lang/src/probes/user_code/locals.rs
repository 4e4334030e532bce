//! `args` at an instruction inside of a function: the variables that the source sees there, also parameters, wherever they are by then.

use std::sync::Arc;

use rbtrace_ir as ir;
use rbtrace_ir::{Bin, Cmp, Op};
use rbtrace_types::debug_info::{Computed, Math, Variable, VariableHome};
use rbtrace_types::{Arch, Facts, Field, Struct, Type};

use super::target::{self, Code};
use super::{abi, addresses, arguments, pieces};
use crate::compile::{LowerCx, Lowered, Place};
use crate::probes::registers;
use crate::row::{NoArgs, Unreadable};

/// Bytes of a register.
const REGISTER: u32 = 8;

/// Whether a place is where a function has already begun: its arguments need not be where they were handed over.
pub(super) fn is_inside(facts: &dyn Facts, place: &Place) -> bool {
    match target::code_of(&place.parts).1 {
        Code::Function { offset, .. } => offset > 0,
        Code::Address(address) => !matches!(facts.declaration(&place.parts[0], address), Ok(Some(_))),
        Code::Pattern(_) | Code::Line(_) => false,
    }
}

/// The variables that can be read. Offsets stand for where each is: places of which the same is said can share a body.
pub(super) fn args(facts: &dyn Facts, place: &Place) -> Option<Arc<Struct>> {
    let all = variables(facts, place).ok()?;
    let fields: Vec<Field> = all.iter().filter_map(|variable| field(facts.arch(), variable)).collect();
    (!fields.is_empty()).then(|| Arc::new(Struct { name: place.name(), size: 8 * fields.len() as u32, fields }))
}

/// The variables that cannot be read, and why.
pub(super) fn unreadable(facts: &dyn Facts, place: &Place) -> Vec<Unreadable> {
    let all = variables(facts, place).unwrap_or_default();
    let refused = all.iter().filter_map(|variable| Some((variable.name.clone(), home(facts.arch(), variable).err()?)));
    refused.map(|(name, why)| Unreadable { message: format!("`{name}` cannot be read here"), name, why }).collect()
}

/// Why a place has no `args`.
pub(super) fn missing(facts: &dyn Facts, place: &Place) -> NoArgs {
    let hint = || Some("`reg()` reads registers".to_owned());
    match (variables(facts, place), unreadable(facts, place).into_iter().next()) {
        (Err(why), _) => arguments::without_debug_info(place, &why, "`reg()` reads registers"),
        (Ok(_), Some(Unreadable { message, why, .. })) => NoArgs { message, why, hint: hint() },
        (Ok(_), None) => {
            let why = "the source has no variable that can be seen at this instruction".to_owned();
            NoArgs { message: "Cannot read function parameters".into(), why, hint: hint() }
        }
    }
}

fn variables(facts: &dyn Facts, place: &Place) -> Result<Arc<[Variable]>, String> {
    match addresses(facts, place)[..] {
        [address] => facts.variables(&place.parts[0], address),
        _ => Err("several functions have this name".into()),
    }
}

fn home(arch: Arch, variable: &Variable) -> Result<&VariableHome, String> {
    let passed = &variable.passed;
    let home = variable.home.as_ref().map_err(String::clone)?;
    if registers(home).iter().any(|number| registers::by_debug_number(arch, *number).is_none()) {
        return Err(format!("`{}` is in a floating-point register, which the kernel does not show", passed.text));
    }
    match home {
        _ if abi::is_float(&passed.ty) => Err(format!("`{}` is a number of floating point", passed.text)),
        _ if passed.ty == Type::Void => Err(format!("nobody says what `{}` is", passed.text)),
        VariableHome::Value(_) if passed.bytes > REGISTER => Err(format!("`{}` is larger than the register that it is in", passed.text)),
        VariableHome::Pieces(all) => pieces::check(all, &passed.ty, passed.bytes).map(|()| home),
        VariableHome::Value(_) | VariableHome::Memory(_) => Ok(home),
    }
}

/// The registers that a home is computed from.
fn registers(home: &VariableHome) -> Vec<u16> {
    match home {
        VariableHome::Value(computed) | VariableHome::Memory(computed) => computed.registers(),
        VariableHome::Pieces(all) => all.iter().filter_map(|piece| piece.home.as_ref().ok()).flat_map(registers).collect(),
    }
}

fn field(arch: Arch, variable: &Variable) -> Option<Field> {
    let Variable { name, passed, .. } = variable;
    let offset = identity(home(arch, variable).ok()?);
    let bits = matches!(passed.ty, Type::Enum(_)).then(|| (0, (passed.bytes * 8).min(64) as u8));
    Some(Field { name: name.clone(), ty: passed.ty.clone(), offset, bits, data_loc: None })
}

/// A number that stands for a home (FNV): two homes of a variable of one name and type have the same one by chance only once in billions.
fn identity(home: &VariableHome) -> u32 {
    format!("{home:?}").bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Evaluates a field of `args`.
pub(super) fn read(cx: &mut dyn LowerCx, place: &Place, field: &Field) -> Lowered {
    let all = variables(cx.facts(), place).expect("inference found the variable");
    let variable = all.iter().find(|variable| variable.name == field.name).expect("inference found the variable");
    let arch = cx.facts().arch();
    let passed = &variable.passed;
    match home(arch, variable).expect("inference found that it can be read") {
        VariableHome::Memory(at) => {
            let address = compute(cx.ir(), arch, at);
            arguments::from_memory(cx, address, passed)
        }
        VariableHome::Pieces(all) => {
            let b = cx.ir();
            let whole = pieces::join(b, arch, all, passed.bytes);
            if passed.ty.is_scalar() {
                let value = b.load(REGISTER as u8, false, whole, 0);
                return Lowered::Int(arguments::widened(b, value, passed));
            }
            Lowered::Mem(whole)
        }
        VariableHome::Value(computed) => {
            let value = compute(cx.ir(), arch, computed);
            let b = cx.ir();
            if passed.ty.is_scalar() {
                return Lowered::Int(arguments::widened(b, value, passed));
            }
            let slot = b.memory("variable", REGISTER);
            let to = b.slot_addr(slot);
            b.store(8, to, 0, value);
            Lowered::Mem(to)
        }
    }
}

pub(super) fn compute(b: &mut ir::Builder, arch: Arch, computed: &Computed) -> ir::Value {
    let load = |b: &mut ir::Builder, offset| b.value(Op::LoadCtx { bytes: 8, signed: false, offset });
    match computed {
        Computed::Register(number) => {
            let offset = registers::by_debug_number(arch, *number).expect("variables in other registers are refused");
            load(b, offset)
        }
        Computed::Here => load(b, registers::instruction_pointer(arch)),
        Computed::Int(value) => b.int(*value),
        Computed::Load(from, bytes) => {
            let address = compute(b, arch, from);
            arguments::word(b, address, *bytes)
        }
        Computed::Math(math, first, second) => {
            let (first, second) = (compute(b, arch, first), compute(b, arch, second));
            together(b, *math, first, second)
        }
    }
}

fn together(b: &mut ir::Builder, math: Math, first: ir::Value, second: ir::Value) -> ir::Value {
    let operation = match math {
        Math::Add => Bin::Add,
        Math::Sub => Bin::Sub,
        Math::Mul => Bin::Mul,
        Math::And => Bin::And,
        Math::Or => Bin::Or,
        Math::Xor => Bin::Xor,
        Math::Left => Bin::Shl,
        Math::Right => Bin::LShr,
        Math::SignedRight => Bin::AShr,
        Math::Div => Bin::SDiv,
        Math::Rem => Bin::URem,
        Math::Eq => return b.cmp(Cmp::Eq, first, second),
        Math::Ne => return b.cmp(Cmp::Ne, first, second),
        Math::Lt => return b.cmp(Cmp::SLt, first, second),
        Math::Le => return b.cmp(Cmp::SLe, first, second),
        Math::Gt => return b.cmp(Cmp::SGt, first, second),
        Math::Ge => return b.cmp(Cmp::SGe, first, second),
    };
    b.bin(operation, first, second)
}
