//! Where in a function of an x86-64 program a probe is put.
//!
//! A breakpoint that does not stand on the first byte of an instruction changes what the program does. All functions that are
//! probed call others, so the compiler begins them with the check of the stack (`cmd/internal/obj/x86/obj6.go`, `stacksplit`)
//! and the making of the frame, which have few forms. Whatever does not begin so is not probed.
//!
//! The probe stands behind the check: that may start the function anew, when the stack has to grow or the goroutine is stopped
//! there (`runtime/stack.go`, `newstack`). It changes no register that holds an argument.

use crate::Refusal;

/// Bytes of a function that are needed here.
pub const LOOK: usize = 32;

/// `cmp rsp, [r14+16]`: the goroutine is in `r14`, the limit of its stack at 16. Small frames.
const COMPARE_STACK: &[u8] = &[0x49, 0x3b, 0x66, 0x10];
/// `cmp r12, [r14+16]`: frames whose end is computed first.
const COMPARE_SCRATCH: &[u8] = &[0x4d, 0x3b, 0x66, 0x10];

/// `push rbp`; `sub rsp` with 8 and with 32 bits; `add rsp, -128`, which is shorter than to subtract 128.
const MAKE_FRAME: [&[u8]; 4] = [&[0x55], &[0x48, 0x83, 0xec], &[0x48, 0x81, 0xec], &[0x48, 0x83, 0xc4, 0x80]];

/// Distance of the first instruction behind the check of the stack from the beginning of the function.
///
/// The kernel takes probes on all instructions that this one can be (`arch/x86/kernel/uprobes.c`, `good_insns_64`).
pub fn behind_stack_check(code: &[u8]) -> Result<usize, Refusal> {
    let body = checked(code).ok_or(Refusal::Instruction)?;
    let makes_frame = MAKE_FRAME.iter().any(|instruction| body.starts_with(instruction));
    if makes_frame { Ok(code.len() - body.len()) } else { Err(Refusal::Instruction) }
}

/// What follows the check.
fn checked(code: &[u8]) -> Option<&[u8]> {
    let compared = match code {
        [0x49, ..] => code.strip_prefix(COMPARE_STACK)?,
        // lea r12, [rsp - 8 bits], or 32 bits
        [0x4c, 0x8d, 0x64, 0x24, _, rest @ ..] | [0x4c, 0x8d, 0xa4, 0x24, _, _, _, _, rest @ ..] => {
            rest.strip_prefix(COMPARE_SCRATCH)?
        }
        _ => return None,
    };
    match compared {
        // jbe to where the stack grows, near or far
        [0x76, _, rest @ ..] | [0x0f, 0x86, _, _, _, _, rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_compiler_and_no_other() {
        // As in programs of Go 1.19 to 1.27: net/http.persistConnWriter.Write, ReadResponse, hpack.(*Encoder).WriteField.
        let near = [0x49, 0x3b, 0x66, 0x10, 0x76, 0x2f, 0x55];
        let far = [0x4c, 0x8d, 0x64, 0x24, 0xa0, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86, 0x12, 0x0b, 0, 0, 0x55];
        let large = [
            0x4c, 0x8d, 0xa4, 0x24, 0x78, 0xff, 0xff, 0xff, 0x4d, 0x3b, 0x66, 0x10, 0x0f, 0x86, 1, 2, 0, 0,
            0x55,
        ];
        for form in [&near[..], &far, &large] {
            assert_eq!(behind_stack_check(form), Ok(form.len() - 1));
            for cut in 0..form.len() {
                assert_eq!(behind_stack_check(&form[..cut]), Err(Refusal::Instruction), "{cut} of {form:x?}");
            }
            assert_eq!(behind_stack_check(&form[1..]), Err(Refusal::Instruction));
        }
        assert_eq!(behind_stack_check(&[0xcc; 32]), Err(Refusal::Instruction));
        // ja instead of jbe; something else behind the check.
        assert_eq!(
            behind_stack_check(&[0x49, 0x3b, 0x66, 0x10, 0x77, 0x2f, 0x55]),
            Err(Refusal::Instruction)
        );
        assert_eq!(
            behind_stack_check(&[0x49, 0x3b, 0x66, 0x10, 0x76, 0x2f, 0x90]),
            Err(Refusal::Instruction)
        );
    }

    #[test]
    fn frames_are_made_in_four_ways() {
        for frame in [
            &[0x55][..],
            &[0x48, 0x83, 0xec, 0x10],
            &[0x48, 0x81, 0xec, 0x88, 0, 0, 0],
            &[0x48, 0x83, 0xc4, 0x80],
        ] {
            let code = [&[0x49, 0x3b, 0x66, 0x10, 0x76, 0x2f], frame].concat();
            assert_eq!(behind_stack_check(&code), Ok(6));
        }
    }
}
