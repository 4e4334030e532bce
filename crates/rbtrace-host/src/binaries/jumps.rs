//! Where jumps of x86 lead that say so themselves. Where instructions begin is not known: bytes that may be a jump are taken for one, so that
//! none is missed.

use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions};

/// The opcodes of jumps one byte away from a byte of distance: `jo` to `jg`, `loop`s, `jmp`.
fn is_short(opcode: u8) -> bool {
    matches!(opcode, 0x70..=0x7f | 0xe0..=0xe3 | 0xeb)
}

/// Farther than a short jump and its two bytes reach.
const REACH: usize = 130;

/// Bytes of the longest instruction.
const LONGEST: usize = 15;

/// What the jumps in a piece of code aim at.
#[derive(Debug, Default)]
pub struct Jumps {
    /// Sorted: the targets with four bytes of distance. Those with one are looked for around the place in question.
    far: Vec<u64>,
}

impl Jumps {
    /// Collects them from code that begins at an address.
    pub fn of(code: &[u8], address: u64) -> Jumps {
        let distance = |at: usize| code.get(at..at + 4)?.try_into().ok().map(i32::from_le_bytes);
        let target = |at: usize| Some((address + at as u64 + 4).wrapping_add_signed(i64::from(distance(at)?)));
        let end = address + code.len() as u64;
        let mut far: Vec<u64> = (0..code.len())
            .filter_map(|at| match code[at] {
                0xe8 | 0xe9 => target(at + 1),
                0x80..=0x8f if at > 0 && code[at - 1] == 0x0f => target(at + 1),
                _ => None,
            })
            .filter(|target| (address..end).contains(target))
            .collect();
        far.sort_unstable();
        far.dedup();
        Jumps { far }
    }

    /// Whether one of them leads into a range of addresses of the code.
    pub fn lead_into(&self, code: &[u8], address: u64, range: &Range<u64>) -> bool {
        let first = self.far.partition_point(|target| *target < range.start);
        if self.far.get(first).is_some_and(|target| *target < range.end) {
            return true;
        }
        let near = (range.start.saturating_sub(address) as usize).saturating_sub(REACH)..(range.end - address) as usize + REACH;
        near.into_iter().any(|at| {
            let Some(&[opcode, distance]) = code.get(at..at + 2) else { return false };
            let target = (address + at as u64 + 2).wrapping_add_signed(i64::from(distance as i8));
            is_short(opcode) && range.contains(&target) && may_begin_at(code, at)
        })
    }
}

/// Whether one of several ways to read the bytes before a place comes to it. Ways that begin inside an instruction meet the right one soon:
/// without this, a byte in twelve would be a short jump.
fn may_begin_at(code: &[u8], at: usize) -> bool {
    let first = at.saturating_sub(5 * LONGEST);
    (first..=at.min(first + LONGEST)).any(|start| {
        let mut decoder = Decoder::new(64, &code[start..], DecoderOptions::NONE);
        while start + decoder.position() < at && decoder.can_decode() {
            let _ = decoder.decode();
        }
        start + decoder.position() == at
    })
}

#[cfg(test)]
mod tests {
    use super::Jumps;

    /// 256 times `nop`, with other bytes at one place.
    fn leads(at: usize, bytes: &[u8], into: std::ops::Range<u64>) -> bool {
        let mut code = [0x90; 0x100];
        code[at..at + bytes.len()].copy_from_slice(bytes);
        Jumps::of(&code, 0x1000).lead_into(&code, 0x1000, &into)
    }

    #[test]
    fn jumps_of_each_length_are_found() {
        // jmp -16; je +16; jmp -0x80; jne +0x40; call -5
        assert!(leads(0x20, &[0xeb, 0xf0], 0x1012..0x1013));
        assert!(leads(0x20, &[0x74, 0x10], 0x1032..0x1033));
        assert!(leads(0x90, &[0xe9, 0x80, 0xff, 0xff, 0xff], 0x1015..0x1016));
        assert!(leads(0x20, &[0x0f, 0x85, 0x40, 0, 0, 0], 0x1066..0x1067));
        assert!(leads(0x20, &[0xe8, 0xfb, 0xff, 0xff, 0xff], 0x1020..0x1021));
        assert!(!leads(0x20, &[0xeb, 0xf0], 0x1013..0x1022));
        assert!(!leads(0x20, &[0x0f, 0x85, 0x40, 0, 0, 0], 0x1067..0x1100));
        // mov eax, 0x9090f0eb: it holds the bytes of a jump.
        assert!(!leads(0x40, &[0xb8, 0xeb, 0xf0, 0x90, 0x90], 0x1033..0x1034));
    }
}
