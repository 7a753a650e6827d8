//! HTTP/2 whose bytes can be seen: on a socket, or inside TLS by way of OpenSSL.
//!
//! The frames of each direction are walked from head to head (RFC 9113 section 4.1), so that a payload costs nothing but a
//! subtraction. It begins where the stream does: with the client's preface, and in the other direction with the first byte.
//! Bytes that nobody saw are no harm inside a payload; where they may hold the head of a frame, the direction is out of step,
//! which is told. Then, and on a unix socket that may be older than pullscope, it begins where a read or write shows a chain of
//! heads.
//!
//! - [`walk`]: the bytes of one read or write;
//! - [`join`]: where a read or write begins with a frame;
//! - [`head`]: what becomes of a frame;
//! - [`rest`]: what is told when there is no more to walk;
//! - [`record`]: records for the collector.

mod head;
mod join;
mod record;
mod rest;
mod walk;

use collector_common::conn::{Conn, Direction, Protocol, Walked};
use collector_common::event::Layer;
use collector_common::frames::Chain;

use crate::kernel::Sock;
use crate::maps::{BLANK_WALK, PARTIALS, WALKS};
use crate::span::{self, Io};

pub use record::Partial;
pub use walk::{Unwalked, walk, within_payload};

/// Length of a frame's head, and of the client's preface (RFC 9113 sections 4.1 and 3.4).
const HEAD: u32 = 9;
const PREFACE: u32 = 24;

/// Streams of one direction whose `DATA` is added up at the same time; when more are open, it is told more often.
const SLOTS: u32 = 16;

/// What passed of one stream in one direction, and was not told yet.
#[derive(Clone, Copy)]
#[repr(C)]
struct Slot {
    /// Bytes of `DATA` frames.
    sum: u64,
    /// The stream, 0 for none.
    stream: u32,
    /// 1 from the head of a message until its first `DATA` frame.
    fresh: u32,
}

/// Value of [`Half::state`], which is 0 in step: out of step, and still to be told.
const ASTRAY: u8 = 1;
/// It has been told.
const TOLD: u8 = 2;
/// Its beginning was not seen, and where its frames begin not yet.
const SOUGHT: u8 = 3;

/// How far one read or write has been walked.
#[derive(Clone, Copy)]
#[repr(C)]
struct Cursor {
    /// The next byte, in the present segment.
    at: u64,
    /// Bytes that are left in the present segment.
    here: u64,
    /// Bytes that are left in all.
    total: u64,
    /// How many of these come next and can't be seen.
    unseen: u64,
    /// The next segment.
    index: u64,
}

impl Cursor {
    #[inline(always)]
    fn consume(&mut self, bytes: u64) {
        self.at += bytes;
        self.here -= bytes;
        self.total -= bytes;
    }
}

/// One direction.
#[derive(Clone, Copy)]
#[repr(C)]
struct Half {
    /// Here and not on the stack of the program: of what lies in a map the verifier remembers nothing, so that it finds one
    /// step like the other.
    cursor: Cursor,
    /// Bytes of the present frame's payload that are still to come.
    left: u32,
    /// One more than the slot that they are added to, 0 for none.
    summed: u8,
    /// Whether the payload is gathered in a [`Partial`].
    gathered: u8,
    state: u8,
    /// Bytes of the next frame's head that have come.
    head_length: u8,
    /// Which sums are to be told before the frame is; see [`head::OWN`].
    untold: u8,
    /// 1 once that has been decided.
    judged: u8,
    /// Reads or writes in which its frames were sought in vain.
    misses: u8,
    /// What the present read or write shows of where they begin.
    chain: Chain,
    /// Twice the room of a head, because the verifier does not know that what comes fits behind what has come.
    head: [u8; 2 * HEAD as usize + 4],
    slots: [Slot; SLOTS as usize],
}

/// Values of [`Half::gathered`].
const GATHERING: u8 = 1;
/// The payload has come to its end, and the frame can be told.
const GATHERED: u8 = 2;

/// What is remembered of one connection.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Walk {
    received: Half,
    sent: Half,
}

impl Half {
    /// Where a stream's sum is kept.
    #[inline(always)]
    fn slot(&mut self, stream: u32) -> &mut Slot {
        &mut self.slots[head::index(stream) as usize]
    }
}

impl Walk {
    #[inline(always)]
    fn half(&mut self, received: bool) -> &mut Half {
        if received { &mut self.received } else { &mut self.sent }
    }
}

/// Key of [`WALKS`]: a `struct sock` lies at a multiple of 8.
#[inline(always)]
fn key(sock: Sock, layer: Layer) -> u64 {
    sock.0 | layer as u64
}

/// Key of [`PARTIALS`].
#[inline(always)]
fn partial_key(sock: Sock, layer: Layer, received: bool) -> u64 {
    key(sock, layer) | (received as u64) << 1
}

#[inline(always)]
fn lookup(sock: Sock, layer: Layer) -> Option<*mut Walk> {
    WALKS.get_ptr_mut(key(sock, layer))
}

/// Begins to walk a connection.
#[inline(always)]
fn open(io: &Io, conn: &mut Conn) -> Option<*mut Walk> {
    let blank = BLANK_WALK.get_ptr(0)?;
    // SAFETY: the only element of the map; nobody writes it.
    #[expect(clippy::needless_borrows_for_generic_args, reason = "it does not fit on the stack")]
    let entered = WALKS.insert(key(io.sock, io.layer), unsafe { &*blank }, 0).is_ok();
    let walk = if entered { lookup(io.sock, io.layer) } else { None };
    conn.walked = if walk.is_some() { Walked::Yes } else { Walked::GivenUp } as u8;
    walk
}

/// The client's preface begins in this read or write. False when the connection can't be walked.
#[inline(always)]
pub fn on_preface(io: &Io, conn: &mut Conn) -> bool {
    let received = io.received();
    // A server may begin before it has read the preface, and its bytes may be seen before ours are.
    let known = if conn.walked == Walked::Yes as u8 { lookup(io.sock, io.layer) } else { None };
    let fresh = known.is_some() || span::flow(conn, !received).position == 0;
    let Some(walk) = known.or_else(|| open(io, conn)) else {
        give_up(io, conn);
        return false;
    };
    // SAFETY: a value of the map.
    let walk = unsafe { &mut *walk };
    walk.half(received).left = PREFACE;
    if !fresh {
        walk.half(!received).state = ASTRAY;
    }
    true
}

/// The first bytes of the connection are a `SETTINGS` frame. It is a server's preface if the first bytes of the other
/// direction turn out to be a client's; until then, nothing but `SETTINGS` is believed.
#[inline(always)]
pub fn on_settings(io: &Io, conn: &mut Conn) -> bool {
    if open(io, conn).is_none() {
        conn.walked = Walked::No as u8;
        return false;
    }
    true
}

/// The connection may be older than pullscope, and this read or write may begin with a frame: it is walked if it turns out to.
/// A connection begins with the client's preface, so one that begins otherwise is older, or speaks something else.
#[inline(always)]
pub fn on_late(io: &Io, conn: &mut Conn) -> bool {
    let Some(walk) = open(io, conn) else {
        conn.walked = Walked::No as u8;
        return false;
    };
    // SAFETY: a value of the map.
    let walk = unsafe { &mut *walk };
    walk.received.state = SOUGHT;
    walk.sent.state = SOUGHT;
    true
}

/// The connection can't be walked, or what was remembered of it is gone.
#[inline(never)]
fn give_up(io: &Io, conn: &mut Conn) {
    if conn.protocol != Protocol::Http2 as u8 {
        conn.walked = Walked::No as u8;
        return;
    }
    conn.walked = Walked::GivenUp as u8;
    record::tell(io, conn, &rest::astray(Direction::Received));
    record::tell(io, conn, &rest::astray(Direction::Sent));
}

/// Forgets the frames of a connection.
#[inline(always)]
pub fn forget(sock: Sock, layer: Layer, conn: &mut Conn) {
    conn.walked = Walked::No as u8;
    // That they are not there any more is what we want.
    let _ = WALKS.remove(key(sock, layer));
    let _ = PARTIALS.remove(partial_key(sock, layer, true));
    let _ = PARTIALS.remove(partial_key(sock, layer, false));
}

/// The connection ends: what was not told yet is told, and all is forgotten.
#[inline(always)]
pub fn on_close(io: &Io, conn: &mut Conn) {
    if conn.walked == Walked::Yes as u8 && conn.protocol == Protocol::Http2 as u8 {
        rest::tell(io, conn, true);
    }
    forget(io.sock, io.layer, conn);
}
