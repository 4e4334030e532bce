//! A row of call frame information → the rule that a program in the kernel can follow. What it cannot follow is `Unknown`.

use gimli::{CfaRule, EndianSlice, LittleEndian, Register, RegisterRule, UnwindExpression, UnwindSection, UnwindTableRow, Vendor};
use object::Architecture;
use rbtrace_types::unwind::{Base, Rule, Saved};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Which registers matter, by architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registers {
    X86_64,
    Aarch64,
}

impl Registers {
    pub fn of(architecture: Architecture) -> Option<Self> {
        if architecture == Architecture::X86_64 {
            return Some(Self::X86_64);
        }
        (architecture == Architecture::Aarch64).then_some(Self::Aarch64)
    }

    /// Whose instructions of its own the information may hold: aarch64 signs return addresses.
    pub fn vendor(self) -> Vendor {
        match self {
            Self::X86_64 => Vendor::Default,
            Self::Aarch64 => Vendor::AArch64,
        }
    }

    /// Stack pointer, frame pointer, return address.
    fn numbers(self) -> (Register, Register, Register) {
        match self {
            Self::X86_64 => (Register(7), Register(6), Register(16)),
            Self::Aarch64 => (Register(31), Register(29), Register(30)),
        }
    }

    /// The rule of a row.
    pub fn rule<'a, S: UnwindSection<Bytes<'a>>>(self, row: &UnwindTableRow<usize>, section: &S) -> Rule {
        let (_, frame_pointer, return_address) = self.numbers();
        let address = match row.register(return_address) {
            Some(RegisterRule::Undefined) => return Rule::End,
            // Of registers of which nothing is said those of aarch64 still have their values; on x86_64 the address never is in one.
            None if self == Self::X86_64 => None,
            found => self.saved(found, section),
        };
        match (self.base(row.cfa(), section), address, self.saved(row.register(frame_pointer), section)) {
            (Some(base), Some(return_address), Some(frame_pointer)) => Rule::Frame { base, return_address, frame_pointer },
            (None, ..) | (_, None, _) | (.., None) => Rule::Unknown,
        }
    }

    /// Whether a function whose frame is so has set up a frame pointer. On aarch64 it may be counted from the stack pointer all the same: the record
    /// for the frame pointer is the caller's one with the return address right above.
    pub fn sets_up_frame(self, rule: Rule) -> bool {
        match (self, rule) {
            (_, Rule::Frame { base: Base::Frame(_) | Base::Stored(..), .. }) => true,
            (Self::Aarch64, Rule::Frame { return_address: Saved::AtBase(address), frame_pointer: Saved::AtBase(frame), .. }) => {
                address == frame + 8
            }
            (Self::X86_64 | Self::Aarch64, Rule::Unknown | Rule::End | Rule::Signal | Rule::Frame { .. }) => false,
        }
    }

    /// Where in the kernel's `struct pt_regs` a register is, in words.
    fn place(self, register: Register) -> Option<u8> {
        /// rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15: the order of DWARF.
        const PLACES: [u8; 16] = [10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0];
        match self {
            Self::X86_64 => PLACES.get(usize::from(register.0)).copied(),
            Self::Aarch64 => u8::try_from(register.0).ok().filter(|number| *number < 31),
        }
    }

    fn base<'a, S: UnwindSection<Bytes<'a>>>(self, base: &CfaRule<usize>, section: &S) -> Option<Base> {
        let (stack_pointer, frame_pointer, _) = self.numbers();
        match base {
            CfaRule::RegisterAndOffset { register, offset } => {
                let distance = i32::try_from(*offset).ok()?;
                if *register == stack_pointer {
                    Some(Base::Stack(distance))
                } else if *register == frame_pointer {
                    Some(Base::Frame(distance))
                } else {
                    Some(Base::Register(self.place(*register)?, distance))
                }
            }
            CfaRule::Expression(expression) if self == Self::X86_64 => known_base(bytes(expression, section)?),
            CfaRule::Expression(_) => None,
        }
    }

    fn saved<'a, S: UnwindSection<Bytes<'a>>>(self, rule: Option<RegisterRule<usize>>, section: &S) -> Option<Saved> {
        match rule {
            // A frame pointer that is lost is not needed by those who could have lost it.
            None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => Some(Saved::Kept),
            Some(RegisterRule::Offset(distance)) => i32::try_from(distance).ok().map(Saved::AtBase),
            Some(RegisterRule::Expression(expression)) if self == Self::X86_64 => match bytes(&expression, section)? {
                [BREG_RBP, distance @ ..] => signed(distance).filter(|(_, rest)| rest.is_empty()).map(|(at, _)| Saved::AtFrame(at)),
                _ => None,
            },
            Some(RegisterRule::Expression(_) | RegisterRule::ValExpression(_) | RegisterRule::ValOffset(_)) => None,
            Some(RegisterRule::Register(_) | RegisterRule::Architectural | RegisterRule::Constant(_)) => None,
        }
    }
}

/// `DW_OP_breg6`, `DW_OP_breg7`, `DW_OP_deref`, `DW_OP_plus_uconst`
const BREG_RBP: u8 = 0x76;
const BREG_RSP: u8 = 0x77;
const DEREF: u8 = 0x06;
const PLUS: u8 = 0x23;

/// The expressions that compilers and linkers of x86_64 make.
fn known_base(expression: &[u8]) -> Option<Base> {
    match expression {
        // rsp + 8 + ((rip & 15) >= n) * 8: `breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus`
        [BREG_RSP, 8, 0x80, 0, 0x3f, 0x1a, literal @ 0x30..=0x4f, 0x2a, 0x33, 0x24, 0x22] => Some(Base::Linkage(i32::from(literal - 0x30))),
        [register @ (BREG_RBP | BREG_RSP), distance @ ..] => {
            let (at, rest) = signed(distance)?;
            let more = match rest {
                [DEREF] => 0,
                [DEREF, PLUS, more @ 0..0x80] => *more,
                _ => return None,
            };
            Some(if *register == BREG_RBP { Base::Stored(at, more) } else { Base::StoredAtStack(at, more) })
        }
        _ => None,
    }
}

/// A number as DWARF writes signed ones, if it fits, and what is behind it.
fn signed(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at(end + 1);
    if number.len() > 4 {
        return None;
    }
    let value = number.iter().rev().fold(0i32, |value, byte| value << 7 | i32::from(byte & 0x7f));
    let unused = 32 - 7 * number.len() as u32;
    Some((value << unused >> unused, rest))
}

fn bytes<'a, S: UnwindSection<Bytes<'a>>>(expression: &UnwindExpression<usize>, section: &S) -> Option<&'a [u8]> {
    expression.get(section).ok().map(|expression| expression.0.slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_compilers_are_known() {
        assert_eq!(known_base(&[0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22]), Some(Base::Linkage(11)));
        assert_eq!(known_base(&[0x76, 0x78, 0x06]), Some(Base::Stored(-8, 0)));
        assert_eq!(known_base(&[0x76, 0xf0, 0x7e, 0x06]), Some(Base::Stored(-144, 0)));
        assert_eq!(known_base(&[0x77, 0xc8, 0, 0x06, 0x23, 8]), Some(Base::StoredAtStack(72, 8)));
        assert_eq!(known_base(&[0x76, 0xc8, 0, 0x06, 0x23, 8]), Some(Base::Stored(72, 8)));
        assert_eq!(known_base(&[0x77, 8, 0x06, 0x23, 0x80, 1]), None);
        assert_eq!(known_base(&[0x77, 8, 0x06, 0x22]), None);
        assert_eq!(known_base(&[0x76, 0x78]), None);
        assert_eq!(known_base(&[0x77, 8]), None);
        assert_eq!(known_base(&[0x76, 0x80]), None);
        assert_eq!(known_base(&[0x76, 0x80, 0x80, 0x80, 0x80, 0, 0x06]), None);
        assert_eq!(known_base(&[]), None);
    }
}
