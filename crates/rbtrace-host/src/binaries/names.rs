//! Symbols → names as people write them.

/// The C++ or Rust name of a symbol; none for plain names.
pub fn demangle(symbol: &str) -> Option<String> {
    if !symbol.starts_with("_Z") && !symbol.starts_with("_R") {
        return None;
    }
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        // Without the hash, which nobody writes.
        return Some(format!("{name:#}"));
    }
    cpp_demangle::Symbol::new(symbol).ok()?.demangle().ok()
}

#[cfg(test)]
mod tests {
    use super::demangle;

    #[test]
    fn names_are_those_of_the_source() {
        assert_eq!(demangle("_ZN2ns1fEi").as_deref(), Some("ns::f(int)"));
        assert_eq!(demangle("_ZN5hello4main17h0123456789abcdefE").as_deref(), Some("hello::main"));
        assert_eq!(demangle("_RNvC5hello4main").as_deref(), Some("hello::main"));
        assert_eq!((demangle("main"), demangle("_Znonsense")), (None, None));
    }
}
