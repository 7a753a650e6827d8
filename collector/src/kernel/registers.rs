//! What is particular to the processor: where system calls leave their number and arguments, and which number is which
//! call. A new architecture is one more section here.

use collector_common::settings::{CALLS, Call};

/// Byte offsets in the registers that the kernel saves on entry (`struct pt_regs`).
pub struct Layout {
    /// Number of the system call.
    pub number: u32,
    /// The first four arguments.
    pub arguments: [u32; 4],
}

/// `arch/x86/include/asm/ptrace.h`; arguments in di, si, dx, r10 (`arch/x86/entry/entry_64.S`).
#[cfg(target_arch = "x86_64")]
pub fn layout() -> Layout {
    Layout { number: 120, arguments: [112, 104, 96, 56] }
}

/// `arch/arm64/include/asm/ptrace.h`: x0 to x3, x0 as it was on entry (`orig_x0`) for the first, the number in `syscallno`.
#[cfg(target_arch = "aarch64")]
pub fn layout() -> Layout {
    Layout { number: 280, arguments: [272, 8, 16, 24] }
}

/// `arch/x86/entry/syscalls/syscall_64.tbl`
#[cfg(target_arch = "x86_64")]
const NUMBERS: [(usize, Call); 14] = [
    (0, Call::Read),
    (1, Call::Write),
    (19, Call::ReadVector),
    (20, Call::WriteVector),
    (40, Call::SendFile),
    (44, Call::Write),
    (45, Call::Receive),
    (46, Call::WriteMessage),
    (47, Call::ReadMessage),
    (275, Call::Splice),
    (299, Call::ReadMany),
    (307, Call::WriteMany),
    (327, Call::ReadVector),
    (328, Call::WriteVector),
];

/// `include/uapi/asm-generic/unistd.h`
#[cfg(target_arch = "aarch64")]
const NUMBERS: [(usize, Call); 14] = [
    (63, Call::Read),
    (64, Call::Write),
    (65, Call::ReadVector),
    (66, Call::WriteVector),
    (71, Call::SendFile),
    (76, Call::Splice),
    (206, Call::Write),
    (207, Call::Receive),
    (211, Call::WriteMessage),
    (212, Call::ReadMessage),
    (243, Call::ReadMany),
    (269, Call::WriteMany),
    (286, Call::ReadVector),
    (287, Call::WriteVector),
];

/// The table that the kernel programs look system calls up in.
pub fn call_table() -> [u8; CALLS as usize] {
    let mut table = [Call::None as u8; CALLS as usize];
    for (number, call) in NUMBERS {
        table[number] = call as u8;
    }
    table
}
