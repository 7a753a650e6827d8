//! Requests and their answers, as a client sees them.

use super::scene::{MANIFEST, Scene, get, ok, response};
use crate::model::event::{Direction, Ends, Phase};

const REGISTRY: &str = "registry.example.com";

#[test]
fn one_request_tells_all_its_facts_in_order() {
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, MANIFEST, &ok());
    assert_eq!(
        scene.all(),
        [
            "process+ 0",
            "connection+ client",
            "request+ example.com",
            "visible plaintext",
            "connect example.com ok 1ms",
            "network example.com 0 77",
            "bytes example.com manifest 10",
            "download example.com manifest ok",
            "request- example.com manifest GET 200 first 1ms all 1ms",
            "network example.com 48 0",
            "connection- client",
        ]
    );
}

#[test]
fn bytes_that_were_not_captured_count_and_end_the_exchange() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, MANIFEST));
    scene.receive(conn, response(200, "", 1_000_000, 100));
    assert_eq!(scene.said(&["bytes", "request-"]), ["bytes example.com manifest 100"]);
    scene.count(conn, Direction::Received, 400_000);
    scene.progress(conn);
    assert_eq!(scene.said(&["bytes", "request-", "network"]).len(), 2, "the body moves while it passes");
    scene.count(conn, Direction::Received, 599_900);
    scene.now += 50_000_000;
    scene.progress(conn);
    let end =
        ["bytes example.com manifest 599900", "request- example.com manifest GET 200 first 1ms all 4ms"];
    assert_eq!(
        scene.said(&["bytes", "request-"]),
        end,
        "it ends when its last byte came, not when that was noticed"
    );
    assert_eq!(scene.model.connections_in_progress().count(), 0);
}

#[test]
fn the_next_request_of_a_connection_ends_the_last() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, "/v2/"));
    scene.receive(conn, response(200, "", 50_000, 10));
    scene.count(conn, Direction::Received, 49_990);
    scene.send(conn, get("other.example.org", MANIFEST));
    scene.receive(conn, ok());
    assert_eq!(
        scene.said(&["request-", "network"]),
        [
            "network example.com 0 49",
            "network example.com 51 0",
            "network example.com 49990 0",
            "request- example.com ping GET 200 first 1ms all 2ms",
            "network example.org 0 74",
            "request- example.org manifest GET 200 first 1ms all 1ms",
            "network example.org 48 0",
        ]
    );
}

#[test]
fn an_exchange_without_an_answer_has_no_code_and_no_duration() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, "/v2/"));
    scene.close(conn);
    assert_eq!(scene.said(&["request-"]), ["request- example.com ping GET none first - all -"]);
}

#[test]
fn a_cut_answer_lasts_until_its_last_byte() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, "/v2/_catalog"));
    scene.receive(conn, response(200, "", 100, 10));
    scene.count(conn, Direction::Received, 10);
    scene.now += 5_000_000_000;
    scene.close(conn);
    assert_eq!(scene.said(&["request-"]), ["request- example.com catalog GET 200 first 1ms all 2ms"]);
}

#[test]
fn the_peers_end_ends_what_only_the_close_delimits() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, MANIFEST));
    scene.receive(conn, "HTTP/1.1 200 OK\r\n\r\nbody");
    scene.receive_end(conn);
    assert_eq!(
        scene.said(&["request-", "download"]),
        ["download example.com manifest ok", "request- example.com manifest GET 200 first 1ms all 1ms"]
    );
}

#[test]
fn an_answer_that_is_told_before_its_request_is_still_its_answer() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    let (request, answer) = (get(REGISTRY, MANIFEST), ok());
    // Both CPUs have counted; the reader's event wins the race to the ring buffer.
    let start = scene.advance(conn, Direction::Sent, request.len() as u64);
    let sent = scene.data(conn, Direction::Sent, start, request.as_bytes(), false);
    scene.receive(conn, &answer);
    scene.tell(sent);
    assert_eq!(scene.said(&["request-"]), ["request- example.com manifest GET 200 first 0ms all 0ms"]);
    // And again on the connection that is kept.
    let start = scene.advance(conn, Direction::Sent, request.len() as u64);
    let sent = scene.data(conn, Direction::Sent, start, request.as_bytes(), false);
    scene.receive(conn, &answer);
    scene.tell(sent);
    assert_eq!(scene.said(&["request-", "unattributed"]).len(), 1);
}

#[test]
fn a_request_may_be_written_byte_by_byte() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    // The kernel cannot tell what the span is by its first byte.
    get(REGISTRY, MANIFEST).bytes().for_each(|byte| scene.send(conn, [byte]));
    scene.receive(conn, ok());
    scene.close(conn);
    assert_eq!(scene.said(&["request-"]), ["request- example.com manifest GET 200 first 77ms all 77ms"]);
}

#[test]
fn a_lost_request_is_no_exchange_and_the_next_one_is() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get(REGISTRY, "/v2/"));
    scene.receive(conn, ok());
    scene.lose(conn, Direction::Sent, 60);
    scene.receive(conn, ok());
    assert_eq!(scene.said(&["request-"]).len(), 1);
    scene.send(conn, get(REGISTRY, MANIFEST));
    scene.receive(conn, ok());
    assert_eq!(
        scene.said(&["request+", "request-"]),
        ["request+ example.com", "request- example.com manifest GET 200 first 1ms all 1ms"]
    );
}

#[test]
fn a_socket_is_the_process_that_uses_it() {
    let mut scene = Scene::with_process();
    scene.tell(crate::model::event::Event::ProcessBegan {
        found: false,
        pid: 2,
        target: crate::model::event::TargetId(7),
        time: scene.now,
    });
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.pass_on(conn, 2);
    scene.send(conn, get(REGISTRY, "/v2/"));
    scene.receive(conn, ok());
    assert_eq!(scene.said(&["request-"]), ["request- target 7 example.com ping GET 200 first 1ms all 1ms"]);
}

#[test]
fn a_connection_whose_beginning_was_lost_still_has_its_exchanges() {
    let mut scene = Scene::with_process();
    let mut other = Scene::with_process();
    let conn = other.connect(1, "10.0.0.1:80");
    for (direction, text) in [(Direction::Sent, get(REGISTRY, MANIFEST)), (Direction::Received, ok())] {
        let start = other.advance(conn, direction, text.len() as u64);
        let event = other.data(conn, direction, start, text.as_bytes(), false);
        other.now += 1_000_000;
        scene.tell(event);
    }
    let facts = scene.all();
    assert!(facts.contains(&"request- example.com manifest GET 200 first 1ms all 1ms".into()), "{facts:#?}");
    assert!(!facts.iter().any(|fact| fact.starts_with("network")), "it may be a local socket: {facts:#?}");
}

#[test]
fn events_of_strangers_are_counted() {
    let mut scene = Scene::new();
    let conn = scene.connect(1, "10.0.0.1:80");
    let mut other = Scene::new();
    let start = scene.advance(conn, Direction::Sent, 5);
    let data = scene.data(conn, Direction::Sent, start, b"GET /", false);
    other.tell(data);
    assert_eq!(other.all(), ["unattributed connection_unknown"]);
}

#[test]
fn on_a_local_socket_only_registry_requests_are_traffic() {
    let mut scene = Scene::with_process();
    let path = b"/run/docker.sock".to_vec();
    let conn = scene.open(1, Ends::Unix { path, serves: false, peer: None, peer_name: None }, Phase::Open);
    scene.send(conn, get("docker", "/v1.41/info"));
    assert_eq!(scene.model.connections_in_progress().count(), 0);
    scene.receive(conn, ok());
    scene.send(conn, get("docker", MANIFEST));
    scene.receive(conn, ok());
    scene.close(conn);
    assert_eq!(
        scene.all()[1..],
        [
            "connection+ client",
            "visible plaintext",
            "request+ [UNKNOWN]",
            "bytes [UNKNOWN] manifest 10",
            "download [UNKNOWN] manifest ok",
            "request- [UNKNOWN] manifest GET 200 first 1ms all 1ms",
            "connection- client"
        ]
    );
}
