//! Real requests over TLS in the guest, by a Go client and by curl: on this kernel probes come one by one, since it has no
//! links of many. The oracles are what the clients say, the server's count of connections, what the kernel says of
//! pullscope's descriptors, and the memory of a process that runs a file with probes.

use std::collections::{BTreeMap, BTreeSet};

use pullscope_tests::go;
use pullscope_tests::log::Log;
use serde_json::Value;

use crate::compare::{ASKED, nothing_lost_or_left, same, scrape};
use crate::guest::{self, CURLS, GO_CLIENTS, Guest};
use crate::machine::Machine;

/// The kernel programs that hang in OpenSSL's library: handshake, read and write, the last two with and without `_ex`, and
/// what they all return to.
const OPENSSL_PROGRAMS: usize = 6;

#[test]
fn what_go_clients_ask() {
    let guest = guest::with_tls();
    let scrape = scrape(&guest);
    for (name, protocol) in GO_CLIENTS.into_iter().zip(["HTTP/1.1", "HTTP/2.0"]) {
        assert_eq!(guest.status(name), 0, "{name}");
        let log = go::pulls(guest.told(name)).swap_remove(0);
        // Ping, the manifest twice, the configuration and four layers.
        assert_eq!(log.0.len(), 8, "{log}");
        assert!(log.0.iter().all(|entry| entry.protocol.as_deref() == Some(protocol)), "{log:?}");
        same(&scrape, name, ASKED, &log);
    }
}

#[test]
fn what_curl_asks() {
    let guest = guest::with_tls();
    let scrape = scrape(&guest);
    for (name, protocol) in CURLS.into_iter().zip(["HTTP/1.1", "HTTP/2.0"]) {
        assert_eq!(guest.status(name), 0, "{name}");
        let log = Log::told_by_client(guest.told(name));
        // A manifest, another that is not there, the configuration and four layers.
        assert_eq!(log.0.len(), 7, "{log}");
        assert!(log.0.iter().all(|entry| entry.protocol.as_deref() == Some(protocol)), "{log:?}");
        same(&scrape, name, ASKED, &log);
    }
}

/// The bystander is in no metric.
#[test]
fn all_connections_of_targets_are_read() {
    let guest = guest::with_tls();
    let scrape = scrape(&guest);
    let accepted = |of| guest.told(of).trim().parse::<u64>().expect("a number");
    let expected = accepted("connections of all") - accepted("connections of others");
    let visible = scrape.group("pullscope_connections_by_visibility_total", &[], ["process", "visibility"]);
    assert_eq!(visible.values().sum::<u64>(), expected, "{scrape}");
    let names: BTreeSet<_> =
        GO_CLIENTS.into_iter().chain(CURLS).map(|name| [name, "tls_decoded"].map(str::to_owned)).collect();
    assert_eq!(visible.into_keys().collect::<BTreeSet<_>>(), names, "{scrape}");
    assert_eq!(scrape.count("pullscope_tls_handshake_duration_seconds_count", &[]), expected, "{scrape}");

    let registries = scrape.group("pullscope_registry_requests_total", &[], ["registry"]);
    assert_eq!(registries.into_keys().collect::<Vec<_>>(), [["[IP_ADDRESS]".to_owned()]], "{scrape}");
    nothing_lost_or_left(&scrape);
    assert_eq!(scrape.count("pullscope_hpack_unknown_total", &[]), 0, "{scrape}");
}

/// Two files, though each has several names.
#[test]
fn one_file_of_each_kind_has_probes() {
    let guest = guest::with_tls();
    let scrape = scrape(&guest);
    let instrumented = scrape.group("pullscope_binaries_instrumented", &[], ["library"]);
    let expected = ["go", "openssl"].map(|library| ([library.to_owned()], 1));
    assert_eq!(instrumented, expected.into(), "{scrape}");
    assert_eq!(scrape.count("pullscope_binaries_refused_total", &[]), 0, "{scrape}");

    let told = guest.told("check");
    assert_eq!(guest.status("check"), 0, "{told}");
    let report: Value = serde_json::from_str(told).expect("JSON");
    let checks = report["checks"].as_array().expect("a list of checks");
    assert!(checks.iter().all(|check| check["status"] == "ok"), "{told}");
}

/// How many links each program has that hangs in files: a link for each probe (kernel/events/core.c, `perf_event_set_bpf_prog`;
/// kernel/bpf/syscall.c, `bpf_link_show_fdinfo`).
#[track_caller]
fn links(guest: &Guest) -> BTreeMap<&str, usize> {
    let mut links = BTreeMap::new();
    let mut is_perf = false;
    for (name, value) in guest.told("descriptors").lines().filter_map(|line| line.split_once(":\t")) {
        match name {
            "link_type" => is_perf = value.trim() == "perf",
            "prog_id" if is_perf => {
                *links.entry(value.trim()).or_default() += 1;
                is_perf = false;
            }
            _ => {}
        }
    }
    links
}

/// The verifier of this kernel has taken all that there are, and each probe stands where the Go program is.
#[test]
fn all_programs_are_loaded_and_attached() {
    let guest = guest::with_tls();
    let links = links(&guest);
    assert_eq!(links.len(), 1 + OPENSSL_PROGRAMS, "{links:?}");

    // What `cmp` writes: the number of the byte, counted from 1, and what it is, in octal digits.
    let told = guest.told("changed while it runs");
    let breakpoint = Machine::of_guests().breakpoint;
    let mut changed = BTreeSet::new();
    for line in told.lines() {
        let mut words = line.split_whitespace();
        let at = words.next().and_then(|at| at.parse::<usize>().ok()).expect("a number") - 1;
        let is = words.next().and_then(|byte| u8::from_str_radix(byte, 8).ok()).expect("a byte");
        assert_eq!(is, breakpoint[at % breakpoint.len()], "{told}");
        changed.insert(at / breakpoint.len());
    }
    assert!(changed.len() > 1, "{told}");
    assert!(links.values().any(|count| *count == changed.len()), "{links:?}, {told}");
}

/// The bystander had probes in its memory and has none any more; it has never noticed.
#[test]
fn a_clean_stop() {
    let guest = guest::with_tls();
    let log = guest.told("run log");
    assert_eq!(guest.status("run"), 0, "{log}");
    assert!(log.contains("stopping"), "{log}");
    assert!(log.lines().all(|line| [" INFO ", " DEBUG "].iter().any(|level| line.contains(level))), "{log}");
    assert_eq!(guest.told("changed after it"), "");
    let said = guest.told("bystander");
    assert_eq!(guest.status("bystander"), 0, "{said}");
    let pulls = go::pulls(said);
    assert_eq!((pulls.len(), pulls[0].0.len()), (2, 8), "{said}");
    assert_eq!(pulls[0], pulls[1], "{said}");
}
