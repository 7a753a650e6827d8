//! How pullscope is: what `/readyz` and the start page say.
//!
//! The kernel side writes it, the server reads it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::metrics::labels::{AttachedStrategy, Probe};

/// The ring buffer is drained many times a second; after so long without, nobody drains it.
const DRAIN_OVERDUE: Duration = Duration::from_secs(5);

/// State of one kernel program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeState {
    /// It runs.
    Attached,
    /// It does not, for this reason.
    Detached(String),
}

/// What the status says at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// `Err` holds the reason why pullscope does not count (yet), in a few words.
    pub ready: Result<(), String>,
    /// How sockets are watched.
    pub strategy: AttachedStrategy,
    /// Kernel programs by name.
    pub probes: BTreeMap<&'static str, ProbeState>,
}

struct Inner {
    attached: Result<(), String>,
    probed: bool,
    drained: Option<Instant>,
    strategy: AttachedStrategy,
    probes: BTreeMap<&'static str, ProbeState>,
}

/// The status, shared.
#[derive(Clone)]
pub struct Status {
    metrics: Arc<Metrics>,
    inner: Arc<Mutex<Inner>>,
}

impl Status {
    /// Not ready, for that reason. What is said later also goes to `metrics` (`build_info`, `probe_attached`).
    pub fn new(metrics: Arc<Metrics>, reason: &str) -> Self {
        let inner = Inner {
            attached: Err(reason.to_owned()),
            probed: false,
            drained: None,
            strategy: AttachedStrategy::None,
            probes: BTreeMap::new(),
        };
        Self { metrics, inner: Arc::new(Mutex::new(inner)) }
    }

    /// One kernel program is attached, or is not.
    pub fn probe(&self, probe: Probe, state: ProbeState) {
        self.metrics.itself.probe_attached(probe, state == ProbeState::Attached);
        self.lock().probes.insert(probe.0, state);
    }

    /// Everything that the strategy needs is attached.
    pub fn attached(&self, strategy: AttachedStrategy) {
        self.metrics.itself.strategy(strategy);
        let mut inner = self.lock();
        inner.strategy = strategy;
        inner.attached = Ok(());
    }

    /// The programs that were there at the start have been looked at, and have their probes. May be said again.
    pub fn probed(&self) {
        self.lock().probed = true;
    }

    /// The ring buffer was drained: to be said every time.
    pub fn drained(&self) {
        self.lock().drained = Some(Instant::now());
    }

    /// How it is now.
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.lock();
        let ready = inner.attached.clone().and_then(|()| match inner.drained.map(|at| at.elapsed()) {
            Some(ago) if ago < DRAIN_OVERDUE && !inner.probed => {
                Err("the programs on this machine are still being looked at".to_owned())
            }
            Some(ago) if ago < DRAIN_OVERDUE => Ok(()),
            Some(ago) => Err(format!("the ring buffer has not been drained for {} s", ago.as_secs())),
            None => Err("the ring buffer has not been drained yet".to_owned()),
        });
        Snapshot { ready, strategy: inner.strategy, probes: inner.probes.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
