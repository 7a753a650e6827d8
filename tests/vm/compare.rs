//! What the metrics must say.

use std::collections::BTreeMap;

use pullscope_tests::log::{Log, LogEntry};
use pullscope_tests::scrape::Scrape;

use crate::guest::Guest;

/// What counts the requests of clients, their body bytes and their downloads.
pub const ASKED: [&str; 3] = [
    "pullscope_registry_requests_total",
    "pullscope_registry_response_bytes_total",
    "pullscope_downloads_total",
];

/// The metrics as the guest told them.
#[track_caller]
pub fn scrape(guest: &Guest) -> Scrape {
    Scrape::parse(guest.told("metrics")).expect("the text format")
}

/// Requests by kind, method and code, body bytes by kind, and downloads by kind and status, as metrics with this prefix
/// count them for one process, are those of the log.
#[track_caller]
pub fn same(scrape: &Scrape, process: &str, [requests, bytes, downloads]: [&str; 3], log: &Log) {
    let of_process = [("process", process)];
    let shown = format!("{log}\n{scrape}");

    let tally = log.tally().into_iter();
    let logged =
        tally.map(|((kind, method, code), count)| ([kind.to_owned(), method, code], count)).collect();
    assert_eq!(scrape.group(requests, &of_process, ["kind", "method", "code"]), logged, "{shown}");

    let logged = log.body_bytes().into_iter().map(|(kind, bytes)| ([kind.to_owned()], bytes)).collect();
    assert_eq!(scrape.group(bytes, &of_process, ["kind"]), logged, "{shown}");

    let mut logged: BTreeMap<_, u64> = BTreeMap::new();
    let is_download =
        |entry: &&LogEntry| entry.method == "GET" && ["manifest", "blob"].contains(&entry.kind());
    for entry in log.0.iter().filter(is_download) {
        let status = if entry.code == Some(200) { "ok" } else { "error" };
        *logged.entry([entry.kind().to_owned(), status.to_owned()]).or_default() += 1;
    }
    assert_eq!(scrape.group(downloads, &of_process, ["kind", "status"]), logged, "{shown}");
}

/// Nothing was lost, left out or put right by force, and no connection or client's request remains.
#[track_caller]
pub fn nothing_lost_or_left(scrape: &Scrape) {
    for name in [
        "pullscope_kernel_events_lost_total",
        "pullscope_exchanges_unattributed_total",
        "pullscope_corrections_total",
        "pullscope_series_dropped_total",
        "pullscope_registry_requests_in_flight",
        "pullscope_connections_open",
    ] {
        assert!(scrape.select(name, &[]).next().is_some(), "no {name}: {scrape}");
        assert_eq!(scrape.count(name, &[]), 0, "{name}: {scrape}");
    }
}
