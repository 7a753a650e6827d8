//! Records what pullscope says of itself.

use collector_common::counters::Counter;
use collector_common::event;
use prometheus::{IntCounter, IntGauge, Result};

use super::family::{Builder, Family};
use super::labels::{
    AttachedStrategy, GaugeName, Library, Loss, Map, NotLogged, Probe, Process, Refused, Revision,
    Unattributed, Version,
};
use super::table::itself as table;

/// The section's metrics, and those of the watched processes' life.
pub struct Itself {
    build_info: Family<(Version, Revision, AttachedStrategy), IntGauge>,
    probe_attached: Family<(Probe,), IntGauge>,
    binaries_instrumented: Family<(Library,), IntGauge>,
    binaries_refused: Family<(Refused,), IntCounter>,
    processes_watched: Family<(Process,), IntGauge>,
    kernel_events: Family<(event::Kind,), IntCounter>,
    kernel_events_lost: Family<(Loss,), IntCounter>,
    exchanges_unattributed: Family<(Unattributed,), IntCounter>,
    hpack_unknown: Family<(), IntCounter>,
    corrections: Family<(GaugeName,), IntCounter>,
    pull_log_dropped: Family<(NotLogged,), IntCounter>,
    map_entries: Family<(Map,), IntGauge>,
    map_max_entries: Family<(Map,), IntGauge>,
    probe_runs: Family<(Probe,), IntCounter>,
    probe_run_seconds: Family<(Probe,), prometheus::Counter>,
}

impl Itself {
    /// All of the section, with the series of all `processes`.
    pub(super) fn new(build: &Builder<'_>, processes: &[Process]) -> Result<Self> {
        let itself = Self {
            build_info: build.family(&table::BUILD_INFO, processes)?,
            probe_attached: build.family(&table::PROBE_ATTACHED, processes)?,
            binaries_instrumented: build.family(&table::BINARIES_INSTRUMENTED, processes)?,
            binaries_refused: build.family(&table::BINARIES_REFUSED, processes)?,
            processes_watched: build.family(&table::PROCESSES_WATCHED, processes)?,
            kernel_events: build.family(&table::KERNEL_EVENTS, processes)?,
            kernel_events_lost: build.family(&table::KERNEL_EVENTS_LOST, processes)?,
            exchanges_unattributed: build.family(&table::EXCHANGES_UNATTRIBUTED, processes)?,
            hpack_unknown: build.family(&table::HPACK_UNKNOWN, processes)?,
            corrections: build.family(&table::CORRECTIONS, processes)?,
            pull_log_dropped: build.family(&table::PULL_LOG_DROPPED, processes)?,
            map_entries: build.family(&table::MAP_ENTRIES, processes)?,
            map_max_entries: build.family(&table::MAP_MAX_ENTRIES, processes)?,
            probe_runs: build.family(&table::PROBE_RUNS, processes)?,
            probe_run_seconds: build.family(&table::PROBE_RUN_SECONDS, processes)?,
        };
        itself.strategy(AttachedStrategy::None);
        Ok(itself)
    }

    /// How sockets are watched from now on.
    pub fn strategy(&self, strategy: AttachedStrategy) {
        self.build_info.only(&(Version(crate::VERSION), Revision(crate::REVISION), strategy));
    }

    /// Whether a kernel program is attached.
    pub fn probe_attached(&self, probe: Probe, attached: bool) {
        self.probe_attached.set(&(probe,), i64::from(attached));
    }

    /// How many files of a TLS library are probed now.
    pub fn binaries_instrumented(&self, library: Library, files: u32) {
        self.binaries_instrumented.set(&(library,), i64::from(files));
    }

    /// A program file got no probes, or not all that it should have.
    pub fn binary_refused(&self, reason: &'static str) {
        self.binaries_refused.add(&(Refused::from_reason(reason),), 1);
    }

    /// A watched process is there; exactly one [`process_ended`](Self::process_ended) is to follow.
    pub fn process_began(&self, process: &Process) {
        self.processes_watched.up(&(process.clone(),));
    }

    /// A watched process is gone. `false` where none was there.
    #[must_use]
    pub fn process_ended(&self, process: &Process) -> bool {
        self.processes_watched.down(&(process.clone(),))
    }

    /// The kernel delivered an event.
    pub fn kernel_event(&self, kind: event::Kind) {
        self.kernel_events.add(&(kind,), 1);
    }

    /// What the kernel programs have counted as lost up to now, over all processors.
    pub fn kernel_losses(&self, counter: Counter, total: u64) {
        self.kernel_events_lost.raise_to(&(counter.into(),), total);
    }

    /// A record could not be read.
    pub fn malformed_record(&self) {
        self.kernel_events_lost.add(&(Loss::MALFORMED,), 1);
    }

    /// Something seen belongs to no exchange.
    pub fn unattributed(&self, reason: &'static str) {
        self.exchanges_unattributed.add(&(Unattributed::from_reason(reason),), 1);
    }

    /// HTTP/2 header fields that cannot be known.
    pub fn hpack_unknown(&self, fields: u64) {
        self.hpack_unknown.add(&(), fields);
    }

    /// A gauge was put right, by its name without the `pullscope_` prefix.
    pub fn corrected(&self, gauge: GaugeName) {
        self.corrections.add(&(gauge,), 1);
    }

    /// Changes of pulls that the pull log, or a reader of it, has not got.
    pub fn pull_log_dropped(&self, reason: NotLogged, changes: u64) {
        self.pull_log_dropped.add(&(reason,), changes);
    }

    /// How full a kernel map is.
    pub fn map(&self, map: Map, entries: u32, max_entries: u32) {
        self.map_entries.set(&(map,), i64::from(entries));
        self.map_max_entries.set(&(map,), i64::from(max_entries));
    }

    /// What the kernel has measured of a program up to now: runs, and nanoseconds in them.
    pub fn probe_cost(&self, probe: Probe, runs: u64, nanoseconds: u64) {
        self.probe_runs.raise_to(&(probe,), runs);
        self.probe_run_seconds.raise_to(&(probe,), super::seconds(nanoseconds));
    }
}
