//! A pull as the log keeps it.

use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};

use super::document::Pull;
use crate::model::pull::record::PullRecord;

/// A pull in the log.
#[derive(Debug)]
pub struct Entry {
    /// What the model says of it.
    pub record: PullRecord,
    /// Name of its target.
    pub runtime: Arc<str>,
    /// When it began by the wall's clock, in nanoseconds since the Unix epoch: as the clock stood when it was first told of,
    /// so that it stays the same though the clock is set meanwhile.
    pub began: u64,
    /// Number of its last change, counted over all pulls from 1.
    pub change: u64,
}

impl Entry {
    /// As it is shown now.
    pub fn document(&self) -> Pull {
        Pull::new(&self.record, &self.runtime, self.began, nanoseconds(ClockId::Monotonic))
    }
}

/// A clock of the kernel in nanoseconds.
pub(super) fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}
