//! Names of syscall events (`sys_enter_NAME`) → syscall numbers.
//!
//! An event is named after the kernel function (`SYSCALL_DEFINE(newfstat, …)`), which is not always the name that user space
//! knows. A wrong number would silently trace something else, so an unknown name has no number.

use ::syscalls::{aarch64, x86_64};
use rbtrace_types::Arch;

/// Event names that differ from those of user space.
const X86_64: &[(&str, x86_64::Sysno)] = &[
    ("newfstat", x86_64::Sysno::fstat),
    ("newlstat", x86_64::Sysno::lstat),
    ("newstat", x86_64::Sysno::stat),
    ("newuname", x86_64::Sysno::uname),
    ("sendfile64", x86_64::Sysno::sendfile),
    ("sysctl", x86_64::Sysno::_sysctl),
    ("umount", x86_64::Sysno::umount2),
];

/// Event names that differ from those of user space.
const AARCH64: &[(&str, aarch64::Sysno)] = &[
    ("arm64_personality", aarch64::Sysno::personality),
    ("fadvise64_64", aarch64::Sysno::fadvise64),
    ("newfstat", aarch64::Sysno::fstat),
    ("newfstatat", aarch64::Sysno::fstatat),
    ("newuname", aarch64::Sysno::uname),
    ("sendfile64", aarch64::Sysno::sendfile),
    ("umount", aarch64::Sysno::umount2),
];

/// The number of the syscall that `sys_enter_NAME` and `sys_exit_NAME` report.
pub fn number(arch: Arch, event: &str) -> Option<u32> {
    match arch {
        Arch::X86_64 => renamed(X86_64, event).map(|syscall| syscall.id() as u32),
        Arch::Aarch64 => renamed(AARCH64, event).map(|syscall| syscall.id() as u32),
    }
}

/// The name that user space knows each syscall by, in the order of their numbers; those that do not exist are empty.
pub fn names(arch: Arch) -> Vec<String> {
    /// Behind the last number of both architectures.
    const END: usize = 512;
    let name = |number| match arch {
        Arch::X86_64 => x86_64::Sysno::new(number).map(|syscall| syscall.name().to_owned()),
        Arch::Aarch64 => aarch64::Sysno::new(number).map(|syscall| syscall.name().to_owned()),
    };
    let mut names: Vec<String> = (0..END).map(|number| name(number).unwrap_or_default()).collect();
    names.truncate(names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1));
    names
}

fn renamed<S: Copy + PartialEq + std::str::FromStr>(aliases: &[(&str, S)], event: &str) -> Option<S> {
    if let Some((_, syscall)) = aliases.iter().find(|(name, _)| *name == event) {
        return Some(*syscall);
    }
    let syscall = event.parse().ok()?;
    // `fstat` is a syscall but no event: its event is `newfstat`.
    let has_other_name = aliases.iter().any(|(_, of)| *of == syscall);
    (!has_other_name).then_some(syscall)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arch: Arch, expected: &[(&str, u32)]) {
        for (event, expected) in expected {
            assert_eq!(number(arch, event), Some(*expected), "{event}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_kernel_tables() {
        let x86 = [("read", 0), ("newstat", 4), ("newfstat", 5), ("newlstat", 6), ("sendfile64", 40), ("newuname", 63), ("umount", 166)];
        check(Arch::X86_64, &x86);
        let x86 = [
            ("pread64", 17),
            ("fadvise64", 221),
            ("openat", 257),
            ("newfstatat", 262),
            ("statx", 332),
            ("io_uring_enter", 426),
            ("clone3", 435),
        ];
        check(Arch::X86_64, &x86);
        let arm =
            [("umount", 39), ("openat", 56), ("read", 63), ("sendfile64", 71), ("newfstatat", 79), ("newfstat", 80), ("newuname", 160)];
        check(Arch::Aarch64, &arm);
        check(Arch::Aarch64, &[("arm64_personality", 92), ("mmap", 222), ("fadvise64_64", 223), ("statx", 291), ("clone3", 435)]);
    }

    #[test]
    fn names_that_are_no_events_have_no_number() {
        for name in ["fstat", "umount2", "sendfile", "uname", "no_such_call", ""] {
            assert_eq!((number(Arch::X86_64, name), number(Arch::Aarch64, name)), (None, None), "{name}");
        }
        assert_eq!(number(Arch::Aarch64, "open"), None);
    }
}
