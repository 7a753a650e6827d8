//! The server side: what a watched server serves is what its own log says.

use std::collections::BTreeMap;

use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;

use crate::compare::nothing_left_or_lost;

/// Requests by kind, method and code, body bytes by kind, and good downloads by kind are those of `log`.
#[track_caller]
pub fn same_service(scrape: &Scrape, process: &str, log: &Log) {
    let of_process = [("process", process)];
    let group = |(kind, method, code): (&str, String, String)| [kind.to_owned(), method, code];
    let requests: BTreeMap<_, _> = log.tally().into_iter().map(|(key, count)| (group(key), count)).collect();
    let counted = scrape.group("pullscope_served_requests_total", &of_process, ["kind", "method", "code"]);
    assert_eq!(counted, requests, "{log}\n{scrape}");
    let bytes = log.body_bytes().into_iter().filter(|(_, bytes)| *bytes > 0);
    let bytes: BTreeMap<_, _> = bytes.map(|(kind, bytes)| ([kind.to_owned()], bytes)).collect();
    assert_eq!(scrape.group("pullscope_served_bytes_total", &of_process, ["kind"]), bytes, "{log}\n{scrape}");
    for kind in ["manifest", "blob"] {
        let labels = [("process", process), ("kind", kind), ("status", "ok")];
        let got = log.of_kind(kind).filter(|entry| entry.method == "GET" && entry.code == Some(200));
        let served = scrape.count("pullscope_served_downloads_total", &labels);
        assert_eq!(served, got.0.len() as u64, "{kind}: {log}\n{scrape}");
    }
    let in_flight = scrape.count("pullscope_served_requests_in_flight", &of_process);
    assert_eq!(in_flight, 0, "{scrape}");
    nothing_left_or_lost(scrape);
}

#[test]
fn a_registry() {
    let alone = alone();
    let image = Image::make(&[1_500_000, 3_000], 12);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let pushed = registry.log().0.len();
    let collector = Collector::start(&alone);
    for client in [Client::Skopeo, Client::Ctr] {
        let _ = Puller::plain(client).pull(&format!("{}/team/app:v1", registry.address())).expect_ok();
    }
    let log = Log(registry.stop().0.split_off(pushed));
    same_service(&collector.settled(), "docker-registry", &log);
    collector.stop();
}

/// nginx sends the blobs with sendfile: none of their bytes pass through its memory.
#[test]
fn nginx_with_sendfile() {
    let alone = alone();
    let image = Image::make(&[8 << 20, 3_000], 12);
    let site = Site::new().static_image(&image, "static/app:v1");
    let reference = format!("{}/static/app:v1", site.address());
    let nginx = Nginx::start([site]);
    let config = "[[targets]]\nname = \"nginx\"\ncomm = \"nginx\"\nrole = \"server\"\n";
    let collector = Collector::start_with(&alone, &Settings { config: Some(config), ..Settings::default() });
    for client in [Client::Skopeo, Client::Ctr] {
        let _ = Puller::plain(client).pull(&reference).expect_ok();
    }
    // The rig's own question is served by nginx too, after the last request that counts.
    let scrape = collector.settled();
    same_service(&scrape, "nginx", &nginx.log().http());
    collector.stop();
}
