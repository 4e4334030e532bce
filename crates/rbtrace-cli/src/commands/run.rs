//! The main job: script → object → kernel → results. Each stage belongs to another crate; here is the order, and what each failure means.

use std::path::{Path, PathBuf};

use rbtrace_codegen::{CodegenError, Isa, Listings, Object, Target};
use rbtrace_diag::{Diagnostic, Sink, Sources};
use rbtrace_host::{Host, proc};
use rbtrace_runtime::{Objects, Rejected, StoppedChild};
use rbtrace_sema::frontend::lang::warnings;
use rbtrace_sema::frontend::types::{Facts, Feature};
use rbtrace_sema::frontend::{ir, syntax};

use crate::args::{Mode, Run, Stage};
use crate::commands::compiler_bench::measure;
use crate::commands::dump;
use crate::environment::Environment;
use crate::report::{Reporter, say};
use crate::script::{self, words};
use crate::{Ending, privileges};

/// Compiles and runs, or compiles and shows.
pub fn run(run: Run, environment: &Environment, reporter: &Reporter) -> Ending {
    execute(run, environment, reporter).unwrap_or_else(|ending| ending)
}

/// `Err` is the end after something was said.
fn execute(run: Run, environment: &Environment, reporter: &Reporter) -> Result<Ending, Ending> {
    let compiles_only = matches!(run.mode, Mode::Codegen | Mode::CompilerBench);
    let emits = compiles_only || run.emit_elf.is_some() || run.emit_llvm.is_some();
    // Looking at stages needs no privileges: a developer gets them first, and the refusal where the kernel comes in.
    if !emits && run.stages.is_empty() {
        check_privileges(reporter)?;
    }
    if !reporter.can_read(run.functions.as_deref(), "functions") {
        return Err(Ending::Mistake);
    }
    let host = environment
        .host()
        .seen_by(run.pid)
        .without(without(&run))
        .with_functions(run.functions.clone())
        .with_debug_files(&run.debuginfo, &environment.debuginfod);
    if let Some(pid) = run.pid.filter(|pid| !proc::pid_exists(*pid)) {
        reporter.error(format!("Failed to attach to pid: process {pid} is not running"));
        return Err(Ending::Mistake);
    }
    let mut sources = Sources::default();
    let child = run.command.as_deref().map(|command| start(command, reporter)).transpose()?;
    let host = host.running(child.as_ref().map(|child| child.program().to_owned()));
    let compiled = compile(&run, child.as_ref().map(StoppedChild::id), &host, environment, &mut sources, reporter)?;
    if emits {
        emit(&run, &compiled.object, reporter)?;
        if run.mode == Mode::CompilerBench {
            measure(&run, &host, environment, &sources)?;
        }
        return Ok(Ending::Done);
    }
    check_privileges(reporter)?;
    check_kernel(&host, reporter)?;
    check_output(&run, reporter)?;
    attach(run, child, &compiled, &sources, &host, environment, reporter)
}

/// The features that `--no-feature` switches off.
fn without(run: &Run) -> Vec<Feature> {
    Feature::ALL.into_iter().filter(|feature| run.without.iter().any(|name| name == feature.name())).collect()
}

fn check_privileges(reporter: &Reporter) -> Result<(), Ending> {
    privileges::missing().map_or(Ok(()), |why| {
        reporter.error(why);
        Err(Ending::Mistake)
    })
}

/// Before 5.8 there is no ring buffer, and nothing works. Why no warning up to 5.15, as SPEC §8.3 has it? What such a kernel lacks is said
/// where a script wants it; the others run as well as anywhere.
fn check_kernel(host: &Host, reporter: &Reporter) -> Result<(), Ending> {
    let oldest = proc::Release { major: 5, minor: 8 };
    if host.release().release.is_some_and(|release| release < oldest) {
        reporter.error(format!("kernel {} is older than 5.8 and has no BPF ring buffer, which rbtrace needs", host.release().text));
        return Err(Ending::Mistake);
    }
    Ok(())
}

/// Whether the file of `-o` can be written; what is in it stays until the run begins.
fn check_output(run: &Run, reporter: &Reporter) -> Result<(), Ending> {
    let Some(path) = &run.output else { return Ok(()) };
    std::fs::OpenOptions::new().create(true).append(true).open(path).map(drop).map_err(|error| {
        reporter.error(format!("failed to open output file '{}': {}", path.display(), words(&error)));
        Ending::Mistake
    })
}

/// The process of `-c`, which does not run before everything is attached and ends if that does not come to pass.
fn start(command: &str, reporter: &Reporter) -> Result<StoppedChild, Ending> {
    if let Some(word) = command.split(' ').find(|word| word.starts_with(['\'', '"'])) {
        let message =
            format!("the command of `-c` is split at spaces, and `{word}` passed on with its quote; a file of commands takes quotes");
        reporter.warning(&warnings::QUOTED_COMMAND, message);
    }
    rbtrace_runtime::spawn_stopped(command).map_err(|error| {
        reporter.error(format!("failed to start the command of `-c`: {error:#}"));
        Ending::Mistake
    })
}

/// A script after all of compilation.
struct Compiled {
    program: ir::Program,
    object: Object,
}

fn compile(
    run: &Run,
    child: Option<u32>,
    host: &Host,
    environment: &Environment,
    sources: &mut Sources,
    reporter: &Reporter,
) -> Result<Compiled, Ending> {
    let source = script::read(&run.script, sources, reporter).ok_or(Ending::Mistake)?;
    let mut sink = Sink::default();
    let tree = syntax::parse(sources, source, &mut sink);
    dump::tree(&run.stages, &tree);
    let mut options = options(run, child, environment);
    let attachable = |plan: &ir::AttachPlan| attachable(plan, host);
    options.trial = Some(rbtrace_sema::Trial(&attachable));
    // A text that does not parse is not looked at further: what follows from a mistake would only hide it.
    let program = if sink.has_errors() { None } else { rbtrace_sema::compile(&tree, sources, host, &options, &mut sink) };
    reporter.diagnostics(&sink, sources, run.verbose);
    host.take_complaints().into_iter().for_each(|complaint| reporter.warning(&warnings::UNREAD_FILE, complaint));
    let Some(program) = program else {
        explain_machine(host, reporter);
        return Err(Ending::Mistake);
    };
    dump::middle(&run.stages, &program);
    if program.manifest.programs.is_empty() {
        return Err(without_probes(run));
    }
    let target = Target {
        isa: isa(host),
        listings: run.emit_llvm.is_some() || dump::wants_listings(&run.stages),
        verify: run.verify_llvm_ir,
        ..Target::default()
    };
    let object =
        rbtrace_codegen::compile(&program, &target, Some(sources)).map_err(|error| explain_codegen(&error, &program, sources, reporter))?;
    if let Some(listings) = &object.listings {
        dump::back(&run.stages, listings);
    }
    Ok(Compiled { program, object })
}

/// The sister of the line that says how many probes are attached: on the same stream, and as quiet.
fn without_probes(run: &Run) -> Ending {
    if !run.quiet {
        say("No probes to attach\n");
    }
    Ending::Mistake
}

/// Says why there is no object.
fn explain_codegen(error: &CodegenError, program: &ir::Program, sources: &Sources, reporter: &Reporter) -> Ending {
    let declared = |function: usize| program.manifest.programs.get(function);
    if let CodegenError::TooMuchMemory { function, .. } = error
        && let Some(declared) = declared(*function)
    {
        let mut sink = Sink::default();
        let diagnostic = Diagnostic::error(declared.span, error.to_string())
            .because("they lie in pieces of 32 KiB, and the addresses of so many do not fit into the kernel's stack of 512 bytes")
            .hint("shorter strings (`config = { max_strlen = 1024 }`) or fewer variables take less; each probe has memory of its own");
        sink.push(diagnostic);
        reporter.diagnostics(&sink, sources, false);
        return Ending::Mistake;
    }
    if let CodegenError::Bitcode(_) | CodegenError::Recursion { .. } | CodegenError::CStackTooDeep { .. } = error {
        reporter.error(error);
        if let CodegenError::Recursion { .. } = error {
            reporter.hint("a loop with an end does the same");
        }
        if let CodegenError::CStackTooDeep { .. } = error {
            reporter.hint("large local variables find room in a map of one entry for each CPU (BPF_MAP_TYPE_PERCPU_ARRAY)");
        }
        return Ending::Mistake;
    }
    reporter.error(format!("{error}; this is a bug of rbtrace"));
    Ending::Broken
}

/// What the command line says to the compiler.
pub(super) fn options(run: &Run, child: Option<u32>, environment: &Environment) -> rbtrace_sema::Options<'static> {
    rbtrace_sema::Options {
        params: run.params.clone(),
        named: run.named.clone(),
        includes: run.includes.clone(),
        include_directories: run.include_directories.clone(),
        pid: run.pid,
        child,
        is_unsafe: run.is_unsafe,
        more_warnings: run.more_warnings,
        held_back: run.held_back.clone(),
        probe_filter: run.probe_filter.clone(),
        mode: match run.mode {
            Mode::Test => rbtrace_sema::Mode::Test,
            Mode::Bench => rbtrace_sema::Mode::Bench,
            Mode::Codegen | Mode::CompilerBench => rbtrace_sema::Mode::Everything,
            Mode::Run | Mode::Format => rbtrace_sema::Mode::Run,
        },
        config: environment.config(),
        available_memory: proc::memory_available().unwrap_or_default(),
        trial: None,
    }
}

/// Whether the kernel lets a program be attached so. Who only looks at stages or lists may do that without privileges, and gets what exists.
pub(super) fn attachable(plan: &ir::AttachPlan, host: &Host) -> Result<(), String> {
    match privileges::missing() {
        None => rbtrace_runtime::try_attach(plan, host).map_err(|error| format!("{error:#}")),
        Some(_) => Ok(()),
    }
}

/// What this machine does not tell may be why a script does not compile.
fn explain_machine(host: &Host, reporter: &Reporter) {
    if host.tracefs().is_none() {
        reporter.hint("tracefs is not mounted: mount -t tracefs tracefs /sys/kernel/tracing");
    }
    if let Some(why) = host.btf().error() {
        reporter.hint(format!("the kernel's types are not known: {why}"));
    }
}

/// The newest instruction set that this kernel takes.
pub(super) fn isa(facts: &dyn Facts) -> Isa {
    match (facts.has(Feature::IsaV4), facts.has(Feature::IsaV3)) {
        (true, _) => Isa::V4,
        (false, true) => Isa::V3,
        (false, false) => Isa::V2,
    }
}

/// `--emit-elf`, `--emit-llvm`
fn emit(run: &Run, object: &Object, reporter: &Reporter) -> Result<(), Ending> {
    let save = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).map_err(|error| {
            reporter.error(format!("failed to write file '{}': {}", path.display(), words(&error)));
            Ending::Mistake
        })
    };
    if let Some(path) = &run.emit_elf {
        save(path, &object.elf)?;
    }
    if let (Some(path), Some(Listings { llvm, optimized, .. })) = (&run.emit_llvm, &object.listings) {
        save(&with_suffix(path, ".original.ll"), llvm.as_bytes())?;
        save(&with_suffix(path, ".optimized.ll"), optimized.as_bytes())?;
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn attach(
    run: Run,
    child: Option<StoppedChild>,
    compiled: &Compiled,
    sources: &Sources,
    host: &Host,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<Ending, Ending> {
    let options = rbtrace_runtime::Options {
        format: run.format,
        buffering: run.buffering,
        output: run.output,
        color: reporter.color(),
        quiet: run.quiet,
        verbose: run.verbose,
        dry_run: run.dry_run,
        notify_attached: environment.notify_attached,
        notify_socket: environment.notify_socket.clone(),
        pid: run.pid,
        child,
        unwound: run.unwound,
        debug_verifier: run.stages.contains(&Stage::Verifier),
        debug_libbpf: run.stages.contains(&Stage::Libbpf),
    };
    let plainer = || {
        let target = Target { isa: isa(host), frugal: true, ..Target::default() };
        rbtrace_codegen::compile(&compiled.program, &target, Some(sources)).ok().map(|object| object.elf)
    };
    let objects = Objects { elf: &compiled.object.elf, plainer: &plainer };
    match rbtrace_runtime::run(objects, &compiled.program.manifest, host, options) {
        Ok(0) => Ok(Ending::Done),
        Ok(code) => Ok(Ending::Script(code)),
        Err(mut error) => {
            if let Some(rejected) = error.downcast_mut::<Rejected>() {
                rejected.quote(|file, line| sources.iter().find(|source| source.name == file).map(|source| source.line(line)));
            }
            reporter.error(format!("{error:#}"));
            if !compiled.program.c_code.functions.is_empty() {
                reporter.hint("the script calls functions of C: it may be these that the kernel does not take");
            }
            Err(Ending::Refused)
        }
    }
}
