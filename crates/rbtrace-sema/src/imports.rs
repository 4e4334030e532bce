//! Imports (SPEC §2.3): a script and the files that it names → one program. Reads no file; asks `Facts`.

use std::collections::BTreeSet;

use rbtrace_diag::{Diagnostic, Sink, Sources, Span, Spanned};
use rbtrace_lang::config;
use rbtrace_syntax::ast::{Item, Program, Stmt, StmtKind};
use rbtrace_syntax::parse;
use rbtrace_types::Facts;

use crate::c_imports::{CFile, SUFFIX};
use crate::shared::Shared;
use crate::walk::{self, Node};
use crate::{Options, stdlib};

/// What a script is with all that it imports.
pub(crate) struct Merged {
    /// Its own items and those of other scripts and headers.
    pub program: Program,
    /// Files of C that hold functions.
    pub c_files: Vec<CFile>,
}

/// The program with the items of what it imports in the place of the imports. Numbers of expressions are not unique in it.
pub(crate) fn merge(program: &Program, sources: &mut Sources, facts: &dyn Facts, options: &Options, sink: &mut Sink) -> Merged {
    let mut merge = Merge { sources, facts, sink, seen: BTreeSet::new(), c_files: Vec::new() };
    let mut items = Vec::with_capacity(program.items.len());
    for header in &options.includes {
        merge.option(header, &mut items);
    }
    for item in &program.items {
        match item {
            Item::Import(path) => merge.import(&path.node, path.span, &mut items),
            Item::C(_) | Item::Config(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => {
                items.push(item.clone())
            }
        }
    }
    Merged { program: Program { items, expr_count: program.expr_count }, c_files: merge.c_files }
}

/// Imports inside of blocks, which upstream's library has need of. Ours is there anyway, so there is nothing else to import.
pub(crate) fn check_statements(program: &Program, shared: &Shared, sink: &mut Sink) {
    let key = config::unstable_import_statement::ROW.name;
    let is_allowed = shared.config.get(key).is_some_and(|setting| setting != "error");
    walk::program(program, &mut |node| {
        let Node::Stmt(Stmt { kind: StmtKind::Import(path), .. }) = node else { return };
        if !is_allowed {
            let error =
                Diagnostic::error(path.span, "Import statements that are not at the top level are primarily for the standard library.");
            sink.push(error.because("inside a block").hint(format!("import before the first probe, or set `{key}` to `enable`")));
        } else if !stdlib::is_file(&path.node) {
            let error = Diagnostic::error(path.span, format!("`{}` is not part of the standard library", path.node));
            sink.push(error.because("blocks import nothing else").hint("import it before the first probe"));
        }
    });
}

struct Merge<'a> {
    sources: &'a mut Sources,
    facts: &'a dyn Facts,
    sink: &'a mut Sink,
    /// Names of the files that were read: each is read once.
    seen: BTreeSet<String>,
    c_files: Vec<CFile>,
}

impl Merge<'_> {
    fn import(&mut self, path: &str, span: Span, items: &mut Vec<Item>) {
        // The library is there without being asked for.
        if stdlib::is_file(path) {
            return;
        }
        let from = self.sources.get(span.source).name.clone();
        // Whoever imports is there already, and may be what it asks for.
        self.seen.insert(plain(&from));
        let files = match self.facts.import(&from, path) {
            Ok(files) => files,
            Err(why) => {
                let error = Diagnostic::error(span, format!("cannot import `{path}`: {why}")).because("imported here");
                self.sink.push(error.hint("the path is relative to the script's directory"));
                return;
            }
        };
        for (name, text) in files {
            if self.seen.insert(plain(&name)) {
                self.file(&name, text, span, items);
            }
        }
    }

    fn file(&mut self, name: &str, text: String, span: Span, items: &mut Vec<Item>) {
        if name.ends_with(".h") {
            let id = self.sources.add(name, text.clone());
            items.push(Item::C(Spanned { span: Span::new(id, 0, text.len()), node: text }));
            return;
        }
        if name.ends_with(SUFFIX) {
            self.c_files.push(CFile { path: name.to_string(), span });
            return;
        }
        if !name.ends_with(".bt") {
            let error = Diagnostic::error(span, format!("cannot import `{name}`")).because("imported here");
            self.sink.push(error.hint(format!("scripts end in `.bt`, headers in `.h`, functions of C in `{SUFFIX}`")));
            return;
        }
        let id = self.sources.add(name, text);
        for item in parse(self.sources, id, self.sink).items {
            match &item {
                Item::Import(path) => self.import(&path.node, path.span, items),
                Item::Config(config) => {
                    let error = Diagnostic::error(config.span, "`config` is not allowed in an imported file");
                    self.sink.push(error.because("only the script itself has one").label(span, "imported here"));
                }
                Item::C(_) | Item::Macro(_) | Item::MapDecl(_) | Item::Function(_) | Item::Probe(_) => items.push(item),
            }
        }
    }

    /// `--include`: a file, else a header of the kernel or of the system.
    fn option(&mut self, header: &str, items: &mut Vec<Item>) {
        let id = self.sources.add("--include", format!("#include \"{header}\""));
        let line = self.sources.get(id).text.clone();
        let span = Span::new(id, 0, line.len());
        items.push(Item::C(Spanned { node: line, span }));
    }
}

/// A path without detours: `./a.bt` and `lib/../a.bt` are `a.bt`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            (".", _) => {}
            ("", Some(_)) => {}
            ("..", Some(&last)) if last != ".." && !last.is_empty() => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
