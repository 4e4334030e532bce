//! This machine as values see it: users, local time, the boot clock. Asks rbtrace-host and the C library; knows no map and no record.

use rbtrace_host::Host;
use rbtrace_host::proc::boot_time_offset;
use rbtrace_ir::Manifest;
use rbtrace_lang::run::World;
use rustix::time::{ClockId, clock_gettime};

use crate::sys::time;

const SECOND: i64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Machine<'m> {
    host: &'m Host,
    manifest: &'m Manifest,
    boot_offset: i64,
}

impl<'m> Machine<'m> {
    /// The machine now; the boot clock is measured against the wall clock once.
    pub fn new(host: &'m Host, manifest: &'m Manifest) -> Self {
        Self { host, manifest, boot_offset: boot_time_offset() }
    }
}

/// The boot clock.
pub fn boot_ns() -> u64 {
    now(ClockId::Boottime) as u64
}

fn now(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * SECOND + time.tv_nsec
}

impl World for Machine<'_> {
    fn user_name(&self, uid: u32) -> Option<String> {
        self.host.users().name(uid).map(str::to_owned)
    }

    fn strftime(&self, format: &str, epoch_ns: i64) -> String {
        let (seconds, rest) = (epoch_ns.div_euclid(SECOND), epoch_ns.rem_euclid(SECOND));
        let format = with_microseconds(format, rest / 1000);
        time::strftime(&format, seconds).unwrap_or_else(|| "(?)".to_owned())
    }

    fn boot_to_epoch(&self, boot_ns: u64) -> i64 {
        self.boot_offset.saturating_add_unsigned(boot_ns)
    }

    fn now(&self) -> i64 {
        now(ClockId::Realtime)
    }

    fn text(&self, number: u64) -> Option<&str> {
        let text = self.manifest.texts.get(usize::try_from(number).ok()?)?;
        Some(text)
    }

    fn trailer(&self) -> &str {
        &self.manifest.config.str_trunc_trailer
    }
}

/// `%f` is ours, not the C library's.
fn with_microseconds(format: &str, microseconds: i64) -> String {
    let mut out = String::with_capacity(format.len() + 8);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let conversion = rest[at + 1..].chars().next();
        let end = at + 1 + conversion.map_or(0, char::len_utf8);
        match conversion {
            Some('f') => {
                out.push_str(&rest[..at]);
                out.push_str(&format!("{microseconds:06}"));
            }
            _ => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::with_microseconds;

    #[test]
    fn microseconds_are_put_in() {
        assert_eq!(with_microseconds("%H.%f|%%f|%é|%", 42), "%H.000042|%%f|%é|%");
        assert_eq!(with_microseconds("%f%f", 999_999), "999999999999");
    }
}
