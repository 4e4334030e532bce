//! The suite: walks `tests/cases/`, runs each file as a test, and counts. How to write a case: `tests/harness/README.md`.

mod harness;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::{Case, Outcome};

/// Cases that run at the same time. Two: more would disturb each other's timing on the small machines that run this.
const WORKERS: usize = 2;

/// How many workers this machine feeds.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(WORKERS))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = harness::workload::main(&args) {
        return code;
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_exact = args.iter().any(|arg| arg == "--exact");
    let matches = |name: &str, filter: &str| if is_exact { name == filter } else { name.contains(filter) };
    let is_wanted = |case: &Case| filters.is_empty() || filters.iter().any(|filter| matches(&case.name, filter));
    let cases: Vec<Case> = harness::collect().into_iter().filter(is_wanted).collect();
    if args.iter().any(|arg| arg == "--list") {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    let mut outcomes = run_all(&cases);
    // Who asks for a few wants to see how they fail.
    if filters.is_empty() {
        run_again(&cases, &mut outcomes);
    }
    conclude(&cases, &outcomes)
}

/// Runs the cases, says each result as it comes, and gives them in the order of the cases.
fn run_all(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Option<Outcome>>> = cases.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..workers() {
            scope.spawn(|| {
                while let Some((case, outcome)) = take(&next, cases, &outcomes) {
                    let result = case.run();
                    say(case, &result);
                    *outcome.lock().expect("no worker panics while it holds a lock") = Some(result);
                }
            });
        }
    });
    outcomes.into_iter().filter_map(|outcome| outcome.into_inner().expect("as above")).collect()
}

fn take<'a, T>(next: &AtomicUsize, cases: &'a [Case], outcomes: &'a [T]) -> Option<(&'a Case, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    cases.get(index).zip(outcomes.get(index))
}

/// Runs what failed once more, with nothing beside it: that a machine was busy is no fault of the program. What passes now has passed, is said and
/// counted apart, and is worth a look.
fn run_again(cases: &[Case], outcomes: &mut [Outcome]) {
    let mut passed = Vec::new();
    for (case, outcome) in cases.iter().zip(outcomes).filter(|(case, outcome)| outcome.is_failure() && case.may_run_again()) {
        let result = case.run();
        if matches!(result, Outcome::Passed) {
            say(case, &result);
            passed.push(case.name.as_str());
            *outcome = result;
        }
    }
    if !passed.is_empty() {
        println!("passed only when run again, alone: {}", passed.join(" "));
    }
}

fn say(case: &Case, outcome: &Outcome) {
    match outcome {
        Outcome::Passed => println!("case {} ... ok", case.name),
        Outcome::Skipped(why) => println!("skipped: {}: {why}", case.name),
        Outcome::Failed(why) => println!("case {} ... FAILED\n    {}\n", case.name, why.trim_end().replace('\n', "\n    ")),
    }
}

/// The closing lines and the exit code. A skip that is not written down fails: tests must not stop running unnoticed.
fn conclude(cases: &[Case], outcomes: &[Outcome]) -> ExitCode {
    let named = |wanted: fn(&Outcome) -> bool| -> Vec<&str> {
        cases.iter().zip(outcomes).filter(|(_, outcome)| wanted(outcome)).map(|(case, _)| case.name.as_str()).collect()
    };
    let failed = named(Outcome::is_failure);
    let skipped = named(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let allowed = harness::allowed_skips();
    let unlisted: Vec<&str> = skipped.iter().copied().filter(|name| !allowed.contains(*name)).collect();
    if !failed.is_empty() {
        println!("failed: {}", failed.join(" "));
    }
    if !unlisted.is_empty() {
        println!("skipped, but not in tests/allowed_skips.txt: {}", unlisted.join(" "));
    }
    println!("suite: {} passed, {} failed, {} skipped", outcomes.len() - failed.len() - skipped.len(), failed.len(), skipped.len());
    if failed.is_empty() && unlisted.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
