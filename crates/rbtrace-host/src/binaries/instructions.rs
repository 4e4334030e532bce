//! Machine code: where instructions begin, and which addresses they make. Knows no file.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// Instructions of x86 that only the kernel may use, or that are traps themselves.
const FORBIDDEN: [Mnemonic; 17] = [
    Mnemonic::Hlt,
    Mnemonic::In,
    Mnemonic::Out,
    Mnemonic::Insb,
    Mnemonic::Insw,
    Mnemonic::Insd,
    Mnemonic::Outsb,
    Mnemonic::Outsw,
    Mnemonic::Outsd,
    Mnemonic::Iret,
    Mnemonic::Iretd,
    Mnemonic::Iretq,
    Mnemonic::Cli,
    Mnemonic::Sti,
    Mnemonic::Int,
    Mnemonic::Int1,
    Mnemonic::Int3,
];

/// Functions on vectors prepare one or two before they do anything else.
const MOST_PASSED: usize = 4;

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

    /// Whether the kernel would run the first instruction from a copy: it refuses those with some prefixes, and those that only it may use
    /// (`arch/x86/kernel/uprobes.c`, `arch/arm64/kernel/probes/decode-insn.c`).
    pub fn is_steppable(&self) -> bool {
        match self.kind {
            Kind::X86(64) if self.begins_with_vectors(0) => false,
            Kind::X86(bits) => {
                let mut decoder = Decoder::with_ip(bits, self.code, self.address, DecoderOptions::NONE);
                is_steppable_x86(&decoder.decode())
            }
            Kind::Aarch64 => self.code.first_chunk().is_none_or(|word| is_steppable_aarch64(u32::from_le_bytes(*word))),
        }
    }

    /// Whether they begin as the kernel knows functions by (`is_uprobe_at_func_entry` of `arch/x86/events/core.c`): the caller's frame pointer is
    /// saved, or jumps may lead here. Compilers that write the latter belong to systems whose kernels know it.
    pub fn begin_recognisably(&self) -> bool {
        match self.kind {
            Kind::X86(_) => self.code.starts_with(&[0x55]) || self.code.starts_with(&[0xf3, 0x0f, 0x1e, 0xfa]),
            Kind::Aarch64 => false,
        }
    }

    /// Whether at a place is an instruction of the newer encodings (VEX, EVEX), which begin with bytes that mean something else in 32 bits.
    fn begins_with_vectors(&self, at: usize) -> bool {
        self.code.get(at).is_some_and(|byte| matches!(byte, 0xc4 | 0xc5 | 0x62))
    }

    /// How far behind the first one is an instruction that can be stepped over, if the processor comes to it from the first and sees the
    /// same: those between compute with vectors alone. `None`: there is no such instruction.
    pub fn steppable_after(&self) -> Option<u64> {
        let Kind::X86(64) = self.kind else { return None };
        let mut decoder = Decoder::with_ip(64, self.code, self.address, DecoderOptions::NONE);
        for _ in 0..MOST_PASSED {
            let behind = decoder.position();
            if (Instructions { code: self.code.get(behind..)?, ..*self }).is_steppable() {
                return Some(behind as u64);
            }
            // Others cannot be stepped over because of what else they do.
            if !self.begins_with_vectors(behind) || !only_computes_vectors(&decoder.decode()) {
                return None;
            }
        }
        None
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

fn is_steppable_x86(instruction: &Instruction) -> bool {
    let is_bad_segment = matches!(instruction.segment_prefix(), Register::ES | Register::CS | Register::SS | Register::DS);
    let is_forbidden = FORBIDDEN.contains(&instruction.mnemonic());
    !(instruction.is_invalid() || instruction.has_lock_prefix() || is_bad_segment || is_forbidden)
}

/// Whether nothing of what a probe reads is another thing behind an instruction: registers of numbers and addresses, the stack, memory.
fn only_computes_vectors(instruction: &Instruction) -> bool {
    let (vectors, masks) = (Register::XMM0..=Register::ZMM31, Register::K0..=Register::K7);
    let to = instruction.op0_register();
    instruction.op0_kind() == OpKind::Register && (vectors.contains(&to) || masks.contains(&to))
}

/// Loads and stores that belong together (`ldxr`, `stxr`) lose each other where a trap comes between; what raises exceptions stays the kernel's.
fn is_steppable_aarch64(word: u32) -> bool {
    let is_exclusive = word & 0x3f00_0000 == 0x0800_0000 && word & 0x0080_0000 == 0;
    let is_exception = word & 0xff00_0000 == 0xd400_0000;
    !is_exclusive && !is_exception
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
        assert!(instructions.begin_recognisably());
        assert!(!Instructions { code: &code[1..], ..instructions }.begin_recognisably());
    }

    #[test]
    fn the_kernel_refuses_to_step_over_some_instructions() {
        let steppable = |kind, code: &[u8]| Instructions { kind, code, address: 0 }.is_steppable();
        // push rbp; endbr64; lock dec [rdi]; notrack jmp rax; hlt; syscall; fs: mov rax, [0]; vmovd xmm0, esi
        for (code, is_good) in [
            (&[0x55][..], true),
            (&[0xf3, 0x0f, 0x1e, 0xfa], true),
            (&[0xf0, 0xff, 0x0f], false),
            (&[0x3e, 0xff, 0xe0], false),
            (&[0xf4], false),
            (&[0xc5, 0xf9, 0x6e, 0xc6], false),
            (&[0x0f, 0x05], true),
            (&[0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0], true),
        ] {
            assert_eq!(steppable(Kind::X86(64), code), is_good, "{code:x?}");
        }
        // stp x29, x30, [sp, #-16]!; ldxr w0, [x1]; ldar w0, [x1]; svc #0
        for (word, is_good) in [(0xa9bf_7bfdu32, true), (0x885f_7c20, false), (0x88df_fc20, true), (0xd400_0001, false)] {
            assert_eq!(steppable(Kind::Aarch64, &word.to_le_bytes()), is_good, "{word:x}");
        }
    }

    #[test]
    fn instructions_that_make_vectors_are_passed() {
        let behind = |code: &[u8]| Instructions { kind: Kind::X86(64), code, address: 0 }.steppable_after();
        // vpbroadcastb ymm17, esi; mov eax, edi
        assert_eq!(behind(&[0x62, 0xe2, 0x7d, 0x28, 0x7a, 0xce, 0x89, 0xf8]), Some(6));
        // vmovd xmm0, esi; vpbroadcastb ymm0, xmm0; ret
        assert_eq!(behind(&[0xc5, 0xf9, 0x6e, 0xc6, 0xc4, 0xe2, 0x7d, 0x78, 0xc0, 0xc3]), Some(9));
        // bzhi edx, edx, ecx; ret: an argument changes. vmovd [rdi], xmm0; ret: memory does. lock dec [rdi]; ret
        assert_eq!(behind(&[0xc4, 0xe2, 0x70, 0xf5, 0xd2, 0xc3]), None);
        assert_eq!(behind(&[0xc5, 0xf9, 0x7e, 0x07, 0xc3]), None);
        assert_eq!(behind(&[0xf0, 0xff, 0x0f, 0xc3]), None);
        // push rbp
        assert_eq!(behind(&[0x55]), Some(0));
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
