//! What OpenSSL decrypts and is about to encrypt.
//!
//! A call is noted per thread when it begins. The socket is the one that a system call of the same thread uses meanwhile;
//! it is remembered for the `SSL`, since not every call needs the socket. When the call returns, its bytes are those of the
//! connection's decrypted stream, which has a [`Conn`] of its own and takes the same way as what crosses a socket
//! ([`span::take`]). It ends with the connection.
//!
//! A program whose OpenSSL reads from memory instead of a socket (asyncio, Node.js) never shows which connection it is:
//! counted as `tls_unjoined`. Where kernel TLS encrypts, the socket shows it all, and nothing is told twice.

mod hooks;

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use collector_common::conn::{Conn, Direction, Phase, Protocol, Transport, Walked};
use collector_common::counters::Counter;
use collector_common::event::Layer;

use crate::buffer::{Buffer, Segment};
use crate::connections::{NO_FLOW, key_of, now};
use crate::kernel::{Sock, read_user};
use crate::maps::{CONNECTIONS, DECRYPTED, SSL_CALLS, SSL_SOCKETS, SSL_USED, count};
use crate::span::{self, Io, Piece, Step};
use crate::{http2, process};

/// What a call does.
#[derive(Clone, Copy)]
pub enum Kind {
    Read = 0,
    Write = 1,
    Handshake = 2,
}

/// A call begins.
pub struct Enter {
    pub kind: Kind,
    pub ssl: u64,
    pub buffer: u64,
    /// Where the number of bytes will stand; 0 where it is returned.
    pub counted_at: u64,
    /// The stack pointer after the call's return.
    pub stack: u64,
}

/// The call that a thread is in.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct SslCall {
    /// 0 when it is in none.
    ssl: u64,
    buffer: u64,
    counted_at: u64,
    stack: u64,
    /// The socket that a system call has used meanwhile, 0 for none.
    socket: Joined,
    /// [`Kind`] as a number.
    kind: u64,
}

/// An `SSL`: its address in a process.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Ssl {
    address: u64,
    tgid: u64,
}

/// A connection, by its identity.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Joined {
    /// 0 for none.
    sock: u64,
    /// What the socket is known by ([`collector_common::key`]).
    key: u64,
    born: u64,
}

/// A function of OpenSSL begins.
#[inline(always)]
fn on_enter(enter: &Enter) {
    let thread = bpf_get_current_pid_tgid();
    if !process::is_watched((thread >> 32) as u32) {
        return;
    }
    if let Some(used) = SSL_USED.get_ptr_mut(0) {
        // SAFETY: the only element of the map.
        unsafe { core::ptr::write_volatile(used, 1) };
    }
    if let Some(call) = SSL_CALLS.get_ptr_mut(thread) {
        // SAFETY: a value of the map, which belongs to this thread.
        let call = unsafe { &mut *call };
        // A call within a call: BoringSSL does its handshake so, and TLS inside TLS looks like that. The bytes of the outer
        // one are those that count.
        if call.ssl != 0 && call.stack > enter.stack {
            return;
        }
        call.ssl = enter.ssl;
        call.buffer = enter.buffer;
        call.counted_at = enter.counted_at;
        call.stack = enter.stack;
        call.socket.sock = 0;
        call.kind = enter.kind as u64;
        return;
    }
    let call = SslCall {
        ssl: enter.ssl,
        buffer: enter.buffer,
        counted_at: enter.counted_at,
        stack: enter.stack,
        socket: Joined { sock: 0, key: 0, born: 0 },
        kind: enter.kind as u64,
    };
    if SSL_CALLS.insert(thread, call, 0).is_err() {
        count(Counter::TlsUnjoined);
    }
}

/// A thread ends.
#[inline(always)]
pub fn on_task_exit() {
    let thread = bpf_get_current_pid_tgid();
    if process::is_watched((thread >> 32) as u32) && is_used() {
        // Most threads are not there.
        let _ = SSL_CALLS.remove(thread);
    }
}

#[inline(always)]
fn is_used() -> bool {
    // SAFETY: the only element of the map.
    SSL_USED.get_ptr(0).is_some_and(|used| unsafe { core::ptr::read_volatile(used) } != 0)
}

/// A watched process has read from a connection or written to it: if it did so for OpenSSL, this is the socket.
///
/// Only TLS is meant, or what was there before pullscope. A call may use other sockets than its own, to ask about a
/// certificate; those speak plain HTTP.
#[inline(always)]
pub fn on_io(io: &Io, conn: &Conn) {
    let tls = conn.protocol == Protocol::Tls as u8;
    let unknown = conn.protocol == Protocol::Unknown as u8 && conn.transport == Transport::Tcp as u8;
    if (!tls && !unknown) || conn.decoded == Conn::DECODED_BY_GO || !is_used() {
        return;
    }
    let Some(call) = SSL_CALLS.get_ptr_mut(bpf_get_current_pid_tgid()) else { return };
    // SAFETY: a value of the map, which belongs to this thread.
    let call = unsafe { &mut *call };
    if call.ssl != 0 && (tls || (call.socket.sock == 0 && call.kind != Kind::Handshake as u64)) {
        call.socket.sock = io.sock.0;
        call.socket.key = key_of(io.sock, conn);
        call.socket.born = conn.born;
    }
}

/// A function of OpenSSL returns `result`, and leaves the stack pointer at `stack`.
#[inline(always)]
fn on_return(result: i32, stack: u64) {
    let thread = bpf_get_current_pid_tgid();
    let tgid = (thread >> 32) as u32;
    if !process::is_watched(tgid) {
        return;
    }
    let Some(call) = SSL_CALLS.get_ptr_mut(thread) else { return };
    // SAFETY: a value of the map, which belongs to this thread.
    let call = unsafe { &mut *call };
    if call.ssl == 0 || call.stack != stack {
        return;
    }
    let ssl = Ssl { address: call.ssl, tgid: u64::from(tgid) };
    call.ssl = 0;
    let joined = join(&ssl, call);
    if call.kind == Kind::Handshake as u64 || result <= 0 {
        return;
    }
    let moved = match call.counted_at {
        0 => result as u32,
        at => read_user::<u64>(at).unwrap_or(0) as u32,
    };
    if moved == 0 {
        return;
    }
    let socket = joined.and_then(|joined| {
        let conn = CONNECTIONS.get_ptr_mut(joined.key)?;
        // SAFETY: a value of the map.
        if unsafe { (*conn).born } == joined.born { Some((Sock(joined.sock), conn)) } else { None }
    });
    let Some((sock, conn)) = socket else { return count(Counter::TlsUnjoined) };
    let direction = if call.kind == Kind::Read as u64 { Direction::Received } else { Direction::Sent };
    let io = Io { sock, tgid, thread: thread as u32, direction, layer: Layer::Decrypted, moved, time: now() };
    // SAFETY: a value of the map.
    on_bytes(
        &io,
        unsafe { &mut *conn },
        Buffer { address: call.buffer, count: Buffer::PLAIN, length: moved },
    );
}

/// The connection of an `SSL`: the one that this call has used, else the one that an earlier call has.
#[inline(always)]
fn join(ssl: &Ssl, call: &SslCall) -> Option<Joined> {
    let known = SSL_SOCKETS.get_ptr_mut(ssl);
    let socket = call.socket;
    if socket.sock == 0 {
        // SAFETY: a value of the map.
        return known.map(|known| unsafe { *known });
    }
    match known {
        // SAFETY: the same.
        Some(known) => unsafe { *known = socket },
        // When it is not remembered, the next call that uses the socket will do.
        None => drop(SSL_SOCKETS.insert(ssl, socket, 0)),
    }
    Some(socket)
}

/// Bytes of a connection's decrypted stream.
#[inline(always)]
fn on_bytes(io: &Io, conn: &mut Conn, bytes: Buffer) {
    let read_elsewhere = conn.decoded == Conn::DECODED_BY_GO
        || conn.protocol == Protocol::Http1 as u8
        || conn.protocol == Protocol::Http2 as u8
        || conn.protocol == Protocol::Redis as u8;
    if read_elsewhere {
        return;
    }
    let Some(stream) = find_or_open(io.sock, conn) else { return count(Counter::ConnectionsFull) };
    // SAFETY: a value of the map.
    let stream = unsafe { &mut *stream };
    conn.decoded = Conn::DECODED_BY_OPENSSL;
    stream.tgid = io.tgid;
    stream.target = conn.target;
    stream.lost = conn.lost;
    let turned = stream.direction != io.direction as u8;
    stream.direction = io.direction as u8;
    let flow = span::flow(stream, io.received());
    let before = flow.position;
    flow.position += u64::from(io.moved);
    span::take(io, stream, &Step { turned, before, start: before }, || Some(bytes));
    if stream.lost != conn.lost {
        conn.lost = stream.lost;
    }
}

#[inline(always)]
fn find_or_open(sock: Sock, conn: &Conn) -> Option<*mut Conn> {
    if let Some(stream) = DECRYPTED.get_ptr_mut(key_of(sock, conn)) {
        // SAFETY: a value of the map.
        if unsafe { (*stream).born } == conn.born {
            return Some(stream);
        }
    }
    if enter(sock, conn) { DECRYPTED.get_ptr_mut(key_of(sock, conn)) } else { None }
}

/// Not inlined: its stack is not that of what comes after it.
#[inline(never)]
fn enter(sock: Sock, conn: &Conn) -> bool {
    let stream = Conn {
        born: conn.born,
        inode: conn.inode,
        received: NO_FLOW,
        sent: NO_FLOW,
        tgid: conn.tgid,
        target: conn.target,
        lost: conn.lost,
        late_at: 0,
        transport: conn.transport,
        protocol: Protocol::Unknown as u8,
        direction: Conn::NO_DIRECTION,
        strange_turns: 0,
        phase: Phase::Open as u8,
        end_seen: 0,
        decoded: 0,
        head_writes: 0,
        walked: Walked::No as u8,
        reserved: [0; 7],
    };
    DECRYPTED.insert(key_of(sock, conn), stream, 0).is_ok()
}

/// The connection ends, and with it the decrypted stream. Its last position is told, which nothing else would show.
#[inline(always)]
pub fn on_close(io: &Io, conn: &mut Conn) {
    let Some(stream) = DECRYPTED.get_ptr_mut(key_of(io.sock, conn)) else { return };
    // SAFETY: a value of the map.
    let stream = unsafe { &mut *stream };
    if stream.born == conn.born {
        stream.lost = conn.lost;
        if stream.walked != Walked::No as u8 {
            http2::on_close(io, stream);
        } else if stream.protocol == Protocol::Http1 as u8 {
            span::emit(
                io,
                stream,
                &Piece { start: stream.received.position, bytes: Segment::NONE, end: false },
            );
        }
        if stream.lost != conn.lost {
            conn.lost = stream.lost;
        }
    }
    // That it is not there any more is what we want.
    let _ = DECRYPTED.remove(key_of(io.sock, conn));
}
