//! Probes in Go programs: the messages of their TLS connections, seen where the program handles them in the clear.
//!
//! None of them is on the path of the bytes: each runs a fixed number of times per request. They hang behind the check of the
//! stack with which a Go function begins, since that may start the function anew; the arguments are still in their registers
//! there (Go's `src/cmd/compile/abi-internal.md`). What a pointer leads to is believed only when the type beside it says so.
//!
//! - [`hooks`]: the program behind all of them;
//! - [`registers`]: arguments and goroutine, per processor;
//! - [`connection`]: from the program's connection to the socket;
//! - [`output`]: fields and messages;
//! - [`http1`], [`http2`]: what a client asks and gets;
//! - [`serve`]: what a server is asked and answers.

mod connection;
mod hooks;
mod http1;
mod http2;
mod output;
mod registers;
mod serve;

use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_attach_cookie;
use aya_ebpf::programs::ProbeContext;
use collector_common::go::{ITAB_HASH, Layout};

use crate::kernel::read_user;
use crate::maps::LAYOUTS;
use crate::process;
use registers::Registers;

/// A probe that fired in a watched process.
pub struct Probe {
    pub tgid: u32,
    pub registers: Registers,
    /// A [`collector_common::go::Point`] as a number.
    pub point: u32,
    layout: *const Layout,
}

impl Probe {
    /// `None` when the process is not watched.
    #[inline(always)]
    pub fn new(ctx: &ProbeContext) -> Option<Self> {
        let tgid = process::current();
        if !process::is_watched(tgid) {
            return None;
        }
        // SAFETY: the context is that of this program.
        let cookie = unsafe { bpf_get_attach_cookie(ctx.as_ptr()) };
        let layout = LAYOUTS.get_ptr(cookie as u32)?;
        Some(Self { tgid, registers: Registers::new(ctx), point: (cookie >> 32) as u32, layout })
    }

    /// What is known of the program's Go release.
    #[inline(always)]
    pub fn layout(&self) -> &Layout {
        // SAFETY: an element of an array map that the collector has written before it attached the probe.
        unsafe { &*self.layout }
    }
}

/// A value of an interface type: two words (Go's `runtime/runtime2.go`, `iface`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Interface {
    itab: u64,
    data: u64,
}

impl Interface {
    /// One that came in two registers.
    #[inline(always)]
    pub fn of(itab: u64, data: u64) -> Self {
        Self { itab, data }
    }

    #[inline(always)]
    pub fn at(address: u64) -> Option<Self> {
        read_user(address)
    }

    /// The hash of the type that it holds; 0 when it holds nothing.
    #[inline(always)]
    pub fn hash(self) -> u32 {
        if self.itab == 0 { 0 } else { read_user(self.itab + ITAB_HASH).unwrap_or(0) }
    }

    /// The pointer that it holds, if it is of this type.
    #[inline(always)]
    pub fn holds(self, hash: u32) -> Option<u64> {
        if hash != 0 && self.hash() == hash { Some(self.data) } else { None }
    }

    #[inline(always)]
    pub fn data(self) -> u64 {
        self.data
    }
}

/// A field at an offset of the layout; `None` where the release has no such field, or its place is not known.
#[inline(always)]
pub fn field<T: Copy>(address: u64, offset: u32) -> Option<T> {
    if address == 0 || offset == Layout::UNKNOWN { None } else { read_user(address + u64::from(offset)) }
}
