//! Pulls that fail at the registry, each in its own way.

use std::time::Duration;

use pullscope_tests::answer::Answer;
use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::faulty;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::compare::{by_kind_and_method, nothing_left_or_lost, same_traffic, settled};

/// nginx answers what matches `pattern` with `code`.
#[track_caller]
fn answered_with(code: u16, pattern: &str) {
    let alone = alone();
    let image = Image::make(&[2_000], 6);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    for client in [Client::Skopeo, Client::Ctr] {
        let front = Site::new().answer(pattern, code).front_of(&registry);
        let reference = format!("{}/team/app:v1", front.address());
        let nginx = Nginx::start([front]);
        let collector = Collector::start(&alone);
        let _ = Puller::plain(client).pull(&reference).expect_failure();
        let log = nginx.log();
        let scrape = settled(&collector, &log);
        if client == Client::Ctr && pattern == "/blobs/" {
            // It asks for config and layer side by side, and leaves the one as soon as the other has failed: whether it
            // has read that answer, no log tells.
            let requests =
                scrape.group("pullscope_registry_requests_total", &[("process", "ctr")], ["kind", "method"]);
            assert_eq!(requests, by_kind_and_method(&log), "{log}\n{scrape}");
            let of_blobs = [("process", "ctr"), ("kind", "blob")];
            let codes = scrape.group("pullscope_registry_requests_total", &of_blobs, ["code"]);
            let answered = [code.to_string()];
            assert!(codes.contains_key(&answered), "{codes:?}");
            assert!(codes.keys().all(|code| *code == answered || code[0] == "none"), "{codes:?}");
            nothing_left_or_lost(&scrape);
        } else {
            same_traffic(&scrape, client.process(), "[IP_ADDRESS]", &log);
        }
        collector.stop();
    }
}

#[test]
fn a_manifest_that_is_not_there() {
    answered_with(404, "/manifests/");
}

#[test]
fn too_many_requests() {
    answered_with(429, "/blobs/");
}

#[test]
fn a_server_error_for_the_manifest() {
    answered_with(500, "/manifests/");
}

#[test]
fn a_server_error_for_a_blob() {
    answered_with(500, "/blobs/");
}

/// What can be known of an answer.
#[derive(PartialEq)]
enum Answered {
    /// It is HTTP as far as it goes: the download has failed.
    Broken,
    /// It is not HTTP: that the download has not succeeded is all there is to know.
    Garbled,
}

/// The layer is answered with what `fault` makes of the good answer. skopeo asks once and fails.
#[track_caller]
fn layer(answered: &Answered, fault: fn(Answer) -> Answer) {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let layer = image.layers[0].clone();
    let server = faulty::serve(&image, move |request| {
        request.path.ends_with(&layer.digest).then(|| fault(faulty::blob(&layer)))
    });
    let collector = Collector::start(&alone);
    let puller = Puller::plain(Client::Skopeo);
    // Where nothing more comes, skopeo waits until the rig kills it.
    let outcome = puller.begin(&format!("{}/a/b:c", server.address())).wait(Duration::from_secs(5));
    assert!(!outcome.ok(), "{outcome:?}");

    let log = server.log();
    let scrape = settled(&collector, &log);
    let layer = image.layers[0].digest.clone();
    let good = log.filter(|entry| !entry.path.ends_with(&layer));
    let bad = Log(log.0.into_iter().filter(|entry| entry.path.ends_with(&layer)).collect());
    assert_eq!(bad.0.len(), 1, "{bad}");

    let of_blobs = [("process", "skopeo"), ("kind", "blob")];
    let by_code = scrape.group("pullscope_registry_requests_total", &of_blobs, ["code"]);
    let mut expected = std::collections::BTreeMap::new();
    for entry in good.of_kind("blob").0.iter().chain(&bad.0) {
        *expected.entry([entry.code_label()]).or_default() += 1;
    }
    assert_eq!(by_code, expected, "{scrape}");
    let bytes = |log: &Log| log.0.iter().map(|entry| entry.body_bytes).sum::<u64>();
    let counted = scrape.count("pullscope_registry_response_bytes_total", &of_blobs);
    assert_eq!(counted, bytes(&good.of_kind("blob")) + bytes(&bad), "{scrape}");
    let failed = [("process", "skopeo"), ("kind", "blob"), ("status", "error")];
    let failed = scrape.count("pullscope_downloads_total", &failed);
    let unknown = [("reason", "download_end_unknown")];
    let unknown = scrape.count("pullscope_exchanges_unattributed_total", &unknown);
    assert_eq!(failed + unknown, 1, "{scrape}");
    assert!(failed == 1 || *answered == Answered::Garbled, "{scrape}");
    let ok = [("process", "skopeo"), ("kind", "blob"), ("status", "ok")];
    let others = good.of_kind("blob").0.len() as u64;
    assert_eq!(scrape.count("pullscope_downloads_total", &ok), others, "{scrape}");
    nothing_left_or_lost(&scrape);
    collector.stop();
}

#[test]
fn a_blob_cut_off_by_a_close() {
    layer(&Answered::Broken, |answer| answer.cut(200_000).then_close());
}

#[test]
fn a_blob_cut_off_by_a_reset() {
    layer(&Answered::Broken, |answer| answer.cut(30_000).then_reset());
}

#[test]
fn a_blob_that_stalls() {
    layer(&Answered::Broken, |answer| answer.cut(1_000).then_stall());
}

#[test]
fn a_registry_that_says_nothing() {
    layer(&Answered::Broken, |_| Answer::silence());
}

#[test]
fn a_head_that_is_none() {
    layer(&Answered::Garbled, |_| Answer::raw(b"HTTP/1.1 two hundred\r\n\r\n"));
}

#[test]
fn an_absurd_length() {
    layer(&Answered::Garbled, |_| {
        Answer::raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n")
    });
}

#[test]
fn binary_where_a_head_is_due() {
    layer(&Answered::Garbled, |_| Answer::raw((0..=255).collect::<Vec<u8>>()));
}

#[test]
fn an_endless_head() {
    layer(&Answered::Garbled, |_| Answer::endless_head());
}

/// After each of the faults above the next pull is counted right.
#[test]
fn traffic_after_a_fault() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let digest = image.layers[0].digest.clone();
    let faulty =
        faulty::serve(&image, move |request| request.path.ends_with(&digest).then(Answer::endless_head));
    let good = faulty::serve(&image, |_| None);
    let collector = Collector::start(&alone);
    let _ = Puller::plain(Client::Skopeo).pull(&format!("{}/a/b:c", faulty.address())).expect_failure();
    let before = settled(&collector, &faulty.log());
    let _ = Puller::plain(Client::Skopeo).pull(&format!("{}/a/b:c", good.address())).expect_ok();
    let log = good.log();
    let scrape = settled(&collector, &faulty.log().and(log.clone())).since(&before);
    same_traffic(&scrape, "skopeo", "[IP_ADDRESS]", &log);
    collector.stop();
}
