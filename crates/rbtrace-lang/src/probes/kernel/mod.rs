//! Probes on functions of the kernel: by kprobes, which may be anywhere, and by trampolines, which are typed and cheaper.

pub mod fentry;
pub mod fexit;
pub mod kprobe;
pub mod kretprobe;

mod function;
mod parameters;
mod target;
mod trampoline;
