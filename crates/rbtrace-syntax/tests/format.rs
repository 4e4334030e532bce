//! The formatter on every program among the cases: it changes no tree, loses no comment, and has nothing to do the second time.
//!
//! `RBTRACE_CORPUS` names a directory with more programs.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "the crate is pure, its test reads the cases")]

use std::path::{Path, PathBuf};

use rbtrace_diag::{Sink, Sources};
use rbtrace_syntax::{Formatted, format, parse, print};

/// The tree and the formatted text; none for a text that is no program.
fn formatted(text: &str) -> Option<(String, Formatted)> {
    let (mut sources, mut sink) = (Sources::default(), Sink::default());
    let id = sources.add("case", text);
    let program = parse(&sources, id, &mut sink);
    (!sink.has_errors()).then(|| (print(&program), format(&sources, id, &program)))
}

/// The words of a text, without what the formatter adds and drops: a comment that is lost takes its words along.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<_> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort();
    words
}

/// Whether an item had to stay as it was written.
fn check(name: &str, text: &str) -> bool {
    let Some((tree, once)) = formatted(text) else { return false };
    let Some((tree_again, twice)) = formatted(&once.text) else { panic!("{name}: no program any more:\n{}", once.text) };
    assert_eq!(tree, tree_again, "{name}: another tree:\n{}", once.text);
    assert_eq!(once.text, twice.text, "{name}: not the same twice");
    assert_eq!(words(text), words(&once.text), "{name}: lost words:\n{}", once.text);
    !once.kept.is_empty()
}

fn scripts(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())).flatten() {
        match entry.path() {
            path if path.is_dir() => scripts(&path, found),
            path if path.extension().is_some_and(|ending| ending == "bt") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn every_case_keeps_its_tree_and_its_comments() {
    let mut files = vec![];
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases"), &mut files);
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../stdlib"), &mut files);
    if let Some(dir) = std::env::var_os("RBTRACE_CORPUS") {
        scripts(Path::new(&dir), &mut files);
    }
    assert!(files.len() > 100, "only {} programs", files.len());
    let mut kept = vec![];
    for file in &files {
        let text = String::from_utf8_lossy(&std::fs::read(file).expect("cases can be read")).into_owned();
        if check(&file.display().to_string(), &text) {
            kept.push(file);
        }
    }
    assert!(kept.is_empty(), "items stay as they were written in {kept:#?}");
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    check("example", text);
    let Some((_, Formatted { text, kept })) = formatted(text) else { panic!("no program: {text}") };
    assert!(kept.is_empty(), "stays as it was written: {text}");
    assert_eq!(text, expected);
}

#[test]
fn pieces_of_cases_keep_their_trees() {
    let mut files = vec![];
    scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases"), &mut files);
    for file in &files {
        let text = String::from_utf8_lossy(&std::fs::read(file).expect("cases can be read")).into_owned();
        // Comments in odd places: behind every fourth bracket, comma or end of a statement.
        for first in 0..4 {
            let mut count = first;
            let mut commented = String::new();
            for char in text.chars() {
                commented.push(char);
                count += usize::from("{}(),;".contains(char));
                if "{}(),;".contains(char) && count.is_multiple_of(4) {
                    commented.push_str(if count.is_multiple_of(8) { " /* odd */ " } else { " // odd\n" });
                }
            }
            check(&file.display().to_string(), &commented);
        }
        for at in (0..text.len()).step_by(211).filter(|at| text.is_char_boundary(*at)) {
            check(&file.display().to_string(), &text[..at]);
            check(&file.display().to_string(), &text[at..]);
        }
    }
}

#[test]
fn probes_and_statements_stand_on_lines_of_their_own() {
    becomes(
        "kprobe:f,kprobe:g /pid==1/{@[comm]=count();exit()}END{}",
        "kprobe:f,\nkprobe:g\n/pid == 1/\n{\n  @[comm] = count();\n  exit();\n}\n\nEND\n{}\n",
    );
    becomes("macro one(){1}", "macro one()\n{\n  1\n}\n");
    becomes("fn f($a:int32):void{return}", "fn f($a : int32) : void\n{\n  return;\n}\n");
    becomes("config={a=1;b=\"x\"}", "config = {\n  a = 1;\n  b = \"x\";\n}\n");
    becomes("begin < @x = 1; >", "begin\n{\n  @x = 1;\n}\n");
    becomes("struct a { int  b; };\n\n\n\nbegin {}", "struct a { int  b; };\n\nbegin\n{}\n");
}

/// A statement in a probe.
#[track_caller]
fn stmt(text: &str, expected: &str) {
    let expected: String = expected.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("  {line}\n") }).collect();
    becomes(&format!("begin {{ {text} }}"), &format!("begin\n{{\n{expected}}}\n"));
}

#[test]
fn heads_lose_needless_parentheses() {
    stmt("if ($x) { f() } else if ((a.b)) { g() }", "if $x {\n  f()\n} else if a.b {\n  g()\n}");
    stmt("while ($x < 5) { }", "while ($x < 5) {}");
    stmt("if ((uint8)$x) { f(); }", "if ((uint8)$x) {\n  f();\n}");
    stmt("for ($x : @a) { }", "for $x : @a {}");
    stmt("for $x : 0..(1 + 2) { }", "for $x : 0..(1 + 2) {}");
}

#[test]
fn parentheses_are_needed_or_meant() {
    stmt("$x = (((1 + 2)) * 3)", "$x = (1 + 2) * 3;");
    stmt("$x = (1 * 2) + (3)", "$x = (1 * 2) + 3;");
    stmt("$x = 1 - (2 - 3)", "$x = 1 - (2 - 3);");
    stmt("$x = - (-1)", "$x = - -1;");
    stmt("$x = (@x)[0]", "$x = (@x)[0];");
    stmt("$x = ((struct s *) arg0) -> a . b", "$x = ((struct s*)arg0)->a.b;");
    stmt("$x = $y?1:2", "$x = $y ? 1 : 2;");
}

#[test]
fn spelling_stays() {
    stmt("$x = 0x10 + 1_000 + 5ms", "$x = 0x10 + 1_000 + 5ms;");
    stmt("printf(\"\\x41\\t%d\",1)", "printf(\"\\x41\\t%d\", 1);");
}

#[test]
fn blocks_with_a_value_stay_short() {
    stmt("$x = if $y {1} else {2}", "$x = if $y { 1 } else { 2 };");
    stmt("$x = { f(); 2 }", "$x = {\n  f();\n  2\n};");
}

#[test]
fn comments_stay_where_they_were() {
    stmt("f(); // why\n// next\n\n\n g();", "f(); // why\n// next\n\ng();");
    stmt("f(); /* why */\ng();", "f(); // why\ng();");
    stmt("if 1 { f(); }\n// otherwise\nelse { g(); }", "if 1 {\n  f();\n} else {\n  // otherwise\n  g();\n}");
    stmt("f(1,  /* two */ 2);", "f(1,  /* two */ 2);");
    becomes("#!/bin/x\n\n/* a\n   * b\n */\nbegin {}", "#!/bin/x\n\n/* a\n * b\n */\nbegin\n{}\n");
    becomes("kprobe:f, // one\nkprobe:g // two\n{ f(); }", "kprobe:f, // one\nkprobe:g\n{\n  // two\n  f();\n}\n");
    becomes("begin {} // end", "begin\n{} // end\n");
}

#[test]
fn long_lines_are_filled() {
    let name = "x".repeat(40);
    stmt(&format!("f(${name}, ${name}, ${name});"), &format!("f(${name}, ${name},\n  ${name});"));
    stmt(&format!("$y = ${name} + ${name} - ${name};"), &format!("$y = ${name} + ${name} -\n     ${name};"));
}
