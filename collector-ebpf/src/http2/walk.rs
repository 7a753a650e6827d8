//! The bytes of one read or write, from head to head.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_loop, bpf_probe_read_user};
use collector_common::conn::{Conn, Direction, Protocol};
use collector_common::counters::Counter;

use super::head::{self, DATA, Fate, Head, OWN};
use super::record::What;
use super::{
    ASTRAY, Cursor, GATHERED, GATHERING, HEAD, Half, IN_STEP, SLOTS, SOUGHT, TOLD, UNBEGUN, Walk, forget,
    give_up, join, lookup, record, rest,
};
use crate::buffer::{self, Buffer, Segment};
use crate::kernel::at_most;
use crate::maps::count;
use crate::span::Io;

/// Steps that one read or write may take. A frame takes four or five, a segment of a vector one.
pub const STEPS: u32 = 4096;

/// The bytes of one read or write.
pub struct Unwalked {
    /// Position in the stream before them.
    pub before: u64,
    /// Those of them that nobody saw: they come before what was read or written.
    pub hole: u64,
    /// How many they are.
    pub moved: u64,
    pub buffer: Buffer,
}

/// How far a walk has come.
#[repr(C)]
struct Pass {
    io: *const Io,
    conn: *mut Conn,
    walk: *mut Walk,
    buffer: *const Buffer,
}

/// Values that end a loop, or go on with it (include/uapi/linux/bpf.h, `bpf_loop`).
pub const STOP: i64 = 1;
pub const GO_ON: i64 = 0;

/// Whether so many bytes are part of a payload of which nothing is captured: then they have been counted, and nobody need
/// look where they lie.
#[inline(always)]
pub fn within_payload(io: &Io, conn: &Conn, bytes: u64) -> bool {
    let Some(walk) = lookup(io, conn) else { return false };
    // SAFETY: as in `walk`.
    let half = unsafe { (*walk).half(io.received()) };
    if half.state != IN_STEP || half.gathered != 0 || bytes > u64::from(half.left) {
        return false;
    }
    payload_passed(half, bytes as u32);
    true
}

/// Walks the bytes of one read or write.
#[inline(never)]
pub fn walk(io: &Io, conn: &mut Conn, unwalked: &Unwalked) {
    let Some(walk) = lookup(io, conn) else { return give_up(io, conn) };
    // SAFETY: a value of the map; a direction's half is used by one thread at a time, as the stream is.
    let (half, late) = unsafe { ((*walk).half(io.received()), (*walk).late != 0) };
    if half.state == UNBEGUN {
        half.begin(late, unwalked.before);
        if half.state == ASTRAY && !stray(io, conn) {
            return;
        }
    }
    // Where fewer bytes are new than the call moved, it can't be told which.
    let whole = u64::from(unwalked.buffer.length) == unwalked.moved;
    let sought = half.state == TOLD || half.state == SOUGHT;
    if sought && !(whole && join::begins_with_frame(half, unwalked, conn)) {
        return join::missed(io, conn, half);
    }
    // What passed unseen before a frame that a direction begins with is no harm.
    let hole = if sought { 0 } else { unwalked.hole };
    let total = hole + unwalked.moved;
    half.cursor = Cursor { at: 0, here: 0, total, unseen: if whole { hole } else { total }, index: 0 };
    if sought {
        join::joined(io, conn, half);
    }
    let mut pass = Pass { io, conn, walk, buffer: &raw const unwalked.buffer };
    let context = (&raw mut pass).cast::<c_void>();
    // SAFETY: `step` has the signature that the helper wants (include/uapi/linux/bpf.h), and `pass` outlives the call.
    unsafe { bpf_loop(STEPS, step as *mut c_void, context, 0) };
    // SAFETY: as above.
    let half = unsafe { (*walk).half(io.received()) };
    if half.cursor.total > 0 {
        half.state = ASTRAY;
    }
    if half.state == ASTRAY {
        let _ = stray(io, conn);
    }
}

/// A direction is out of step. False where the connection is not walked any more.
#[inline(always)]
fn stray(io: &Io, conn: &mut Conn) -> bool {
    let http2 = conn.protocol == Protocol::Http2 as u8;
    if http2 {
        rest::tell(io, conn, false);
    } else {
        // It did not begin like a server's preface after all.
        forget(io, conn);
    }
    http2
}

/// One step of a walk. Each does one thing and comes back: what the verifier has to follow adds up instead of multiplying.
unsafe extern "C" fn step(_: u32, pass: *mut Pass) -> i64 {
    // SAFETY: what `walk` handed over. All that it points to is alive: values of maps, and the stack of our callers.
    let pass = unsafe { &mut *pass };
    // SAFETY: the same.
    let (io, conn, walk) = unsafe { (&*pass.io, &mut *pass.conn, &mut *pass.walk) };
    let half = walk.half(io.received());
    if half.gathered == GATHERED {
        half.gathered = 0;
        record::tell_gathered(io, conn);
        return GO_ON;
    }
    if half.untold != 0 {
        return tell_sum(io, conn, walk);
    }
    if u32::from(half.head_length) == HEAD {
        return if half.judged == 0 { judge(conn, half) } else { act(io, conn, half) };
    }
    if half.cursor.total == 0 {
        return STOP;
    }
    if half.cursor.unseen > 0 {
        return skip(io, conn, half);
    }
    if half.cursor.here == 0 {
        // SAFETY: the same.
        next_segment(unsafe { &*pass.buffer }, &mut half.cursor);
        return GO_ON;
    }
    if half.left == 0 {
        return read_head(half);
    }
    let left = u64::from(half.left);
    let bytes = if left < half.cursor.here { left } else { half.cursor.here };
    if half.gathered != 0 {
        record::append(io, conn, half.cursor.at, bytes as u32);
    }
    half.cursor.consume(bytes);
    payload_passed(half, bytes as u32);
    GO_ON
}

/// So many bytes of the payload have passed.
#[inline(always)]
fn payload_passed(half: &mut Half, bytes: u32) {
    let summed = half.summed;
    if summed != 0 {
        record::add(&mut half.slots[(summed as usize - 1) % SLOTS as usize], bytes);
    }
    half.left -= bytes;
    if half.left == 0 {
        half.summed = 0;
        if half.gathered != 0 {
            half.gathered = GATHERED;
        }
    }
}

/// Bytes that can't be seen: no harm as long as they are within a payload.
#[inline(always)]
fn skip(io: &Io, conn: &Conn, half: &mut Half) -> i64 {
    let bytes = half.cursor.unseen;
    if bytes > u64::from(half.left) {
        return STOP;
    }
    if half.gathered != 0 {
        record::append_unseen(io, conn);
    }
    half.cursor.unseen = 0;
    half.cursor.total -= bytes;
    payload_passed(half, bytes as u32);
    GO_ON
}

#[inline(always)]
pub fn next_segment(buffer: &Buffer, cursor: &mut Cursor) {
    let (at, length) = if buffer.count == Buffer::PLAIN {
        (buffer.address, cursor.total)
    } else if cursor.index >= u64::from(buffer.count) {
        cursor.unseen = cursor.total;
        return;
    } else if let Some(entry) = buffer::entry(buffer.address, cursor.index) {
        cursor.index += 1;
        (entry.base, entry.length)
    } else {
        count(Counter::UserMemory);
        cursor.unseen = cursor.total;
        return;
    };
    cursor.at = at;
    cursor.here = if length < cursor.total { length } else { cursor.total };
}

#[inline(always)]
pub fn read_head(half: &mut Half) -> i64 {
    let have = at_most(u32::from(half.head_length), HEAD - 1);
    let wanted = u64::from(HEAD - have);
    let bytes = at_most(if wanted < half.cursor.here { wanted } else { half.cursor.here } as u32, HEAD);
    let to = (&raw mut half.head).cast::<u8>();
    // SAFETY: `have` and `bytes` together are less than the room of `head`; the helper checks the source.
    if unsafe { bpf_probe_read_user(to.add(have as usize).cast(), bytes, half.cursor.at as *const _) } != 0 {
        count(Counter::UserMemory);
        return STOP;
    }
    half.cursor.consume(u64::from(bytes));
    half.head_length = (have + bytes) as u8;
    GO_ON
}

/// The head of a frame is complete: whether it can be one, and what is to be told before it.
#[inline(always)]
fn judge(conn: &Conn, half: &mut Half) -> i64 {
    let head = Head::of(half);
    // Before the client's preface was seen only its server's is believed; see `on_settings`.
    let expected = conn.protocol == Protocol::Http2 as u8 || head.may_come_first();
    if !head.is_sound() || !expected {
        half.state = ASTRAY;
        return STOP;
    }
    half.untold = head.ends_sums(half.slot(head.stream));
    half.judged = 1;
    GO_ON
}

/// Tells what was added up of the stream of the frame that comes, in this direction and then in the other.
#[inline(always)]
fn tell_sum(io: &Io, conn: &mut Conn, walk: &mut Walk) -> i64 {
    let half = walk.half(io.received());
    let stream = Head::of(half).stream;
    let own = half.untold & OWN != 0;
    half.untold = if own { half.untold & !OWN } else { 0 };
    let received = io.received() == own;
    let slot = walk.half(received).slot(stream);
    // Another stream's sum is told when its place is taken.
    if own || slot.stream == stream {
        let length = record::take_sum(slot);
        if length > 0 {
            let direction = if received { Direction::Received } else { Direction::Sent };
            record::tell(io, conn, &What { length, stream: slot.stream, kind: DATA, flags: 0, direction });
        }
    }
    GO_ON
}

/// Does with the frame what is to be done.
#[inline(always)]
fn act(io: &Io, conn: &mut Conn, half: &mut Half) -> i64 {
    let head = Head::of(half);
    let Head { length, stream, kind, flags } = head;
    half.head_length = 0;
    half.judged = 0;
    half.summed = 0;
    match head.fate(half.slot(stream)) {
        Fate::Tell(most) => {
            let wanted = if length < most { length } else { most };
            let what = What { length, stream, kind, flags, direction: io.direction };
            let here = u64::from(length) <= half.cursor.here;
            if !here {
                half.left = length;
                if record::gather(io, conn, &what, wanted) {
                    half.gathered = GATHERING;
                    return GO_ON;
                }
            }
            let bytes = Segment { address: half.cursor.at, length: if here { wanted } else { 0 } };
            record::tell_with(io, conn, &what, &bytes);
            if here {
                half.cursor.consume(u64::from(length));
            }
        }
        Fate::Sum => {
            half.left = length;
            half.summed = head::index(stream) as u8 + 1;
        }
        Fate::Skip => half.left = length,
    }
    GO_ON
}
