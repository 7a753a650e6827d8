//! Spans of one stream, be it the socket's or the one inside its TLS.
//!
//! A span is what moves in one direction until the direction turns. Where a span begins like a message that the collector
//! can read, its first bytes are shipped; all others are only counted. Nothing here depends on how long a body is.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use collector_common::conn::{Conn, Direction, Flow, Protocol, Transport, Walked};
use collector_common::counters::Counter;
use collector_common::event::{Data, Header, Kind, Layer};
use collector_common::{MAX_CAPTURE, REDIS_BUDGET, SPAN_BUDGET, TARGET_REDIS, redis};

use crate::buffer::{self, Buffer, Segment};
use crate::connections::{self, snapshot};
use crate::http2::{self, Progress, Unwalked};
use crate::kernel::{Sock, at_most};
use crate::maps::count;
use crate::output;
use crate::protocol::{self, Begin};

/// Bytes of a TLS span that are shipped: a ClientHello with post-quantum keys fits (RFC 8446 section 4.1.2).
const TLS_BUDGET: u32 = 4096;

/// Longest write that is looked at for the last words of a stream of progress; see [`protocol::last_words`].
const MAX_LAST_WORDS: u32 = 4096;

/// A record with room for captured bytes. Ring buffer records have sizes known when the program is compiled.
#[repr(C)]
struct Captured<const N: usize> {
    data: Data,
    bytes: [u8; N],
}

/// One read or write of a watched process that moved `moved` bytes, or found the end of the stream.
pub struct Io {
    pub sock: Sock,
    pub tgid: u32,
    /// The thread, 0 where `tgid` is.
    pub thread: u32,
    pub direction: Direction,
    pub layer: Layer,
    pub moved: u32,
    pub time: u64,
}

impl Io {
    #[inline(always)]
    pub fn received(&self) -> bool {
        matches!(self.direction, Direction::Received)
    }
}

/// Where a read or write lies in its stream, whose position has been moved behind it.
pub struct Step {
    /// It goes the other way than the one before.
    pub turned: bool,
    /// Position before it.
    pub before: u64,
    /// Position of its first byte; more than `before` where bytes passed that nobody saw.
    pub start: u64,
}

/// What one record is to carry.
pub struct Piece {
    /// Position in the stream.
    pub start: u64,
    pub bytes: Segment,
    /// Nothing comes after it.
    pub end: bool,
}

/// The flow of one direction.
#[inline(always)]
pub fn flow(conn: &mut Conn, received: bool) -> &mut Flow {
    if received { &mut conn.received } else { &mut conn.sent }
}

/// Whether nothing more can be learned from the bytes of a connection: they are encrypted, and the handshake is over.
#[inline(always)]
pub fn is_opaque(conn: &Conn) -> bool {
    conn.protocol == Protocol::Tls as u8
        && (conn.decoded == Conn::DECODED_BY_GO || conn.strange_turns >= Conn::QUIET_AFTER)
}

/// Takes in the bytes of one read or write. `bytes` finds them in memory; it is asked only when they matter.
#[inline(always)]
pub fn take(io: &Io, conn: &mut Conn, step: &Step, bytes: impl Fn() -> Option<Buffer>) {
    let datagram = conn.transport == Transport::Dns as u8;
    let (walked, protocol, opaque) = (conn.walked, conn.protocol, is_opaque(conn));
    let flow = flow(conn, io.received());
    if step.turned {
        flow.first = io.time;
        flow.budget = 0;
    }
    flow.last = io.time;
    if opaque {
        return;
    }
    let (budget, moved) = (flow.budget, (flow.position - step.start) as u32);
    // Before the client's preface has come, the frames of the other direction are walked.
    let frames = walked != Walked::No as u8 && (protocol == Protocol::Http2 as u8 || step.before > 0);
    let hole = step.start - step.before;
    if frames && (walked == Walked::GivenUp as u8 || http2::within_payload(io, conn, hole + u64::from(moved)))
    {
        return;
    }
    let spent = !step.turned && !datagram && budget == 0;
    let perhaps_last = spent && moved <= MAX_LAST_WORDS && is_answered_locally(io, conn);
    if !frames && (moved == 0 || (spent && !perhaps_last)) {
        return;
    }
    let buffer = bytes().unwrap_or(Buffer::NONE);
    let verdict = if frames {
        Verdict::FRAMES
    } else if datagram {
        Verdict::ship(MAX_CAPTURE)
    } else if step.turned && protocol == Protocol::Redis as u8 {
        // Whatever it begins with: a reply may go on from the span before.
        Verdict::ship(REDIS_BUDGET)
    } else if step.turned {
        begin(io, conn, step, buffer.first())
    } else if perhaps_last {
        if protocol::last_words(buffer.first()) { Verdict::ship(MAX_LAST_WORDS) } else { Verdict::QUIET }
    } else {
        Verdict::ship(budget)
    };
    if let Some(budget) = verdict.ship {
        let first = buffer.first();
        let length = if first.length < budget { first.length } else { budget };
        let length = if length < MAX_CAPTURE { length } else { MAX_CAPTURE };
        // What is left of the span lies behind a hole if this I/O is not captured whole: it can't be read any more.
        let left = if perhaps_last || length < moved { 0 } else { budget - length };
        self::flow(conn, io.received()).budget = left;
        emit(
            io,
            conn,
            &Piece { start: step.start, bytes: Segment { address: first.address, length }, end: false },
        );
    }
    if verdict.frames {
        let hole = if frames { hole } else { 0 };
        http2::walk(io, conn, &Unwalked { before: step.before, hole, moved: u64::from(moved), buffer });
    }
}

/// Whether these are bytes that a process sends over HTTP/1 on a unix socket: the answers of dockerd and `podman system service`.
#[inline(always)]
fn is_answered_locally(io: &Io, conn: &Conn) -> bool {
    !io.received() && conn.transport == Transport::Unix as u8 && conn.protocol == Protocol::Http1 as u8
}

/// What the first bytes of a span lead to.
struct Verdict {
    /// So many of its bytes are to be shipped; `None` when there is nothing to say of it.
    ship: Option<u32>,
    /// They are frames of HTTP/2.
    frames: bool,
}

impl Verdict {
    const QUIET: Self = Self { ship: None, frames: false };
    const FRAMES: Self = Self { ship: None, frames: true };

    #[inline(always)]
    fn ship(budget: u32) -> Self {
        Self { ship: Some(budget), frames: false }
    }
}

/// Looks at the first bytes of a span.
#[inline(always)]
fn begin(io: &Io, conn: &mut Conn, step: &Step, first: Segment) -> Verdict {
    let redis_wanted = conn.protocol == Protocol::Unknown as u8 && conn.target & TARGET_REDIS != 0;
    let begin = buffer::look(first).map_or(Begin::Strange, |look| match look {
        (bytes, _) if redis_wanted && redis::may_begin(bytes) => Begin::Known(Protocol::Redis),
        look => protocol::begin(look),
    });
    if matches!(begin, Begin::Known(Protocol::Http2)) {
        return Verdict { ship: Some(0), frames: http2::on_preface(io, conn) };
    }
    match Progress::of(conn) {
        Progress::None => {}
        // The preface has come since [`take`] looked, in the other direction and on another CPU.
        Progress::Certain => return Verdict::FRAMES,
        // The other end began like a server of HTTP/2, and this one does not begin like its client.
        Progress::Perhaps => http2::forget(io, conn),
    }
    let known = match begin {
        Begin::Known(known) => known as u8,
        Begin::Perhaps => return Verdict::ship(SPAN_BUDGET),
        Begin::Settings if step.before == 0 => {
            return if http2::on_settings(io, conn) { Verdict::FRAMES } else { Verdict::QUIET };
        }
        Begin::Settings | Begin::Frame if may_be_late(io, conn) => {
            return if http2::on_late(io, conn) { Verdict::FRAMES } else { Verdict::QUIET };
        }
        Begin::Settings | Begin::Frame | Begin::Strange => return strange(conn, io.layer),
    };
    if conn.protocol != known {
        conn.protocol = known;
        conn.strange_turns = 0;
    }
    if known == Protocol::Http1 as u8 {
        conn.strange_turns = 0;
        Verdict::ship(SPAN_BUDGET)
    } else if known == Protocol::Redis as u8 {
        Verdict::ship(REDIS_BUDGET)
    } else if turns(conn) {
        // Encrypted records may look like the start of a handshake too: only the first few can be one.
        Verdict::ship(TLS_BUDGET)
    } else {
        Verdict::QUIET
    }
}

/// Whether frames that a span seems to begin with are looked for: on unix sockets, over which runtimes are controlled for days
/// on one connection. How much has passed on such a socket before it was first seen the kernel does not keep.
#[inline(always)]
fn may_be_late(io: &Io, conn: &mut Conn) -> bool {
    // One that speaks HTTP/2 comes here when both directions were tried at once, and the other one's failure came last.
    let unread = conn.protocol == Protocol::Unknown as u8 || conn.protocol == Protocol::Http2 as u8;
    unread && conn.transport == Transport::Unix as u8 && matches!(io.layer, Layer::Socket) && turns(conn)
}

/// A span begins like nothing that is known. Where a message may be going on, its turn is told.
#[inline(always)]
fn strange(conn: &mut Conn, layer: Layer) -> Verdict {
    let protocol = conn.protocol;
    if protocol == Protocol::Http1 as u8 || protocol == Protocol::Tls as u8 {
        return if turns(conn) { Verdict::ship(0) } else { Verdict::QUIET };
    }
    if matches!(layer, Layer::Decrypted)
        && conn.strange_turns < Conn::QUIET_AFTER
        && turns(conn)
        && conn.strange_turns == Conn::QUIET_AFTER
    {
        count(Counter::TlsUnread);
    }
    Verdict::QUIET
}

/// Counts a turn of which little can be read; false once there were so many that no more is to be said.
#[inline(always)]
fn turns(conn: &mut Conn) -> bool {
    if conn.strange_turns < Conn::QUIET_AFTER {
        conn.strange_turns += 1;
        return true;
    }
    false
}

/// Hands over one record, in the smallest size that holds the bytes.
#[inline(never)]
pub fn emit(io: &Io, conn: &mut Conn, piece: &Piece) {
    match piece.bytes.length {
        0 => emit_sized::<0>(io, conn, piece),
        // Most commands and replies of Redis: with room for more, the ring buffer would be full in half the time.
        1..=128 => emit_sized::<128>(io, conn, piece),
        129..=512 => emit_sized::<512>(io, conn, piece),
        513..=4096 => emit_sized::<4096>(io, conn, piece),
        _ => emit_sized::<{ MAX_CAPTURE as usize }>(io, conn, piece),
    }
}

#[inline(always)]
fn emit_sized<const N: usize>(io: &Io, conn: &mut Conn, piece: &Piece) {
    let Some(mut entry) = output::reserve::<Captured<N>>() else { return connections::lost(conn) };
    let record = entry.as_mut_ptr();
    let length = at_most(piece.bytes.length, N as u32);
    // SAFETY: `record` is the reserved room for a `Data` and N bytes; every field is written here, and of the bytes as many
    // as `captured` says. `length` is at most N; the helper checks the source.
    unsafe {
        let data = &raw mut (*record).data;
        (*data).header = Header { kind: Kind::Data as u32, tgid: io.tgid, time: io.time };
        snapshot(&raw mut (*data).snapshot, io.sock, conn);
        (*data).start = piece.start;
        (*data).direction = io.direction as u8;
        (*data).protocol = conn.protocol;
        (*data).end = u8::from(piece.end);
        (*data).layer = io.layer as u8;
        (*data).thread = io.thread;
        (*data).reserved = 0;
        (*data).captured = length;
        if length > 0 {
            let to = (&raw mut (*record).bytes).cast();
            if bpf_probe_read_user(to, length, piece.bytes.address as *const _) != 0 {
                count(Counter::UserMemory);
                (*data).captured = 0;
            }
        }
    }
    output::submit(entry);
}
