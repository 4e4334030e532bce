//! The part of each source that an excerpt needs: the lines its labels touch, and of a very long line the surroundings of its label.
//!
//! Scripts made by programs have lines of a megabyte; an excerpt stays readable and costs what it shows, not what the file holds.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Sources, Span};

/// A longer line is cut.
const LONGEST_LINE: usize = 400;

/// Bytes of a cut line that are shown before and behind the start of its label.
const AROUND: (usize, usize) = (60, 100);

/// Marks where a line was cut.
const CUT: &str = "…";

/// Part of a source.
struct Window {
    name: String,
    text: ariadne::Source<String>,
    /// The bytes of the source that it shows.
    shown: Range<usize>,
    /// Bytes of `text` before them.
    lead: usize,
    /// Whether the beginning of the line is missing.
    is_cut: bool,
}

/// What ariadne sees of the sources of a diagnostic.
pub(crate) struct Windows(BTreeMap<SourceId, Window>);

impl Windows {
    /// The windows that hold the labels of a diagnostic.
    pub fn new(diagnostic: &Diagnostic, sources: &Sources) -> Windows {
        let mut spans: BTreeMap<SourceId, Vec<Span>> = BTreeMap::new();
        for label in &diagnostic.labels {
            spans.entry(label.span.source).or_default().push(label.span);
        }
        Windows(spans.into_iter().map(|(id, spans)| (id, window(sources, &spans))).collect())
    }

    /// Whether any of a span is shown.
    pub fn shows(&self, span: Span) -> bool {
        let shown = &self.0[&span.source].shown;
        span.start as usize <= shown.end && span.end as usize >= shown.start
    }

    /// A span as ariadne counts it.
    pub fn place(&self, span: Span) -> (SourceId, Range<usize>) {
        let window = &self.0[&span.source];
        let within = |at: u32| (at as usize).clamp(window.shown.start, window.shown.end) - window.shown.start + window.lead;
        (span.source, within(span.start)..within(span.end))
    }

    /// ariadne's excerpt with the column (in characters) that the label has in the file: in a cut line ariadne counts from the cut.
    pub fn with_true_column(&self, drawn: &str, span: Span, sources: &Sources) -> String {
        let (source, window) = (sources.get(span.source), &self.0[&span.source]);
        if !window.is_cut {
            return drawn.to_string();
        }
        let (line, _) = source.line_column(span.start);
        let start = source.line_around(window.shown.start).start;
        let characters = |from: usize| source.text[from..window.shown.end.min(span.start as usize)].chars().count() + 1;
        let (counted, column) = (characters(window.shown.start) + 1, characters(start));
        drawn.replacen(&format!("{}:{line}:{counted} ", source.name), &format!("{}:{line}:{column} ", source.name), 1)
    }
}

/// The lines that spans of one source touch; the first span's surroundings if one of the lines is too long. `spans` is not empty.
fn window(sources: &Sources, spans: &[Span]) -> Window {
    let source = sources.get(spans[0].source);
    let ends = || spans.iter().flat_map(|span| [span.start, span.end.max(span.start)]).map(|at| (at as usize).min(source.text.len()));
    let lines = || ends().map(|at| source.line_around(at));
    let whole = lines().map(|line| line.start).min().unwrap_or(0)..lines().map(|line| line.end).max().unwrap_or(0);
    let cut = lines().any(|line| line.len() > LONGEST_LINE);
    let shown = match cut {
        false => whole,
        true => {
            let start = (spans[0].start as usize).min(source.text.len());
            let line = source.line_around(start);
            let from = source.text.floor_char_boundary(start.saturating_sub(AROUND.0).max(line.start));
            let to = source.text.floor_char_boundary((start + AROUND.1).min(line.end));
            from..to
        }
    };
    let line = source.line_around(shown.start);
    let before = if cut && shown.start > line.start { CUT } else { "" };
    let behind = if cut && shown.end < line.end { CUT } else { "" };
    // Why not `with_display_line_offset`? ariadne 0.6 numbers the margin without it.
    let (number, _) = source.line_column(shown.start as u32);
    let above = "\n".repeat(number as usize - 1);
    let text = ariadne::Source::from(format!("{above}{before}{}{behind}", &source.text[shown.clone()]));
    Window { name: source.name.clone(), text, shown, lead: above.len() + before.len(), is_cut: !before.is_empty() }
}

impl ariadne::Cache<SourceId> for &mut Windows {
    type Storage = String;

    fn fetch(&mut self, id: &SourceId) -> Result<&ariadne::Source<String>, impl std::fmt::Debug> {
        Ok::<_, std::convert::Infallible>(&self.0[id].text)
    }

    fn display<'b>(&self, id: &'b SourceId) -> Option<impl std::fmt::Display + 'b> {
        Some(self.0[id].name.clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Diagnostic, Sources, Span, Style, render};

    /// What is drawn for the last `x` of a text.
    fn drawn(text: &str) -> String {
        let mut sources = Sources::default();
        let id = sources.add("a.bt", text);
        let at = text.rfind('x').expect("the text holds it");
        render(&Diagnostic::error(Span::new(id, at, at + 1), "odd").because("this"), &sources, Style::default())
    }

    #[test]
    fn a_long_line_is_cut_around_its_label() {
        let text = drawn(&format!("one\n{}xé{}\nthree", "é".repeat(200_000), "z".repeat(1_000_000)));
        assert!(text.len() < 1000, "{} bytes", text.len());
        assert!(text.starts_with("a.bt:2:400001-400002: ERROR: odd\n"), "{text}");
        assert!(
            text.contains("[ a.bt:2:200001 ]") && text.contains(" 2 │ …é") && text.contains("éxézzz") && text.contains("z…\n"),
            "{text}"
        );
    }

    #[test]
    fn a_short_line_is_whole_wherever_it_stands() {
        let text = drawn(&format!("{}ab x", "line\n".repeat(9)));
        assert!(text.contains("[ a.bt:10:4 ]") && text.contains(" 10 │ ab x\n"), "{text}");
        assert!(drawn("x").contains(" 1 │ x\n"));
    }

    #[test]
    fn a_megabyte_quoted_in_a_message_is_cut() {
        let mut sources = Sources::default();
        let id = sources.add("a.bt", "x".repeat(1_000_000));
        let quoting = Diagnostic::error(Span::new(id, 0, 1_000_000), sources.get(id).text.clone()).hint("y".repeat(1_000_000));
        assert!(render(&quoting, &sources, Style { color: true }).len() < 40_000);
    }
}
