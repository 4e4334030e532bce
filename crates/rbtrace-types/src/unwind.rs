//! How to get from a function to its caller, by what a binary says of it: the rows of its unwind table, and how they lie in the kernel's maps.
//! Read by rbtrace-host, walked by what rbtrace-lang lowers, put into maps by rbtrace-runtime.

/// What holds from a place in a file on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Offset in the file. Code behind the first 4 GiB of a file is not described.
    pub at: u32,
    /// Until the next row.
    pub rule: Rule,
}

/// What is known of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Nothing, or something that is not understood.
    Unknown,
    /// Nobody called: the outermost function.
    End,
    /// The kernel put it there to call a handler of signals; below are all registers of what was interrupted.
    Signal,
    /// A function that was called.
    Frame {
        /// Where the frame begins: the stack pointer of the caller.
        base: Base,
        /// Where the return address is.
        return_address: Saved,
        /// Where the frame pointer of the caller is.
        frame_pointer: Saved,
    },
}

/// Where a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Base {
    /// At a distance from the stack pointer.
    Stack(i32),
    /// At a distance from the frame pointer.
    Frame(i32),
    /// Memory at a distance from the frame pointer says it, plus a number: a function that aligned its stack.
    Stored(i32, u8),
    /// The same at a distance from the stack pointer: code written by hand.
    StoredAtStack(i32, u8),
    /// At a distance from another register, by its place in the kernel's `struct pt_regs`: while a function aligns its stack. Only of what the
    /// processor was at is known what its registers are.
    Register(u8, i32),
    /// At 8 bytes from the stack pointer, 16 from that byte of the 16 of an entry of the procedure linkage table on.
    Linkage(i32),
    /// At a distance from the frame pointer; one that is 0 belongs to the outermost function. For code of which nothing is known but that
    /// such code keeps frame pointers.
    Chain(i32),
}

/// Where a register of the caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Saved {
    /// It still has its value.
    Kept,
    /// In memory, at a distance from the frame's beginning.
    AtBase(i32),
    /// In memory, at a distance from the frame pointer.
    AtFrame(i32),
}

/// Kinds of rules in the kernel's maps.
pub mod kind {
    /// [`super::Rule::Unknown`]
    pub const UNKNOWN: u8 = 0;
    /// [`super::Rule::End`]
    pub const END: u8 = 1;
    /// [`super::Rule::Signal`]
    pub const SIGNAL: u8 = 2;
    /// [`super::Base::Stack`]; all from here on are frames.
    pub const STACK: u8 = 3;
    /// [`super::Base::Linkage`]
    pub const LINKAGE: u8 = 4;
    /// [`super::Base::StoredAtStack`]
    pub const STORED_AT_STACK: u8 = 5;
    /// [`super::Base::Register`]
    pub const REGISTER: u8 = 6;
    /// [`super::Base::Frame`]; all from here on are counted from the frame pointer.
    pub const FRAME: u8 = 7;
    /// [`super::Base::Chain`]
    pub const CHAIN: u8 = 8;
    /// [`super::Base::Stored`]
    pub const STORED: u8 = 9;
    /// [`super::Saved::Kept`]
    pub const KEPT: u8 = 0;
    /// [`super::Saved::AtBase`]
    pub const AT_BASE: u8 = 1;
    /// [`super::Saved::AtFrame`]
    pub const AT_FRAME: u8 = 2;
}

impl Rule {
    /// For the kernel: kinds of the base, the return address and the frame pointer, a byte each, and the base's small number; then their distances.
    pub fn words(self) -> [u32; 4] {
        let kinds = |base: (u8, u8), address: u8, pointer: u8| u32::from_le_bytes([base.0, address, pointer, base.1]);
        match self {
            Rule::Unknown => [kinds((kind::UNKNOWN, 0), 0, 0), 0, 0, 0],
            Rule::End => [kinds((kind::END, 0), 0, 0), 0, 0, 0],
            Rule::Signal => [kinds((kind::SIGNAL, 0), 0, 0), 0, 0, 0],
            Rule::Frame { base, return_address, frame_pointer } => {
                let (base, distance) = base.encoded();
                let (address, address_at) = return_address.encoded();
                let (pointer, pointer_at) = frame_pointer.encoded();
                [kinds(base, address, pointer), distance as u32, address_at as u32, pointer_at as u32]
            }
        }
    }
}

impl Base {
    fn encoded(self) -> ((u8, u8), i32) {
        match self {
            Base::Stack(distance) => ((kind::STACK, 0), distance),
            Base::Frame(distance) => ((kind::FRAME, 0), distance),
            Base::Stored(distance, more) => ((kind::STORED, more), distance),
            Base::StoredAtStack(distance, more) => ((kind::STORED_AT_STACK, more), distance),
            Base::Register(number, distance) => ((kind::REGISTER, number), distance),
            Base::Linkage(from) => ((kind::LINKAGE, 0), from),
            Base::Chain(distance) => ((kind::CHAIN, 0), distance),
        }
    }
}

impl Saved {
    fn encoded(self) -> (u8, i32) {
        match self {
            Saved::Kept => (kind::KEPT, 0),
            Saved::AtBase(distance) => (kind::AT_BASE, distance),
            Saved::AtFrame(distance) => (kind::AT_FRAME, distance),
        }
    }
}

/// Rows of a shard: of the rows of all binaries the map has so many in each of its inner maps.
pub const SHARD: u32 = 1 << 16;
/// Shards at most: 64 MiB of rows.
pub const SHARDS: u32 = 128;
/// Different rules at most.
pub const RULES: u32 = 1 << 15;
/// Stretches of code of all processes at most: 2 MiB.
pub const STRETCHES: u32 = 1 << 16;
/// Processes at most.
pub const PROCESSES: u32 = 1 << 13;
/// Bytes of a row: offset in the file as u32, number of its rule as u32.
pub const ROW_BYTES: u32 = 8;
/// Bytes of a rule, as [`Rule::words`] gives them.
pub const RULE_BYTES: u32 = 16;
/// Bytes of a stretch of code: first address and the one behind the last as u64, what is to be taken from an address to get the offset in the
/// file as u64, its binary's first row and their number as u32.
pub const STRETCH_BYTES: u32 = 32;
/// Bytes of a process: number of its first stretch and their number as u32, when it was asked for last as u64.
pub const PROCESS_BYTES: u32 = 16;
/// Steps of a search among the rows of one binary: as many as 4 million have.
pub const ROW_STEPS: u32 = 22;
/// Steps of a search among the stretches of one process: as many as 4095 have.
pub const STRETCH_STEPS: u32 = 12;
/// Words that tell a file from others: device as the kernel numbers it within, number in it, time of the last change in seconds and nanoseconds.
pub const FILE_KEY_WORDS: usize = 4;
/// Bytes of what is kept of a file: its first row and their number as u32, bits of a place in a page as u64.
pub const FILE_BYTES: u32 = 16;
/// Files at most.
pub const FILES: u32 = 1 << 12;
/// The third of a file's words for code that is of no file; the others are 0.
pub const NO_FILE: NoFile = NoFile { neither: 0, vdso: 1, anonymous: 2 };

/// See [`NO_FILE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFile {
    /// Of this there is no table.
    pub neither: u64,
    /// What the kernel gives to every process.
    pub vdso: u64,
    /// What a process made.
    pub anonymous: u64,
}
