//! The kernel programs of pullscope, one function per hook. Each states the kernel prototype that it relies on, asks the
//! cheapest question first (is the process watched?) and hands over to the module that does the work:
//!
//! - [`process`]: who is watched;
//! - [`connections`]: the table of sockets, their states and their end;
//! - [`io`]: reads and writes on sockets; [`openssl`]: those inside TLS;
//! - [`span`]: what becomes of both, by [`buffer`] (where the bytes lie) and [`protocol`] (what they look like);
//! - [`http2`][]: frames;
//! - [`go`]: what Go programs send and receive inside TLS;
//! - [`output`]: records for the collector; [`kernel`]: fields of kernel structs; [`maps`]: what is remembered.
//!
//! There are two ways to learn of I/O, `sock` (Linux 6.3 and later) and `syscall`; both end in [`io::on_io`].
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]

mod address;
mod buffer;
mod connections;
mod go;
mod http2;
mod io;
mod kernel;
mod maps;
mod openssl;
mod output;
mod process;
mod protocol;
mod span;

use aya_ebpf::macros::{cgroup_sock_addr, raw_tracepoint};
use aya_ebpf::programs::{RawTracePointContext, SockAddrContext};
use collector_common::conn::Direction;
use collector_common::event::{Endpoint, Layer};
use collector_common::settings::Call;

use buffer::Registers;
use io::{on_io, on_reset};
use kernel::{IPPROTO_TCP, Sock};
use span::Io;

/// `MSG_PEEK`: include/linux/socket.h.
const MSG_PEEK: u64 = 2;
/// What a read gives once the peer is gone with bytes that it has not read (include/uapi/asm-generic/errno.h: `ECONNRESET`).
const RESET: i64 = -104;

/// `sched_process_exec(struct task_struct *, pid_t old_pid, struct linux_binprm *)`, after the new program is in place.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn process_exec(ctx: RawTracePointContext) -> i32 {
    process::on_exec();
    log_watched(&ctx, "exec");
    0
}

/// Logs what happens to watched processes, in builds that log.
#[cfg(feature = "log")]
fn log_watched(ctx: &RawTracePointContext, what: &str) {
    let tgid = process::current();
    if process::is_watched(tgid) {
        aya_log_ebpf::info!(ctx, "{} of the watched process {}", what, tgid);
    }
}

#[cfg(not(feature = "log"))]
#[inline(always)]
fn log_watched(_: &RawTracePointContext, _: &str) {}

/// `sched_process_fork(struct task_struct *parent, struct task_struct *child)`, before the child runs.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn process_fork(ctx: RawTracePointContext) -> i32 {
    process::on_fork(ctx.arg(0), ctx.arg(1));
    0
}

/// `sched_process_exit(struct task_struct *, ...)`, per task, before its files are closed.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn process_exit(ctx: RawTracePointContext) -> i32 {
    log_watched(&ctx, "exit of a task");
    openssl::on_task_exit();
    process::on_exit(ctx.arg(0));
    0
}

/// `inet_sock_set_state(const struct sock *, const int oldstate, const int newstate)`, before the state is stored.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
pub fn sock_set_state(ctx: RawTracePointContext) -> i32 {
    let sock = Sock(ctx.arg(0));
    if sock.protocol() == IPPROTO_TCP {
        connections::on_state(sock, ctx.arg(1), ctx.arg(2));
    }
    0
}

/// `tcp_destroy_sock(struct sock *)`: the last of a TCP socket.
#[raw_tracepoint(tracepoint = "tcp_destroy_sock")]
pub fn tcp_destroy(ctx: RawTracePointContext) -> i32 {
    connections::on_destroy(Sock(ctx.arg(0)));
    0
}

/// Runs in `connect` before a route is chosen: the only sign of a connect that fails for want of a route.
#[cgroup_sock_addr(connect4)]
pub fn connect_v4(ctx: SockAddrContext) -> i32 {
    // SAFETY: the context is valid while the program runs.
    let (address, port, protocol) =
        unsafe { ((*ctx.sock_addr).user_ip4, (*ctx.sock_addr).user_port, (*ctx.sock_addr).protocol) };
    connect(&ctx, address::mapped(address.to_ne_bytes()), port, protocol);
    1
}

/// The same for IPv6.
#[cgroup_sock_addr(connect6)]
pub fn connect_v6(ctx: SockAddrContext) -> i32 {
    // SAFETY: the context is valid while the program runs.
    let (words, port, protocol) =
        unsafe { ((*ctx.sock_addr).user_ip6, (*ctx.sock_addr).user_port, (*ctx.sock_addr).protocol) };
    let mut address = [0; 16];
    for (bytes, word) in address.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    connect(&ctx, address, port, protocol);
    1
}

#[inline(always)]
fn connect(ctx: &SockAddrContext, address: [u8; 16], port: u32, protocol: u32) {
    if protocol != u32::from(IPPROTO_TCP) {
        return;
    }
    // SAFETY: the field holds the address of the `struct sock` (net/core/filter.c: `sock_addr_convert_ctx_access`).
    let sock = unsafe { (*ctx.sock_addr).__bindgen_anon_1.sk } as u64;
    let Some(sock) = kernel::as_number(sock) else { return };
    // The port is in network order in the low half (include/uapi/linux/bpf.h).
    let remote = Endpoint { address, port: u16::from_be(port as u16), reserved: [0; 6] };
    connections::on_connect(Sock(sock), &remote);
}

/// `sock_send_length(struct sock *, int ret, int flags)`, in the call that sends.
#[raw_tracepoint(tracepoint = "sock_send_length")]
pub fn sock_send(ctx: RawTracePointContext) -> i32 {
    on_sock(&ctx, Direction::Sent);
    0
}

/// `sock_recv_length(struct sock *, int ret, int flags)`, in the call that receives.
#[raw_tracepoint(tracepoint = "sock_recv_length")]
pub fn sock_receive(ctx: RawTracePointContext) -> i32 {
    if ctx.arg::<u32>(2) & MSG_PEEK as u32 == 0 {
        on_sock(&ctx, Direction::Received);
    }
    0
}

#[inline(always)]
fn on_sock(ctx: &RawTracePointContext, direction: Direction) {
    let moved: i32 = ctx.arg(1);
    if moved < 0 && i64::from(moved) != RESET {
        return;
    }
    let (tgid, thread) = process::current_thread();
    if !process::is_watched(tgid) {
        return;
    }
    let sock = Sock(ctx.arg(0));
    let (layer, time) = (Layer::Socket, connections::now());
    if moved < 0 {
        return on_reset(&Io { sock, tgid, thread, direction, layer, moved: 0, time });
    }
    let moved = moved as u32;
    on_io(&Io { sock, tgid, thread, direction, layer, moved, time }, || {
        let registers = Registers::current();
        let call = buffer::call(registers.number());
        // Work that io_uring or a kernel thread does has registers that say nothing of it: the descriptor must be this very
        // socket, and the direction this one.
        if direction_of(call)? as u8 != direction as u8 || buffer::socket(registers.first())?.0 != sock.0 {
            return None;
        }
        buffer::buffer(call, registers, moved)
    });
}

/// `sys_exit(struct pt_regs *, long ret)`, after every system call.
#[raw_tracepoint(tracepoint = "sys_exit")]
pub fn syscall_exit(ctx: RawTracePointContext) -> i32 {
    let moved: i64 = ctx.arg(1);
    if moved < 0 && moved != RESET {
        return 0;
    }
    let (tgid, thread) = process::current_thread();
    if process::is_watched(tgid) {
        on_syscall((tgid, thread), moved);
    }
    0
}

#[inline(always)]
fn on_syscall((tgid, thread): (u32, u32), moved: i64) {
    // Those of the context are the same, without their type.
    let registers = Registers::current();
    let call = buffer::call(registers.number());
    let flags = match call {
        Call::Receive => registers.fourth(),
        Call::ReadMessage => registers.third(),
        _ => 0,
    };
    if flags & MSG_PEEK != 0 {
        return;
    }
    let (direction, descriptor) = match call {
        Call::Splice => match buffer::socket(registers.first()) {
            Some(_) => (Direction::Received, registers.first()),
            None => (Direction::Sent, registers.third()),
        },
        _ => match direction_of(call) {
            Some(direction) => (direction, registers.first()),
            None => return,
        },
    };
    let Some(sock) = buffer::socket(descriptor) else { return };
    let (layer, time) = (Layer::Socket, connections::now());
    if moved < 0 {
        return on_reset(&Io { sock, tgid, thread, direction, layer, moved: 0, time });
    }
    let moved = match call {
        Call::ReadMany | Call::WriteMany => buffer::moved_by_many(registers, moved as u32),
        _ => moved as u32,
    };
    on_io(&Io { sock, tgid, thread, direction, layer, moved, time }, || {
        buffer::buffer(call, registers, moved)
    });
}

/// Which way a call moves bytes; `None` for those that say nothing of it.
#[inline(always)]
fn direction_of(call: Call) -> Option<Direction> {
    match call {
        Call::Read | Call::ReadVector | Call::ReadMessage | Call::ReadMany | Call::Receive => {
            Some(Direction::Received)
        }
        Call::Write | Call::WriteVector | Call::WriteMessage | Call::WriteMany | Call::SendFile => {
            Some(Direction::Sent)
        }
        Call::None | Call::Splice => None,
    }
}

/// `bpf_get_current_task_btf` and others are for programs under a GPL-compatible licence (kernel/bpf/verifier.c).
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
