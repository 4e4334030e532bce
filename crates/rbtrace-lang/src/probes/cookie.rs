//! Programs that serve many places of one probe: the kernel hands each place's number to the program.

use rbtrace_ir as ir;
use rbtrace_ir::{Helper, Operand};

use crate::compile::LowerCx;

/// The number of the place that fired.
pub(super) fn select(cx: &mut dyn LowerCx) -> ir::Value {
    cx.ir().call(Helper::AttachCookie, vec![Operand::Ctx])
}
