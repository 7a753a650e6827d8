//! Garbage collection.

use super::pulling::{CRI, Grpc, field, message};
use super::scene::Scene;

const SAID: [&str; 3] = ["gc-cycle", "reclaimed", "reclaim-failed"];

fn stage(name: &str) -> (Scene, Grpc) {
    let mut scene = Scene::new();
    scene.program(1, CRI);
    let grpc = scene.grpc_server(1, Some((90, name)));
    (scene, grpc)
}

fn image() -> Vec<u8> {
    message(&[field(1, field(1, "sha256:1"))])
}

const IMAGE: &str = "/runtime.v1.ImageService/RemoveImage";
const CONTAINER: &str = "/runtime.v1.RuntimeService/RemoveContainer";
const SANDBOX: &str = "/runtime.v1.RuntimeService/RemovePodSandbox";

#[test]
fn the_kubelet_collects_in_cycles() {
    let (mut scene, kubelet) = stage("kubelet");
    kubelet.ask(&mut scene, 1, IMAGE, &image());
    kubelet.answer(&mut scene, 1, &message(&[]));
    scene.wait(4_000);
    kubelet.ask(&mut scene, 3, IMAGE, &image());
    kubelet.fail(&mut scene, 3, "2", "in use");
    scene.wait(4_900);
    assert_eq!(scene.said(&SAID), ["reclaimed image kubelet", "reclaim-failed image"]);
    scene.wait(200);
    assert_eq!(scene.said(&SAID), ["gc-cycle image 4007ms"]);
    // The next removal is another cycle.
    kubelet.ask(&mut scene, 5, IMAGE, &image());
    kubelet.answer(&mut scene, 5, &message(&[]));
    scene.wait(6_000);
    assert_eq!(scene.said(&SAID), ["reclaimed image kubelet", "gc-cycle image 4ms"]);
}

#[test]
fn images_containers_and_sandboxes_have_their_own_cycles() {
    let (mut scene, kubelet) = stage("kubelet");
    for (stream, path, request) in [
        (1, CONTAINER, message(&[field(1, "c")])),
        (3, SANDBOX, message(&[field(1, "s")])),
        (5, IMAGE, image()),
    ] {
        kubelet.ask(&mut scene, stream, path, &request);
        kubelet.answer(&mut scene, stream, &message(&[]));
    }
    scene.wait(6_000);
    let mut said = scene.said(&SAID);
    said.sort_unstable();
    assert_eq!(
        said,
        [
            "gc-cycle container 4ms",
            "gc-cycle image 4ms",
            "gc-cycle sandbox 4ms",
            "reclaimed container kubelet",
            "reclaimed image kubelet",
            "reclaimed sandbox kubelet",
        ]
    );
}

#[test]
fn what_a_person_removes_is_no_collection() {
    for (name, remover) in [("crictl", "user"), ("operator", "unknown")] {
        let (mut scene, grpc) = stage(name);
        grpc.ask(&mut scene, 1, IMAGE, &image());
        grpc.answer(&mut scene, 1, &message(&[]));
        grpc.ask(&mut scene, 3, IMAGE, &image());
        grpc.fail(&mut scene, 3, "2", "in use");
        scene.wait(6_000);
        assert_eq!(scene.said(&SAID), [format!("reclaimed image {remover}")]);
    }
}

#[test]
fn who_removes_is_unknown_where_nobody_saw_the_peer() {
    let mut scene = Scene::new();
    scene.program(1, CRI);
    let grpc = scene.grpc_server(1, None);
    grpc.ask(&mut scene, 1, IMAGE, &image());
    grpc.answer(&mut scene, 1, &message(&[]));
    scene.wait(6_000);
    assert_eq!(scene.said(&SAID), ["reclaimed image unknown"]);
}

/// Whether it was removed is not known.
#[test]
fn a_removal_whose_end_was_not_seen_is_none() {
    let (mut scene, kubelet) = stage("kubelet");
    kubelet.ask(&mut scene, 1, IMAGE, &image());
    scene.lose_event(kubelet.frames.conn);
    scene.progress(kubelet.frames.conn);
    scene.wait(6_000);
    assert_eq!(scene.said(&SAID), Vec::<String>::new());
}

/// The cycle goes on as long as a removal does.
#[test]
fn a_removal_that_takes_long_is_part_of_the_cycle_that_it_began_in() {
    let (mut scene, kubelet) = stage("kubelet");
    kubelet.ask(&mut scene, 1, IMAGE, &image());
    kubelet.answer(&mut scene, 1, &message(&[]));
    kubelet.ask(&mut scene, 3, IMAGE, &image());
    scene.wait(20_000);
    kubelet.answer(&mut scene, 3, &message(&[]));
    scene.wait(6_000);
    let cycles = scene.said(&["gc-cycle"]);
    assert_eq!(cycles.len(), 1, "{cycles:?}");
}
