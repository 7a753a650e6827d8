//! pullscope starts in the middle of long connections: with responses under way whose requests nobody has seen, and, over
//! HTTP/2, with tables of fields that were filled before. Requests that begin afterwards are counted, to the byte; of those
//! before nothing is invented.

use std::fs;

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{instrumented, same_traffic, settled};

const NAME: &str = "team/app:v1";
const PROCESS: &str = "puller";

#[track_caller]
fn joined_late(version: &str, variant: Variant, protocol: Protocol) {
    let alone = alone();
    // Layers that do not fit the windows of their streams: the responses are under way for as long as nobody reads them.
    let image = Image::make(&[9_000_000, 5_000_000, 70_000, 2_000], 36);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for a program");
    let program = go::installed_as(&go::puller(version, variant), dir.path(), PROCESS);
    let gate = dir.path().join("gate");
    let pull = Pull {
        registry: secure.origin(),
        authority: Some(secure.authority.file()),
        name: NAME,
        parallel: 16,
        protocol,
        repeat: 3,
        gate: Some(&gate),
        hold: true,
        ..Pull::default()
    };
    let running = Running::spawn(pull.command(&Place::machine(), &program));
    let waits = |count| running.wait_for_output(|output| output.matches("waiting\n").count() == count);
    let go_on = || fs::write(&gate, "").expect("open a gate");
    waits(1);
    let config = format!("default_targets = false\n{}", clients([PROCESS]));
    let settings = Settings { config: Some(&config), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", 1);
    // The first pull ends, then two more.
    for count in 2..=4 {
        go_on();
        waits(count);
    }

    let pulls = go::pulls(&running.output());
    assert_eq!(pulls.len(), 3);
    let all = |pulls: &[Log]| pulls.iter().cloned().fold(Log::default(), Log::and);
    // The first pull's requests were all there before pullscope.
    let seen = all(&pulls[1..]);
    let scrape = settled(&collector, &seen);
    same_traffic(&scrape, PROCESS, "[IP_ADDRESS]", &seen);
    go_on();
    let _ = running.wait(PATIENCE).expect_ok();
    let connections = secure.relay.connections();
    assert!(if protocol == Protocol::Http1 { connections > 1 } else { connections == 1 }, "{connections}");
    assert_eq!(all(&pulls).comparable(), secure.stop().comparable());
    let scrape =
        collector.until(|scrape| scrape.count("pullscope_connections_open", &[("process", PROCESS)]) == 0);
    same_traffic(&scrape, PROCESS, "[IP_ADDRESS]", &seen);
    let open = scrape.count("pullscope_connections_open", &[("process", PROCESS)]);
    assert_eq!(open, 0, "{scrape}");
    collector.stop();
}

#[test]
fn over_http2_with_the_oldest_go() {
    joined_late(TOOLCHAINS[0], Variant::Static, Protocol::Http2);
}

#[test]
fn over_http2_with_the_newest_go() {
    joined_late(TOOLCHAINS[TOOLCHAINS.len() - 1], Variant::Pie, Protocol::Http2);
}

#[test]
fn over_http1() {
    joined_late(TOOLCHAINS[TOOLCHAINS.len() - 1], Variant::Static, Protocol::Http1);
}
