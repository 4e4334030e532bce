//! `pton()`: the bytes of an IP address that is written as text.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rbtrace_diag::Diagnostic;
use rbtrace_types::Type;

use crate::compile::{Call, LowerCx, Lowered, TypeCx};
use crate::row::Builtin;

/// The row.
pub static ROW: Builtin = Builtin {
    name: "pton",
    signature: "pton(\"address\")",
    manual: "The bytes of an IP address, in the order of the network: four of version 4, sixteen of version 6.\n\n\
             ```\ntracepoint:sock:inet_sock_set_state /args.daddr == pton(\"127.0.0.1\")/ { @[comm] = count(); }\n```\n",
    args: (1, 1),
    type_of,
    lower: |cx, call| {
        let bytes = bytes(cx, call).unwrap_or_default();
        Lowered::Mem(LowerCx::constant(cx, &bytes))
    },
    ..Builtin::BASE
};

fn type_of(cx: &mut dyn TypeCx, call: &Call) -> Type {
    let bytes = bytes(cx, call);
    if let (None, Some(arg)) = (&bytes, call.args.first()) {
        let error = match cx.string_literal(arg) {
            Some(text) => {
                let message = format!("pton() expects a valid IPv4/IPv6 address, got {}", String::from_utf8_lossy(&text));
                Diagnostic::error(arg.span, message).because("this is none")
            }
            None => Diagnostic::error(arg.span, "pton() expects an string literal at the first argument")
                .because("the address must be known when the script is compiled"),
        };
        cx.report(error);
    }
    Type::Array(Arc::new(Type::int(1, false)), bytes.map_or(4, |bytes| bytes.len() as u32))
}

fn bytes<C: TypeCx + ?Sized>(cx: &mut C, call: &Call) -> Option<Vec<u8>> {
    let text = String::from_utf8(cx.string_literal(call.args.first()?)?).ok()?;
    let v4 = text.parse::<Ipv4Addr>().map(|address| address.octets().to_vec());
    v4.or_else(|_| text.parse::<Ipv6Addr>().map(|address| address.octets().to_vec())).ok()
}
