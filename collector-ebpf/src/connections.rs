//! The table of connections: one entry per socket of a watched process, from its first sign to its end.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use collector_common::conn::{Conn, Direction, Flow, Phase, Protocol, Transport, Walked};
use collector_common::counters::Counter;
use collector_common::event::{Endpoint, Header, Kind, Layer, Open, Snapshot, State};
use collector_common::key;

use crate::address;
use crate::kernel::{AF_INET, AF_INET6, AF_UNIX, IPPROTO_TCP, IPPROTO_UDP, SHUTDOWN_MASK, SOCK_STREAM, Sock};
use crate::maps::{CONNECTIONS, NEW, count};
use crate::span::Io;
use crate::{http2, openssl, output, process};

/// `TCP_ESTABLISHED` and the others: include/net/tcp_states.h.
const TCP_ESTABLISHED: u32 = 1;
const TCP_SYN_SENT: u32 = 2;
const TCP_FIN_WAIT1: u32 = 4;
const TCP_FIN_WAIT2: u32 = 5;
const TCP_CLOSE: u32 = 7;
const TCP_CLOSE_WAIT: u32 = 8;
const TCP_LAST_ACK: u32 = 9;
const TCP_CLOSING: u32 = 11;

/// Port of name servers.
const DNS_PORT: u16 = 53;

/// A flow of which nothing has passed.
pub const NO_FLOW: Flow = Flow { position: 0, first: 0, last: 0, sequence: 0, budget: 0 };

#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no other effect than to return the time.
    unsafe { bpf_ktime_get_ns() }
}

/// `-EEXIST`: include/uapi/asm-generic/errno-base.h.
const THERE_ALREADY: i32 = -17;

/// The TCP connection of a socket, if it is known.
#[inline(always)]
pub fn lookup(sock: Sock) -> Option<*mut Conn> {
    CONNECTIONS.get_ptr_mut(sock.0)
}

/// What the socket of a connection is known by ([`collector_common::key`]).
#[inline(always)]
pub fn key_of(sock: Sock, conn: &Conn) -> u64 {
    key(sock, conn.transport, conn.inode)
}

#[inline(always)]
fn key(sock: Sock, transport: u8, inode: u64) -> u64 {
    if transport == Transport::Tcp as u8 { sock.0 } else { key::of_inode(inode) }
}

/// How a socket that is worth watching carries its bytes.
#[inline(always)]
fn transport(sock: Sock) -> Option<Transport> {
    match sock.family() {
        AF_UNIX if sock.kind() == SOCK_STREAM => Some(Transport::Unix),
        AF_INET | AF_INET6 => match sock.protocol() {
            IPPROTO_TCP => Some(Transport::Tcp),
            IPPROTO_UDP if sock.remote_port() == DNS_PORT => Some(Transport::Dns),
            _ => None,
        },
        _ => None,
    }
}

/// The connection of a socket of any kind.
#[inline(always)]
pub fn find(sock: Sock) -> Option<*mut Conn> {
    lookup(sock).or_else(|| CONNECTIONS.get_ptr_mut(key::of_inode(sock.inode())))
}

/// The connection of a socket on which a watched process does I/O; a new one where it is not known yet.
#[inline(always)]
pub fn find_or_open(sock: Sock, tgid: u32, time: u64) -> Option<*mut Conn> {
    if let Some(conn) = find(sock) {
        return Some(conn);
    }
    open(sock, transport(sock)?, Phase::Open, tgid, time, None)
}

/// How entering a socket into the table ended.
#[derive(Clone, Copy)]
enum Entry {
    /// It is there now.
    New,
    /// Another CPU was first.
    Known,
    /// There is no room, or nobody watches.
    Refused,
}

/// Enters a socket into the table. Two threads may read and write for the first time at once: what one of them has entered
/// stays. Not inlined: its stack is not that of what comes after it.
#[inline(never)]
fn enter(sock: Sock, transport: Transport, phase: Phase, tgid: u32, time: u64) -> Entry {
    let Some(target) = process::target(tgid) else { return Entry::Refused };
    let carries = matches!((&transport, &phase), (Transport::Tcp, Phase::Open));
    let flow = |sequence| Flow { sequence: if carries { sequence } else { 0 }, ..NO_FLOW };
    let conn = Conn {
        born: time,
        inode: sock.inode(),
        received: flow(sock.copied_sequence()),
        sent: flow(sock.write_sequence()),
        tgid,
        target,
        lost: 0,
        late_at: 0,
        transport: transport as u8,
        protocol: if matches!(transport, Transport::Dns) { Protocol::Dns } else { Protocol::Unknown } as u8,
        direction: Conn::NO_DIRECTION,
        strange_turns: 0,
        phase: phase as u8,
        end_seen: 0,
        decoded: 0,
        head_writes: 0,
        walked: Walked::No as u8,
        reserved: [0; 7],
    };
    match CONNECTIONS.insert(key_of(sock, &conn), conn, NEW) {
        Ok(()) => Entry::New,
        Err(THERE_ALREADY) => Entry::Known,
        Err(_) => {
            count(Counter::ConnectionsFull);
            Entry::Refused
        }
    }
}

/// Enters a socket into the table and reports it. `remote` is the peer where the socket does not know it yet.
#[inline(always)]
fn open(
    sock: Sock,
    transport: Transport,
    phase: Phase,
    tgid: u32,
    time: u64,
    remote: Option<&Endpoint>,
) -> Option<*mut Conn> {
    // First, so that no other CPU's record of the connection comes before it.
    let entry = output::reserve::<Open>();
    let entered = enter(sock, transport, phase, tgid, time);
    let conn = match entered {
        Entry::Refused => None,
        Entry::New | Entry::Known => CONNECTIONS.get_ptr_mut(key(sock, transport as u8, sock.inode())),
    };
    let Some(mut entry) = entry else {
        if let (Entry::New, Some(conn)) = (entered, conn) {
            lost(conn);
        }
        return conn;
    };
    let (Entry::New, Some(conn)) = (entered, conn) else {
        output::discard(entry);
        return conn;
    };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` is the reserved room for one `Open`, all of which is written here; `conn` is a value of the map.
    unsafe {
        (*record).header = Header { kind: Kind::Open as u32, tgid, time };
        snapshot(&raw mut (*record).snapshot, sock, conn);
        (*record).transport = transport as u8;
        (*record).phase = phase as u8;
        address::write(record, sock, transport);
        if let Some(remote) = remote {
            (*record).remote = *remote;
        }
    }
    output::submit(entry);
    Some(conn)
}

/// Counts an event of this connection that the ring buffer had no room for.
#[inline(always)]
pub fn lost(conn: *mut Conn) {
    count(Counter::RingFull);
    // SAFETY: a value of the map. Two CPUs may count at once and lose one of the two: the collector only asks whether
    // the number has changed.
    unsafe { (*conn).lost += 1 };
}

/// Fills in the part that all events of a connection share.
///
/// # Safety
/// `to` must be writable, `conn` a value of the connection map.
#[inline(always)]
pub unsafe fn snapshot(to: *mut Snapshot, sock: Sock, conn: *const Conn) {
    // SAFETY: as the caller promises.
    unsafe {
        (*to).sock = key_of(sock, &*conn);
        (*to).born = (*conn).born;
        copy(&raw mut (*to).received, &raw const (*conn).received);
        copy(&raw mut (*to).sent, &raw const (*conn).sent);
        (*to).target = (*conn).target;
        (*to).lost = (*conn).lost;
    }
}

/// Copies word by word. A copy of the whole struct would become a call that goes byte by byte.
///
/// # Safety
/// Both must be valid.
#[inline(always)]
unsafe fn copy(to: *mut Flow, from: *const Flow) {
    // SAFETY: as the caller promises.
    unsafe {
        (*to).position = (*from).position;
        (*to).first = (*from).first;
        (*to).last = (*from).last;
        (*to).sequence = (*from).sequence;
        (*to).budget = (*from).budget;
    }
}

#[inline(never)]
fn report(kind: Kind, sock: Sock, conn: *mut Conn, before: u8, time: u64) {
    let Some(mut entry) = output::reserve::<State>() else { return lost(conn) };
    let record = entry.as_mut_ptr();
    // SAFETY: `record` is the reserved room for one `State`, all of which is written here; `conn` is a value of the map.
    unsafe {
        (*record).header = Header { kind: kind as u32, tgid: 0, time };
        snapshot(&raw mut (*record).snapshot, sock, conn);
        (*record).error = sock.error();
        (*record).before = before;
        (*record).after = (*conn).phase;
        (*record).peer_ended = (*conn).end_seen;
        (*record).reserved = 0;
    }
    output::submit(entry);
}

#[inline(always)]
fn change(sock: Sock, conn: *mut Conn, after: Phase, time: u64) {
    // SAFETY: a value of the map.
    let before = unsafe { core::mem::replace(&mut (*conn).phase, after as u8) };
    report(Kind::State, sock, conn, before, time);
}

/// Reports the end of a TCP connection and forgets it, after what is left to tell of it.
#[inline(always)]
fn close(sock: Sock, conn: *mut Conn, time: u64) {
    // SAFETY: a value of the map.
    let (walked, decoded) = unsafe { ((*conn).walked, (*conn).decoded) };
    if walked != Walked::No as u8 || decoded == Conn::DECODED_BY_OPENSSL {
        finish(sock, conn, time);
    }
    // SAFETY: a value of the map.
    let before = unsafe { (*conn).phase };
    report(Kind::Close, sock, conn, before, time);
    // That it is not there any more is what we want.
    let _ = CONNECTIONS.remove(sock.0);
}

/// Tells what is left to tell of the messages on a connection that ends.
#[inline(never)]
fn finish(sock: Sock, conn: *mut Conn, time: u64) {
    // SAFETY: a value of the map.
    let conn = unsafe { &mut *conn };
    let (direction, layer) = (Direction::Received, Layer::Decrypted);
    let mut io = Io { sock, tgid: 0, thread: 0, direction, layer, moved: 0, time };
    if conn.decoded == Conn::DECODED_BY_OPENSSL {
        openssl::on_close(&io, conn);
    }
    if conn.walked != Walked::No as u8 {
        io.layer = Layer::Socket;
        http2::on_close(&io, conn);
    }
}

/// The sequence number that the kernel keeps for one direction of a TCP socket.
#[inline(always)]
pub fn sequence(sock: Sock, direction: Direction) -> u32 {
    match direction {
        Direction::Received => sock.copied_sequence(),
        Direction::Sent => sock.write_sequence(),
    }
}

/// A watched process has called `connect`; whether a segment will leave is not known yet.
#[inline(always)]
pub fn on_connect(sock: Sock, remote: &Endpoint) {
    let tgid = process::current();
    if !process::is_watched(tgid) {
        return;
    }
    let time = now();
    if let Some(conn) = lookup(sock) {
        // The same socket tries again after a failure.
        close(sock, conn, time);
    }
    open(sock, Transport::Tcp, Phase::Called, tgid, time, Some(remote));
}

/// A TCP socket changes its state.
#[inline(always)]
pub fn on_state(sock: Sock, old: u32, new: u32) {
    match new {
        TCP_SYN_SENT => on_syn_sent(sock),
        TCP_ESTABLISHED => {
            let Some(conn) = lookup(sock) else { return };
            // SAFETY: a value of the map.
            unsafe {
                (*conn).received.sequence = sock.copied_sequence();
                (*conn).sent.sequence = sock.write_sequence();
            }
            change(sock, conn, Phase::Open, now());
        }
        TCP_CLOSE | TCP_FIN_WAIT1 | TCP_FIN_WAIT2 | TCP_LAST_ACK | TCP_CLOSING => {
            let Some(conn) = lookup(sock) else { return };
            if is_let_go(sock, old, new) {
                // States that a FIN of the peer leads to: it came, whether the process has read it or not.
                if matches!(old, TCP_CLOSE_WAIT | TCP_LAST_ACK | TCP_CLOSING) {
                    // SAFETY: a value of the map.
                    unsafe { (*conn).end_seen = 1 };
                }
                count_unseen(sock, conn);
                close(sock, conn, now());
            } else if new == TCP_CLOSE && old != TCP_CLOSE {
                change(sock, conn, Phase::Ended, now());
            } else if new == TCP_FIN_WAIT1 || new == TCP_LAST_ACK {
                on_shutdown(sock, conn);
            }
        }
        _ => {}
    }
}

/// Whether the process has let go of the socket (`close`), as far as a change of its state shows; if not, it may still read.
///
/// `tcp_close` marks both directions as shut before it changes the state, but so do a FIN of the peer and `shutdown` of the
/// process together (net/ipv4/tcp.c: `__tcp_close`, `tcp_shutdown`; net/ipv4/tcp_input.c: `tcp_fin`). What is seen nowhere
/// here is seen when the socket is destroyed.
#[inline(always)]
fn is_let_go(sock: Sock, old: u32, new: u32) -> bool {
    if sock.shutdown() != SHUTDOWN_MASK {
        return false;
    }
    match new {
        // With data unread `tcp_close` goes straight to CLOSE: where some is left, it was `shutdown`.
        TCP_FIN_WAIT1 | TCP_LAST_ACK => old == new || sock.unread() <= 1,
        // From a state in which no FIN has left yet. From the others the kernel gets here by itself.
        TCP_CLOSE => matches!(old, TCP_SYN_SENT | TCP_ESTABLISHED | TCP_CLOSE_WAIT),
        // The state stays what it was: only `tcp_close` does that.
        _ => old == new,
    }
}

/// `connect` has chosen a route and is about to send the SYN (net/ipv4/tcp_ipv4.c: `tcp_v4_connect`). The peer's address is
/// set by now; in the process's own context.
#[inline(always)]
fn on_syn_sent(sock: Sock) {
    if let Some(conn) = lookup(sock) {
        // SAFETY: a value of the map.
        let called = unsafe { core::mem::replace(&mut (*conn).phase, Phase::Connecting as u8) };
        if called == Phase::Called as u8 {
            return;
        }
        close(sock, conn, now());
    }
    let tgid = process::current();
    if process::is_watched(tgid) {
        open(sock, Transport::Tcp, Phase::Connecting, tgid, now(), None);
    }
}

/// A TCP socket is gone.
#[inline(always)]
pub fn on_destroy(sock: Sock) {
    if let Some(conn) = lookup(sock) {
        close(sock, conn, now());
    }
}

/// The process sends no more and still reads (`shutdown`). The FIN that follows takes a number, as a byte does (RFC 9293
/// section 3.4): it is taken as counted (net/ipv4/tcp.c: `tcp_shutdown` changes the state, then calls `tcp_send_fin`).
#[inline(always)]
fn on_shutdown(sock: Sock, conn: *mut Conn) {
    count_unseen(sock, conn);
    // SAFETY: a value of the map.
    unsafe { (*conn).sent.sequence = (*conn).sent.sequence.wrapping_add(1) };
}

/// Adds the bytes that passed without being seen since the last I/O: spliced, or moved by a process that is not watched.
/// Only while the stream's numbers are still those of the data (the kernel resets them when it disconnects a socket).
#[inline(always)]
fn count_unseen(sock: Sock, conn: *mut Conn) {
    // SAFETY: a value of the map.
    let conn = unsafe { &mut *conn };
    if conn.phase != Phase::Open as u8 || sock.has_upper_layer() {
        return;
    }
    let (copied, written) = (sock.copied_sequence(), sock.write_sequence());
    let received = copied.wrapping_sub(conn.received.sequence);
    // The peer's FIN takes a number too, which a read of the end has passed.
    if received > 1 {
        conn.received.position += u64::from(received);
    }
    conn.sent.position += u64::from(written.wrapping_sub(conn.sent.sequence));
    (conn.received.sequence, conn.sent.sequence) = (copied, written);
}
