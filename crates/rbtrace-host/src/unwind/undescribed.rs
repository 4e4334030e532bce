//! Frames of code of aarch64 that nobody describes, by its instructions: the kernel gives every process functions without call frame information.
//! They are short, and all that touch the stack do it in one of two ways. Knows no file.

use rbtrace_types::unwind::{Base, Rule, Saved};

/// What a function does with its caller's frame at an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// `stp x29, x30, [sp, #-N]!`
    Save(i32),
    /// `mov x29, sp`
    Point,
    /// `ldp x29, x30, [sp], #N`
    Restore,
    /// `ret`
    Return,
    /// Moves the stack pointer otherwise.
    Move,
    /// Nothing.
    Other,
}

/// A function that has not moved the stack pointer: it returns to where a register says.
const BARE: Rule = Rule::Frame { base: Base::Stack(0), return_address: Saved::Kept, frame_pointer: Saved::Kept };

/// The rules of a function and how many bytes into it each begins; `None` if it cannot be told.
pub(super) fn rules(code: &[u8]) -> Option<Vec<(u32, Rule)>> {
    let mut rules = vec![(0, BARE)];
    let mut saved = 0;
    let mut framed = BARE;
    for (index, bytes) in code.as_chunks::<4>().0.iter().enumerate() {
        let frame = |base| Rule::Frame { base, return_address: Saved::AtBase(8 - saved), frame_pointer: Saved::AtBase(-saved) };
        let next = match step(u32::from_le_bytes(*bytes)) {
            Step::Save(bytes) => {
                saved = bytes;
                framed = Rule::Frame {
                    base: Base::Stack(bytes),
                    return_address: Saved::AtBase(8 - bytes),
                    frame_pointer: Saved::AtBase(-bytes),
                };
                framed
            }
            Step::Point if framed != BARE => {
                framed = frame(Base::Frame(saved));
                framed
            }
            Step::Restore => BARE,
            // What stands behind is reached from before the end.
            Step::Return => framed,
            Step::Move => return None,
            Step::Point | Step::Other => continue,
        };
        if rules.last().is_none_or(|(_, last)| *last != next) {
            rules.push((4 * (index as u32 + 1), next));
        }
    }
    Some(rules)
}

fn step(word: u32) -> Step {
    let (is_pair_moved, is_word_moved) = (word & 0x3a80_0000 == 0x2880_0000, word & 0x3b20_0400 == 0x3800_0400);
    let by_stack_pointer = word >> 5 & 31 == 31;
    match word {
        0x9100_03fd => Step::Point,
        0xd65f_03c0 => Step::Return,
        // The distance is a signed number of words in seven bits.
        _ if word & 0xffc0_7fff == 0xa980_7bfd => Step::Save(-((word << 10) as i32 >> 25) * 8),
        _ if word & 0xffc0_7fff == 0xa8c0_7bfd => Step::Restore,
        // `add sp, …`, `sub sp, …`, with a number or a register.
        _ if word & 0x3f80_001f == 0x1100_001f && word & 0x2000_0000 == 0 || word & 0x3fe0_001f == 0x0b20_001f => Step::Move,
        _ if by_stack_pointer && (is_pair_moved || is_word_moved) => Step::Move,
        _ => Step::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn frames_are_told_by_what_is_done_to_the_stack() {
        let frame = |base| Rule::Frame { base, return_address: Saved::AtBase(-120), frame_pointer: Saved::AtBase(-128) };
        // paciasp; stp x29, x30, [sp, #-128]!; mov x29, sp; stp x19, x20, [sp, #16]; ldp x29, x30, [sp], #128; autiasp; ret; nop
        let words = [0xd503_233f, 0xa9b8_7bfd, 0x9100_03fd, 0xa901_53f3, 0xa8c8_7bfd, 0xd503_23bf, 0xd65f_03c0, 0xd503_201f];
        let expected =
            vec![(0, BARE), (8, frame(Base::Stack(128))), (12, frame(Base::Frame(128))), (20, BARE), (28, frame(Base::Frame(128)))];
        assert_eq!(rules(&code(&words)), Some(expected));
        // add x4, sp, x4; svc #0; ret; nop
        assert_eq!(rules(&code(&[0x8b24_63e4, 0xd400_0001, 0xd65f_03c0, 0xd503_201f])), Some(vec![(0, BARE)]));
    }

    #[test]
    fn other_ways_with_the_stack_are_not_guessed() {
        // sub sp, sp, #16; add sp, sp, #32; str x19, [sp, #-16]!; ldp x19, x20, [sp], #16; mov sp, x29; sub sp, sp, x1
        for word in [0xd100_43ff, 0x9100_83ff, 0xf81f_0ff3, 0xa8c1_53f3, 0x9100_03bf, 0xcb21_63ff] {
            assert_eq!(rules(&code(&[word, 0xd65f_03c0])), None, "{word:#x}");
        }
    }
}
