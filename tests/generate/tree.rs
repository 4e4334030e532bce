//! A script as a tree of lines: what can be left out alone, be it because it is ill-typed or because a failure needs less.

/// A line with what stands inside its braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// `if (x) {`, `$a = 1;`
    pub head: String,
    /// Between head and tail.
    pub kids: Vec<Node>,
    /// `}`; empty where nothing is nested.
    pub tail: String,
}

/// Where a node is: the number of the kid at each level.
pub type Path = Vec<usize>;

impl Node {
    pub fn line(head: impl Into<String>) -> Node {
        Node { head: head.into(), ..Node::default() }
    }

    pub fn block(head: impl Into<String>, kids: Vec<Node>) -> Node {
        Node { head: format!("{} {{", head.into()), kids, tail: "}".to_string() }
    }
}

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    pub items: Vec<Node>,
}

impl Tree {
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.walk(&mut |_, depth, line| {
            text.push_str(&"  ".repeat(depth));
            text.push_str(line);
            text.push('\n');
        });
        text
    }

    /// The node that a line (from 0) of the text belongs to.
    pub fn at_line(&self, line: usize) -> Option<Path> {
        let (mut number, mut found) = (0, None);
        self.walk(&mut |path, _, _| {
            if number == line {
                found = Some(path.to_vec());
            }
            number += 1;
        });
        found
    }

    /// All nodes, outer before inner.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths: Vec<Path> = Vec::new();
        self.walk(&mut |path, _, _| {
            if !paths.iter().any(|known| known == path) {
                paths.push(path.to_vec());
            }
        });
        paths
    }

    pub fn get(&self, path: &[usize]) -> Option<&Node> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.items.get(*first)?, |node, &kid| node.kids.get(kid))
    }

    pub fn get_mut(&mut self, path: &[usize]) -> Option<&mut Node> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.items.get_mut(*first)?, |node, &kid| node.kids.get_mut(kid))
    }

    /// The same without a node, or with other nodes in its place.
    pub fn replaced(&self, path: &[usize], by: Vec<Node>) -> Tree {
        let mut tree = self.clone();
        let Some((last, above)) = path.split_last() else { return tree };
        let row = if above.is_empty() { Some(&mut tree.items) } else { tree.get_mut(above).map(|node| &mut node.kids) };
        if let Some(row) = row.filter(|row| *last < row.len()) {
            row.splice(*last..=*last, by);
        }
        tree
    }

    fn walk(&self, visit: &mut dyn FnMut(&[usize], usize, &str)) {
        let mut path = Vec::new();
        walk_row(&self.items, &mut path, visit);
    }
}

fn walk_row(row: &[Node], path: &mut Path, visit: &mut dyn FnMut(&[usize], usize, &str)) {
    for (at, node) in row.iter().enumerate() {
        path.push(at);
        let depth = path.len() - 1;
        visit(path, depth, &node.head);
        walk_row(&node.kids, path, visit);
        if !node.tail.is_empty() {
            visit(path, depth, &node.tail);
        }
        path.pop();
    }
}
