//! What the interpreter is told about the world: this process, which is the current one while the kernel runs the same program.

use std::sync::OnceLock;

use rbtrace_interp::World;
use rbtrace_ir::Helper;
use rustix::process::{getgid, getpid, getuid};
use rustix::thread::gettid;

/// Memory that programs are given the address of: texts, numbers, zeros at the end. A constant would have several addresses.
static READABLE: [u8; 256] = {
    let mut bytes = [0; 256];
    let text =
        b"a text in user memory\0\x01\x02\xff\xfe\x80 more of it, without an end for quite some time: 0123456789 0123456789 0123456789";
    let mut at = 0;
    while at < text.len() {
        bytes[at] = text[at];
        at += 1;
    }
    bytes
};

/// Where the lowest memory of this process begins. What is mapped later comes above it.
fn lowest() -> u64 {
    static LOWEST: OnceLock<u64> = OnceLock::new();
    *LOWEST.get_or_init(|| {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        maps.split('-').next().and_then(|start| u64::from_str_radix(start, 16).ok()).unwrap_or_default()
    })
}

/// No user's memory is here or above, whatever the number of levels of the page tables.
const USER_END: u64 = 1 << 56;

/// No kernel's memory is below this, and none from `HOLE` on: the last pages are never mapped.
const KERNEL: u64 = !(USER_END - 1);
const HOLE: u64 = !0xffff;

/// What is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    UserMemory,
    KernelMemory,
    Answer,
}

/// This process.
#[derive(Debug, Default)]
pub struct Here {
    /// Something was asked that this cannot know: what follows from the answer is no difference.
    pub unsure: Option<Unknown>,
}

/// The address of the readable memory.
pub fn readable() -> u64 {
    READABLE.as_ptr() as u64
}

impl World for Here {
    fn answer(&mut self, helper: Helper) -> i64 {
        match helper {
            Helper::CurrentPidTgid => i64::from(getpid().as_raw_nonzero().get()) << 32 | i64::from(gettid().as_raw_nonzero().get()),
            Helper::CurrentUidGid => i64::from(getgid().as_raw()) << 32 | i64::from(getuid().as_raw()),
            _ => {
                self.unsure = Some(Unknown::Answer);
                0
            }
        }
    }

    fn read(&mut self, from_user: bool, address: u64, to: &mut [u8]) -> bool {
        let inside = address.checked_sub(readable()).map(|at| at as usize);
        if let Some(bytes) = inside.and_then(|at| READABLE.get(at..at.checked_add(to.len())?))
            && from_user
        {
            to.copy_from_slice(bytes);
            return true;
        }
        // What is there is not known here, unless nothing can be; the kernel reads no user memory as its own.
        let end = address.saturating_add(to.len() as u64);
        if from_user && end >= lowest() && address < USER_END {
            self.unsure = Some(Unknown::UserMemory);
        } else if !from_user && end >= KERNEL && address < HOLE {
            self.unsure = Some(Unknown::KernelMemory);
        }
        false
    }

    fn comm(&mut self) -> [u8; 16] {
        let mut name = [0; 16];
        let text = std::fs::read("/proc/self/comm").unwrap_or_default();
        let length = text.iter().position(|&byte| byte == b'\n').unwrap_or(text.len()).min(15);
        name[..length].copy_from_slice(&text[..length]);
        name
    }
}
