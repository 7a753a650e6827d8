//! Whether what is served had been there.

use wire::http::Method;

use super::scene::{Scene, VOUCHED, get, response};
use crate::model::event::{ConnId, Direction, Phase};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn blob() -> String {
    format!("/v2/library/app/blobs/sha256:{HEX}")
}

/// A process that begins to serve the blob.
fn serving() -> (Scene, ConnId) {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, get("mirror", &blob()));
    (scene, conn)
}

fn served(scene: &mut Scene, conn: ConnId) -> Vec<String> {
    scene.send(conn, response(200, "", 30, 30));
    scene.said(&["served-from"])
}

fn fetch(scene: &mut Scene, target: &str, bytes: usize) {
    let upstream = scene.connect(1, "10.0.0.1:80");
    scene.send(upstream, get("origin", target));
    scene.receive(upstream, response(200, "", bytes, bytes));
    scene.close(upstream);
}

#[test]
fn what_is_fetched_meanwhile_was_not_there() {
    for target in [
        blob(),
        format!("/namespace/library%2Fapp/blobs/sha256:{HEX}/metainfo"),
        format!("/namespace/library%2Fapp/blobs/{HEX}/metainfo"),
    ] {
        let (mut scene, conn) = serving();
        fetch(&mut scene, &target, 5);
        assert_eq!(served(&mut scene, conn), ["served-from blob Miss"], "{target}");
    }
}

#[test]
fn what_is_being_fetched_for_another_request_was_not_there() {
    let mut scene = Scene::with_process();
    let first = scene.accept(1);
    scene.receive(first, get("mirror", &blob()));
    let upstream = scene.connect(1, "10.0.0.1:80");
    scene.send(upstream, get("origin", &blob()));
    let second = scene.accept(1);
    scene.receive(second, get("mirror", &blob()));
    assert_eq!(served(&mut scene, second), ["served-from blob Miss"]);
    scene.receive(upstream, response(200, "", 30, 30));
    assert_eq!(served(&mut scene, first), ["served-from blob Miss"]);
}

#[test]
fn what_was_fetched_before_is_there() {
    let (mut scene, conn) = serving();
    fetch(&mut scene, &blob(), 30);
    assert_eq!(served(&mut scene, conn), ["served-from blob Miss"]);
    scene.receive(conn, get("mirror", &blob()));
    assert_eq!(served(&mut scene, conn), ["served-from blob Hit"]);
}

#[test]
fn to_ask_whether_it_has_changed_is_no_fetch() {
    let (mut scene, conn) = serving();
    let upstream = scene.connect(1, "10.0.0.1:80");
    scene.send(upstream, get("origin", &blob()).replace(Method::Get.as_str(), Method::Head.as_str()));
    scene.receive(upstream, response(200, "", 30, 0));
    scene.close(upstream);
    assert_eq!(served(&mut scene, conn), ["served-from blob Hit"]);
}

#[test]
fn as_many_bytes_of_something_else_may_have_been_it() {
    let (mut scene, conn) = serving();
    fetch(&mut scene, "/download/4711", 29);
    assert_eq!(served(&mut scene, conn), ["served-from blob Hit"]);
    scene.receive(conn, get("mirror", &blob()));
    fetch(&mut scene, "/download/4711", 30);
    assert_eq!(served(&mut scene, conn), ["served-from blob Unknown"]);
}

#[test]
fn what_cannot_be_read_may_have_been_it() {
    let (mut scene, conn) = serving();
    let peer = scene.connect(1, "10.0.0.3:6881");
    scene.count(peer, Direction::Received, 5);
    assert_eq!(served(&mut scene, conn), ["served-from blob Unknown"]);
    scene.change(peer, Phase::Ended, 0);
    scene.receive(conn, get("mirror", &blob()));
    assert_eq!(served(&mut scene, conn), ["served-from blob Hit"]);
}

#[test]
fn a_tag_is_known_by_the_digest_that_it_is_answered_with() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    for (fetched, said) in [(true, "served-from manifest Miss"), (false, "served-from manifest Hit")] {
        scene.receive(conn, get("mirror", "/v2/library/app/manifests/latest"));
        if fetched {
            fetch(&mut scene, &format!("/v2/library/app/manifests/sha256:{HEX}"), 30);
        }
        scene.send(conn, response(200, &format!("Docker-Content-Digest: sha256:{HEX}\r\n"), 30, 30));
        assert_eq!(scene.said(&["served-from"]), [said]);
    }
}

#[test]
fn a_tag_that_is_fetched_by_its_own_path() {
    const TAG: &str = "/v2/library/app/manifests/latest";
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    for (asked, said) in
        [(Some(TAG), "Miss"), (Some("/v2/library/other/manifests/latest"), "Hit"), (None, "Hit")]
    {
        scene.receive(conn, get("mirror", &format!("{TAG}?ns=example.com")));
        if let Some(asked) = asked {
            fetch(&mut scene, asked, 30);
        }
        scene.send(conn, response(200, &format!("Docker-Content-Digest: sha256:{HEX}\r\n"), 30, 30));
        assert_eq!(scene.said(&["served-from"]), [format!("served-from manifest {said}")], "{asked:?}");
    }
}

#[test]
fn only_what_is_served_whole_counts() {
    let (mut scene, conn) = serving();
    scene.send(conn, response(404, "", 3, 3));
    scene.receive(conn, get("mirror", &blob()));
    scene.send(conn, response(200, "", 30, 10));
    scene.close(conn);
    assert_eq!(scene.said(&["served-from"]), [""; 0]);
}

#[test]
fn what_a_recipe_vouches_for() {
    let mut scene = Scene::new();
    scene.process_of(7, VOUCHED);
    let peer = scene.connect(7, "10.0.0.3:6881");
    scene.count(peer, Direction::Received, 5);
    let conn = scene.accept(7);
    scene.receive(conn, get("mirror", &blob()));
    assert_eq!(served(&mut scene, conn), ["served-from blob Hit"]);
    let tracker = scene.connect(7, "10.0.0.4:80");
    scene.receive(conn, get("mirror", &blob()));
    scene.send(tracker, get("tracker", &format!("/namespace/app/blobs/{HEX}/metainfo")));
    assert_eq!(served(&mut scene, conn), ["served-from blob Miss"]);
}
