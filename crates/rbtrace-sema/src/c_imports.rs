//! Imports of C (SPEC §2.3): files → the functions that scripts can call. Compiles nothing; asks `Facts`.

use std::collections::BTreeMap;

use rbtrace_diag::{Diagnostic, Sink, Span};
use rbtrace_types::Facts;
use rbtrace_types::c_object::{CFailure, CFunction, CObject};

/// What a file of this kind is called.
pub(crate) const SUFFIX: &str = ".bpf.c";

/// A file that a script imports.
#[derive(Debug)]
pub(crate) struct CFile {
    /// Its path.
    pub path: String,
    /// The import.
    pub span: Span,
}

/// All that is imported.
#[derive(Debug, Default)]
pub(crate) struct CImports {
    /// By name.
    pub functions: BTreeMap<String, CFunction>,
    /// LLVM's bitcode of each file.
    pub bitcode: Vec<Vec<u8>>,
    /// Whether a file could not be had: a function that is not known may be one of it.
    pub is_partial: bool,
}

/// Has the files compiled.
pub(crate) fn compile(files: &[CFile], facts: &dyn Facts, directories: &[String], sink: &mut Sink) -> CImports {
    let mut imports = CImports::default();
    let mut places: BTreeMap<String, &CFile> = BTreeMap::new();
    for file in files {
        let CObject { bitcode, functions } = match facts.c_object(&file.path, directories) {
            Ok(object) => object,
            Err(failure) => {
                explain(file, failure, sink);
                imports.is_partial = true;
                continue;
            }
        };
        imports.bitcode.push(bitcode);
        for function in functions {
            if let Some(first) = places.insert(function.name.clone(), file) {
                let error = Diagnostic::error(file.span, format!("two imported files define `{}`", function.name));
                sink.push(error.because(format!("`{}`", file.path)).label(first.span, format!("`{}`", first.path)));
            }
            imports.functions.insert(function.name.clone(), function);
        }
    }
    imports
}

fn explain(file: &CFile, failure: CFailure, sink: &mut Sink) {
    let error = Diagnostic::error(file.span, format!("cannot import `{}`: {}", file.path, failure.why)).because("imported here");
    let hints = failure.said.into_iter().chain(failure.remedy);
    sink.push(hints.fold(error, Diagnostic::hint));
}
