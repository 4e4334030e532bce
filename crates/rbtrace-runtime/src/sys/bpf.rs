//! BPF programs: loading, running once, attaching to raw tracepoints, asking for their statistics.

use std::ffi::{CStr, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use libbpf_sys as sys;

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

/// Loads a program; the verifier's word is in `log`.
pub fn load(
    code: &Code,
    license: &CStr,
    btf: Option<BorrowedFd<'_>>,
    attach_btf_id: Option<u32>,
    log: Option<Log<'_>>,
) -> io::Result<OwnedFd> {
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
    if let Some(id) = attach_btf_id {
        options.attach_btf_id = id;
        options.expected_attach_type = sys::BPF_TRACE_RAW_TP;
    }
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

/// Attaches to a raw tracepoint; `None` for a typed program, which named its event when it was loaded. Closing the link detaches at once.
pub fn raw_tracepoint(program: BorrowedFd<'_>, event: Option<&CStr>) -> io::Result<OwnedFd> {
    let name = event.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: the name is a C string that lives until the call returns, or null, which the kernel takes for "as loaded".
    check(unsafe { sys::bpf_raw_tracepoint_open(name, program.as_raw_fd()) }).map(own)
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
