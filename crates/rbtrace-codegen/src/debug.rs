//! Debug information: what LLVM's BPF back end turns into `.BTF` (types of maps and functions) and `.BTF.ext` (line information).

use std::cell::RefCell;
use std::collections::HashMap;

use inkwell::AddressSpace;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::debug_info::{
    AsDIScope, DICompileUnit, DIFile, DIFlags, DIFlagsConstants, DILexicalBlock, DISubprogram, DIType, DWARFEmissionKind,
    DWARFSourceLanguage, DebugInfoBuilder,
};
use inkwell::module::{FlagBehavior, Module};
use inkwell::values::{FunctionValue, GlobalValue};
use rbtrace_ir::{SourceId, Sources, Span};

/// Builds debug information for one module.
pub struct Debug<'ctx, 'a> {
    context: &'ctx Context,
    builder: DebugInfoBuilder<'ctx>,
    unit: DICompileUnit<'ctx>,
    file: DIFile<'ctx>,
    int: DIType<'ctx>,
    sources: Option<&'a Sources>,
    files: RefCell<HashMap<SourceId, DIFile<'ctx>>>,
    /// `int (*)[n]` by n: how a map definition spells a number.
    numbers: RefCell<HashMap<u32, DIType<'ctx>>>,
}

/// Where the instructions of one function come from.
pub struct Lines<'ctx> {
    function: DISubprogram<'ctx>,
    /// One block per source text: code from a macro lies in another text than its function.
    blocks: RefCell<HashMap<SourceId, DILexicalBlock<'ctx>>>,
}

impl<'ctx, 'a> Debug<'ctx, 'a> {
    pub fn new(context: &'ctx Context, module: &Module<'ctx>, sources: Option<&'a Sources>) -> Self {
        const VERSION: &str = "Debug Info Version";
        let version = context.i32_type().const_int(u64::from(inkwell::debug_info::debug_metadata_version()), false);
        // What was linked in before may have said it.
        if module.get_flag(VERSION).is_none() {
            module.add_basic_value_flag(VERSION, FlagBehavior::Warning, version);
        }
        let name = sources.and_then(|sources| sources.iter().next()).map_or("stdin", |source| source.name.as_str());
        let (builder, unit) = module.create_debug_info_builder(
            true,
            DWARFSourceLanguage::C,
            name,
            "",
            "rbtrace",
            true,
            "",
            0,
            "",
            DWARFEmissionKind::LineTablesOnly,
            0,
            false,
            false,
            "",
            "",
        );
        let int = builder.create_basic_type("int", 32, 5, DIFlags::ZERO).expect("the name is not empty").as_type();
        let file = unit.get_file();
        Self { context, builder, unit, file, int, sources, files: RefCell::default(), numbers: RefCell::default() }
    }

    /// Completes the information; nothing may be added afterwards.
    pub fn finish(&self) {
        self.builder.finalize();
    }

    /// Declares a function. Its BTF type has no parameters: the kernel rejects the whole of `.BTF` when a parameter has no name, and it
    /// checks the types of parameters of global functions only.
    pub fn function(&self, llvm: FunctionValue<'ctx>, name: &str, local: bool, span: Option<Span>) -> Lines<'ctx> {
        let (file, line) = span.and_then(|span| self.locate(span)).map_or((self.file, 0), |(file, line, _)| (file, line));
        let ty = self.builder.create_subroutine_type(file, Some(self.int), &[], DIFlags::ZERO);
        let function = self.builder.create_function(
            self.unit.as_debug_info_scope(),
            name,
            None,
            file,
            line,
            ty,
            local,
            true,
            line,
            DIFlags::ZERO,
            true,
        );
        llvm.set_subprogram(function);
        Lines { function, blocks: RefCell::default() }
    }

    /// Sets the location of the instructions that follow.
    pub fn at(&self, code: &Builder<'ctx>, lines: &Lines<'ctx>, span: Option<Span>) {
        let Some((source, (file, line, column))) = span.and_then(|span| Some((span.source, self.locate(span)?))) else { return };
        let block = *lines
            .blocks
            .borrow_mut()
            .entry(source)
            .or_insert_with(|| self.builder.create_lexical_block(lines.function.as_debug_info_scope(), file, line, 0));
        let location = self.builder.create_debug_location(self.context, line, column, block.as_debug_info_scope(), None);
        code.set_current_debug_location(location);
    }

    /// Makes a call, which has a location even where the script has none for it: LLVM insists on one for calls of functions that are described.
    pub fn with_location(&self, code: &Builder<'ctx>, lines: &Lines<'ctx>, span: Option<Span>, call: impl FnOnce()) {
        if span.and_then(|span| self.locate(span)).is_some() {
            return call();
        }
        let scope = lines.function.as_debug_info_scope();
        code.set_current_debug_location(self.builder.create_debug_location(self.context, 0, 0, scope, None));
        call();
        code.unset_current_debug_location();
    }

    fn locate(&self, span: Span) -> Option<(DIFile<'ctx>, u32, u32)> {
        let source = self.sources?.iter().nth(usize::from(span.source.0))?;
        let (line, column) = source.line_column(span.start);
        let file = *self.files.borrow_mut().entry(span.source).or_insert_with(|| self.builder.create_file(&source.name, ""));
        Some((file, line, column))
    }

    /// Describes a map: a struct whose members are pointers to arrays, the lengths of which are the numbers.
    pub fn map(&self, global: GlobalValue<'ctx>, name: &str, numbers: &[(&str, u32)]) {
        let unit = self.unit.as_debug_info_scope();
        let members: Vec<_> = numbers
            .iter()
            .enumerate()
            .map(|(at, &(member, number))| {
                let ty = self.number(number);
                self.builder.create_member_type(unit, member, self.file, 0, 64, 64, 64 * at as u64, DIFlags::ZERO, ty).as_type()
            })
            .collect();
        let bits = 64 * numbers.len() as u64;
        let ty = self.builder.create_struct_type(unit, "", self.file, 0, bits, 64, DIFlags::ZERO, None, &members, 0, None, "");
        let variable = self.builder.create_global_variable_expression(unit, name, "", self.file, 0, ty.as_type(), false, None, None, 64);
        global.set_metadata(variable.as_metadata_value(self.context), self.context.get_kind_id("dbg"));
    }

    fn number(&self, number: u32) -> DIType<'ctx> {
        *self.numbers.borrow_mut().entry(number).or_insert_with(|| {
            let length = 0..i64::from(number);
            let array = self.builder.create_array_type(self.int, 32 * u64::from(number), 32, std::slice::from_ref(&length)).as_type();
            self.builder.create_pointer_type("", array, 64, 64, AddressSpace::default()).as_type()
        })
    }
}
