//! What the kernel itself says of a place in the process's memory. User space hears of a process a moment after it began; until then its binaries,
//! if their tables were made for others, are found by what tells files apart.

use rbtrace_ir::{Bin, Builder, Cmp, LoopKind, Manifest, MapDecl, MapId, Op, Region, Storage, Value};
use rbtrace_types::unwind::{FILE_BYTES, FILE_KEY_WORDS, FILES, NO_FILE};
use rbtrace_types::{Facts, Feature, Type};

use super::{Walk, kernel_word};
use crate::compile::LowerCx;

/// `VM_EXEC`
const EXECUTABLE: i64 = 4;

/// How to ask.
#[derive(Clone, Copy)]
pub(super) struct Places {
    /// The map of the files whose tables are known.
    files: MapId,
    at: Offsets,
}

/// Where this kernel keeps what tells a file from others.
#[derive(Clone, Copy)]
struct Offsets {
    /// Of `struct vm_area_struct`.
    start: u32,
    end: u32,
    flags: u32,
    page: u32,
    file: u32,
    operations: u32,
    memory: u32,
    /// Of `struct mm_struct`: where the code is that the kernel gives to every process.
    vdso: u32,
    /// Of `struct file`.
    inode: u32,
    /// Where file systems lie on each other, of `struct backing_file`: the name of the upper file. Of the name: its file.
    upper: Option<(u32, u32)>,
    /// Of `struct inode`: time of the last change in seconds, and in nanoseconds.
    number: u32,
    changed: (u32, u32),
    system: u32,
    /// Of `struct super_block`.
    device: u32,
}

/// None where the kernel cannot be asked, or does not say how it keeps this.
pub(super) fn places(cx: &mut dyn LowerCx) -> Option<Places> {
    let at = offsets(cx.facts())?;
    let words = |bytes: u32| Type::Array(Type::U64.into(), bytes / 8);
    // Programs only read it: they need no entries kept ready.
    let decl = MapDecl {
        name: String::new(),
        symbol: Manifest::UNWIND_FILES.to_owned(),
        storage: Storage::Hash,
        key: Some(words(8 * FILE_KEY_WORDS as u32)),
        value: words(FILE_BYTES),
        max_entries: FILES,
        preallocate: false,
    };
    Some(Places { files: cx.internal_table(decl), at })
}

fn offsets(facts: &dyn Facts) -> Option<Offsets> {
    let can = [Feature::FindVma, Feature::CurrentTaskBtf, Feature::Loop].into_iter().all(|feature| facts.has(feature));
    let of = |of: &'static str| {
        let Type::Struct(of) = facts.kernel_type(of)? else { return None };
        Some(move |name: &str| of.field(name).map(|field| (field.offset, field.ty.clone())))
    };
    let (area, memory, file, inode) =
        (can.then(|| of("struct vm_area_struct"))??, of("struct mm_struct")?, of("struct file")?, of("struct inode")?);
    let at = |field: Option<(u32, Type)>| field.map(|(offset, _)| offset);
    let inner = |field: Option<(u32, Type)>, name: &str| match field? {
        (offset, Type::Struct(inner)) => Some(offset + inner.field(name)?.offset),
        _ => None,
    };
    let upper = || Some((inner(of("struct backing_file")?("user_path"), "dentry")?, at(of("struct dentry")?("d_inode"))?));
    // Since Linux 6.11 two numbers, before one of two names.
    let stamp = |name: &str| Some((inner(inode(name), "tv_sec")?, inner(inode(name), "tv_nsec")?));
    let changed = || Some((at(inode("i_mtime_sec"))?, at(inode("i_mtime_nsec"))?));
    Some(Offsets {
        start: at(area("vm_start"))?,
        end: at(area("vm_end"))?,
        flags: at(area("vm_flags"))?,
        page: at(area("vm_pgoff"))?,
        file: at(area("vm_file"))?,
        operations: at(area("vm_ops"))?,
        memory: at(area("vm_mm"))?,
        vdso: inner(memory("context"), "vdso")?,
        inode: at(file("f_inode"))?,
        upper: upper(),
        number: at(inode("i_ino"))?,
        changed: changed().or_else(|| stamp("i_mtime")).or_else(|| stamp("__i_mtime"))?,
        system: at(inode("i_sb"))?,
        device: at(of("struct super_block")?("s_dev"))?,
    })
}

impl Walk {
    /// Looks for the stretch of code that a place is in; leaves it as it was if the kernel does not find it, or its file has no table.
    pub(super) fn ask_kernel(&self, ir: &mut Builder, places: &Places, at: Value) {
        let (zero, one) = (ir.int(0), ir.int(1));
        ir.push(Op::Set(self.asked, one));
        ir.push(Op::Set(self.area, zero));
        ir.open();
        self.code_at_area(ir, places);
        let body = ir.close();
        ir.push(Op::Loop { kind: LoopKind::Memory { at, area: self.area }, body });
        let Some((tree, way)) = self.tree else { return };
        let area = ir.value(Op::Get(self.area));
        let refused = ir.cmp_int(Cmp::Eq, area, 0);
        ir.if_else(refused, |ir| self.look_into_tree(ir, (places, &tree, way), at), |_| ());
    }

    /// Whether an area is that of a place in that memory.
    pub(super) fn is_area_of(&self, ir: &mut Builder, places: &Places, (area, memory): (Value, Value), at: Value) -> Value {
        let start = self.kernel_word(ir, 8, area, places.at.start);
        let end = self.kernel_word(ir, 8, area, places.at.end);
        let its_memory = self.kernel_word(ir, 8, area, places.at.memory);
        let (begun, open) = (ir.cmp(Cmp::ULe, start, at), ir.cmp(Cmp::ULt, at, end));
        let inside = ir.bin(Bin::And, begun, open);
        let same = ir.cmp(Cmp::Eq, its_memory, memory);
        ir.bin(Bin::And, inside, same)
    }

    /// Takes the area that was found, if it is code.
    pub(super) fn code_at_area(&self, ir: &mut Builder, places: &Places) {
        let area = ir.value(Op::Get(self.area));
        let flags = self.kernel_word(ir, 8, area, places.at.flags);
        let is_code = ir.bin_int(Bin::And, flags, EXECUTABLE);
        ir.if_else(is_code, |ir| self.code_of(ir, places), |_| ());
    }

    /// Of a stretch of code.
    fn code_of(&self, ir: &mut Builder, places: &Places) {
        let area = ir.value(Op::Get(self.area));
        let file = self.kernel_word(ir, 8, area, places.at.file);
        ir.if_else(
            file,
            |ir| {
                let inode = self.kernel_word(ir, 8, file, places.at.inode);
                self.file_key(ir, places, inode);
                self.take(ir, places);
                let Some((name, of_name)) = places.at.upper else { return };
                let end = ir.value(Op::Get(self.end));
                let missing = ir.cmp_int(Cmp::Eq, end, 0);
                // `/proc/PID/maps` tells of the upper file, the area has the lower one. What is no such file has something else behind it, which
                // leads to no file that is known.
                ir.if_else(
                    missing,
                    |ir| {
                        let name = self.kernel_word(ir, 8, file, name);
                        let inode = self.kernel_word(ir, 8, name, of_name);
                        self.file_key(ir, places, inode);
                        self.take(ir, places);
                    },
                    |_| (),
                );
            },
            |ir| {
                self.no_file_key(ir, places);
                self.take(ir, places);
            },
        );
    }

    /// What tells a file from others: device, number, time of its last change.
    fn file_key(&self, ir: &mut Builder, places: &Places, inode: Value) {
        let system = self.kernel_word(ir, 8, inode, places.at.system);
        let words = [
            self.kernel_word(ir, 4, system, places.at.device),
            self.kernel_word(ir, 8, inode, places.at.number),
            self.kernel_word(ir, 8, inode, places.at.changed.0),
            self.kernel_word(ir, 4, inode, places.at.changed.1),
        ];
        self.put_key(ir, words);
    }

    /// Code without a file: that which the kernel gives to every process, that which the process made, or means of the kernel of which there is no
    /// table.
    fn no_file_key(&self, ir: &mut Builder, places: &Places) {
        let area = ir.value(Op::Get(self.area));
        let start = self.kernel_word(ir, 8, area, places.at.start);
        let memory = self.kernel_word(ir, 8, area, places.at.memory);
        let vdso = self.kernel_word(ir, 8, memory, places.at.vdso);
        let operations = self.kernel_word(ir, 8, area, places.at.operations);
        let is_vdso = ir.cmp(Cmp::Eq, start, vdso);
        let is_made = ir.cmp_int(Cmp::Eq, operations, 0);
        let [none, vdso, made] = [NO_FILE.neither, NO_FILE.vdso, NO_FILE.anonymous].map(|number| ir.int(number as i64));
        let other = ir.value(Op::Select(is_made, made, none));
        let number = ir.value(Op::Select(is_vdso, vdso, other));
        let zero = ir.int(0);
        self.put_key(ir, [zero, zero, number, zero]);
    }

    fn put_key(&self, ir: &mut Builder, words: [Value; FILE_KEY_WORDS]) {
        let key = ir.slot_addr(self.file_key);
        for (at, word) in (0..).step_by(8).zip(words) {
            ir.store(8, key, at, word);
        }
    }

    /// Takes the area as the stretch, if there is a table for it.
    fn take(&self, ir: &mut Builder, places: &Places) {
        let key = ir.slot_addr(self.file_key);
        let found = ir.lookup(places.files, key);
        let unknown = ir.value(Op::IsNull(found));
        ir.open();
        let (row, rows) = (ir.load(4, false, found, 0), ir.load(4, false, found, 4));
        let row_last = ir.bin(Bin::Add, row, rows);
        let area = ir.value(Op::Get(self.area));
        let start = self.kernel_word(ir, 8, area, places.at.start);
        let end = self.kernel_word(ir, 8, area, places.at.end);
        let page = self.kernel_word(ir, 8, area, places.at.page);
        let bits = ir.load(8, false, found, 8);
        let offset = ir.bin(Bin::Shl, page, bits);
        let bias = ir.bin(Bin::Sub, start, offset);
        let found = [(self.start, start), (self.end, end), (self.bias, bias), (self.row_first, row), (self.row_last, row_last)];
        for (slot, value) in found {
            ir.push(Op::Set(slot, value));
        }
        let otherwise = ir.close();
        ir.push(Op::If { cond: unknown, then: Region::default(), otherwise });
    }

    fn kernel_word(&self, ir: &mut Builder, bytes: u8, from: Value, offset: u32) -> Value {
        kernel_word(ir, self.word, bytes, from, offset)
    }
}
