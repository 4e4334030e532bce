//! Results of tests and benchmarks, in the words of both formats (SPEC §9.10, §9.14).

use std::io::Write as _;
use std::time::Duration;

use crate::output::{Trial, json};

const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";
/// Room for names of benchmarks.
const NAMES: usize = 40;

/// For people.
pub(super) fn text(trial: Trial<'_>, color: bool, out: &mut Vec<u8>) {
    let tag = |text: &str, hue: &str| if color { format!("{hue}[{text}]{RESET}") } else { format!("[{text}]") };
    let (bar, failed_tag) = (tag("==========", GREEN), tag("  FAILED  ", RED));
    match trial {
        Trial::Tests(count) => put(out, format_args!("{bar} Running {}.\n", tests(count))),
        Trial::Test { name } => put(out, format_args!("{} {name}\n", tag(" RUN      ", GREEN))),
        Trial::Tested { name, duration, passed: true, .. } => {
            put(out, format_args!("{} {name} ({})\n", tag("       OK ", GREEN), time(duration)));
        }
        Trial::Tested { name, duration, passed: false, output } => {
            out.extend_from_slice(output);
            if output.last().is_some_and(|last| *last != b'\n') {
                out.push(b'\n');
            }
            put(out, format_args!("{failed_tag} {name} ({})\n", time(duration)));
        }
        Trial::AllTested { count, failed } => {
            put(out, format_args!("{bar} {} ran.\n{} {}.\n", tests(count), tag("  PASSED  ", GREEN), tests(count - failed.len())));
            if !failed.is_empty() {
                put(out, format_args!("{failed_tag} {}, listed below:\n", tests(failed.len())));
            }
            failed.iter().for_each(|name| put(out, format_args!("{failed_tag} {name}\n")));
        }
        Trial::Benches { widest } => {
            let width = widest.max(NAMES) + 1;
            put(out, format_args!("{:width$}{:<15}Iterations\n{}\n", "Benchmark", "Time(ns)", "-".repeat(width + 25)));
        }
        Trial::Measured { name, widest, average, runs } => {
            let width = widest.max(NAMES) + 1;
            put(out, format_args!("{name:width$}{average:<15}{runs}\n"));
        }
    }
}

/// For programs; only results are lines.
pub(super) fn json(trial: Trial<'_>, out: &mut Vec<u8>) {
    match trial {
        Trial::Tests(_) | Trial::Test { .. } | Trial::AllTested { .. } | Trial::Benches { .. } => {}
        Trial::Tested { name, duration, passed, output } => {
            out.extend_from_slice(b"{\"type\": \"test_result\", \"data\": {");
            json::string(name.as_bytes(), out);
            put(out, format_args!(": {{\"duration\": {}, \"passed\": {passed}, \"output\": ", duration.as_nanos()));
            json::string(output, out);
            out.extend_from_slice(b"}}}\n");
        }
        Trial::Measured { name, average, runs, .. } => {
            out.extend_from_slice(b"{\"type\": \"benchmark_result\", \"data\": {");
            json::string(name.as_bytes(), out);
            put(out, format_args!(": {{\"average\": {average}, \"iters\": {runs}}}}}}}\n"));
        }
    }
}

fn tests(count: usize) -> String {
    format!("{count} test{}", if count == 1 { "" } else { "s" })
}

/// In a unit that leaves few digits.
fn time(duration: Duration) -> String {
    match duration.as_nanos() {
        nanos @ ..1_000 => format!("{nanos} ns"),
        nanos @ ..1_000_000 => format!("{} μs", nanos / 1_000),
        nanos @ ..1_000_000_000 => format!("{} ms", nanos / 1_000_000),
        nanos => format!("{} s", nanos / 1_000_000_000),
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_unit() {
        let told = [999, 1_000, 2_500_000, 3_000_000_000].map(|nanos| time(Duration::from_nanos(nanos)));
        assert_eq!(told, ["999 ns", "1 μs", "2 ms", "3 s"]);
    }

    #[test]
    fn tables_are_as_wide_as_their_names() {
        let line = |trial| {
            let mut out = Vec::new();
            text(trial, false, &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        let measured = line(Trial::Measured { name: "a", widest: 1, average: 6, runs: 200 });
        assert_eq!(measured, format!("a{}6{}200\n", " ".repeat(40), " ".repeat(14)));
        assert!(line(Trial::Benches { widest: 50 }).starts_with(&format!("Benchmark{}Time(ns)       Iterations\n", " ".repeat(42))));
    }
}
