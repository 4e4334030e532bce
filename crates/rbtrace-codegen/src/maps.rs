//! Maps as libbpf wants them: globals in the section `.maps`, described by BTF. The only file of the crate that says map types.

use inkwell::module::Module;
use inkwell::values::{GlobalValue, PointerValue};
use rbtrace_ir::{Constant, Manifest, MapDecl, MapId, Program, Storage};

use crate::builder::Code;
use crate::debug::Debug;
use crate::slots::ScratchSize;

const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PERCPU_HASH: u32 = 5;
const PERCPU_ARRAY: u32 = 6;
const LRU_HASH: u32 = 9;
const LRU_PERCPU_HASH: u32 = 10;
const ARRAY_OF_MAPS: u32 = 12;
const RINGBUF: u32 = 27;
const NO_PREALLOC: u32 = 1;
const MMAPABLE: u32 = 1 << 10;

/// The maps and constants of a module.
pub struct Globals<'ctx> {
    maps: Vec<GlobalValue<'ctx>>,
    constants: Vec<GlobalValue<'ctx>>,
    ring: GlobalValue<'ctx>,
    losses: GlobalValue<'ctx>,
    scratch: Option<GlobalValue<'ctx>>,
}

struct Definition {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
    flags: u32,
}

impl<'ctx> Globals<'ctx> {
    pub fn new(code: &Code<'ctx>, module: &Module<'ctx>, debug: &Debug<'ctx, '_>, program: &Program, scratch: ScratchSize) -> Self {
        let define = |name: &str, definition: &Definition| define(code, module, debug, name, definition);
        let manifest = &program.manifest;
        let losses = Definition { kind: ARRAY, key: 4, value: 8, entries: manifest.losses.len().max(1) as u32, flags: 0 };
        let ring = Definition { kind: RINGBUF, key: 0, value: 0, entries: manifest.config.ring_bytes, flags: 0 };
        let per_cpu = Definition { kind: PERCPU_ARRAY, key: 4, value: scratch.bytes, entries: scratch.chunks, flags: 0 };
        Self {
            maps: manifest.maps.iter().map(|map| define(&map.symbol, &user_map(map))).collect(),
            constants: program.constants.iter().map(|constant| read_only(code, module, constant)).collect(),
            ring: define(Manifest::RING_MAP, &ring),
            losses: define(Manifest::LOSS_MAP, &losses),
            scratch: (scratch.bytes > 0).then(|| define(Manifest::SCRATCH_MAP, &per_cpu)),
        }
    }

    pub fn map(&self, id: MapId) -> PointerValue<'ctx> {
        self.maps[id.0 as usize].as_pointer_value()
    }

    pub fn constant(&self, id: rbtrace_ir::ConstantId) -> PointerValue<'ctx> {
        self.constants[id.0 as usize].as_pointer_value()
    }

    pub fn ring(&self) -> PointerValue<'ctx> {
        self.ring.as_pointer_value()
    }

    pub fn losses(&self) -> PointerValue<'ctx> {
        self.losses.as_pointer_value()
    }

    pub fn scratch(&self) -> PointerValue<'ctx> {
        self.scratch.expect("a slot placed in scratch memory makes its map").as_pointer_value()
    }
}

fn user_map(map: &MapDecl) -> Definition {
    let kind = match map.storage {
        Storage::Global => ARRAY,
        Storage::PerCpuGlobal => PERCPU_ARRAY,
        Storage::Hash => HASH,
        Storage::LruHash => LRU_HASH,
        Storage::PerCpuHash => PERCPU_HASH,
        Storage::LruPerCpuHash => LRU_PERCPU_HASH,
        Storage::Array => ARRAY,
        Storage::Arrays => ARRAY_OF_MAPS,
    };
    let (key, entries, flags) = match map.storage {
        Storage::Global | Storage::PerCpuGlobal => (4, 1, 0),
        Storage::Hash | Storage::PerCpuHash => (key_size(map), map.max_entries, if map.preallocate { 0 } else { NO_PREALLOC }),
        // The kernel refuses LRU maps that are not preallocated.
        Storage::LruHash | Storage::LruPerCpuHash => (key_size(map), map.max_entries, 0),
        Storage::Array => (4, map.max_entries, MMAPABLE),
        Storage::Arrays => (4, map.max_entries, 0),
    };
    // A map's place among maps is a descriptor.
    let value = if map.storage == Storage::Arrays { 4 } else { map.value_size() };
    Definition { kind, key, value, entries, flags }
}

/// Bytes of a map's key.
pub fn key_size(map: &MapDecl) -> u32 {
    map.key.as_ref().map_or(4, |key| key.size())
}

fn define<'ctx>(
    code: &Code<'ctx>,
    module: &Module<'ctx>,
    debug: &Debug<'ctx, '_>,
    name: &str,
    definition: &Definition,
) -> GlobalValue<'ctx> {
    let mut numbers = vec![("type", definition.kind), ("max_entries", definition.entries)];
    if definition.key > 0 {
        numbers.extend([("key_size", definition.key), ("value_size", definition.value)]);
    }
    if definition.flags > 0 {
        numbers.push(("map_flags", definition.flags));
    }
    let ty = code.ptr.array_type(numbers.len() as u32);
    let global = module.add_global(ty, None, name);
    global.set_initializer(&ty.const_zero());
    global.set_section(Some(".maps"));
    global.set_alignment(8);
    debug.map(global, name, &numbers);
    global
}

fn read_only<'ctx>(code: &Code<'ctx>, module: &Module<'ctx>, constant: &Constant) -> GlobalValue<'ctx> {
    let bytes = code.context.const_string(&constant.bytes, false);
    let global = module.add_global(bytes.get_type(), None, "text");
    global.set_initializer(&bytes);
    global.set_constant(true);
    global.set_linkage(inkwell::module::Linkage::Internal);
    global.set_section(Some(".rodata"));
    global.set_alignment(8);
    global
}
