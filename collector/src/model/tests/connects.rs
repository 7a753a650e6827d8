//! Attempts to connect, open connections, their registry, bytes and visibility.

use super::lookups::{answer, question};
use super::scene::{Scene, get, ok};
use crate::model::event::{Direction, Ends, Event, Phase, Protocol};

/// A `ClientHello` for `name` (RFC 8446 section 4.1.2), in one record.
pub fn hello(name: &str) -> Vec<u8> {
    fn with_length(width: usize, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u64).to_be_bytes();
        [&length[8 - width..], body].concat()
    }
    let entry = [vec![0], with_length(2, name.as_bytes())].concat();
    let extension = [vec![0, 0], with_length(2, &with_length(2, &entry))].concat();
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    body.extend(with_length(2, &extension));
    let message = [vec![1], with_length(3, &body)].concat();
    [vec![22, 3, 1], with_length(2, &message)].concat()
}

fn fail(error: u32) -> Vec<String> {
    let mut scene = Scene::with_process();
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
    assert_eq!(scene.model.connections_in_progress().collect::<Vec<_>>(), [conn]);
    scene.change(conn, Phase::Ended, error);
    scene.close_with(conn, error);
    scene.said(&["connect", "connection+", "connection-", "visible"])
}

#[test]
fn failures_follow_the_sockets_error() {
    for (error, result) in [
        (111, "refused"),
        (110, "timeout"),
        (113, "unreachable"),
        (101, "unreachable"),
        (104, "reset"),
        (0, "canceled"),
        (99, "other"),
    ] {
        assert_eq!(fail(error), [format!("connect [IP_ADDRESS] {result} 1ms")]);
    }
}

#[test]
fn a_close_before_the_answer_is_canceled_and_one_before_the_syn_unreachable() {
    let mut scene = Scene::with_process();
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
    scene.close(conn);
    assert_eq!(scene.said(&["connect"]), ["connect [IP_ADDRESS] canceled 1ms"]);
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Called);
    scene.close(conn);
    assert_eq!(scene.said(&["connect"]), ["connect [IP_ADDRESS] unreachable 1ms"]);
}

#[test]
fn a_connect_lasts_from_the_syn() {
    let mut scene = Scene::with_process();
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Called);
    scene.wait(10);
    scene.change(conn, Phase::Connecting, 0);
    scene.wait(20);
    scene.change(conn, Phase::Open, 0);
    scene.close(conn);
    assert_eq!(scene.said(&["connect"]), ["connect [IP_ADDRESS] ok 21ms"]);
}

#[test]
fn a_failed_connect_is_for_whom_dns_named_else_for_whom_was_met_there() {
    let mut scene = Scene::with_process();
    scene.process(2);
    scene.get("registry.example.com", "/v2/", &ok());
    scene.exits(1);
    scene.all();
    let refused = |scene: &mut Scene, pid, remote| {
        let conn = scene.connecting(pid, remote, Phase::Connecting);
        scene.close_with(conn, 111);
        scene.said(&["connect"])
    };
    // Another process of the same target was there before.
    assert_eq!(refused(&mut scene, 2, "10.0.0.1:80"), ["connect example.com refused 1ms"]);
    assert_eq!(refused(&mut scene, 2, "10.0.0.1:81"), ["connect [IP_ADDRESS] refused 1ms"]);
    // What the process itself met counts more, and DNS more than that.
    scene.get_by(2, "registry.example.org", "/v2/", &ok());
    scene.process(3);
    scene.get_by(3, "registry.example.net", "/v2/", &ok());
    scene.all();
    assert_eq!(refused(&mut scene, 2, "10.0.0.1:80"), ["connect example.org refused 1ms"]);
    let conn = scene.name_server(2);
    scene.send(conn, question(1, "quay.io"));
    scene.receive(conn, answer(1, "quay.io", [10, 0, 0, 1]));
    assert_eq!(refused(&mut scene, 2, "10.0.0.1:80"), ["connect quay.io refused 1ms"]);
}

#[test]
fn without_evidence_the_registry_is_given_after_five_seconds() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.count(conn, Direction::Received, 7);
    scene.progress(conn);
    scene.wait(4_990);
    assert_eq!(scene.said(&["connect", "network"]), Vec::<String>::new());
    scene.wait(10);
    assert_eq!(
        scene.said(&["connect", "network"]),
        ["connect [IP_ADDRESS] ok 1ms", "network [IP_ADDRESS] 7 0"]
    );
    // Evidence that comes late still counts for what follows.
    scene.send(conn, get("registry.example.com", "/v2/"));
    assert_eq!(scene.said(&["connect", "network"]), ["network example.com 0 49"]);
}

#[test]
fn what_shows_later_does_not_replace_evidence() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get("registry.example.com", "/v2/"));
    scene.receive(conn, ok());
    scene.wait(6_000);
    scene.all();
    scene.count(conn, Direction::Received, 9);
    scene.progress(conn);
    assert_eq!(scene.said(&["network"]), ["network example.com 9 0"]);
}

#[test]
fn what_waits_for_evidence_is_told_at_the_close_by_name_if_there_is_one() {
    let mut scene = Scene::with_process();
    let names = scene.name_server(1);
    scene.send(names, question(1, "registry.example.com"));
    scene.receive(names, answer(1, "registry.example.com", [10, 0, 0, 1]));
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.count(conn, Direction::Sent, 3);
    scene.close(conn);
    assert_eq!(
        scene.said(&["connect", "network", "visible", "connection-"]),
        ["visible other", "connect example.com ok 1ms", "network example.com 0 3", "connection- client"]
    );
}

#[test]
fn a_client_hello_names_the_registry() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:443");
    let hello = hello("registry.example.com");
    scene.send(conn, &hello[..20]);
    assert_eq!(scene.said(&["visible", "connect"]), Vec::<String>::new());
    scene.send(conn, &hello[20..]);
    let length = hello.len();
    assert_eq!(
        scene.said(&["visible", "connect", "network"]),
        ["connect example.com ok 1ms", &format!("network example.com 0 {length}")]
    );
    scene.wait(5_000);
    assert_eq!(scene.said(&["visible"]), ["visible tls"], "nobody has told what is inside");
    scene.count(conn, Direction::Received, 5000);
    scene.progress(conn);
    scene.progress(conn);
    assert_eq!(scene.all(), ["network example.com 5000 0"]);
    scene.close(conn);
    assert_eq!(scene.all(), ["connection- client"]);
}

/// What a plain server says to a client that tries TLS is no answer to a request.
#[test]
fn a_plain_answer_to_a_client_hello_is_nothing() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:443");
    scene.send(conn, hello("registry.example.com"));
    scene.receive(conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    scene.close(conn);
    assert_eq!(scene.said(&["unattributed", "asked", "began"]), Vec::<String>::new());
}

/// The kernel tells of the preface without its bytes; what follows comes as frames.
#[test]
fn the_preface_of_http2_tells_the_side() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.advance(conn, Direction::Sent, 24);
    let Event::Data { conn, layer, pid, thread, direction, start, bytes, end, flows, lost, time, .. } =
        scene.data(conn, Direction::Sent, 0, b"", false)
    else {
        unreachable!("data is data")
    };
    let protocol = Protocol::Http2;
    scene.tell(Event::Data {
        conn,
        layer,
        pid,
        thread,
        direction,
        protocol,
        start,
        bytes,
        end,
        flows,
        lost,
        time,
    });
    scene.close(conn);
    assert_eq!(
        scene.said(&["unattributed", "visible", "connection+"]),
        ["connection+ client", "visible plaintext"]
    );
}

#[test]
fn a_client_hello_that_is_received_makes_a_server() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, hello("registry.example.com"));
    scene.close(conn);
    assert_eq!(scene.all()[1..], ["connection+ server", "visible tls", "connection- server"]);
}

#[test]
fn a_handshake_without_a_readable_hello_is_counted_once() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:443");
    scene.send(conn, [22, 3, 1, 0, 4, 2, 0, 0, 0]);
    scene.send(conn, [22, 3, 1, 0, 4, 2, 0, 0, 0]);
    assert_eq!(scene.said(&["visible", "unattributed"]), ["unattributed tls_unparsed"]);
}

#[test]
fn a_hello_with_a_hole_is_not_read() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:443");
    let hello = hello("registry.example.com");
    scene.send(conn, &hello[..20]);
    scene.lose(conn, Direction::Sent, 10);
    scene.send(conn, &hello[20..]);
    assert_eq!(scene.said(&["visible", "unattributed"]), ["unattributed tls_unparsed"]);
}

#[test]
fn a_preface_that_is_received_makes_a_server() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    scene.close(conn);
    assert_eq!(scene.all()[1..], ["visible plaintext", "connection+ server", "connection- server"]);
}

#[test]
fn a_connection_is_open_until_the_kernel_ends_it() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get("registry.example.com", "/v2/"));
    scene.change(conn, Phase::Ended, 104);
    assert_eq!(scene.said(&["connection+", "connection-"]), ["connection+ client", "connection- client"]);
    // What had arrived before is still read.
    scene.receive(conn, ok());
    scene.close_with(conn, 104);
    assert_eq!(
        scene.said(&["connection+", "connection-", "connect", "request-"]),
        ["request- example.com ping GET 200 first 2ms all 2ms"]
    );
}

#[test]
fn a_side_that_shows_after_the_end_opens_nothing() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.change(conn, Phase::Ended, 104);
    scene.receive(conn, get("mirror", "/v2/"));
    scene.close(conn);
    assert_eq!(scene.said(&["connection+", "connection-", "served-"]), ["served- 0 ping GET none all -"]);
}

#[test]
fn a_socket_may_connect_again() {
    let mut scene = Scene::with_process();
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
    scene.change(conn, Phase::Ended, 111);
    scene.change(conn, Phase::Connecting, 0);
    scene.change(conn, Phase::Open, 0);
    scene.send(conn, get("registry.example.com", "/v2/"));
    scene.change(conn, Phase::Ended, 0);
    scene.change(conn, Phase::Connecting, 0);
    scene.change(conn, Phase::Open, 0);
    scene.close(conn);
    assert_eq!(
        scene.said(&["connection+", "connection-", "connect"]),
        [
            "connect [IP_ADDRESS] refused 1ms",
            "connection+ client",
            "connect example.com ok 1ms",
            "connection- client",
            "connection+ client",
            "connect [IP_ADDRESS] ok 1ms",
            "connection- client"
        ]
    );
}

#[test]
fn an_end_of_connecting_that_was_not_told_is_counted() {
    let mut scene = Scene::with_process();
    let conn = scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
    let mut other = Scene::with_process();
    std::mem::swap(&mut scene.model, &mut other.model);
    scene.change(conn, Phase::Open, 0);
    std::mem::swap(&mut scene.model, &mut other.model);
    scene.all();
    scene.close(conn);
    assert_eq!(scene.said(&["connect", "unattributed"]), ["unattributed connect_end_unknown"]);
}

#[test]
fn a_side_that_never_shows_is_counted() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.count(conn, Direction::Received, 100);
    scene.close(conn);
    assert_eq!(scene.all()[1..], ["visible other", "unattributed role_unknown"]);
    let conn = scene.open(
        1,
        Ends::Unix { path: Vec::new(), serves: false, peer: None, peer_name: None },
        Phase::Open,
    );
    scene.close(conn);
    assert_eq!(scene.all(), Vec::<String>::new());
}
