//! Perf events: opening one and putting a BPF program on it.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;
use rbtrace_ir::{Sample, UprobePlace};

use super::own;

/// `PERF_EVENT_IOC_ENABLE` and `PERF_EVENT_IOC_SET_BPF` of `linux/perf_event.h`.
const IOC_ENABLE: libc::c_ulong = 0x2400;
const IOC_SET_BPF: libc::c_ulong = 0x4004_2408;

/// What fires.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// `PERF_TYPE_…`
    pub kind: u32,
    /// Which one of that type.
    pub config: u64,
    /// How often.
    pub sample: Sample,
}

/// Where it is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whoever runs on this CPU.
    Cpu(u32),
    /// One thread and the threads it makes from now on, wherever they run.
    Thread(u32),
}

/// The type of events that are tracepoints; `config` is the id from tracefs.
pub const TRACEPOINT: u32 = sys::PERF_TYPE_TRACEPOINT;

/// Opens an event, not yet enabled.
pub fn open(event: Event, scope: Scope) -> io::Result<OwnedFd> {
    let mut attr = sys::perf_event_attr { type_: event.kind, config: event.config, ..Default::default() };
    match event.sample {
        Sample::Period(period) => attr.__bindgen_anon_1.sample_period = period,
        Sample::Frequency(hertz) => {
            attr.set_freq(1);
            attr.__bindgen_anon_1.sample_freq = hertz;
        }
    }
    open_in(attr, scope)
}

/// Memory that the processor watches.
#[derive(Debug, Clone, Copy)]
pub struct Breakpoint {
    /// Where.
    pub address: u64,
    /// How many bytes.
    pub length: u64,
    /// What for: `HW_BREAKPOINT_…`
    pub access: u32,
}

/// Opens the event of memory that is watched, not yet enabled.
pub fn open_breakpoint(watched: Breakpoint, scope: Scope) -> io::Result<OwnedFd> {
    let mut attr = sys::perf_event_attr { type_: sys::PERF_TYPE_BREAKPOINT, ..Default::default() };
    attr.__bindgen_anon_1.sample_period = 1;
    attr.bp_type = watched.access;
    attr.__bindgen_anon_3.bp_addr = watched.address;
    attr.__bindgen_anon_4.bp_len = watched.length;
    open_in(attr, scope)
}

/// What rings tell.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Which code processes take into memory, which begin, fork and end.
    pub processes: bool,
    /// Which BPF programs come and go in the kernel.
    pub kernel: bool,
}

/// Opens an event that counts nothing: its ring tells what comes and goes. On one CPU.
pub fn open_told(told: Told, cpu: u32) -> io::Result<OwnedFd> {
    let config = sys::PERF_COUNT_SW_DUMMY.into();
    let mut attr = sys::perf_event_attr { type_: sys::PERF_TYPE_SOFTWARE, config, ..Default::default() };
    let processes = u64::from(told.processes);
    attr.set_mmap(processes);
    attr.set_mmap2(processes);
    attr.set_comm(processes);
    attr.set_comm_exec(processes);
    attr.set_task(processes);
    attr.set_ksymbol(told.kernel.into());
    attr.sample_type = sys::PERF_SAMPLE_TIME.into();
    attr.set_sample_id_all(1);
    // Every record wakes: who maps a file may be gone a millisecond later.
    attr.set_watermark(1);
    attr.__bindgen_anon_2.wakeup_watermark = 1;
    open_at(attr, None, -1, cpu as i32)
}

/// Opens the event of a place in the kernel, not yet enabled. It fires on every CPU.
pub fn open_kprobe(kind: u32, symbol: Option<&CStr>, offset: u64, returns: bool) -> io::Result<OwnedFd> {
    let mut attr = sys::perf_event_attr { type_: kind, ..Default::default() };
    // As /sys/bus/event_source/devices/kprobe/format says: bit 0 for returns. Without a symbol the offset is an address.
    attr.config = u64::from(returns);
    attr.__bindgen_anon_4.config2 = offset;
    open_at(attr, symbol, -1, 0)
}

/// Opens the event of a place in a binary, not yet enabled. With a process it is about all of its threads.
pub fn open_uprobe(kind: u32, path: &CStr, place: UprobePlace, returns: bool, pid: Option<u32>) -> io::Result<OwnedFd> {
    let mut attr = sys::perf_event_attr { type_: kind, ..Default::default() };
    // As /sys/bus/event_source/devices/uprobe/format says: bit 0 for returns, the upper half for the counter.
    attr.config = u64::from(returns) | place.ref_ctr_offset << 32;
    attr.__bindgen_anon_4.config2 = place.offset;
    let (pid, cpu) = pid.map_or((-1, 0), |pid| (pid as i32, -1));
    open_at(attr, Some(path), pid, cpu)
}

/// An event that is counted on a CPU or for a thread and those that it starts.
fn open_in(mut attr: sys::perf_event_attr, scope: Scope) -> io::Result<OwnedFd> {
    attr.set_disabled(1);
    attr.__bindgen_anon_2.wakeup_events = 1;
    let (pid, cpu) = match scope {
        Scope::Cpu(cpu) => (-1, cpu as i32),
        Scope::Thread(tid) => {
            attr.set_inherit(1);
            (tid as i32, -1)
        }
    };
    open_at(attr, None, pid, cpu)
}

/// The call itself. `text` is what `config1` of the events of places points to.
fn open_at(mut attr: sys::perf_event_attr, text: Option<&CStr>, pid: i32, cpu: i32) -> io::Result<OwnedFd> {
    attr.size = size_of_val(&attr) as u32;
    if let Some(text) = text {
        attr.__bindgen_anon_3.config1 = text.as_ptr() as u64;
    }
    let flags = libc::c_ulong::from(sys::PERF_FLAG_FD_CLOEXEC);
    // SAFETY: `attr` says its own size; it and the text live until the call returns, and the kernel only reads them.
    let fd = unsafe { libc::syscall(libc::SYS_perf_event_open, &attr, pid, cpu, -1, flags) };
    if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(own(fd as i32)) }
}

/// Puts a program on an event and lets it fire.
pub fn enable(event: &OwnedFd, program: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: this request takes a descriptor by value.
    if unsafe { libc::ioctl(event.as_raw_fd(), IOC_SET_BPF, program.as_raw_fd()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    start(event)
}

/// Lets an event fire.
pub fn start(event: &OwnedFd) -> io::Result<()> {
    // SAFETY: this request takes a number by value.
    if unsafe { libc::ioctl(event.as_raw_fd(), IOC_ENABLE, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
