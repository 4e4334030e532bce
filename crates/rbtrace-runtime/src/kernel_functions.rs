//! Calls of kernel functions (kfuncs): the compiler numbers them as it likes, each kernel knows them by an id of its BTF. Knows no program's
//! purpose.

use std::ffi::CString;

use anyhow::{Context, Result};
use libbpf_rs::ProgramType;
use libbpf_sys::bpf_insn;
use rbtrace_host::Host;
use rbtrace_ir::Helper;

use crate::sys::bpf::{self, Code, Expected, Log};

/// `BPF_JMP | BPF_CALL`
const CALL: u8 = 0x85;
/// `BPF_JMP | BPF_EXIT`
const EXIT: u8 = 0x95;
/// A raw tracepoint that every kernel has.
const ANY_EVENT: &str = "sched_switch";
/// `src_reg` of a call of a kernel function.
const PSEUDO_KFUNC_CALL: u8 = 2;

/// Puts the ids of this kernel's functions into the calls of a program.
pub fn resolve(code: &mut Code, host: &Host) -> Result<()> {
    for instruction in &mut code.instructions {
        if instruction.code != CALL || instruction.src_reg() != 0 {
            continue;
        }
        let Some(name) = Helper::by_number(instruction.imm as u32).and_then(Helper::kernel_function) else { continue };
        let id = host.btf().function_id(&name).with_context(|| format!("this kernel has no function `{name}`"))?;
        instruction.set_src_reg(PSEUDO_KFUNC_CALL);
        instruction.imm = id as i32;
    }
    Ok(())
}

/// Whether the kernel lets programs of a type (`BPF_PROG_TYPE_…`) call the function with this BTF id. It is asked with a program that calls
/// the function with nothing in its registers: what the kernel says first is whether the call is allowed at all.
pub fn may_call(host: &Host, function: &str, program_type: u32) -> bool {
    let Some(id) = host.btf().function_id(function) else { return false };
    let mut call = bpf_insn { code: CALL, imm: id as i32, ..Default::default() };
    call.set_src_reg(PSEUDO_KFUNC_CALL);
    let exit = bpf_insn { code: EXIT, ..Default::default() };
    // Any event will do: what may be called depends on the type alone.
    let is_tracing = program_type == ProgramType::Tracing as u32;
    let event = host.btf().raw_tracepoint_id(ANY_EVENT).filter(|_| is_tracing);
    let expected = event.map(Expected::raw_tracepoint).unwrap_or_default();
    let code = Code { name: CString::default(), program_type, instructions: vec![call, exit], functions: vec![], lines: vec![] };
    let mut log = vec![0; 4096];
    match bpf::load(&code, c"GPL", None, expected, Some(Log { level: 1, buffer: &mut log })) {
        Ok(_) => true,
        Err(_) => log[0] != 0 && !String::from_utf8_lossy(&log).contains("is not allowed"),
    }
}
