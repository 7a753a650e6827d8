//! Records what recipes count.

use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntGauge, Result};

use super::family::{Builder, Family};
use super::labels::{Basis, MetricName, OperationKind, OperationName, Process, Queue};
use super::seconds;
use super::table::work as table;
use crate::model::fact::Completion;
use crate::recipes::Recipe;
use crate::recipes::rule::{Bound, Each, Feeds, Rule, Source, Span};

/// The section's metrics.
pub struct Work {
    in_flight: Family<(Process, Queue), IntGauge>,
    ended: Family<(Process, Queue, Completion), IntCounter>,
    duration: Family<(Process, Queue, Completion), Histogram>,
    basis: Family<(Process, Queue, Basis), IntGauge>,
    operation_duration: Family<(Process, OperationName, OperationKind, Completion), Histogram>,
    operations: Family<(Process, OperationName, OperationKind, Completion), IntCounter>,
    operations_in_flight: Family<(Process, OperationName, OperationKind), IntGauge>,
    dropped: Family<(MetricName,), IntCounter>,
}

impl Work {
    /// All of the section, with the series of `recipes` as far as their labels are known.
    pub(super) fn new(build: &Builder<'_>, recipes: &[Recipe]) -> Result<Self> {
        let work = Self {
            in_flight: build.family(&table::WORK_IN_FLIGHT, &[])?,
            ended: build.family(&table::WORK, &[])?,
            duration: build.family(&table::WORK_DURATION, &[])?,
            basis: build.family(&table::WORK_BASIS, &[])?,
            operation_duration: build.family(&table::OPERATION_DURATION, &[])?,
            operations: build.family(&table::OPERATIONS, &[])?,
            operations_in_flight: build.family(&table::OPERATIONS_IN_FLIGHT, &[])?,
            dropped: build.dropped(),
        };
        for recipe in recipes {
            let process = Process(recipe.target.name.as_str().into());
            for rule in &recipe.rules {
                work.begin_with(&process, rule);
            }
        }
        Ok(work)
    }

    /// Makes the series of a rule that are known.
    fn begin_with(&self, process: &Process, rule: &Rule) {
        match &rule.feeds {
            Feeds::Work { queue } => {
                self.begin_to_drop(queue, table::WORK.metric.name);
                for queue in known(queue) {
                    let queue = Queue(queue);
                    self.in_flight.begin_with(&(process.clone(), queue.clone()));
                    for status in Completion::ALL {
                        let labels = (process.clone(), queue.clone(), status);
                        self.ended.begin_with(&labels);
                        self.duration.begin_with(&labels);
                    }
                    self.basis.set(&(process.clone(), queue, Basis::of(is_exact(&rule.span))), 1);
                }
            }
            Feeds::Operation { operation, kind } => {
                self.begin_to_drop(kind, table::OPERATION_DURATION.metric.name);
                for kind in known(kind) {
                    let (operation, kind) = (OperationName(Arc::clone(operation)), OperationKind(kind));
                    for status in Completion::ALL {
                        let labels = (process.clone(), operation.clone(), kind.clone(), status);
                        self.operations.begin_with(&labels);
                        self.operation_duration.begin_with(&labels);
                    }
                    self.operations_in_flight.begin_with(&(process.clone(), operation, kind));
                }
            }
        }
    }

    /// Makes the series of what may find no room in a label, if it is bounded by a number.
    fn begin_to_drop(&self, source: &Source, metric: &'static str) {
        if let Source::Captured { bound: Bound::Most(_), .. } = source {
            self.dropped.begin_with(&(MetricName(metric),));
        }
    }

    /// A label had no room for another value; the metric is one of those that have it.
    pub fn value_dropped(&self, metric: MetricName) {
        self.dropped.add(&(metric,), 1);
    }

    /// A queue consumer took an item; exactly one [`work_ended`](Self::work_ended) is to follow.
    pub fn work_began(&self, process: Process, queue: Queue, basis: Basis) {
        self.in_flight.up(&(process.clone(), queue.clone()));
        self.basis.set(&(process, queue, basis), 1);
    }

    /// A queue consumer is done with an item, after so many nanoseconds if that is known. `false` where it had none.
    #[must_use]
    pub fn work_ended(
        &self,
        process: Process,
        queue: Queue,
        status: Completion,
        duration: Option<u64>,
    ) -> bool {
        let matched = self.in_flight.down(&(process.clone(), queue.clone()));
        let labels = (process, queue, status);
        self.ended.add(&labels, 1);
        if let Some(duration) = duration {
            self.duration.observe(&labels, seconds(duration));
        }
        matched
    }

    /// An operation began; exactly one [`operation_ended`](Self::operation_ended) is to follow.
    pub fn operation_began(&self, process: Process, operation: OperationName, kind: OperationKind) {
        self.operations_in_flight.up(&(process, operation, kind));
    }

    /// An operation ended, after so many nanoseconds if that is known. `false` where none went on.
    #[must_use]
    pub fn operation_ended(
        &self,
        process: Process,
        operation: OperationName,
        kind: OperationKind,
        status: Completion,
        duration: Option<u64>,
    ) -> bool {
        let matched = self.operations_in_flight.down(&(process.clone(), operation.clone(), kind.clone()));
        let labels = (process, operation, kind, status);
        self.operations.add(&labels, 1);
        if let Some(duration) = duration {
            self.operation_duration.observe(&labels, seconds(duration));
        }
        matched
    }
}

/// The values of a label that its recipe names.
fn known(source: &Source) -> Vec<Arc<str>> {
    match source {
        Source::Fixed(value) => vec![Arc::clone(value)],
        Source::Captured { bound: Bound::Listed(values), .. } => {
            values.iter().cloned().chain([Source::OTHER.into()]).collect()
        }
        Source::Captured { bound: Bound::Most(_), .. } => Vec::new(),
    }
}

/// Whether each end is that of one item.
fn is_exact(span: &Span) -> bool {
    !matches!(span, Span::Between { each: Each::Pool, .. })
}
