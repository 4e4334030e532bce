//! The list of functions: one line each, alphabetical.

mod bswap;
mod buf;
mod cat;
mod cgroup_path;
mod cgroupid;
mod clear;
mod debugf;
mod delete;
mod dw_ustack;
mod errorf;
mod exit;
mod fail;
pub mod getopt;
mod has_key;
mod is_err;
mod is_literal;
mod is_scalar;
mod join;
mod kaddr;
mod kfunc_allowed;
mod kfunc_exist;
mod kptr;
mod kstack;
mod ksym;
mod len;
mod macaddr;
mod memcmp;
mod ntop;
mod override_return;
mod path;
mod percpu_kaddr;
mod print;
mod printf;
mod pton;
mod reg;
mod signal;
mod signal_name;
mod signal_thread;
mod skboutput;
mod socket_cookie;
mod str;
mod str_concat;
mod strcap;
mod strcontains;
pub(crate) mod strerror;
mod strftime;
mod strlen;
mod strncmp;
mod strstr;
mod syscall_name;
mod system;
mod time;
mod uaddr;
mod unwatch;
mod uptr;
mod ustack;
mod usym;
pub mod warnf;
mod write_user;
mod zero;

mod handed;
mod maps;
mod name_table;
mod read;
mod scalars;
mod search;
mod sending;
mod signals;
mod stack_walk;
mod stacks;
mod tagged;

use crate::row::Builtin;

/// Every row.
pub static ALL: &[&Builtin] = &[
    &bswap::ROW,
    &buf::ROW,
    &cat::ROW,
    &cgroup_path::ROW,
    &cgroupid::ROW,
    &clear::ROW,
    &debugf::ROW,
    &delete::ROW,
    &dw_ustack::ROW,
    &errorf::ROW,
    &exit::ROW,
    &fail::ROW,
    &getopt::ROW,
    &has_key::ROW,
    &is_err::ROW,
    &is_literal::ROW,
    &is_scalar::ROW,
    &join::ROW,
    &kaddr::ROW,
    &kfunc_allowed::ROW,
    &kfunc_exist::ROW,
    &kptr::ROW,
    &kstack::ROW,
    &ksym::ROW,
    &len::ROW,
    &macaddr::ROW,
    &memcmp::ROW,
    &ntop::ROW,
    &override_return::ROW,
    &path::ROW,
    &percpu_kaddr::ROW,
    &print::ROW,
    &printf::ROW,
    &pton::ROW,
    &reg::ROW,
    &signal::ROW,
    &signal_name::ROW,
    &signal_thread::ROW,
    &skboutput::ROW,
    &socket_cookie::ROW,
    &str::ROW,
    &str_concat::ROW,
    &strcap::ROW,
    &strcontains::ROW,
    &strerror::ROW,
    &strftime::ROW,
    &strlen::ROW,
    &strncmp::ROW,
    &strstr::ROW,
    &syscall_name::ROW,
    &system::ROW,
    &time::ROW,
    &uaddr::ROW,
    &unwatch::ROW,
    &uptr::ROW,
    &ustack::ROW,
    &usym::ROW,
    &warnf::ROW,
    &write_user::ROW,
    &zero::ROW,
];

/// The row of a name.
pub fn by_name(name: &str) -> Option<&'static Builtin> {
    ALL.iter().copied().find(|row| row.name == name || row.aliases.contains(&name))
}
