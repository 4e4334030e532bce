//! This machine as values see it: users, local time, the boot clock. Asks rbtrace-host and the C library; knows no map and no record.

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use rbtrace_host::Host;
use rbtrace_host::cgroups::cgroup_paths;
use rbtrace_host::proc::boot_time_offset;
use rbtrace_host::symbols::mappings::Place;
use rbtrace_host::symbols::{Id, Symbols, Wanted};
use rbtrace_host::unwind;
use rbtrace_ir::Manifest;
use rbtrace_lang::run::{Symbol, World};
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime, clock_gettime_dynamic};

use crate::maps::StackTable;
use crate::sys::time;

const SECOND: i64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub struct Machine<'m> {
    host: &'m Host,
    manifest: &'m Manifest,
    stacks: HashMap<u32, StackTable>,
    boot_offset: i64,
    symbols: OnceCell<Symbols>,
    /// Processes whose unwind tables are wanted.
    to_unwind: RefCell<Vec<u32>>,
    /// The binaries that frame pointers led to, if they are to be told: each is looked at once.
    walked: Option<RefCell<HashSet<Id>>>,
}

impl<'m> Machine<'m> {
    /// The machine now; the boot clock is measured against the wall clock once.
    pub fn new(host: &'m Host, manifest: &'m Manifest, stacks: HashMap<u32, StackTable>, verbose: bool) -> Self {
        let (symbols, to_unwind, walked) = (OnceCell::new(), RefCell::default(), verbose.then(RefCell::default));
        Self { host, manifest, stacks, boot_offset: boot_time_offset(), symbols, to_unwind, walked }
    }

    /// Says what binary keeps no frame pointers, the first time that one led there.
    fn look_for_frames(&self, walked: &RefCell<HashSet<Id>>, pid: u32, address: u64) {
        let place = self.symbols().mappings().borrow_mut().find(pid, address);
        let Some(Place::File(file, _)) = place.filter(|_| self.manifest.config.user_symbols) else { return };
        if walked.borrow_mut().insert(file.id())
            && let Some(table) = file.bytes().and_then(|bytes| unwind::table_of(&file.path, &bytes))
            && table.is_unframed()
        {
            eprintln!("{}: compiled without frame pointers, so callers may be missing in its stacks; dw_ustack finds them", file.path);
        }
    }

    /// The processes whose unwind tables are wanted since the last time.
    pub fn to_unwind(&self) -> Vec<u32> {
        self.to_unwind.take()
    }

    /// The tables of stacks, by their numbers.
    pub fn stacks(&self) -> &HashMap<u32, StackTable> {
        &self.stacks
    }

    /// What went wrong while names were looked for, since this was last asked.
    pub fn complaints(&self) -> Vec<String> {
        self.host.take_complaints()
    }

    /// Names of addresses.
    pub fn symbols(&self) -> &Symbols {
        let config = &self.manifest.config;
        let wanted = Wanted { lines: config.debug_info, demangled: config.demangle };
        self.symbols.get_or_init(|| Symbols::new(wanted, self.host.debug_places().clone()))
    }
}

/// The boot clock.
pub fn boot_ns() -> u64 {
    now(ClockId::Boottime) as u64
}

/// What TAI is ahead of the boot clock.
pub fn tai_offset() -> u64 {
    (boot_time_offset() + leap_seconds()) as u64
}

/// What TAI is ahead of the wall clock, in nanoseconds: whole seconds, as the kernel was told.
fn leap_seconds() -> i64 {
    let Ok(tai) = clock_gettime_dynamic(DynamicClockId::Tai) else { return 0 };
    let ahead = nanoseconds(tai) - now(ClockId::Realtime);
    (ahead + SECOND / 2).div_euclid(SECOND) * SECOND
}

fn now(clock: ClockId) -> i64 {
    nanoseconds(clock_gettime(clock))
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * SECOND + time.tv_nsec
}

impl World for Machine<'_> {
    fn user_name(&self, uid: u32) -> Option<String> {
        self.host.users().name(uid).map(str::to_owned)
    }

    fn kernel_symbol(&self, address: u64) -> Option<Rc<Symbol>> {
        self.symbols().kernel(address)
    }

    fn user_symbol(&self, pid: u32, address: u64) -> Option<Rc<Symbol>> {
        self.manifest.config.user_symbols.then(|| self.symbols().user(pid, address))?
    }

    fn knows(&self, pid: u32) -> bool {
        self.symbols().mappings().borrow().knows(pid)
    }

    fn meet(&self, pid: u32) {
        self.symbols().mappings().borrow_mut().meet(pid);
    }

    fn walked(&self, pid: u32, address: u64) {
        if let Some(walked) = &self.walked {
            self.look_for_frames(walked, pid, address);
        }
    }

    fn unwind(&self, pid: u32) {
        self.to_unwind.borrow_mut().push(pid);
    }

    fn stack_entry(&self, table: u32, id: u64) -> Option<Vec<u8>> {
        let entry = self.stacks.get(&table)?.entry(id)?;
        Some(entry.iter().flat_map(|word| word.to_ne_bytes()).collect())
    }

    fn cgroup_paths(&self, id: u64) -> Vec<(String, String)> {
        cgroup_paths(id)
    }

    fn strftime(&self, format: &str, epoch_ns: i64) -> String {
        let (seconds, rest) = (epoch_ns.div_euclid(SECOND), epoch_ns.rem_euclid(SECOND));
        let format = with_fractions(format, rest);
        time::strftime(&format, seconds).unwrap_or_else(|| "(?)".to_owned())
    }

    fn boot_to_epoch(&self, boot_ns: u64) -> i64 {
        self.boot_offset.saturating_add_unsigned(boot_ns)
    }

    fn tai_to_epoch(&self, tai_ns: u64) -> i64 {
        (tai_ns as i64).saturating_sub(leap_seconds())
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

/// `%f`, `%k` and `%l` are ours, not the C library's: micro-, nano- and milliseconds.
fn with_fractions(format: &str, nanoseconds: i64) -> String {
    let mut out = String::with_capacity(format.len() + 8);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let conversion = rest[at + 1..].chars().next();
        let end = at + 1 + conversion.map_or(0, char::len_utf8);
        let fraction = match conversion {
            Some('f') => Some(format!("{:06}", nanoseconds / 1000)),
            Some('k') => Some(format!("{nanoseconds:09}")),
            Some('l') => Some(format!("{:03}", nanoseconds / 1_000_000)),
            Some(_) | None => None,
        };
        match fraction {
            Some(digits) => {
                out.push_str(&rest[..at]);
                out.push_str(&digits);
            }
            None => out.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::with_fractions;

    #[test]
    fn fractions_are_put_in() {
        assert_eq!(with_fractions("%H.%f|%%f|%é|%", 42_000), "%H.000042|%%f|%é|%");
        assert_eq!(with_fractions("%f%k%l", 999_999_999), "999999999999999999");
    }
}
