//! The end of an HTTP/1 body, where it has no function of its own, in x86-64 programs.
//!
//! `(*bodyEOFSignal).condfn` calls `es.fn` once, when the body has come to its end or to an error (`net/http/transport.go`). Most
//! releases put it into `(*bodyEOFSignal).Read`. There the call of `es.fn` is looked for: `mov rdx, [es+48]`, `mov reg, [rdx]`,
//! `call reg` (a closure is called with its address in `rdx`: `src/cmd/compile/abi-internal.md`). The other calls of
//! `Read` look different: the deferred function comes from the stack, `es.body.Read` from a table of methods.
//!
//! The probe on that call finds `es` in its home, the first word above the return address, at `[rbp+16]`. So it must have been
//! put there, and `rbp` must be the frame pointer.

use iced_x86::{
    Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};

/// Longest function that is looked at. The real one has about 700 bytes.
pub const MAX_CODE: u64 = 16 << 10;
/// `bodyEOFSignal.fn`: behind `body` (16 bytes), `mu` (8), `closed` (8) and `rerr` (16).
const TELL: u64 = 48;

/// Distance of the call from the beginning of the function, if there is exactly one. `behind_check` is the distance of the first
/// instruction behind the check of the stack.
pub fn find(code: &[u8], behind_check: usize) -> Option<usize> {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    decoder.set_position(behind_check).ok()?;
    decoder.set_ip(behind_check as u64);
    let home = home_of_receiver(&mut decoder)?;
    let mut info = InstructionInfoFactory::new();
    let mut is_home = false;
    // Whether rdx holds es.fn, and the register that holds its code.
    let (mut holds_closure, mut holds_code) = (false, None);
    let mut found = None;
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            return None;
        }
        if instruction.code() == Code::Call_rm64 && instruction.op0_kind() == OpKind::Register {
            if holds_code == Some(instruction.op0_register()) {
                if !is_home || found.is_some() {
                    return None;
                }
                found = Some(usize::try_from(instruction.ip()).ok()?);
            }
        } else if stores(&instruction, Register::RAX, home) && !is_home {
            is_home = true;
        }
        if instruction.mnemonic() == Mnemonic::Call {
            (holds_closure, holds_code) = (false, None);
            // From here on `rax` is no longer the receiver.
            if !is_home {
                return None;
            }
            continue;
        }
        let takes_code = loads(&instruction)
            .filter(|load| holds_closure && load.base == Register::RDX && load.at == 0)
            .map(|load| load.to);
        for used in info.info(&instruction).used_registers() {
            let written = matches!(
                used.access(),
                OpAccess::Write | OpAccess::ReadWrite | OpAccess::CondWrite | OpAccess::ReadCondWrite
            );
            if written {
                let register = used.register().full_register();
                holds_closure &= register != Register::RDX;
                holds_code = holds_code.filter(|code| *code != register);
            }
        }
        if let Some(load) = loads(&instruction) {
            if load.to == Register::RDX && load.at == TELL {
                holds_closure = !matches!(load.base, Register::RSP | Register::RBP);
            }
            holds_code = takes_code.or(holds_code);
        }
    }
    found
}

/// Reads the making of the frame: the distance of the receiver's home from the stack pointer, once it is made, if `rbp` is the
/// frame pointer.
fn home_of_receiver(decoder: &mut Decoder<'_>) -> Option<u64> {
    let first = decoder.decode();
    if first.code() == Code::Push_r64 && first.op0_register() == Register::RBP {
        // Go 1.21 and later: the saved frame pointer is above the frame.
        let second = decoder.decode();
        let is_set = second.mnemonic() == Mnemonic::Mov
            && second.op0_register() == Register::RBP
            && second.op1_register() == Register::RSP;
        return if is_set { Some(frame_size(&decoder.decode())? + 16) } else { None };
    }
    // Up to Go 1.20 it is at the top of the frame.
    let size = frame_size(&first)?;
    let top = size.checked_sub(8)?;
    let (save, set) = (decoder.decode(), decoder.decode());
    let is_set = set.mnemonic() == Mnemonic::Lea
        && set.op0_register() == Register::RBP
        && set.memory_base() == Register::RSP
        && set.memory_index() == Register::None
        && set.memory_displacement64() == top;
    (stores(&save, Register::RBP, top) && is_set).then_some(size + 8)
}

/// How far an instruction moves the stack pointer down.
fn frame_size(instruction: &Instruction) -> Option<u64> {
    if instruction.op0_register() != Register::RSP {
        return None;
    }
    let by = instruction.try_immediate(1).ok()?;
    match instruction.mnemonic() {
        Mnemonic::Sub => Some(by),
        Mnemonic::Add => Some(by.wrapping_neg()),
        _ => None,
    }
    .filter(|size| *size < 1 << 20)
}

/// Whether an instruction stores a register at a distance from the stack pointer.
fn stores(instruction: &Instruction, register: Register, at: u64) -> bool {
    instruction.code() == Code::Mov_rm64_r64
        && instruction.op0_kind() == OpKind::Memory
        && instruction.op1_register() == register
        && instruction.memory_base() == Register::RSP
        && instruction.memory_index() == Register::None
        && instruction.memory_displacement64() == at
}

/// A word that an instruction loads into a register.
struct Load {
    to: Register,
    base: Register,
    at: u64,
}

fn loads(instruction: &Instruction) -> Option<Load> {
    let is_load = instruction.code() == Code::Mov_r64_rm64
        && instruction.op1_kind() == OpKind::Memory
        && instruction.memory_index() == Register::None
        && instruction.segment_prefix() == Register::None;
    is_load.then(|| Load {
        to: instruction.op0_register(),
        base: instruction.memory_base(),
        at: instruction.memory_displacement64(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `push rbp`, `mov rbp, rsp`, `sub rsp, 24`
    const FRAME: &[u8] = &[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x18];
    /// `mov [rsp+40], rax`: the receiver goes home.
    const GO_HOME: &[u8] = &[0x48, 0x89, 0x44, 0x24, 0x28];
    /// `mov rdx, [rsi+48]`, `mov rcx, [rdx]`
    const TAKE: &[u8] = &[0x48, 0x8b, 0x56, 0x30, 0x48, 0x8b, 0x0a];
    /// `call rcx`
    const CALL: &[u8] = &[0xff, 0xd1];

    fn of(parts: &[&[u8]]) -> Option<usize> {
        find(&parts.concat(), 0)
    }

    #[test]
    fn the_call_is_found() {
        assert_eq!(of(&[FRAME, GO_HOME, TAKE, CALL, &[0xc3]]), Some(20));
        // xor ebx, ebx between the two.
        assert_eq!(of(&[FRAME, GO_HOME, TAKE, &[0x31, 0xdb], CALL]), Some(22));
        // As up to Go 1.20: sub rsp, 32; mov [rsp+24], rbp; lea rbp, [rsp+24]; mov [rsp+40], rax.
        let old = [
            0x48, 0x83, 0xec, 0x20, 0x48, 0x89, 0x6c, 0x24, 0x18, 0x48, 0x8d, 0x6c, 0x24, 0x18, 0x48, 0x89,
            0x44, 0x24, 0x28,
        ];
        assert_eq!(of(&[&old, TAKE, CALL]), Some(26));
    }

    #[test]
    fn other_code_is_not_taken_for_it() {
        assert_eq!(of(&[FRAME, GO_HOME, CALL]), None, "rcx from anywhere");
        assert_eq!(of(&[FRAME, GO_HOME, TAKE, &[0x31, 0xc9], CALL]), None, "rcx written since");
        assert_eq!(
            of(&[FRAME, GO_HOME, &[0x48, 0x8b, 0x54, 0x24, 0x30, 0x48, 0x8b, 0x0a], CALL]),
            None,
            "from the stack"
        );
        assert_eq!(
            of(&[FRAME, GO_HOME, &[0x48, 0x8b, 0x56, 0x38, 0x48, 0x8b, 0x0a], CALL]),
            None,
            "another field"
        );
        assert_eq!(
            of(&[FRAME, GO_HOME, &[0x48, 0x8b, 0x56, 0x30, 0x48, 0x8b, 0x4a, 0x18], CALL]),
            None,
            "a method"
        );
        assert_eq!(of(&[FRAME, GO_HOME, TAKE, CALL, TAKE, CALL]), None, "two of them");
        assert_eq!(of(&[FRAME, TAKE, CALL]), None, "the receiver is not at home");
        assert_eq!(of(&[&FRAME[..4], GO_HOME, TAKE, CALL]), None, "no frame");
        assert_eq!(of(&[FRAME, GO_HOME, TAKE, CALL, &[0x06]]), None, "no instruction");
    }
}
