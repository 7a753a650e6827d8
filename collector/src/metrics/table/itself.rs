//! What pullscope says of itself, declared.

use collector_common::event;

use super::{Counter, Gauge, SecondsCounter, Section, Texts, counter, gauge, seconds_counter};
use crate::metrics::labels::{
    AttachedStrategy, GaugeName, Library, Loss, Map, MetricName, NotLogged, Probe, Process, Refused,
    Revision, Unattributed, Version,
};

/// The section.
pub const SECTION: Section = Section {
    title: "pullscope itself",
    about: "Whether it works, what it costs, and what it had to leave out: nothing is lost without being counted here. \
            Beside these stand the `process_*` metrics that every exporter has (CPU seconds, resident and virtual \
            memory, open and most file descriptors, threads, start time).",
    metrics: &[
        BUILD_INFO.metric,
        PROBE_ATTACHED.metric,
        BINARIES_INSTRUMENTED.metric,
        BINARIES_REFUSED.metric,
        PROCESSES_WATCHED.metric,
        KERNEL_EVENTS.metric,
        KERNEL_EVENTS_LOST.metric,
        EXCHANGES_UNATTRIBUTED.metric,
        HPACK_UNKNOWN.metric,
        CORRECTIONS.metric,
        SERIES_DROPPED.metric,
        PULL_LOG_DROPPED.metric,
        MAP_ENTRIES.metric,
        MAP_MAX_ENTRIES.metric,
        PROBE_RUNS.metric,
        PROBE_RUN_SECONDS.metric,
    ],
};

/// `build_info`
pub const BUILD_INFO: Gauge<(Version, Revision, AttachedStrategy)> = gauge(Texts {
    name: "build_info",
    unit: "always 1",
    help: "Version and commit of this pullscope, and how it watches sockets.",
    about: "One series, with the value 1. kernel_strategy is none until the kernel programs are attached.",
});

/// `probe_attached`
pub const PROBE_ATTACHED: Gauge<(Probe,)> = gauge(Texts {
    name: "probe_attached",
    unit: "0 or 1",
    help: "Whether a kernel program is attached (1) or not (0).",
    about: "One series for each program that the strategy in force needs. The start page says why one is not attached.",
});

/// `binaries_instrumented`
pub const BINARIES_INSTRUMENTED: Gauge<(Library,)> = gauge(Texts {
    name: "binaries_instrumented",
    unit: "binaries",
    help: "Program and library files whose TLS functions are probed, by TLS library.",
    about: "A file that many processes run counts once.",
});

/// `binaries_refused_total`
pub const BINARIES_REFUSED: Counter<(Refused,)> = counter(Texts {
    name: "binaries_refused_total",
    unit: "binaries",
    help: "Program and library files that got no probes, or not all that they should have, by reason.",
    about: "Moves by one per file. What the TLS of such a program carries is counted as tls_opaque in \
            pullscope_connections_by_visibility_total. `pullscope check` says more about each program. \
            version_unknown: a Go program that does not say which release made it, or was not made by a release. too_old, \
            too_new: made by a Go release whose layout is not known. functions_unknown, function_doubtful: what has to be \
            probed could not be found, or not beyond doubt. module_unknown: HTTP/2 from a version of golang.org/x/net \
            whose layout is not known. unreadable, malformed, too_much, other_machine: the file itself; unreadable also a \
            process whose program may not be opened, once for each such process. \
            changing: it was written to again and again. table_full: more files than are remembered. not_looked_at: \
            pullscope cannot look at files any more. attach_failed: the kernel refused. other: anything else.",
});

/// `processes_watched`
pub const PROCESSES_WATCHED: Gauge<(Process,)> = gauge(Texts {
    name: "processes_watched",
    unit: "processes",
    help: "Processes that are watched now, by target.",
    about: "Goes up when a target's program is executed, is found running at the start, or forks, and down when it ends or \
            becomes another program. 0 for a program that should run on this node means that its comm is not the \
            configured one.",
});

/// `kernel_events_total`
pub const KERNEL_EVENTS: Counter<(event::Kind,)> = counter(Texts {
    name: "kernel_events_total",
    unit: "events",
    help: "Events that the kernel programs delivered, by type.",
    about: "pullscope's own work grows with this number: a few per request, however large its body.",
});

/// `kernel_events_lost_total`
pub const KERNEL_EVENTS_LOST: Counter<(Loss,)> = counter(Texts {
    name: "kernel_events_lost_total",
    unit: "events",
    help: "What got lost between kernel and collector, by reason.",
    about: "0 in normal work. ring_full: the ring buffer was full (--kernel.ring-buffer-bytes). connections_full: more \
            connections at once than --kernel.max-connections. processes_full: the same for processes. user_memory: a \
            process's buffer could not be read. vector: a read or write began with more empty segments \
            than are walked. go_connection: a Go program's TLS connection that does not lie directly on TCP. \
            out_of_step: frames of an HTTP/2 connection could not be followed any more. tls_unjoined: bytes that OpenSSL \
            decrypted or was to encrypt, for a socket that is not known. tls_unread: a connection inside OpenSSL that \
            began before pullscope, or speaks no HTTP. malformed: the collector could not read a record. Exchanges that were hit count in pullscope_exchanges_unattributed_total.",
});

/// `exchanges_unattributed_total`
pub const EXCHANGES_UNATTRIBUTED: Counter<(Unattributed,)> = counter(Texts {
    name: "exchanges_unattributed_total",
    unit: "exchanges",
    help: "Messages seen on connections that could not be made into exchanges, by reason.",
    about: "HTTP that cannot be followed: no_request, an answer whose request was not seen; body_inexact, a body of which it \
            is not known how much passed (its bytes do not count, or as many as the program has read; those of a chunked body in the clear that is larger than \
            what is captured count with their framing); hole, bytes or fields were missing where a head was due; head_too_long, bad_head, bad_framing, bad_chunk, not as HTTP should be; \
            head_cut, the connection closed inside a head; pipelined, too many requests at once on one connection; http2, \
            HTTP/2 where it cannot be read; hpack_unknown, a head over HTTP/2 that refers to what was sent before pullscope \
            looked; pushed, an answer over HTTP/2 that nobody asked for. Ends that were not seen: connect_end_unknown, \
            exchange_end_unknown, download_end_unknown, lookup_end_unknown. Tables that were full: connection_evicted, process_evicted, \
            downloads_full, download_parts, lookups_full, pulls_full, operations_full. Beginnings that were not seen: connection_unknown, \
            role_unknown. Other protocols: dns_unparsed, tls_unparsed; Redis: redis_no_command, a reply whose command was not seen; \
            redis_hole, bytes were missing where a command or a reply was due; redis_bad_command, redis_bad_reply, not as Redis's \
            protocol should be; redis_inline, redis_streamed, forms of it that are not read; redis_pipelined, too many commands \
            that wait for their replies; redis_out_of_step, which reply is to which command is not known any more; \
            redis_unpaired, a command after which replies have no command of their own (SUBSCRIBE, MONITOR); \
            redis_command_cut, the connection closed inside a command. other: anything else.",
});

/// `hpack_unknown_total`
pub const HPACK_UNKNOWN: Counter<()> = counter(Texts {
    name: "hpack_unknown_total",
    unit: "fields",
    help: "HTTP/2 header fields that refer to a table entry from before pullscope looked.",
    about: "Such a field's value is unknown, not guessed. It heals as the peers send the entry again.",
});

/// `corrections_total`
pub const CORRECTIONS: Counter<(GaugeName,)> = counter(Texts {
    name: "corrections_total",
    unit: "corrections",
    help: "Times that a gauge was put right by looking at the kernel again, not by an end that was seen.",
    about: "0 in normal work; moves where events were lost.",
});

/// `series_dropped_total`
pub const SERIES_DROPPED: Counter<(MetricName,)> = counter(Texts {
    name: "series_dropped_total",
    unit: "observations",
    help: "Observations that got no series of their own, since there were too many series.",
    about: "Past --max-registries different registries, further ones are counted under registry=\"[OTHER]\", and here. Past \
            the most values that a recipe gives a label, further ones are counted as [OTHER], and here. Past the most series \
            that one metric may have (5000), observations under new label sets are counted only here.",
});

/// `pull_log_dropped_total`
pub const PULL_LOG_DROPPED: Counter<(NotLogged,)> = counter(Texts {
    name: "pull_log_dropped_total",
    unit: "changes",
    help: "Changes of pulls that the pull log has no room for, or that a reader of its stream missed, by reason.",
    about: "log_full: more pulls are going on at once than the log holds (4096); their ends are logged all the same. \
            reader_slow: a reader of /api/v1/pulls/stream took its events too slowly, and was told how many it missed. \
            Metrics of pulls are not concerned. That ended pulls leave the log in the end is no loss and not counted.",
});

/// `map_entries`
pub const MAP_ENTRIES: Gauge<(Map,)> = gauge(Texts {
    name: "map_entries",
    unit: "entries",
    help: "Entries in a kernel map now.",
    about: "Near pullscope_map_max_entries, things begin to get lost: see pullscope_kernel_events_lost_total.",
});

/// `map_max_entries`
pub const MAP_MAX_ENTRIES: Gauge<(Map,)> = gauge(Texts {
    name: "map_max_entries",
    unit: "entries",
    help: "Entries that a kernel map has room for.",
    about: "Fixed at the start.",
});

/// `probe_runs_total`
pub const PROBE_RUNS: Counter<(Probe,)> = counter(Texts {
    name: "probe_runs_total",
    unit: "runs",
    help: "Times that a kernel program ran, as the kernel counts.",
    about: "Has series only with --bpf-stats, which has the kernel measure; that itself costs time.",
});

/// `probe_run_seconds_total`
pub const PROBE_RUN_SECONDS: SecondsCounter<(Probe,)> = seconds_counter(Texts {
    name: "probe_run_seconds_total",
    unit: "seconds",
    help: "Time that a kernel program ran, as the kernel measures.",
    about: "With pullscope_probe_runs_total: what watching costs the watched, in total and per run.",
});
