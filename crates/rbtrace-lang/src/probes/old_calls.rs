//! System calls whose names scripts take from other architectures: what programs call instead where a call does not exist, as on aarch64, and what
//! the kernel's functions for a call are named.

/// A call that only old architectures have, and the one that does the same.
const SUCCESSORS: [(&str, &str); 34] = [
    ("access", "faccessat"),
    ("chmod", "fchmodat"),
    ("chown", "fchownat"),
    ("creat", "openat"),
    ("dup2", "dup3"),
    ("epoll_create", "epoll_create1"),
    ("epoll_wait", "epoll_pwait"),
    ("eventfd", "eventfd2"),
    ("fork", "clone"),
    ("futimesat", "utimensat"),
    ("getdents", "getdents64"),
    ("getpgrp", "getpgid"),
    ("inotify_init", "inotify_init1"),
    ("lchown", "fchownat"),
    ("link", "linkat"),
    ("lstat", "newfstatat"),
    ("mkdir", "mkdirat"),
    ("mknod", "mknodat"),
    ("newlstat", "newfstatat"),
    ("newstat", "newfstatat"),
    ("open", "openat"),
    ("pipe", "pipe2"),
    ("poll", "ppoll"),
    ("readlink", "readlinkat"),
    ("rename", "renameat2"),
    ("rmdir", "unlinkat"),
    ("select", "pselect6"),
    ("signalfd", "signalfd4"),
    ("stat", "newfstatat"),
    ("symlink", "symlinkat"),
    ("unlink", "unlinkat"),
    ("utime", "utimensat"),
    ("utimes", "utimensat"),
    ("vfork", "clone"),
];

/// What functions for calls have before its name: those of this kernel's architectures, then others.
const PREFIXES: [&str; 6] = ["__x64_sys_", "__arm64_sys_", "__ia32_sys_", "__se_sys_", "SyS_", "sys_"];

fn successor(call: &str) -> Option<&'static str> {
    SUCCESSORS.iter().find(|(old, _)| *old == call).map(|(_, new)| *new)
}

/// The event of the call that is made instead: `sys_enter_openat` for `sys_enter_open`.
pub(super) fn event(wanted: &str) -> Option<String> {
    let moment = ["sys_enter_", "sys_exit_"].into_iter().find(|moment| wanted.starts_with(moment))?;
    Some(format!("{moment}{}", successor(&wanted[moment.len()..])?))
}

/// The functions that a name of one for a call may mean, the likeliest first: `__arm64_sys_openat` for `sys_openat` and for `__x64_sys_open`.
pub(super) fn functions(wanted: &str) -> Vec<String> {
    let Some(call) = PREFIXES.iter().find_map(|prefix| wanted.strip_prefix(prefix)) else { return Vec::new() };
    let calls = [Some(call), successor(call)].into_iter().flatten();
    calls.flat_map(|call| PREFIXES[..2].iter().map(move |prefix| format!("{prefix}{call}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_known_by_the_names_of_other_architectures() {
        assert_eq!(event("sys_exit_newstat").as_deref(), Some("sys_exit_newfstatat"));
        assert_eq!(event("sys_enter_read"), None);
        assert_eq!(functions("sys_open"), ["__x64_sys_open", "__arm64_sys_open", "__x64_sys_openat", "__arm64_sys_openat"]);
        assert!(functions("vfs_open").is_empty());
        assert!(SUCCESSORS.iter().all(|(_, new)| successor(new).is_none()));
    }
}
