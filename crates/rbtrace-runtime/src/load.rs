//! Object bytes → [`Open`] → [`Loaded`]: maps exist and every program has passed the verifier. Knows libbpf's object; attaches nothing.

use std::ffi::{CStr, CString};
use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result, anyhow, bail};
use libbpf_rs::{MapCore, Object, ObjectBuilder, OpenObject, ProgramType};
use rbtrace_host::Host;
use rbtrace_ir::{AttachPlan, Manifest, ProgramDecl, Role, Span};

use crate::attach::{kprobe, trampoline, uprobe};
use crate::kernel_functions;
use crate::sys::bpf::{self, Code, Expected, Log};
use crate::sys::{object, signal};
use crate::verifier_log::{Excerpt, Limit, excerpt};
use crate::{Options, libbpf_log, unwind};

/// Name of every object of ours in the kernel's eyes.
const OBJECT_NAME: &str = "rbtrace";
/// Logs longer than this are not worth their memory.
const MAX_LOG: usize = 16 << 20;

/// An object that was parsed.
#[derive(Debug)]
pub struct Open<'m> {
    object: OpenObject,
    manifest: &'m Manifest,
}

/// An object whose maps and programs are in the kernel.
#[derive(Debug)]
pub struct Loaded<'m> {
    /// Keeps the maps alive.
    object: Object,
    /// The programs, in the manifest's order; without those that the kernel takes for no place, where the script allows that.
    pub programs: Vec<Program<'m>>,
    /// Why those are left out.
    pub missing: Vec<String>,
    /// The script's maps, in the manifest's order.
    pub maps: Vec<OwnedFd>,
}

/// A program in the kernel.
#[derive(Debug)]
pub struct Program<'m> {
    /// What it is for.
    pub decl: &'m ProgramDecl,
    /// The kernel's handle.
    pub fd: OwnedFd,
}

/// The verifier said no. Our bug: the compiler promises that what it accepts, the verifier accepts.
#[derive(Debug)]
pub struct Rejected {
    /// The attach points of the program.
    pub probes: Vec<String>,
    /// The probe's header in the source.
    pub span: Span,
    /// What the kernel returned.
    pub error: io::Error,
    /// Why, in the verifier's words.
    pub log: Excerpt,
}

impl Rejected {
    /// Whether other code for the same script may please the verifier.
    pub fn depends_on_code(&self) -> bool {
        match self.log.limit {
            Some(Limit::Instructions | Limit::Branches) => true,
            Some(Limit::Maps | Limit::Functions) => false,
            None => self.log.refused_helper.is_none(),
        }
    }

    /// Fills in source lines that the log only names. `line` gives the text of a line of a file.
    pub fn quote<'a>(&mut self, line: impl Fn(&str, u32) -> Option<&'a str>) {
        for note in self.log.sources.iter_mut().filter(|note| note.text.is_empty()) {
            let text = note.place.as_ref().and_then(|(file, number)| line(file, *number));
            note.text = text.unwrap_or_default().trim().to_owned();
        }
    }
}

impl std::error::Error for Rejected {}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let probe = self.probes.first().map_or("?", String::as_str);
        if let Some(limit) = self.log.limit {
            let (what, remedy) = limit.words();
            return write!(f, "the program of `{probe}` is too large: {what}\n  what helps: {remedy}");
        }
        match &self.log.refused_helper {
            Some(helper) => write!(f, "helper {helper} not allowed in probe: this kernel does not offer it to `{probe}`")?,
            None => {
                let error = &self.error;
                write!(
                    f,
                    "the kernel's verifier rejected the program of `{probe}` ({error}); this is a bug in rbtrace, not in the script"
                )?;
            }
        }
        for note in &self.log.sources {
            match &note.place {
                Some((file, line)) => write!(f, "\n  at {file}:{line}: {}", note.text)?,
                None => write!(f, "\n  at `{}`", note.text)?,
            }
        }
        if self.log.refused_helper.is_some() {
            return f.write_str("\n  what helps: another probe type, a newer kernel, or no lockdown where the helper writes to memory");
        }
        f.write_str("\n  the verifier's last words:")?;
        self.log.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

impl<'m> Open<'m> {
    /// Parses the object. What libbpf prints goes where the options say.
    pub fn new(bytes: &[u8], manifest: &'m Manifest, options: &Options) -> Result<Self> {
        libbpf_log::install(options.debug_libbpf);
        let mut builder = ObjectBuilder::default();
        let opened = builder.name(OBJECT_NAME).and_then(|builder| builder.open_memory(bytes));
        let mut object = opened.map_err(explained).context("reading the compiled program")?;
        for mut program in object.progs_mut() {
            let decl = manifest.programs.iter().find(|decl| program.name() == decl.symbol.as_str());
            program.set_prog_type(decl.map_or(ProgramType::RawTracepoint, initial_type));
        }
        Ok(Self { object, manifest })
    }

    /// Creates the maps and loads the programs. To learn which limit a program is over the verifier walks all of it again: only for the `last`
    /// object there is.
    pub fn load(mut self, host: &Host, options: &Options, last: bool) -> Result<Loaded<'m>> {
        raise_descriptor_limit();
        let pattern = unwind::pattern(&mut self.object)?;
        object::prepare(&mut self.object).map_err(|error| map_failure(error.into(), self.manifest)).context("creating the maps")?;
        let mut codes = object::take_programs(&mut self.object).context("reading the compiled program")?;
        let object = self.object.load().map_err(explained).context("creating the maps")?;
        drop(pattern);
        let maps = self.manifest.maps.iter().map(|map| map_fd(&object, &map.symbol)).collect::<Result<_>>()?;
        let license = license(self.manifest)?;
        let loader = Loader { host, options, manifest: self.manifest, btf: object::btf(&object), license, asks_limit: last };
        let (mut programs, mut missing) = (Vec::with_capacity(codes.len()), Vec::new());
        for decl in &self.manifest.programs {
            if signal::end_was_asked() {
                bail!("ended before anything was attached");
            }
            let at = codes.iter().position(|(name, _)| *name == decl.symbol);
            let (_, code) = codes.swap_remove(at.with_context(|| format!("the object has no program `{}`", decl.symbol))?);
            match loader.load(decl, code) {
                Ok(fd) => programs.push(Program { decl, fd }),
                Err(error) if self.manifest.config.missing_probes != "error" && is_absent(decl, &error) => {
                    missing.push(format!("{error:#}"))
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Loaded { object, programs, missing, maps })
    }
}

impl Loaded<'_> {
    /// A map of the object by its symbol; `None` when the compiler had no use for it.
    pub fn map(&self, symbol: &str) -> Option<libbpf_rs::Map<'_>> {
        self.object.maps().find(|map| map.name() == symbol)
    }
}

/// Whether a program was not loaded because its place is not there: it is looked up when the program is loaded, not when it is attached.
fn is_absent(decl: &ProgramDecl, error: &anyhow::Error) -> bool {
    matches!(decl.plan, Some(AttachPlan::Trampoline { .. })) && !error.is::<Rejected>()
}

/// Typed raw tracepoints begin as plain ones: libbpf parses the whole of the kernel's BTF for every object that has a typed program.
fn initial_type(decl: &ProgramDecl) -> ProgramType {
    match (&decl.role, &decl.plan) {
        (Role::Bench, _) => ProgramType::Xdp,
        (Role::Begin | Role::End | Role::Test | Role::Signal(_), _)
        | (Role::Traced, None | Some(AttachPlan::RawTracepoint { .. } | AttachPlan::Iterator { .. })) => ProgramType::RawTracepoint,
        (Role::Traced, Some(AttachPlan::Tracepoint { .. })) => ProgramType::Tracepoint,
        (Role::Traced, Some(AttachPlan::PerfEvent { .. } | AttachPlan::Breakpoint { .. })) => ProgramType::PerfEvent,
        (Role::Traced, Some(AttachPlan::Uprobe { .. } | AttachPlan::Kprobe { .. })) => ProgramType::Kprobe,
        (Role::Traced, Some(AttachPlan::Trampoline { .. })) => ProgramType::RawTracepoint,
    }
}

/// What loading one program needs.
struct Loader<'a> {
    host: &'a Host,
    options: &'a Options,
    manifest: &'a Manifest,
    btf: Option<BorrowedFd<'a>>,
    license: CString,
    /// Whether a refusal is worth the question which limit it is about.
    asks_limit: bool,
}

impl Loader<'_> {
    fn load(&self, decl: &ProgramDecl, mut code: Code) -> Result<OwnedFd> {
        kernel_functions::resolve(&mut code, self.host)?;
        let (expected, kept) = self.expected(decl)?;
        let is_tracing = |plan: &AttachPlan| {
            matches!(plan, AttachPlan::RawTracepoint { typed: true, .. } | AttachPlan::Trampoline { .. } | AttachPlan::Iterator { .. })
        };
        if decl.plan.as_ref().is_some_and(is_tracing) {
            code.program_type = ProgramType::Tracing as u32;
        }
        let loaded = self.load_for(decl, &code, expected);
        drop(kept);
        loaded
    }

    /// What the verifier has to know of a program's place, and what must stay open until the program is loaded.
    fn expected(&self, decl: &ProgramDecl) -> Result<(Expected, Option<OwnedFd>)> {
        let expected = match &decl.plan {
            Some(AttachPlan::RawTracepoint { event, typed: true }) => Expected::raw_tracepoint(self.btf_id(event)?),
            Some(AttachPlan::Iterator { kind, .. }) => {
                let id = self.host.btf().iterator_id(kind);
                Expected::iterator(id.with_context(|| format!("this kernel cannot iterate over `{kind}`"))?)
            }
            Some(AttachPlan::Uprobe { pid, .. }) if uprobe::is_multi(self.host, *pid) => Expected::uprobe_multi(),
            Some(AttachPlan::Kprobe { places, moment }) if kprobe::is_multi(self.host, places) => Expected::kprobe_multi(*moment),
            Some(AttachPlan::Trampoline { of, function, returns }) => return trampoline::expected(of, function, *returns, self.host),
            Some(AttachPlan::RawTracepoint { typed: false, .. } | AttachPlan::Tracepoint { .. } | AttachPlan::Breakpoint { .. }) => {
                Expected::default()
            }
            Some(AttachPlan::PerfEvent { .. } | AttachPlan::Uprobe { .. } | AttachPlan::Kprobe { .. }) | None => Expected::default(),
        };
        Ok((expected, None))
    }

    fn load_for(&self, decl: &ProgramDecl, code: &Code, expected: Expected) -> Result<OwnedFd> {
        if self.options.debug_verifier {
            return self.load_aloud(decl, code, expected);
        }
        match bpf::load(code, &self.license, self.btf, expected, None) {
            Ok(fd) => Ok(fd),
            Err(error) => Err(self.explain(decl, code, expected, error)),
        }
    }

    fn btf_id(&self, event: &str) -> Result<u32> {
        if let Some(id) = self.host.btf().raw_tracepoint_id(event) {
            return Ok(id);
        }
        let name = CString::new(event).context("the name of a raw tracepoint")?;
        bpf::raw_tracepoint_btf_id(&name).with_context(|| format!("looking up the raw tracepoint `{event}` in the kernel's types"))
    }

    /// `-d verifier`: the log of every program, accepted or not.
    fn load_aloud(&self, decl: &ProgramDecl, code: &Code, expected: Expected) -> Result<OwnedFd> {
        let mut buffer = vec![0; MAX_LOG];
        let result = bpf::load(code, &self.license, self.btf, expected, Some(Log { level: 2, buffer: &mut buffer }));
        eprintln!("--- verifier: {} ---\n{}", decl.probes.join(", "), text_of(&buffer));
        result.map_err(|error| self.explain(decl, code, expected, error))
    }

    /// The limit that a program went over. Loads again with a log of the last words only: the whole one would take much longer.
    fn limit(&self, code: &Code, expected: Expected, error: &io::Error) -> Option<Limit> {
        const LAST_WORDS: u32 = 4;
        let too_big = error.raw_os_error() == Some(libc::E2BIG);
        let mut buffer = vec![0; 4096];
        let _ = bpf::load(code, &self.license, self.btf, expected, Some(Log { level: LAST_WORDS, buffer: &mut buffer }));
        let log = excerpt(&text_of(&buffer));
        // Longer than the kernel wants to begin with: it says so by the number alone.
        log.limit.or((too_big && log.lines.is_empty()).then_some(Limit::Instructions))
    }

    /// Loads again, this time with a log, to say why it failed.
    fn explain(&self, decl: &ProgramDecl, code: &Code, expected: Expected, error: io::Error) -> anyhow::Error {
        let about_limit = matches!(error.raw_os_error(), Some(libc::E2BIG | libc::EFAULT));
        let limit = if about_limit && self.asks_limit { self.limit(code, expected, &error) } else { None };
        if limit.is_some() || about_limit && !self.asks_limit {
            let log = Excerpt { limit, ..Excerpt::default() };
            return Rejected { probes: decl.probes.clone(), span: decl.span, error, log }.into();
        }
        let mut size = (self.manifest.config.log_size as usize).clamp(4096, MAX_LOG);
        let log = loop {
            let mut buffer = vec![0; size];
            let again = bpf::load(code, &self.license, self.btf, expected, Some(Log { level: 1, buffer: &mut buffer }));
            // Before 6.4 the kernel stops writing when the buffer is full, and the reason is at the end.
            let full = again.is_err_and(|again| again.raw_os_error() == Some(libc::ENOSPC));
            if !full || size >= MAX_LOG {
                break excerpt(&text_of(&buffer));
            }
            size = (size * 4).min(MAX_LOG);
        };
        let probes = decl.probes.clone();
        if log.lines.is_empty() {
            let why = match &decl.plan {
                Some(AttachPlan::Trampoline { .. }) => format!(": {}", trampoline::unloadable(&error)),
                _ => String::new(),
            };
            return anyhow!(error).context(format!("loading the program of `{}`{why}", probes.first().map_or("?", String::as_str)));
        }
        if let Some(AttachPlan::Trampoline { function, .. }) = &decl.plan
            && let Some(why) = trampoline::untraceable(function, &log.lines)
        {
            return anyhow!(error).context(format!("Unable to attach probe: {}: {why}", probes.first().map_or("?", String::as_str)));
        }
        Rejected { probes, span: decl.span, error, log }.into()
    }
}

fn text_of(buffer: &[u8]) -> String {
    let text = CStr::from_bytes_until_nul(buffer).map_or(buffer, CStr::to_bytes);
    String::from_utf8_lossy(text).into_owned()
}

fn license(manifest: &Manifest) -> Result<CString> {
    CString::new(manifest.config.license.as_str()).context("the licence contains a NUL")
}

fn map_fd(object: &Object, symbol: &str) -> Result<OwnedFd> {
    let map = object.maps().find(|map| map.name() == symbol).with_context(|| format!("the object has no map `{symbol}`"))?;
    map.as_fd().try_clone_to_owned().with_context(|| format!("opening the map `{symbol}` (descriptor {})", map.as_fd().as_raw_fd()))
}

/// An error of libbpf together with what libbpf printed about it.
fn explained(error: libbpf_rs::Error) -> anyhow::Error {
    let mut text = error.to_string();
    for line in libbpf_log::take() {
        let _ = write!(text, "\n  {line}");
    }
    anyhow!(text)
}

/// Why maps could not be made: libbpf names the map, and the manifest knows what the script asked for.
fn map_failure(error: libbpf_rs::Error, manifest: &Manifest) -> anyhow::Error {
    let lines = libbpf_log::take();
    let asked = lines.iter().find_map(|line| too_large(line, manifest));
    asked.map_or_else(|| anyhow!("{error}\n  {}", lines.join("\n  ")), |asked| anyhow!(asked))
}

/// Reads `map 'AT_x': failed to create: -E2BIG`.
fn too_large(line: &str, manifest: &Manifest) -> Option<String> {
    let (symbol, rest) = line.trim().strip_prefix("map '")?.split_once('\'')?;
    let why = match rest.strip_prefix(": failed to create: -")?.split_whitespace().next()? {
        "E2BIG" | "EINVAL" => "that is larger than maps can be",
        "ENOMEM" => "it has not so much memory",
        _ => return None,
    };
    if symbol == Manifest::RING_MAP {
        let bytes = manifest.config.ring_bytes;
        return Some(format!("the kernel cannot make a ring buffer of {bytes} bytes: {why}; lower `perf_rb_pages`"));
    }
    let map = manifest.maps.iter().find(|map| map.symbol == symbol)?;
    let (name, keys) = (&map.name, map.max_entries);
    Some(format!(
        "the kernel cannot make room for {keys} keys of @{name}: {why}; lower `max_map_keys`, or the number in the map's declaration"
    ))
}

/// What kernels allow root unless told otherwise (`fs.nr_open`).
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// Each probe costs a descriptor or two, or one per CPU. Where the limit cannot be raised, opening one too many says so.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < MOST_DESCRIPTORS) {
        let more = Rlimit { current: Some(MOST_DESCRIPTORS), maximum: Some(MOST_DESCRIPTORS) };
        if setrlimit(Resource::Nofile, more).is_ok() {
            return;
        }
    }
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
