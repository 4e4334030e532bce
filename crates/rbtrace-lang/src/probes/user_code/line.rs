//! Targets that name a place of the source: `BINARY@FILE:LINE` and `BINARY@FILE:LINE:COLUMN`.

use rbtrace_diag::{Diagnostic, Sink, Span, nearest};
use rbtrace_types::Facts;
use rbtrace_types::debug_info::{NoLine, SourceLine};

use super::Kind;
use crate::probes::parts;
use crate::row::{Target, TargetPart};

/// The binary and the file of a target that names a place of the source. A file may have an `@` in its name.
pub(super) fn split<'a>(facts: &dyn Facts, target: &'a Target) -> Option<(TargetPart, &'a str)> {
    let part = target.parts.first().filter(|part| !part.quoted)?;
    let (binary, file) = part.text.rsplit_once('@')?;
    let is_binary = target.parts.len() > 1 && !facts.binaries(&part.text).is_empty();
    (!is_binary).then(|| (TargetPart { text: binary.to_owned(), ..part.clone() }, file))
}

/// Reads what follows the `@`; says what is wrong with it.
pub(super) fn read(kind: Kind, target: &Target, file: &str, sink: &mut Sink) -> Option<SourceLine> {
    let refuse = |sink: &mut Sink, message: String, why: &str, hint: &str| {
        sink.push(Diagnostic::error(target.span, message).because(why.to_owned()).hint(hint.to_owned()));
        None
    };
    if kind.returns {
        return refuse(sink, "Source code location not allowed".into(), "a function returns as a whole", "`uprobe` takes lines");
    }
    let form = format!("{}:TARGET@FILE:LINE[:COL]", kind.name);
    let (line, column) = match &target.parts[1..] {
        [line] if !file.is_empty() => (line, None),
        [line, column] if !file.is_empty() => (line, Some(column)),
        _ => {
            let message = format!("Invalid {} arguments, expected format: {form}", kind.name);
            return refuse(sink, message, "a file and its line are expected", "`uprobe:./app@main.c:42`");
        }
    };
    let parse = |part: &TargetPart| parts::number(&part.text).filter(|number| *number > 0).ok_or(part.text.clone());
    match (parse(line), column.map(parse).transpose()) {
        (Ok(line), Ok(column)) => Some(SourceLine { file: file.to_owned(), line, column }),
        (Err(text), _) => {
            refuse(sink, format!("Invalid line number: invalid integer: {text}"), "it is no line", "lines are counted from 1")
        }
        (_, Err(text)) => {
            refuse(sink, format!("Invalid column number: invalid integer: {text}"), "it is no column", "columns are counted from 1")
        }
    }
}

/// The places of a line in a binary; says why there are none.
pub(super) fn places(facts: &dyn Facts, binary: &str, wanted: &SourceLine, span: Span, sink: &mut Sink) -> Vec<Vec<String>> {
    let why = match facts.source_line(binary, wanted) {
        Ok(addresses) => {
            let in_code = addresses.into_iter().filter(|address| facts.code_offset(binary, *address).is_some());
            return in_code.map(|address| vec![binary.to_owned(), address.to_string()]).collect();
        }
        Err(why) => why,
    };
    let SourceLine { file, line, column } = wanted;
    let refusal = match why {
        NoLine::DebugInfo(why) => {
            let message = format!("No DWARF debug info found for '{binary}', cannot attach by source code location.");
            Diagnostic::error(span, message).because(why).hint("compile it with `-g` or install its debug symbols")
        }
        NoLine::File { known } => {
            let refusal = Diagnostic::error(span, format!("DWARF error: No compilation unit matches {file}"));
            let refusal = refusal.because("the binary was not made from a file of this name");
            match nearest(file.rsplit('/').next().unwrap_or(file), known.iter().map(String::as_str)) {
                Some(near) => refusal.hint(format!("did you mean `{near}`?")),
                None => refusal,
            }
        }
        NoLine::Code { lines } => {
            let column = column.map_or(String::new(), |column| format!(":{column}"));
            let refusal = Diagnostic::error(span, format!("DWARF error: Unable to map '{file}:{line}{column}' to address"));
            let refusal = refusal.because("no statement begins there");
            if lines.contains(line) {
                sink.push(refusal.hint("without a column the whole line is meant"));
                return Vec::new();
            }
            let near = lines.iter().find(|known| *known >= line).or(lines.last());
            near.into_iter().fold(refusal, |refusal, near| refusal.hint(format!("the nearest line with code is {near}")))
        }
    };
    sink.push(refusal);
    Vec::new()
}
