//! The collector's heart: takes the kernel's records out of the ring buffer, gives them to the model, and what the model
//! concludes to the metrics.
//!
//! - [`watch`]: who is watched;
//! - [`sweep`]: connections whose end the kernel programs cannot see;
//! - [`schedule`]: when to drain, when to ask, when to sleep;
//! - [`remover`]: taking probes out of program files.
//!
//! Which program files have probes is the matter of [`crate::binaries`]; it is told here who begins and ends.

pub mod remover;
pub mod schedule;
pub mod sweep;
pub mod watch;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use collector_common::MAX_PROCESSES;
use collector_common::conn::Conn;
use collector_common::counters::Counter;
use tracing::{debug, warn};

use crate::binaries::places::Places;
use crate::binaries::{Attach, Binaries, Counts, MAX_FILES, Readable, Wanted};
use crate::kernel::decode::{self, Record};
use crate::kernel::programs::{Cost, Options, Programs, Told};
use crate::metrics::Metrics;
use crate::metrics::labels::{Library, Map, Probe};
use crate::model::Model;
use crate::model::event::{ConnId, Ends, Event, Protocol};
use crate::model::fact::Fact;
use crate::pulls::PullLog;
use crate::targets::Targets;
use remover::{Probes, Remover};
use watch::Watch;

/// Records taken at a time, so that a scrape never waits long.
const BATCH: usize = 4096;

/// Unix connections after which a sweep is due: those that have ended keep their places in the tables until then.
const MANY: usize = 64;

/// Losses after which the model may hold what has ended long ago.
const LEAVES_STALE: [Counter; 1] = [Counter::RingFull];

/// The kernel programs, the model and the metrics, put together.
pub struct Observer {
    /// First, since the first is dropped first: all probes at once, then the remover waits for them, then the rest goes.
    binaries: Binaries<Probes>,
    remover: Remover,
    programs: Programs,
    max_connections: u32,
    watch: Watch,
    model: Model,
    metrics: Arc<Metrics>,
    pulls: PullLog,
    /// What the model concluded; kept to save allocations.
    facts: Vec<Fact>,
    /// Connections of processes that turned out not to be watched.
    ignored: HashSet<ConnId>,
    /// What the kernel programs had counted when last asked.
    losses: HashMap<u32, u64>,
    /// A process has ended since the last sweep, or many connections have begun whose end only a sweep finds.
    sweep_due: bool,
    /// Such connections since then.
    opened: usize,
}

impl Observer {
    /// Loads and attaches the programs and finds the processes that run already, and the programs at known paths.
    pub fn start(
        options: &Options,
        wanted: Wanted,
        targets: Targets,
        model: Model,
        metrics: Arc<Metrics>,
        pulls: PullLog,
    ) -> anyhow::Result<Self> {
        let mut programs = Programs::load(options)?;
        let mut binaries = Binaries::new(Places::host(), wanted, MAX_FILES, binary::inspect)?;
        let remover = Remover::default();
        let names = targets.as_slice().iter().map(|target| target.comm.as_str());
        binaries.find(names, &mut Attacher { programs: &mut programs, remover: &remover });
        let watch = Watch::new(targets);
        watch.fill_comms(&mut programs)?;
        programs.attach()?;
        let running = watch.scan(&mut programs, now())?;
        let mut observer = Self {
            binaries,
            remover,
            programs,
            max_connections: options.max_connections,
            watch,
            model,
            metrics,
            pulls,
            facts: Vec::new(),
            ignored: HashSet::new(),
            losses: HashMap::new(),
            sweep_due: false,
            opened: 0,
        };
        for event in running {
            observer.event(event);
        }
        Ok(observer)
    }

    /// The loaded programs.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Takes what the ring buffer holds, up to a batch, and says how many records that were.
    pub fn drain(&mut self) -> usize {
        self.programs.flush_log();
        self.settle_binaries();
        for taken in 0..BATCH {
            let Some(record) = self.programs.events.next() else { return taken };
            let kind = decode::kind(&record);
            let decoded = decode::decode(&record, |pid| self.watch.decided(pid));
            drop(record);
            if let Some(kind) = kind {
                self.metrics.itself.kernel_event(kind);
            }
            self.take(decoded);
        }
        BATCH
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Candidate { pid, comm, time } => {
                if let Some(target) = self.watch.candidate(&mut self.programs, pid, &comm) {
                    self.event(Event::ProcessBegan { found: false, pid, target, time });
                }
            }
            Record::CandidateForked { pid, parent, time } => {
                if let Some(target) = self.watch.inherit(&mut self.programs, pid, parent) {
                    self.event(Event::ProcessForked { pid, parent, target, time });
                }
            }
            Record::NotWatched(conn) => {
                // More than the kernel can have: ends were lost, and a resync is due.
                if self.ignored.len() < self.max_connections as usize {
                    self.ignored.insert(conn);
                }
            }
            Record::Malformed => self.metrics.itself.malformed_record(),
            Record::Event(event) => self.event(event),
        }
    }

    fn event(&mut self, event: Event) {
        match &event {
            Event::ProcessEnded { pid, how, .. } => {
                debug!(pid, how = %watch::shown(how), "a watched process has ended");
                self.watch.ended(*pid);
                self.binaries.ended(*pid);
                self.sweep_due = true;
            }
            Event::Data { conn, .. }
            | Event::Frame { conn, .. }
            | Event::Message { conn, .. }
            | Event::Changed { conn, .. }
                if self.ignored.contains(conn) =>
            {
                return;
            }
            Event::Closed { conn, .. } if self.ignored.remove(conn) => return,
            Event::Opened { pid, ends: Ends::Unix { serves, peer, peer_name, .. }, .. } => {
                self.opened += 1;
                self.sweep_due |= self.opened >= MANY;
                let name = peer_name.as_deref().map(String::from_utf8_lossy);
                debug!(pid, serves, peer, name = name.as_deref(), "a unix connection");
            }
            // Before the model hears of it, since it asks who can be read.
            Event::Data { pid, protocol: Protocol::Tls, time, .. } => {
                let time = *time;
                self.binaries
                    .greeted(*pid, &mut Attacher { programs: &mut self.programs, remover: &self.remover });
                self.tell_readable(time);
            }
            _ => {}
        }
        let began = match &event {
            Event::ProcessBegan { pid, target, time, .. } => {
                Some((*pid, self.watch.purpose(*pid, *target), *time))
            }
            _ => None,
        };
        if let Event::ProcessForked { pid, parent, .. } = &event {
            self.binaries.forked(*pid, *parent);
        }
        self.model.event(event, &mut self.facts);
        if let Some((pid, purpose, time)) = began {
            if let Some(purpose) = purpose {
                debug!(pid, ?purpose, "the command line was read");
                self.model.event(Event::Purpose { pid, purpose, time }, &mut self.facts);
            }
            self.binaries.began(pid, &mut Attacher { programs: &mut self.programs, remover: &self.remover });
            self.tell_readable(time);
        }
        self.record();
    }

    /// Tells the model which processes have become readable. `time` is for those whose probes were in place already.
    fn tell_readable(&mut self, time: u64) {
        for Readable { pid, late } in self.binaries.readable() {
            let time = if late { now() } else { time };
            self.model.event(Event::Instrumented { pid, time }, &mut self.facts);
        }
    }

    /// Puts in the probes whose places were found meanwhile, and takes out those of programs that were overwritten.
    fn settle_binaries(&mut self) {
        self.binaries.settle(&mut Attacher { programs: &mut self.programs, remover: &self.remover });
        self.tell_readable(now());
        self.record();
        for reason in self.binaries.refused() {
            self.metrics.itself.binary_refused(reason);
        }
    }

    /// What to wait for, besides the ring buffer, until [`drain`](Self::drain) has work.
    pub fn binaries(&self) -> &Binaries<Probes> {
        &self.binaries
    }

    /// Gives what the model concluded to the metrics and the pull log.
    fn record(&mut self) {
        for fact in self.facts.drain(..) {
            self.metrics.record(&fact);
            if let Fact::PullChanged(record) = fact {
                self.pulls.record(*record);
            }
        }
    }

    /// What goes by time: connections with something in progress are asked how far they are, time-outs fall due, losses
    /// are told and made good.
    pub fn poll(&mut self) {
        let waiting = self.model.connections_in_progress();
        let states: Vec<Told> = waiting.flat_map(|conn| self.programs.told_of(conn.sock)).collect();
        self.catch_up(&states);
    }

    /// Drains all that there is, and then tells what the kernel's tables said before: no record that led there is left to
    /// come. The same holds for what falls due by time.
    fn catch_up(&mut self, states: &[Told]) {
        let time = now();
        while self.drain() == BATCH {}
        for Told { sock, layer, state } in states {
            let conn = decode::id(*sock, state);
            if !self.ignored.contains(&conn) {
                let flows = decode::flows(&state.received, &state.sent);
                self.event(Event::Progress { conn, layer: *layer, flows, lost: state.lost });
            }
        }
        self.model.tick(time, &mut self.facts);
        self.record();
        if self.losses() {
            self.resync();
        }
    }

    /// Whether something is in progress that has to be asked after.
    pub fn is_busy(&self) -> bool {
        self.model.connections_in_progress().next().is_some()
    }

    /// Brings every number up to date: to be called before a scrape.
    pub fn refresh(&mut self) {
        let known: Vec<u64> = self.programs.connections.keys().flatten().collect();
        let states: Vec<Told> = known.iter().flat_map(|sock| self.programs.told_of(*sock)).collect();
        self.catch_up(&states);
        let maps = [
            (Map("connections"), known.len(), self.max_connections),
            (Map("processes"), self.programs.processes.keys().flatten().count(), MAX_PROCESSES),
        ];
        for (map, entries, max) in maps {
            self.metrics.itself.map(map, u32::try_from(entries).unwrap_or(u32::MAX), max);
        }
        let Counts { go, openssl } = self.binaries.counts();
        self.metrics.itself.binaries_instrumented(Library::Go, go);
        self.metrics.itself.binaries_instrumented(Library::Openssl, openssl);
        for Cost { name, runs, nanoseconds } in self.programs.costs() {
            self.metrics.itself.probe_cost(Probe(name), runs, nanoseconds);
        }
    }

    /// Tells the metrics what was lost; true if the model has to be put right.
    fn losses(&mut self) -> bool {
        let mut stale = false;
        for counter in Counter::ALL {
            let Ok(per_cpu) = self.programs.counters.get(&(counter as u32), 0) else { continue };
            let total: u64 = per_cpu.iter().sum();
            let before = self.losses.insert(counter as u32, total).unwrap_or(0);
            if total > before {
                debug!(
                    reason = counter.reason(),
                    lost = total - before,
                    "the kernel programs lost something"
                );
                stale |= LEAVES_STALE.contains(&counter);
            }
            self.metrics.itself.kernel_losses(counter, total);
        }
        stale
    }

    /// After events were lost: what the kernel still knows is compared with what the model holds.
    ///
    /// The kernel's tables are read first and the events drained after that: what ended before the reading has been told by
    /// then, if it was told at all; what began after it is newer than the time given here.
    fn resync(&mut self) {
        let time = now();
        let connections: HashSet<ConnId> = self
            .programs
            .connections
            .iter()
            .flatten()
            .map(|(sock, state)| decode::id(sock, &state))
            .collect();
        let processes = self.programs.processes.keys().flatten().collect();
        self.binaries
            .resync(&processes, &mut Attacher { programs: &mut self.programs, remover: &self.remover });
        while self.drain() == BATCH {}
        self.ignored.retain(|conn| connections.contains(conn) || conn.born >= time);
        self.event(Event::Resync { connections, processes, time });
        let gone: Vec<_> = self.model.threads_in_use().filter(|of| watch::is_gone(*of)).collect();
        for (pid, thread) in gone {
            self.event(Event::ThreadEnded { pid, thread, time: now() });
        }
    }

    /// Finds connections that have ended without the kernel programs seeing it.
    pub fn sweep(&mut self) {
        self.sweep_due = false;
        self.opened = 0;
        self.binaries.check();
        let now = now();
        let known: Vec<(u64, Conn)> = self.programs.connections.iter().flatten().collect();
        for (sock, state) in sweep::ended(&known, now) {
            if let Err(error) = self.programs.forget(sock) {
                warn!(%error, "cannot remove a connection that has ended");
            }
            self.event(Event::Closed {
                conn: decode::id(sock, &state),
                before: collector_common::conn::Phase::Open,
                error: 0,
                end: state.end_seen == 1,
                flows: decode::flows(&state.received, &state.sent),
                lost: state.lost,
                time: now,
            });
        }
    }

    /// Whether a sweep would likely find something.
    pub fn sweep_due(&self) -> bool {
        self.sweep_due
    }
}

/// Puts probes in by the programs, and has the remover take them out.
struct Attacher<'a> {
    programs: &'a mut Programs,
    remover: &'a Remover,
}

impl Attach for Attacher<'_> {
    type Attached = Probes;

    fn attach(&mut self, file: &File, program: &binary::Program) -> anyhow::Result<Probes> {
        Ok(self.remover.take(self.programs.instrument(file, program)?))
    }
}

/// The time that the kernel programs use: `CLOCK_MONOTONIC` in nanoseconds.
pub fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
