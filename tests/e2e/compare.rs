//! What the metrics must say, worked out from the servers' logs.

use std::collections::BTreeMap;

use pullscope_tests::collector::Collector;
use pullscope_tests::log::{Log, LogEntry};
use pullscope_tests::scrape::Scrape;

/// The metrics once everything in `log` has had the time to be counted, and anything too much as well.
#[track_caller]
pub fn settled(collector: &Collector, log: &Log) -> Scrape {
    let requests = u64::try_from(log.http().0.len()).expect("a small number");
    collector.until(|scrape| scrape.count("pullscope_registry_requests_total", &[]) >= requests);
    collector.settled()
}

/// Requests by kind, method and code, body bytes by kind, and downloads by kind and status are those of `log`; all of
/// it has this one `registry` label; nothing is in flight and nothing was lost.
#[track_caller]
pub fn same_traffic(scrape: &Scrape, process: &str, registry: &str, log: &Log) {
    let log = log.http();
    let shown = format!("{log}\n{scrape}");
    let of_process = [("process", process)];

    let group = |(kind, method, code): (&str, String, String)| [kind.to_owned(), method, code];
    let requests: BTreeMap<_, _> = log.tally().into_iter().map(|(key, count)| (group(key), count)).collect();
    let counted = scrape.group("pullscope_registry_requests_total", &of_process, ["kind", "method", "code"]);
    assert_eq!(counted, requests, "requests of {process}:\n{shown}");

    let bytes = log.body_bytes().into_iter().filter(|(_, bytes)| *bytes > 0);
    let bytes: BTreeMap<_, _> = bytes.map(|(kind, bytes)| ([kind.to_owned()], bytes)).collect();
    let counted = scrape.group("pullscope_registry_response_bytes_total", &of_process, ["kind"]);
    assert_eq!(counted, bytes, "body bytes of {process}:\n{shown}");

    let counted = scrape.group("pullscope_downloads_total", &of_process, ["kind", "status"]);
    assert_eq!(counted, downloads(&log), "downloads of {process}:\n{shown}");

    let total = u64::try_from(log.0.len()).expect("a small number");
    let counted = scrape.group("pullscope_registry_requests_total", &of_process, ["registry"]);
    assert_eq!(counted, BTreeMap::from([([registry.to_owned()], total)]), "registry of {process}:\n{shown}");

    for histogram in ["registry_request_duration_seconds", "registry_time_to_first_byte_seconds"] {
        // A request without any answer has no first byte of one.
        let answered = |entry: &LogEntry| entry.code.is_some() || histogram.contains("duration");
        let expected = u64::try_from(log.filter(answered).0.len()).expect("a small number");
        let counted = scrape.count(&format!("pullscope_{histogram}_count"), &of_process);
        assert_eq!(counted, expected, "{histogram} of {process}:\n{shown}");
    }
    nothing_left_or_lost(scrape);
}

/// How many requests of each kind and method.
pub fn by_kind_and_method(log: &Log) -> BTreeMap<[String; 2], u64> {
    let mut requests = BTreeMap::new();
    for entry in &log.0 {
        *requests.entry([entry.kind().to_owned(), entry.method.clone()]).or_default() += 1;
    }
    requests
}

/// Downloads by kind and status: one for each GET of a manifest or blob that was not answered by another way to go
/// (a redirect, a challenge that was taken up).
pub fn downloads(log: &Log) -> BTreeMap<[String; 2], u64> {
    let mut downloads = BTreeMap::new();
    for (at, entry) in log.0.iter().enumerate() {
        if entry.method != "GET" || !["manifest", "blob"].contains(&entry.kind()) {
            continue;
        }
        let again = |later: &LogEntry| (&later.method, &later.path) == (&entry.method, &entry.path);
        let status = match entry.code {
            Some(300..=399) => continue,
            Some(401) if log.0[at + 1..].iter().any(again) => continue,
            Some(200..=299) => "ok",
            _ => "error",
        };
        *downloads.entry([entry.kind().to_owned(), status.to_owned()]).or_default() += 1;
    }
    downloads
}

/// Every gauge of requests in flight is 0, no event was lost, nothing was corrected by force.
#[track_caller]
pub fn nothing_left_or_lost(scrape: &Scrape) {
    for name in ["registry_requests_in_flight", "kernel_events_lost_total", "corrections_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
}

/// How many connects of `process` ended with `result`.
#[track_caller]
pub fn connects(scrape: &Scrape, process: &str, result: &str) -> u64 {
    scrape.count("pullscope_connects_total", &[("process", process), ("result", result)])
}

/// Waits until probes are in exactly `count` files of one kind (`go`, `openssl`).
#[track_caller]
pub fn instrumented(collector: &Collector, library: &str, count: u64) {
    let of_library = [("library", library)];
    let is = |scrape: &Scrape| scrape.count("pullscope_binaries_instrumented", &of_library);
    let scrape = collector.until(|scrape| is(scrape) == count);
    assert_eq!(is(&scrape), count, "files of {library}:\n{scrape}\n{}", collector.log());
}

/// How many TLS connections of `process` were read, and how many were not.
pub fn decoded_and_opaque(scrape: &Scrape, process: &str) -> (u64, u64) {
    let visible = |visibility| {
        let labels = [("process", process), ("visibility", visibility)];
        scrape.count("pullscope_connections_by_visibility_total", &labels)
    };
    (visible("tls_decoded"), visible("tls_opaque"))
}

/// Everything in `connections` TLS connections was read: each was connected to and shook hands, and nothing remains that
/// could not be told.
///
/// A client of Go may connect once more than it needs and then never use that connection, so one without any request is no
/// fault: it is only not read.
#[track_caller]
pub fn all_decoded(scrape: &Scrape, process: &str, registry: &str, connections: u64) {
    connections_decoded(scrape, process, registry, connections);
    nothing_unknown(scrape);
}

/// The same, where something may remain.
#[track_caller]
pub fn connections_decoded(scrape: &Scrape, process: &str, registry: &str, connections: u64) {
    let (decoded, opaque) = decoded_and_opaque(scrape, process);
    assert!(decoded > 0, "no connection was read:\n{scrape}");
    assert_eq!(decoded + opaque, connections, "connections of {process}:\n{scrape}");
    assert_eq!(connects(scrape, process, "ok"), connections, "connects of {process}:\n{scrape}");
    let labels = [("process", process), ("registry", registry)];
    let handshakes = scrape.count("pullscope_tls_handshake_duration_seconds_count", &labels);
    assert!((decoded..=connections).contains(&handshakes), "{handshakes} handshakes of {process}:\n{scrape}");
}

/// No exchange was left out, and no field of HTTP/2 was beyond knowing.
#[track_caller]
pub fn nothing_unknown(scrape: &Scrape) {
    for name in ["exchanges_unattributed_total", "hpack_unknown_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
}
