//! What the programs count about themselves, loss above all: one slot per CPU in an array map.

use crate::conn::numbered;

numbered! {
    /// Index in the counter map.
    pub enum Counter: u32 {
        /// An event found the ring buffer full.
        RingFull = 0,
        /// A connection found the connection map full.
        ConnectionsFull = 1,
        /// A process found the process map full.
        ProcessesFull = 2,
        /// The bytes of a read or write could not be read from the process's memory.
        UserMemory = 3,
        /// A vectored read or write had more segments than are walked.
        Vector = 4,
        /// A Go program's TLS connection that does not lie directly on TCP: its socket is not known.
        GoConnection = 5,
        /// A direction of an HTTP/2 connection can't be followed any more: told by a record too.
        OutOfStep = 6,
        /// OpenSSL has taken or given bytes, and the socket that they belong to is not known.
        TlsUnjoined = 7,
        /// What a connection carries inside its TLS did not begin like a message that can be read, turn after turn.
        TlsUnread = 8,
    }
}

impl Counter {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::RingFull,
        Self::ConnectionsFull,
        Self::ProcessesFull,
        Self::UserMemory,
        Self::Vector,
        Self::GoConnection,
        Self::OutOfStep,
        Self::TlsUnjoined,
        Self::TlsUnread,
    ];

    /// The value of the `reason` label that this counter has.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::ConnectionsFull => "connections_full",
            Self::ProcessesFull => "processes_full",
            Self::UserMemory => "user_memory",
            Self::Vector => "vector",
            Self::GoConnection => "go_connection",
            Self::OutOfStep => "out_of_step",
            Self::TlsUnjoined => "tls_unjoined",
            Self::TlsUnread => "tls_unread",
        }
    }
}
