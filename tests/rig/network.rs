//! Addresses that fail, as the clients see them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::images::Image;
use pullscope_tests::loopback::{free_address, free_port};
use pullscope_tests::network::{Namespace, TcpCounters};
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::Outcome;
use pullscope_tests::turn::together;

#[track_caller]
fn pull_from(place: Place, address: SocketAddr) -> Outcome {
    let puller = Puller::start(Client::Skopeo, place, Options::default());
    puller.begin(&format!("{address}/a/b:c")).wait(Duration::from_secs(20))
}

#[track_caller]
fn fails_with(outcome: Outcome, words: &str) {
    let outcome = outcome.expect_failure();
    assert!(outcome.stderr.contains(words), "{outcome:?}");
}

#[test]
fn nobody_listens_on_a_free_address() {
    let _turn = together();
    fails_with(pull_from(Place::machine(), free_address()), "connection refused");
}

#[test]
fn every_address_of_a_namespace_fails_in_its_own_way() {
    let _turn = together();
    let namespace = Namespace::new();
    namespace.give_up_connects_early();
    let at = |address: Ipv4Addr| SocketAddr::new(IpAddr::V4(address), 5000);
    let pull = |address| pull_from(Place::machine().inside(&namespace), at(address));
    fails_with(pull(Namespace::UNREACHABLE), "no route to host");
    fails_with(pull(Namespace::NO_ROUTE), "network is unreachable");
    let none = TcpCounters { active_opens: 0, attempt_fails: 0 };
    assert_eq!(namespace.tcp(), none, "a connect without a route sends nothing");
    fails_with(pull(Namespace::BLACKHOLE), "connection timed out");
    let timed_out = namespace.tcp();
    fails_with(pull(Ipv4Addr::LOCALHOST), "connection refused");
    let refused = namespace.tcp();
    println!("timed out: {timed_out:?}, then refused: {refused:?}");
    assert!(timed_out.active_opens > 0 && refused.active_opens > timed_out.active_opens);
    assert!([timed_out, refused].iter().all(|tcp| tcp.active_opens == tcp.attempt_fails));
}

#[test]
fn an_address_that_no_neighbour_has_becomes_unreachable_after_a_while() {
    let _turn = together();
    let namespace = Namespace::new();
    let address = SocketAddr::new(IpAddr::V4(Namespace::NO_NEIGHBOUR), 5000);
    fails_with(pull_from(Place::machine().inside(&namespace), address), "no route to host");
    println!("{:?}", namespace.tcp());
}

#[test]
fn a_connect_into_the_blackhole_has_no_end_of_its_own() {
    let _turn = together();
    let namespace = Namespace::new();
    let address = SocketAddr::new(IpAddr::V4(Namespace::BLACKHOLE), 5000);
    let puller = Puller::start(Client::Skopeo, Place::machine().inside(&namespace), Options::default());
    // Longer than a neighbour that is not there takes to be found out.
    let running = puller.begin(&format!("{address}/a/b:c"));
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(namespace.tcp(), TcpCounters { active_opens: 1, attempt_fails: 0 });
    let _ = running.kill();
    assert_eq!(namespace.tcp().attempt_fails, 0, "what the program gives up is no failure to the kernel");
}

#[test]
fn a_wire_reaches_servers_on_the_machine() {
    let _turn = together();
    let image = Image::make(&[2_000], 9);
    let namespace = Namespace::new();
    let wire = namespace.wire();
    let site = Site::at(free_port(wire.machine.into())).static_image(&image, "a/b:c");
    let address = site.address();
    let nginx = Nginx::start([site]);
    for client in [Client::Skopeo, Client::Ctr, Client::Docker] {
        let puller = Puller::start(client, Place::machine().inside(&namespace), Options::default());
        let _ = puller.pull(&format!("{address}/a/b:c")).expect_ok();
    }
    assert_eq!(nginx.log().of_kind("blob").0.len(), 6);
}

#[test]
fn a_dropped_namespace_is_gone() {
    let namespace = Namespace::new();
    let _ = namespace.wire();
    let file = namespace.file();
    assert!(file.exists());
    drop(namespace);
    assert!(!file.exists());
}
