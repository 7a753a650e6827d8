//! What can be told of a TLS connection: how much of it is read, which registry it is for, how long its handshake took.

use super::connects::hello;
use super::go::request_fields;
use super::scene::{BLOB, Scene, get, ok, response};
use crate::model::event::{ConnId, Direction, Event, TargetId};

const REGISTRY: &str = "registry.example.com";

#[test]
fn a_connection_that_may_be_read_is_not_opaque_yet() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls("cdn.example.net");
    assert_eq!(scene.said(&["visible", "connect", "network", "connection+"]), ["connection+ client"]);
    // Whom the request names is what counts.
    scene.request_bytes(conn, get(REGISTRY, "/v2/"));
    assert_eq!(
        scene.said(&["visible", "connect", "network"]),
        ["visible decoded", "connect example.com ok 1ms", "network example.com 0 76"]
    );
    scene.close(conn);
    assert_eq!(scene.said(&["visible"]), Vec::<String>::new());
}

#[test]
fn without_a_request_it_was_opaque() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.wait(5_000);
    assert_eq!(scene.said(&["visible", "connect"]), ["connect example.com ok 1ms"]);
    scene.close(conn);
    assert_eq!(scene.said(&["visible", "connect"]), ["visible tls"]);
}

/// The observer may learn of a short-lived process too late that its library has probes.
#[test]
fn what_is_told_of_an_unreadable_process_was_readable() {
    let mut scene = Scene::with_process();
    let conn = scene.tls(REGISTRY);
    scene.wait(4_000);
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.wait(5_000);
    scene.close(conn);
    assert_eq!(scene.said(&["visible"]), ["visible decoded"]);
}

#[test]
fn probes_are_inherited_at_fork_and_gone_after_an_exec() {
    let opaque = |scene: &mut Scene, pid| {
        let conn = scene.connect(pid, "10.0.0.1:443");
        scene.send(conn, hello(REGISTRY));
        scene.wait(5_000);
        scene.said(&["visible"]) == ["visible tls"]
    };
    let mut scene = Scene::with_readable_process();
    let time = scene.now;
    scene.tell(Event::ProcessForked { pid: 2, parent: 1, target: TargetId(0), time });
    assert!(!opaque(&mut scene, 2));
    scene.tell(Event::ProcessForked { pid: 3, parent: 9, target: TargetId(0), time });
    assert!(opaque(&mut scene, 3));
    // The same target, another file.
    scene.process(2);
    assert!(opaque(&mut scene, 2));
    assert!(!opaque(&mut scene, 1));
}

/// Where TLS can be read, a redirect to it is followed like any other; else it goes out of sight.
#[test]
fn a_redirect_from_one_tls_host_to_another_is_followed() {
    let location = |url: &str| response(307, &format!("Location: {url}\r\n"), 0, 0);
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.response_bytes(conn, location("https://cdn.example.net/data"));
    let cdn = scene.tls("cdn.example.net");
    scene.ask(cdn, 1, &request_fields("cdn.example.net", "/data"));
    scene.answer(cdn, 1, &[(":status", "302"), ("location", "/more")], true);
    scene.ask(cdn, 3, &request_fields("cdn.example.net", "/more"));
    scene.answer(cdn, 3, &[(":status", "200")], true);
    // In the clear the same address is another.
    scene.get("cdn.example.net", "/data", &ok());
    let said: Vec<_> = scene
        .said(&["request-", "download"])
        .iter()
        .map(|line| line.split(" first").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        said,
        [
            "request- example.com blob GET 307",
            "request- example.com blob GET 302",
            "download example.com blob ok",
            "request- example.com blob GET 200",
            "request- example.net other GET 200"
        ]
    );
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.response_bytes(conn, location("https://cdn.example.net/never"));
    scene.wait(30_000);
    assert_eq!(scene.said(&["download", "unattributed"]), ["download example.com blob error"]);
    let mut scene = Scene::with_process();
    scene.get(REGISTRY, BLOB, &location("https://cdn.example.net/never"));
    scene.wait(30_000);
    assert_eq!(scene.said(&["download", "unattributed"]), ["unattributed download_end_unknown"]);
}

const TLS13: &[u8] = include_bytes!("../../../../wire/testdata/tls/server_tls13.bin");
const RETRY: &[u8] = include_bytes!("../../../../wire/testdata/tls/server_tls13_retry.bin");
const TLS12: &[u8] = include_bytes!("../../../../wire/testdata/tls/server_tls12.bin");
const RESUMED: &[u8] = include_bytes!("../../../../wire/testdata/tls/server_tls12_ticket.bin");

/// A client that has greeted an opaque server, 1 ms ago.
fn greeted() -> (Scene, ConnId) {
    let mut scene = Scene::with_process();
    let conn = scene.tls(REGISTRY);
    scene.all();
    (scene, conn)
}

fn handshakes(scene: &mut Scene) -> Vec<String> {
    scene.said(&["handshake"])
}

#[test]
fn a_tls13_handshake_ends_with_the_clients_second_flight() {
    let (mut scene, conn) = greeted();
    // As the record's head and what is behind it.
    scene.receive(conn, &TLS13[..5]);
    scene.receive(conn, &TLS13[5..]);
    scene.now += 7_000_000;
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    scene.turn(conn, Direction::Sent, 80);
    assert_eq!(handshakes(&mut scene), ["handshake example.com 10ms"]);
    scene.turn(conn, Direction::Received, 500);
    scene.turn(conn, Direction::Sent, 500);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
}

#[test]
fn another_greeting_makes_it_longer() {
    let (mut scene, conn) = greeted();
    scene.receive(conn, RETRY);
    // The server's ChangeCipherSpec trails behind; that of the client stands before its greeting, which is not captured.
    scene.receive(conn, [20, 3, 3, 0, 1, 1]);
    scene.turn(conn, Direction::Sent, 523);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    scene.receive(conn, TLS13);
    scene.turn(conn, Direction::Sent, 80);
    assert_eq!(handshakes(&mut scene), ["handshake example.com 5ms"]);
}

#[test]
fn an_older_handshake_ends_with_the_servers_second_flight_or_is_resumed() {
    let (mut scene, conn) = greeted();
    scene.receive(conn, TLS12);
    scene.turn(conn, Direction::Sent, 93);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    scene.turn(conn, Direction::Received, 242);
    assert_eq!(handshakes(&mut scene), ["handshake example.com 3ms"]);
    let (mut scene, conn) = greeted();
    scene.receive(conn, RESUMED);
    scene.turn(conn, Direction::Sent, 51);
    assert_eq!(handshakes(&mut scene), ["handshake example.com 2ms"]);
}

#[test]
fn what_was_not_seen_is_not_measured() {
    // The server's greeting was not captured.
    let (mut scene, conn) = greeted();
    scene.turn(conn, Direction::Received, 700);
    scene.turn(conn, Direction::Sent, 80);
    scene.turn(conn, Direction::Received, 700);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    // The server refuses.
    let (mut scene, conn) = greeted();
    scene.receive(conn, [21, 3, 3, 0, 2, 2, 40]);
    scene.turn(conn, Direction::Sent, 80);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    // An event was lost: the span that follows may not be the one.
    let (mut scene, conn) = greeted();
    scene.receive(conn, TLS13);
    scene.lose(conn, Direction::Sent, 80);
    scene.turn(conn, Direction::Received, 500);
    scene.turn(conn, Direction::Sent, 500);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    // The process serves.
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, hello(REGISTRY));
    scene.send(conn, TLS13);
    scene.turn(conn, Direction::Received, 80);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
}

#[test]
fn a_handshake_waits_for_its_registry() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls("cdn.example.net");
    scene.receive(conn, TLS13);
    scene.turn(conn, Direction::Sent, 80);
    assert_eq!(handshakes(&mut scene), Vec::<String>::new());
    scene.ask(conn, 1, &request_fields(REGISTRY, "/v2/"));
    assert_eq!(handshakes(&mut scene), ["handshake example.com 2ms"]);
    let conn = scene.tls("cdn.example.net");
    scene.receive(conn, TLS13);
    scene.turn(conn, Direction::Sent, 80);
    scene.close(conn);
    assert_eq!(handshakes(&mut scene), ["handshake example.net 2ms"]);
}
