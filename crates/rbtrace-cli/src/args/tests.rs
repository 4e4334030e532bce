//! Command lines and what they mean.

use super::*;

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("rbtrace").chain(line.split(' ').filter(|word| !word.is_empty())).map(OsString::from).collect()
}

fn run(line: &str) -> Run {
    match parse(words(line)) {
        Ok(Action::Run(run)) => *run,
        other => panic!("{line}: {other:?}"),
    }
}

fn list(line: &str) -> List {
    match parse(words(line)) {
        Ok(Action::List(list)) => list,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> String {
    parse(words(line)).expect_err(line).message.unwrap_or_default()
}

#[test]
fn options_may_follow_the_script_until_two_dashes() {
    let one = run("tool.bt 1 -q two -v -- -x");
    assert_eq!(one.script, Script::File("tool.bt".into()));
    assert_eq!(one.params, ["1", "two", "-x"]);
    assert!(one.quiet && one.verbose);
    assert_eq!(run("-- tool.bt a").params, ["a"]);
}

#[test]
fn the_last_program_wins_and_takes_all_words_as_parameters() {
    let one = run("-e a -e b c");
    assert_eq!((one.script, one.params), (Script::Text("b".into()), vec!["c".to_owned()]));
    assert_eq!(run("-").script, Script::Stdin);
}

#[test]
fn stages_old_and_new() {
    let stages = |line| run(line).stages;
    assert_eq!(stages("-d ast,ir -e x"), [Stage::Ast, Stage::Ir]);
    assert_eq!(stages("-dast -d codegen x"), [Stage::Ast, Stage::Llvm]);
    assert_eq!(stages("-d -e x"), [Stage::Ast]);
    assert_eq!(stages("-d x.bt"), [Stage::Ast]);
    assert!(run("-d ./x").dry_run && run("-dd -e x").dry_run && !run("-d ast -e x").dry_run);
    assert_eq!(stages("-dd -e x").len(), NAMES_OF_ALL);
    assert_eq!(stages("-d all -e x").len(), NAMES_OF_ALL);
    assert!(refused("-d foo -e x").starts_with("invalid option for -d: foo"));
}

const NAMES_OF_ALL: usize = 12;

#[test]
fn listing_takes_a_pattern_or_a_script() {
    let one = list("-lv t:a:*");
    assert_eq!((one.pattern, one.verbose, one.script), (Some("t:a:*".into()), true, None));
    assert_eq!(list("-l -e x").script, Some(Script::Text("x".into())));
    assert_eq!(list("-l").pattern, None);
    assert_eq!(list("x -l").pattern, Some("x".into()));
}

#[test]
fn formatting_has_two_names() {
    for line in ["--fmt -o out x", "--mode format -o out x", "x --fmt --mode=format -o out"] {
        match parse(words(line)) {
            Ok(Action::Format(one)) => assert_eq!((one.script, one.output), (Script::File("x".into()), Some("out".into()))),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn misuse_is_said_in_a_sentence() {
    assert_eq!(parse(words("")).expect_err("nothing given"), Misuse { message: None, show_usage: true });
    assert_eq!(refused("-v"), "filename or -e 'program' required");
    assert_eq!(refused("-c a -p 1 x"), "`-c` and `-p` cannot be used together");
    assert_eq!(refused("-p abc x"), "Failed to parse pid: invalid integer: abc");
    assert_eq!(refused("-p 12a x"), "Failed to parse pid: invalid trailing bytes: 12a");
    assert_eq!(refused("-p -1 x"), "Pid out of range: -1");
    assert_eq!(refused("-p 4194305 x"), "Pid out of range: 4194305");
    assert_eq!(refused("-B wide x"), "`-B` takes `line`, `full` or `none`, not `wide`");
    assert_eq!(refused("-f xml x"), "Invalid output format \"xml\"\nValid formats: 'text', 'json', 'folded', 'flame'");
    assert!(refused("--no-feature magic x").starts_with("`--no-feature` does not know `magic`; it knows "));
    assert_eq!(refused("--fmt"), "filename or -e 'program' required");
    assert_eq!(refused("--fmt x y"), "`--fmt` formats one script; `y` is one word too many");
    assert_eq!(refused("--fmt -l x"), "`--fmt` and `-l` cannot be used together");
    assert_eq!(refused("--fmt --mode test x"), "--fmt conflicts with --mode: a script has one mode");
    assert!(refused("--mode magic x").contains("magic"));
    let bad = parse(words("--bad")).expect_err("no such option");
    assert!(bad.show_usage && bad.message.is_some_and(|message| message.contains("`--bad`")));
}

#[test]
fn everything_else_is_taken_as_given() {
    let one = run("-b --btf -vv --unsafe --dry-run --no-warnings -o out -f json -B full -p 12 --no-feature kprobe_multi x");
    assert!(one.verbose && one.is_unsafe && one.dry_run && one.held_back == HeldBack::All);
    assert_eq!((one.format, one.buffering, one.pid), (Format::Json, Buffering::Full, Some(12)));
    assert_eq!(one.output, Some("out".into()));
    assert!(matches!(parse(words("--help")), Ok(Action::Help(text)) if text.contains("-e <PROGRAM>")));
    assert!(matches!(parse(words("-V")), Ok(Action::Version)));
    assert!(matches!(parse(words("--info")), Ok(Action::Info)));
}
