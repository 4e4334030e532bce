//! Headers that only a C compiler can read: when one is asked, and what is said when it is missing or did not understand.
//!
//! Where BTF gives the types, a header of the kernel adds nothing but macros, most of which our tables have. So it is read only when the
//! script does not compile without it. Other headers define what no kernel knows, so they are read first.

use rbtrace_diag::{Diagnostic, Sink, Sources, Span};
use rbtrace_lang::warnings;
use rbtrace_syntax::c::Include;
use rbtrace_types::headers::{Answer, Problem, Question};

use super::Reading;
use crate::Options;

/// The most complaints of a compiler that are shown: one mistake has many consequences.
const MOST_PROBLEMS: usize = 5;

/// First directories of the kernel's headers.
const KERNEL: [&str; 20] = [
    "acpi",
    "asm",
    "asm-generic",
    "block",
    "crypto",
    "drivers",
    "drm",
    "fs",
    "kernel",
    "kvm",
    "linux",
    "media",
    "mm",
    "net",
    "rdma",
    "scsi",
    "sound",
    "trace",
    "uapi",
    "xen",
];

/// Headers of C itself that say nothing we do not know.
const KNOWN: [&str; 6] = ["errno.h", "inttypes.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h"];

/// How errors begin that a definition in a header could mend.
const UNKNOWN: [&str; 7] = [
    "Cannot find type",
    "Cannot resolve unknown type",
    "Unknown identifier",
    "Unknown function",
    "the size of this is not known",
    "unknown C type",
    "unknown constant",
];

/// Whether something is unknown that a header may define.
pub(crate) fn could_help(sink: &Sink) -> bool {
    let is_unknown = |error: &&rbtrace_diag::Diagnostic| UNKNOWN.iter().any(|begin| error.message.starts_with(begin));
    sink.sorted().iter().any(is_unknown)
}

/// A compiler's answer, or why there is none.
pub(crate) struct Asked {
    /// What it said.
    pub answer: Result<Answer, String>,
    /// Where each part of the question's text is from.
    parts: Vec<(u32, Span)>,
}

impl Reading<'_> {
    /// Whether there are headers that only a compiler reads.
    pub fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whether these have to be read before anything else.
    pub fn must_ask(&self) -> bool {
        self.unread.iter().any(|include| !self.is_replaced(&include.name.node))
    }

    /// Whether the kernel's types stand in for a header.
    fn is_replaced(&self, name: &str) -> bool {
        self.has_btf && is_replaced(name)
    }

    /// Asks the compiler.
    pub fn ask(&self, sources: &Sources, options: &Options) -> Asked {
        let (mut text, mut parts, mut beside) = (String::new(), Vec::new(), Vec::new());
        for item in &self.items {
            parts.push((text.len() as u32, item.span));
            text += item.node.trim_end();
            // Scripts may leave it out.
            text += if item.node.trim_start().starts_with('#') || item.node.trim_end().ends_with(';') { "\n" } else { ";\n" };
            let file = &sources.get(item.span.source).name;
            let directory = file.rsplit_once('/').map_or(".", |(directory, _)| directory).to_owned();
            if !beside.contains(&directory) {
                beside.push(directory);
            }
        }
        let predefined = if self.has_btf { vec!["BPFTRACE_HAVE_BTF".to_owned()] } else { Vec::new() };
        let names = self.names().map(str::to_owned).collect();
        let question = Question { text, predefined, directories: options.include_directories.clone(), beside, names };
        Asked { answer: self.facts.headers(&question), parts }
    }

    /// Says what stands in the way of a script that does not compile, or what it has to do without.
    pub fn explain(&self, asked: &Asked, compiled: bool, sources: &mut Sources, sink: &mut Sink) {
        let has_unknown = could_help(sink);
        match &asked.answer {
            Err(why) => self.no_compiler(why, compiled, sink),
            Ok(answer) => {
                let missing = answer.problems.iter().filter(|problem| problem.missing.is_some());
                // Without the kernel's headers only names are missing, and only if the kernel's types do not have them.
                let is_wanted = |problem: &&Problem| has_unknown || !self.is_replaced(problem.missing.as_deref().unwrap_or_default());
                missing.filter(is_wanted).for_each(|problem| self.missing(problem, asked, sources, sink));
                let others = answer.problems.iter().filter(|problem| problem.missing.is_none() && self.is_foreign(problem, sources));
                let others: Vec<&Problem> = others.take(if compiled { 0 } else { MOST_PROBLEMS }).collect();
                for problem in others {
                    sink.push(Diagnostic::error(self.place(problem, asked, sources), problem.message.clone()));
                }
            }
        }
    }

    /// Every header that is wanted, where nobody can read it.
    fn no_compiler(&self, why: &str, compiled: bool, sink: &mut Sink) {
        for Include { name, .. } in &self.unread {
            let is_replaced = self.is_replaced(&name.node);
            if !compiled {
                let problem = Diagnostic::error(name.span, format!("the header '{}' cannot be read", name.node));
                sink.push(problem.because("only a C compiler can").hint(why));
            } else if !is_replaced {
                let problem = warnings::HEADER_NOT_READ.at(name.span, format!("the header '{}' is not read", name.node));
                sink.push(problem.because("types of these names are the kernel's").hint(why));
            }
        }
    }

    fn missing(&self, problem: &Problem, asked: &Asked, sources: &mut Sources, sink: &mut Sink) {
        let name = problem.missing.as_deref().unwrap_or_default();
        let written = self.unread.iter().find(|include| include.name.node == name).map(|include| include.name.span);
        let place = written.unwrap_or_else(|| self.place(problem, asked, sources));
        let error = Diagnostic::error(place, format!("'{name}' file not found"));
        let hint = match is_replaced(name) {
            true => "install the headers of this kernel, or say where its sources are: BPFTRACE_KERNEL_SOURCE",
            false => "`-I DIRECTORY` says where headers are",
        };
        sink.push(error.because("included here").hint(hint));
    }

    /// Whether only the compiler has read the file: of others we have said what there is to say.
    fn is_foreign(&self, problem: &Problem, sources: &Sources) -> bool {
        let file = problem.file.as_deref().map(plain);
        file.is_some_and(|file| !sources.iter().any(|source| plain(&source.name) == file))
    }

    /// Where the script, or a header that is then added to the sources, has what the compiler speaks about.
    fn place(&self, problem: &Problem, asked: &Asked, sources: &mut Sources) -> Span {
        let Some(file) = &problem.file else {
            let part = asked.parts.partition_point(|(start, _)| *start <= problem.offset).saturating_sub(1);
            let (start, span) = asked.parts.get(part).copied().unwrap_or_default();
            let at = span.start.saturating_add(problem.offset - start).min(span.end);
            return line_of(sources, Span { start: at, end: at, ..span });
        };
        let known = sources.iter().position(|source| plain(&source.name) == plain(file));
        let id = known.map(|at| rbtrace_diag::SourceId(at as u16)).unwrap_or_else(|| {
            let text = self.facts.header(Some(""), file, &[]).ok().flatten().map(|(_, text)| text);
            sources.add(file.clone(), text.unwrap_or_default())
        });
        let at = problem.offset.min(sources.get(id).text.len() as u32);
        line_of(sources, Span { source: id, start: at, end: at })
    }
}

/// A path as we write it.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// From a place to the end of its line.
fn line_of(sources: &Sources, at: Span) -> Span {
    let text = &sources.get(at.source).text;
    let rest = text.get(at.start as usize..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default().trim_end();
    Span { end: at.start + line.len() as u32, ..at }
}

/// Whether a header is one of those that BTF and our tables stand in for.
fn is_replaced(name: &str) -> bool {
    KNOWN.contains(&name) || name.split_once('/').is_some_and(|(first, _)| KERNEL.contains(&first))
}
