//! Every client at docker-registry over TLS, to the request and to the byte; and what the registry serves, which is a
//! program of Go with TLS itself.
//!
//! Debian's clients speak HTTP/1.1 even to a registry that would speak HTTP/2 (each brings its own TLS settings, with
//! which Go's net/http does not offer it): `tls_go` has clients that do.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::place::Place;
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{all_decoded, connects, decoded_and_opaque, nothing_unknown, same_traffic};
use crate::served::same_service;

const HOST: &str = "registry.example.co.uk";
const LABEL: &str = "example.co.uk";
const NAME: &str = "team/app:v1";

#[track_caller]
fn counted_exactly(client: Client, version: Version, daemon_before: bool) {
    let alone = alone();
    let image = Image::make(&[1_500_000, 200_000, 3_000], 1);
    let mut secure = Secure::start(version, &[HOST]);
    secure.push(&image, NAME);
    // ctr speaks plain HTTP to an address on loopback, so the registry has a name.
    let hosts = Hosts::new([(HOST, secure.relay.address().ip())]);
    let reference = format!("{HOST}:{}/{NAME}", secure.relay.address().port());
    let trusted = secure.authority.folder();
    let options = Options { trust: Some(&trusted), ..Options::default() };
    let start = || Puller::start(client, Place::machine().with_hosts(&hosts), options);
    let early = daemon_before.then(start);
    let collector = Collector::start(&alone);
    let puller = early.unwrap_or_else(start);

    let _ = puller.pull(&reference).expect_ok();
    let connections = secure.relay.connections();
    let log = secure.stop();
    let scrape = collector.settled();
    same_traffic(&scrape, client.process(), LABEL, &log);
    same_service(&scrape, "docker-registry", &log);
    if client == Client::Docker {
        // The daemon keeps connections, and what of them nobody has used is not told yet.
        let (decoded, opaque) = decoded_and_opaque(&scrape, "dockerd");
        assert!(decoded > 0 && decoded + opaque <= connections, "{scrape}");
        assert_eq!(connects(&scrape, "dockerd", "ok"), connections, "{scrape}");
        if daemon_before {
            // Its connection with containerd is as old, and what is said there refers to what was said before.
            assert_eq!(scrape.count("pullscope_exchanges_unattributed_total", &[]), 0, "{scrape}");
        } else {
            nothing_unknown(&scrape);
        }
    } else {
        all_decoded(&scrape, client.process(), LABEL, connections);
    }
    collector.stop();
}

#[track_caller]
fn with_and_without_http2(client: Client) {
    counted_exactly(client, Version::Http2, false);
    counted_exactly(client, Version::Http1, false);
}

#[test]
fn skopeo() {
    with_and_without_http2(Client::Skopeo);
}

#[test]
fn podman() {
    with_and_without_http2(Client::Podman);
}

#[test]
fn buildah() {
    with_and_without_http2(Client::Buildah);
}

#[test]
fn ctr() {
    with_and_without_http2(Client::Ctr);
}

#[test]
fn docker() {
    with_and_without_http2(Client::Docker);
}

#[test]
fn docker_with_a_daemon_that_was_there_before() {
    counted_exactly(Client::Docker, Version::Http2, true);
}
