//! What watched processes serve to others, declared.

use wire::http::Method;
use wire::oci::Kind;

use super::{Counter, Gauge, Histogram, Section, Texts, buckets, counter, gauge, histogram};
use crate::metrics::labels::{Code, DownloadKind, Process};
use crate::model::fact::{Cached, ProxyTrouble, Status};

/// The section.
pub const SECTION: Section = Section {
    title: "What agents, mirrors and proxies serve (server side)",
    about: "The same exchanges seen from the side that answers. Targets with the role `server` or `both` have these series.",
    metrics: &[
        REQUESTS.metric,
        REQUEST_DURATION.metric,
        REQUESTS_IN_FLIGHT.metric,
        BYTES.metric,
        DOWNLOADS.metric,
        CACHE.metric,
        PROXY_ERRORS.metric,
    ],
};

/// `served_requests_total`
pub const REQUESTS: Counter<(Process, Kind, Method, Code)> = counter(Texts {
    name: "served_requests_total",
    unit: "requests",
    help: "HTTP requests that watched processes answered, by what was asked for and how it was answered.",
    about: "Moves by one when an exchange ends: the answer left completely, broke off, or never came (code=\"none\"). Also \
            counts what is no registry request, such as health checks and scrapes, as kind=\"other\".",
});

/// `served_request_duration_seconds`
pub const REQUEST_DURATION: Histogram<(Process, Kind)> = histogram(
    buckets::EXCHANGE,
    Texts {
        name: "served_request_duration_seconds",
        unit: "seconds",
        help: "Time from the first byte of a served request to the last byte of its answer.",
        about: "Observed when an answer has left, complete or broken off. The last byte is the one the process gave to its \
            socket: what the kernel still had to send is not in it.",
    },
);

/// `served_requests_in_flight`
pub const REQUESTS_IN_FLIGHT: Gauge<(Process,)> = gauge(Texts {
    name: "served_requests_in_flight",
    unit: "requests",
    help: "HTTP requests that watched processes have begun to serve and not ended.",
    about: "Goes up with the first byte of a request and down when its answer is complete, its connection closes, or the \
            serving process ends.",
});

/// `served_bytes_total`
pub const BYTES: Counter<(Process, Kind)> = counter(Texts {
    name: "served_bytes_total",
    unit: "bytes",
    help: "Bytes of answers' bodies that watched processes sent.",
    about: "Moves while a body leaves; bytes that the kernel copies itself (sendfile, splice) are counted too. Heads are \
            not in it.",
});

/// `served_downloads_total`
pub const DOWNLOADS: Counter<(Process, DownloadKind, Status)> = counter(Texts {
    name: "served_downloads_total",
    unit: "downloads",
    help: "GETs of manifests and blobs that watched processes served to their end (ok), or not (error).",
    about: "Its rate is the download rate of an agent or mirror. A redirect or a challenge is no download: the bytes come \
            from elsewhere, or with the next request.",
});

/// `served_cache_total`
pub const CACHE: Counter<(Process, DownloadKind, Cached)> = counter(Texts {
    name: "served_cache_total",
    unit: "downloads",
    help: "Manifests and blobs that watched processes served to their end, by whether they had them already.",
    about: "Moves with pullscope_served_downloads_total for each that was served well. miss: its process fetched it meanwhile, or \
            was still fetching it, by its digest or as the same tag: from a registry, or by asking a tracker for its metainfo. hit: it did not, all its \
            connections to others can be read, and what came over them meanwhile is less than what was served. unknown: anything \
            else, such as a manifest whose digest is not known, or connections with TLS or a peer-to-peer protocol that cannot \
            be read.",
});

/// `proxy_errors_total`
pub const PROXY_ERRORS: Counter<(Process, ProxyTrouble)> = counter(Texts {
    name: "proxy_errors_total",
    unit: "requests",
    help: "Requests that watched processes could not answer well since an upstream failed them, by what the upstream did.",
    about: "Moves by one when a served request ends with a code of 500 or more, or its answer breaks off while its client is still \
            there, and something that the same process asked of others meanwhile failed; for 502 and 504 also where that was not \
            seen. connection_refused: a connection was refused. timeout: it could not be made, or no answer came, in time; or the \
            code is 504. other: anything else, such as a reset or a body that was cut. A code that an upstream itself answered \
            and that is passed on is no proxy error.",
});
