//! `probetype`: the kind of the probe that fired.

use rbtrace_types::Type;

use crate::compile::{Constant, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "probetype",
    signature: "probetype",
    manual: "The kind of the probe that fired: `tracepoint`, `interval`, …; `special` for `begin` and `end`.\n\n\
             ```\nbegin, interval:s:1 { print(probetype); }\n```\n",
    type_of: |cx, _| Type::String(text(cx).len() as u32),
    constant: Some(|cx, _| Some(Constant::Text(cx.place().probe_type.class.as_bytes().to_vec()))),
    lower: |cx, _| {
        let text = text(cx);
        Lowered::Mem(cx.constant(&text))
    },
    ..Builtin::BASE
};

fn text<C: TypeCx + ?Sized>(cx: &C) -> Vec<u8> {
    let mut text = cx.place().probe_type.class.as_bytes().to_vec();
    text.push(0);
    text
}
