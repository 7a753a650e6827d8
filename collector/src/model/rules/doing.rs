//! Something that a rule counts and that goes on.

use std::sync::Arc;

use crate::model::fact::{Completion, Fact, Operation, Work};
use crate::model::outbox::{Guard, InFlight, Outbox};

/// What is counted, and how it ended: until that is known, unseen.
pub(super) struct Counted<T> {
    of: T,
    status: Completion,
    duration: Option<u64>,
}

impl InFlight for Counted<Operation> {
    const GAUGE: &'static str = "operations_in_flight";

    fn began(&self) -> Fact {
        Fact::OperationBegan(self.of.clone())
    }

    fn ended(&self) -> Fact {
        let Self { of, status, duration } = self;
        Fact::OperationEnded { operation: of.clone(), status: *status, duration: *duration }
    }
}

impl InFlight for Counted<Work> {
    const GAUGE: &'static str = "work_in_flight";

    fn began(&self) -> Fact {
        Fact::WorkBegan(self.of.clone())
    }

    fn ended(&self) -> Fact {
        let Self { of, status, duration } = self;
        Fact::WorkEnded { work: of.clone(), status: *status, duration: *duration }
    }
}

/// What a rule's metrics are labelled with.
pub(super) enum Label {
    Operation(Operation),
    Work(Work),
}

/// It goes on; dropped, it has ended unseen.
pub(in crate::model) struct Doing {
    began: u64,
    guard: Guarded,
    /// As long as one of these is held, an operation of its name goes on in the process.
    _running: Arc<()>,
}

enum Guarded {
    Operation(Guard<Counted<Operation>>),
    Work(Guard<Counted<Work>>),
}

impl Doing {
    pub(super) fn begin(label: Label, began: u64, running: Arc<()>, outbox: &Outbox) -> Self {
        let guard = match label {
            Label::Operation(of) => Guarded::Operation(Guard::begin(outbox, unseen(of))),
            Label::Work(of) => Guarded::Work(Guard::begin(outbox, unseen(of))),
        };
        Self { began, guard, _running: running }
    }

    /// Its end was seen.
    pub(super) fn end(mut self, status: Completion, time: u64) {
        let duration = Some(time.saturating_sub(self.began));
        match &mut self.guard {
            Guarded::Operation(guard) => (guard.of.status, guard.of.duration) = (status, duration),
            Guarded::Work(guard) => (guard.of.status, guard.of.duration) = (status, duration),
        }
    }

    /// The value of its label that the recipe took from what was seen.
    pub(super) fn value(&self) -> &str {
        match &self.guard {
            Guarded::Operation(guard) => &guard.of.of.kind,
            Guarded::Work(guard) => &guard.of.of.queue,
        }
    }
}

fn unseen<T>(of: T) -> Counted<T> {
    Counted { of, status: Completion::Unknown, duration: None }
}
