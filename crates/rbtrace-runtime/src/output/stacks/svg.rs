//! A tree of calls → a picture. The widest things are at the bottom; a click makes something as wide as the picture, Ctrl-F marks names.

use std::io::Write as _;

use super::fold::{Kind, Step};
use super::tree::Node;

const WIDTH: f64 = 1200.0;
/// Left and right of the graph.
const MARGIN: f64 = 10.0;
/// Of a function.
const HEIGHT: usize = 17;
/// Above the graph: title and search.
const HEAD: usize = 40;
/// Below it: what the mouse is over.
const FOOT: usize = 30;
/// What is narrower is left out: nobody sees it, and thousands of them make the file slow.
const NARROWEST: f64 = 0.1;
/// Of a letter.
const LETTER: f64 = 7.2;
const BEHAVIOUR: &str = include_str!("behaviour.js");

/// Appends the whole document.
pub(super) fn draw(root: &Node, out: &mut Vec<u8>) {
    let mut picture = Picture { out, total: root.weight, rows: visible_rows(root, root.weight) };
    picture.begin();
    if root.weight == 0 {
        picture.put(format_args!("<text x=\"600\" y=\"60\" text-anchor=\"middle\">no stacks were seen</text>\n"));
    } else {
        picture.frame(&Step { name: "all".into(), kind: Kind::Label }, root, 0, 0);
    }
    picture.put(format_args!("</g>\n</svg>\n"));
}

struct Picture<'a> {
    out: &'a mut Vec<u8>,
    total: u64,
    rows: usize,
}

impl Picture<'_> {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("memory takes every byte");
    }

    fn begin(&mut self) {
        let height = HEAD + self.rows * HEIGHT + FOOT;
        let (middle, foot, right, total) = (WIDTH / 2.0, height - 10, WIDTH - MARGIN, self.total);
        self.put(format_args!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
             <svg version=\"1.1\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
             data-total=\"{total}\" data-margin=\"{MARGIN}\" data-letter=\"{LETTER}\">\n\
             <style>text {{ font: 12px monospace; fill: #111; }} .f {{ cursor: pointer; }} .f:hover rect {{ stroke: #000; }} \
             .found rect {{ fill: #e0f; }} .above rect {{ opacity: 0.5; }} .hidden {{ display: none; }} .link {{ cursor: pointer; }}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fdfdf8\"/>\n\
             <text x=\"{middle}\" y=\"24\" text-anchor=\"middle\" style=\"font-size: 17px\">Flame Graph</text>\n\
             <text id=\"reset\" class=\"link hidden\" x=\"{MARGIN}\" y=\"24\">Reset zoom</text>\n\
             <text id=\"search\" class=\"link\" x=\"{right}\" y=\"24\" text-anchor=\"end\">Search</text>\n\
             <text id=\"details\" x=\"{MARGIN}\" y=\"{foot}\"> </text>\n\
             <text id=\"matched\" x=\"{right}\" y=\"{foot}\" text-anchor=\"end\"> </text>\n\
             <script><![CDATA[\n{BEHAVIOUR}]]></script>\n<g id=\"frames\">\n"
        ));
    }

    /// A function that begins at `start`, and above it what it calls.
    fn frame(&mut self, step: &Step, node: &Node, start: u64, depth: usize) {
        let (total, weight) = (self.total, node.weight);
        let scale = (WIDTH - 2.0 * MARGIN) / total as f64;
        let (x, width) = (MARGIN + start as f64 * scale, weight as f64 * scale);
        if width < NARROWEST {
            return;
        }
        let y = HEAD + (self.rows - 1 - depth) * HEIGHT;
        let (name, color, percent) = (escaped(&step.name), color(step), weight as f64 * 100.0 / total as f64);
        let (inner, baseline, shown) = (HEIGHT - 1, y + 12, escaped(&cut(&step.name, width)));
        self.put(format_args!(
            "<g class=\"f\" data-x=\"{start}\" data-w=\"{weight}\" data-d=\"{depth}\"><title>{name} ({weight} of {total}, {percent:.1} %)</title>\
             <rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{inner}\" rx=\"2\" fill=\"{color}\"/>\
             <text x=\"{text_x:.1}\" y=\"{baseline}\">{shown}</text></g>\n",
            text_x = x + 3.0,
        ));
        let mut at = start;
        for (step, called) in &node.calls {
            self.frame(step, called, at, depth + 1);
            at += called.weight;
        }
    }
}

/// How many rows have something that is wide enough.
fn visible_rows(node: &Node, total: u64) -> usize {
    let is_seen = |node: &&Node| node.weight as f64 * (WIDTH - 2.0 * MARGIN) / total.max(1) as f64 >= NARROWEST;
    1 + node.calls.values().filter(is_seen).map(|called| visible_rows(called, total)).max().unwrap_or(0)
}

/// As much of a name as fits; nothing if that says nothing.
fn cut(name: &str, width: f64) -> String {
    let room = ((width - 6.0) / LETTER).max(0.0) as usize;
    match name.chars().count() {
        length if length <= room => name.to_owned(),
        _ if room < 3 => String::new(),
        _ => name.chars().take(room - 2).chain("..".chars()).collect(),
    }
}

/// Where code is tells the hue, its name the shade: neighbours differ, and the same function looks the same everywhere.
fn color(step: &Step) -> String {
    let hash = step.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let vary = |range: u64, bits: u32| (hash >> bits) % range;
    match step.kind {
        Kind::Label => format!("hsl(0,0%,{}%)", 80 + vary(10, 20)),
        Kind::User => format!("hsl({},85%,{}%)", 5 + vary(45, 20), 62 + vary(8, 40)),
        Kind::Inlined => format!("hsl({},60%,{}%)", 85 + vary(35, 20), 66 + vary(8, 40)),
        Kind::Kernel => format!("hsl({},65%,{}%)", 195 + vary(35, 20), 70 + vary(8, 40)),
        Kind::Unknown => format!("hsl(30,15%,{}%)", 75 + vary(8, 40)),
    }
}

/// For the text of a document; what it may not contain at all becomes a blank.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_to_their_room() {
        assert_eq!(cut("main", 100.0), "main");
        assert_eq!(cut("a_long_name_of_a_function", 100.0), "a_long_name..");
        assert_eq!(cut("main", 20.0), "");
    }

    #[test]
    fn names_cannot_break_the_document() {
        assert_eq!(escaped("operator<<\"&\u{7}]]>"), "operator&lt;&lt;&quot;&amp; ]]&gt;");
    }
}
