//! Files that break who reads them: libraries trust what compilers and linkers write, and some panic where it was damaged since. That is no
//! reason to end a run which only wanted to name somebody's code: there is no answer, and it is said.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

thread_local! {
    /// Whether a panic is caught, and need not tell the user of itself.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Files are read in several threads.
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Reads what a file says. `None`: whoever read it has panicked.
///
/// What was half done stays in caches of libraries, which are filled by one assignment at the end or not at all.
pub fn attempt<T>(file: &str, read: impl FnOnce() -> T) -> Option<T> {
    catch_quietly();
    let outer = IS_CAUGHT.replace(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(read)).ok();
    IS_CAUGHT.set(outer);
    if answer.is_none() {
        complain(file);
    }
    answer
}

/// Notes that a file is damaged.
pub fn complain(file: &str) {
    complaints().push(format!("{file}: what it says of its code is damaged: names and lines may be missing"));
}

/// What is to be said about it, since this was last asked.
pub fn take_complaints() -> Vec<String> {
    std::mem::take(&mut *complaints())
}

/// A panic elsewhere leaves it whole.
fn complaints() -> MutexGuard<'static, Vec<String>> {
    COMPLAINTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn catch_quietly() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                tell(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::{attempt, take_complaints};

    #[test]
    fn a_panic_is_no_answer() {
        let inner = || attempt("/inner", || [1][attempt("/no", || 0).map_or(0, |zero| zero + 1)]);
        assert_eq!((attempt("/outer", inner), attempt("/whole", || 7)), (Some(None), Some(7)));
        let said = take_complaints();
        assert_eq!(said.iter().filter(|text| text.starts_with("/inner: ")).count(), 1, "{said:?}");
        assert!(!said.iter().any(|text| text.starts_with("/outer: ") || text.starts_with("/whole: ")), "{said:?}");
    }
}
