//! What is told when there is no more to walk: sums, and that a direction is out of step.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;
use collector_common::conn::{Conn, Direction};
use collector_common::counters::Counter;
use collector_common::event::Frame;

use super::head::DATA;
use super::record::{self, What};
use super::{ASTRAY, SLOTS, TOLD, Walk, lookup};
use crate::maps::count;
use crate::span::Io;

/// What [`step`] works on.
#[repr(C)]
struct Rest {
    io: *const Io,
    conn: *mut Conn,
    walk: *mut Walk,
    /// 1 when the connection ends, 0 when only this direction of it is out of step.
    all: u64,
}

/// Tells that a direction is out of step, or what is left to tell of both when the connection ends.
#[inline(never)]
pub fn tell(io: &Io, conn: &mut Conn, all: bool) {
    let Some(walk) = lookup(io, conn) else { return };
    let mut rest = Rest { io, conn, walk, all: u64::from(all) };
    let context = (&raw mut rest).cast::<c_void>();
    // SAFETY: `step` has the signature that the helper wants (include/uapi/linux/bpf.h), and `rest` outlives the call.
    unsafe { bpf_loop(2 * (SLOTS + 1), step as *mut c_void, context, 0) };
}

/// The record of a direction that is out of step.
#[inline(always)]
pub fn astray(direction: Direction) -> What {
    count(Counter::OutOfStep);
    What { length: 0, stream: 0, kind: Frame::OUT_OF_STEP, flags: 0, direction }
}

/// One sum of one direction; behind the sums, the direction itself.
unsafe extern "C" fn step(index: u32, rest: *mut Rest) -> i64 {
    // SAFETY: what `tell` handed over. All that it points to is alive: values of maps, and the stack of our callers.
    let rest = unsafe { &mut *rest };
    // SAFETY: the same.
    let (io, conn, walk) = unsafe { (&*rest.io, &mut *rest.conn, &mut *rest.walk) };
    let received = index <= SLOTS;
    let direction = if received { Direction::Received } else { Direction::Sent };
    let index = if received { index } else { index - SLOTS - 1 };
    let half = walk.half(received);
    if rest.all == 0 && (direction as u8 != io.direction as u8 || half.state != ASTRAY) {
        return 0;
    }
    let what = if index < SLOTS {
        let slot = &mut half.slots[index as usize];
        match record::take_sum(slot) {
            0 => None,
            length => Some(What { length, stream: slot.stream, kind: DATA, flags: 0, direction }),
        }
    } else if half.state == ASTRAY {
        half.state = TOLD;
        half.gathered = 0;
        Some(astray(direction))
    } else if half.gathered != 0 {
        record::cut(io, conn, half.left, direction)
    } else {
        None
    };
    if let Some(what) = what {
        record::tell(io, conn, &what);
    }
    0
}
