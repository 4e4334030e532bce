//! `--mode compiler-bench`: how long each part of the compiler takes for a script.

use std::time::{Duration, Instant};

use rbtrace_codegen::Target;
use rbtrace_diag::{Sink, SourceId, Sources};
use rbtrace_host::Host;
use rbtrace_sema::frontend::syntax;

use crate::args::Run;
use crate::commands::run::{isa, options};
use crate::environment::Environment;
use crate::{Ending, say};

/// How long it measures, at least two rounds.
const PATIENCE: Duration = Duration::from_millis(500);

/// Compiles again and again and prints the mean and the spread of each stage. The script has compiled before.
pub fn measure(run: &Run, host: &Host, environment: &Environment, sources: &Sources) -> Result<(), Ending> {
    // The script is the first text that was read.
    let source = SourceId(0);
    let options = options(run, None, environment);
    let target = Target { isa: isa(host), ..Target::default() };
    let mut rounds: Vec<[Duration; 4]> = Vec::new();
    let start = Instant::now();
    while rounds.len() < 2 || start.elapsed() < PATIENCE {
        let mut sink = Sink::default();
        let begin = Instant::now();
        let tree = syntax::parse(sources, source, &mut sink);
        let parsed = begin.elapsed();
        let program = rbtrace_sema::compile(&tree, &mut sources.clone(), host, &options, &mut sink).ok_or(Ending::Mistake)?;
        let lowered = begin.elapsed();
        rbtrace_codegen::compile(&program, &target, Some(sources)).map_err(|_| Ending::Broken)?;
        let total = begin.elapsed();
        rounds.push([parsed, lowered - parsed, total - lowered, total]);
    }
    let lines = ["parse", "analyse", "generate", "total"].iter().enumerate().map(|(stage, name)| {
        let (mean, spread) = statistics(rounds.iter().map(|round| round[stage].as_secs_f64() * 1e6));
        format!("{name:<12}{:>8} {mean:>12.1} ± {spread:.1} μs\n", rounds.len())
    });
    say(&lines.collect::<String>());
    Ok(())
}

/// Mean and standard deviation.
fn statistics(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
