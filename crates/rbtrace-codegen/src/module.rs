//! The module: what was written in C, globals, then one LLVM function per program, its section and the licence. What all functions share is [`Unit`].

use std::cell::RefCell;

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::context::Context;
use inkwell::module::{Linkage, Module};
use inkwell::values::FunctionValue;
use rbtrace_ir::{AttachPlan, Function, Program, ProgramDecl, ProgramType, Role, Sources};

use crate::CodegenError;
use crate::builder::Code;
use crate::c_code::{self, CFunction};
use crate::debug::Debug;
use crate::frames::Frame;
use crate::function;
use crate::machine::Machine;
use crate::maps::Globals;
use crate::slots::Placement;

/// Where libbpf looks for the licence.
pub const LICENSE_SECTION: &str = "license";

/// What the functions of a module share.
pub struct Unit<'ctx, 'a> {
    pub code: Code<'ctx>,
    pub module: Module<'ctx>,
    pub debug: Debug<'ctx, 'a>,
    pub globals: Globals<'ctx>,
    pub program: &'a Program,
    pub frames: RefCell<Vec<Frame>>,
    /// By `CId`.
    pub c_code: Vec<CFunction<'ctx>>,
}

/// Builds the module of a program; also gives its functions for the check of their frames.
pub fn build<'ctx>(
    context: &'ctx Context,
    machine: &Machine,
    program: &Program,
    placement: &Placement,
    sources: Option<&Sources>,
) -> Result<(Module<'ctx>, Vec<Frame>), CodegenError> {
    let module = context.create_module("rbtrace");
    machine.describe(&module);
    let mut frames = Vec::new();
    let c_code = c_code::link(context, machine, &module, &program.c_code, &mut frames)?;
    let code = Code::new(context);
    let debug = Debug::new(context, &module, sources);
    let globals = Globals::new(&code, &module, &debug, program, placement.scratch);
    let unit = Unit { code, module, debug, globals, program, frames: RefCell::new(frames), c_code };
    for (at, function) in program.functions.iter().enumerate() {
        let declaration = program.manifest.programs.get(at);
        let llvm = unit.declare(&function.name, &[unit.code.ptr.into()], None);
        llvm.set_section(Some(&section(function, declaration)));
        function::emit(&unit, function, &placement.functions[at], llvm, declaration.map(|program| program.span));
    }
    unit.license(&program.manifest.config.license);
    unit.debug.finish();
    Ok((unit.module, unit.frames.into_inner()))
}

impl<'ctx> Unit<'ctx, '_> {
    /// Adds a function; one with a parent is a callback or subprogram of it and stays local to the object.
    pub fn declare(
        &self,
        name: &str,
        params: &[inkwell::types::BasicMetadataTypeEnum<'ctx>],
        parent: Option<usize>,
    ) -> FunctionValue<'ctx> {
        let linkage = if parent.is_some() { Linkage::Internal } else { Linkage::External };
        let function = self.module.add_function(name, self.code.i64.fn_type(params, false), Some(linkage));
        // Without `nounwind` LLVM writes an .eh_frame that libbpf complains about.
        for attribute in ["nounwind", "noinline"] {
            let attribute = self.code.context.create_enum_attribute(Attribute::get_named_enum_kind_id(attribute), 0);
            function.add_attribute(AttributeLoc::Function, attribute);
        }
        self.frames.borrow_mut().push(Frame { name: name.to_string(), callers: parent.into_iter().collect(), is_c: false });
        function
    }

    fn license(&self, license: &str) {
        let text = self.code.context.const_string(license.as_bytes(), true);
        let global = self.module.add_global(text.get_type(), None, "_license");
        global.set_initializer(&text);
        global.set_section(Some(LICENSE_SECTION));
    }
}

/// The section tells libbpf the program type. Programs that only ever run by a test run are raw tracepoints of no event.
fn section(function: &Function, declaration: Option<&ProgramDecl>) -> String {
    let traced = declaration.filter(|declaration| declaration.role == Role::Traced).and_then(|declaration| declaration.plan.as_ref());
    match (traced, function.program_type) {
        (Some(AttachPlan::RawTracepoint { event, typed: true }), _) => format!("tp_btf/{event}"),
        (Some(AttachPlan::RawTracepoint { event, typed: false }), _) => format!("raw_tp/{event}"),
        (Some(AttachPlan::Tracepoint { category, event }), _) => format!("tracepoint/{category}/{event}"),
        (Some(AttachPlan::Iterator { kind, .. }), _) => format!("iter/{kind}"),
        (None, ProgramType::Iterator) => format!("iter/{}", function.name),
        (None, ProgramType::Xdp) => "xdp".into(),
        (Some(AttachPlan::PerfEvent { .. } | AttachPlan::Breakpoint { .. }), _) | (None, ProgramType::PerfEvent) => "perf_event".into(),
        (Some(AttachPlan::Uprobe { .. } | AttachPlan::Kprobe { .. }), _) | (None, ProgramType::Kprobe) => {
            format!("kprobe/{}", function.name)
        }
        (Some(AttachPlan::Trampoline { .. }), _) | (None, ProgramType::Trampoline) => format!("fentry/{}", function.name),
        (None, ProgramType::RawTracepoint) => format!("raw_tp/{}", function.name),
        (None, ProgramType::TypedRawTracepoint) => format!("tp_btf/{}", function.name),
        (None, ProgramType::Tracepoint) => format!("tracepoint/{}", function.name),
    }
}
