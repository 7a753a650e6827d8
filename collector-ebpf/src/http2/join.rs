//! Joining a direction in its middle: where a read or write begins with a frame, by the chain of heads in it.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;
use collector_common::conn::{Conn, Protocol};
use collector_common::event::Frame;
use collector_common::frames::{Chain, Link};

use super::record::What;
use super::walk::{GO_ON, STEPS, STOP, Unwalked, next_segment, read_head};
use super::{ASTRAY, Cursor, HEAD, Half, IN_STEP, SOUGHT, forget, record, rest};
use crate::buffer::Buffer;
use crate::span::Io;

/// After so many reads or writes in which the frames of a direction were sought in vain it is told to be out of step, if the
/// other direction is followed: nobody should wait for its answers. They are sought on.
const MISSES: u8 = 16;

/// What [`step`] works on.
#[repr(C)]
struct Trial {
    half: *mut Half,
    buffer: *const Buffer,
}

/// Whether the bytes of a read or write, all of which can be seen, begin with a frame.
#[inline(never)]
pub fn begins_with_frame(half: &mut Half, unwalked: &Unwalked, conn: &Conn) -> bool {
    half.cursor = Cursor { at: 0, here: 0, total: unwalked.moved, unseen: 0, index: 0 };
    half.left = 0;
    half.head_length = 0;
    half.chain = Chain::default();
    let mut trial = Trial { half, buffer: &raw const unwalked.buffer };
    let context = (&raw mut trial).cast::<c_void>();
    // SAFETY: `step` has the signature that the helper wants (include/uapi/linux/bpf.h), and `trial` outlives the call.
    unsafe { bpf_loop(STEPS, step as *mut c_void, context, 0) };
    half.cursor.total == 0
        && half.left == 0
        && half.head_length == 0
        && half.chain.holds(conn.protocol == Protocol::Http2 as u8)
}

/// One step from head to head.
unsafe extern "C" fn step(_: u32, trial: *mut Trial) -> i64 {
    // SAFETY: what `begins_with_frame` handed over. All that it points to is alive: values of maps, and the stack of our callers.
    let trial = unsafe { &mut *trial };
    // SAFETY: the same.
    let half = unsafe { &mut *trial.half };
    if u32::from(half.head_length) == HEAD {
        return follow(half);
    }
    if half.cursor.total == 0 || half.cursor.unseen > 0 {
        return STOP;
    }
    if half.cursor.here == 0 {
        // SAFETY: the same.
        next_segment(unsafe { &*trial.buffer }, &mut half.cursor);
        return GO_ON;
    }
    if half.left == 0 {
        return read_head(half);
    }
    let left = u64::from(half.left);
    let bytes = if left < half.cursor.here { left } else { half.cursor.here };
    half.cursor.consume(bytes);
    half.left -= bytes as u32;
    GO_ON
}

/// A head is complete.
#[inline(always)]
fn follow(half: &mut Half) -> i64 {
    let [a, b, c, d, e, f, g, h, i, ..] = half.head;
    match half.chain.link(&[a, b, c, d, e, f, g, h, i], half.cursor.total) {
        Link::Whole(length) => {
            half.head_length = 0;
            half.left = length;
            GO_ON
        }
        Link::Open => {
            // It is the last of this read or write.
            half.head_length = 0;
            half.cursor.total = 0;
            STOP
        }
        Link::Broken => STOP,
    }
}

/// The direction goes on from here, where a frame begins.
#[inline(never)]
pub fn joined(io: &Io, conn: &mut Conn, half: &mut Half) {
    half.summed = 0;
    half.gathered = 0;
    half.untold = 0;
    half.judged = 0;
    half.misses = 0;
    half.state = IN_STEP;
    conn.protocol = Protocol::Http2 as u8;
    record::tell(
        io,
        conn,
        &What { length: 0, stream: 0, kind: Frame::JOINED, flags: 0, direction: io.direction },
    );
}

/// No frame was found to begin here.
#[inline(never)]
pub fn missed(io: &Io, conn: &mut Conn, half: &mut Half) {
    if conn.protocol != Protocol::Http2 as u8 {
        return forget(io, conn);
    }
    if half.state == SOUGHT {
        half.misses += 1;
        if half.misses == MISSES {
            half.state = ASTRAY;
            rest::tell(io, conn, false);
        }
    }
}
