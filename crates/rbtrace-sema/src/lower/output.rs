//! What the programs of a script share: maps, constants, events, texts, losses.

use std::collections::HashMap;

use indexmap::IndexMap;
use rbtrace_ir::{
    Constant, ConstantId, EventDecl, EventId, LossDecl, LossId, LossKind, Manifest, MapDecl, MapId, Program, RunConfig, Storage,
};
use rbtrace_lang::config;
use rbtrace_lang::named::stack;
use rbtrace_types::{Feature, Layout, Type};

use crate::infer::{MapState, Typed};
use crate::shared::Shared;

/// The program under construction.
pub(super) struct Output {
    /// What there is so far.
    pub program: Program,
    maps: IndexMap<String, MapId>,
    constants: HashMap<Vec<u8>, ConstantId>,
    events: HashMap<EventDecl, EventId>,
    texts: HashMap<String, u32>,
}

impl Output {
    /// Declares the maps of the script and the loss that always exists.
    pub fn new(shared: &Shared, typed: &Typed) -> Output {
        let mut program = Program::default();
        program.manifest.losses.push(LossDecl { kind: LossKind::Ring, site: None });
        program.manifest.config = run_config(shared);
        let mut out = Output { program, maps: IndexMap::new(), constants: HashMap::new(), events: HashMap::new(), texts: HashMap::new() };
        for (name, state) in &typed.maps {
            if state.value.ty != Type::Void {
                out.declare(name, map_decl(name, state, shared));
            }
        }
        out
    }

    fn declare(&mut self, name: &str, decl: MapDecl) -> MapId {
        let maps = &mut self.program.manifest.maps;
        maps.push(decl);
        let id = MapId(maps.len() as u32 - 1);
        self.maps.insert(name.to_string(), id);
        id
    }

    /// The number of a map of the script.
    pub fn map(&self, name: &str) -> MapId {
        *self.maps.get(name).expect("inference refuses maps that nothing assigns")
    }

    /// The number of a map, if the script has it.
    pub fn find(&self, name: &str) -> Option<MapId> {
        self.maps.get(name).copied()
    }

    /// The declaration of a map.
    pub fn decl(&self, id: MapId) -> &MapDecl {
        &self.program.manifest.maps[id.0 as usize]
    }

    /// An internal scalar map; see [`Manifest::INTERNAL`].
    pub fn internal(&mut self, symbol: &str) -> MapId {
        // No user can write this name: it has a character that no identifier has.
        let name = format!("\u{1}{symbol}");
        if let Some(&id) = self.maps.get(&name) {
            return id;
        }
        let decl = MapDecl {
            name: name.clone(),
            symbol: symbol.to_string(),
            storage: Storage::Global,
            key: None,
            value: Type::U64,
            max_entries: 1,
            preallocate: true,
        };
        self.declare(&name, decl)
    }

    /// The internal map of stacks of processes (or of the kernel) with so many bytes of frames. Where the kernel reserves all entries there
    /// are fewer. Where it does not its stock may be a single entry: the two kinds have tables of their own because a run takes one of each.
    pub fn stack_table(&mut self, user: bool, frames: u32, shared: &Shared) -> MapId {
        const MOST: u32 = 1 << 17;
        const RESERVED: u32 = 1 << 13;
        let symbol = format!("{}{}stack_{frames}", Manifest::INTERNAL, if user { 'u' } else { 'k' });
        let name = format!("\u{1}{symbol}");
        if let Some(&id) = self.maps.get(&name) {
            return id;
        }
        let value = Type::Array(Type::U64.into(), (stack::ENTRY_HEADER + frames) / 8);
        let (storage, key) = (Storage::Hash, Some(Type::U64));
        let mut decl = MapDecl { name: name.clone(), symbol, storage, key, value, max_entries: MOST, preallocate: true };
        decl.preallocate = preallocate(&decl, shared);
        decl.max_entries = if decl.preallocate { RESERVED } else { MOST };
        self.declare(&name, decl)
    }

    /// An internal map that the user does not know of; equal symbols are one map.
    pub fn internal_table(&mut self, decl: MapDecl) -> MapId {
        let name = format!("\u{1}{}", decl.symbol);
        match self.maps.get(&name) {
            Some(&id) => id,
            None => self.declare(&name, MapDecl { name: name.clone(), ..decl }),
        }
    }

    /// Read-only bytes, padded to 8; equal ones are kept once.
    pub fn constant(&mut self, bytes: &[u8]) -> ConstantId {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().max(1).next_multiple_of(8), 0);
        if let Some(&id) = self.constants.get(&bytes) {
            return id;
        }
        let id = ConstantId(self.program.constants.len() as u32);
        self.program.constants.push(Constant { bytes: bytes.clone() });
        self.constants.insert(bytes, id);
        id
    }

    /// The number of an event; equal declarations share one.
    pub fn event(&mut self, decl: EventDecl) -> EventId {
        if let Some(&id) = self.events.get(&decl) {
            return id;
        }
        let events = &mut self.program.manifest.events;
        let id = EventId(events.len() as u32);
        events.push(decl.clone());
        self.events.insert(decl, id);
        id
    }

    /// The number of a text.
    pub fn text(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.texts.get(text) {
            return at;
        }
        let texts = &mut self.program.manifest.texts;
        let at = texts.len() as u32;
        texts.push(text.to_string());
        self.texts.insert(text.to_string(), at);
        at
    }

    /// A counter of what goes wrong at a site; the same kind and site share one.
    pub fn loss(&mut self, kind: LossKind, site: EventId) -> LossId {
        let losses = &mut self.program.manifest.losses;
        let decl = LossDecl { kind, site: Some(site) };
        let at = losses.iter().position(|known| *known == decl).unwrap_or_else(|| {
            losses.push(decl);
            losses.len() - 1
        });
        LossId(at as u32)
    }
}

impl Output {
    /// The finished program. A script that prints nothing from its probes but whole maps needs no large buffer, which takes time to make.
    pub fn finish(mut self, shared: &Shared) -> Program {
        const SMALL: u32 = 256 << 10;
        let manifest = &mut self.program.manifest;
        let short = |event: &EventDecl| Layout::of(&event.args).size <= 8;
        if shared.number(config::perf_rb_pages::ROW.name) == 0 && manifest.events.iter().all(short) {
            manifest.config.ring_bytes = manifest.config.ring_bytes.min(SMALL);
        }
        // Files of which nothing is called are not even read.
        if !self.program.c_code.functions.is_empty() {
            self.program.c_code.bitcode = shared.c_imports.bitcode.clone();
        }
        self.program
    }
}

fn map_decl(name: &str, state: &MapState, shared: &Shared) -> MapDecl {
    let key = state.key.clone().flatten().map(|key| key.ty);
    let is_aggregate = matches!(state.value.ty, Type::Aggregate(_));
    let lru = state.declared.as_ref().is_some_and(|(kind, _)| kind.starts_with("lru") || kind.starts_with("percpulru"));
    let storage = match (&key, is_aggregate, lru) {
        (None, true, _) => Storage::PerCpuGlobal,
        (None, false, _) => Storage::Global,
        (Some(_), true, false) => Storage::PerCpuHash,
        (Some(_), true, true) => Storage::LruPerCpuHash,
        (Some(_), false, false) => Storage::Hash,
        (Some(_), false, true) => Storage::LruHash,
    };
    let entries = state.declared.as_ref().map_or(shared.number(config::max_map_keys::ROW.name), |(_, entries)| *entries);
    let max_entries = if key.is_none() { 1 } else { u32::try_from(entries).unwrap_or(u32::MAX) };
    let symbol = format!("AT_{name}");
    let mut decl = MapDecl { name: name.to_string(), symbol, storage, key, value: state.value.ty.clone(), max_entries, preallocate: true };
    decl.preallocate = preallocate(&decl, shared);
    decl
}

/// Reserving all entries of a large map costs milliseconds at start; kernels from 6.1 allocate safely in any context.
fn preallocate(decl: &MapDecl, shared: &Shared) -> bool {
    const LARGE: u64 = 1 << 20;
    let copies = if decl.storage.is_per_cpu() { u64::from(shared.facts.cpus()) } else { 1 };
    let bytes =
        u64::from(decl.max_entries) * (u64::from(decl.value_size()) * copies + decl.key.as_ref().map_or(0, |key| u64::from(key.size())));
    let is_lru = matches!(decl.storage, Storage::LruHash | Storage::LruPerCpuHash);
    is_lru || !shared.facts.has(Feature::TaiTime) || (!decl.storage.is_per_cpu() && bytes <= LARGE)
}

fn run_config(shared: &Shared) -> RunConfig {
    let text = |key: &str| shared.config.get(key).cloned().unwrap_or_default();
    RunConfig {
        print_maps_on_exit: text(config::print_maps_on_exit::ROW.name) == "true",
        user_symbols: text(config::user_symbols::ROW.name) == "true",
        debug_info: text(config::show_debug_info::ROW.name) == "true",
        demangle: text(config::cpp_demangle::ROW.name) == "true",
        follow_processes: false,
        name_kernel: false,
        max_cat_bytes: shared.number(config::max_cat_bytes::ROW.name),
        str_trunc_trailer: text(config::str_trunc_trailer::ROW.name),
        ring_bytes: ring_bytes(shared),
        license: text(config::license::ROW.name),
        log_size: u32::try_from(shared.number(config::log_size::ROW.name)).unwrap_or(u32::MAX),
        missing_probes: text(config::missing_probes::ROW.name),
        held_back: shared.held_back.clone(),
    }
}

/// `perf_rb_pages` pages, or by the memory there is: between 256 KiB and 16 MiB (SPEC §8.4). A power of two, as the kernel wants it.
fn ring_bytes(shared: &Shared) -> u32 {
    const PAGE: u64 = 4096;
    let pages = shared.number(config::perf_rb_pages::ROW.name);
    let wanted = match pages {
        0 => (shared.options.available_memory / 1024).clamp(256 << 10, 16 << 20),
        pages => pages.saturating_mul(PAGE).min(1 << 30),
    };
    (wanted.max(PAGE) as u32).next_power_of_two()
}
