//! A CRI connection that is older than pullscope: many calls were made on it, so the header fields of the next ones are
//! references to what was sent before anybody looked.

use std::time::Duration;

use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{Client, Pull, pod};
use pullscope_tests::images::Image;
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::pulls::Watch;

/// Whether there was a pull among the calls before.
#[track_caller]
fn the_next_pull_is_counted_and_named(pulled_before: bool) {
    let alone = alone();
    let registry = Registry::start(&Access::Open);
    for number in 0..3 {
        let image = Image::make(&[100_000], 50 + number);
        registry.push(&image, &format!("team/app-{number}:v1"));
    }
    let name = |number| format!("{}/team/app-{number}:v1", registry.address());
    let node = Node::start(&Place::machine(), Settings::default());
    let client = Client::start("kubelet", &node.socket());
    let pod = pod("a-pod");
    let deadline = Some(Duration::from_secs(30));
    if pulled_before {
        for pod in [None, Some(&pod)] {
            let _ = client.pull(&Pull { image: &name(0), pod, deadline, ..Pull::default() }).expect_ok();
        }
    }
    for _ in 0..50 {
        let _ = (client.images(), client.sandboxes(), client.containers());
        let _ = client.image_status(&name(0)).expect_ok();
    }

    let mut watch = Watch::new(Collector::start(&alone));
    let _ = client.pull(&Pull { image: &name(1), pod: Some(&pod), deadline, ..Pull::default() }).expect_ok();
    let first = watch.one();
    first.is(&[("source", "cri"), ("image", &name(1)), ("status", "ok"), ("on_disk", "false")]);
    first.is(&[("trigger", "execution"), ("has_creds", "false"), ("runtime", "containerd")]);

    // None of these is a pull.
    let _ = (client.images(), client.sandboxes(), client.containers());
    let _ = client.image_status(&name(1)).expect_ok();
    let _ = client.remove_image(&name(1)).expect_ok();
    watch.none();

    let credentials = Some(("alice", "open-sesame"));
    let _ = client.pull(&Pull { image: &name(2), credentials, ..Pull::default() }).expect_ok();
    let second = watch.one();
    second.is(&[("source", "cri"), ("image", &name(2)), ("status", "ok")]);
    second.is(&[("trigger", "warmup"), ("has_creds", "true")]);
    client.stop();
    watch.collector.stop();
}

#[test]
fn a_connection_on_which_images_were_pulled_before() {
    the_next_pull_is_counted_and_named(true);
}

#[test]
fn a_connection_on_which_no_image_was_pulled_yet() {
    the_next_pull_is_counted_and_named(false);
}
