//! What is asked of runtimes over the CRI, declared.

use super::{Counter, Histogram, Section, Texts, buckets, counter, histogram};
use crate::metrics::labels::{Handler, Operation, Runtime};
use crate::model::fact::{CallStatus, Remover, Resource, Status};

/// The section.
pub const SECTION: Section = Section {
    title: "Sandboxes, containers, garbage collection (from the CRI socket)",
    about: "What kubelet and others ask of a runtime over its CRI socket, also on connections that are older than pullscope. \
            Series of containerd, crio and cri-dockerd exist from the start where their labels are known; those of another \
            runtime when it is first met.",
    metrics: &[
        OPERATION_DURATION.metric,
        SANDBOX_CREATE_DURATION.metric,
        SANDBOX_DELETES.metric,
        SANDBOX_ROLLBACKS.metric,
        GC_CYCLE_DURATION.metric,
        GC_RECLAIMED.metric,
        GC_ERRORS.metric,
    ],
};

/// `cri_operation_duration_seconds`
pub const OPERATION_DURATION: Histogram<(Runtime, Operation, CallStatus)> = histogram(
    buckets::CALL,
    Texts {
        name: "cri_operation_duration_seconds",
        unit: "seconds",
        help: "Time from the first byte of a CRI request to the last byte of its answer, by operation and gRPC status.",
        about: "Observed when a call ends; its count is the number of calls. runtime.v1 and v1alpha2 count together. status is \
                that of gRPC in small letters; unread: it could not be read; none: the call ended without an answer, since \
                its client gave up or one of the two is gone. Calls that stream (GetContainerEvents) end with their stream.",
    },
);

/// `sandbox_create_duration_seconds`
pub const SANDBOX_CREATE_DURATION: Histogram<(Runtime, Handler, Status)> = histogram(
    buckets::SANDBOX,
    Texts {
        name: "sandbox_create_duration_seconds",
        unit: "seconds",
        help: "Time that creating a pod sandbox took, by runtime handler.",
        about: "Observed when RunPodSandbox ends. handler is what the request names, default where it leaves that to the \
                runtime, unknown where it could not be read.",
    },
);

/// `sandbox_deletes_total`
pub const SANDBOX_DELETES: Counter<(Runtime, Handler, Status)> = counter(Texts {
    name: "sandbox_deletes_total",
    unit: "sandboxes",
    help: "Pod sandboxes that were removed (ok), or were to be and were not (error).",
    about: "Moves when RemovePodSandbox ends. handler is that of the sandbox's creation, unknown where that was not seen.",
});

/// `sandbox_rollbacks_total`
pub const SANDBOX_ROLLBACKS: Counter<(Runtime, Handler)> = counter(Texts {
    name: "sandbox_rollbacks_total",
    unit: "sandboxes",
    help: "Pod sandboxes that were given up before any container was started in them.",
    about: "Moves when a sandbox is removed in which no container was started, and when the creation of one fails and is \
            cleaned up. Sandboxes whose creation was not seen are not in it.",
});

/// `gc_cycle_duration_seconds`
pub const GC_CYCLE_DURATION: Histogram<(Runtime, Resource)> = histogram(
    buckets::CYCLE,
    Texts {
        name: "gc_cycle_duration_seconds",
        unit: "seconds",
        help: "Time from kubelet's first removal of a garbage collection cycle to the end of its last.",
        about: "Observed some seconds after the last removal of a cycle, when no further one has come. Only removals by kubelet \
                make a cycle.",
    },
);

/// `gc_reclaimed_total`
pub const GC_RECLAIMED: Counter<(Runtime, Resource, Remover)> = counter(Texts {
    name: "gc_reclaimed_total",
    unit: "removals",
    help: "Images, containers and sandboxes that were removed, by whom.",
    about: "Moves when RemoveImage, RemoveContainer or RemovePodSandbox ends well. reason: kubelet, which removes only what it \
            collects; user: a program for people (crictl and the like); unknown: there is no evidence who asked.",
});

/// `gc_errors_total`
pub const GC_ERRORS: Counter<(Runtime, Resource)> = counter(Texts {
    name: "gc_errors_total",
    unit: "removals",
    help: "Images, containers and sandboxes that garbage collection was to remove and could not.",
    about: "Moves when RemoveImage, RemoveContainer or RemovePodSandbox of the kubelet fails. What others cannot remove is no \
            collection.",
});
