//! Functions that were written in C: bitcode → functions of our module that only we call. Those that nobody calls stay behind.

use std::collections::HashMap;

use inkwell::GlobalVisibility;
use inkwell::context::Context;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::values::{BasicValueEnum, FunctionValue, InstructionOpcode, InstructionValue};
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

/// Makes frames of all functions that the module has so far; which calls which is known. Their indices by name.
fn frames_of(module: &Module<'_>, frames: &mut Vec<Frame>) -> HashMap<String, usize> {
    let name = |function: FunctionValue<'_>| function.get_name().to_string_lossy().into_owned();
    let functions: Vec<_> = module.get_functions().filter(|function| function.count_basic_blocks() > 0).collect();
    let mut known = HashMap::new();
    for function in &functions {
        known.insert(name(*function), frames.len());
        frames.push(Frame { name: name(*function), callers: Vec::new(), is_c: true });
    }
    for function in functions {
        let caller = known[&name(function)];
        for called in function.get_basic_block_iter().flat_map(|block| block.get_instructions()).filter_map(called) {
            if let Some(&callee) = known.get(&called) {
                frames[callee].callers.push(caller);
            }
        }
    }
    known
}

/// The name of what an instruction calls, if it calls something that has one.
fn called(instruction: InstructionValue<'_>) -> Option<String> {
    if instruction.get_opcode() != InstructionOpcode::Call {
        return None;
    }
    let last = instruction.get_num_operands().checked_sub(1)?;
    let BasicValueEnum::PointerValue(called) = instruction.get_operand(last)?.value()? else { return None };
    Some(called.get_name().to_string_lossy().into_owned())
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
    let known = frames_of(module, frames);
    let mut found = Vec::new();
    for function in &code.functions {
        let missing = || CodegenError::Bitcode(format!("`{}` is missing", function.name));
        let llvm = module.get_function(&function.name).ok_or_else(missing)?;
        found.push(CFunction { llvm, frame: *known.get(&function.name).ok_or_else(missing)? });
    }
    // A hidden function is checked where it is called, with what is known there: one that others see would have to get by on its types alone.
    for function in module.get_functions().filter(|function| function.count_basic_blocks() > 0) {
        function.as_global_value().set_visibility(GlobalVisibility::Hidden);
    }
    Ok(found)
}
