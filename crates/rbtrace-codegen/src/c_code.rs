//! Functions that were written in C: bitcode → functions of our module that only we call. Those that nobody calls stay behind.

use inkwell::GlobalVisibility;
use inkwell::context::Context;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::values::FunctionValue;
use rbtrace_ir::CCode;

use crate::CodegenError;
use crate::frames::Frame;
use crate::machine::{Machine, Problems};
use crate::module::LICENSE_SECTION;

/// A function of C in our module.
#[derive(Clone, Copy)]
pub struct CFunction<'ctx> {
    pub llvm: FunctionValue<'ctx>,
    /// Its index among the module's frames.
    pub frame: usize,
}

/// Takes all files into a module that is still empty; gives the functions that are called, in the order of the program.
pub fn link<'ctx>(
    context: &'ctx Context,
    machine: &Machine,
    module: &Module<'ctx>,
    code: &CCode,
    frames: &mut Vec<Frame>,
) -> Result<Vec<CFunction<'ctx>>, CodegenError> {
    for bitcode in &code.bitcode {
        // Otherwise LLVM prints what it does not understand and ends the process.
        let problems = Problems::of(module);
        let failure = |message: String| CodegenError::Bitcode(problems.first().unwrap_or(message));
        let buffer = MemoryBuffer::create_from_memory_range_copy(bitcode, "c");
        let file = Module::parse_bitcode_from_buffer(&buffer, context).map_err(|message| failure(message.to_string()))?;
        machine.describe(&file);
        // Ours says under which licence programs are loaded.
        for global in file.get_globals() {
            if global.get_section().is_some_and(|section| section.to_bytes() == LICENSE_SECTION.as_bytes()) {
                global.set_section(None);
            }
        }
        module.link_in_module(file).map_err(|message| failure(message.to_string()))?;
    }
    let mut found = Vec::new();
    for function in &code.functions {
        let llvm = module.get_function(&function.name).ok_or_else(|| CodegenError::Bitcode(format!("`{}` is missing", function.name)))?;
        found.push(CFunction { llvm, frame: frames.len() });
        frames.push(Frame { name: function.name.clone(), callers: Vec::new() });
    }
    // A hidden function is checked where it is called, with what is known there: one that others see would have to get by on its types alone.
    for function in module.get_functions().filter(|function| function.count_basic_blocks() > 0) {
        function.as_global_value().set_visibility(GlobalVisibility::Hidden);
    }
    Ok(found)
}
