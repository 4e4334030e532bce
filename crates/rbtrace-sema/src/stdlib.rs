//! The standard library: which file of `stdlib/` defines which macros. Only the files whose macros a script calls are read.

/// A file of the library.
pub(crate) struct File {
    /// As diagnostics show it.
    pub name: &'static str,
    /// The whole file.
    pub text: &'static str,
    /// The macros it defines.
    macros: &'static [&'static str],
}

/// All files.
static FILES: [File; 2] = [
    File {
        name: "stdlib/base.bt",
        text: include_str!("../../../stdlib/base.bt"),
        macros: &["assert", "static_assert", "default_str_length", "check_key", "find", "container_of", "assert_userspace_probe"],
    },
    File {
        name: "stdlib/types.bt",
        text: include_str!("../../../stdlib/types.bt"),
        macros: &["is_str", "is_ptr", "is_array", "is_integer", "is_unsigned_integer", "assert_str"],
    },
];

/// The file that defines a macro.
pub(crate) fn file_of(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.macros.contains(&name))
}

/// Whether a path names the library or a file of it: `stdlib`, `stdlib/base`, `stdlib/base.bt`.
pub(crate) fn is_file(path: &str) -> bool {
    FILES.iter().any(|file| path == "stdlib" || path == file.name || file.name.strip_suffix(".bt") == Some(path))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rbtrace_diag::{Sink, Sources};
    use rbtrace_syntax::ast::Item;

    use super::*;

    #[test]
    fn the_index_names_what_the_files_define() {
        for file in &FILES {
            let (mut sources, mut sink) = (Sources::default(), Sink::default());
            let id = sources.add(file.name, file.text);
            let program = rbtrace_syntax::parse(&sources, id, &mut sink);
            assert!(!sink.has_errors(), "{}", file.name);
            let defined = program.items.iter().map(|item| {
                let Item::Macro(item) = item else { panic!("{} holds something else: {item:?}", file.name) };
                item.name.node.as_str()
            });
            let defined: BTreeSet<&str> = defined.collect();
            assert_eq!(defined, file.macros.iter().copied().collect(), "{}", file.name);
        }
    }
}
