//! Runs `ir::Program`s in user space on given inputs: the oracle of the differential tests. One CPU, no IO; what a kernel would answer, a
//! [`World`] does. Every access is checked against the memory it is in, so what the kernel's verifier would refuse is a [`Fault`] here.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod arith;
mod helpers;
mod machine;
mod maps;
mod memory;

pub use machine::Machine;

use rbtrace_ir::Helper;

/// What a program asks of the system around it.
pub trait World {
    /// The answer of a helper without arguments: a time, a pid.
    fn answer(&mut self, helper: Helper) -> i64;
    /// Reads foreign memory, the kernel's or the current process's; false when it cannot be read.
    fn read(&mut self, from_user: bool, address: u64, to: &mut [u8]) -> bool;
    /// Name of the current task, padded with zeros.
    fn comm(&mut self) -> [u8; 16];
    /// Pid and tgid in the namespace that was asked for.
    fn namespace_pid(&mut self) -> Option<(u32, u32)> {
        None
    }
}

/// A world where everything is 0 and nothing can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nowhere;

impl World for Nowhere {
    fn answer(&mut self, _helper: Helper) -> i64 {
        0
    }

    fn read(&mut self, _from_user: bool, _address: u64, _to: &mut [u8]) -> bool {
        false
    }

    fn comm(&mut self) -> [u8; 16] {
        [0; 16]
    }
}

/// Why a program could not be run to its end: it does what a BPF program must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}
