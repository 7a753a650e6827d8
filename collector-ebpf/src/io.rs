//! Reads and writes of watched processes: what both strategies end in.
//!
//! A span is what moves in one direction until the direction turns. Where a span begins like a message that the collector
//! can read, its first bytes are shipped; all others are only counted. Nothing here depends on how long a body is.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use collector_common::conn::{Conn, Direction, Flow, Phase, Protocol, Transport};
use collector_common::counters::Counter;
use collector_common::event::{Data, Header, Kind};
use collector_common::{MAX_CAPTURE, SPAN_BUDGET};

use crate::buffer::{self, Segment};
use crate::connections::{self, find_or_open, sequence, snapshot};
use crate::kernel::{RCV_SHUTDOWN, Sock, at_most};
use crate::maps::count;
use crate::protocol::{self, Begin};
use crate::{output, process};

/// Bytes of a TLS span that are shipped: a ClientHello with post-quantum keys fits (RFC 8446 section 4.1.2).
const TLS_BUDGET: u32 = 4096;

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
    pub direction: Direction,
    pub moved: u32,
    pub time: u64,
}

/// What one record is to carry.
struct Piece {
    /// Position in the stream.
    start: u64,
    bytes: Segment,
    /// Nothing comes after it.
    end: bool,
}

/// Takes in one read or write. `bytes` finds them in memory; it is asked only when they matter.
#[inline(always)]
pub fn on_io(io: &Io, bytes: impl Fn() -> Option<Segment>) {
    let Some(conn) = find_or_open(io.sock, io.tgid, io.time) else { return };
    // SAFETY: a value of the map. The two directions of a connection may run on two CPUs at once, each in its own flow.
    let conn = unsafe { &mut *conn };
    let received = matches!(io.direction, Direction::Received);
    if io.moved == 0 {
        if received {
            on_end(io, conn);
        }
        return;
    }
    if conn.tgid != io.tgid {
        conn.tgid = io.tgid;
        conn.target = process::target(io.tgid).unwrap_or(conn.target);
    }
    let tcp = conn.transport == Transport::Tcp as u8 && conn.phase == Phase::Open as u8;
    let turned = conn.direction != io.direction as u8 || (received && tcp && request_is_late(io.sock, conn));
    conn.direction = io.direction as u8;
    let datagram = conn.transport == Transport::Dns as u8;
    let new = conn.born == io.time;
    let flow = if received { &mut conn.received } else { &mut conn.sent };
    if turned {
        flow.first = io.time;
        flow.budget = 0;
    }
    let start = advance(flow, io, tcp, new);
    flow.last = io.time;
    if !turned && !datagram && flow.budget == 0 {
        return;
    }
    let (budget, moved) = (flow.budget, (flow.position - start) as u32);
    if moved == 0 {
        return;
    }
    let bytes = bytes().unwrap_or(Segment { address: 0, length: 0 });
    let budget = if datagram {
        MAX_CAPTURE
    } else if turned {
        match begin(conn, bytes) {
            Some(budget) => budget,
            None => return,
        }
    } else {
        budget
    };
    let length = if bytes.length < budget { bytes.length } else { budget };
    let length = if length < MAX_CAPTURE { length } else { MAX_CAPTURE };
    // What is left of the span lies behind a hole if this I/O is not captured whole: it can't be read any more.
    let left = if length < moved { 0 } else { budget - length };
    if received {
        conn.received.budget = left;
    } else {
        conn.sent.budget = left;
    }
    emit(io, conn, &Piece { start, bytes: Segment { address: bytes.address, length }, end: false });
}

/// Whether the process has sent bytes that no hook has told of yet. The hooks run when a call is about to return: on a busy
/// machine the answer can come, and be read by another thread, before the call that sent the request is back. Said once for
/// the same bytes: it may be that nobody ever tells of them.
#[inline(always)]
fn request_is_late(sock: Sock, conn: &mut Conn) -> bool {
    if conn.received.budget > 0 {
        return false;
    }
    let written = sock.write_sequence();
    if written == conn.sent.sequence || written == conn.late_at {
        return false;
    }
    conn.late_at = written;
    true
}

/// A read has found the end of the stream.
#[inline(always)]
fn on_end(io: &Io, conn: &mut Conn) {
    if conn.end_seen == 0 && io.sock.shutdown() & RCV_SHUTDOWN != 0 {
        conn.end_seen = 1;
        let bytes = Segment { address: 0, length: 0 };
        emit(io, conn, &Piece { start: conn.received.position, bytes, end: true });
    }
}

/// Moves the position of a flow and returns where the bytes of this I/O begin.
///
/// For TCP the socket's own sequence numbers say how far the stream has come: bytes that were spliced, or moved by a process
/// that is not watched, show as a hole before the bytes of this call, and a peek does not count.
#[inline(always)]
fn advance(flow: &mut Flow, io: &Io, tcp: bool, new: bool) -> u64 {
    let moved = u64::from(io.moved);
    if !tcp {
        flow.position += moved;
        return flow.position - moved;
    }
    let sequence = sequence(io.sock, io.direction);
    let delta = sequence.wrapping_sub(flow.sequence);
    flow.sequence = sequence;
    // The numbers of a new connection were taken after this call moved its bytes; kernel TLS counts its framing too.
    if delta == io.moved || new || io.sock.has_upper_layer() {
        flow.position += moved;
        return flow.position - moved;
    }
    if delta < io.moved {
        // Another thread's call has already been counted up to here.
        flow.position += u64::from(delta);
        return flow.position - u64::from(delta);
    }
    let fin = matches!(io.direction, Direction::Received)
        && delta == io.moved + 1
        && io.sock.shutdown() & RCV_SHUTDOWN != 0;
    flow.position += if fin { moved } else { u64::from(delta) };
    flow.position - moved
}

/// Looks at the first bytes of a span: how many of it are to be shipped, or `None` if nothing is to be said of it.
#[inline(always)]
fn begin(conn: &mut Conn, bytes: Segment) -> Option<u32> {
    let known = match buffer::look(bytes).map_or(Begin::Strange, protocol::begin) {
        Begin::Known(known) => known as u8,
        Begin::Perhaps => return Some(SPAN_BUDGET),
        Begin::Strange => {
            let told = conn.protocol == Protocol::Http1 as u8 || conn.protocol == Protocol::Tls as u8;
            return if told && turns(conn) { Some(0) } else { None };
        }
    };
    if conn.protocol != known {
        conn.protocol = known;
        conn.strange_turns = 0;
    }
    if known == Protocol::Http1 as u8 {
        conn.strange_turns = 0;
        Some(SPAN_BUDGET)
    } else if known == Protocol::Http2 as u8 {
        Some(0)
    } else if turns(conn) {
        // Encrypted records may look like the start of a handshake too: only the first few can be one.
        Some(TLS_BUDGET)
    } else {
        None
    }
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
fn emit(io: &Io, conn: &mut Conn, piece: &Piece) {
    match piece.bytes.length {
        0 => emit_sized::<0>(io, conn, piece),
        1..=512 => emit_sized::<512>(io, conn, piece),
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
