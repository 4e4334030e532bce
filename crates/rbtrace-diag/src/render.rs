//! Diagnostics as text: upstream's one-line header, ariadne's excerpt below it.

use std::borrow::Cow;

use ariadne::{Color, Config, Fmt, IndexType, Label, Report, ReportKind};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Sources, Span};
use crate::window::Windows;

/// What the terminal wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether to use colours.
    pub color: bool,
}

/// The most bytes of a message, label or hint that are shown: what it quotes may be a megabyte long.
const LONGEST_TEXT: usize = 1000;

/// The whole text of a diagnostic, ending in a newline.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let name = header(diagnostic, sources);
    let message = shorten(&diagnostic.message);
    let color = match diagnostic.severity {
        Severity::Error => Color::Red,
        Severity::Warning => Color::Yellow,
    };
    let mut text = match style.color && !diagnostic.labels.is_empty() {
        true => format!("{}\n", format!("{name}: {message}").fg(color)),
        false => format!("{name}: {message}\n"),
    };
    text.push_str(&with_code(excerpt(diagnostic, sources, style, color), diagnostic));
    for hint in &diagnostic.hints {
        text.push_str(&format!("HINT: {}\n", shorten(hint)));
    }
    text
}

/// The code stands at the end of the excerpt, or below what has none: the first line is matched by scripts that know no codes.
fn with_code(mut text: String, diagnostic: &Diagnostic) -> String {
    match diagnostic.code {
        Some(code) if text.ends_with('\n') => text.insert_str(text.len() - 1, &format!(" {code}")),
        Some(code) => text.push_str(&format!("[{code}]\n")),
        None => {}
    }
    text
}

/// The lines of the source with the labels below them; empty where there is no place.
fn excerpt(diagnostic: &Diagnostic, sources: &Sources, style: Style, color: Color) -> String {
    let Some(primary) = diagnostic.labels.first() else { return String::new() };
    let mut windows = Windows::new(diagnostic, sources);
    let config = Config::default().with_color(style.color).with_index_type(IndexType::Byte);
    // The first line is upstream's (SPEC §9.11), so that scripts can match it; ariadne's, which it colours always, is dropped.
    let mut report = Report::build(ReportKind::Error, windows.place(primary.span)).with_config(config).with_message("");
    for (index, label) in diagnostic.labels.iter().enumerate().filter(|(_, label)| windows.shows(label.span)) {
        let hue = if index == 0 { color } else { Color::Cyan };
        let text = if label.text.is_empty() && index == 0 { "here".into() } else { shorten(&label.text) };
        report = report.with_label(Label::new(windows.place(label.span)).with_message(text).with_color(hue));
    }
    let mut out = Vec::new();
    if report.finish().write(&mut windows, &mut out).is_err() {
        return String::new();
    }
    let drawn = String::from_utf8_lossy(&out);
    let drawn = drawn.split_once('\n').map_or("", |(_, rest)| rest);
    windows.with_true_column(drawn, primary.span, sources)
}

/// The beginning of a text that is too long to read.
fn shorten(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_TEXT {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST_TEXT)]).into()
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
