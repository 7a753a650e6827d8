//! Keeps what the model tells of pulls.
//!
//! Pulls that go on stay as long as they do, the last so many that ended stay after that. Both are bounded; a pull that has
//! to go though it goes on is counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::time::ClockId;
use tokio::sync::broadcast;

use super::entry::{Entry, nanoseconds};
use super::filter::Filter;
use crate::metrics::Metrics;
use crate::metrics::labels::NotLogged;
use crate::model::pull::record::{PullId, PullRecord};
use crate::targets::Targets;

/// Most pulls that go on at once; what `pull_log_dropped_total` is explained with.
pub const MAX_RUNNING: usize = 4096;

/// Changes that a subscriber may be behind.
const BEHIND: usize = 256;

/// The log. All clones are the same one.
#[derive(Clone)]
pub struct PullLog(Arc<Shared>);

struct Shared {
    /// By target id: its name, and whether what it asks of registries is watched.
    targets: Vec<(Arc<str>, bool)>,
    remember: usize,
    metrics: Arc<Metrics>,
    kept: Mutex<Kept>,
    changes: broadcast::Sender<Arc<Entry>>,
}

#[derive(Default)]
struct Kept {
    pulls: BTreeMap<PullId, Arc<Entry>>,
    /// Those that have ended, in the order of their ends.
    ended: VecDeque<PullId>,
    /// Number of the last change.
    change: u64,
}

/// What a subscriber gets.
#[derive(Debug)]
pub enum Change {
    /// A pull began, changed or ended.
    Pull(Arc<Entry>),
    /// So many changes were not taken in time, and are gone.
    Missed(u64),
}

/// Changes of pulls, from the moment of subscribing on.
pub struct Subscription {
    first: VecDeque<Arc<Entry>>,
    changes: broadcast::Receiver<Arc<Entry>>,
    metrics: Arc<Metrics>,
}

impl PullLog {
    /// An empty log that remembers so many ended pulls of these targets; what it cannot keep counts in `metrics`.
    pub fn new(targets: &Targets, remember: usize, metrics: Arc<Metrics>) -> Self {
        let named = targets.as_slice().iter();
        Self(Arc::new(Shared {
            targets: named.map(|target| (target.name.as_str().into(), target.role.is_client())).collect(),
            remember,
            metrics,
            kept: Mutex::default(),
            changes: broadcast::channel(BEHIND).0,
        }))
    }

    /// Takes a record in the place of an older one of the same pull. Targets that are not watched as clients have no pulls.
    pub fn record(&self, record: PullRecord) {
        // Taken at every record: the wall's clock is set now and then.
        let offset = nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Monotonic));
        self.record_at(record, offset);
    }

    /// `offset` is what the wall's clock is ahead of the times in the record.
    pub(super) fn record_at(&self, record: PullRecord, offset: u64) {
        let Shared { targets, remember, metrics, changes, .. } = &*self.0;
        let Some((runtime, true)) = targets.get(usize::from(record.runtime.0)) else { return };
        let mut kept = self.kept();
        let kept = &mut *kept;
        let id = record.id;
        let before = kept.pulls.get(&id);
        let (known, had_ended) = (before.is_some(), before.is_some_and(|entry| entry.record.end.is_some()));
        // What has ended goes on no more.
        if record.end.is_none() && had_ended {
            return;
        }
        if record.end.is_none() && !known && kept.pulls.len() - kept.ended.len() >= MAX_RUNNING {
            metrics.itself.pull_log_dropped(NotLogged::LOG_FULL, 1);
            return;
        }
        let began = before.map_or_else(|| record.began.saturating_add(offset), |entry| entry.began);
        kept.change += 1;
        let ends = record.end.is_some() && !had_ended;
        let entry = Arc::new(Entry { record, runtime: Arc::clone(runtime), began, change: kept.change });
        kept.pulls.insert(id, Arc::clone(&entry));
        if ends {
            kept.ended.push_back(id);
            if kept.ended.len() > *remember
                && let Some(oldest) = kept.ended.pop_front()
            {
                kept.pulls.remove(&oldest);
            }
        }
        // Still under the lock, so that subscribers see every change once. An error means that there are none.
        let _ = changes.send(entry);
    }

    /// The pulls that are asked for, newest first.
    pub fn list(&self, filter: &Filter) -> Vec<Arc<Entry>> {
        let kept = self.kept();
        let newest = kept.pulls.values().rev().filter(|entry| filter.matches(entry));
        newest.take(filter.limit()).cloned().collect()
    }

    /// The pull of that number, if it is still there.
    pub fn get(&self, id: PullId) -> Option<Arc<Entry>> {
        self.kept().pulls.get(&id).cloned()
    }

    /// Subscribes to changes. The first of them are the pulls that go on now; and, for who has seen the change number `after`
    /// as its last, those that have changed since.
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        let kept = self.kept();
        // A number that is still to come is from before a restart.
        let after = after.filter(|after| *after <= kept.change).unwrap_or(u64::MAX);
        let wanted = |entry: &&Arc<Entry>| entry.record.end.is_none() || entry.change > after;
        let mut first: Vec<_> = kept.pulls.values().filter(wanted).cloned().collect();
        first.sort_by_key(|entry| entry.change);
        Subscription {
            first: first.into(),
            changes: self.0.changes.subscribe(),
            metrics: Arc::clone(&self.0.metrics),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next change, when it comes; `None` when the log is gone.
    pub async fn next(&mut self) -> Option<Change> {
        if let Some(entry) = self.first.pop_front() {
            return Some(Change::Pull(entry));
        }
        match self.changes.recv().await {
            Ok(entry) => Some(Change::Pull(entry)),
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                self.metrics.itself.pull_log_dropped(NotLogged::READER_SLOW, missed);
                Some(Change::Missed(missed))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
