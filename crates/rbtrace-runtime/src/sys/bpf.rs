//! BPF programs: loading, running once, attaching to raw tracepoints, asking for their statistics.

use std::ffi::{CStr, CString, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use libbpf_sys as sys;
use rbtrace_ir::{KernelPlace, Moment, UprobePlace};

use super::{check, own};

/// A program as libbpf has relocated it, ready for the kernel. `func_info` and `line_info` belong to `btf`.
#[derive(Debug)]
pub struct Code {
    /// Name in the kernel.
    pub name: std::ffi::CString,
    /// `BPF_PROG_TYPE_…`
    pub program_type: u32,
    /// The instructions, maps already filled in.
    pub instructions: Vec<sys::bpf_insn>,
    /// Functions of the program; callbacks need it.
    pub functions: Vec<sys::bpf_func_info>,
    /// Source lines; the verifier's log quotes them.
    pub lines: Vec<sys::bpf_line_info>,
}

/// What the verifier is asked to say.
pub struct Log<'a> {
    /// 0: nothing, 1: the path it walked, 2: with all states.
    pub level: u32,
    /// Where it writes.
    pub buffer: &'a mut [u8],
}

/// What the verifier has to know beforehand of where a program will be attached; all 0: nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected {
    /// `BPF_TRACE_…`
    pub attach_type: u32,
    /// The BTF id of the kernel's function or type.
    pub btf_id: u32,
    /// The BTF of the module that has it; `None`: the kernel's own. Whoever hands it in keeps it open until the program is loaded.
    pub btf: Option<RawFd>,
    /// The BPF program that is traced, instead of the kernel.
    pub program: Option<RawFd>,
}

impl Expected {
    /// A typed raw tracepoint.
    pub fn raw_tracepoint(btf_id: u32) -> Expected {
        Expected { attach_type: sys::BPF_TRACE_RAW_TP, btf_id, ..Expected::default() }
    }

    /// Many functions of the kernel by one link.
    pub fn kprobe_multi(moment: Moment) -> Expected {
        Expected { attach_type: multi_type(moment), ..Expected::default() }
    }

    /// The beginning or the end of a function.
    pub fn function(btf_id: u32, returns: bool) -> Expected {
        let attach_type = if returns { sys::BPF_TRACE_FEXIT } else { sys::BPF_TRACE_FENTRY };
        Expected { attach_type, btf_id, ..Expected::default() }
    }

    /// An iterator over the objects of a kind.
    pub fn iterator(btf_id: u32) -> Expected {
        Expected { attach_type: sys::BPF_TRACE_ITER, btf_id, ..Expected::default() }
    }

    /// Many places of a binary by one link.
    pub fn uprobe_multi() -> Expected {
        Expected { attach_type: sys::BPF_TRACE_UPROBE_MULTI, ..Expected::default() }
    }
}

/// Loads a program; the verifier's word is in `log`.
pub fn load(code: &Code, license: &CStr, btf: Option<BorrowedFd<'_>>, expected: Expected, log: Option<Log<'_>>) -> io::Result<OwnedFd> {
    let mut options = sys::bpf_prog_load_opts { sz: size_of::<sys::bpf_prog_load_opts>() as sys::size_t, ..Default::default() };
    if let Some(btf) = btf {
        options.prog_btf_fd = btf.as_raw_fd() as u32;
        options.func_info = code.functions.as_ptr().cast();
        options.func_info_cnt = code.functions.len() as u32;
        options.func_info_rec_size = size_of::<sys::bpf_func_info>() as u32;
        options.line_info = code.lines.as_ptr().cast();
        options.line_info_cnt = code.lines.len() as u32;
        options.line_info_rec_size = size_of::<sys::bpf_line_info>() as u32;
    }
    options.attach_btf_id = expected.btf_id;
    options.expected_attach_type = expected.attach_type;
    options.attach_btf_obj_fd = expected.btf.map_or(0, |fd| fd as u32);
    options.attach_prog_fd = expected.program.map_or(0, |fd| fd as u32);
    if let Some(log) = log {
        options.log_level = log.level;
        options.log_size = log.buffer.len() as u32;
        options.log_buf = log.buffer.as_mut_ptr().cast();
    }
    let (name, instructions) = (code.name.as_ptr(), code.instructions.as_ptr());
    let length = code.instructions.len() as sys::size_t;
    // SAFETY: every pointer is to memory that lives until the call returns, with the length given beside it; the kernel writes only to the
    // log's buffer, within its size.
    check(unsafe { sys::bpf_prog_load(code.program_type, name, license.as_ptr(), instructions, length, &mut options) }).map(own)
}

/// Runs a raw tracepoint program once, here and now, with eight zero arguments.
pub fn test_run(program: BorrowedFd<'_>) -> io::Result<()> {
    let context = [0u64; 8];
    let mut options = sys::bpf_test_run_opts { sz: size_of::<sys::bpf_test_run_opts>() as sys::size_t, ..Default::default() };
    options.ctx_in = context.as_ptr().cast();
    options.ctx_size_in = size_of_val(&context) as u32;
    // SAFETY: the context lives until the call returns; the kernel only reads it.
    check(unsafe { sys::bpf_prog_test_run_opts(program.as_raw_fd(), &mut options) }).map(drop)
}

/// Runs an XDP program many times in a row on a packet of zeros; says what one run took on average, in nanoseconds.
pub fn measure(program: BorrowedFd<'_>, times: u32) -> io::Result<u32> {
    /// The shortest that the kernel takes is an Ethernet header.
    const PACKET: [u8; 64] = [0; 64];
    let mut options = sys::bpf_test_run_opts { sz: size_of::<sys::bpf_test_run_opts>() as sys::size_t, ..Default::default() };
    options.data_in = PACKET.as_ptr().cast();
    options.data_size_in = PACKET.len() as u32;
    options.repeat = times as i32;
    // SAFETY: the packet is constant memory, which the kernel only reads; it writes nothing but the options' own fields.
    check(unsafe { sys::bpf_prog_test_run_opts(program.as_raw_fd(), &mut options) })?;
    Ok(options.duration)
}

/// Attaches to a raw tracepoint; `None` for a typed program, which named its event when it was loaded. Closing the link detaches at once.
pub fn raw_tracepoint(program: BorrowedFd<'_>, event: Option<&CStr>) -> io::Result<OwnedFd> {
    let name = event.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: the name is a C string that lives until the call returns, or null, which the kernel takes for "as loaded".
    check(unsafe { sys::bpf_raw_tracepoint_open(name, program.as_raw_fd()) }).map(own)
}

/// How links to many functions are told apart.
fn multi_type(moment: Moment) -> u32 {
    match moment {
        Moment::Begin | Moment::End => sys::BPF_TRACE_KPROBE_MULTI,
        Moment::Both => sys::BPF_TRACE_KPROBE_SESSION,
    }
}

/// Attaches to many functions of the kernel at once; the program was loaded for it. Either all places have an address, or all are looked up
/// by the kernel. Closing the link detaches.
pub fn kprobe_multi(program: BorrowedFd<'_>, places: &[&KernelPlace], moment: Moment) -> io::Result<OwnedFd> {
    let by_address = places.iter().all(|place| place.address != 0);
    let symbols = places.iter().map(|place| CString::new(place.symbol.as_str())).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> = symbols.iter().map(|symbol| symbol.as_ptr()).collect();
    let addresses: Vec<u64> = places.iter().map(|place| place.address).collect();
    let cookies: Vec<u64> = places.iter().map(|place| place.cookie).collect();
    let mut options = sys::bpf_link_create_opts { sz: size_of::<sys::bpf_link_create_opts>() as sys::size_t, ..Default::default() };
    options.__bindgen_anon_1.kprobe_multi = sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_2 {
        flags: if moment == Moment::End { sys::BPF_F_KPROBE_MULTI_RETURN } else { 0 },
        cnt: places.len() as u32,
        syms: if by_address { std::ptr::null_mut() } else { names.as_mut_ptr() },
        addrs: if by_address { addresses.as_ptr() } else { std::ptr::null() },
        cookies: cookies.as_ptr(),
    };
    // SAFETY: the arrays live until the call returns, with `cnt` entries each, and so do the names that one points to; the kernel only
    // reads them.
    check(unsafe { sys::bpf_link_create(program.as_raw_fd(), 0, multi_type(moment), &options) }).map(own)
}

/// Attaches to many places of a binary at once; the program was loaded for it. Closing the link detaches.
pub fn uprobe_multi(program: BorrowedFd<'_>, path: &CStr, places: &[UprobePlace], returns: bool, pid: Option<u32>) -> io::Result<OwnedFd> {
    let offsets: Vec<u64> = places.iter().map(|place| place.offset).collect();
    let counters: Vec<u64> = places.iter().map(|place| place.ref_ctr_offset).collect();
    let cookies: Vec<u64> = places.iter().map(|place| place.cookie).collect();
    let is_counted = counters.iter().any(|&offset| offset != 0);
    let mut options = sys::bpf_link_create_opts { sz: size_of::<sys::bpf_link_create_opts>() as sys::size_t, ..Default::default() };
    options.__bindgen_anon_1.uprobe_multi = sys::bpf_link_create_opts__bindgen_ty_1__bindgen_ty_3 {
        flags: if returns { sys::BPF_F_UPROBE_MULTI_RETURN } else { 0 },
        cnt: places.len() as u32,
        path: path.as_ptr(),
        offsets: offsets.as_ptr(),
        ref_ctr_offsets: if is_counted { counters.as_ptr() } else { std::ptr::null() },
        cookies: cookies.as_ptr(),
        pid: pid.unwrap_or(0),
        ..Default::default()
    };
    // SAFETY: path and arrays live until the call returns, the arrays with `cnt` entries each; the kernel only reads them.
    check(unsafe { sys::bpf_link_create(program.as_raw_fd(), 0, sys::BPF_TRACE_UPROBE_MULTI, &options) }).map(own)
}

/// What an iterator goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// All there is.
    Everything,
    /// What belongs to a process.
    Process(u32),
    /// All cgroups, the outer before the inner: for these the kernel wants to be told.
    Cgroups,
}

/// Makes an iterator. It goes through nothing before it is read.
pub fn iterator_link(program: BorrowedFd<'_>, over: Over) -> io::Result<OwnedFd> {
    let mut info = sys::bpf_iter_link_info::default();
    match over {
        Over::Everything => {}
        Over::Process(pid) => info.task.pid = pid,
        Over::Cgroups => info.cgroup.order = sys::BPF_CGROUP_ITER_DESCENDANTS_PRE,
    }
    let mut options = sys::bpf_link_create_opts { sz: size_of::<sys::bpf_link_create_opts>() as sys::size_t, ..Default::default() };
    if over != Over::Everything {
        options.iter_info = &mut info;
        options.iter_info_len = size_of_val(&info) as u32;
    }
    // SAFETY: options and info live until the call returns; the kernel only reads them.
    check(unsafe { sys::bpf_link_create(program.as_raw_fd(), 0, sys::BPF_TRACE_ITER, &options) }).map(own)
}

/// A reader of an iterator.
pub fn iterate(link: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: a descriptor is passed by value.
    check(unsafe { sys::bpf_iter_create(link.as_raw_fd()) }).map(own)
}

/// Makes a file of a link, which keeps it alive.
pub fn pin(link: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    // SAFETY: the path is a C string that lives until the call returns.
    check(unsafe { sys::bpf_obj_pin(link.as_raw_fd(), path.as_ptr()) }).map(drop)
}

/// Puts a program on a perf event; the program can ask for the cookie. Closing link and event detaches.
pub fn perf_link(program: BorrowedFd<'_>, event: &OwnedFd, cookie: u64) -> io::Result<OwnedFd> {
    let mut options = sys::bpf_link_create_opts { sz: size_of::<sys::bpf_link_create_opts>() as sys::size_t, ..Default::default() };
    options.__bindgen_anon_1.perf_event.bpf_cookie = cookie;
    // SAFETY: the options live until the call returns; descriptors are passed by value.
    let link = check(unsafe { sys::bpf_link_create(program.as_raw_fd(), event.as_raw_fd(), sys::BPF_PERF_EVENT, &options) }).map(own)?;
    super::perf::start(event)?;
    Ok(link)
}

/// How often a program was not run because it was already running on that CPU.
pub fn recursion_misses(program: &OwnedFd) -> io::Result<u64> {
    let mut info = sys::bpf_prog_info::default();
    let mut length = size_of_val(&info) as u32;
    // SAFETY: the kernel writes at most `length` bytes of plain integers into `info`, whose all-zero form asks for no arrays.
    check(unsafe { sys::bpf_prog_get_info_by_fd(program.as_fd().as_raw_fd(), &mut info, &mut length) })?;
    Ok(info.recursion_misses)
}

/// The BTF id of a raw tracepoint's type, found by libbpf in the whole of the kernel's BTF: slow (5 ms and more), but it also works where
/// our own reader does not.
pub fn raw_tracepoint_btf_id(event: &CStr) -> io::Result<u32> {
    // SAFETY: the name is a C string that lives until the call returns.
    check(unsafe { sys::libbpf_find_vmlinux_btf_id(event.as_ptr(), sys::BPF_TRACE_RAW_TP) }).map(|id| id as u32)
}

/// The address of a slice for the kernel to write to; null for an empty one.
pub(super) fn writable<T>(buffer: &mut [T]) -> *mut c_void {
    if buffer.is_empty() { std::ptr::null_mut() } else { buffer.as_mut_ptr().cast() }
}
