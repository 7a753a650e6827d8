//! Garbage collection: what the kubelet removes, told from what people remove, by the name of who asks.

use std::collections::BTreeMap;

use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{Client, Pull, code, pod};
use pullscope_tests::turn::alone;

use crate::pods::Pods;

const CYCLES: &str = "pullscope_gc_cycle_duration_seconds_count";
const RECLAIMED: &str = "pullscope_gc_reclaimed_total";
const ERRORS: &str = "pullscope_gc_errors_total";
const KINDS: [&str; 3] = ["container", "image", "sandbox"];

/// A client called `name` removes a container, a sandbox and an image.
#[track_caller]
fn removed_by(name: &str, reason: &str, collects: bool) {
    let alone = alone();
    let pods = Pods::start();
    let client = Client::start(name, &pods.node.socket());
    let pod = pod("one");
    let sandbox = client.run_sandbox(&pod, "").expect_ok().id;
    let container = client.create_container(&sandbox, &pod, "app", &pods.image).expect_ok().id;
    let _ = client.start_container(&container).expect_ok();
    let _ = client.stop_container(&container).expect_ok();
    let _ = client.stop_sandbox(&sandbox).expect_ok();
    client.stop();

    let collector = Collector::start(&alone);
    let client = Client::start(name, &pods.node.socket());
    let _ = client.remove_container(&container).expect_ok();
    let _ = client.remove_sandbox(&sandbox).expect_ok();
    let _ = client.remove_image(&pods.image).expect_ok();
    let cycles = if collects { KINDS.len() as u64 } else { 0 };
    let enough = |scrape: &pullscope_tests::scrape::Scrape| {
        scrape.count(RECLAIMED, &[]) >= KINDS.len() as u64 && scrape.count(CYCLES, &[]) >= cycles
    };
    let scrape = collector.until(enough);
    let of = [("runtime", "containerd")];
    let reclaimed = KINDS.map(|kind| ([kind.to_owned(), reason.to_owned()], 1));
    assert_eq!(scrape.group(RECLAIMED, &of, ["kind", "reason"]), BTreeMap::from(reclaimed), "{scrape}");
    let expected = KINDS.iter().filter(|_| collects).map(|kind| ([(*kind).to_owned()], 1));
    assert_eq!(scrape.group(CYCLES, &of, ["kind"]), expected.collect(), "{scrape}");
    assert_eq!(scrape.count(ERRORS, &[]), 0, "{scrape}");

    // The runtime looks nothing up by an empty name, and says so. It is a failure of collection where the kubelet asked.
    let _ = client.remove_container("").expect_code(code::UNKNOWN);
    let scrape = Pods::called(&collector, 4);
    let failed: BTreeMap<_, _> = collects.then(|| (["container".to_owned()], 1)).into_iter().collect();
    assert_eq!(scrape.group(ERRORS, &of, ["kind"]), failed, "{scrape}");
    assert_eq!(scrape.count(RECLAIMED, &[]), KINDS.len() as u64, "{scrape}");
    let _ = client.pull(&Pull { image: &pods.image, ..Pull::default() }).expect_ok();
    client.stop();
    collector.stop();
}

#[test]
fn the_kubelet_collects() {
    removed_by("kubelet", "kubelet", true);
}

#[test]
fn a_person_removes() {
    removed_by("crictl", "user", false);
}

#[test]
fn somebody_removes() {
    removed_by("some-agent", "unknown", false);
}
