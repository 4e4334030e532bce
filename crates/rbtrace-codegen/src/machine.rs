//! LLVM itself: the target machine, the passes, the diagnostics and the emission of the object. Knows nothing of our IR.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::mem::ManuallyDrop;
use std::sync::Once;

use inkwell::OptimizationLevel;
use inkwell::context::{AsContextRef, Context};
use inkwell::llvm_sys::LLVMDiagnosticSeverity;
use inkwell::llvm_sys::core::{LLVMContextSetDiagnosticHandler, LLVMDisposeMessage, LLVMGetDiagInfoDescription, LLVMGetDiagInfoSeverity};
use inkwell::llvm_sys::prelude::LLVMDiagnosticInfoRef;
use inkwell::llvm_sys::target::LLVMInitializeBPFAsmParser;
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::{CodeModel, FileType, InitializationConfig, RelocMode, Target, TargetMachine, TargetTriple};

use crate::{CodegenError, Isa, Listings, Object};

/// Promotes slots to registers and tidies up. Nothing that moves an access away from the check before it: what `-O2` adds (sinking of
/// common code, speculation, loop passes) is what BPF verifiers stumble over, and it costs more at start than such programs gain.
const PASSES: &str = "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,early-cse,adce)";

/// The BPF back end, ready to compile.
pub struct Machine {
    /// Never dropped: the process ends soon and the kernel reclaims memory faster than LLVM does.
    machine: ManuallyDrop<TargetMachine>,
    triple: TargetTriple,
}

impl Machine {
    pub fn new(isa: Isa) -> Result<Self, CodegenError> {
        static INITIALISED: Once = Once::new();
        INITIALISED.call_once(|| {
            Target::initialize_bpf(&InitializationConfig { disassembler: false, ..InitializationConfig::default() });
            // SAFETY: registers the parser in LLVM's table of targets, once. inkwell believes that BPF has none.
            unsafe { LLVMInitializeBPFAsmParser() };
        });
        let triple = TargetTriple::create("bpfel");
        let target = Target::from_triple(&triple).map_err(|message| CodegenError::Llvm(message.to_string()))?;
        let machine = target
            .create_target_machine(&triple, isa.cpu(), "", OptimizationLevel::Less, RelocMode::PIC, CodeModel::Default)
            .ok_or_else(|| CodegenError::Llvm(format!("no BPF machine for {}", isa.cpu())))?;
        Ok(Self { machine: ManuallyDrop::new(machine), triple })
    }

    /// Tells a module what it is compiled for. This must come before anything is built in it: alignments are decided while building.
    pub fn describe(&self, module: &Module<'_>) {
        module.set_triple(&self.triple);
        module.set_data_layout(&self.machine.get_target_data().get_data_layout());
    }

    /// Optimises a module and turns it into an object file.
    pub fn emit(&self, module: &Module<'_>, listings: bool) -> Result<Object, CodegenError> {
        if cfg!(debug_assertions) || listings {
            module.verify().map_err(|message| CodegenError::Llvm(message.to_string()))?;
        }
        let problems = Problems::of(module);
        let llvm = if listings { module.print_to_string().to_string() } else { String::new() };
        module
            .run_passes(PASSES, &self.machine, PassBuilderOptions::create())
            .map_err(|message| CodegenError::Llvm(message.to_string()))?;
        let listings = if listings { Some(self.list(module, llvm)?) } else { None };
        let elf = self.write(module, FileType::Object)?;
        match problems.first() {
            // The frame check gives the exact number; LLVM only says that there is a limit.
            Some(message) if !message.contains("BPF stack limit") => Err(CodegenError::Llvm(message)),
            Some(_) | None => Ok(Object { elf, listings }),
        }
    }

    fn list(&self, module: &Module<'_>, llvm: String) -> Result<Listings, CodegenError> {
        let optimized = module.print_to_string().to_string();
        // Emission changes the module, so the assembly is made from a copy.
        let asm = self.write(&ManuallyDrop::new(module.clone()), FileType::Assembly)?;
        Ok(Listings { llvm, optimized, asm: String::from_utf8_lossy(&asm).into_owned() })
    }

    fn write(&self, module: &Module<'_>, kind: FileType) -> Result<Vec<u8>, CodegenError> {
        let buffer = self.machine.write_to_memory_buffer(module, kind).map_err(|message| CodegenError::Llvm(message.to_string()))?;
        Ok(buffer.as_slice().to_vec())
    }
}

/// Runs `work` with a fresh LLVM context, which is not torn down afterwards: see [`Machine`].
pub fn in_context<T>(work: impl FnOnce(&'static Context) -> T) -> T {
    work(Box::leak(Box::new(Context::create())))
}

/// Errors that LLVM reports while it emits. Without a handler it would print them and end the process.
pub struct Problems(&'static RefCell<Vec<String>>);

impl Problems {
    pub fn of(module: &Module<'_>) -> Self {
        let list: &'static RefCell<Vec<String>> = Box::leak(Box::default());
        let context = module.get_context().as_ctx_ref();
        let data = std::ptr::from_ref(list).cast_mut().cast::<c_void>();
        // SAFETY: the context lives forever (`in_context`), and so does the list (leaked above).
        unsafe { LLVMContextSetDiagnosticHandler(context, Some(note), data) };
        Self(list)
    }

    pub fn first(&self) -> Option<String> {
        self.0.borrow().first().cloned()
    }
}

extern "C" fn note(info: LLVMDiagnosticInfoRef, data: *mut c_void) {
    // SAFETY: LLVM calls with a diagnostic that lives during the call.
    let severity = unsafe { LLVMGetDiagInfoSeverity(info) };
    if !matches!(severity, LLVMDiagnosticSeverity::LLVMDSError) {
        return;
    }
    // SAFETY: as above; the text is ours to free.
    let text = unsafe { LLVMGetDiagInfoDescription(info) };
    // SAFETY: LLVM gives a NUL-terminated text.
    let message = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: `text` came from LLVMGetDiagInfoDescription and is not used after this.
    unsafe { LLVMDisposeMessage(text) };
    // SAFETY: `data` is the list that `Problems::of` leaked; one thread emits at a time in a context.
    let list = unsafe { &*data.cast::<RefCell<Vec<String>>>() };
    list.borrow_mut().push(message);
}
