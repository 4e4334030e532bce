//! `socket_cookie()`: the number that the kernel gives a socket for its lifetime.

use rbtrace_ir::{Helper, Operand};
use rbtrace_types::Type;

use crate::compile::Lowered;
use crate::probes::kernel::{fentry, fexit};
use crate::probes::{iter, rawtracepoint};
use crate::row::{Allowed, Builtin};

use super::handed;

/// The structs that begin with a socket, as the kernel's check of the argument knows them.
const SOCKETS: [&str; 14] = [
    "struct sock",
    "struct sock_common",
    "struct inet_connection_sock",
    "struct inet_request_sock",
    "struct inet_sock",
    "struct inet_timewait_sock",
    "struct mptcp_sock",
    "struct request_sock",
    "struct tcp_request_sock",
    "struct tcp_sock",
    "struct tcp_timewait_sock",
    "struct udp6_sock",
    "struct udp_sock",
    "struct unix_sock",
];

/// The row.
pub static ROW: Builtin = Builtin {
    name: "socket_cookie",
    signature: "socket_cookie(socket)",
    manual: "The cookie of a socket: a number that no other socket gets as long as the machine runs, so that it may be a key where an address \
             would be reused. Takes a `struct sock *` that the probe was given. Needs Linux 5.12.\n\n\
             ```\nrawtracepoint:tcp_probe { @packets[socket_cookie(args.sk)] = count(); }\n```\n",
    args: (1, 1),
    allowed: Allowed::Only(&[iter::ROW.name, rawtracepoint::ROW.name, fentry::ROW.name, fexit::ROW.name]),
    type_of: |cx, call| {
        if let Some(socket) = call.args.first() {
            handed::check(cx, ROW.name, socket, &SOCKETS);
        }
        Type::U64
    },
    lower: |cx, call| match call.args.first() {
        Some(socket) => {
            let socket = handed::pointer(cx, socket);
            Lowered::Int(cx.ir().call(Helper::SocketCookie, vec![Operand::Value(socket)]))
        }
        None => Lowered::Void,
    },
    ..Builtin::BASE
};
