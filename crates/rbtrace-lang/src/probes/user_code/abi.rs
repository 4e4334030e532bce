//! Where the arguments of a function are when it begins: the calling conventions of C, C++ and Rust on x86-64 (System V) and aarch64 (AAPCS64).
//! Counts registers and stack; does not know what they are called.

use rbtrace_types::debug_info::{Convention, Declaration, Passed};
use rbtrace_types::{Arch, Type};

/// Where an argument is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Home {
    /// In pieces, each in the register of an integer argument.
    Registers(Vec<Piece>),
    /// On the stack, so many bytes above the first argument there.
    Stack(u32),
    /// Somewhere else; its address is in the register of an integer argument.
    BehindRegister(u32),
    /// Somewhere else; its address is on the stack.
    BehindStack(u32),
    /// Where a program cannot read it, and why.
    Unreadable(Unreadable),
}

/// A part of an argument that is in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The register's number among those for integer arguments.
    pub register: u32,
    /// Where in the argument it belongs.
    pub offset: u32,
    /// Bytes.
    pub bytes: u8,
}

/// Why an argument cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// In a register for floating-point numbers, which the kernel does not show.
    Float,
    /// A struct of which a part is there.
    PartlyFloat,
    /// Nothing is handed over.
    Empty,
    /// Rust has not settled how such values are handed over.
    Unsettled,
    /// A language with rules of its own.
    Foreign(&'static str),
    /// The compiler changed the function's arguments.
    Changed,
}

/// What a type is to the conventions.
enum Class {
    Nothing,
    /// So many integer words.
    Integer(u32),
    /// A number of floating point.
    Float,
    /// So many bytes on the stack, by value.
    Memory,
    /// Its address, as an integer.
    Reference,
    /// Words of which these many are integers and these many are floats.
    Mixed(u32, u32),
    /// Two values that are handed over one by one, as in Rust.
    Pair(Leaf, Leaf),
    Unsettled,
}

/// A number somewhere in a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leaf {
    offset: u32,
    bytes: u32,
    is_float: bool,
}

/// Registers for floating-point arguments.
const FLOATS: u32 = 8;

/// A struct up to this size may be in registers.
const MOST_IN_REGISTERS: u32 = 16;

/// Where each parameter is; `integers` is how many registers there are for integer arguments.
pub(super) fn homes(arch: Arch, integers: u32, of: &Declaration) -> Vec<Home> {
    let mut free = Free { arch, convention: of.convention, integers, next: 0, next_float: 0, stack: 0, is_lost: false };
    let unreadable = match of.convention {
        Convention::C | Convention::Cpp | Convention::Rust => None,
        Convention::Foreign(language) => Some(Unreadable::Foreign(language)),
        Convention::Changed => Some(Unreadable::Changed),
    };
    if let Some(why) = unreadable {
        return of.params.iter().map(|_| Home::Unreadable(why)).collect();
    }
    free.result(&of.result);
    of.params.iter().map(|param| free.take(&param.passed)).collect()
}

/// What is left while arguments are placed one after the other.
struct Free {
    arch: Arch,
    convention: Convention,
    integers: u32,
    next: u32,
    next_float: u32,
    stack: u32,
    /// From here on nobody knows what is where.
    is_lost: bool,
}

impl Free {
    /// A result that fits no register is written where the caller says. On x86-64 that address is the first argument.
    fn result(&mut self, result: &Passed) {
        let is_aggregate = matches!(result.ty, Type::Struct(_)) && !is_float(&result.ty);
        if self.arch != Arch::X86_64 {
            return;
        }
        let class = self.class(result);
        if is_aggregate && matches!(class, Class::Memory | Class::Reference) {
            self.next += 1;
        }
        // What Rust versions differ in.
        if result.bytes > 8 && matches!(class, Class::Unsettled) {
            self.is_lost = true;
        }
    }

    fn take(&mut self, passed: &Passed) -> Home {
        if self.is_lost {
            return Home::Unreadable(Unreadable::Unsettled);
        }
        match self.class(passed) {
            Class::Nothing => Home::Unreadable(Unreadable::Empty),
            Class::Integer(words) => self.integer(words, passed),
            Class::Float => self.float(passed),
            Class::Memory => Home::Stack(self.push(passed)),
            Class::Reference => match self.words(1) {
                Some(register) => Home::BehindRegister(register),
                None => Home::BehindStack(self.push_words(1)),
            },
            Class::Mixed(integers, floats) => self.mixed(integers, floats, passed),
            Class::Pair(first, second) => self.pair(first, second),
            Class::Unsettled => {
                self.is_lost = true;
                Home::Unreadable(Unreadable::Unsettled)
            }
        }
    }

    fn integer(&mut self, words: u32, passed: &Passed) -> Home {
        let is_wide = is_wide(&passed.ty);
        if is_wide && self.arch == Arch::Aarch64 {
            self.next = self.next.next_multiple_of(2);
        }
        let piece = |first: u32, word: u32| {
            let bytes = passed.bytes.saturating_sub(8 * word).min(8) as u8;
            Piece { register: first + word, offset: 8 * word, bytes }
        };
        match self.words(words) {
            Some(first) => Home::Registers((0..words).map(|word| piece(first, word)).collect()),
            None => Home::Stack(self.push(passed)),
        }
    }

    fn float(&mut self, passed: &Passed) -> Home {
        // x87's numbers do not fit the registers for the others.
        let is_x87 = self.arch == Arch::X86_64 && passed.bytes == 16 && passed.text == "long double";
        if is_x87 || self.next_float >= FLOATS {
            self.push(passed);
        } else {
            self.next_float += 1;
        }
        Home::Unreadable(Unreadable::Float)
    }

    fn mixed(&mut self, integers: u32, floats: u32, passed: &Passed) -> Home {
        let fits = self.next + integers <= self.integers && self.next_float + floats <= FLOATS;
        if !fits {
            // On aarch64 what did not fit closes the registers for those behind it.
            if self.arch == Arch::Aarch64 {
                self.next_float = FLOATS;
            }
            return Home::Stack(self.push(passed));
        }
        self.next += integers;
        self.next_float += floats;
        Home::Unreadable(if integers == 0 { Unreadable::Float } else { Unreadable::PartlyFloat })
    }

    fn pair(&mut self, first: Leaf, second: Leaf) -> Home {
        let mut pieces = Vec::new();
        for leaf in [first, second] {
            if leaf.is_float {
                self.next_float += 1;
                continue;
            }
            match self.words(1) {
                Some(register) => pieces.push(Piece { register, offset: leaf.offset, bytes: leaf.bytes as u8 }),
                None => drop(self.push_words(1)),
            }
        }
        match pieces.len() {
            2 => Home::Registers(pieces),
            _ if first.is_float || second.is_float => Home::Unreadable(Unreadable::PartlyFloat),
            _ => Home::Unreadable(Unreadable::Unsettled),
        }
    }

    /// Registers for integers; none where there are too few.
    fn words(&mut self, words: u32) -> Option<u32> {
        if self.next + words > self.integers {
            if self.arch == Arch::Aarch64 {
                self.next = self.integers;
            }
            return None;
        }
        self.next += words;
        Some(self.next - words)
    }

    fn push(&mut self, passed: &Passed) -> u32 {
        if is_wide(&passed.ty) || passed.bytes == 16 && is_float(&passed.ty) {
            self.stack = self.stack.next_multiple_of(16);
        }
        self.push_words(passed.bytes.div_ceil(8).max(1))
    }

    fn push_words(&mut self, words: u32) -> u32 {
        let at = self.stack;
        self.stack = self.stack.saturating_add(words.saturating_mul(8));
        at
    }

    fn class(&self, passed: &Passed) -> Class {
        let bytes = passed.bytes;
        if passed.ty == Type::Void || bytes == 0 {
            return Class::Nothing;
        }
        if passed.by_reference {
            return Class::Reference;
        }
        if is_float(&passed.ty) {
            return Class::Float;
        }
        if is_wide(&passed.ty) {
            return Class::Integer(2);
        }
        if passed.ty.is_scalar() {
            return Class::Integer(1);
        }
        let mut leaves = Vec::new();
        if bytes <= 4 * MOST_IN_REGISTERS {
            add_leaves(&passed.ty, 0, &mut leaves);
            leaves.sort_by_key(|leaf| leaf.offset);
        }
        match (self.convention, self.arch) {
            (Convention::Rust, _) => rust_class(bytes, &leaves),
            (_, Arch::X86_64) => x86_class(bytes, &leaves, self.convention),
            (_, Arch::Aarch64) => arm_class(bytes, &leaves),
        }
    }
}

/// Structs up to two words are classified word by word; others, and those whose members are not aligned, are in memory.
fn x86_class(bytes: u32, leaves: &[Leaf], convention: Convention) -> Class {
    if leaves.is_empty() && convention == Convention::Cpp && bytes == 1 {
        return Class::Nothing;
    }
    let is_aligned = |leaf: &Leaf| leaf.bytes == 0 || leaf.offset.is_multiple_of(leaf.bytes.min(8));
    if bytes > MOST_IN_REGISTERS || !leaves.iter().all(is_aligned) {
        return Class::Memory;
    }
    let words = bytes.div_ceil(8);
    let is_float = |word: &u32| {
        let mut inside = leaves.iter().filter(|leaf| leaf.offset / 8 == *word).peekable();
        inside.peek().is_some() && inside.all(|leaf| leaf.is_float)
    };
    match (0..words).filter(is_float).count() as u32 {
        0 => Class::Integer(words),
        floats => Class::Mixed(words - floats, floats),
    }
}

/// Up to four numbers of one floating-point type are in registers for those; what is larger than two words is handed over by its address.
fn arm_class(bytes: u32, leaves: &[Leaf]) -> Class {
    let is_alike = leaves.iter().all(|leaf| leaf.is_float && leaf.bytes == leaves[0].bytes);
    match leaves.len() as u32 {
        count @ 1..=4 if is_alike => Class::Mixed(0, count),
        _ if bytes > MOST_IN_REGISTERS => Class::Reference,
        _ => Class::Integer(bytes.div_ceil(8)),
    }
}

/// What all versions agree on: one number is itself, two are handed over apart, and what is larger than two words goes by its address.
fn rust_class(bytes: u32, leaves: &[Leaf]) -> Class {
    match leaves {
        [only] if only.bytes == bytes && only.is_float => Class::Float,
        [only] if only.bytes == bytes => Class::Integer(1),
        [first, second] if bytes <= MOST_IN_REGISTERS && is_pair(first, second) => Class::Pair(*first, *second),
        _ if bytes > MOST_IN_REGISTERS => Class::Reference,
        _ => Class::Unsettled,
    }
}

/// Whether two numbers stand side by side: those of a union do not.
fn is_pair(first: &Leaf, second: &Leaf) -> bool {
    let is_number = |leaf: &Leaf| (1..=8).contains(&leaf.bytes);
    is_number(first) && is_number(second) && first.offset + first.bytes <= second.offset
}

/// A number of floating point has a name and a size.
pub(super) fn is_float(ty: &Type) -> bool {
    matches!(ty, Type::Struct(of) if of.fields.is_empty() && (of.name.starts_with("float") || of.name == "complex"))
}

/// An integer of two words.
fn is_wide(ty: &Type) -> bool {
    matches!(ty, Type::Array(of, 2) if **of == Type::U64)
}

/// The numbers in a type.
fn add_leaves(ty: &Type, offset: u32, leaves: &mut Vec<Leaf>) {
    let number = |bytes, is_float| Leaf { offset, bytes, is_float };
    match ty {
        Type::Struct(_) if is_float(ty) => leaves.push(number(ty.size(), true)),
        // An empty class; and one whose members nobody knows, which is no number.
        Type::Struct(of) if of.fields.is_empty() => leaves.extend((of.size > 1).then(|| number(0, false))),
        Type::Struct(of) => {
            for field in &of.fields {
                match field.bits {
                    Some(_) => {
                        leaves.push(Leaf { offset: offset + field.offset, bytes: u32::from(field.storage_bytes()), is_float: false })
                    }
                    None => add_leaves(&field.ty, offset + field.offset, leaves),
                }
            }
        }
        Type::Array(of, count) => (0..*count).for_each(|index| add_leaves(of, offset + index * of.size(), leaves)),
        Type::String(count) => leaves.extend((0..*count).map(|index| Leaf { offset: offset + index, bytes: 1, is_float: false })),
        Type::Void | Type::Bool | Type::Int(_) | Type::Buffer(_) | Type::Pointer(..) => leaves.push(number(ty.size(), false)),
        Type::Enum(_) | Type::Tuple(_) | Type::Record(_) | Type::Named(_) | Type::Aggregate(_) => leaves.push(number(ty.size(), false)),
    }
}

#[cfg(test)]
mod tests;
