//! Where a Go function finds its arguments, and which goroutine runs it (Go's `src/cmd/compile/abi-internal.md`).

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::programs::ProbeContext;

#[cfg(bpf_target_arch = "aarch64")]
use crate::kernel::read_user;

/// The registers of the probed process.
pub struct Registers(*const pt_regs);

/// One accessor per argument and processor.
macro_rules! registers {
    ($($name:ident: $x86:ident, $arm:literal;)*) => {
        impl Registers {
            $(
                #[inline(always)]
                pub fn $name(&self) -> u64 {
                    // SAFETY: the context of the program, which it may read (include/uapi/asm/bpf_perf_event.h).
                    #[cfg(bpf_target_arch = "x86_64")]
                    unsafe { (*self.0).$x86 }
                    // SAFETY: the same.
                    #[cfg(bpf_target_arch = "aarch64")]
                    unsafe { (*self.0).regs[$arm] }
                }
            )*
        }
    };
}

registers! {
    a: rax, 0;
    b: rbx, 1;
    c: rcx, 2;
    d: rdi, 3;
    e: rsi, 4;
    goroutine: r14, 28;
    frame: rbp, 29;
}

impl Registers {
    /// Address of the first argument's home, once the function has made its frame: in the caller's frame, the first word that is
    /// no return address and no frame pointer (`abi-internal.md`, "Stack layout").
    #[inline(always)]
    pub fn home(&self) -> Option<u64> {
        // Below it are the return address and the caller's frame pointer, which the frame pointer points to.
        #[cfg(bpf_target_arch = "x86_64")]
        let below = Some(self.frame());
        // The same two words, but the callee keeps its return address at the lowest place of its own frame, and the caller's frame
        // pointer below that. The latter points below the caller's lowest word.
        #[cfg(bpf_target_arch = "aarch64")]
        let below = read_user::<u64>(self.frame());
        below.map(|below| below + 16)
    }

    #[inline(always)]
    pub fn new(ctx: &ProbeContext) -> Self {
        Self(ctx.regs)
    }
}
