//! One program per function of OpenSSL where it begins, and one for the return of each.
//!
//! The prototypes are those of OpenSSL 1.1.1 and 3 (`include/openssl/ssl.h`). BoringSSL has those without `_ex`.

use aya_ebpf::macros::{uprobe, uretprobe};
use aya_ebpf::programs::{ProbeContext, RetProbeContext};

use super::{Enter, Kind};

/// `int SSL_read(SSL *, void *, int)`
#[uprobe]
pub fn ssl_read(ctx: ProbeContext) -> u32 {
    on_enter(&ctx, Kind::Read, false)
}

/// `int SSL_read_ex(SSL *, void *, size_t, size_t *)`
#[uprobe]
pub fn ssl_read_ex(ctx: ProbeContext) -> u32 {
    on_enter(&ctx, Kind::Read, true)
}

/// `int SSL_write(SSL *, const void *, int)`
#[uprobe]
pub fn ssl_write(ctx: ProbeContext) -> u32 {
    on_enter(&ctx, Kind::Write, false)
}

/// `int SSL_write_ex(SSL *, const void *, size_t, size_t *)`
#[uprobe]
pub fn ssl_write_ex(ctx: ProbeContext) -> u32 {
    on_enter(&ctx, Kind::Write, true)
}

/// `int SSL_do_handshake(SSL *)`, which `SSL_connect` and `SSL_accept` call.
#[uprobe]
pub fn ssl_handshake(ctx: ProbeContext) -> u32 {
    on_enter(&ctx, Kind::Handshake, false)
}

/// The return of each of them.
#[uretprobe]
pub fn ssl_return(ctx: RetProbeContext) -> u32 {
    super::on_return(ctx.ret::<u64>() as i32, stack(ctx.regs));
    0
}

#[inline(always)]
fn on_enter(ctx: &ProbeContext, kind: Kind, counts: bool) -> u32 {
    let argument = |index| ctx.arg::<u64>(index).unwrap_or(0);
    super::on_enter(&Enter {
        kind,
        ssl: argument(0),
        buffer: argument(1),
        counted_at: if counts { argument(3) } else { 0 },
        stack: stack(ctx.regs) + RETURN_ADDRESS,
    });
    0
}

/// What a return takes off the stack.
#[cfg(bpf_target_arch = "x86_64")]
const RETURN_ADDRESS: u64 = 8;
#[cfg(bpf_target_arch = "aarch64")]
const RETURN_ADDRESS: u64 = 0;

/// The probed thread's stack pointer.
#[inline(always)]
fn stack(registers: *const aya_ebpf::bindings::pt_regs) -> u64 {
    // SAFETY: the context of the program, which it may read (include/uapi/asm/bpf_perf_event.h).
    #[cfg(bpf_target_arch = "x86_64")]
    unsafe {
        (*registers).rsp
    }
    // SAFETY: the same.
    #[cfg(bpf_target_arch = "aarch64")]
    unsafe {
        (*registers).sp
    }
}
