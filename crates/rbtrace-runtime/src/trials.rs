//! `--test` and `--bench`: the programs of tests and benchmarks, run one after the other, and how each went (SPEC §7.13).

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rbtrace_ir::{Manifest, Role};
use rbtrace_lang::warnings;

use crate::Format;
use crate::attach::test_run;
use crate::load::Program;
use crate::output::{self, Manner, Trial};
use crate::ring::Drained;
use crate::run::Run;
use crate::session::Phase;
use crate::sys::bpf;

/// What a benchmark takes in all, at least: long enough that the clock and the first, cold runs do not matter.
const LONG_ENOUGH: Duration = Duration::from_millis(20);
/// It is not run more often than that.
const MOST_RUNS: u32 = 100_000_000;

/// Whether a script was compiled to be tested or measured.
pub fn wanted(manifest: &Manifest) -> bool {
    manifest.programs.iter().any(|program| matches!(program.role, Role::Test | Role::Bench))
}

impl Run<'_, '_> {
    /// Runs all tests or benchmarks; the exit status is 1 if a test failed. `begin` has run.
    pub fn trials(mut self) -> Result<i32> {
        self.drain_rest(Phase::Running)?;
        self.session.exit_code = None;
        let of = |role: Role| self.loaded.programs.iter().filter(move |program| program.decl.role == role).collect::<Vec<_>>();
        let (tests, benches) = (of(Role::Test), of(Role::Bench));
        let code = if tests.is_empty() { 0 } else { self.tests(&tests)? };
        if !benches.is_empty() {
            self.benches(&benches)?;
        }
        test_run::run(self.loaded, Role::End)?;
        self.drain_rest(Phase::Ending)?;
        // What a benchmark printed was lost on purpose.
        if benches.is_empty() {
            self.report_losses()?;
        }
        self.session.sink.finish()?;
        Ok(code)
    }

    fn tests(&mut self, tests: &[&Program<'_>]) -> Result<i32> {
        self.tell(Trial::Tests(tests.len()));
        let mut failed = Vec::new();
        let mut count = 0;
        for test in tests {
            let name = name(test);
            self.tell(Trial::Test { name });
            let (duration, passed, output) = self.test(test)?;
            self.tell(Trial::Tested { name, duration, passed, output: &output });
            count += 1;
            if !passed {
                failed.push(name);
            }
            if self.signals_end_the_run()? {
                break;
            }
        }
        self.tell(Trial::AllTested { count, failed: &failed });
        Ok(i32::from(!failed.is_empty()))
    }

    fn test(&mut self, test: &Program<'_>) -> Result<(Duration, bool, Vec<u8>)> {
        self.session.maps.set_internal(Manifest::RESULT_MAP, 0)?;
        // What a test says is a text to its result, also where the result is JSON.
        let format = std::mem::replace(&mut self.session.output, output::of(Format::Text, Manner::default()));
        self.session.sink.capture();
        let start = Instant::now();
        bpf::test_run(test.fd.as_fd()).with_context(|| format!("running `{}`", name(test)))?;
        let duration = start.elapsed();
        self.drain_all(Phase::Ending)?;
        self.report_losses()?;
        let output = self.session.sink.release();
        self.session.output = format;
        let returned = self.session.maps.internal(Manifest::RESULT_MAP)?.unwrap_or(0);
        let ended = self.session.exit_code.take().unwrap_or(0);
        let errors = std::mem::take(&mut self.session.errors);
        Ok((duration, returned == 0 && ended == 0 && errors == 0, output))
    }

    fn benches(&mut self, benches: &[&Program<'_>]) -> Result<()> {
        let widest = benches.iter().map(|bench| name(bench).chars().count()).max().unwrap_or(0);
        self.tell(Trial::Benches { widest });
        for bench in benches {
            let name = name(bench);
            match self.bench(bench)? {
                Ok((average, runs)) => self.tell(Trial::Measured { name, widest, average, runs }),
                Err(returned) => {
                    let text = format!("the benchmark `{name}` is left out: it returned {returned}");
                    self.session.warn(&warnings::SKIPPED_BENCHMARK, &text);
                }
            }
            if self.signals_end_the_run()? {
                break;
            }
        }
        Ok(())
    }

    /// Nanoseconds per run and how many runs that was measured over, or what it returned instead of 0.
    fn bench(&mut self, bench: &Program<'_>) -> Result<std::result::Result<(u64, u64), i64>> {
        self.session.maps.set_internal(Manifest::RESULT_MAP, 0)?;
        let mut runs = 1;
        loop {
            let average = bpf::measure(bench.fd.as_fd(), runs).with_context(|| format!("running `{}`", name(bench)))?;
            // The kernel's own preparations are not part of it.
            let took = Duration::from_nanos(u64::from(average) * u64::from(runs));
            // What it prints would only fill the buffer.
            self.drain_all(Phase::Discarding)?;
            let returned = self.session.maps.internal(Manifest::RESULT_MAP)?.unwrap_or(0);
            if returned != 0 {
                return Ok(Err(returned as i64));
            }
            if took >= LONG_ENOUGH || runs >= MOST_RUNS {
                return Ok(Ok((u64::from(average), u64::from(runs))));
            }
            runs = more(runs, took);
        }
    }

    /// Handles every record there is.
    fn drain_all(&mut self, phase: Phase) -> Result<()> {
        self.session.phase = phase;
        while self.drain()? != Drained::Nothing {}
        self.session.dropped = 0;
        Ok(())
    }

    fn tell(&mut self, trial: Trial<'_>) {
        let session = &mut self.session;
        session.output.trial(trial, &mut session.sink.buffer);
        session.sink.after_drain();
    }
}

/// How many runs take long enough, if so many took `took`; not more than ten times as many, as first runs are slow.
fn more(runs: u32, took: Duration) -> u32 {
    let factor = LONG_ENOUGH.as_nanos() * 5 / 4 / took.as_nanos().max(1);
    runs.saturating_mul(factor.clamp(2, 10) as u32).min(MOST_RUNS)
}

/// `test:name` → `name`
fn name<'a>(program: &'a Program<'_>) -> &'a str {
    let probe = program.decl.probes.first().map_or("?", String::as_str);
    probe.split_once(':').map_or(probe, |(_, name)| name)
}
