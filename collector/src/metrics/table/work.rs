//! What recipes count, declared.

use super::{Counter, Gauge, Histogram, Section, Texts, buckets, counter, gauge, histogram};
use crate::metrics::labels::{Basis, OperationKind, OperationName, Process, Queue};
use crate::model::fact::Completion;

/// The section.
pub const SECTION: Section = Section {
    title: "Work of queue consumers and operations (from recipes)",
    about: "What a recipe says of a program ([recipes.md](recipes.md)): the items that it takes from a queue, and operations such \
            as the creation of a sandbox. Without a recipe there are no such series. Those of a recipe exist from the start where \
            it lists the values of its label. status is ok, error, or unknown where the end was not seen or says nothing. Numbers \
            are those of all processes of a target together.",
    metrics: &[
        WORK_IN_FLIGHT.metric,
        WORK.metric,
        WORK_DURATION.metric,
        WORK_BASIS.metric,
        OPERATION_DURATION.metric,
        OPERATIONS.metric,
        OPERATIONS_IN_FLIGHT.metric,
    ],
};

/// `work_in_flight`
pub const WORK_IN_FLIGHT: Gauge<(Process, Queue)> = gauge(Texts {
    name: "work_in_flight",
    unit: "items",
    help: "Items that queue consumers have taken and are not done with.",
    about: "Goes up when an item is handed out, by the reply that brings it, and down when its recipe's end is met, its thread, \
            connection or process ends, or it has lasted longer than the recipe allows. Each item goes down once.",
});

/// `work_total`
pub const WORK: Counter<(Process, Queue, Completion)> = counter(Texts {
    name: "work_total",
    unit: "items",
    help: "Items that queue consumers are done with, by how they ended.",
    about: "Moves by one when an item ends, also where the end itself was not seen (status=\"unknown\"): it is then not in \
            pullscope_work_duration_seconds.",
});

/// `work_duration_seconds`
pub const WORK_DURATION: Histogram<(Process, Queue, Completion)> = histogram(
    buckets::WORK,
    Texts {
        name: "work_duration_seconds",
        unit: "seconds",
        help: "Time from when a queue consumer was handed an item to when it was done with it.",
        about: "Observed when an item ends and its end was seen. Where pullscope_work_basis says estimate, how long each took \
                is one: ends are taken for those of the oldest items.",
    },
);

/// `work_basis`
pub const WORK_BASIS: Gauge<(Process, Queue, Basis)> = gauge(Texts {
    name: "work_basis",
    unit: "always 1",
    help: "What the numbers of a queue's work rest on.",
    about: "exact: each item's own end is seen. estimate: a process works at many items at a time, and nothing tells which of \
            them an end is for; it is taken for that of the oldest. The number of items is exact all the same as far as each \
            has an end. Two series where two recipes' rules for one queue differ.",
});

/// `operation_duration_seconds`
pub const OPERATION_DURATION: Histogram<(Process, OperationName, OperationKind, Completion)> = histogram(
    buckets::WORK,
    Texts {
        name: "operation_duration_seconds",
        unit: "seconds",
        help: "Time that a recipe's operations took.",
        about: "Observed when an operation ends and its end was seen; pullscope_operations_total counts the others too.",
    },
);

/// `operations_total`
pub const OPERATIONS: Counter<(Process, OperationName, OperationKind, Completion)> = counter(Texts {
    name: "operations_total",
    unit: "operations",
    help: "Operations of recipes that ended, by how.",
    about: "Moves by one when an operation ends. One whose end was not seen (events were lost, or it lasted longer than its \
            recipe allows) is here with status=\"unknown\", and has no duration.",
});

/// `operations_in_flight`
pub const OPERATIONS_IN_FLIGHT: Gauge<(Process, OperationName, OperationKind)> = gauge(Texts {
    name: "operations_in_flight",
    unit: "operations",
    help: "Operations of recipes that have begun and not ended.",
    about: "Goes up when an operation begins and down when it ends, when its process or connection ends, or when it has lasted \
            longer than its recipe allows.",
});
