//! Whether the kernel lets a program be attached somewhere: one that does nothing is, and is taken away again. Knows no script.

use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Result, anyhow};
use libbpf_rs::ProgramType;
use libbpf_sys::bpf_insn;
use rbtrace_host::Host;
use rbtrace_ir::AttachPlan;

use super::{Attached, Notes, kprobe, put, trampoline, uprobe};
use crate::sys::bpf::{self, Code, Expected};

/// `BPF_ALU64 | BPF_MOV | BPF_K`
const SET: u8 = 0xb7;
/// `BPF_JMP | BPF_EXIT`
const EXIT: u8 = 0x95;

/// Tries it.
pub fn run(plan: &AttachPlan, host: &Host) -> Result<()> {
    let Some(program) = program(plan, host)? else { return Ok(()) };
    let mut attached = Attached::default();
    attached.hold(put(program.as_fd(), "", plan, host, &mut Notes::default())?);
    attached.abandon();
    Ok(())
}

/// A program for the place; `None`: what can be found can be attached, so that there is nothing to try.
fn program(plan: &AttachPlan, host: &Host) -> Result<Option<OwnedFd>> {
    let (program_type, (expected, kept)) = match plan {
        AttachPlan::RawTracepoint { .. } | AttachPlan::Tracepoint { .. } | AttachPlan::Iterator { .. } => return Ok(None),
        AttachPlan::PerfEvent { .. } | AttachPlan::Breakpoint { .. } => (ProgramType::PerfEvent, Default::default()),
        AttachPlan::Uprobe { pid, .. } if uprobe::is_multi(host, *pid) => (ProgramType::Kprobe, (Expected::uprobe_multi(), None)),
        AttachPlan::Kprobe { places, moment } if kprobe::is_multi(host, places) => {
            (ProgramType::Kprobe, (Expected::kprobe_multi(*moment), None))
        }
        AttachPlan::Uprobe { .. } | AttachPlan::Kprobe { .. } => (ProgramType::Kprobe, Default::default()),
        AttachPlan::Trampoline { of, function, returns } => (ProgramType::Tracing, trampoline::expected(of, function, *returns, host)?),
    };
    let instructions = vec![bpf_insn { code: SET, ..Default::default() }, bpf_insn { code: EXIT, ..Default::default() }];
    let code = Code { name: c"trial".into(), program_type: program_type as u32, instructions, functions: vec![], lines: vec![] };
    let loaded = bpf::load(&code, c"GPL", None, expected, None).map_err(|error| {
        let why = trampoline::unloadable(&error);
        anyhow!(error).context(why)
    });
    drop(kept);
    loaded.map(Some)
}
