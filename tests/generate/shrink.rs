//! Makes a failing script small: lines, then blocks around lines, then what stands in parentheses.

use std::time::{Duration, Instant};

use crate::tree::{Node, Tree};

/// How long one script is worked on.
const PATIENCE: Duration = Duration::from_secs(15);

/// The smallest script found that still fails.
pub fn shrink(mut tree: Tree, fails: &dyn Fn(&Tree) -> bool) -> Tree {
    let start = Instant::now();
    loop {
        let before = tree.clone();
        tree = fewer_lines(tree, fails, start);
        tree = simpler_lines(tree, fails, start);
        if tree == before || start.elapsed() > PATIENCE {
            return tree;
        }
    }
}

fn fewer_lines(mut tree: Tree, fails: &dyn Fn(&Tree) -> bool, start: Instant) -> Tree {
    let mut at = 0;
    // The last lines first: nothing depends on them.
    while let Some(path) = tree.paths().into_iter().rev().nth(at) {
        if start.elapsed() > PATIENCE {
            break;
        }
        let kids = tree.get(&path).map(|node| node.kids.clone()).unwrap_or_default();
        let without = tree.replaced(&path, Vec::new());
        let opened = tree.replaced(&path, kids.clone());
        if fails(&without) {
            tree = without;
        } else if !kids.is_empty() && path.len() > 1 && fails(&opened) {
            tree = opened;
        } else {
            at += 1;
        }
    }
    tree
}

fn simpler_lines(mut tree: Tree, fails: &dyn Fn(&Tree) -> bool, start: Instant) -> Tree {
    for path in tree.paths() {
        let mut tried = 0;
        while let Some(head) = tree.get(&path).and_then(|node| simpler(&node.head).into_iter().nth(tried)) {
            if start.elapsed() > PATIENCE {
                return tree;
            }
            let Some(node) = tree.get(&path) else { break };
            let smaller = tree.replaced(&path, vec![Node { head, ..node.clone() }]);
            if fails(&smaller) {
                tree = smaller;
                tried = 0;
            } else {
                tried += 1;
            }
        }
    }
    tree
}

/// The line with less in it, in several ways, each shorter than the line.
fn simpler(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in pairs(line) {
        let inside = &line[open + 1..close];
        let with = |by: &str| format!("{}{by}{}", &line[..open], &line[close + 1..]);
        found.extend(["1", "\"a\""].map(with));
        for part in parts(inside) {
            found.push(with(part.trim()));
            found.push(with(&format!("({})", part.trim())));
        }
    }
    found.retain(|text| text.len() < line.len());
    found.sort_by_key(String::len);
    found.dedup();
    found
}

/// Where brackets open and close.
fn pairs(line: &str) -> Vec<(usize, usize)> {
    let (mut stack, mut found, mut quoted) = (Vec::new(), Vec::new(), false);
    let mut before = b' ';
    for (at, byte) in line.bytes().enumerate() {
        quoted ^= byte == b'"' && before != b'\\';
        before = byte;
        match byte {
            _ if quoted => {}
            b'(' | b'[' => stack.push(at),
            b')' | b']' => found.extend(stack.pop().map(|open| (open, at))),
            _ => {}
        }
    }
    found
}

/// What operators and commas separate, outside of brackets.
fn parts(inside: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b',' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'?' | b':' | b'<' | b'>' | b'=' if depth == 0 => {
                found.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inside[start..]);
    found.retain(|part| !part.trim().is_empty() && part.is_char_boundary(0));
    found
}
