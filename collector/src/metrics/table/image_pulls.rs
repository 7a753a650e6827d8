//! Whole image pulls, declared.

use wire::trouble::Trouble;

use super::{Counter, Gauge, Histogram, Section, Texts, buckets, counter, gauge, histogram};
use crate::metrics::labels::{HasCreds, OnDisk, Registry, Runtime};
use crate::model::pull::record::{Isolation, PullStatus, Trigger};

/// The section.
pub const SECTION: Section = Section {
    title: "Image pulls",
    about: "One observation for each image pulled, whoever did it and however many saw it: a pull that kubelet asks for, that \
            the runtime carries out and that registries answer is one. What `pullscope pulls` shows of each, names and \
            digests included, is in no label.",
    metrics: &[DURATION.metric, IN_FLIGHT.metric, BYTES.metric, ERRORS.metric],
};

/// Labels of [`DURATION`].
pub type PullLabels = (Runtime, Isolation, Registry, PullStatus, OnDisk, HasCreds, Trigger);

/// `image_pull_duration_seconds`
pub const DURATION: Histogram<PullLabels> = histogram(
    buckets::PULL,
    Texts {
        name: "image_pull_duration_seconds",
        unit: "seconds",
        help: "Time from the first sign of an image pull to its end; the count of it is the number of pulls.",
        about: "Observed when a pull ends. The first sign is the call that asks for it, or else the first request to the \
                registry; the end is the answer to that call, or the end of the program, or the last blob that the \
                manifest names. status: unknown only where the end cannot be seen. on_disk: true where a pull ended well \
                and no blob crossed the wire. has_creds: whether credentials were presented, by whoever asked or to the \
                registry; presence only. trigger: execution where the image is to be run now (a CRI request with a \
                sandbox config, podman run), warmup where it is to be there (a CRI request without one, podman pull, \
                skopeo copy). What there is no evidence for is unknown.",
    },
);

/// `image_pulls_in_flight`
pub const IN_FLIGHT: Gauge<(Runtime, Registry)> = gauge(Texts {
    name: "image_pulls_in_flight",
    unit: "pulls",
    help: "Image pulls that have begun and not ended.",
    about: "Goes up with the first sign of a pull and down at its end: success, failure, the caller giving up, death of the \
            process, SIGKILL included. Where events were lost, what the kernel no longer knows is taken back and counted in \
            pullscope_corrections_total. A pull whose registry shows only later moves from one series to the other.",
});

/// `image_pull_bytes_total`
pub const BYTES: Counter<(Runtime, Registry)> = counter(Texts {
    name: "image_pull_bytes_total",
    unit: "bytes",
    help: "Body bytes that crossed the wire for image pulls.",
    about: "Moves while bodies arrive; over a Go program's TLS when a body ends. Not the size of the image: layers that were \
            there already are not in it, what was sent twice is in it twice.",
});

/// `image_pull_errors_total`
pub const ERRORS: Counter<(Runtime, Registry, Trouble)> = counter(Texts {
    name: "image_pull_errors_total",
    unit: "pulls",
    help: "Image pulls that ended with an error, by reason.",
    about: "Moves by one for each pull that pullscope_image_pull_duration_seconds has with status=\"error\". The reason comes from \
            status codes of the registry, results of connects and lookups, gRPC statuses and messages, whichever says most. \
            unauthorized: 401 and 403; not_found: 404; rate_limited: 429; server_error: 5xx; connection_refused: nobody \
            listens; unreachable: no way leads there; dns: the name has no address; tls: no TLS connection came about; \
            timeout: it took too long; reset: a connection broke off; canceled: who asked gave up; killed: the process was \
            killed; no_space: no room on the disk; other: anything else, or not known.",
});
