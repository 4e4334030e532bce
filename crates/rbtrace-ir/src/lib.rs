//! The contract between both halves of the house: typed operations for the code generator, the [`Manifest`] for the
//! runtime. Owns helper numbers, program types and the byte layout of events. Knows no builtin and no LLVM.

// A new variant is to break every place that forgets it.
#![warn(clippy::wildcard_enum_match_arm)]

mod build;
mod helper;
mod manifest;
mod op;
mod print;
mod verify;
mod walk;

pub use build::Builder;
pub use helper::{Helper, Ret};
pub use manifest::{
    AttachPlan, Caller, CpuSet, EventDecl, EventId, KernelPlace, LossDecl, LossId, LossKind, Manifest, MapDecl, MapId, Moment, ProgramDecl,
    RECORD_HEADER, Role, RunConfig, Sample, Storage, TracedCode, UprobeFile, UprobePlace, Watched,
};
pub use op::{
    Bin, CCode, CFunction, CId, Cmp, Constant, ConstantId, Function, Inst, LARGEST_SLOT, LoopKind, Op, Operand, Program, ProgramType,
    Region, SlotDecl, SlotId, SubId, Subprogram, Value, ValueKind,
};
pub use print::print;
pub use rbtrace_diag::{SourceId, Sources, Span};
pub use verify::verify;

// What the manifest is made of, for crates that read manifests and have no business with sources or kernel types otherwise.
pub use rbtrace_types::{Aggregate, Int, Layout, Type, unwind};
