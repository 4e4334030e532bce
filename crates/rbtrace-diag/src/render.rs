//! Diagnostics as text: upstream's one-line header, ariadne's excerpt below it.

use ariadne::{Color, Config, Fmt, IndexType, Label, Report, ReportKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Source, SourceId, Sources, Span};

/// What the terminal wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
}

/// The whole text of a diagnostic, ending in a newline.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let name = header(diagnostic, sources);
    let Some(primary) = diagnostic.labels.first() else {
        let hints: String = diagnostic.hints.iter().map(|hint| format!("HINT: {hint}\n")).collect();
        return format!("{name}: {}\n{hints}", diagnostic.message);
    };
    let color = match diagnostic.severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
    };
    let config = Config::default().with_color(style.color).with_index_type(IndexType::Byte);
    // The first line carries the location and reads as upstream's does (SPEC §9.11), so that scripts can match it.
    let mut report =
        Report::build(ReportKind::Custom(&name, color), place(primary.span)).with_config(config).with_message(&diagnostic.message);
    for (index, label) in diagnostic.labels.iter().enumerate() {
        let hue = if index == 0 { color } else { Color::Cyan };
        let text = if label.text.is_empty() && index == 0 { "here" } else { &label.text };
        report = report.with_label(Label::new(place(label.span)).with_message(text).with_color(hue));
    }
    let mut out = Vec::new();
    let mut cache = Cache { sources, drawn: std::collections::BTreeMap::new() };
    if report.finish().write(&mut cache, &mut out).is_err() {
        return format!("{name}: {}\n", diagnostic.message);
    }
    // ariadne colours a custom kind even when colours are off, so its first line is replaced by ours.
    let drawn = String::from_utf8_lossy(&out);
    let excerpt = drawn.split_once('\n').map_or("", |(_, rest)| rest);
    let mut text = match style.color {
        true => format!("{}\n{excerpt}", format!("{name}: {}", diagnostic.message).fg(color)),
        false => format!("{name}: {}\n{excerpt}", diagnostic.message),
    };
    for hint in &diagnostic.hints {
        text.push_str(&format!("HINT: {hint}\n"));
    }
    text
}

/// `<src>:<line>:<col1>-<col2>: ERROR`, or `ERROR` where there is no place (SPEC §9.11).
pub fn header(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let level = match diagnostic.severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
    };
    let Some(primary) = diagnostic.labels.first() else { return level.to_string() };
    format!("{}: {level}", location(primary.span, sources))
}

/// `<src>:<line>:<col1>-<col2>`, or `<src>:<l1>-<l2>` over several lines; `col2` is one past the end.
pub fn location(span: Span, sources: &Sources) -> String {
    let source = sources.get(span.source);
    let (line, column) = source.line_column(span.start);
    let (last, end) = source.line_column(span.end.max(span.start));
    match line == last {
        true => format!("{}:{line}:{column}-{end}", source.name),
        false => format!("{}:{line}-{last}", source.name),
    }
}

fn place(span: Span) -> (SourceId, std::ops::Range<usize>) {
    (span.source, span.start as usize..span.end as usize)
}

/// Hands our sources to ariadne, each indexed once.
struct Cache<'a> {
    sources: &'a Sources,
    drawn: std::collections::BTreeMap<SourceId, ariadne::Source<&'a str>>,
}

impl<'a> ariadne::Cache<SourceId> for Cache<'a> {
    type Storage = &'a str;

    fn fetch(&mut self, id: &SourceId) -> Result<&ariadne::Source<&'a str>, impl std::fmt::Debug> {
        let source: &'a Source = self.sources.get(*id);
        Ok::<_, std::convert::Infallible>(self.drawn.entry(*id).or_insert_with(|| ariadne::Source::from(source.text.as_str())))
    }

    fn display<'b>(&self, id: &'b SourceId) -> Option<impl std::fmt::Display + 'b> {
        Some(self.sources.get(*id).name.clone())
    }
}
