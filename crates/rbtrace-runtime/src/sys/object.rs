//! An ELF object between `open` and `load`: libbpf creates the maps and relocates the programs; we load the programs ourselves.
//!
//! Why not `bpf_object__load`? It looks up the kernel's type of every typed raw tracepoint in a full parse of the kernel's BTF (5-14 ms),
//! loads one program after the other, and hands out verifier logs only as printed text.

use std::ffi::CString;
use std::io;
use std::os::fd::BorrowedFd;

use libbpf_rs::{AsRawLibbpf, Object, OpenObject};
use libbpf_sys as sys;

use super::bpf::Code;
use super::check;

/// Creates maps, relocates programs, loads the object's BTF.
pub fn prepare(object: &mut OpenObject) -> io::Result<()> {
    // SAFETY: the object is open and not loaded, and nobody else has it while we hold it exclusively.
    check(unsafe { sys::bpf_object__prepare(object.as_libbpf_object().as_ptr()) }).map(drop)
}

/// Copies the relocated form of every program of a prepared object and takes it off libbpf's own list of things to load.
pub fn take_programs(object: &mut OpenObject) -> io::Result<Vec<(String, Code)>> {
    let programs = object.progs_mut().map(|mut program| {
        program.set_autoload(false);
        let raw = program.as_libbpf_object().as_ptr();
        // SAFETY: the program belongs to an open object that outlives this closure.
        let (functions, function_count) = unsafe { (sys::bpf_program__func_info(raw), sys::bpf_program__func_info_cnt(raw)) };
        // SAFETY: as above.
        let (lines, line_count) = unsafe { (sys::bpf_program__line_info(raw), sys::bpf_program__line_info_cnt(raw)) };
        let name = program.name().to_string_lossy().into_owned();
        let code = Code {
            name: CString::new(name.as_str()).map_err(io::Error::from)?,
            program_type: program.prog_type() as u32,
            instructions: program.insns().to_vec(),
            // SAFETY: libbpf keeps this many records behind the pointer until the object is closed.
            functions: unsafe { copy(functions, function_count) },
            // SAFETY: as above.
            lines: unsafe { copy(lines, line_count) },
        };
        Ok((name, code))
    });
    programs.collect()
}

/// The descriptor of the object's BTF in the kernel.
pub fn btf(object: &Object) -> Option<BorrowedFd<'_>> {
    // SAFETY: the object is loaded and lives as long as the result.
    let fd = unsafe { sys::bpf_object__btf_fd(object.as_libbpf_object().as_ptr()) };
    // SAFETY: libbpf keeps the descriptor open until the object is closed; the result borrows the object.
    (fd >= 0).then(|| unsafe { BorrowedFd::borrow_raw(fd) })
}

/// # Safety
/// `count` records of `T`, which is plain integers, lie behind `pointer`, unless it is null.
unsafe fn copy<T: Clone>(pointer: *const T, count: u32) -> Vec<T> {
    if pointer.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller vouches for pointer and count.
    unsafe { std::slice::from_raw_parts(pointer, count as usize) }.to_vec()
}
