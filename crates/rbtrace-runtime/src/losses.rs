//! What was lost: counters that programs raise in the kernel, read once per second and at the end.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context, Result};
use rbtrace_ir::{LossKind, Manifest, MapDecl};

use crate::maps::Maps;
use crate::output::Output;
use crate::output::stream::Sink;
use crate::sys::maps as entries;

/// The counters and what has been said about them.
#[derive(Debug)]
pub struct Losses<'m> {
    manifest: &'m Manifest,
    counters: Option<OwnedFd>,
    /// Per counter: the number the user has been told.
    told: Vec<u64>,
}

impl<'m> Losses<'m> {
    /// `counters` is the map of that name; without it nothing can be lost.
    pub fn new(manifest: &'m Manifest, counters: Option<OwnedFd>) -> Self {
        Self { manifest, counters, told: vec![0; manifest.losses.len()] }
    }

    /// Reports what was lost since the last time. `warn`: also about maps.
    pub fn report(&mut self, warn: bool, maps: &Maps<'_>, output: &dyn Output, sink: &mut Sink) -> Result<()> {
        let Some(counters) = &self.counters else { return Ok(()) };
        for (number, (decl, told)) in self.manifest.losses.iter().zip(&mut self.told).enumerate() {
            let mut now = [0];
            entries::get(counters.as_fd(), &(number as u32).to_ne_bytes(), &mut now).context("reading the counters of losses")?;
            let (new, first) = (now[0].saturating_sub(*told), *told == 0);
            if new == 0 {
                continue;
            }
            *told = now[0];
            let mut line = Vec::new();
            let stream = match decl.kind {
                LossKind::Ring => output.lost(new, &mut line),
                LossKind::MapFull(id) => match maps.get(id) {
                    Some(map) if warn => output.complain(&dropped(map.decl, map.count()?, new, first), &mut line),
                    Some(_) | None => continue,
                },
            };
            sink.say(stream, &line);
        }
        Ok(())
    }

    /// Sums up at the end; `misses`: runs of programs that the kernel left out because the program was already running on that CPU.
    pub fn summary(&self, misses: u64, output: &dyn Output, sink: &mut Sink) {
        let mut say = |text: String| {
            let mut line = Vec::new();
            let stream = output.complain(&text, &mut line);
            sink.say(stream, &line);
        };
        for (decl, &total) in self.manifest.losses.iter().zip(&self.told).filter(|(_, told)| **told > 0) {
            match decl.kind {
                LossKind::Ring => say(format!("Total lost event count: {total}")),
                LossKind::MapFull(id) => {
                    let name = self.manifest.maps.get(id.0 as usize).map_or("", |map| &map.name);
                    say(format!("Total updates of @{name} dropped: {total}"));
                }
            }
        }
        if misses > 0 {
            let runs = if misses == 1 { "1 run of a probe was".to_owned() } else { format!("{misses} runs of probes were") };
            say(format!("{runs} left out by the kernel: a program was already running on that CPU"));
        }
    }
}

/// Why updates of a map were dropped, and the first time also what helps.
fn dropped(map: &MapDecl, count: usize, dropped: u64, first: bool) -> String {
    let (name, room) = (&map.name, map.max_entries);
    let plural = if dropped == 1 { "" } else { "s" };
    // Maps whose entries are not reserved take them from a small stock, which a tight loop empties faster than the kernel fills it.
    if count < room as usize / 2 {
        let why = format!("the kernel had no memory at hand for new keys, or the map was full ({room} keys) and has been cleared since");
        return format!("{dropped} update{plural} of @{name} dropped: {why}");
    }
    // The first words are what scripts look for.
    let fact = format!("Map full; can't update element of @{name}, which holds {room} keys: {dropped} update{plural} dropped");
    if !first {
        return fact;
    }
    let (kind, more) = (if map.storage.is_per_cpu() { "percpuhash" } else { "hash" }, u64::from(room) * 2);
    format!("{fact}. Raise the config `max_map_keys`, or declare the map with room for more keys: `let @{name} = {kind}({more});`")
}
