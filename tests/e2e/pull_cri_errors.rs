//! Pulls over the CRI that fail, each in its own way: what the client is told is the oracle for the status, what was done to
//! the pull for the reason.

use std::time::Duration;

use pullscope_tests::answer::Answer;
use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{Client, Pull, code};
use pullscope_tests::faulty::{self, Resetting};
use pullscope_tests::images::Image;
use pullscope_tests::loopback::free_address;
use pullscope_tests::network::Namespace;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::alone;

use crate::pulls::{Watch, in_flight, wait_until};

#[test]
fn a_registry_that_cannot_be_reached_or_used() {
    let alone = alone();
    let image = Image::make(&[3_000], 23);
    let codes = [(429, "rate_limited"), (500, "server_error"), (403, "unauthorized")];
    let sites = codes.map(|(code, _)| Site::new().answer("/manifests/", code));
    let mut cases: Vec<_> = sites.iter().map(Site::address).zip(codes.map(|(_, reason)| reason)).collect();
    let authority = Authority::new();
    let unknown = Site::new();
    let certificate = authority.certificate([unknown.address().ip()]);
    let unknown = unknown.with_tls(&certificate, Version::Http1).static_image(&image, "a/b:c");
    let resetting = Resetting::start();
    cases.extend([
        (free_address(), "connection_refused"),
        (resetting.address(), "reset"),
        (unknown.address(), "tls"),
    ]);
    // containerd would speak plain HTTP to an address on loopback: it is told to trust some other authority.
    let (registry, other) = (unknown.address().to_string(), Authority::new());
    let _nginx = Nginx::start(sites.into_iter().chain([unknown]));
    let settings = Settings { tls: Some((&registry, &other.file())), ..Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    for (address, reason) in cases {
        let reference = format!("{address}/a/b:c");
        let answer = client.pull(&Pull { image: &reference, ..Pull::default() });
        assert_ne!(answer.code, code::OK, "{answer:?}");
        println!("{reason}: {}", answer.message);
        watch.one().is(&[("image", &reference), ("has_creds", "false")]).failed(&[reason]);
    }
    client.stop();
    watch.collector.stop();
}

#[test]
fn a_registry_to_which_no_way_leads() {
    let alone = alone();
    let namespace = Namespace::new();
    let node = Node::start(&Place::machine().inside(&namespace), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    let reference = format!("{}:5000/a/b:c", Namespace::UNREACHABLE);
    let _ = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_code(code::UNKNOWN);
    watch.one().is(&[("image", &reference)]).failed(&["unreachable"]);
    client.stop();
    watch.collector.stop();
}

#[test]
fn a_registry_that_breaks_off() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    for fault in [Answer::then_reset, Answer::then_close] {
        let layer = image.layers[0].clone();
        let server = faulty::serve(&image, move |request| {
            request.path.ends_with(&layer.digest).then(|| fault(faulty::blob(&layer).cut(200_000)))
        });
        let reference = format!("{}/a/b:c", server.address());
        let answer = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_code(code::UNKNOWN);
        println!("{}", answer.message);
        watch.one().is(&[("image", &reference)]).failed(&["reset"]);
    }
    client.stop();
    watch.collector.stop();
}

#[test]
fn a_node_without_room() {
    let alone = alone();
    let image = Image::make(&[8 << 20], 24);
    let site = Site::new().static_image(&image, "a/b:c");
    let reference = format!("{}/a/b:c", site.address());
    let _nginx = Nginx::start([site]);
    let node = Node::start(&Place::machine(), Settings { room: Some(4 << 20), ..Settings::default() });
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    let answer = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_code(code::UNKNOWN);
    assert!(answer.message.contains("no space left on device"), "{answer:?}");
    watch.one().is(&[("image", &reference)]).failed(&["no_space"]);
    client.stop();
    watch.collector.stop();
}

/// The registry stalls, and what ends the pull is the client: its deadline, its will, its death.
#[test]
fn a_client_that_does_not_wait() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let server = faulty::stalling(&image);
    let reference = format!("{}/a/b:c", server.address());
    let node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("kubelet", &node.socket());

    let deadline = Some(Duration::from_secs(1));
    let answer = client.pull(&Pull { image: &reference, deadline, ..Pull::default() });
    assert_eq!(answer.code, code::DEADLINE_EXCEEDED, "{answer:?}");
    watch.one().is(&[("image", &reference)]).failed(&["timeout"]);

    let call = client.begin_pull(&Pull { image: &reference, ..Pull::default() });
    let _ = in_flight(&watch.collector, 1);
    client.cancel(&call);
    let _ = call.wait().expect_code(code::CANCELED);
    watch.one().is(&[("image", &reference)]).failed(&["canceled"]);

    let call = client.begin_pull(&Pull { image: &reference, ..Pull::default() });
    let _ = in_flight(&watch.collector, 1);
    client.kill();
    drop(call);
    watch.one().is(&[("image", &reference)]).failed(&["canceled"]);
    watch.collector.stop();
}

#[test]
fn a_runtime_that_is_killed() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let server = faulty::stalling(&image);
    let reference = format!("{}/a/b:c", server.address());
    let mut node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("kubelet", &node.socket());
    let call = client.begin_pull(&Pull { image: &reference, ..Pull::default() });
    let _ = in_flight(&watch.collector, 1);
    wait_until("the layer's request", || {
        server.log().0.iter().any(|entry| entry.path.ends_with(&image.layers[0].digest))
    });
    node.kill();
    assert_ne!(call.wait().code, code::OK);
    watch.one().is(&[("image", &reference)]).failed(&["killed"]);
    watch.collector.stop();
}
