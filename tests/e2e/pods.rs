//! Sandboxes, containers and every other call of the CRI, by the calls that the client has made.

use std::collections::BTreeMap;

use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{Client, Pull, code, pod};
use pullscope_tests::images::Image;
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;

use crate::pull_cri::DEFAULT;

const OPERATIONS: &str = "pullscope_cri_operation_duration_seconds_count";
const CREATES: &str = "pullscope_sandbox_create_duration_seconds_count";
const DELETES: &str = "pullscope_sandbox_deletes_total";
const ROLLBACKS: &str = "pullscope_sandbox_rollbacks_total";

/// A node that has the images of its pods already.
pub struct Pods {
    pub node: Node,
    pub image: String,
    _registry: Registry,
}

impl Pods {
    #[track_caller]
    pub fn start() -> Self {
        let (pause, workload) = (Image::program(&[], 1), Image::program(&[3_000], 2));
        let registry = Registry::start(&Access::Open);
        registry.push(&pause, "pause:1");
        registry.push(&workload, "team/app:v1");
        let [pause, image] = ["pause:1", "team/app:v1"].map(|name| format!("{}/{name}", registry.address()));
        let node = Node::start(&Place::machine(), Settings { pause: &pause, ..Settings::default() });
        let client = Client::start("crictl", &node.socket());
        for image in [&pause, &image] {
            let _ = client.pull(&Pull { image, ..Pull::default() }).expect_ok();
        }
        client.stop();
        Self { node, image, _registry: registry }
    }

    /// Waits until `count` calls are counted.
    #[track_caller]
    pub fn called(collector: &Collector, count: u64) -> Scrape {
        let scrape = collector.until(|scrape| scrape.count(OPERATIONS, &[]) >= count);
        assert_eq!(scrape.count(OPERATIONS, &[]), count, "{scrape}");
        scrape
    }
}

#[test]
fn a_sandbox_is_created_used_and_removed() {
    let alone = alone();
    let pods = Pods::start();
    let collector = Collector::start(&alone);
    let client = Client::start("kubelet", &pods.node.socket());
    let pod = pod("one");
    let sandbox = client.run_sandbox(&pod, "").expect_ok().id;
    let container = client.create_container(&sandbox, &pod, "app", &pods.image).expect_ok().id;
    let _ = client.start_container(&container).expect_ok();
    let _ = client.image_status(&pods.image).expect_ok();
    let _ = (client.sandboxes(), client.containers(), client.images());
    let _ = client.stop_container(&container).expect_ok();
    let _ = client.remove_container(&container).expect_ok();
    let _ = client.stop_sandbox(&sandbox).expect_ok();
    let _ = client.remove_sandbox(&sandbox).expect_ok();

    let called = [
        "RunPodSandbox",
        "CreateContainer",
        "StartContainer",
        "ImageStatus",
        "ListPodSandbox",
        "ListContainers",
        "ListImages",
        "StopContainer",
        "RemoveContainer",
        "StopPodSandbox",
        "RemovePodSandbox",
    ];
    let scrape = Pods::called(&collector, called.len() as u64);
    let of = [("runtime", "containerd")];
    let expected: BTreeMap<_, _> = called.map(|name| ([name.to_owned(), "ok".to_owned()], 1)).into();
    assert_eq!(scrape.group(OPERATIONS, &of, ["operation", "status"]), expected, "{scrape}");
    let once = BTreeMap::from([([DEFAULT.to_owned(), "ok".to_owned()], 1)]);
    assert_eq!(scrape.group(CREATES, &of, ["handler", "status"]), once, "{scrape}");
    assert_eq!(scrape.group(DELETES, &of, ["handler", "status"]), once, "{scrape}");
    assert_eq!(scrape.count(ROLLBACKS, &[]), 0, "{scrape}");
    assert_eq!(scrape.count(crate::pulls::COUNT, &[]), 0, "{scrape}");
    client.stop();
    collector.stop();
}

/// Given up before a container ran in it: nothing was created in it, or what was created was not started.
#[test]
fn a_sandbox_that_is_rolled_back() {
    let alone = alone();
    let pods = Pods::start();
    let collector = Collector::start(&alone);
    let client = Client::start("kubelet", &pods.node.socket());
    for (number, with_container) in [false, true].into_iter().enumerate() {
        let pod = pod(&format!("pod-{number}"));
        let sandbox = client.run_sandbox(&pod, "").expect_ok().id;
        if with_container {
            let _ = client.create_container(&sandbox, &pod, "app", &pods.image).expect_ok();
        }
        let _ = client.stop_sandbox(&sandbox).expect_ok();
        let _ = client.remove_sandbox(&sandbox).expect_ok();
        let rolled_back = number as u64 + 1;
        let scrape = collector.until(|scrape| scrape.count(ROLLBACKS, &[]) >= rolled_back);
        let of = [("runtime", "containerd"), ("handler", DEFAULT)];
        assert_eq!(scrape.count(ROLLBACKS, &of), rolled_back, "{scrape}");
        assert_eq!(scrape.count(DELETES, &[("status", "ok")]), rolled_back, "{scrape}");
    }
    client.stop();
    collector.stop();
}

#[test]
fn a_sandbox_that_cannot_be_created() {
    let alone = alone();
    let mut pods = Pods::start();
    // The image of a sandbox of this node is not there.
    let missing = format!("{}-missing", pods.image);
    let bare = Node::start(&Place::machine(), Settings { pause: &missing, ..Settings::default() });
    let collector = Collector::start(&alone);
    for (number, (node, handler, label)) in
        [(&mut pods.node, "kata", "kata"), (&mut { bare }, "", DEFAULT)].into_iter().enumerate()
    {
        let client = Client::start("kubelet", &node.socket());
        let answer = client.run_sandbox(&pod("none"), handler);
        assert_ne!(answer.code, code::OK, "{answer:?}");
        let failed = [("handler", label), ("status", "error")];
        let scrape = Pods::called(&collector, number as u64 + 1);
        assert_eq!(scrape.count(CREATES, &failed), 1, "{scrape}");
        assert_eq!(scrape.count(CREATES, &[]), number as u64 + 1, "{scrape}");
        client.stop();
    }
    collector.stop();
}

/// What was created before pullscope looked has a handler that nobody has named since.
#[test]
fn the_handler_of_a_sandbox_from_before() {
    let alone = alone();
    let pods = Pods::start();
    let client = Client::start("kubelet", &pods.node.socket());
    let sandbox = client.run_sandbox(&pod("old"), "").expect_ok().id;
    let collector = Collector::start(&alone);
    client.stop();
    let client = Client::start("kubelet", &pods.node.socket());
    let _ = client.stop_sandbox(&sandbox).expect_ok();
    let _ = client.remove_sandbox(&sandbox).expect_ok();
    let scrape = Pods::called(&collector, 2);
    let unknown = [("runtime", "containerd"), ("handler", "unknown"), ("status", "ok")];
    assert_eq!(scrape.count(DELETES, &unknown), 1, "{scrape}");
    // Whether a container ever ran in it is not known.
    assert_eq!(scrape.count(ROLLBACKS, &[]), 0, "{scrape}");
    client.stop();
    collector.stop();
}
