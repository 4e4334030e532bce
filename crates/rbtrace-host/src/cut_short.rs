//! Files that are cut short while they are mapped. The kernel sends SIGBUS to who reads what is gone, which ends a process; here it reads zeros
//! instead, and what comes from files is checked at every step.
//!
//! Why not read files instead of mapping them? Libraries have hundreds of megabytes of which a page here and there is looked at, and blazesym,
//! which names addresses, maps them in any case.

use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What is said where it has happened.
const COMPLAINT: &str =
    "a program, a library or a debug file was cut short while it was read: what was asked of it may be missing or wrong";

/// A signal handler reaches nothing else.
static HAPPENED: AtomicBool = AtomicBool::new(false);
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// From now on, reading what is gone from a file is survived.
pub fn survive() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: a number is asked for.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = fill;
        act(handler as libc::sighandler_t, libc::SA_SIGINFO);
    });
}

/// What is to be said about it, once.
pub fn take_complaint() -> Option<String> {
    HAPPENED.swap(false, Ordering::Relaxed).then(|| COMPLAINT.to_owned())
}

/// Puts zeros where the file ends; the instruction that read there is then run again.
extern "C" fn fill(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel hands a handler the signal's description.
    let code = unsafe { (*info).si_code };
    // SAFETY: as above; SIGBUS has an address.
    let address = unsafe { (*info).si_addr() } as usize;
    let page = PAGE.load(Ordering::Relaxed);
    let start = (address & !(page - 1)) as *mut libc::c_void;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: BUS_ADRERR means that nothing is behind this page but a mapping whose file has lost it, so nobody loses what was there; those who
    // read the mapping find bytes that changed, which they have to expect of a file.
    let is_filled = code == libc::BUS_ADRERR && unsafe { libc::mmap(start, page, libc::PROT_READ, flags, -1, 0) } == start;
    match is_filled {
        true => HAPPENED.store(true, Ordering::Relaxed),
        // The instruction is run again, and the signal does what it does.
        false => act(libc::SIG_DFL, 0),
    }
}

fn act(handler: libc::sighandler_t, flags: i32) {
    // SAFETY: all zeros is a valid action: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the action is initialised, and its handler lives as long as the process. Where it is refused, the signal does what it did.
    unsafe { libc::sigaction(libc::SIGBUS, &action, null_mut()) };
}

#[cfg(test)]
mod tests {
    use super::take_complaint;
    use crate::binaries::file::map;

    #[test]
    fn what_is_gone_from_a_file_reads_as_zeros() {
        let path = std::env::temp_dir().join(format!("rbtrace-cut-short-{}", std::process::id()));
        std::fs::write(&path, vec![7; 3 * 4096]).expect("a file");
        let mapped = map(&path).expect("a mapping");
        assert_eq!(mapped[2 * 4096], 7);
        std::fs::File::create(&path).expect("the same file, empty");
        assert_eq!((mapped[4096], mapped[3 * 4096 - 1]), (0, 0));
        assert!(take_complaint().is_some());
        assert!(take_complaint().is_none());
        std::fs::remove_file(&path).expect("it is there");
    }
}
