//! Counts what became of the scripts.

use std::collections::BTreeMap;

use crate::generate::trial::{Failure, Verdict, Why};

/// Numbers for the last line.
#[derive(Debug, Default)]
pub struct Tally {
    pub ill_typed: u64,
    too_long: u64,
    loaded: u64,
    compared: u64,
    uncompared: BTreeMap<Why, u64>,
    refused: Vec<u64>,
    panicked: Vec<u64>,
    differing: Vec<u64>,
    slow: Vec<u64>,
}

impl Tally {
    pub fn count(&mut self, seed: u64, verdict: &Verdict) {
        match verdict {
            Verdict::IllTyped(_) => self.ill_typed += 1,
            Verdict::TooLong => self.too_long += 1,
            Verdict::Loaded(compared) => {
                self.loaded += 1;
                match compared {
                    Ok(()) => self.compared += 1,
                    Err(why) => *self.uncompared.entry(*why).or_default() += 1,
                }
            }
            Verdict::Bad(failure) => {
                let list = match failure {
                    Failure::Refused(_) => &mut self.refused,
                    Failure::Panicked(_) => &mut self.panicked,
                    Failure::Differs(_) | Failure::Faulty(_) => &mut self.differing,
                    Failure::Slow(_) => &mut self.slow,
                };
                list.push(seed);
            }
        }
    }

    pub fn bad(&self) -> usize {
        self.refused.len() + self.panicked.len() + self.differing.len() + self.slow.len()
    }

    pub fn summary(&self) -> String {
        let tried = self.loaded + self.too_long + self.bad() as u64;
        let seeds = |name: &str, list: &[u64]| {
            if list.is_empty() { format!("none {name}") } else { format!("{} {name} (seeds {list:?})", list.len()) }
        };
        let reasons: Vec<String> =
            self.uncompared.iter().map(|(why, count)| format!("{count} {}", format!("{why:?}").to_lowercase())).collect();
        format!(
            "generate: {tried} tried, {} loaded, {} too long without bpf_loop, {} compared ({}), {}, {}, {}, {}; {} left out as ill-typed",
            self.loaded,
            self.too_long,
            self.compared,
            reasons.join(", "),
            seeds("refused", &self.refused),
            seeds("differing", &self.differing),
            seeds("panicking", &self.panicked),
            seeds("slow", &self.slow),
            self.ill_typed
        )
    }
}
