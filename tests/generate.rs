//! Well-typed scripts by the thousand: each is compiled and loaded into the running kernel, and where it does the same every time it is run
//! there and in the interpreter, and everything both left behind is compared. `cargo xtask generate N --seed S` looks longer than the
//! tests do; every failure is made small and printed with its seed.

mod generate {
    pub mod dice;
    pub mod expr;
    pub mod front;
    pub mod functions;
    pub mod kind;
    pub mod scope;
    pub mod script;
    pub mod shrink;
    pub mod signatures;
    pub mod stmt;
    pub mod tally;
    pub mod tree;
    pub mod trial;
    pub mod world;
}
#[path = "../crates/rbtrace-codegen/tests/kernel/mod.rs"]
mod kernel;

use std::process::ExitCode;

use generate::scope::Rules;
use generate::script::Stock;
use generate::shrink::shrink;
use generate::tally::Tally;
use generate::trial::{Bench, Failure, Verdict};
use generate::{dice, expr, front, kind, scope, signatures, tree, trial, world};
use rbtrace_host::Host;
use rbtrace_types::Facts;

/// Scripts that the tests try.
const FEW: u64 = 200;

/// Of those that fail, so many are made small and shown.
const SHOWN: usize = 12;

/// What the command line says: how many, from which seed on, and `--write DIRECTORY` to only write plain ones there.
struct Wanted {
    count: u64,
    seed: u64,
    write: Option<String>,
    /// `cargo test NAME` means another test.
    other: bool,
}

fn wanted() -> Wanted {
    let mut wanted = Wanted { count: FEW, seed: 1, write: None, other: false };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seed" => wanted.seed = args.next().and_then(|text| text.parse().ok()).unwrap_or(1),
            "--write" => wanted.write = args.next(),
            option if option.starts_with('-') => {}
            word => match word.parse() {
                Ok(count) => wanted.count = count,
                Err(_) => wanted.other |= !"generate".contains(word),
            },
        }
    }
    wanted
}

fn main() -> ExitCode {
    let wanted = wanted();
    if wanted.other || !kernel::available("generate") {
        println!("{}", result(0));
        return ExitCode::SUCCESS;
    }
    // Values of per-CPU maps are those of one CPU, as in the interpreter.
    let allowed = rustix::thread::sched_getaffinity(None).unwrap_or_default();
    let mut one = rustix::thread::CpuSet::new();
    one.set((0..rustix::thread::CpuSet::MAX_CPU).find(|&cpu| allowed.is_set(cpu)).unwrap_or_default());
    if let Err(error) = rustix::thread::sched_setaffinity(None, &one) {
        eprintln!("this process cannot be kept on one CPU: {error}");
    }
    trial::catch_panics();
    let worker = std::thread::Builder::new().stack_size(64 << 20).spawn(move || work(&wanted));
    match worker.map(|worker| worker.join()) {
        Ok(Ok(code)) => code,
        Ok(Err(_)) => {
            eprintln!("generate itself: {}", trial::last_panic());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("generate: no thread: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(wanted: &Wanted) -> ExitCode {
    let host = Host::new();
    let loads = |text: &str| matches!(Bench::new(&host, 0, false).try_script(text), Verdict::Loaded(_));
    let stock = Stock::gather(&host, &loads);
    if let Some(directory) = &wanted.write {
        return write(&stock, &host, wanted, directory);
    }
    let mut tally = Tally::default();
    for seed in wanted.seed..wanted.seed + wanted.count {
        // One of four is about everything that can be loaded; the others can be compared.
        let rules = Rules { repeatable: seed % 4 != 0, plain: false };
        let bench = Bench::new(&host, seed, rules.repeatable);
        let Some(tree) = bench.well_typed(stock.script(seed, rules)) else {
            tally.ill_typed += 1;
            continue;
        };
        let verdict = bench.try_script(&tree.text());
        if let Verdict::Bad(failure) = &verdict {
            report(&bench, seed, &tree, failure, tally.bad() < SHOWN);
        }
        tally.count(seed, &verdict);
    }
    println!("{}\n{}", tally.summary(), result(tally.bad()));
    if tally.bad() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The last line, as libtest would say it: who counts tests reads it.
fn result(bad: usize) -> String {
    let (word, passed) = if bad == 0 { ("ok", 1) } else { ("FAILED", 0) };
    format!("test result: {word}. {passed} passed; {} failed; 0 ignored", 1 - passed)
}

/// Shows a failure, made small.
fn report(bench: &Bench, seed: u64, tree: &tree::Tree, failure: &Failure, fully: bool) {
    println!("== seed {seed}: {}", tally_name(failure));
    if !fully {
        return;
    }
    let fails = |tree: &tree::Tree| matches!(bench.try_script(&tree.text()), Verdict::Bad(found) if found.is_like(failure));
    let small = shrink(tree.clone(), &fails);
    println!("{}", small.text());
    if let Verdict::Bad(found) = bench.try_script(&small.text()) {
        let text = format!("{found:?}").replace("\\n", "\n").replace("\\t", "\t");
        // The kernel's last words count; what it was given stands behind them.
        let text = text.split("\n\t.text").next().unwrap_or_default();
        let from = text.char_indices().rev().nth(2500).map_or(0, |(at, _)| at);
        println!("{}", &text[from..]);
    }
}

fn tally_name(failure: &Failure) -> &'static str {
    match failure {
        Failure::Refused(_) => "refused by the kernel",
        Failure::Panicked(_) => "a panic",
        Failure::Differs(_) => "kernel and interpreter differ",
        Failure::Faulty(_) => "an access outside of its memory",
        Failure::Slow(_) => "too slow",
    }
}

/// Writes plain scripts to files, for whoever wants to run them elsewhere.
fn write(stock: &Stock, host: &dyn Facts, wanted: &Wanted, directory: &str) -> ExitCode {
    for seed in wanted.seed..wanted.seed + wanted.count {
        let bench = Bench::new(host, seed, true);
        let Some(tree) = bench.well_typed(stock.script(seed, Rules { repeatable: true, plain: true })) else { continue };
        if let Err(error) = std::fs::write(format!("{directory}/{seed}.bt"), tree.text()) {
            eprintln!("{directory}/{seed}.bt: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
