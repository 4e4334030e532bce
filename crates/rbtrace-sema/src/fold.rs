//! Integer constants: expressions that have a value at compile time (SPEC §2.20). Values are exact (`i128`); leaving 64 bits is an error.

use rbtrace_syntax::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

use crate::shared::Shared;

/// Why a constant expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoldError {
    /// The result needs more than 64 bits.
    Overflow,
    /// Division or modulo by zero.
    DivisionByZero,
    /// A shift by 64 or more, or by a negative number.
    Shift,
}

/// What folding made of an expression: its value, `None` if it is not constant.
pub(crate) type Folded = Result<Option<i128>, FoldError>;

/// The value of a constant integer expression.
pub(crate) fn int(expr: &Expr, shared: &Shared) -> Folded {
    if !matches!(expr.kind, ExprKind::Binary { .. } | ExprKind::Unary { .. } | ExprKind::Block(_)) {
        return value(expr, shared);
    }
    if let Some(known) = shared.folded.borrow().get(&expr.id) {
        return *known;
    }
    let found = value(expr, shared);
    shared.folded.borrow_mut().insert(expr.id, found);
    found
}

fn value(expr: &Expr, shared: &Shared) -> Folded {
    match &expr.kind {
        ExprKind::Int(value) => Ok(Some(i128::from(*value))),
        ExprKind::Param(number) => Ok(param_int(shared.param(*number))),
        ExprKind::Ident(name) => Ok(shared.c.number(name).map(i128::from)),
        ExprKind::ParamCount => Ok(Some(shared.options.params.len() as i128)),
        ExprKind::Unary { op: UnaryOp::Neg, operand } => match int(operand, shared)? {
            Some(value) => in_range(-value).map(Some),
            None => Ok(None),
        },
        ExprKind::Unary { op: UnaryOp::BitNot, operand } => Ok(int(operand, shared)?.map(|value| i128::from(!(value as u64)))),
        ExprKind::Binary { op, left, right } => match (int(left, shared)?, int(right, shared)?) {
            (Some(left), Some(right)) => binary(*op, left, right),
            _ => Ok(None),
        },
        ExprKind::Comptime(inner) => int(inner, shared),
        ExprKind::Block(block) => block.bare_value().map_or(Ok(None), |value| int(value, shared)),
        ExprKind::Unary { op: UnaryOp::Not | UnaryOp::Deref | UnaryOp::AddressOf, .. } => Ok(None),
        ExprKind::String(_) | ExprKind::Bool(_) | ExprKind::Variable(_) | ExprKind::Map(_) | ExprKind::MapElement { .. } => Ok(None),
        ExprKind::Call { .. } | ExprKind::Step { .. } | ExprKind::Ternary { .. } | ExprKind::If { .. } | ExprKind::Cast { .. } => Ok(None),
        ExprKind::Tuple(_) | ExprKind::Record(_) | ExprKind::Field { .. } | ExprKind::TupleIndex { .. } | ExprKind::Index { .. } => {
            Ok(None)
        }
        ExprKind::SizeOf(_) | ExprKind::OffsetOf(..) | ExprKind::TypeInfo(_) | ExprKind::Error => Ok(None),
    }
}

/// `a op b`; comparisons and logic are not integers and give `None`.
pub(crate) fn binary(op: BinaryOp, a: i128, b: i128) -> Folded {
    let value = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a.checked_mul(b).ok_or(FoldError::Overflow)?,
        BinaryOp::Div => a.checked_div(b).ok_or(FoldError::DivisionByZero)?,
        BinaryOp::Mod => a.checked_rem(b).ok_or(FoldError::DivisionByZero)?,
        BinaryOp::BitAnd => a & b,
        BinaryOp::BitOr => a | b,
        BinaryOp::BitXor => a ^ b,
        BinaryOp::Shl if a < 0 => i128::from((a as i64) << shift(b)?),
        BinaryOp::Shl => i128::from((a as u64) << shift(b)?),
        BinaryOp::Shr => a >> shift(b)?,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge | BinaryOp::And | BinaryOp::Or => {
            return Ok(None);
        }
    };
    in_range(value).map(Some)
}

fn shift(by: i128) -> Result<u32, FoldError> {
    u32::try_from(by).ok().filter(|&by| by < 64).ok_or(FoldError::Shift)
}

fn in_range(value: i128) -> Result<i128, FoldError> {
    let fits = value >= i128::from(i64::MIN) && value <= i128::from(u64::MAX);
    if fits { Ok(value) } else { Err(FoldError::Overflow) }
}

/// A positional parameter as an integer (SPEC §2.19); a missing one is 0, text is none.
fn param_int(text: Option<&str>) -> Option<i128> {
    text.map_or(Some(0), |text| in_range(rbtrace_syntax::integer(text)?).ok())
}

/// The bytes of a constant string expression: a literal, or literals joined by `+`.
pub(crate) fn string(expr: &Expr) -> Option<Vec<u8>> {
    if let ExprKind::String(bytes) = &expr.kind {
        return Some(bytes.clone());
    }
    if let ExprKind::Block(block) = &expr.kind {
        return string(block.bare_value()?);
    }
    let ExprKind::Binary { op: BinaryOp::Add, left, right } = &expr.kind else { return None };
    let has_param = matches!(left.kind, ExprKind::Param(_)) || matches!(right.kind, ExprKind::Param(_));
    if has_param { None } else { Some([string(left)?, string(right)?].concat()) }
}
