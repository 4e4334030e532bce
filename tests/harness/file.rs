//! The text of a case: `// KEY: value` lines at the top, a program, and what is expected below `// ---- …` lines. Compares, and rewrites when
//! `UPDATE_EXPECT` is set.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Keys that a header may have; a misspelt key must not be a comment.
const KEYS: [&str; 14] =
    ["BUILD", "RUN", "PARAMS", "REQUIRES", "ENV", "EXIT", "WORKLOAD", "SIGNAL", "AFTER", "TIMEOUT", "MACHINE", "TARGET", "TRIALS", "SEED"];

/// Names of sections.
const SECTIONS: [&str; 4] = ["expect", "expect-exact", "expect-regex", "expect-stderr"];

/// A case as written.
#[derive(Debug)]
pub struct CaseFile {
    /// Where it is.
    pub path: PathBuf,
    /// Everything above the first section: what rbtrace is given.
    pub program: String,
    header: Vec<(String, String)>,
    sections: Vec<(String, Vec<String>)>,
}

impl CaseFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<CaseFile, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (mut program, mut sections) = (String::new(), Vec::<(String, Vec<String>)>::new());
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("// ---- ") {
                let name = name.trim();
                if !SECTIONS.contains(&name) {
                    return Err(format!("there is no section `{name}`; there are {}", SECTIONS.join(", ")));
                }
                sections.push((name.to_owned(), Vec::new()));
            } else if let Some((name, lines)) = sections.last_mut() {
                let bare = line.strip_prefix("//").ok_or(format!("a line of `{name}` does not begin with `//`: {line}"))?;
                lines.push(bare.strip_prefix(' ').unwrap_or(bare).to_owned());
            } else {
                program.push_str(line);
                program.push('\n');
            }
        }
        let header = header(&program)?;
        Ok(CaseFile { path: path.to_owned(), program, header, sections })
    }

    /// The values of a key, in order.
    pub fn values(&self, key: &str) -> impl Iterator<Item = &str> {
        self.header.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The last value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values(key).last()
    }

    /// The last value of a key as a number.
    pub fn number(&self, key: &str, default: i64) -> Result<i64, String> {
        self.value(key).map_or(Ok(default), |text| text.parse().map_err(|_| format!("{key}: `{text}` is not a number")))
    }

    /// The lines of a section, if there is one.
    pub fn section(&self, name: &str) -> Option<&[String]> {
        self.sections.iter().find(|(known, _)| known == name).map(|(_, lines)| lines.as_slice())
    }

    /// Holds a text against a section of exact lines; with `UPDATE_EXPECT` set, writes it there instead.
    pub fn check(&self, section: &str, actual: &[&str]) -> Result<(), String> {
        let expected: Vec<&str> = self.section(section).unwrap_or_default().iter().map(String::as_str).collect();
        if expected == actual {
            return Ok(());
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            return self.rewrite(section, actual);
        }
        Err(format!("not as expected (- expected, + came; UPDATE_EXPECT=1 accepts it):\n{}", difference(&expected, actual)))
    }

    fn rewrite(&self, section: &str, actual: &[&str]) -> Result<(), String> {
        let mut sections = self.sections.clone();
        let lines = actual.iter().map(|line| line.to_string()).collect();
        match sections.iter_mut().find(|(name, _)| name == section) {
            Some((_, old)) => *old = lines,
            None => sections.push((section.to_owned(), lines)),
        }
        let mut text = self.program.clone();
        for (name, lines) in sections {
            let _ = writeln!(text, "// ---- {name}");
            for line in lines {
                let _ = writeln!(text, "{}", format!("// {line}").trim_end());
            }
        }
        std::fs::write(&self.path, text).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

/// The `// KEY: value` lines before the program begins; other comments may stand between them.
fn header(program: &str) -> Result<Vec<(String, String)>, String> {
    let mut header = Vec::new();
    for line in program.lines().map_while(|line| line.strip_prefix("//").or(line.strip_prefix("#"))) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let key = key.trim();
        if KEYS.contains(&key) {
            header.push((key.to_owned(), value.trim().to_owned()));
        } else if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            return Err(format!("there is no key `{key}`; there are {}", KEYS.join(", ")));
        }
    }
    Ok(header)
}

/// Both texts, what they share at their ends left out but for a little.
fn difference(expected: &[&str], actual: &[&str]) -> String {
    let same = |(a, b): (&&str, &&str)| a == b;
    let front = expected.iter().zip(actual).take_while(|pair| same(*pair)).count();
    let back = expected[front..].iter().rev().zip(actual[front..].iter().rev()).take_while(|pair| same(*pair)).count();
    let mut text = String::new();
    let mut show = |sign: &str, lines: &[&str]| lines.iter().for_each(|line| text.extend([sign, " ", line, "\n"]));
    show(" ", &expected[front.saturating_sub(2)..front]);
    show("-", &expected[front..expected.len() - back]);
    show("+", &actual[front..actual.len() - back]);
    show(" ", &expected[expected.len() - back..][..back.min(2)]);
    text
}

/// Splits a line into words as a shell does: at blanks, outside of quotes. Nothing else is special.
pub fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut open, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                open.get_or_insert_default();
            }
            (Some(end), c) if c == end => quote = None,
            (None, ' ') => words.extend(open.take()),
            (_, c) => open.get_or_insert_default().push(c),
        }
    }
    words.extend(open);
    if quote.is_some() { Err(format!("a quote is not closed: {line}")) } else { Ok(words) }
}
