//! BTF objects in the kernel: that of a module, that of a loaded BPF program.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libbpf_sys as sys;
use rbtrace_host::BpfFunction;

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

/// The functions of all loaded programs that BTF describes, sorted. Who may not ask hears of none.
pub fn functions_of_programs() -> Vec<BpfFunction> {
    let (mut found, mut id) = (Vec::new(), 0);
    // SAFETY: the kernel's answer goes to `id`, which lives until the call returns.
    while check(unsafe { sys::bpf_prog_get_next_id(id, &mut id) }).is_ok() {
        // One that is gone since its id was handed out has no functions.
        let names = names_of_functions(id).unwrap_or_default();
        found.extend(names.into_iter().map(|name| BpfFunction { name, program: id }));
    }
    found.sort_unstable();
    found
}

fn names_of_functions(id: u32) -> io::Result<Vec<String>> {
    // SAFETY: the id is passed by value.
    let program = check(unsafe { sys::bpf_prog_get_fd_by_id(id) }).map(own)?;
    let count = info_of(&program, sys::bpf_prog_info::default())?.nr_func_info;
    let mut functions = vec![sys::bpf_func_info::default(); count as usize];
    let asked = sys::bpf_prog_info {
        nr_func_info: count,
        func_info_rec_size: size_of::<sys::bpf_func_info>() as u32,
        func_info: functions.as_mut_ptr() as u64,
        ..Default::default()
    };
    let btf = info_of(&program, asked)?.btf_id;
    if btf == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the id is passed by value; the result is ours to free.
    let btf = unsafe { sys::btf__load_from_kernel_by_id(btf) };
    if btf.is_null() {
        return Err(io::Error::last_os_error());
    }
    let names = functions.iter().filter_map(|function| {
        // SAFETY: `btf` was just loaded; the type, if there is one, lives as long.
        let of = unsafe { sys::btf__type_by_id(btf, function.type_id).as_ref() }?;
        // SAFETY: likewise; the name is a C string inside `btf`.
        let name = unsafe { sys::btf__name_by_offset(btf, of.name_off).as_ref() }?;
        // SAFETY: as above; it is copied before `btf` goes.
        Some(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
    });
    let names = names.collect();
    // SAFETY: nobody else has it.
    unsafe { sys::btf__free(btf) };
    Ok(names)
}

/// What the kernel says of a program. `asked` has the places for what is longer, with the room there.
fn info_of(program: &OwnedFd, mut asked: sys::bpf_prog_info) -> io::Result<sys::bpf_prog_info> {
    let mut length = size_of_val(&asked) as u32;
    // SAFETY: the kernel writes at most `length` bytes of plain integers into `asked`, and into its arrays no more than it says there.
    check(unsafe { sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &mut asked, &mut length) })?;
    Ok(asked)
}

/// A loaded program by its id, and the BTF id that a function has in it.
pub fn function_of_program(id: u32, function: &str) -> io::Result<(OwnedFd, u32)> {
    // SAFETY: the id is passed by value.
    let program = check(unsafe { sys::bpf_prog_get_fd_by_id(id) }).map(own)?;
    let info = info_of(&program, sys::bpf_prog_info::default())?;
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
