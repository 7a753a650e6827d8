//! The model: from what the kernel tells ([`event`]) to what can be concluded ([`fact`]).
//!
//! It has no clock, no I/O and no randomness of its own: the same events give the same facts. Every table is bounded, and
//! what does not fit is counted with a [`reason`].
//!
//! | file | idea |
//! | --- | --- |
//! | `connections`, `connection` | the table of connections; one connection and what its events mean |
//! | `content` | what is read of a connection, and by which decoder |
//! | `http`, `http2`, `redis` | the decoders of bytes and of frames |
//! | `stream` | a connection's bytes on their way to a decoder: what was told of them, and what is yet to be |
//! | `messages`, `fields` | what the probes in Go programs tell |
//! | `seat` | who is at the process's end of a connection |
//! | `exchanges`, `exchange` | those in progress on a connection; one request and its answer |
//! | `client` | a client's TCP connection: the connect, its registry, its bytes |
//! | `handshake`, `dns` | TLS handshakes; DNS lookups |
//! | `process` | the watched processes and what each has learned |
//! | `attribution`, `hashes` | which registry a request belongs to, by the evidence |
//! | `download`, `ranges` | manifests and blobs, through challenges, redirects, cuts and parts |
//! | `call` | what runtimes are asked on their sockets: the CRI, the Docker Engine API, containerd's own |
//! | [`pull`] | pulls: one image, once, whoever saw it |
//! | `sandboxes`, `collection` | pod sandboxes; garbage collection |
//! | `rules` | what recipes count: operations, and the work of queue consumers |
//! | `upstream` | what a server asks of others meanwhile: what it fetches, and what goes wrong there |
//! | `news` | what a connection is told of an event |
//! | `start` | the captured start of a body |
//! | `outbox` | where facts leave, and the guards that give every beginning its end |
//! | `recent` | the bounded map that the tables are made of |

pub mod event;
pub mod fact;
pub mod pull;
pub mod reason;

mod attribution;
mod call;
mod client;
mod collection;
mod connection;
mod connections;
mod content;
mod dns;
mod download;
mod exchange;
mod exchanges;
mod fields;
mod handshake;
mod hashes;
mod http;
mod http2;
mod messages;
mod news;
mod outbox;
mod process;
mod ranges;
mod recent;
mod redis;
mod rules;
mod sandboxes;
mod seat;
mod start;
mod stream;
mod upstream;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use collection::Collections;
use connection::Connection;
use connections::Connections;
use download::Downloads;
use event::{ConnId, Ending, Event, Layer, Pid, TargetId, Tid};
use fact::Fact;
use fields::Fields;
use hashes::Hashes;
use news::{At, Change, Data};
use outbox::Outbox;
use process::Processes;
use pull::{Flavour, Pulls};
use rules::Rules;
use sandboxes::Sandboxes;
use upstream::Upstreams;

use crate::recipes::rule::Rule;

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
    /// Pulls that go on.
    pub pulls: usize,
    /// Goroutines that have told fields of a message that is still to come.
    pub goroutines: usize,
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
            pulls: 4096,
            goroutines: 1024,
        }
    }
}

/// What the model is made with.
#[derive(Clone)]
pub struct Settings {
    /// How much it remembers.
    pub limits: Limits,
    /// What the pulls of each target are for, by its id.
    pub flavours: Vec<Flavour>,
    /// What counts of each target that has a recipe.
    pub recipes: HashMap<TargetId, Vec<Rule>>,
    /// Targets all of whose fetches show by a path with a digest, as their recipes say.
    pub fetches_name_digest: HashSet<TargetId>,
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
    /// Pulls that go on.
    pub pulls: usize,
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
    pulls: Pulls,
    sandboxes: Sandboxes,
    collections: Collections,
    rules: Rules,
    upstreams: Upstreams,
    fields: Fields,
    hashes: Hashes,
    /// Room for the decoders' facts, kept to spare its allocation.
    decoded: Vec<wire::http::Fact>,
    commands: Vec<wire::redis::Fact>,
}

impl Model {
    /// A model that knows nothing yet.
    pub fn new(settings: Settings) -> Self {
        let Settings { limits, flavours, recipes, fetches_name_digest, hash_key } = settings;
        let outbox = Outbox::default();
        let context = Context {
            processes: Processes::new(&limits, &outbox),
            downloads: Downloads::new(limits.downloads, &outbox),
            pulls: Pulls::new(limits.pulls, flavours, &outbox),
            sandboxes: Sandboxes::new(Hashes::new(hash_key)),
            collections: Collections::default(),
            rules: Rules::new(recipes, Hashes::new(hash_key), &outbox),
            upstreams: Upstreams::new(limits.processes, fetches_name_digest, &outbox),
            fields: Fields::new(limits.goroutines),
            hashes: Hashes::new(hash_key),
            decoded: Vec::new(),
            commands: Vec::new(),
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

    /// Threads whose end would end something. Where that may have been lost, they are looked for.
    pub fn threads_in_use(&self) -> impl Iterator<Item = (Pid, Tid)> {
        self.context.rules.threads()
    }

    /// How full the tables are.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            connections: self.connections.len(),
            processes: self.context.processes.len(),
            downloads: self.context.downloads.len(),
            pulls: self.context.pulls.len(),
        }
    }

    fn expire(&mut self, now: u64) {
        self.connections.expire(now, &mut self.context);
        let Context { downloads, pulls, collections, rules, upstreams, outbox, .. } = &mut self.context;
        rules.expire(now);
        upstreams.expire(now);
        downloads.expire(now);
        pulls.expire(now);
        collections.expire(now, outbox);
    }

    fn take(&mut self, event: Event) {
        let Self { connections, context } = self;
        match event {
            Event::ProcessBegan { found, pid, target, time } => {
                context.process_began(pid, target, time);
                if !found {
                    context.rules.process_began(pid, target, time);
                }
                // Another program may run in it now.
                context.processes.set_instrumented(pid, false);
            }
            Event::ProcessForked { pid, parent, target, time } => {
                context.process_began(pid, target, time);
                let instrumented = context.processes.is_instrumented(parent);
                context.processes.set_instrumented(pid, instrumented);
                context.pulls.process_forked(pid, parent);
            }
            Event::Instrumented { pid, .. } => context.processes.set_instrumented(pid, true),
            Event::ProcessEnded { pid, how, time } => context.process_ended(pid, &how, time),
            Event::ThreadEnded { pid, thread, time } => context.rules.thread_ended(pid, thread, time),
            Event::Purpose { pid, purpose, .. } => context.pulls.purpose(pid, purpose),
            Event::Opened { conn, pid, target, ends, phase, time } => {
                // Its own beginning may have been lost.
                context.process_began(pid, target, time);
                // Its bytes may have been told of before it.
                if !connections.knows(conn) {
                    let opened = Connection::opened(conn, (pid, target), ends, phase, time, context);
                    connections.insert(conn, opened, context);
                }
            }
            Event::Data {
                conn,
                layer,
                pid,
                thread,
                direction,
                protocol,
                start,
                bytes,
                end,
                flows,
                lost,
                time,
            } => {
                let data = Data { thread, direction, protocol, start, bytes: &bytes, end, flows, lost, time };
                connections.meet(conn, pid, context);
                connections.with(conn, |connection| match layer {
                    Layer::Socket => connection.data(pid, &data, context),
                    Layer::Decrypted => connection.decrypted(pid, &data, context),
                });
            }
            Event::Frame { conn, pid, frame, flows, lost, time } => {
                let at = At { flows, lost, time };
                connections.meet(conn, pid, context);
                connections.with(conn, |connection| connection.frame(pid, &frame, at, context));
            }
            Event::Message { conn, pid, message, flows, lost, time } => {
                let at = At { flows, lost, time };
                connections.meet(conn, pid, context);
                connections.with(conn, |connection| connection.message(pid, &message, at, context));
            }
            Event::Field { pid, goroutine, name, value, truncated, .. } => {
                if context.processes.target(pid).is_some() {
                    context.fields.add((pid, goroutine), name, value, truncated);
                }
            }
            Event::Progress { conn, layer, flows, lost } => {
                // Asked for a connection that has gone since: nothing is lost with that.
                connections.with(conn, |connection| connection.progress(layer, flows, lost, context));
            }
            Event::Changed { conn, before, after, error, flows, time } => {
                let change = Change { before, after, error };
                let known =
                    connections.with(conn, |connection| connection.changed(change, flows, time, context));
                if known.is_none() {
                    context.outbox.unattributed(reason::CONNECTION_UNKNOWN);
                }
            }
            Event::Closed { conn, before, error, end, flows, lost, time } => match connections.remove(conn) {
                Some(connection) => {
                    connection.closed(before, (error, end), At { flows, lost, time }, context);
                }
                None => context.outbox.unattributed(reason::CONNECTION_UNKNOWN),
            },
            Event::Resync { connections: live, processes: alive, time } => self.resync(&live, &alive, time),
        }
    }

    /// Ends what the kernel knows nothing of any more.
    fn resync(&mut self, live: &HashSet<ConnId>, alive: &HashSet<Pid>, time: u64) {
        let Self { connections, context } = self;
        context.fields.clear();
        context.outbox.set_forced(true);
        connections.keep(|conn| live.contains(&conn) || conn.born > time, context);
        let gone = context.processes.all_but(|pid, began| alive.contains(&pid) || began > time);
        for pid in gone {
            context.process_ended(pid, &Ending::Unknown, time);
        }
        context.pulls.keep(|pid| alive.contains(&pid), time);
        context.outbox.set_forced(false);
    }
}

impl Context {
    fn process_began(&mut self, pid: Pid, target: TargetId, time: u64) {
        if self.processes.target(pid).is_some_and(|known| known != target) {
            // Another program: nothing of the last one goes on.
            self.process_ended(pid, &Ending::Unknown, time);
        }
        if let Some(evicted) = self.processes.began(pid, target, time) {
            self.rules.process_ended(evicted, None, &Ending::Unknown, time);
            self.upstreams.process_ended(evicted);
            self.pulls.process_ended(evicted, &Ending::Unknown, time);
        }
        self.pulls.process_began(pid, time);
    }

    fn process_ended(&mut self, pid: Pid, how: &Ending, time: u64) {
        self.rules.process_ended(pid, self.processes.target(pid), how, time);
        self.upstreams.process_ended(pid);
        self.pulls.process_ended(pid, how, time);
        self.downloads.process_ended(pid);
        self.fields.process_ended(pid);
        self.processes.ended(pid);
    }

    /// The target of the process that does something, or of the one that was seen before it.
    fn target(&self, pid: Pid, before: TargetId) -> TargetId {
        self.processes.target(pid).unwrap_or(before)
    }
}
