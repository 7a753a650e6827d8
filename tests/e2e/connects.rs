//! Connects that fail. The oracle is the kernel's own TCP counters of a namespace in which only the client is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::faulty::Resetting;
use pullscope_tests::network::Namespace;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, poll};
use pullscope_tests::turn::{Alone, alone};

use crate::compare::{connects, nothing_left_or_lost};

fn puller(namespace: &Arc<Namespace>) -> Puller<'static> {
    Puller::start(Client::Skopeo, Place::machine().inside(namespace), Options::default())
}

fn reference(address: Ipv4Addr) -> String {
    format!("{}/a/b:c", SocketAddr::new(IpAddr::V4(address), 5000))
}

/// Waits until `expected` connects have ended with `result`, and no other.
#[track_caller]
fn ended_with(collector: Collector, result: &str, expected: u64) {
    assert!(expected > 0, "the client has not tried");
    collector.until(|scrape| connects(scrape, "skopeo", result) >= expected);
    let scrape = collector.settled();
    let counted = scrape.group("pullscope_connects_total", &[("process", "skopeo")], ["result", "registry"]);
    let key = [result.to_owned(), "[IP_ADDRESS]".to_owned()];
    assert_eq!(counted, [(key, expected)].into(), "{scrape}");
    let open = scrape.count("pullscope_connections_open", &[("process", "skopeo")]);
    assert_eq!(open, 0, "{scrape}");
    nothing_left_or_lost(&scrape);
    collector.stop();
}

#[track_caller]
fn fails(alone: &Alone, namespace: &Arc<Namespace>, address: Ipv4Addr, result: &str) {
    let collector = Collector::start(alone);
    let _ = puller(namespace).pull(&reference(address)).expect_failure();
    ended_with(collector, result, namespace.tcp().attempt_fails);
}

#[test]
fn refused() {
    fails(&alone(), &Namespace::new(), Ipv4Addr::LOCALHOST, "refused");
}

#[test]
fn timed_out() {
    let alone = alone();
    let namespace = Namespace::new();
    namespace.give_up_connects_early();
    fails(&alone, &namespace, Namespace::BLACKHOLE, "timeout");
}

#[test]
fn unreachable_by_a_neighbour_that_is_not_there() {
    fails(&alone(), &Namespace::new(), Namespace::NO_NEIGHBOUR, "unreachable");
}

/// These connects fail before a SYN is sent and before the socket leaves the state CLOSE: the kernel counts none. How
/// many there are is known from an address at which the client, which tries just as often, does get that far.
#[test]
fn unreachable_by_the_routing_table() {
    let alone = alone();
    let namespace = Namespace::new();
    let _ = puller(&namespace).pull(&reference(Ipv4Addr::LOCALHOST)).expect_failure();
    let tries = namespace.tcp().active_opens;
    for address in [Namespace::UNREACHABLE, Namespace::NO_ROUTE] {
        let collector = Collector::start(&alone);
        let _ = puller(&namespace).pull(&reference(address)).expect_failure();
        ended_with(collector, "unreachable", tries);
    }
}

#[test]
fn given_up_by_the_client() {
    let alone = alone();
    let namespace = Namespace::new();
    let collector = Collector::start(&alone);
    let puller = puller(&namespace);
    let running = puller.begin(&reference(Namespace::BLACKHOLE));
    poll(PATIENCE, || (namespace.tcp().active_opens > 0).then_some(())).expect("a connect");
    let outcome = running.kill();
    assert_eq!(outcome.signal, Some(9));
    ended_with(collector, "canceled", namespace.tcp().active_opens);
}

/// The server resets each connection as soon as it has accepted it: the connect itself is good.
#[test]
fn reset_after_the_accept() {
    let alone = alone();
    let server = Resetting::start();
    let collector = Collector::start(&alone);
    let reference = format!("{}/a/b:c", server.address());
    let _ = Puller::plain(Client::Skopeo).pull(&reference).expect_failure();
    // The last reset may still be on its way.
    sleep(Duration::from_millis(200));
    ended_with(collector, "ok", server.connections());
}
