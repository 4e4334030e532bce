//! The stack of what came out: reads the object back, measures every function's frame and adds them up along the chains of callbacks.
//!
//! LLVM only warns of single functions over 512 bytes, and late; the kernel adds up the frames of a function and the callbacks below it.

use std::collections::HashMap;

use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::CodegenError;

/// Bytes of stack that a program and its callbacks share.
pub const STACK: u32 = 512;
/// The kernel rounds each frame up to this.
const ROUND: u32 = 32;
const FRAME_POINTER: u8 = 10;

/// A function of the module and those that call it, by index.
pub struct Frame {
    pub name: String,
    pub callers: Vec<usize>,
    /// Whether it was written in C.
    pub is_c: bool,
}

/// How far a function has been looked at.
#[derive(Clone, Copy)]
enum Depth {
    Unknown,
    UnderWay,
    /// Bytes; none where nothing of ours calls it.
    Known(Option<u32>),
}

/// Fails with the first function whose chain of frames is deeper than the stack.
pub fn check(elf: &[u8], frames: &[Frame]) -> Result<(), CodegenError> {
    let sizes = sizes(elf)?;
    let mut depths = vec![Depth::Unknown; frames.len()];
    for at in 0..frames.len() {
        let Some(bytes) = depth(at, frames, &sizes, &mut depths)? else { continue };
        let Frame { name: function, is_c, .. } = &frames[at];
        match is_c {
            true if bytes > STACK => return Err(CodegenError::CStackTooDeep { function: function.clone(), bytes }),
            false if bytes > STACK => return Err(CodegenError::StackTooDeep { function: function.clone(), bytes }),
            _ => {}
        }
    }
    Ok(())
}

/// Bytes of stack down to the end of a function's frame, by the deepest way to it.
fn depth(at: usize, frames: &[Frame], sizes: &HashMap<&str, u32>, known: &mut [Depth]) -> Result<Option<u32>, CodegenError> {
    match known[at] {
        Depth::Unknown => known[at] = Depth::UnderWay,
        Depth::UnderWay => return Err(CodegenError::Recursion { function: frames[at].name.clone() }),
        Depth::Known(bytes) => return Ok(bytes),
    }
    let mut above = (!frames[at].is_c).then_some(0);
    for &caller in &frames[at].callers {
        above = above.max(depth(caller, frames, sizes, known)?);
    }
    // A function that became part of those that call it has no frame of its own.
    let own = sizes.get(frames[at].name.as_str()).map_or(0, |own| (*own).max(1).next_multiple_of(ROUND));
    let bytes = above.map(|above| above + own);
    known[at] = Depth::Known(bytes);
    Ok(bytes)
}

/// Bytes of stack by function.
fn sizes(elf: &[u8]) -> Result<HashMap<&str, u32>, CodegenError> {
    let unreadable = |error: object::Error| CodegenError::Llvm(format!("unreadable object: {error}"));
    let file = ElfFile64::<LittleEndian>::parse(elf).map_err(unreadable)?;
    let mut sizes = HashMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == object::SymbolKind::Text) {
        let Some(index) = symbol.section_index() else { continue };
        let section = file.section_by_index(index).map_err(unreadable)?;
        let code = section.data().map_err(unreadable)?;
        let from = symbol.address() as usize;
        let body = code.get(from..from + symbol.size() as usize).unwrap_or_default();
        sizes.insert(symbol.name().map_err(unreadable)?, deepest(body));
    }
    Ok(sizes)
}

/// The largest distance below the frame pointer that the code names.
fn deepest(code: &[u8]) -> u32 {
    const LOAD: u8 = 0x01;
    const STORE_IMM: u8 = 0x02;
    const STORE: u8 = 0x03;
    const MOVE: u8 = 0xbf;
    const ADD_IMM: u8 = 0x07;
    let mut deepest = 0;
    let (instructions, _) = code.as_chunks::<8>();
    let mut copied: Option<u8> = None;
    for &[op, registers, low, high, imm @ ..] in instructions {
        let (to, from) = (registers & 0xf, registers >> 4);
        let offset = i32::from(i16::from_le_bytes([low, high]));
        let below = match op & 0x7 {
            LOAD if from == FRAME_POINTER => -offset,
            STORE | STORE_IMM if to == FRAME_POINTER => -offset,
            _ if op == ADD_IMM && copied == Some(to) => -i32::from_le_bytes(imm),
            _ => 0,
        };
        copied = (op == MOVE && from == FRAME_POINTER).then_some(to);
        deepest = deepest.max(below);
    }
    deepest.unsigned_abs()
}

#[cfg(test)]
mod tests {
    #[test]
    fn frames_are_read_from_accesses_and_addresses() {
        // *(u64 *)(r10 - 16) = r1; r2 = r10; r2 += -40
        let code = [0x7b, 0x1a, 0xf0, 0xff, 0, 0, 0, 0, 0xbf, 0xa2, 0, 0, 0, 0, 0, 0, 0x07, 0x02, 0, 0, 0xd8, 0xff, 0xff, 0xff];
        assert_eq!(super::deepest(&code[..8]), 16);
        assert_eq!(super::deepest(&code), 40);
    }
}
