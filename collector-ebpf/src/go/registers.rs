//! Where a Go function finds its arguments, and which goroutine runs it (Go's `src/cmd/compile/abi-internal.md`).

use aya_ebpf::bindings::pt_regs;
use aya_ebpf::programs::ProbeContext;

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
    #[inline(always)]
    pub fn new(ctx: &ProbeContext) -> Self {
        Self(ctx.regs)
    }
}
