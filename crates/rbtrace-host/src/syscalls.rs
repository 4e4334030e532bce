//! Names of syscall events (`sys_enter_NAME`) → syscall numbers of the architecture we run on.
//!
//! An event is named after the kernel function (`SYSCALL_DEFINE(newfstat, …)`), which is not always the name that user space
//! knows. A wrong number would silently trace something else, so an unknown name has no number.

use ::syscalls::Sysno;

/// Event names that differ from those of user space.
#[cfg(target_arch = "x86_64")]
const ALIASES: &[(&str, Sysno)] = &[
    ("newfstat", Sysno::fstat),
    ("newlstat", Sysno::lstat),
    ("newstat", Sysno::stat),
    ("newuname", Sysno::uname),
    ("sendfile64", Sysno::sendfile),
    ("sysctl", Sysno::_sysctl),
    ("umount", Sysno::umount2),
];

/// Event names that differ from those of user space.
#[cfg(target_arch = "aarch64")]
const ALIASES: &[(&str, Sysno)] = &[
    ("arm64_personality", Sysno::personality),
    ("fadvise64_64", Sysno::fadvise64),
    ("newfstat", Sysno::fstat),
    ("newuname", Sysno::uname),
    ("sendfile64", Sysno::sendfile),
    ("umount", Sysno::umount2),
];

/// The number of the syscall that `sys_enter_NAME` and `sys_exit_NAME` report.
pub fn number(event: &str) -> Option<u32> {
    if let Some((_, syscall)) = ALIASES.iter().find(|(name, _)| *name == event) {
        return Some(syscall.id() as u32);
    }
    let syscall: Sysno = event.parse().ok()?;
    // `fstat` is a syscall but no event: its event is `newfstat`.
    let renamed = ALIASES.iter().any(|(_, of)| *of == syscall);
    (!renamed).then(|| syscall.id() as u32)
}
