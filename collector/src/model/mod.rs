//! The model: from what the kernel tells ([`event`]) to what can be concluded ([`fact`]).
//!
//! It has no clock, no I/O and no randomness of its own: the same events give the same facts. Every table is bounded, and
//! what does not fit is counted with a [`reason`].
//!
//! | file | idea |
//! | --- | --- |
//! | `connections`, `connection` | the table of connections; one connection and what its events mean |
//! | `http`, `exchange` | the HTTP/1 decoder of a connection; one request and its answer |
//! | `client` | a client's TCP connection: the connect, its registry, its bytes |
//! | `handshake`, `dns` | TLS `ClientHello`s; DNS lookups |
//! | `process` | the watched processes and what each has learned |
//! | `attribution`, `hashes` | which registry a request belongs to, by the evidence |
//! | `download`, `ranges` | manifests and blobs, through challenges, redirects, cuts and parts |
//! | `outbox` | where facts leave, and the guards that give every beginning its end |
//! | `recent` | the bounded map that the tables are made of |

pub mod event;
pub mod fact;
pub mod reason;

mod attribution;
mod client;
mod connection;
mod connections;
mod dns;
mod download;
mod exchange;
mod handshake;
mod hashes;
mod http;
mod outbox;
mod process;
mod ranges;
mod recent;

#[cfg(test)]
mod tests;

use connection::Connection;
use connections::Connections;
use download::Downloads;
use event::{ConnId, Event, Pid, TargetId};
use fact::Fact;
use hashes::Hashes;
use outbox::Outbox;
use process::Processes;

/// How much the model remembers. The defaults suit a busy node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections.
    pub connections: usize,
    /// Watched processes.
    pub processes: usize,
    /// Downloads that are in progress or wait for their next exchange.
    pub downloads: usize,
    /// Addresses that one process has had from DNS.
    pub names: usize,
    /// Redirects that one process was given.
    pub redirects: usize,
    /// Token servers that one process was sent to.
    pub realms: usize,
    /// Addresses that one process talked to.
    pub peers: usize,
    /// Addresses that any process talked to.
    pub peers_of_all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            processes: 16_384,
            downloads: 16_384,
            names: 1024,
            redirects: 1024,
            realms: 128,
            peers: 512,
            peers_of_all: 4096,
        }
    }
}

/// What the model is made with.
#[derive(Clone)]
pub struct Settings {
    /// How much it remembers.
    pub limits: Limits,
    /// Key of the hashes that stand for URLs: random, made anew at every start.
    pub hash_key: [u64; 2],
}

/// How full the tables are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Connections.
    pub connections: usize,
    /// Watched processes.
    pub processes: usize,
    /// Downloads that are in progress or wait for their next exchange.
    pub downloads: usize,
}

/// The model.
pub struct Model {
    connections: Connections,
    context: Context,
}

/// What connections share.
struct Context {
    outbox: Outbox,
    processes: Processes,
    downloads: Downloads,
    hashes: Hashes,
    /// Room for the decoder's facts, kept to spare its allocation.
    decoded: Vec<wire::http1::Fact>,
}

impl Model {
    /// A model that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { limits, hash_key } = settings;
        let outbox = Outbox::default();
        let context = Context {
            processes: Processes::new(&limits, &outbox),
            downloads: Downloads::new(limits.downloads, &outbox),
            hashes: Hashes::new(hash_key),
            decoded: Vec::new(),
            outbox,
        };
        Self { connections: Connections::new(limits.connections), context }
    }

    /// Tells the model what happened. Its conclusions are added to `facts`.
    pub fn event(&mut self, event: Event, facts: &mut Vec<Fact>) {
        if let Some(now) = event.time() {
            self.expire(now);
        }
        self.take(event);
        self.context.outbox.drain_into(facts);
    }

    /// Lets time-outs pass: all events up to `now` have been told. Durations are monotonic nanoseconds as in events.
    pub fn tick(&mut self, now: u64, facts: &mut Vec<Fact>) {
        self.expire(now);
        self.context.outbox.drain_into(facts);
    }

    /// Connections with something in progress: an attempt to connect, an exchange, a lookup. The end of it may not be told
    /// by the kernel, so it is asked every now and then ([`Event::Progress`]).
    pub fn connections_in_progress(&self) -> impl Iterator<Item = ConnId> {
        self.connections.in_progress()
    }

    /// How full the tables are.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            connections: self.connections.len(),
            processes: self.context.processes.len(),
            downloads: self.context.downloads.len(),
        }
    }

    fn expire(&mut self, now: u64) {
        self.connections.expire(now, &mut self.context);
        self.context.downloads.expire(now);
    }

    fn take(&mut self, event: Event) {
        let Self { connections, context } = self;
        match event {
            Event::ProcessBegan { pid, target, time } | Event::ProcessForked { pid, target, time, .. } => {
                context.process_began(pid, target, time);
            }
            Event::ProcessEnded { pid, .. } => context.process_ended(pid),
            Event::Opened { conn, pid, target, ends, phase, time } => {
                // Its own beginning may have been lost.
                context.process_began(pid, target, time);
                // Its bytes may have been told of before it.
                if !connections.knows(conn) {
                    let opened = Connection::opened(pid, target, ends, phase, time, context);
                    connections.insert(conn, opened, context);
                }
            }
            Event::Data { conn, pid, direction, protocol, start, bytes, end, flows, lost, time } => {
                let data =
                    connection::Data { direction, protocol, start, bytes: &bytes, end, flows, lost, time };
                if !connections.knows(conn) {
                    let Some(target) = context.processes.target(pid) else {
                        return context.outbox.unattributed(reason::CONNECTION_UNKNOWN);
                    };
                    connections.insert(conn, Connection::joined(pid, target), context);
                }
                connections.with(conn, |connection| connection.data(pid, &data, context));
            }
            Event::Progress { conn, flows } => {
                // Asked for a connection that has gone since: nothing is lost with that.
                connections.with(conn, |connection| connection.progress(flows, context));
            }
            Event::Changed { conn, before, after, error, flows, time } => {
                let change = connection::Change { before, after, error };
                let known =
                    connections.with(conn, |connection| connection.changed(change, flows, time, context));
                if known.is_none() {
                    context.outbox.unattributed(reason::CONNECTION_UNKNOWN);
                }
            }
            Event::Closed { conn, before, error, flows, time } => match connections.remove(conn) {
                Some(connection) => connection.closed(before, error, flows, time, context),
                None => context.outbox.unattributed(reason::CONNECTION_UNKNOWN),
            },
            Event::Resync { connections: live, processes: alive, time } => {
                context.outbox.set_forced(true);
                connections.keep(|conn| live.contains(&conn) || conn.born > time, context);
                let gone = context.processes.all_but(|pid, began| alive.contains(&pid) || began > time);
                for pid in gone {
                    context.process_ended(pid);
                }
                context.outbox.set_forced(false);
            }
        }
    }
}

impl Context {
    fn process_began(&mut self, pid: Pid, target: TargetId, time: u64) {
        if self.processes.target(pid).is_some_and(|known| known != target) {
            // Another program: nothing of the last one goes on.
            self.process_ended(pid);
        }
        self.processes.began(pid, target, time);
    }

    fn process_ended(&mut self, pid: Pid) {
        self.downloads.process_ended(pid);
        self.processes.ended(pid);
    }

    /// The target of the process that does something, or of the one that was seen before it.
    fn target(&self, pid: Pid, before: TargetId) -> TargetId {
        self.processes.target(pid).unwrap_or(before)
    }
}
