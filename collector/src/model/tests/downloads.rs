//! Downloads: one per manifest or blob, however many exchanges it takes.

use super::scene::{BLOB, MANIFEST, Scene, get, get_range, ok, response};
use crate::model::Limits;
use crate::model::event::{Direction, Event, TargetId};

const REGISTRY: &str = "registry.example.com";
const OK: &str = "download example.com blob ok";
const ERROR: &str = "download example.com blob error";

fn downloads(scene: &mut Scene) -> Vec<String> {
    scene.said(&["download", "unattributed"])
}

/// 30 seconds in which nothing comes, with the last millisecond apart.
fn patience(scene: &mut Scene) -> (Vec<String>, Vec<String>) {
    scene.wait(29_900);
    let before = downloads(scene);
    scene.wait(100);
    (before, downloads(scene))
}

fn none() -> Vec<String> {
    Vec::new()
}

fn part(first: usize, last: usize, total: usize, here: usize) -> String {
    response(206, &format!("Content-Range: bytes {first}-{last}/{total}\r\n"), last - first + 1, here)
}

fn challenge() -> String {
    response(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", 2, 2)
}

fn redirect() -> String {
    response(307, "Location: http://cdn.example.net/data\r\n", 0, 0)
}

#[test]
fn every_final_answer_is_an_end() {
    for (answer, end) in [
        (ok(), OK),
        ("HTTP/1.1 304 X\r\n\r\n".into(), OK),
        (response(404, "", 2, 2), ERROR),
        (response(429, "", 2, 2), ERROR),
        (response(500, "", 2, 1), ERROR),
        (response(307, "", 0, 0), ERROR),
        (response(300, "", 0, 0), ERROR),
    ] {
        let mut scene = Scene::with_process();
        scene.get(REGISTRY, BLOB, &answer);
        assert_eq!(downloads(&mut scene), [end], "{answer}");
        assert_eq!(scene.model.sizes().downloads, 0);
    }
}

#[test]
fn a_head_is_none_and_neither_is_a_ping() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, format!("HEAD {BLOB} HTTP/1.1\r\nHost: {REGISTRY}\r\n\r\n"));
    scene.receive(conn, response(404, "", 10, 0));
    scene.get(REGISTRY, "/v2/", &ok());
    assert_eq!(downloads(&mut scene), none());
}

#[test]
fn a_redirect_is_followed() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get("cdn.example.net", "/data", &response(403, "", 2, 2));
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn a_redirect_that_nobody_follows_is_an_error() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &redirect());
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
    // Asking the registry again is another download.
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get(REGISTRY, BLOB, &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    scene.exits(1);
    assert_eq!(downloads(&mut scene), [ERROR]);
}

/// Where it leads to HTTPS, nobody can see whether it is followed.
#[test]
fn the_end_of_a_redirect_to_https_is_unknown() {
    let away = response(307, "Location: https://cdn.example.net/data\r\n", 0, 0);
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &away);
    scene.exits(1);
    assert_eq!(downloads(&mut scene), ["unattributed download_end_unknown"]);
}

#[test]
fn two_of_the_same_redirect_are_two() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get("cdn.example.net", "/data", &ok());
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(downloads(&mut scene), [OK, OK]);
    // A third request for the URL is a download too, though nothing redirected to it just now.
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), none()));
}

#[test]
fn a_challenge_is_answered() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &challenge());
    scene.get(REGISTRY, BLOB, &redirect());
    scene.get("cdn.example.net", "/data", &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), none()));
}

#[test]
fn a_challenge_that_is_not_answered_is_an_error() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &challenge());
    scene.get(REGISTRY, MANIFEST, &ok());
    assert_eq!(downloads(&mut scene), ["download example.com manifest ok"]);
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
    // Denied again and again: the last refusal counts.
    scene.get(REGISTRY, BLOB, &challenge());
    scene.get(REGISTRY, BLOB, &challenge());
    scene.exits(1);
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn the_retry_is_its_processs_own() {
    let mut scene = Scene::with_process();
    scene.process(2);
    scene.get(REGISTRY, BLOB, &challenge());
    scene.get_by(2, REGISTRY, BLOB, &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    scene.exits(1);
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn parts_one_by_one_are_one() {
    let mut scene = Scene::with_process();
    for (first, last) in [(0, 39), (80, 99), (40, 79)] {
        assert_eq!(downloads(&mut scene), none());
        scene.get(REGISTRY, BLOB, &part(first, last, 100, last - first + 1));
    }
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), none()));
}

#[test]
fn parts_side_by_side_are_one() {
    let mut scene = Scene::with_process();
    let conns = [(0, 49), (50, 99)].map(|(first, last)| {
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, get_range(REGISTRY, BLOB, &format!("{first}-{last}")));
        (conn, part(first, last, 100, 50))
    });
    for (conn, answer) in conns {
        assert_eq!(downloads(&mut scene), none());
        scene.receive(conn, answer);
    }
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(scene.model.sizes().downloads, 0);
}

#[test]
fn a_part_that_is_refused_is_an_error_beside_the_whole() {
    let mut scene = Scene::with_process();
    let [a, b, c] = [0; 3].map(|_| scene.connect(1, "10.0.0.1:80"));
    for conn in [a, b] {
        scene.send(conn, get_range(REGISTRY, BLOB, "x"));
    }
    scene.receive(a, part(0, 49, 100, 10));
    scene.receive(b, part(50, 99, 100, 50));
    // The third is one of its own until it is answered with a part, so its refusal ends it alone.
    scene.send(c, get_range(REGISTRY, BLOB, "x"));
    scene.receive(c, response(429, "", 2, 2));
    assert_eq!(downloads(&mut scene), [ERROR]);
    scene.receive(a, "x".repeat(40));
    assert_eq!(downloads(&mut scene), [OK]);
}

#[test]
fn parts_that_come_are_not_lost_with_one_that_is_refused() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &part(0, 39, 100, 40));
    let [a, b] = [0; 2].map(|_| {
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, get_range(REGISTRY, BLOB, "x"));
        conn
    });
    scene.receive(b, part(40, 79, 100, 20));
    scene.receive(a, response(429, "", 2, 2));
    assert_eq!(downloads(&mut scene), [ERROR]);
    scene.receive(b, "x".repeat(20));
    scene.get(REGISTRY, BLOB, &part(80, 99, 100, 20));
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), none()));
}

#[test]
fn who_wants_a_part_only_is_served_well() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &part(10, 19, 100, 10));
    assert_eq!(patience(&mut scene), (none(), vec![OK.into()]));
    scene.get(REGISTRY, BLOB, &part(10, 19, 100, 5));
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
}

#[test]
fn a_cut_body_may_be_resumed() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &response(200, "", 100, 30));
    scene.wait(29_000);
    assert_eq!(downloads(&mut scene), none());
    scene.get(REGISTRY, BLOB, &part(30, 99, 100, 20));
    scene.wait(29_000);
    scene.get(REGISTRY, BLOB, &part(50, 99, 100, 50));
    assert_eq!(downloads(&mut scene), [OK]);
    // From the start again.
    scene.get(REGISTRY, BLOB, &response(200, "", 100, 30));
    scene.get(REGISTRY, BLOB, &ok());
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), none()));
}

#[test]
fn a_cut_body_that_is_not_resumed_is_an_error() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &response(200, "", 100, 30));
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
    // Without any answer.
    scene.get(REGISTRY, BLOB, "");
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
    // Resumed, but refused.
    scene.get(REGISTRY, BLOB, &response(200, "", 100, 30));
    scene.get(REGISTRY, BLOB, &response(416, "", 0, 0));
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn a_killed_process_leaves_an_error() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, BLOB));
    scene.receive(conn, response(200, "", 100, 30));
    scene.exits(1);
    assert_eq!(downloads(&mut scene), none(), "its socket may live on");
    // Another process gets its number.
    scene.process(1);
    scene.close(conn);
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn a_process_that_gets_a_dead_ones_number_does_not_go_on_with_its_downloads() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get_range(REGISTRY, BLOB, "0-49"));
    scene.receive(conn, part(0, 49, 100, 50 - 1));
    scene.exits(1);
    scene.process(1);
    scene.get(REGISTRY, BLOB, &part(50, 99, 100, 50));
    scene.receive(conn, "x");
    assert_eq!(downloads(&mut scene), [OK], "the dead one had all that it asked for");
    assert_eq!(patience(&mut scene), (none(), vec![OK.into()]));
}

#[test]
fn a_cut_body_may_be_resumed_before_the_old_connection_is_closed() {
    let mut scene = Scene::with_process();
    let old = scene.connect(1, "10.0.0.1:80");
    scene.send(old, get(REGISTRY, BLOB));
    scene.receive(old, response(200, "", 100, 30));
    let new = scene.connect(1, "10.0.0.1:80");
    scene.send(new, get_range(REGISTRY, BLOB, "30-"));
    scene.receive(new, part(30, 99, 100, 10));
    scene.close(old);
    scene.receive(new, "x".repeat(60));
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(scene.model.sizes().downloads, 0);
}

#[test]
fn full_answers_side_by_side_are_downloads_of_their_own() {
    let mut scene = Scene::with_process();
    let conns = [0; 2].map(|_| {
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, get(REGISTRY, BLOB));
        scene.receive(conn, response(200, "", 100, 30));
        conn
    });
    scene.receive(conns[0], "x".repeat(70));
    scene.receive(conns[1], "x".repeat(10));
    scene.close(conns[1]);
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
    // The older of two is cut after the younger had begun: that was no attempt to resume it.
    let conns = [0; 2].map(|_| {
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, get(REGISTRY, BLOB));
        conn
    });
    scene.receive(conns[0], response(200, "", 100, 30));
    scene.close(conns[0]);
    scene.receive(conns[1], ok());
    assert_eq!(downloads(&mut scene), [OK]);
    assert_eq!(patience(&mut scene), (none(), vec![ERROR.into()]));
}

#[test]
fn an_end_that_was_not_seen_is_no_end() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, BLOB));
    scene.lose(conn, Direction::Received, 200);
    scene.send(conn, get(REGISTRY, "/v2/"));
    let said = downloads(&mut scene);
    assert!(said.contains(&"unattributed download_end_unknown".into()), "{said:?}");
    assert!(!said.iter().any(|line| line.starts_with("download")), "{said:?}");
}

#[test]
fn another_program_in_the_same_process_does_not_go_on_with_it() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &challenge());
    scene.tell(Event::ProcessBegan { found: false, pid: 1, target: TargetId(5), time: scene.now });
    assert_eq!(downloads(&mut scene), [ERROR]);
}

#[test]
fn too_many_at_once_are_counted() {
    let mut scene = Scene::with_limits(Limits { downloads: 1, ..Limits::default() });
    scene.process(1);
    scene.get(REGISTRY, BLOB, &challenge());
    scene.get(REGISTRY, MANIFEST, &ok());
    assert_eq!(downloads(&mut scene), ["unattributed downloads_full"]);
    scene.get(REGISTRY, BLOB, &ok());
    assert_eq!(downloads(&mut scene), [OK]);
}
