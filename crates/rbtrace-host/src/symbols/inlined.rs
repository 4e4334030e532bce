//! Inlined functions that blazesym leaves out, put into the symbols that it found. Knows no file.

use rbtrace_types::symbol::{Inlined, Symbol};

use crate::binaries::demangle;
use crate::dwarf::Around;

/// Whether the names of all functions are known.
pub fn is_whole(found: &Symbol) -> bool {
    !found.name.is_empty() && found.inlined.iter().all(|inlined| !inlined.name.is_empty())
}

/// A symbol with the functions that are part of it: the line that was found is that of the innermost.
pub fn with_inlined(found: Symbol, around: Around, demangled: bool) -> Symbol {
    let shown = |name| shown(name, demangled);
    let Symbol { name, line, inlined, .. } = found;
    let name = if name.is_empty() { around.name.map(shown).unwrap_or_default() } else { name };
    // The line in a function is that of what it calls, and of the code itself in the last one.
    let mut line = inlined.into_iter().next().map_or(line, |innermost| innermost.line);
    let mut inlined = Vec::new();
    for call in around.calls.into_iter().rev() {
        inlined.push(Inlined { name: shown(call.name), line: std::mem::replace(&mut line, call.from) });
    }
    Symbol { name, line, inlined, offset: found.offset, module: found.module }
}

/// A symbol as it is shown.
pub fn demangled(mut found: Symbol, demangled: bool) -> Symbol {
    let names = std::iter::once(&mut found.name).chain(found.inlined.iter_mut().map(|inlined| &mut inlined.name));
    names.for_each(|name| *name = shown(std::mem::take(name), demangled));
    found
}

/// A name as linkers see it, as it is shown.
pub fn shown(name: String, demangled: bool) -> String {
    if demangled { demangle(&name).unwrap_or(name) } else { name }
}

#[cfg(test)]
mod tests {
    use rbtrace_types::symbol::{Inlined, SourceLine, Symbol};

    use super::{is_whole, with_inlined};
    use crate::dwarf::{Around, Call};

    fn line(line: u32) -> Option<SourceLine> {
        Some(SourceLine { path: "a.cpp".into(), line })
    }

    #[test]
    fn lines_are_those_of_the_calls_around_the_last() {
        let call = |name: &str, from| Call { name: name.into(), from };
        let around = || Around { name: Some("_ZN2ns1fEi".into()), calls: vec![call("outer", line(3)), call("_ZN2ns5innerEv", None)] };
        let found = Symbol { name: "f".into(), offset: 4, line: line(9), ..Symbol::default() };
        assert!(is_whole(&found));
        let whole = with_inlined(found, around(), true);
        let inlined = |name: &str, line| Inlined { name: name.into(), line };
        assert_eq!((whole.name.as_str(), whole.offset, &whole.line), ("f", 4, &line(3)));
        assert_eq!(whole.inlined, [inlined("ns::inner()", line(9)), inlined("outer", None)]);
        let nameless = Symbol { line: line(3), inlined: vec![inlined("", line(9)), inlined("outer", None)], ..Symbol::default() };
        assert!(!is_whole(&nameless));
        let whole = with_inlined(nameless, around(), false);
        assert_eq!((whole.name.as_str(), whole.line), ("_ZN2ns1fEi", line(3)));
        assert_eq!(whole.inlined, [inlined("_ZN2ns5innerEv", line(9)), inlined("outer", None)]);
    }
}
