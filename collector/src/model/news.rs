//! What a connection is told, and tells its decoders: parts of events.

use super::event::{Direction, Flows, Phase, Protocol, Tid};

/// Bytes that passed, from [`Event::Data`](super::event::Event::Data).
pub(super) struct Data<'a> {
    pub thread: Tid,
    pub direction: Direction,
    pub protocol: Protocol,
    pub start: u64,
    pub bytes: &'a [u8],
    pub end: bool,
    pub flows: Flows,
    pub lost: u32,
    pub time: u64,
}

/// How far a connection has come.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub flows: Flows,
    /// Events lost up to then.
    pub lost: u32,
    pub time: u64,
}

/// A change of phase, from [`Event::Changed`](super::event::Event::Changed).
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub before: Phase,
    pub after: Phase,
    pub error: u32,
}
