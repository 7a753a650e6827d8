//! HTTP/2 both ends of which speak at once: a server need not wait for its client (RFC 9113 section 3.4), and grpc-go's does
//! not. The client's first read and its first write then run on two CPUs at the same moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::turn::alone;

use crate::compare::nothing_left_or_lost;

/// Name of the program: that of a target which nothing else on the machine runs as.
const CLIENT: &str = "crane";

/// Some of them meet where it matters, on a machine with two CPUs one in ten to thirty.
const CONNECTIONS: u64 = 1000;

/// Every request is told, and nothing of any connection is lost. Sockets come and go at the same few addresses.
#[track_caller]
fn all_are_told(family: &str) {
    let alone = alone();
    let dir = tempfile::tempdir().expect("a directory for a program");
    let program = dir.path().join(CLIENT);
    fs::write(&program, include_str!("h2_at_once/both.py")).expect("write a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("make it executable");
    let config = format!("default_targets = false\n{}", clients([CLIENT]));
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });

    let mut command = Place::machine().command(program);
    command.arg(family).arg(CONNECTIONS.to_string());
    let answered = run(command).expect_ok().stdout.trim().parse::<u64>().expect("a number");
    assert_eq!(answered, CONNECTIONS);

    let requests = "pullscope_registry_requests_total";
    let told = [("process", CLIENT), ("kind", "blob"), ("method", "GET"), ("code", "200")];
    collector.until(|scrape| scrape.count(requests, &told) >= answered);
    let scrape = collector.settled();
    assert_eq!(scrape.count(requests, &told), answered, "{scrape}");
    assert_eq!(scrape.count(requests, &[]), answered, "{scrape}");
    assert_eq!(scrape.count("pullscope_exchanges_unattributed_total", &[]), 0, "{scrape}");
    nothing_left_or_lost(&scrape);
    collector.stop();
}

#[test]
fn over_unix_sockets() {
    all_are_told("unix");
}

#[test]
fn over_tcp() {
    all_are_told("tcp");
}
