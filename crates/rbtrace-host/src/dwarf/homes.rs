//! Where a variable is at an instruction: location expressions and lists, as far as a program in the kernel can follow them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "operations that gimli will know one day are as unknown here as those that are left out"
)]

use anyhow::{Context, Result, bail, ensure};
use gimli::constants as dw;
use gimli::{AttributeValue, Expression, Operation, OperationIter};
use rbtrace_types::debug_info::{Computed, Math, Piece, VariableHome};

use super::sections::Slice;
use super::session::{At, Entry, Session, Value};

/// Said of what is nowhere at the instruction.
const GONE: &str = "the compiler keeps it nowhere at this instruction";

/// More is no expression that a compiler wrote.
const MOST_OPERATIONS: usize = 64;

/// More steps than what a compiler wrote takes: each operation can double what was there before.
const MOST_STEPS: usize = 1024;

/// More pieces than members of what a compiler keeps in registers.
const MOST_PIECES: usize = 64;

/// What expressions are about.
pub(super) struct Frame<'f> {
    /// The instruction.
    pub pc: u64,
    /// What offsets in the frame are counted from.
    pub base: &'f dyn Fn() -> Result<Computed>,
    /// The canonical address of the frame.
    pub canonical: &'f dyn Fn() -> Result<Computed>,
}

/// Where the variable of an entry is.
pub(super) fn of_variable<'a>(session: &Session<'a>, at: At, entry: &Entry<'a>, frame: &Frame<'_>) -> Result<VariableHome> {
    if let Some(value) = entry.attr_value(dw::DW_AT_location) {
        return of_location(session, at, value, frame);
    }
    match session.inherited(at, dw::DW_AT_const_value)? {
        Some((_, value)) => Ok(VariableHome::Value(Computed::Int(constant(&value).context("it is a constant of an unknown form")?))),
        None => bail!(GONE),
    }
}

/// Where a location says that something is.
pub(super) fn of_location<'a>(session: &Session<'a>, at: At, value: Value<'a>, frame: &Frame<'_>) -> Result<VariableHome> {
    let unit = session.unit(at.file, at.unit)?;
    if let AttributeValue::Exprloc(expression) = value {
        return evaluate(session, at, expression, frame);
    }
    let Some(mut list) = session.dwarf(at.file, at.unit).attr_locations(&unit, value)? else {
        bail!("its place is said in an unknown form")
    };
    while let Some(entry) = list.next()? {
        if (entry.range.begin..entry.range.end).contains(&frame.pc) {
            return evaluate(session, at, entry.data, frame);
        }
    }
    bail!(GONE)
}

fn constant(value: &Value<'_>) -> Option<i64> {
    match value {
        AttributeValue::Sdata(value) => Some(*value),
        AttributeValue::Block(bytes) => number(bytes.slice()),
        value => value.udata_value().map(|value| value as i64),
    }
}

fn number(bytes: &[u8]) -> Option<i64> {
    (bytes.len() <= 8).then(|| bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) as i64)
}

/// Follows an expression to its end; pieces stand behind what they are pieces of.
fn evaluate<'a>(session: &Session<'a>, at: At, expression: Expression<Slice<'a>>, frame: &Frame<'_>) -> Result<VariableHome> {
    let unit = session.unit(at.file, at.unit)?;
    let (mut operations, mut pieces) = (expression.operations(unit.encoding()), Vec::new());
    while pieces.len() < MOST_PIECES {
        let start = operations;
        let part = match part(session, at, &mut operations, frame) {
            Ok(part) => part,
            // Compilers write down even how they would compute the bytes between members.
            Err(why) => {
                operations = start;
                let home = Err(format!("{why:#}"));
                Part::Piece(Piece { bytes: next_piece(&mut operations).ok_or(why)?, home })
            }
        };
        match part {
            Part::Piece(piece) => pieces.push(piece),
            Part::Last(home) if pieces.is_empty() => return home.context(GONE),
            Part::Last(None) => return Ok(VariableHome::Pieces(pieces)),
            Part::Last(Some(_)) => bail!("its place is said in an unknown form"),
        }
    }
    bail!("it is in more than {MOST_PIECES} pieces")
}

/// The bytes of the piece that an expression comes to next.
fn next_piece(operations: &mut OperationIter<Slice<'_>>) -> Option<u32> {
    while let Ok(Some(operation)) = operations.next() {
        if let Operation::Piece { size_in_bits, bit_offset: None } = operation {
            return u32::try_from(size_in_bits / 8).ok().filter(|_| size_in_bits % 8 == 0);
        }
    }
    None
}

/// What an expression says, or a part of it; `None`: nothing.
enum Part {
    Piece(Piece),
    Last(Option<VariableHome>),
}

/// Runs a part of an expression without numbers: what it would compute when the instruction is reached.
fn part<'a>(session: &Session<'a>, at: At, operations: &mut OperationIter<Slice<'a>>, frame: &Frame<'_>) -> Result<Part> {
    let unit = session.unit(at.file, at.unit)?;
    let (mut stack, mut found) = (Vec::new(), None);
    for _ in 0..MOST_OPERATIONS {
        let Some(operation) = operations.next()? else {
            return Ok(Part::Last(found.or_else(|| stack.pop().map(VariableHome::Memory))));
        };
        match operation {
            Operation::Piece { size_in_bits, bit_offset: None } if size_in_bits % 8 == 0 => {
                let home = found.or_else(|| stack.pop().map(VariableHome::Memory));
                let home = home.ok_or_else(|| "the compiler keeps a part of it nowhere at this instruction".to_owned());
                return Ok(Part::Piece(Piece { bytes: u32::try_from(size_in_bits / 8)?, home }));
            }
            Operation::Piece { .. } => bail!("it is in pieces of bits (DW_OP_bit_piece), which are not put together"),
            _ if found.is_some() => bail!("its place is said in an unknown form"),
            Operation::Register { register } => found = Some(VariableHome::Value(Computed::Register(register.0))),
            Operation::StackValue => found = stack.pop().map(VariableHome::Value),
            Operation::ImplicitValue { data } => {
                found = Some(VariableHome::Value(Computed::Int(number(data.slice()).context("it is a constant of more than 8 bytes")?)));
            }
            Operation::Address { address } => stack.push(in_process(address, frame)),
            Operation::AddressIndex { index } => {
                stack.push(in_process(session.dwarf(at.file, at.unit).address(&unit, index)?, frame));
            }
            Operation::ConstantIndex { index } => stack.push(Computed::Int(session.dwarf(at.file, at.unit).address(&unit, index)? as i64)),
            Operation::FrameOffset { offset } => stack.push((frame.base)()?.plus(offset)),
            Operation::CallFrameCFA => stack.push((frame.canonical)()?),
            other => step(&mut stack, other)?,
        }
    }
    bail!("its place is said in more than {MOST_OPERATIONS} steps")
}

/// An address of the binary, as the process has it.
fn in_process(address: u64, frame: &Frame<'_>) -> Computed {
    Computed::Here.plus(address.wrapping_sub(frame.pc) as i64)
}

/// Operations that need nothing but the stack.
fn step(stack: &mut Vec<Computed>, operation: Operation<Slice<'_>>) -> Result<()> {
    let mut pop = || stack.pop().context("its place is said in an expression that is broken");
    let result = match operation {
        Operation::RegisterOffset { register, offset, base_type } if base_type.0 == 0 => Computed::Register(register.0).plus(offset),
        Operation::UnsignedConstant { value } => Computed::Int(value as i64),
        Operation::SignedConstant { value } => Computed::Int(value),
        Operation::PlusConstant { value } => pop()?.plus(value as i64),
        Operation::Deref { size, space: false, base_type } if base_type.0 == 0 => Computed::Load(Box::new(pop()?), size),
        Operation::Neg => {
            let value = pop()?;
            Computed::Int(0).with(Math::Sub, value)
        }
        Operation::Not => pop()?.with(Math::Xor, Computed::Int(-1)),
        Operation::Nop => return Ok(()),
        Operation::Drop => return pop().map(drop),
        Operation::Pick { index } => {
            let place = stack.len().checked_sub(1 + usize::from(index)).context("its place is said in an expression that is broken")?;
            stack[place].clone()
        }
        Operation::Swap | Operation::Rot => {
            let depth = if operation == Operation::Swap { 2 } else { 3 };
            let top = stack.len().checked_sub(depth).context("its place is said in an expression that is broken")?;
            stack[top..].rotate_right(1);
            return Ok(());
        }
        Operation::EntryValue { .. } | Operation::ParameterRef { .. } => {
            bail!("it follows from what its function was called with (DW_OP_entry_value), which is not kept")
        }
        Operation::ImplicitPointer { .. } => bail!("it points to something that the compiler did away with (DW_OP_implicit_pointer)"),
        Operation::TLS => bail!("each thread has its own"),
        other => {
            let math = math(&other).context("it is computed in a way that is not followed")?;
            let second = pop()?;
            pop()?.with(math, second)
        }
    };
    ensure!(result.steps() <= MOST_STEPS, "it takes more than {MOST_STEPS} steps to compute its place");
    stack.push(result);
    Ok(())
}

fn math(operation: &Operation<Slice<'_>>) -> Option<Math> {
    Some(match operation {
        Operation::Plus => Math::Add,
        Operation::Minus => Math::Sub,
        Operation::Mul => Math::Mul,
        Operation::And => Math::And,
        Operation::Or => Math::Or,
        Operation::Xor => Math::Xor,
        Operation::Shl => Math::Left,
        Operation::Shr => Math::Right,
        Operation::Shra => Math::SignedRight,
        Operation::Div => Math::Div,
        Operation::Mod => Math::Rem,
        Operation::Eq => Math::Eq,
        Operation::Ne => Math::Ne,
        Operation::Lt => Math::Lt,
        Operation::Le => Math::Le,
        Operation::Gt => Math::Gt,
        Operation::Ge => Math::Ge,
        _ => return None,
    })
}
