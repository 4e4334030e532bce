//! Machine code: where instructions begin, and which addresses they make. Knows no file.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, Register};

/// Whose instructions.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Of x86, with this many bits.
    X86(u32),
    /// Of 64-bit ARM.
    Aarch64,
}

/// Code from the beginning of a function on.
#[derive(Debug, Clone, Copy)]
pub struct Instructions<'a> {
    /// How it reads.
    pub kind: Kind,
    /// Its bytes.
    pub code: &'a [u8],
    /// The first one's address.
    pub address: u64,
}

impl Instructions<'_> {
    /// Whether an instruction begins at an address behind the beginning. Compilers put nothing but instructions between the two.
    pub fn begin_at(&self, address: u64) -> bool {
        match self.kind {
            Kind::X86(bits) => {
                let mut decoder = Decoder::with_ip(bits, self.code, self.address, DecoderOptions::NONE);
                while decoder.ip() < address && decoder.can_decode() {
                    let _ = decoder.decode();
                }
                decoder.ip() == address
            }
            Kind::Aarch64 => address >= self.address && address.is_multiple_of(4),
        }
    }

    /// Addresses that the first so many bytes put into registers.
    pub fn addresses(&self, bytes: u64) -> Vec<u64> {
        let code = &self.code[..self.code.len().min(bytes as usize)];
        match self.kind {
            Kind::X86(bits) => {
                let decoder = Decoder::with_ip(bits, code, self.address, DecoderOptions::NONE);
                decoder.into_iter().filter_map(|instruction| address_of_lea(&instruction)).collect()
            }
            Kind::Aarch64 => addresses_of_pairs(code, self.address),
        }
    }
}

/// `lea rax, [rip + x]`
fn address_of_lea(instruction: &Instruction) -> Option<u64> {
    let is_lea = instruction.mnemonic() == Mnemonic::Lea && instruction.code() != Code::INVALID;
    (is_lea && instruction.memory_base() == Register::RIP).then(|| instruction.memory_displacement64())
}

/// `adrp x0, page` and later `add x0, x0, offset`.
fn addresses_of_pairs(code: &[u8], address: u64) -> Vec<u64> {
    let mut pages = [None; 32];
    let mut found = Vec::new();
    for (index, bytes) in code.as_chunks::<4>().0.iter().enumerate() {
        let (word, at) = (u32::from_le_bytes(*bytes), address + 4 * index as u64);
        let (to, from) = ((word & 31) as usize, (word >> 5 & 31) as usize);
        if word & 0x9f00_0000 == 0x9000_0000 {
            // 21 bits of pages: the low two stand apart.
            let pages_away = ((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3) << 11;
            pages[to] = Some((at & !0xfff).wrapping_add((i64::from(pages_away as i32 >> 11) << 12) as u64));
        } else if word & 0xffc0_0000 == 0x9100_0000 {
            found.extend(pages[from].map(|page| page + u64::from(word >> 10 & 0xfff)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_x86_begin_where_the_one_before_ends() {
        // push rbp; mov rbp, rsp; lea rax, [rip + 0x10]; ret
        let code = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x8d, 0x05, 0x10, 0, 0, 0, 0xc3];
        let instructions = Instructions { kind: Kind::X86(64), code: &code, address: 0x1000 };
        let begins: Vec<u64> = (0..12).filter(|offset| instructions.begin_at(0x1000 + offset)).collect();
        assert_eq!(begins, [0, 1, 4, 11]);
        assert_eq!(instructions.addresses(12), [0x101b]);
        assert_eq!(instructions.addresses(4), []);
    }

    #[test]
    fn addresses_of_arm_are_made_of_a_page_and_an_offset() {
        // adrp x0, +0x2000; add x0, x0, #0x30; adrp x1, -0x1000; add x2, x1, #1
        let words: [u32; 4] = [0xd000_0000, 0x9100_c000, 0xf0ff_ffe1, 0x9100_0422];
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let instructions = Instructions { kind: Kind::Aarch64, code: &code, address: 0x40_1000 };
        assert_eq!(instructions.addresses(16), [0x40_3030, 0x40_0001]);
        assert!(instructions.begin_at(0x40_1004) && !instructions.begin_at(0x40_1002));
    }
}
