//! The maps: what the programs remember, and what they share with the collector.

use aya_ebpf::bindings::BPF_F_MMAPABLE;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use collector_common::conn::Conn;
use collector_common::counters::Counter;
use collector_common::go::{Layout, MAX_LAYOUTS};
use collector_common::{COMM_LEN, MAX_PROCESSES, PID_LIMIT};

use crate::http2::{Partial, Walk};
use crate::openssl::{Joined, Ssl, SslCall};

/// Events for the collector. The collector sets the size.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(4 << 20, 0);

/// Element 0 is 1 while the collector sleeps until it is woken; it writes it through a mapping of this map.
#[map]
pub static SLEEPING: Array<u32> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Live connections by the key of their socket ([`collector_common::key`]). The collector sets the size.
#[map]
pub static CONNECTIONS: HashMap<u64, Conn> = HashMap::with_max_entries(16384, 0);

/// One bit per process id: watched or not. Every program asks here first, so that whoever is not watched pays for one
/// array lookup, which the kernel inlines. The collector sets bits through a mapping of this map, as atomically as we do.
#[map]
pub static WATCHED: Array<u64> = Array::with_max_entries(PID_LIMIT / 64, BPF_F_MMAPABLE);

/// Target of each watched process, with its marks (`collector_common::TARGET_REDIS` and the like).
#[map]
pub static PROCESSES: HashMap<u32, u32> = HashMap::with_max_entries(MAX_PROCESSES, BPF_F_NO_PREALLOC);

/// Target of each command name, with its marks; see `collector_common::TARGET_CANDIDATE` and `TARGET_INHERIT`.
#[map]
pub static COMMS: HashMap<[u8; COMM_LEN], u32> = HashMap::with_max_entries(512, 0);

/// What is known of the Go releases that probed programs were built with; the cookie of a probe is the index.
#[map]
pub static LAYOUTS: Array<Layout> = Array::with_max_entries(MAX_LAYOUTS, 0);

/// How far the frames of HTTP/2 connections have been walked; see `http2`. Memory is taken as connections come.
#[map]
pub static WALKS: HashMap<u64, Walk> = HashMap::with_max_entries(16384, BPF_F_NO_PREALLOC);

/// Frames whose payload has not come to its end.
#[map]
pub static PARTIALS: HashMap<u64, Partial> = HashMap::with_max_entries(1024, BPF_F_NO_PREALLOC);

/// What an entry of [`WALKS`] begins as: zeros. It would not fit on the stack.
#[map]
pub static BLANK_WALK: Array<Walk> = Array::with_max_entries(1, 0);

/// The same for [`PARTIALS`].
#[map]
pub static BLANK_PARTIAL: Array<Partial> = Array::with_max_entries(1, 0);

/// The decrypted streams of connections that OpenSSL reads and writes, by the key of their socket.
#[map]
pub static DECRYPTED: HashMap<u64, Conn> = HashMap::with_max_entries(16384, BPF_F_NO_PREALLOC);

/// The OpenSSL call that each thread is in, by the kernel's process and thread id.
#[map]
pub static SSL_CALLS: HashMap<u64, SslCall> = HashMap::with_max_entries(8192, BPF_F_NO_PREALLOC);

/// The socket of each `SSL`, as it was last seen.
#[map]
pub static SSL_SOCKETS: LruHashMap<Ssl, Joined> = LruHashMap::with_max_entries(16384, 0);

/// Element 0 is 1 once a watched process has called OpenSSL: until then nobody need look into [`SSL_CALLS`].
#[map]
pub static SSL_USED: Array<u32> = Array::with_max_entries(1, 0);

/// What was lost, by reason.
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Counter::ALL.len() as u32, 0);

/// `BPF_F_NO_PREALLOC`, include/uapi/linux/bpf.h: memory is taken as processes come.
const BPF_F_NO_PREALLOC: u32 = 1;

/// `BPF_NOEXIST`, include/uapi/linux/bpf.h: what is there already stays.
pub const NEW: u64 = 1;

/// Counts one loss.
pub fn count(counter: Counter) {
    if let Some(slot) = COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: the slot is this CPU's own; a program that interrupts us at worst loses one of two counts.
        unsafe { *slot += 1 };
    }
}
