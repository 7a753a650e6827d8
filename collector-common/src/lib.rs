//! What the kernel programs and the collector agree on: events, map values and settings.
//!
//! Everything here crosses the kernel boundary as plain bytes, so every type is `repr(C)`, made of integers only and
//! without padding; the sizes are asserted at compile time. One file per thing that crosses:
//!
//! - [`event`]: the records in the ring buffer;
//! - [`key`]: what an entry of the tables is found by;
//! - [`conn`]: the state that the kernel keeps per socket, which the collector also reads to see progress;
//! - [`frames`]: where the frames of HTTP/2 begin on a connection that was joined late;
//! - [`redis`]: how a connection that speaks the Redis protocol begins;
//! - [`settings`]: what the collector tells the programs before they are loaded (field offsets, system call numbers);
//! - [`go`]: where a Go program keeps what the probes in it look for;
//! - [`counters`]: what the programs count about themselves, loss above all.
#![no_std]

pub mod conn;
pub mod counters;
pub mod event;
pub mod frames;
pub mod go;
pub mod key;
pub mod redis;
pub mod settings;

/// Derives what the collector needs to read a type safely from bytes and to use it as a map value.
macro_rules! shared {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* pub $field:ident: $type:ty,)* } size $size:literal) => {
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "user", derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout))]
        pub struct $name { $($(#[$fmeta])* pub $field: $type,)* }
        const _: () = assert!(size_of::<$name>() == $size);
        // No padding: the fields fill the struct (zerocopy proves it again on the collector's side).
        const _: () = assert!(0 $(+ size_of::<$type>())* == $size);
        // SAFETY: repr(C), integers only, no padding: every bit pattern is a value.
        #[cfg(feature = "user")]
        unsafe impl aya::Pod for $name {}
    };
}
pub(crate) use shared;

/// Length of a process's command name in the kernel, with its terminating zero (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LEN: usize = 16;

/// Bytes of one span (consecutive I/O in one direction) that are shipped to user space; what lies past it is only counted.
///
/// An HTTP head of a real registry stays under 8 KiB (nginx and Go refuse much larger ones), and the manifests behind it
/// mostly fit in what remains.
pub const SPAN_BUDGET: u32 = 16 * 1024;

/// Bytes of one span of Redis commands or replies that are shipped. A span has what is sent before anything is read: a
/// pipeline of some sixty short commands fits.
pub const REDIS_BUDGET: u32 = 4096;

/// Most bytes that one event carries.
pub const MAX_CAPTURE: u32 = 8 * 1024;

/// Process ids are below this on every Linux (`PID_MAX_LIMIT`, include/linux/threads.h).
pub const PID_LIMIT: u32 = 4 * 1024 * 1024;

/// Target of a process whose command line must decide, in user space, whether it is watched. Until then it is.
///
/// Targets themselves are numbered from 1; 0 stands for none.
pub const TARGET_CANDIDATE: u32 = 1 << 31;

/// Bits of a target's number that are the number itself; above them are marks: what its recipe asks for.
pub const TARGET_NUMBER: u32 = (1 << 24) - 1;

/// Mark of a target whose Redis traffic is read.
pub const TARGET_REDIS: u32 = 1 << 24;

/// Mark of a target the ends of whose threads are told.
pub const TARGET_THREADS: u32 = 1 << 25;

/// Watched processes at once.
pub const MAX_PROCESSES: u32 = 65_536;

/// Target of a process that runs under a comm which says nothing about it (`exe`, what re-executing `/proc/self/exe`
/// leaves): it keeps the target it had before the exec.
pub const TARGET_INHERIT: u32 = u32::MAX;
