//! The state that the kernel keeps per socket.

use crate::shared;

shared! {
    /// One direction of a connection.
    pub struct Flow {
        /// Bytes of the stream up to now, from where pullscope began to watch it.
        pub position: u64,
        /// Time of the first I/O of the current span (`CLOCK_MONOTONIC`, nanoseconds).
        pub first: u64,
        /// Time of the last I/O.
        pub last: u64,
        /// The socket's own sequence number at `position` (`tcp_sock.copied_seq` or `.write_seq`): bytes that passed
        /// without being seen, by splice or another process, show as a difference.
        pub sequence: u32,
        /// Bytes of this span that may still be shipped.
        pub budget: u32,
    } size 32
}

shared! {
    /// One connection, the value of the map from sockets ([`crate::key`]).
    pub struct Conn {
        /// When pullscope first saw the socket; with its key, the connection's identity, since addresses are reused.
        pub born: u64,
        /// Number of the socket's inode.
        pub inode: u64,
        /// What was received.
        pub received: Flow,
        /// What was sent.
        pub sent: Flow,
        /// Process that last did I/O on it.
        pub tgid: u32,
        /// Its target, with its marks ([`crate::TARGET_REDIS`] and the like).
        pub target: u32,
        /// Events of this connection that found the ring buffer full.
        pub lost: u32,
        /// How far the process had written (`tcp_sock.write_seq`) when a read last found that more had left than was told.
        pub late_at: u32,
        /// [`Transport`] as a number.
        pub transport: u8,
        /// [`Protocol`] as a number.
        pub protocol: u8,
        /// [`Direction`] of the last I/O, or [`Conn::NO_DIRECTION`].
        pub direction: u8,
        /// Turns in which no known protocol began; see [`Conn::QUIET_AFTER`].
        pub strange_turns: u8,
        /// [`Phase`] as a number.
        pub phase: u8,
        /// 1 once the end of what is received was read, or is known at the close.
        pub end_seen: u8,
        /// By whom the connection is read inside its TLS: [`Conn::DECODED_BY_GO`] and the others, 0 while nobody has.
        pub decoded: u8,
        /// Writes of the request head that a Go program is sending; see [`Part::RequestHead`](crate::event::Part).
        pub head_writes: u8,
        /// [`Walked`] as a number.
        pub walked: u8,
        /// Zero.
        pub reserved: [u8; 7],
    } size 112
}

impl Conn {
    /// Value of [`Conn::decoded`]: by the probes in a Go program.
    pub const DECODED_BY_GO: u8 = 1;
    /// Value of [`Conn::decoded`]: by the probes in OpenSSL.
    pub const DECODED_BY_OPENSSL: u8 = 2;
    /// Value of [`Conn::direction`] before the first I/O.
    pub const NO_DIRECTION: u8 = 2;
    /// After this many turns in a row without the start of a message, an HTTP/1 connection is taken to be upgraded to
    /// something else and a TLS handshake to be over: turns are then no longer reported.
    pub const QUIET_AFTER: u8 = 8;
}

/// Generates an enum that crosses the boundary as a small number, with the way back.
macro_rules! numbered {
    ($(#[$meta:meta])* pub enum $name:ident: $int:ty { $($(#[$vmeta:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant = $value,)* }
        impl $name {
            /// The value with that number, if there is one.
            pub const fn from_number(number: $int) -> Option<Self> {
                match number { $($value => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use numbered;

numbered! {
    /// Which way bytes go, as the watched process sees it.
    pub enum Direction: u8 {
        /// The process reads.
        Received = 0,
        /// The process writes.
        Sent = 1,
    }
}

numbered! {
    /// What carries the bytes.
    pub enum Transport: u8 {
        /// TCP over IPv4 or IPv6.
        Tcp = 1,
        /// UDP to or from port 53.
        Dns = 2,
        /// A stream socket of the unix family.
        Unix = 3,
    }
}

numbered! {
    /// What the first bytes of a span said of the connection.
    pub enum Protocol: u8 {
        /// Nothing recognised yet.
        Unknown = 0,
        /// HTTP/1.x (RFC 9112).
        Http1 = 1,
        /// TLS (RFC 8446 section 5.1: a handshake record).
        Tls = 2,
        /// HTTP/2 with prior knowledge (RFC 9113 section 3.4: the client connection preface).
        Http2 = 3,
        /// DNS messages.
        Dns = 4,
        /// Redis commands and replies (RESP): only of processes whose recipe reads them.
        Redis = 5,
    }
}

numbered! {
    /// Whether the kernel programs follow the HTTP/2 frames of a connection.
    pub enum Walked: u8 {
        /// No.
        No = 0,
        /// Yes; each direction is in step or has been told to be out of step.
        Yes = 1,
        /// Not any more, and both directions have been told to be out of step.
        GivenUp = 2,
    }
}

numbered! {
    /// How far a TCP connection has come, as pullscope saw it.
    pub enum Phase: u8 {
        /// `connect` was called; no segment has left.
        Called = 1,
        /// The SYN has left.
        Connecting = 2,
        /// Both ends agree, or pullscope first saw the socket when it carried data.
        Open = 3,
        /// The kernel has ended the connection; the process still holds the socket.
        Ended = 4,
    }
}
