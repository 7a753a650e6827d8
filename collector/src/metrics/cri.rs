//! Records what is asked of runtimes over the CRI.

use prometheus::{Histogram, IntCounter, Result};

use super::family::{Builder, Family};
use super::labels::{Handler, Operation, Process, Runtime};
use super::seconds;
use super::table::cri as table;
use crate::model::fact::{CallStatus, Remover, Resource, Status};
use crate::model::pull::record::Isolation;

/// The section's metrics.
pub struct Cri {
    operation_duration: Family<(Runtime, Operation, CallStatus), Histogram>,
    sandbox_create_duration: Family<(Runtime, Handler, Status), Histogram>,
    sandbox_deletes: Family<(Runtime, Handler, Status), IntCounter>,
    sandbox_rollbacks: Family<(Runtime, Handler), IntCounter>,
    gc_cycle_duration: Family<(Runtime, Resource), Histogram>,
    gc_reclaimed: Family<(Runtime, Resource, Remover), IntCounter>,
    gc_errors: Family<(Runtime, Resource), IntCounter>,
}

impl Cri {
    /// All of the section, with the series of `runtimes`.
    pub(super) fn new(build: &Builder<'_>, runtimes: &[Process]) -> Result<Self> {
        Ok(Self {
            operation_duration: build.family(&table::OPERATION_DURATION, runtimes)?,
            sandbox_create_duration: build.family(&table::SANDBOX_CREATE_DURATION, runtimes)?,
            sandbox_deletes: build.family(&table::SANDBOX_DELETES, runtimes)?,
            sandbox_rollbacks: build.family(&table::SANDBOX_ROLLBACKS, runtimes)?,
            gc_cycle_duration: build.family(&table::GC_CYCLE_DURATION, runtimes)?,
            gc_reclaimed: build.family(&table::GC_RECLAIMED, runtimes)?,
            gc_errors: build.family(&table::GC_ERRORS, runtimes)?,
        })
    }

    /// A call ended, after so many nanoseconds.
    pub fn call_ended(&self, runtime: Process, operation: Operation, status: CallStatus, duration: u64) {
        self.operation_duration.observe(&(Runtime(runtime), operation, status), seconds(duration));
    }

    /// A sandbox was created, or was not, after so many nanoseconds.
    pub fn sandbox_created(&self, runtime: Process, handler: &Isolation, status: Status, duration: u64) {
        let labels = (Runtime(runtime), Handler(handler.clone()), status);
        self.sandbox_create_duration.observe(&labels, seconds(duration));
    }

    /// A sandbox was removed, or was not.
    pub fn sandbox_deleted(&self, runtime: Process, handler: &Isolation, status: Status) {
        self.sandbox_deletes.add(&(Runtime(runtime), Handler(handler.clone()), status), 1);
    }

    /// A sandbox was given up.
    pub fn sandbox_rolled_back(&self, runtime: Process, handler: &Isolation) {
        self.sandbox_rollbacks.add(&(Runtime(runtime), Handler(handler.clone())), 1);
    }

    /// A cycle of garbage collection ended, after so many nanoseconds.
    pub fn gc_cycle_ended(&self, runtime: Process, resource: Resource, duration: u64) {
        self.gc_cycle_duration.observe(&(Runtime(runtime), resource), seconds(duration));
    }

    /// Something was removed.
    pub fn reclaimed(&self, runtime: Process, resource: Resource, remover: Remover) {
        self.gc_reclaimed.add(&(Runtime(runtime), resource, remover), 1);
    }

    /// Something could not be removed.
    pub fn reclaim_failed(&self, runtime: Process, resource: Resource) {
        self.gc_errors.add(&(Runtime(runtime), resource), 1);
    }
}
