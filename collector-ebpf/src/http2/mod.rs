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
use collector_common::frames::Chain;
use collector_common::key;

use crate::connections::key_of;
use crate::maps::{BLANK_WALK, NEW, PARTIALS, WALKS};
use crate::span::Io;

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

/// Values of [`Half::state`], which only the reads or writes of its own direction change: nothing of it has been walked.
const UNBEGUN: u8 = 0;
/// Where its frames begin is known.
const IN_STEP: u8 = 1;
/// It is not any more, and still to be told.
const ASTRAY: u8 = 2;
/// It has been told.
const TOLD: u8 = 3;
/// Its beginning was not seen, and where its frames begin not yet.
const SOUGHT: u8 = 4;

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
    /// 1 where the connection may be older than pullscope.
    late: u64,
}

const _: () = assert!(size_of::<Walk>() == key::WALK_SIZE);

impl Half {
    /// What is known of a direction when bytes of it are to be walked for the first time, before which `before` have passed.
    #[inline(always)]
    fn begin(&mut self, late: bool, before: u64) {
        self.state = match before {
            _ if late => SOUGHT,
            0 => IN_STEP,
            _ => ASTRAY,
        };
    }

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

#[inline(always)]
fn key(io: &Io, conn: &Conn) -> u64 {
    key::of_walk(key_of(io.sock, conn), io.layer)
}

#[inline(always)]
fn lookup(io: &Io, conn: &Conn) -> Option<*mut Walk> {
    WALKS.get_ptr_mut(key(io, conn))
}

/// Begins to walk a connection, or goes on with what another CPU has begun: a server may speak before its client, so that the
/// first bytes of both directions can be read and written at once.
#[inline(always)]
fn open(io: &Io, conn: &mut Conn) -> Option<*mut Walk> {
    let blank = BLANK_WALK.get_ptr(0)?;
    // That it is there already is as good.
    // SAFETY: the only element of the map; nobody writes it.
    #[expect(clippy::needless_borrows_for_generic_args, reason = "it does not fit on the stack")]
    let _ = WALKS.insert(key(io, conn), unsafe { &*blank }, NEW);
    lookup(io, conn)
}

/// What is known of the frames of a connection.
pub enum Progress {
    /// They are not walked.
    None,
    /// They are on trial: the client's preface has not come.
    Perhaps,
    /// They are walked.
    Certain,
}

impl Progress {
    /// As it is now: the other direction may be on another CPU at this moment. What it writes first is read last.
    #[inline(always)]
    pub fn of(conn: &Conn) -> Self {
        // SAFETY: a reference is valid for reads.
        let (walked, protocol) = unsafe {
            (
                core::ptr::read_volatile(&raw const conn.walked),
                core::ptr::read_volatile(&raw const conn.protocol),
            )
        };
        if walked == Walked::No as u8 {
            Self::None
        } else if protocol == Protocol::Http2 as u8 {
            Self::Certain
        } else {
            Self::Perhaps
        }
    }
}

/// The client's preface begins in this read or write. False when the connection can't be walked.
///
/// What is known of the other direction only that direction itself says, when its next bytes come: see [`Half::begin`].
#[inline(always)]
pub fn on_preface(io: &Io, conn: &mut Conn) -> bool {
    // Before it says that it is walked: see [`Progress::of`].
    // SAFETY: a reference is valid for writes.
    unsafe { core::ptr::write_volatile(&raw mut conn.protocol, Protocol::Http2 as u8) };
    let Some(walk) = open(io, conn) else {
        give_up(io, conn);
        return false;
    };
    // SAFETY: a value of the map.
    let half = unsafe { (*walk).half(io.received()) };
    half.state = IN_STEP;
    half.left = PREFACE;
    is_walked(conn);
    true
}

/// The first bytes of a direction are a `SETTINGS` frame. It is a server's preface if the first bytes of the other
/// direction turn out to be a client's; until then, nothing but `SETTINGS` is believed.
#[inline(always)]
pub fn on_settings(io: &Io, conn: &mut Conn) -> bool {
    if open(io, conn).is_none() {
        return false;
    }
    is_walked(conn);
    true
}

/// The connection may be older than pullscope, and this read or write may begin with a frame: it is walked if it turns out to.
/// A connection begins with the client's preface, so one that begins otherwise is older, or speaks something else.
#[inline(always)]
pub fn on_late(io: &Io, conn: &mut Conn) -> bool {
    let Some(walk) = open(io, conn) else { return false };
    // SAFETY: a value of the map.
    unsafe { (*walk).late = 1 };
    is_walked(conn);
    true
}

/// The connection is walked from now on, for the other direction too, which may be on another CPU at this moment.
#[inline(always)]
fn is_walked(conn: &mut Conn) {
    // SAFETY: a reference is valid for writes.
    unsafe { core::ptr::write_volatile(&raw mut conn.walked, Walked::Yes as u8) };
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
pub fn forget(io: &Io, conn: &mut Conn) {
    conn.walked = Walked::No as u8;
    let socket = key_of(io.sock, conn);
    // That they are not there any more is what we want.
    let _ = WALKS.remove(key::of_walk(socket, io.layer));
    let _ = PARTIALS.remove(key::of_partial(socket, io.layer, Direction::Received));
    let _ = PARTIALS.remove(key::of_partial(socket, io.layer, Direction::Sent));
}

/// The connection ends: what was not told yet is told, and all is forgotten.
#[inline(always)]
pub fn on_close(io: &Io, conn: &mut Conn) {
    if conn.walked == Walked::Yes as u8 && conn.protocol == Protocol::Http2 as u8 {
        rest::tell(io, conn, true);
    }
    forget(io, conn);
}
