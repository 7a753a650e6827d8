//! What the watched processes ask of registries, declared.

use wire::http::Method;
use wire::oci::Kind;

use super::{Counter, Gauge, Histogram, Section, Texts, buckets, counter, gauge, histogram};
use crate::metrics::labels::{Code, Connected, DownloadKind, Process, Registry, Way};
use crate::model::fact::{ConnectResult, LookupResult, Role, Status, Visibility};

/// The section.
pub const SECTION: Section = Section {
    title: "Registry traffic of the watched processes (client side)",
    about: "What runtimes, image clients and agents ask of registries. A request that was redirected to another host, a \
            CDN's say, counts under the registry that redirected it.",
    metrics: &[
        REQUESTS.metric,
        REQUEST_DURATION.metric,
        TIME_TO_FIRST_BYTE.metric,
        RESPONSE_BYTES.metric,
        REQUESTS_IN_FLIGHT.metric,
        DOWNLOADS.metric,
        CONNECTS.metric,
        CONNECT_DURATION.metric,
        CONNECTIONS_OPEN.metric,
        NETWORK_BYTES.metric,
        TLS_HANDSHAKE_DURATION.metric,
        DNS_LOOKUP_DURATION.metric,
        CONNECTIONS_BY_VISIBILITY.metric,
    ],
};

/// `registry_requests_total`
pub const REQUESTS: Counter<(Process, Registry, Kind, Method, Code)> = counter(Texts {
    name: "registry_requests_total",
    unit: "requests",
    help: "HTTP requests of watched processes that came to an end, by what was asked for and how it was answered.",
    about: "Moves by one when an exchange ends: its answer is complete, was cut off, or never came (code=\"none\"). Every \
            request counts, also HEAD, retries, token requests and each hop of a redirect, so it equals what the servers \
            log. Requests inside TLS that cannot be decoded are not in it: pullscope_connections_by_visibility_total says \
            how many connections that concerns.",
});

/// `registry_request_duration_seconds`
pub const REQUEST_DURATION: Histogram<(Process, Registry, Kind)> = histogram(
    buckets::EXCHANGE,
    Texts {
        name: "registry_request_duration_seconds",
        unit: "seconds",
        help: "Time from the first byte of a request to the last byte of its answer, as the process's sockets saw it.",
        about: "Observed when an answer ends, complete or cut off; a request without any answer is not in it. Times are those \
            of the process's reads and writes: a process that reads its answer late makes it longer.",
    },
);

/// `registry_time_to_first_byte_seconds`
pub const TIME_TO_FIRST_BYTE: Histogram<(Process, Registry, Kind)> = histogram(
    buckets::FIRST_BYTE,
    Texts {
        name: "registry_time_to_first_byte_seconds",
        unit: "seconds",
        help: "Time from the first byte of a request to the first byte of its final answer.",
        about: "Observed with pullscope_registry_request_duration_seconds. Interim answers (1xx) do not end it. Where it is \
            long and the rest of the exchange is short, the registry was slow; the other way round, the way to it was.",
    },
);

/// `registry_response_bytes_total`
pub const RESPONSE_BYTES: Counter<(Process, Registry, Kind)> = counter(Texts {
    name: "registry_response_bytes_total",
    unit: "bytes",
    help: "Bytes of answers' bodies that watched processes received.",
    about: "Moves while a body arrives, so its rate is the rate of a long download; where a Go program's TLS is read it moves \
            when the body ends. Heads and the framing of chunked bodies are not in it, where the framing could be \
            followed. A download that a client repeats counts again: these are bytes received, not bytes stored.",
});

/// `registry_requests_in_flight`
pub const REQUESTS_IN_FLIGHT: Gauge<(Process, Registry)> = gauge(Texts {
    name: "registry_requests_in_flight",
    unit: "requests",
    help: "HTTP requests of watched processes that have begun and not ended.",
    about: "Goes up with the first byte of a request and down when its answer is complete, its connection closes, or its \
            process ends, SIGKILL included. Where events were lost, what the kernel no longer knows is taken back and \
            counted in pullscope_corrections_total.",
});

/// `downloads_total`
pub const DOWNLOADS: Counter<(Process, Registry, DownloadKind, Status)> = counter(Texts {
    name: "downloads_total",
    unit: "downloads",
    help: "Manifests and blobs that watched processes downloaded (ok), or failed to (error).",
    about: "Moves by one when the GET of a manifest or blob comes to its end: through redirects to other hosts, through a \
            401 whose challenge is answered by a retry, and through ranges, several of which make one download. HEAD is \
            none. error: an error code at the end of that way, or a body that broke off.",
});

/// `connects_total`
pub const CONNECTS: Counter<(Process, Registry, ConnectResult)> = counter(Texts {
    name: "connects_total",
    unit: "connects",
    help: "TCP connects of watched processes that came to an end, by result.",
    about: "Moves by one when the kernel says how a connect ended. canceled: the process closed the socket first, which is \
            how a client's own time limit looks; timeout: the kernel gave up. The registry of a failed connect is known \
            only from the DNS answer that the process saw for the address; else it is [IP_ADDRESS] or [UNKNOWN].",
});

/// `connect_duration_seconds`
pub const CONNECT_DURATION: Histogram<(Process, Registry, Connected)> = histogram(
    buckets::CONNECT,
    Texts {
        name: "connect_duration_seconds",
        unit: "seconds",
        help: "Time from a TCP connect's first segment to its end.",
        about: "Observed with pullscope_connects_total. For result=\"ok\" it is one round trip to the peer, and 1 s or more \
            where the first SYN was lost.",
    },
);

/// `connections_open`
pub const CONNECTIONS_OPEN: Gauge<(Process, Role)> = gauge(Texts {
    name: "connections_open",
    unit: "connections",
    help: "Connections of watched processes that are open now, by the side the process is on.",
    about: "Goes up when it is known which side of a connection the process is on, and down when the connection closes or \
            the last process that holds it ends.",
});

/// `network_bytes_total`
pub const NETWORK_BYTES: Counter<(Process, Registry, Way)> = counter(Texts {
    name: "network_bytes_total",
    unit: "bytes",
    help: "Bytes that watched processes received and sent over connections to registries, TLS and heads included.",
    about: "Counts what passes between process and socket: bodies, heads, TLS records; not TCP/IP headers or \
            retransmissions. Also moves for connections whose content cannot be read.",
});

/// `tls_handshake_duration_seconds`
pub const TLS_HANDSHAKE_DURATION: Histogram<(Process, Registry)> = histogram(
    buckets::HANDSHAKE,
    Texts {
        name: "tls_handshake_duration_seconds",
        unit: "seconds",
        help: "Time from the ClientHello of a client's connection to the end of the TLS handshake.",
        about: "Observed once per TLS connection whose handshake was seen from its start, also where nothing else of it can be \
            read. The end is the first byte of the last flight as it passes the socket: that of the client in TLS 1.3 and \
            where a session is resumed, else that of the server. A handshake that fails or whose server greeting was not \
            captured is not in it.",
    },
);

/// `dns_lookup_duration_seconds`
pub const DNS_LOOKUP_DURATION: Histogram<(Process, LookupResult)> = histogram(
    buckets::LOOKUP,
    Texts {
        name: "dns_lookup_duration_seconds",
        unit: "seconds",
        help: "Time from a DNS query of a watched process to its answer, by result.",
        about: "Observed per query over UDP that the process itself sends; its _count by result is the number of lookups. \
            Programs that leave lookups to a daemon (nscd, systemd-resolved over its own protocol), to a cache or to DNS \
            over TCP or TLS show nothing here. ok includes an empty answer without an error.",
    },
);

/// `connections_by_visibility_total`
pub const CONNECTIONS_BY_VISIBILITY: Counter<(Process, Visibility)> = counter(Texts {
    name: "connections_by_visibility_total",
    unit: "connections",
    help: "Connections of watched processes, by how much of their content could be read.",
    about: "Moves by one per connection. plaintext: everything was read. tls_decoded: TLS whose requests were read in the \
            process. tls_opaque: only the server's name, bytes and times are known, so its requests are in no other \
            metric. other: neither HTTP nor TLS, or nothing was said. A TLS connection of a process whose TLS can be read \
            counts with its first request, or as tls_opaque when it closes without one.",
});
