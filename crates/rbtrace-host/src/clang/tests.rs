//! Headers of this machine, read with the compiler's own ones and without.

use super::*;

fn names(names: &[&str]) -> std::collections::BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

#[test]
fn headers_are_read_without_the_compilers_own() {
    let Some(library) = Library::load() else { return crate::skip("no libclang") };
    if !Path::new("/usr/include/stdint.h").is_file() {
        return crate::skip("no headers of C");
    }
    let text = "#include <stdint.h>\n#include <limits.h>\n#include <stdio.h>\n#include <stdarg.h>\n#include <stddef.h>\n#include <stdbool.h>\n#include <sys/types.h>\n\
                struct s { uint8_t a; size_t b; bool c; char d[PATH_MAX]; ptrdiff_t e; };\n#define WORD \"word\"\nenum { ON = 0xffffffff };\n";
    let names = names(&["WORD", "INT_MIN", "EOF", "unknown"]);
    let question = Question { text: text.to_owned(), names, ..Question::default() };
    let own = library.directory().and_then(|directory| resources(&directory));
    for resources in [None, own.as_deref()] {
        let answer =
            compile(&question, &library, arguments(&question, &KernelTree::default(), Arch::X86_64), resources).expect("an answer");
        assert_eq!(answer.problems, []);
        assert_eq!(answer.types.get("struct s").map(|found| (found.size, found.align)), Some((4128, 8)));
        let value = |name: &str| answer.macros.get(name).and_then(|found| found.value);
        assert_eq!((value("INT_MIN"), value("EOF"), value("unknown")), (Some(i64::from(i32::MIN)), Some(-1), None));
        assert_eq!(answer.macros.get("WORD").map(|found| (found.value, found.body.as_str())), Some((None, "\"word\"")));
        assert_eq!(answer.constants.get("ON").map(|(_, value)| *value), Some(0xffff_ffff));
    }
}

#[test]
fn what_is_missing_or_wrong_is_said_with_its_place() {
    let Some(library) = Library::load() else { return crate::skip("no libclang") };
    let question =
        Question { text: "#include <nosuch.h>\nstruct s { nosuch_t a; };\nstruct t { int a; };\n".to_owned(), ..Question::default() };
    let answer = compile(&question, &library, arguments(&question, &KernelTree::default(), Arch::X86_64), None).expect("an answer");
    let said: Vec<_> = answer.problems.iter().map(|problem| (problem.offset, problem.missing.as_deref())).collect();
    assert_eq!(said, [(9, Some("nosuch.h")), (31, None)]);
    assert_eq!(answer.types.keys().map(String::as_str).collect::<Vec<_>>(), ["struct t"]);
}
