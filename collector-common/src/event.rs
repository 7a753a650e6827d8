//! The records in the ring buffer. Each begins with a [`Header`] whose `kind` says which struct it is.

use crate::conn::{Flow, numbered};
use crate::{COMM_LEN, shared};

numbered! {
    /// What a record is.
    pub enum Kind: u32 {
        /// A watched program begins: [`Process`].
        Exec = 1,
        /// A watched process forks: [`Process`].
        Fork = 2,
        /// A watched process ends: [`Process`].
        Exit = 3,
        /// A connection is seen for the first time: [`Open`].
        Open = 4,
        /// A TCP connection is established or ended by the kernel: [`State`].
        State = 5,
        /// Bytes, the turn of the direction, or the end of the stream: [`Data`], then the captured bytes.
        Data = 6,
        /// The process let go of the socket: [`State`].
        Close = 7,
    }
}

shared! {
    /// Every record begins with this.
    pub struct Header {
        /// [`Kind`] as a number.
        pub kind: u32,
        /// Process that was running, or 0 where that says nothing (the kernel's own work on a connection).
        pub tgid: u32,
        /// `CLOCK_MONOTONIC` in nanoseconds.
        pub time: u64,
    } size 16
}

shared! {
    /// A process begins or ends.
    pub struct Process {
        /// The header; `tgid` is the process itself.
        pub header: Header,
        /// Its parent for [`Kind::Fork`], else 0.
        pub parent: u32,
        /// Its target, or [`crate::TARGET_CANDIDATE`] where the command line is to decide. 0 when an exec ended the watch.
        pub target: u32,
        /// Command name, zero-terminated.
        pub comm: [u8; COMM_LEN],
    } size 40
}

shared! {
    /// Which connection, and how far both directions have come: the common part of the events of a connection.
    pub struct Snapshot {
        /// Address of its `struct sock`.
        pub sock: u64,
        /// When it was first seen; with `sock`, its identity.
        pub born: u64,
        /// What was received, this event included.
        pub received: Flow,
        /// What was sent, this event included.
        pub sent: Flow,
        /// Target of the process that last did I/O.
        pub target: u32,
        /// Events of this connection that were lost before this one.
        pub lost: u32,
    } size 88
}

shared! {
    /// One end of a connection.
    pub struct Endpoint {
        /// IPv6 address; an IPv4 one is mapped (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2).
        pub address: [u8; 16],
        /// Port in host order.
        pub port: u16,
        /// Zero.
        pub reserved: [u8; 6],
    } size 24
}

shared! {
    /// A connection is seen for the first time.
    pub struct Open {
        /// The header.
        pub header: Header,
        /// The connection.
        pub snapshot: Snapshot,
        /// The local end (zero when not bound yet).
        pub local: Endpoint,
        /// The peer.
        pub remote: Endpoint,
        /// Path of a unix socket, of whichever end has one; abstract names begin with a zero byte.
        pub path: [u8; 108],
        /// Length of `path` in use.
        pub path_len: u8,
        /// 1 when the path is the local end's: the process serves there.
        pub path_is_local: u8,
        /// [`crate::conn::Transport`] as a number.
        pub transport: u8,
        /// [`crate::conn::Phase`] as a number.
        pub phase: u8,
    } size 264
}

shared! {
    /// A TCP connection is established or ended by the kernel, or let go by its process.
    pub struct State {
        /// The header.
        pub header: Header,
        /// The connection.
        pub snapshot: Snapshot,
        /// The socket's pending error (`sk_err`, an errno value), 0 for none.
        pub error: u32,
        /// [`crate::conn::Phase`] before.
        pub before: u8,
        /// [`crate::conn::Phase`] after.
        pub after: u8,
        /// Zero.
        pub reserved: [u8; 2],
    } size 112
}

shared! {
    /// Part of a read or write whose bytes matter; the captured bytes follow.
    pub struct Data {
        /// The header.
        pub header: Header,
        /// The connection, positions after the whole read or write.
        pub snapshot: Snapshot,
        /// Position in the stream of the first captured byte.
        pub start: u64,
        /// Captured bytes that follow; what lies behind them in the record is not defined.
        pub captured: u32,
        /// [`crate::conn::Direction`] as a number.
        pub direction: u8,
        /// [`crate::conn::Protocol`] as a number.
        pub protocol: u8,
        /// 1 when the stream has ended in this direction.
        pub end: u8,
        /// Zero.
        pub reserved: u8,
    } size 120
}
