//! Functions' own doors for BPF programs: at their entry, and at their exit. What is traced is said when the program is loaded.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow};
use rbtrace_host::btf::VMLINUX;
use rbtrace_host::{Facts, Host, functions};
use rbtrace_ir::TracedCode;

use crate::sys::bpf::{self, Expected};
use crate::sys::kernel_btf;

/// `ENOTSUPP`, which the kernel keeps for itself and yet hands out.
const NOT_SUPPORTED: i32 = 524;

/// What is in the verifier's line about a function whose types it does not support.
const UNSUPPORTED: [&[&str]; 4] =
    [&["type", "is unsupported"], &["variable args", "is unsupported"], &["Too many"], &["malformed void argument"]];

/// What the program is loaded for, and what has to stay open until it is.
pub fn expected(of: &TracedCode, function: &str, returns: bool, host: &Host) -> Result<(Expected, Option<OwnedFd>)> {
    match of {
        TracedCode::Module(module) => {
            let found = host.btf().function_ids(function).into_iter().find(|(known, _)| known == module);
            let (_, id) = found.with_context(|| format!("the kernel's types have no function `{function}` in {module}"))?;
            let mut expected = Expected::function(id, returns);
            if module == VMLINUX {
                return Ok((expected, None));
            }
            let btf = kernel_btf::of_module(module).with_context(|| format!("opening the types of module {module}"))?;
            expected.btf = Some(btf.as_raw_fd());
            Ok((expected, Some(btf)))
        }
        TracedCode::Program(id) => {
            let found = kernel_btf::function_of_program(*id, function);
            let (program, btf_id) = found.with_context(|| format!("looking for the function `{function}` in the BPF program {id}"))?;
            let expected = Expected { program: Some(program.as_raw_fd()), ..Expected::function(btf_id, returns) };
            Ok((expected, Some(program)))
        }
    }
}

/// Why the kernel does not load a program for a function, where its verifier says nothing.
pub fn unloadable(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "this kernel does not permit programs at its functions' own doors (its tracing is locked, or CAP_PERFMON is missing); \
             a `kprobe` or a tracepoint may do"
        }
        Some(libc::EINVAL | libc::ENOENT) => "the kernel takes no program for this function; a `kprobe` may do",
        Some(NOT_SUPPORTED | libc::EOPNOTSUPP) => {
            "this kernel cannot trace functions this way (x86-64: 5.5, arm64: 6.0); a `kprobe` may do"
        }
        _ => "the kernel takes no program for it",
    }
}

/// Attaches a program where it was loaded for.
pub(super) fn attach(program: BorrowedFd<'_>, function: &str, host: &Host) -> Result<OwnedFd> {
    bpf::raw_tracepoint(program, None).map_err(|error| {
        let why = match error.raw_os_error() {
            // On x86-64 the one, on aarch64 the other.
            Some(libc::EBUSY | NOT_SUPPORTED) if !is_traceable(function, host) => {
                "the kernel keeps it from being traced (it is marked `notrace` or `noinstr`); a function that it calls may do"
            }
            Some(NOT_SUPPORTED | libc::EOPNOTSUPP) => {
                "this kernel cannot trace functions this way (x86-64: 5.5, arm64: 6.0), or none whose arguments are not all in registers \
                 (x86-64: 6.6, arm64: 6.16); a `kprobe` may do"
            }
            Some(libc::EPERM | libc::EACCES) => "the kernel does not permit to change its functions while it runs",
            Some(libc::EBUSY) => "something else has taken hold of the function in a way that does not share",
            Some(libc::EINVAL) => "the function cannot be traced",
            _ => "the kernel refused",
        };
        anyhow!(error).context(format!("`{function}`: {why}"))
    })
}

/// Whether ftrace lists a function. The list is long: asked only after the kernel has refused.
fn is_traceable(function: &str, host: &Host) -> bool {
    host.kernel_functions().iter().any(|known| *known.name == *function)
}

/// Why a function that BTF describes cannot be traced, if the verifier says so: it has no code, or nobody could hand over what it is called with
/// or returns.
pub fn untraceable(function: &str, log: &[String]) -> Option<String> {
    let says = |words: &[&str]| log.iter().any(|line| line.contains("function") && words.iter().all(|word| line.contains(word)));
    if UNSUPPORTED.iter().any(|words| says(words)) {
        let why = "the kernel hands no program all that it is called with or returns (structs, unions, any number of arguments)";
        return Some(format!("`{function}`: {why}; `kprobe:{function}` can be traced"));
    }
    if !log.iter().any(|line| line.contains("cannot be found")) {
        return None;
    }
    let copies = functions::copies_of([function]).remove(function).unwrap_or_default();
    Some(match copies.first() {
        Some(copy) => {
            let list = copies.join("`, `");
            format!("the compiler kept `{function}` only as `{list}`, whose arguments nothing describes; `kprobe:{copy}` can be traced")
        }
        None => format!("the kernel has no code of `{function}`: the compiler put it into its callers"),
    })
}
