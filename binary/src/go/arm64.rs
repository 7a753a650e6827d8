//! Where in a function of an arm64 program a probe is put: what `entry` and `closure_call` are for x86-64, with the same reasons.
//!
//! Every instruction has four bytes, so that a probe that is aligned stands on the first byte of one; but it must also be one of
//! those that the kernel can step over or carry out itself (`arch/arm64/kernel/probes/decode-insn.c`): the store that makes a frame,
//! and a call by register.
//!
//! The compiler begins a function with the check of the stack (`cmd/internal/obj/arm64/obj7.go`, `stacksplit`) and the making of
//! the frame (`preprocess`, the same from Go 1.21 to 1.27): the return address at its lowest place, the caller's frame pointer
//! below that, where the frame pointer (x29) then points. In the caller's frame the word above the lowest is the home of the
//! first argument: 16 above what the saved frame pointer says.

use crate::{Refusal, source::u32_at};

/// `ldr x16, [x28, 16]`: the goroutine is in x28, the limit of its stack at 16.
const LOAD_LIMIT: u32 = 0xf940_0b90;
/// `cmp sp, x16`: small frames.
const COMPARE_STACK: u32 = 0xeb30_63ff;
/// `cmp x17, x16`: frames whose end is computed first.
const COMPARE_SCRATCH: u32 = 0xeb10_023f;
/// `sub x29, sp, 8`.
const SET_FRAME: u32 = 0xd100_23fd;
/// `stur x29, [sp, -8]`, and that.
const KEEP_FRAME: [u32; 2] = [0xf81f_83fd, SET_FRAME];
/// `stp x29, x30, [x20, -8]`.
const KEEP_BOTH: u32 = 0xa93f_fa9d;
/// `mov sp, x20`.
const MOVE_STACK: u32 = 0x9100_029f;

/// `bodyEOFSignal.fn`: see `closure_call`.
const TELL: u32 = 48;

/// Distance of the first instruction behind the check of the stack from the beginning of the function, and the bytes of the
/// frame that it makes.
fn frame(code: &[u8]) -> Option<(usize, u32)> {
    let at = |index: usize| u32_at(code, index * 4);
    if at(0)? != LOAD_LIMIT {
        return None;
    }
    let branch = match at(1)? {
        COMPARE_STACK => 2,
        // sub x17, sp, 12 bits: frames of up to 4 KiB
        subtract if subtract & 0xffc0_03ff == 0xd100_03f1 && at(2)? == COMPARE_SCRATCH => 3,
        _ => return None,
    };
    // b.ls to where the stack grows, which is further on
    if at(branch)? & 0xff80_001f != 0x5400_0009 {
        return None;
    }
    let made = branch + 1;
    let size = match (at(made)?, [at(made + 1)?, at(made + 2)?]) {
        // str x30, [sp, 9 bits]!, moving down
        (store, KEEP_FRAME) if store & 0xfff0_0fff == 0xf810_0ffe => 512 - (store >> 12 & 0x1ff),
        // sub x20, sp, 12 bits
        (subtract, [KEEP_BOTH, MOVE_STACK])
            if subtract & 0xffc0_03ff == 0xd100_03f4 && at(made + 3)? == SET_FRAME =>
        {
            subtract >> 10 & 0xfff
        }
        _ => return None,
    };
    Some((made * 4, size))
}

/// Distance of the first instruction behind the check of the stack from the beginning of the function.
pub fn behind_stack_check(code: &[u8]) -> Result<usize, Refusal> {
    frame(code).map(|(at, _)| at).ok_or(Refusal::Instruction)
}

/// Distance of the call of `bodyEOFSignal.fn` from the beginning of the function, if there is exactly one: `ldr x26, [es, 48]`,
/// maybe `cbz x26`, `ldr reg, [x26]`, `blr reg` (a closure is called with its address in x26: `src/cmd/compile/abi-internal.md`).
pub fn closure_call(code: &[u8]) -> Option<usize> {
    let (behind_check, size) = frame(code)?;
    let code: Vec<u32> = code.chunks_exact(4).filter_map(|word| u32_at(word, 0)).collect();
    // str x0, [sp, SIZE + 8]: the receiver goes home, while it is still in its register.
    let go_home = 0xf900_03e0 | ((size + 8) / 8) << 10;
    let is_call = |word: &u32| word & 0xfc00_0000 == 0x9400_0000 || word & 0xffff_fc1f == 0xd63f_0000;
    let begins = behind_check / 4;
    let until_call = code.iter().skip(begins).take_while(|word| !is_call(word));
    if !until_call.into_iter().any(|word| *word == go_home) {
        return None;
    }
    let mut found = None;
    for index in begins..code.len() {
        // Of any register but sp, and not of the frame's.
        let take = 0xf940_001a | (TELL / 8) << 10;
        let base = code[index] >> 5 & 31;
        if code[index] & !(31 << 5) != take || base >= 29 {
            continue;
        }
        let after = code.get(index + 1)?;
        // cbz x26, to behind the call
        let is_asked = after & 0xff80_001f == 0xb400_001a;
        let [load, call] = *code.get(index + 1 + usize::from(is_asked)..)?.first_chunk()?;
        let register = load & 31;
        // x30 would be written by the call before it is read.
        if load == 0xf940_0340 | register && call == 0xd63f_0000 | register << 5 && register < 29 {
            if found.is_some() {
                return None;
            }
            found = Some((index + 2 + usize::from(is_asked)) * 4);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, proptest};

    use super::*;

    /// As in programs of Go 1.21 to 1.27: `persistConnWriter.Write`, `ReadResponse`, and a frame of 272 bytes.
    const SMALL: &[u32] = &[LOAD_LIMIT, COMPARE_STACK, 0x5400_0249, 0xf81c_0ffe, 0xf81f_83fd, 0xd100_23fd];
    const MIDDLE: &[u32] =
        &[LOAD_LIMIT, 0xd101_c3f1, COMPARE_SCRATCH, 0x5400_2d09, 0xf811_0ffe, 0xf81f_83fd, 0xd100_23fd];
    const LARGE: &[u32] = &[
        LOAD_LIMIT,
        0xd102_43f1,
        COMPARE_SCRATCH,
        0x5400_2d09,
        0xd104_43f4,
        0xa93f_fa9d,
        0x9100_029f,
        0xd100_23fd,
    ];

    fn bytes(parts: &[&[u32]]) -> Vec<u8> {
        parts.concat().into_iter().flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn the_forms_of_the_compiler_and_no_other() {
        for (form, expected) in [(SMALL, (12, 64)), (MIDDLE, (16, 240)), (LARGE, (16, 272))] {
            let code = bytes(&[form]);
            assert_eq!(frame(&code), Some(expected));
            assert_eq!(behind_stack_check(&code), Ok(expected.0));
            for cut in 0..code.len() {
                assert_eq!(behind_stack_check(&code[..cut]), Err(Refusal::Instruction), "{cut} of {form:x?}");
            }
            for index in 0..form.len() {
                // The highest byte says which instruction it is.
                let mut other = form.to_vec();
                other[index] ^= 1 << 24;
                assert_eq!(frame(&bytes(&[&other])), None, "{other:x?}");
            }
        }
        // b.hi instead of b.ls; a branch back; stp x29, x30, [sp, -16]! instead of the store.
        for (index, other) in [(2, 0x5400_0248), (2, 0x54ff_fe49), (3, 0xa9bf_7bfd)] {
            let mut form = SMALL.to_vec();
            form[index] = other;
            assert_eq!(frame(&bytes(&[&form])), None, "{form:x?}");
        }
    }

    /// `str x0, [sp, 72]`: the receiver goes home in `SMALL`'s frame.
    const GO_HOME: &[u32] = &[0xf900_27e0];
    /// `ldr x26, [x3, 48]`
    const TAKE: u32 = 0xf940_187a;
    /// `cbz x26`, 13 instructions on
    const ASK: u32 = 0xb400_01ba;
    /// `ldr x2, [x26]`, `blr x2`
    const CALL: [u32; 2] = [0xf940_0342, 0xd63f_0040];

    fn of(parts: &[&[u32]]) -> Option<usize> {
        closure_call(&bytes(parts))
    }

    #[test]
    fn the_call_is_found() {
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE], &CALL]), Some(9 * 4));
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE, ASK], &CALL, &[0xd65f_03c0]]), Some(10 * 4));
    }

    proptest! {
        /// Whatever stands between: it is found once, where it is, or not at all.
        #[test]
        fn any_code_is_read(between in vec(any::<u32>(), 0..64), cut in 0_usize..600) {
            let code = bytes(&[SMALL, GO_HOME, &between, &[TAKE], &CALL]);
            let found = closure_call(&code);
            prop_assert!(found.is_none() || found == Some(code.len() - 4), "{found:?}");
            let _ = closure_call(&code[..cut.min(code.len())]);
            let _ = closure_call(&bytes(&[&between]));
        }
    }

    #[test]
    fn other_code_is_not_taken_for_it() {
        assert_eq!(of(&[SMALL, GO_HOME, &CALL]), None, "x26 from anywhere");
        assert_eq!(of(&[SMALL, GO_HOME, &[0xf940_43fa], &CALL]), None, "from the stack");
        assert_eq!(of(&[SMALL, GO_HOME, &[0xf940_1bba], &CALL]), None, "by the frame pointer");
        assert_eq!(of(&[SMALL, GO_HOME, &[0xf940_1c7a], &CALL]), None, "another field");
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE, 0xf940_0742, 0xd63f_0040]]), None, "a method");
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE, CALL[0], 0xd63f_0060]]), None, "another register");
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE, CALL[0], 0xd61f_0040]]), None, "a jump");
        assert_eq!(of(&[SMALL, GO_HOME, &[TAKE], &CALL, &[TAKE], &CALL]), None, "two of them");
        assert_eq!(of(&[SMALL, &[TAKE], &CALL]), None, "the receiver is not at home");
        assert_eq!(of(&[SMALL, &[0x9400_0010], GO_HOME, &[TAKE], &CALL]), None, "the receiver is gone");
        assert_eq!(of(&[MIDDLE, GO_HOME, &[TAKE], &CALL]), None, "another home");
        assert_eq!(of(&[GO_HOME, &[TAKE], &CALL]), None, "no frame");
    }
}
