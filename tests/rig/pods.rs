//! Pods for real: containerd's CRI, asked as the kubelet asks, lets runc run a sandbox and a container, and both go away.

use pullscope_tests::cri::{Client, Pull, Version, code, pod};
use pullscope_tests::images::Image;
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::together;

/// How many processes run this image's program as `/workload`, by the process table.
fn workloads(node: &Node) -> usize {
    let is = |pid: &&u32| {
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("workload"))
    };
    node.running().iter().filter(is).count()
}

#[track_caller]
fn sandbox_and_container(version: Version) {
    let _turn = together();
    let (pause, workload) = (Image::program(&[], 1), Image::program(&[3_000], 2));
    let registry = Registry::start(&Access::Open);
    registry.push(&pause, "pause:1");
    registry.push(&workload, "team/app:v1");
    let address = registry.address();
    let settings = Settings { pause: &format!("{address}/pause:1"), ..Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let client = Client::start_with("crictl", &node.socket(), version);
    let pod = pod("one");

    let image = format!("{address}/team/app:v1");
    assert_eq!(client.image_status(&image).expect_ok().image, None);
    let pulled = client.pull(&Pull { image: &image, pod: Some(&pod), ..Pull::default() }).expect_ok();
    assert_eq!(pulled.image_ref, workload.config.digest);
    assert_eq!(client.images().len(), 1);

    let sandbox = client.run_sandbox(&pod, "").expect_ok().id;
    assert_eq!((client.sandboxes().len(), workloads(&node)), (1, 1));
    let container = client.create_container(&sandbox, &pod, "app", &image).expect_ok().id;
    let _ = client.start_container(&container).expect_ok();
    assert_eq!((client.containers()[0].state, workloads(&node)), (1, 2));

    let _ = client.stop_container(&container).expect_ok();
    assert_eq!(client.containers()[0].state, 2, "the container runs still");
    let _ = client.remove_container(&container).expect_ok();
    let _ = client.stop_sandbox(&sandbox).expect_ok();
    let _ = client.remove_sandbox(&sandbox).expect_ok();
    assert_eq!((client.sandboxes().len(), client.containers().len()), (0, 0));
    assert!(node.running().is_empty() && node.mounts().is_empty(), "{:?}", node.mounts());
    let _ = client.remove_image(&image).expect_ok();
    assert_eq!(client.images().len(), 1, "the pause image only");
    client.stop();
}

#[test]
fn a_sandbox_and_a_container_run_and_go_away() {
    sandbox_and_container(Version::V1);
}

#[test]
fn the_same_by_the_older_version() {
    sandbox_and_container(Version::V1Alpha2);
}

#[test]
fn a_node_that_goes_takes_its_pods_along() {
    let _turn = together();
    let pause = Image::program(&[], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&pause, "pause:1");
    let settings = Settings { pause: &format!("{}/pause:1", registry.address()), ..Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let client = Client::start("crictl", &node.socket());
    let _ = client.run_sandbox(&pod("left"), "").expect_ok();
    let (running, mounts) = (node.running(), node.mounts());
    assert!(running.len() >= 2 && !mounts.is_empty(), "{running:?} {mounts:?}");
    drop(node);
    assert!(running.iter().all(|pid| !std::path::Path::new("/proc").join(pid.to_string()).exists()));
    let mounted = std::fs::read_to_string("/proc/self/mounts").expect("the mounts");
    assert!(mounts.iter().all(|mount| !mounted.contains(mount.to_str().expect("a plain path"))));
}

#[test]
fn a_handler_that_is_not_there() {
    let _turn = together();
    let pause = Image::program(&[], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&pause, "pause:1");
    let settings = Settings { pause: &format!("{}/pause:1", registry.address()), ..Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let client = Client::start("crictl", &node.socket());
    let refused = client.run_sandbox(&pod("none"), "kata").expect_code(code::UNKNOWN);
    assert!(refused.message.contains("kata"), "{refused:?}");
    assert!(client.sandboxes().is_empty());
}
