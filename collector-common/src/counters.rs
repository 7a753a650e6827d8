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
    }
}

impl Counter {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::RingFull, Self::ConnectionsFull, Self::ProcessesFull, Self::UserMemory, Self::Vector];

    /// The value of the `reason` label that this counter has.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::ConnectionsFull => "connections_full",
            Self::ProcessesFull => "processes_full",
            Self::UserMemory => "user_memory",
            Self::Vector => "vector",
        }
    }
}
