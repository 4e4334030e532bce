//! What the runtime needs beside the object file: maps, events, programs with their attach plans. Plain, serialisable data: a
//! compiled script can be cached, shipped and run where there is no LLVM.

use rbtrace_diag::{HeldBack, Span};
use rbtrace_types::Type;
use serde::{Deserialize, Serialize};

/// A map of the script; an index into [`Manifest::maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MapId(pub u32);

/// An event; an index into [`Manifest::events`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub u32);

/// A way to lose something; an index into [`Manifest::losses`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LossId(pub u32);

/// Bytes before the payload of every record: the event's number as u32, then its payload size as u32.
pub const RECORD_HEADER: u32 = 8;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The script's maps, in order of first appearance.
    pub maps: Vec<MapDecl>,
    /// Kinds of records.
    pub events: Vec<EventDecl>,
    /// The programs, in order of the script.
    pub programs: Vec<ProgramDecl>,
    /// What can be lost; each has a u64 counter in the map [`Manifest::LOSS_MAP`].
    pub losses: Vec<LossDecl>,
    /// Texts that values refer to by their index: a timestamp says how it is printed.
    pub texts: Vec<String>,
    /// Settings that matter while running.
    pub config: RunConfig,
}

impl Manifest {
    /// Symbol of the internal scalar map (`Storage::Global`, u64) that the runtime sets to the boot clock before it attaches, where the
    /// script needs it. Maps whose symbol starts with [`Manifest::INTERNAL`] are never printed.
    pub const START_MAP: &'static str = "rb_start";
    /// Symbol of the internal scalar map (`Storage::Global`, u64) that holds the exit status once a program ended the run: the record that
    /// says so may be lost.
    pub const EXIT_MAP: &'static str = "rb_exit";
    /// Symbol of the internal scalar map (`Storage::Global`, u64) that the runtime sets to what TAI is ahead of the boot clock, where the
    /// script needs it.
    pub const TAI_MAP: &'static str = "rb_tai";
    /// Symbol of the internal scalar map (`Storage::Global`, u64) that stops the programs which cannot be detached at once: not 0 means do
    /// nothing any more.
    pub const GATE_MAP: &'static str = "rb_gate";
    /// Symbol of the internal scalar map (`Storage::Global`, u64) to which a test or benchmark writes what it returns.
    pub const RESULT_MAP: &'static str = "rb_result";
    /// Symbol of the internal map of the rows of unwind tables; see `rbtrace_types::unwind` for these five.
    pub const UNWIND_ROWS: &'static str = "rb_unw_rows";
    /// Symbol of the internal map of their rules.
    pub const UNWIND_RULES: &'static str = "rb_unw_rules";
    /// Symbol of the internal map of the stretches of code of processes.
    pub const UNWIND_CODE: &'static str = "rb_unw_code";
    /// Symbol of the internal map of the processes.
    pub const UNWIND_PROCESSES: &'static str = "rb_unw_procs";
    /// Symbol of the internal map of the files whose tables are known.
    pub const UNWIND_FILES: &'static str = "rb_unw_files";
    /// Start of the symbols of the internal maps (`Storage::Hash`, keys u64) in which programs leave addresses that are to be watched.
    pub const WATCHED_MAPS: &'static str = "rb_watch_";
    /// Start of the symbols of maps the user does not know of.
    pub const INTERNAL: &'static str = "rb_";
    /// Name of the ring buffer in the object.
    pub const RING_MAP: &'static str = "rb_events";
    /// Name of the array map with one u64 per entry of `losses`.
    pub const LOSS_MAP: &'static str = "rb_losses";
    /// Name of the per-CPU array with one entry of scratch memory.
    pub const SCRATCH_MAP: &'static str = "rb_scratch";
    /// How many failures at one place of a script are told one by one. All of them are counted.
    pub const TOLD_IN_FULL: u64 = 3;
    /// The loss of any event for want of room in the ring buffer. `losses[0]` always is this.
    pub const RING_LOSS: LossId = LossId(0);
}

/// How a map of the script is kept in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Storage {
    /// One entry in an array map: a scalar map with a plain value. The entry is the value padded to 8 bytes, then a u64 that is 1 once it
    /// was assigned.
    Global,
    /// One entry in a per-CPU array: a scalar map with an aggregation.
    PerCpuGlobal,
    /// `BPF_MAP_TYPE_HASH`
    Hash,
    /// `BPF_MAP_TYPE_LRU_HASH`
    LruHash,
    /// `BPF_MAP_TYPE_PERCPU_HASH`
    PerCpuHash,
    /// `BPF_MAP_TYPE_LRU_PERCPU_HASH`
    LruPerCpuHash,
    /// `BPF_MAP_TYPE_ARRAY` by numbers, which user space has in its memory, too. Internal maps only.
    Array,
    /// `BPF_MAP_TYPE_ARRAY_OF_MAPS`: [`Storage::Array`]s by numbers, which come as they are needed. Internal maps only; the value is that of
    /// the inner maps.
    Arrays,
}

impl Storage {
    /// Whether each CPU has its own value.
    pub fn is_per_cpu(self) -> bool {
        match self {
            Self::PerCpuGlobal | Self::PerCpuHash | Self::LruPerCpuHash => true,
            Self::Global | Self::Hash | Self::LruHash | Self::Array | Self::Arrays => false,
        }
    }
}

/// A map of the script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapDecl {
    /// As the user wrote it, without `@`; empty for the bare `@`.
    pub name: String,
    /// Symbol in the object and name in the kernel: `AT_` + name (SPEC §4.3); at most 15 characters reach the kernel.
    pub symbol: String,
    /// Where.
    pub storage: Storage,
    /// Type of the key; none for a scalar map. A multi-key is a tuple. Key size in the kernel: `ty.size()`.
    pub key: Option<Type>,
    /// Type of the value; `Type::Aggregate` for aggregations. See [`MapDecl::value_size`].
    pub value: Type,
    /// Entries.
    pub max_entries: u32,
    /// Whether the kernel reserves all entries at once (needed where a probe may fire inside the allocator).
    pub preallocate: bool,
}

impl MapDecl {
    /// Bytes of an entry's value in the kernel (of one CPU), a multiple of 8.
    pub fn value_size(&self) -> u32 {
        let plain = self.value.size().next_multiple_of(8);
        match self.storage {
            Storage::Global => plain + 8,
            Storage::PerCpuGlobal | Storage::Hash | Storage::LruHash | Storage::PerCpuHash | Storage::LruPerCpuHash => plain,
            Storage::Array | Storage::Arrays => plain,
        }
    }
}

/// A kind of record: who handles it and how its payload reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EventDecl {
    /// Name of the row in rbtrace-lang whose `handle` gets it.
    pub handler: String,
    /// Text literals of the call: the format string. Bytes, because `\xff` is one.
    pub texts: Vec<Vec<u8>>,
    /// Integer literals of the call: `top`, `div`.
    pub numbers: Vec<i64>,
    /// Maps of the call.
    pub maps: Vec<MapId>,
    /// Types of the payload's values, laid out like a tuple (`Layout::of`).
    pub args: Vec<Type>,
    /// Where the call was written, for messages that name it: span and the location text (`stdin:1:9-20`).
    pub span: Option<Span>,
    /// See `span`.
    pub location: String,
    /// The line it stands in, and under it marks where, for those messages that show it.
    pub excerpt: String,
    /// The calls of macros that led there, the innermost first.
    pub callers: Vec<Caller>,
    /// What class of warnings it belongs to, if it is one.
    pub code: String,
}

/// The call of a macro, for messages that name the chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caller {
    /// As in [`EventDecl::location`].
    pub location: String,
    /// The line of the script, and under it marks where the call stands.
    pub excerpt: String,
}

/// A BPF program and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramDecl {
    /// Symbol in the object.
    pub symbol: String,
    /// When it runs.
    pub role: Role,
    /// How it is attached; empty for roles other than `Traced`.
    pub plan: Option<AttachPlan>,
    /// The full names of its attach points: what `probe` prints, what is counted.
    pub probes: Vec<String>,
    /// The probe's header in the source.
    pub span: Span,
    /// Keep the order of the script (SPEC §7.1 "fire order"): attach in reverse.
    pub reverse: bool,
}

/// When a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Once before attaching, by a test run.
    Begin,
    /// Once at the end, by a test run.
    End,
    /// When the process gets a signal of this number, by a test run.
    Signal(i32),
    /// Once, as a test of its own, by a test run.
    Test,
    /// As often as it takes to measure it, by a test run.
    Bench,
    /// When its attach point fires.
    Traced,
}

/// Which CPUs a perf event is opened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CpuSet {
    /// Every online CPU.
    All,
    /// The first online CPU.
    First,
}

/// A mechanism of the kernel and its parameters. The names of probe types are not known here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttachPlan {
    /// A raw tracepoint link; `typed` programs (`tp_btf`) name their event at load time.
    RawTracepoint {
        /// Event.
        event: String,
        /// Whether the program is of the typed kind.
        typed: bool,
    },
    /// A perf event of a tracepoint.
    Tracepoint {
        /// Category.
        category: String,
        /// Event.
        event: String,
    },
    /// A software or hardware perf event.
    PerfEvent {
        /// `perf_event_attr.type`
        kind: u32,
        /// `perf_event_attr.config`
        config: u64,
        /// Period in events (or nanoseconds for clocks), or frequency in Hz.
        sample: Sample,
        /// On which CPUs.
        cpus: CpuSet,
        /// Only while this process runs.
        pid: Option<u32>,
    },
    /// Runs for every object of a kind when it is read, by us or, pinned, by others.
    Iterator {
        /// Of what.
        kind: String,
        /// Only what belongs to this process.
        pid: Option<u32>,
        /// The file that it becomes.
        pin: Option<String>,
    },
    /// The processor watches memory.
    Breakpoint {
        /// Where.
        address: Watched,
        /// How many bytes.
        length: u64,
        /// What for: `HW_BREAKPOINT_R`, `_W`, `_X`.
        access: u32,
        /// In this process; else in the kernel.
        pid: Option<u32>,
    },
    /// Places in the code of processes. Whether they become one link or a perf event each is the kernel's matter.
    Uprobe {
        /// The files, each once.
        files: Vec<UprobeFile>,
        /// When the functions return instead of when they begin.
        returns: bool,
        /// Only in this process.
        pid: Option<u32>,
    },
    /// Places in the code of the kernel. Whether they become one link or a perf event each is the kernel's matter.
    Kprobe {
        /// The places.
        places: Vec<KernelPlace>,
        /// When.
        moment: Moment,
    },
    /// A function's own door for BPF programs, at its entry or exit.
    Trampoline {
        /// Whose function.
        of: TracedCode,
        /// The function.
        function: String,
        /// At its end instead of its beginning.
        returns: bool,
    },
}

impl AttachPlan {
    /// Whether one program can serve this plan and another.
    pub fn fits(&self, other: &AttachPlan) -> bool {
        match (self, other) {
            (Self::Uprobe { returns, pid, .. }, Self::Uprobe { returns: other_returns, pid: other_pid, .. }) => {
                (returns, pid) == (other_returns, other_pid)
            }
            (Self::Kprobe { moment, .. }, Self::Kprobe { moment: other, .. }) => moment == other,
            _ => self == other,
        }
    }

    /// Adds the places of a plan that fits.
    pub fn join(&mut self, other: AttachPlan) {
        match (self, other) {
            (Self::Uprobe { files, .. }, Self::Uprobe { files: more, .. }) => {
                for new in more {
                    match files.iter_mut().find(|file| file.path == new.path) {
                        Some(file) => file.places.extend(new.places),
                        None => files.push(new),
                    }
                }
            }
            (Self::Kprobe { places, .. }, Self::Kprobe { places: more, .. }) => places.extend(more),
            // Plans without places of their own fit only if they are equal.
            (Self::Uprobe { .. } | Self::Kprobe { .. } | Self::Trampoline { .. } | Self::Iterator { .. }, _)
            | (Self::RawTracepoint { .. } | Self::Tracepoint { .. } | Self::PerfEvent { .. } | Self::Breakpoint { .. }, _) => {}
        }
    }

    /// Gives all places a cookie, by which a shared program tells them from others.
    pub fn set_cookie(&mut self, number: u64) {
        match self {
            Self::Uprobe { files, .. } => files.iter_mut().flat_map(|file| &mut file.places).for_each(|place| place.cookie = number),
            Self::Kprobe { places, .. } => places.iter_mut().for_each(|place| place.cookie = number),
            Self::RawTracepoint { .. } | Self::Tracepoint { .. } | Self::PerfEvent { .. } => {}
            Self::Breakpoint { .. } | Self::Trampoline { .. } | Self::Iterator { .. } => {}
        }
    }
}

/// Where memory is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watched {
    /// At an address.
    At(u64),
    /// Where another program finds it out: it leaves addresses as keys in the internal map of this symbol and stops the process, which goes on
    /// once they are watched.
    Left(String),
}

/// When a program runs that is about functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// When they begin, or at an instruction inside.
    Begin,
    /// When they return.
    End,
    /// At both; the program asks the kernel which it is.
    Both,
}

/// A binary and places in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UprobeFile {
    /// Where it can be opened.
    pub path: String,
    /// The places.
    pub places: Vec<UprobePlace>,
}

/// A place in a binary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UprobePlace {
    /// Of its instruction, from the start of the file.
    pub offset: u64,
    /// What `bpf_get_attach_cookie` says there.
    pub cookie: u64,
    /// Offset in the file of a 16-bit counter that the kernel keeps above 0 while somebody watches; 0: none.
    pub ref_ctr_offset: u64,
}

/// Whose function a trampoline is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TracedCode {
    /// That of a module; `vmlinux` is the kernel itself.
    Module(String),
    /// That of a BPF program, by its id.
    Program(u32),
}

/// A place in the kernel: a symbol, or an address, and what is behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelPlace {
    /// The symbol, `module:symbol` where that matters; empty: the address alone.
    pub symbol: String,
    /// Bytes behind it.
    pub offset: u64,
    /// Where it is; 0: the kernel looks the symbol up.
    pub address: u64,
    /// What `bpf_get_attach_cookie` says there.
    pub cookie: u64,
}

/// How often a perf event fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sample {
    /// Every n events.
    Period(u64),
    /// n times per second.
    Frequency(u64),
}

/// Something that can be lost, or go wrong in a way that is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossDecl {
    /// What.
    pub kind: LossKind,
    /// What is said about it and where it stands; the event itself may never be sent.
    pub site: Option<EventId>,
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LossKind {
    /// Events, because the ring buffer was full.
    Ring,
    /// Updates of a map, because it was full.
    MapFull(MapId),
    /// What its site says: the first [`Manifest::TOLD_IN_FULL`] are sent as events, too.
    Failure,
}

/// Settings that matter while running (SPEC §8.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Print maps at the end.
    pub print_maps_on_exit: bool,
    /// Name addresses of processes.
    pub user_symbols: bool,
    /// Show source lines and inlined functions.
    pub debug_info: bool,
    /// Show names of C++ and Rust as they were written.
    pub demangle: bool,
    /// Whether names of code in processes are wanted, and with them an eye on what processes take into memory.
    pub follow_processes: bool,
    /// Whether names of the kernel's code and data are wanted.
    pub name_kernel: bool,
    /// Bytes that `cat()` prints.
    pub max_cat_bytes: u64,
    /// Appended to a string that did not fit.
    pub str_trunc_trailer: String,
    /// Bytes of the ring buffer; a power of two times the page size.
    pub ring_bytes: u32,
    /// Licence given to the kernel.
    pub license: String,
    /// Bytes of the verifier's log.
    pub log_size: u32,
    /// What to do when an attach point does not exist: `error`, `warn`, `ignore`.
    pub missing_probes: String,
    /// Which warnings are not shown.
    pub held_back: HeldBack,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            print_maps_on_exit: true,
            user_symbols: true,
            debug_info: true,
            demangle: true,
            follow_processes: false,
            name_kernel: false,
            max_cat_bytes: 10240,
            str_trunc_trailer: "..".into(),
            ring_bytes: 8 << 20,
            license: "GPL".into(),
            log_size: 1_000_000,
            missing_probes: "error".into(),
            held_back: HeldBack::Nothing,
        }
    }
}
