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
        /// A frame of an HTTP/2 connection: [`Frame`], then the captured bytes of its payload.
        Frame = 8,
        /// What a Go program is about to send, or has received, inside TLS: [`Message`], then the captured bytes.
        Message = 9,
        /// A field of the [`Message`] that comes next of the same goroutine: [`Field`], then name and value.
        Field = 10,
        /// A thread ends whose process lives on: [`Thread`]. Only of targets that have [`crate::TARGET_THREADS`].
        ThreadExit = 11,
    }
}

numbered! {
    /// Which bytes of a connection a record tells of.
    pub enum Layer: u8 {
        /// Those that cross the socket.
        Socket = 0,
        /// Those inside its TLS, as OpenSSL takes or gives them. Positions and times of the record's snapshot are those of
        /// the decrypted stream.
        Decrypted = 1,
    }
}

numbered! {
    /// What a [`Message`] is.
    pub enum Part: u8 {
        /// Bytes of an HTTP/1 request's head, the start of it or more of it.
        RequestHead = 1,
        /// Bytes of an HTTP/1 response's head.
        ResponseHead = 2,
        /// A request whose fields have come as [`Field`]s of the same goroutine.
        RequestFields = 3,
        /// A response, or its trailers, whose fields have come so.
        ResponseFields = 4,
        /// A served response: its status is `code`, the length of its body `amount`.
        Status = 5,
        /// The response has come to its end.
        Complete = 6,
        /// The response has ended before that.
        Cut = 7,
    }
}

numbered! {
    /// What [`Message::amount`] counts.
    pub enum Amount: u8 {
        /// Nothing: not known.
        None = 0,
        /// All bytes of the body.
        Total = 1,
        /// Bytes of the body that passed.
        Passed = 2,
        /// Bytes of the body that were announced and have not passed.
        Left = 3,
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
        /// How it ended for [`Kind::Exit`], as `wait` tells it: the signal in the low seven bits, or the exit status in the
        /// second byte (kernel/exit.c: `wait_task_zombie`). [`Process::NO_STATUS`] where that is not known.
        pub status: u32,
        /// Zero.
        pub reserved: u32,
    } size 48
}

impl Process {
    /// Value of [`Process::status`]: it has not ended, or how is not known.
    pub const NO_STATUS: u32 = u32::MAX;
}

shared! {
    /// A thread ends.
    pub struct Thread {
        /// The header; `tgid` is its process.
        pub header: Header,
        /// The thread, by the kernel's `pid` in the first pid namespace.
        pub thread: u32,
        /// Zero.
        pub reserved: u32,
    } size 24
}

shared! {
    /// Which connection, and how far both directions have come: the common part of the events of a connection.
    pub struct Snapshot {
        /// What its socket is known by ([`crate::key`]).
        pub sock: u64,
        /// When it was first seen; with `sock`, its identity.
        pub born: u64,
        /// What was received, this event included.
        pub received: Flow,
        /// What was sent, this event included.
        pub sent: Flow,
        /// Target of the process that last did I/O, with its marks ([`crate::TARGET_REDIS`] and the like).
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
        /// The process at the other end of a unix socket, in the first pid namespace, 0 where there is none: of an accepted
        /// socket the one that connected, of a connected one the one that called `listen` (`net/unix/af_unix.c`:
        /// `unix_stream_connect`).
        pub peer: u32,
        /// Zero.
        pub reserved: u32,
        /// Command name of that process, zero-terminated; empty where it is gone.
        pub peer_comm: [u8; COMM_LEN],
    } size 288
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
        /// 1 when the peer has ended its direction.
        pub peer_ended: u8,
        /// Zero.
        pub reserved: u8,
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
        /// The thread that read or wrote, by the kernel's `pid` in the first pid namespace; 0 where the header names no process.
        pub thread: u32,
        /// [`crate::conn::Direction`] as a number.
        pub direction: u8,
        /// [`crate::conn::Protocol`] as a number.
        pub protocol: u8,
        /// 1 when the stream has ended in this direction.
        pub end: u8,
        /// [`Layer`] as a number.
        pub layer: u8,
        /// Zero.
        pub reserved: u32,
    } size 128
}

shared! {
    /// One HTTP/2 frame whose payload has passed, or several `DATA` frames of one stream, taken as one without padding and
    /// without flags.
    ///
    /// `DATA` frames without flags, but for the first of a stream, are only added up, and told before the next record of
    /// that stream in that direction, before a `RST_STREAM` of it in either direction, and before the end of the connection.
    /// Told are besides: `HEADERS`, `RST_STREAM`, `SETTINGS`, `PUSH_PROMISE`, `GOAWAY`, `CONTINUATION`. The rest is not.
    pub struct Frame {
        /// The header.
        pub header: Header,
        /// The connection, positions after the read or write in which the frame ends.
        pub snapshot: Snapshot,
        /// Length of the payload (24 bits on the wire; more where frames were taken together).
        pub length: u32,
        /// Stream identifier.
        pub stream: u32,
        /// Captured bytes of the payload that follow.
        pub captured: u32,
        /// Frame type (RFC 9113 section 6), or [`Frame::OUT_OF_STEP`] or [`Frame::JOINED`].
        pub kind: u8,
        /// Frame flags.
        pub flags: u8,
        /// [`crate::conn::Direction`] as a number.
        pub direction: u8,
        /// [`Layer`] as a number.
        pub layer: u8,
    } size 120
}

impl Frame {
    /// In the place of a frame type: where the frames of this direction begin is not known, now and from here on. Told with
    /// zeros for length, stream and flags; no frame of the direction follows before [`Frame::JOINED`].
    pub const OUT_OF_STEP: u8 = 0xff;
    /// In the place of a frame type: the frames of this direction are told from here on, and others have passed before that
    /// nobody saw. Told with zeros as well; the first record of a connection that is older than pullscope.
    pub const JOINED: u8 = 0xfe;
}

shared! {
    /// A message of a Go program, seen where the program handles it in the clear. Its fields, where it has any, have come
    /// before it, each as a [`Field`] of the same goroutine.
    pub struct Message {
        /// The header.
        pub header: Header,
        /// The connection, as far as its socket had come.
        pub snapshot: Snapshot,
        /// The goroutine (address of its `g`), for the [`Field`]s that came before.
        pub goroutine: u64,
        /// See `amount_is`.
        pub amount: u64,
        /// HTTP/2 stream, 0 over HTTP/1.
        pub stream: u32,
        /// Captured bytes that follow.
        pub captured: u32,
        /// Status code of a served response, else 0.
        pub code: u16,
        /// [`Part`] as a number.
        pub part: u8,
        /// [`Amount`] as a number: what `amount` counts.
        pub amount_is: u8,
        /// 1 where the process serves.
        pub serves: u8,
        /// 1 when nothing comes after this in its direction.
        pub end: u8,
        /// 1 when the message has more bytes or fields than were captured.
        pub truncated: u8,
        /// Zero.
        pub reserved: u8,
    } size 136
}

shared! {
    /// A field of a message that a goroutine is about to send, or has received. Room for [`Field::NAME`] bytes of the name
    /// follows, and behind it the bytes of the value.
    pub struct Field {
        /// The header.
        pub header: Header,
        /// The goroutine.
        pub goroutine: u64,
        /// Captured bytes of the name.
        pub name_len: u16,
        /// Captured bytes of the value. Of credentials only the scheme is captured.
        pub value_len: u16,
        /// 1 when the value is longer than that.
        pub truncated: u8,
        /// Zero.
        pub reserved: [u8; 3],
    } size 32
}

impl Field {
    /// Room for the name in a record; fields with longer names are left out.
    pub const NAME: usize = 16;
}
