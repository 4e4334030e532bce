//! Symbols → names as people write them.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt::{self, Write};
use std::ptr::null_mut;

/// Bytes of a name. Symbols say by a number what they said before, so that a few hundred bytes can stand for more than all memory.
const LONGEST: usize = 64 << 10;

/// The C++ or Rust name of a symbol; none for plain names.
pub fn demangle(symbol: &str) -> Option<String> {
    if !symbol.starts_with("_Z") && !symbol.starts_with("_R") {
        return None;
    }
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        // Without the hash, which nobody writes.
        return bounded(|out| write!(out, "{name:#}"));
    }
    let parsed = cpp_demangle::Symbol::new(symbol).ok()?;
    let name = bounded(|out| parsed.structured_demangle(out, &cpp_demangle::DemangleOptions::new()))?;
    // The first only says that it is a name of a sensible length: it leaves parameters of templates out, and describes thunks in its own words.
    Some(by_runtime(symbol).unwrap_or(name))
}

/// What is written, if it is a name of a sensible length.
fn bounded(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Option<String> {
    let mut out = Bounded(String::new());
    write(&mut out).ok()?;
    Some(out.0)
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

// LLVM brings it along in any case.
#[link(name = "stdc++")]
unsafe extern "C" {
    fn __cxa_demangle(symbol: *const c_char, room: *mut c_char, size: *mut usize, status: *mut c_int) -> *mut c_char;
}

/// The name that the C++ library itself, and so every other tool, gives a symbol.
fn by_runtime(symbol: &str) -> Option<String> {
    let symbol = CString::new(symbol).ok()?;
    let mut status = 0;
    // SAFETY: the symbol is a C string that outlives the call; without room of ours the library allocates.
    let made = unsafe { __cxa_demangle(symbol.as_ptr(), null_mut(), null_mut(), &raw mut status) };
    if made.is_null() {
        return None;
    }
    // SAFETY: what the library made is a C string, which is ours until we free it.
    let name = unsafe { CStr::from_ptr(made) }.to_string_lossy().into_owned();
    // SAFETY: the library says that it comes from malloc and is for the caller to free.
    unsafe { libc::free(made.cast()) };
    (status == 0).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names_are_those_of_the_source() {
        for (symbol, name) in [
            ("_ZN2ns1fEi", "ns::f(int)"),
            ("_ZN5hello4main17h0123456789abcdefE", "hello::main"),
            ("_RNvC5hello4main", "hello::main"),
            // A constructor that is a template has no result in its symbol, a function has.
            ("_ZN3BoxC1IiEET_i", "Box::Box<int>(int, int)"),
            ("_Z4packIJidEElDpOT_", "long pack<int, double>(int&&, double&&)"),
            ("_ZThn16_N3Der2vfEv", "non-virtual thunk to Der::vf()"),
            ("_Zli2_vy", "operator\"\" _v(unsigned long long)"),
        ] {
            assert_eq!(demangle(symbol).as_deref(), Some(name), "{symbol}");
        }
        assert_eq!((demangle("main"), demangle("_Znonsense")), (None, None));
    }

    #[test]
    fn names_that_double_without_end_are_none() {
        // Each type is a pair of the one before it.
        let digit = |number: usize| char::from_digit(number as u32, 36).map_or(' ', |digit| digit.to_ascii_uppercase());
        let doubled: String = (0..30).map(|number| format!("S_IS{0}_S{0}_E", digit(number))).collect();
        assert_eq!(demangle(&format!("_Z1f1AIiiE{doubled}")), None);
    }
}
