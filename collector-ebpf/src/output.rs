//! Handing records to the collector.
//!
//! A wakeup per record would cost more than all the rest (1.4 µs against 25 ns), so the collector drains on a timer while
//! there is traffic. It is woken in two cases only: it sleeps, or a quarter of the buffer has just filled up.

use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::maps::ring_buf::RingBufEntry;

use crate::maps::{EVENTS, SLEEPING};

/// `BPF_RB_AVAIL_DATA`, `BPF_RB_RING_SIZE`: include/uapi/linux/bpf.h.
const AVAILABLE: u64 = 0;
const RING_SIZE: u64 = 1;

/// Makes room for a record. The caller fills it and calls [`submit`]; `None` when the buffer is full.
#[inline(always)]
pub fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    EVENTS.reserve::<T>(0)
}

/// Hands a filled record over.
#[inline(always)]
pub fn submit<T: 'static>(entry: RingBufEntry<T>) {
    entry.submit(wakeup(size_of::<T>() as u64, EVENTS.query(AVAILABLE)));
}

/// Gives back the room for a record.
#[inline(always)]
pub fn discard<T: 'static>(entry: RingBufEntry<T>) {
    entry.discard(u64::from(BPF_RB_NO_WAKEUP));
}

/// Copies a record that was put together elsewhere; false when the buffer is full.
#[inline(always)]
pub fn send(record: &[u8]) -> bool {
    let size = record.len() as u64;
    EVENTS.output::<[u8]>(record, wakeup(size, EVENTS.query(AVAILABLE) + size)).is_ok()
}

/// Whether a record of this size is to wake the collector, with which `available` bytes wait for it.
#[inline(always)]
fn wakeup(size: u64, available: u64) -> u64 {
    let threshold = EVENTS.query(RING_SIZE) / 4;
    let crosses = available >= threshold && available - size < threshold;
    u64::from(if asleep() || crosses { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}

/// Hands a filled record over that cannot wait for the timer.
#[inline(always)]
pub fn submit_now<T: 'static>(entry: RingBufEntry<T>) {
    entry.submit(u64::from(BPF_RB_FORCE_WAKEUP));
}

/// Whether the collector sleeps; the one who sees it first wakes it.
#[inline(always)]
fn asleep() -> bool {
    let Some(flag) = SLEEPING.get_ptr_mut(0) else { return false };
    // SAFETY: the only element of the map. Two CPUs may both see the flag: the second wakeup is harmless.
    unsafe {
        let asleep = core::ptr::read_volatile(flag) != 0;
        if asleep {
            core::ptr::write_volatile(flag, 0);
        }
        asleep
    }
}
