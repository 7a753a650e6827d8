//! Who is at the process's end of a connection, and what the connection shows.

use wire::registry::RegistryLabel;

use super::event::{ConnId, Pid, TargetId, Tid};
use super::fact::Remover;
use super::rules::Actor;

/// Who asks or answers on a connection.
pub(super) struct Party {
    pub pid: Pid,
    pub process: TargetId,
}

/// The process at the other end of a local socket.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub pid: Pid,
    /// What it would be among those who have things removed.
    pub remover: Remover,
}

/// Who is at the process's end of the connection, and what the connection shows.
pub(super) struct Seat {
    pub party: Party,
    /// The thread that did something there last.
    pub thread: Tid,
    pub conn: ConnId,
    /// A local socket: only requests to a registry are traffic, the rest is how programs are controlled.
    pub local: bool,
    /// Who is at its other end.
    pub peer: Option<Peer>,
    /// Inside TLS.
    pub secure: bool,
    /// The peer will send nothing more, or has broken the connection off.
    pub peer_gone: bool,
    pub shown: RegistryLabel,
}

impl Seat {
    /// Who sits there, for the rules.
    pub fn actor(&self) -> Actor {
        let Party { pid, process } = self.party;
        Actor { pid, target: process, thread: self.thread, conn: self.conn }
    }
}
