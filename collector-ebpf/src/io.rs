//! Reads and writes of watched processes on sockets: what both strategies end in.

use collector_common::TARGET_CANDIDATE;
use collector_common::conn::{Conn, Direction, Phase, Transport};

use crate::buffer::{Buffer, Segment};
use crate::connections::{self, find_or_open, sequence};
use crate::kernel::{RCV_SHUTDOWN, Sock};
use crate::span::{self, Io, Piece, Step};
use crate::{openssl, process};

/// Takes in one read or write. `bytes` finds them in memory; it is asked only when they matter.
#[inline(always)]
pub fn on_io(io: &Io, bytes: impl Fn() -> Option<Buffer>) {
    let Some(conn) = find_or_open(io.sock, io.tgid, io.time) else { return };
    // SAFETY: a value of the map. The two directions of a connection may run on two CPUs at once, each in its own flow.
    let conn = unsafe { &mut *conn };
    let received = io.received();
    if io.moved == 0 {
        if received {
            on_end(io, conn);
        }
        return;
    }
    // What the command line decides may be settled since.
    if conn.tgid != io.tgid || conn.target == TARGET_CANDIDATE {
        conn.tgid = io.tgid;
        conn.target = process::target(io.tgid).unwrap_or(conn.target);
    }
    let tcp = conn.transport == Transport::Tcp as u8 && conn.phase == Phase::Open as u8;
    let turned = conn.direction != io.direction as u8
        || (received && tcp && !span::is_opaque(conn) && request_is_late(io.sock, conn));
    conn.direction = io.direction as u8;
    let before = span::flow(conn, received).position;
    let start = advance(conn, io, tcp);
    span::take(io, conn, &Step { turned, before, start }, bytes);
    openssl::on_io(io, conn);
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
        span::emit(io, conn, &Piece { start: conn.received.position, bytes: Segment::NONE, end: true });
    }
}

/// The peer of a connection is gone, and has not read all that was sent to it: a read fails, and no other will find the end of
/// the stream (net/unix/af_unix.c: `unix_release_sock`, `unix_stream_read_generic`). Of TCP the socket's state tells.
#[inline(always)]
pub fn on_reset(io: &Io) {
    if !io.received() {
        return;
    }
    let Some(conn) = connections::find(io.sock) else { return };
    // SAFETY: a value of the map.
    let conn = unsafe { &mut *conn };
    if conn.transport == Transport::Unix as u8 {
        on_end(io, conn);
    }
}

/// Moves the position of a flow and returns where the bytes of this I/O begin.
///
/// For TCP the socket's own sequence numbers say how far the stream has come: bytes that were spliced, or moved by a process
/// that is not watched, show as a hole before the bytes of this call, and a peek does not count.
#[inline(always)]
fn advance(conn: &mut Conn, io: &Io, tcp: bool) -> u64 {
    let moved = u64::from(io.moved);
    let new = conn.born == io.time;
    let flow = span::flow(conn, io.received());
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
