//! BTF objects in the kernel: that of a module, that of a loaded BPF program.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libbpf_sys as sys;

use super::{check, own};

/// Longer names are no module's.
const NAME_SIZE: usize = 64;
/// `BTF_KIND_FUNC`
const FUNC: u32 = 12;

/// The BTF of a loaded module.
pub fn of_module(name: &str) -> io::Result<OwnedFd> {
    let mut id = 0;
    loop {
        // SAFETY: the kernel's answer goes to `id`, which lives until the call returns.
        check(unsafe { sys::bpf_btf_get_next_id(id, &mut id) })?;
        // SAFETY: the id is passed by value.
        match check(unsafe { sys::bpf_btf_get_fd_by_id(id) }).map(own) {
            Ok(fd) if name_of(&fd)? == name.as_bytes() => return Ok(fd),
            Ok(_) => {}
            // It went away since its id was handed out.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// The name of a BTF object of the kernel or a module; empty for those of programs.
fn name_of(btf: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut name = [0u8; NAME_SIZE];
    let mut info = sys::bpf_btf_info { name: name.as_mut_ptr() as u64, name_len: NAME_SIZE as u32, ..Default::default() };
    let mut length = size_of_val(&info) as u32;
    // SAFETY: the kernel writes at most `length` bytes to `info` and `name_len` bytes to `name`; both live until the call returns.
    match check(unsafe { sys::bpf_btf_get_info_by_fd(btf.as_raw_fd(), &mut info, &mut length) }) {
        Ok(_) => Ok(name.into_iter().take_while(|&byte| byte != 0).collect()),
        Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A loaded program by its id, and the BTF id that a function has in it.
pub fn function_of_program(id: u32, function: &str) -> io::Result<(OwnedFd, u32)> {
    // SAFETY: the id is passed by value.
    let program = check(unsafe { sys::bpf_prog_get_fd_by_id(id) }).map(own)?;
    let mut info = sys::bpf_prog_info::default();
    let mut length = size_of_val(&info) as u32;
    // SAFETY: the kernel writes at most `length` bytes of plain integers into `info`, whose all-zero form asks for no arrays.
    check(unsafe { sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut info, &mut length) })?;
    let name = CString::new(function)?;
    // SAFETY: the id is passed by value; the result is ours to free.
    let btf = unsafe { sys::btf__load_from_kernel_by_id(info.btf_id) };
    if btf.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `btf` was just loaded, and the name is a C string that lives until the call returns.
    let found = check(unsafe { sys::btf__find_by_name_kind(btf, name.as_ptr(), FUNC) });
    // SAFETY: nobody else has it.
    unsafe { sys::btf__free(btf) };
    Ok((program, found? as u32))
}
