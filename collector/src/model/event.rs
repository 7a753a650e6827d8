//! What the model is told: the kernel's events in plain types, with nothing of the kernel's own layout left in them.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;

use bytes::Bytes;
pub use collector_common::conn::{Direction, Phase, Protocol};
pub use collector_common::event::{Layer, Part};

/// A process, by its id in the host's pid namespace (the kernel's `tgid`).
pub type Pid = u32;

/// A thread, by its id in the host's pid namespace (the kernel's `pid`), 0 where it is not known.
pub type Tid = u32;

/// A configured target, by its place in the list of targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u16);

/// A connection: the socket, by what the kernel programs know it by and by when it was first seen, since that may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    /// Its key in the programs' tables ([`collector_common::key`]).
    pub sock: u64,
    /// When it was first seen.
    pub born: u64,
}

/// How far one direction of a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Bytes of the stream up to now.
    pub position: u64,
    /// Time of the first I/O of the current span, 0 before the first.
    pub first: u64,
    /// Time of the last I/O, 0 before the first.
    pub last: u64,
}

/// How far both directions of a connection have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flows {
    /// What the process received.
    pub received: Flow,
    /// What it sent.
    pub sent: Flow,
}

/// The two ends of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// TCP. IPv4 addresses are plain, not mapped.
    Tcp {
        /// The process's end; port 0 where it was not bound yet.
        local: SocketAddr,
        /// The peer.
        remote: SocketAddr,
    },
    /// UDP to a name server.
    Dns {
        /// The name server.
        server: SocketAddr,
    },
    /// A unix stream socket.
    Unix {
        /// Its path as bytes, empty where neither end has a name; abstract names begin with a zero byte.
        path: Vec<u8>,
        /// Whether the path is the process's own end: it serves there.
        serves: bool,
        /// The process at the other end, as the kernel noted it when the connection came about (`sk_peer_pid`).
        peer: Option<Pid>,
        /// What the peer is called (the kernel's comm); `None` where it was gone when the connection was first seen.
        peer_name: Option<Vec<u8>>,
    },
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exited(u8),
    /// This signal killed it.
    Killed(u8),
    /// It became another program, of this name (the kernel's comm), which is not watched.
    Became(Vec<u8>),
    /// That was not seen.
    Unknown,
}

/// What a client program was started for, by its command line, of which nothing else is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To pull images (`podman pull`, `skopeo copy docker://…`).
    Pull,
    /// To run something, and to pull what is missing for it (`podman run`, `buildah from`).
    Run,
    /// To build an image, and to pull what it builds on (`podman build`).
    Build,
    /// To serve (`podman system service`).
    Serve,
    /// Anything else, which pulls nothing (`skopeo inspect`, `podman push`).
    Other,
}

/// Bytes that were captured. They may hold credentials: `Debug` shows only their number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Captured(pub Bytes);

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Captured({} bytes)", self.0.len())
    }
}

impl Deref for Captured {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// An HTTP/2 frame, or several `DATA` frames of one stream taken as one, without their padding and flags.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which way.
    pub direction: Direction,
    /// Which bytes of the connection it is in.
    pub layer: Layer,
    /// Its type (RFC 9113 section 6), or [`Frame::OUT_OF_STEP`] or [`Frame::JOINED`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// Length of its payload.
    pub length: u32,
    /// The payload, or the start of it.
    pub payload: Captured,
}

impl Frame {
    /// In the place of a type: where the frames of this direction begin is not known from here on.
    pub const OUT_OF_STEP: u8 = collector_common::event::Frame::OUT_OF_STEP;
    /// In the place of a type: the frames of this direction are told from here on, and not those that passed before.
    pub const JOINED: u8 = collector_common::event::Frame::JOINED;
}

/// How much of a body is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Nothing is known.
    None,
    /// All of it, in bytes.
    Total(u64),
    /// What passed, in bytes.
    Passed(u64),
    /// What was announced and did not pass, in bytes.
    Left(u64),
}

/// What a Go program is about to send, or has received, inside TLS.
#[derive(Clone, Debug)]
pub struct Message {
    /// The goroutine, for the [`Event::Field`]s that came before.
    pub goroutine: u64,
    /// Whether the process serves.
    pub serves: bool,
    /// What it is.
    pub part: Part,
    /// HTTP/2 stream, 0 over HTTP/1.
    pub stream: u32,
    /// Status code of a served response, else 0.
    pub code: u16,
    /// What is known of the body.
    pub amount: Amount,
    /// The bytes of a head.
    pub bytes: Captured,
    /// Nothing comes after this in its direction.
    pub end: bool,
    /// It has more bytes or fields than were captured.
    pub truncated: bool,
}

/// One thing that happened. All times are `CLOCK_MONOTONIC` in nanoseconds.
#[derive(Clone, Debug)]
pub enum Event {
    /// A watched program begins in this process, by exec or found at the start. A process that was known under another
    /// target takes the new one.
    ProcessBegan {
        /// It was there already when pullscope began to look: when it began is not told.
        found: bool,
        /// The process.
        pid: Pid,
        /// Its target.
        target: TargetId,
        /// When.
        time: u64,
    },
    /// A watched process forked: the child is watched too.
    ProcessForked {
        /// The child.
        pid: Pid,
        /// The parent.
        parent: Pid,
        /// The child's target.
        target: TargetId,
        /// When.
        time: u64,
    },
    /// A watched process ended, or became a program that is not watched. Its sockets are closed right after, or live on in
    /// other processes.
    ProcessEnded {
        /// The process.
        pid: Pid,
        /// How.
        how: Ending,
        /// When.
        time: u64,
    },
    /// The command line of a client program was read.
    Purpose {
        /// The process.
        pid: Pid,
        /// What it was started for.
        purpose: Purpose,
        /// When.
        time: u64,
    },
    /// A connection is seen for the first time.
    Opened {
        /// The connection.
        conn: ConnId,
        /// The process that did it.
        pid: Pid,
        /// Its target.
        target: TargetId,
        /// The ends.
        ends: Ends,
        /// `Called` and `Connecting`: the process connects; `Open`: it carried data when it was first seen (accepted, or
        /// older than pullscope).
        phase: Phase,
        /// When.
        time: u64,
    },
    /// A TCP connection changed its phase, by the kernel's doing.
    Changed {
        /// The connection.
        conn: ConnId,
        /// Phase before.
        before: Phase,
        /// Phase after.
        after: Phase,
        /// The socket's error, an errno value, 0 for none.
        error: u32,
        /// How far it has come.
        flows: Flows,
        /// When.
        time: u64,
    },
    /// The probes that read the TLS of this process are in place. Its forks have them too.
    Instrumented {
        /// The process.
        pid: Pid,
        /// When.
        time: u64,
    },
    /// A thread of a process ended that lives on; told of processes whose recipe asks for it.
    ThreadEnded {
        /// The process.
        pid: Pid,
        /// The thread.
        thread: Tid,
        /// When.
        time: u64,
    },
    /// Bytes were captured, or the direction turned, or the stream ended.
    Data {
        /// The connection.
        conn: ConnId,
        /// Which of its bytes: positions, and `flows`, are those of this layer.
        layer: Layer,
        /// The process that read or wrote.
        pid: Pid,
        /// And its thread.
        thread: Tid,
        /// Which way.
        direction: Direction,
        /// What the kernel takes the connection for.
        protocol: Protocol,
        /// Position of the first of `bytes` in the stream of that direction. A hole before it is possible, and so are
        /// bytes after them that were only counted: `flows` says how far the stream has come.
        start: u64,
        /// The captured bytes, possibly none.
        bytes: Captured,
        /// The peer has ended this direction.
        end: bool,
        /// How far it has come, this I/O included.
        flows: Flows,
        /// Events of this connection that the kernel could not deliver before this one, ever.
        lost: u32,
        /// When.
        time: u64,
    },
    /// A frame passed on a connection that speaks HTTP/2.
    Frame {
        /// The connection.
        conn: ConnId,
        /// The process that read or wrote.
        pid: Pid,
        /// The frame.
        frame: Frame,
        /// How far the frame's layer has come.
        flows: Flows,
        /// Events of this connection that the kernel could not deliver before this one, ever.
        lost: u32,
        /// When.
        time: u64,
    },
    /// A Go program sends or has received something on a TLS connection.
    Message {
        /// The connection.
        conn: ConnId,
        /// The process.
        pid: Pid,
        /// What it is.
        message: Message,
        /// How far the socket has come.
        flows: Flows,
        /// Events of this connection that the kernel could not deliver before this one, ever.
        lost: u32,
        /// When.
        time: u64,
    },
    /// A field of the message that comes next of the same goroutine.
    Field {
        /// The process.
        pid: Pid,
        /// The goroutine.
        goroutine: u64,
        /// The name.
        name: Captured,
        /// The value, or the start of it.
        value: Captured,
        /// The value is longer than that.
        truncated: bool,
        /// When.
        time: u64,
    },
    /// Asked of the kernel, not told by it: how far a connection has come. It has to come after all events that were
    /// in the ring buffer when the kernel was asked (ask, drain, then tell), or bytes that those events carry would be
    /// taken for bytes that were never captured.
    Progress {
        /// The connection.
        conn: ConnId,
        /// Which of its bytes.
        layer: Layer,
        /// How far they have come.
        flows: Flows,
        /// Events of this connection that the kernel could not deliver up to then, ever.
        lost: u32,
    },
    /// The process let go of the socket; nothing more comes of this connection.
    Closed {
        /// The connection.
        conn: ConnId,
        /// Phase before.
        before: Phase,
        /// The socket's error, an errno value, 0 for none.
        error: u32,
        /// The peer had ended its direction, whether the process has read that or not.
        end: bool,
        /// How far it has come.
        flows: Flows,
        /// Events of this connection that the kernel could not deliver, ever.
        lost: u32,
        /// When.
        time: u64,
    },
    /// After a loss: all that the kernel still knows. Whatever the model holds and is not in here has ended unseen.
    Resync {
        /// Live connections.
        connections: HashSet<ConnId>,
        /// Live watched processes.
        processes: HashSet<Pid>,
        /// When.
        time: u64,
    },
}

impl Event {
    /// When it happened; `None` for [`Event::Progress`].
    pub fn time(&self) -> Option<u64> {
        match *self {
            Self::Progress { .. } => None,
            Self::ProcessBegan { time, .. }
            | Self::ProcessForked { time, .. }
            | Self::ProcessEnded { time, .. }
            | Self::Opened { time, .. }
            | Self::Changed { time, .. }
            | Self::Instrumented { time, .. }
            | Self::Purpose { time, .. }
            | Self::ThreadEnded { time, .. }
            | Self::Data { time, .. }
            | Self::Frame { time, .. }
            | Self::Message { time, .. }
            | Self::Field { time, .. }
            | Self::Closed { time, .. }
            | Self::Resync { time, .. } => Some(time),
        }
    }
}
