//! DNS: results, durations, and what the answers teach. The messages are made by hand from RFC 1035 section 4.

use super::scene::{Scene, ok};
use crate::model::event::Direction;

/// A message about the address of `name`; `code` only counts in an answer.
pub fn message(id: u16, name: &str, code: u8, answer: Option<[u8; 4]>, is_answer: bool) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(if is_answer { [0x81, 0x80 | code] } else { [0x01, 0x00] });
    bytes.extend([0, 1, 0, u8::from(answer.is_some()), 0, 0, 0, 0]);
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    if let Some(address) = answer {
        // The name is that of the question, at offset 12.
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(address);
    }
    bytes
}

pub fn question(id: u16, name: &str) -> Vec<u8> {
    message(id, name, 0, None, false)
}

pub fn answer(id: u16, name: &str, address: [u8; 4]) -> Vec<u8> {
    message(id, name, 0, Some(address), true)
}

#[test]
fn results_follow_the_response_code() {
    for (code, result) in [(0, "ok"), (3, "nxdomain"), (2, "servfail"), (5, "other")] {
        let mut scene = Scene::with_process();
        let conn = scene.name_server(1);
        scene.send(conn, question(7, "registry.example.com"));
        assert_eq!(scene.model.connections_in_progress().count(), 1);
        scene.receive(conn, message(7, "registry.example.com", code, None, true));
        assert_eq!(scene.said(&["lookup"]), [format!("lookup {result} 1ms")]);
        assert_eq!(scene.model.connections_in_progress().count(), 0);
        scene.close(conn);
        assert_eq!(scene.all(), Vec::<String>::new());
    }
}

#[test]
fn questions_side_by_side_have_their_own_answers() {
    let mut scene = Scene::with_process();
    let conn = scene.name_server(1);
    scene.send(conn, question(1, "registry.example.com"));
    scene.send(conn, question(2, "registry.example.com"));
    scene.receive(conn, message(2, "registry.example.com", 0, None, true));
    scene.receive(conn, answer(1, "registry.example.com", [10, 0, 0, 1]));
    assert_eq!(scene.said(&["lookup"]), ["lookup ok 1ms", "lookup ok 3ms"]);
}

#[test]
fn without_an_answer_it_is_a_timeout() {
    let mut scene = Scene::with_process();
    let conn = scene.name_server(1);
    scene.send(conn, question(1, "registry.example.com"));
    scene.send(conn, question(1, "registry.example.com"));
    scene.close(conn);
    assert_eq!(scene.said(&["lookup"]), ["lookup timeout 2ms"], "asked twice, looked up once");
    let conn = scene.name_server(1);
    scene.send(conn, question(1, "registry.example.com"));
    scene.wait(9_998);
    assert_eq!(scene.said(&["lookup"]), Vec::<String>::new());
    scene.wait(1);
    assert_eq!(scene.said(&["lookup"]), ["lookup timeout 10000ms"]);
    scene.close(conn);
    assert_eq!(scene.said(&["lookup"]), Vec::<String>::new());
}

#[test]
fn questions_whose_bytes_were_not_captured_began_with_their_span() {
    let mut scene = Scene::with_process();
    let conn = scene.name_server(1);
    // Two questions in one call.
    scene.send(conn, b"");
    scene.count(conn, Direction::Sent, 80);
    scene.receive(conn, answer(1, "registry.example.com", [10, 0, 0, 1]));
    scene.receive(conn, message(2, "registry.example.com", 0, None, true));
    assert_eq!(scene.said(&["lookup"]), ["lookup ok 2ms", "lookup ok 3ms"]);
    // Once more on the same socket.
    scene.send(conn, b"");
    scene.receive(conn, answer(3, "registry.example.com", [10, 0, 0, 1]));
    scene.close(conn);
    assert_eq!(scene.all(), ["lookup ok 1ms"]);
    let conn = scene.name_server(1);
    scene.send(conn, b"");
    scene.close(conn);
    assert_eq!(scene.said(&["lookup"]), ["lookup timeout 1ms"]);
}

#[test]
fn what_is_no_dns_is_counted() {
    let mut scene = Scene::with_process();
    let conn = scene.name_server(1);
    scene.send(conn, b"nonsense");
    scene.receive(conn, b"nonsense");
    assert_eq!(scene.said(&["unattributed"]), ["unattributed dns_unparsed", "unattributed dns_unparsed"]);
}

#[test]
fn an_answer_names_the_address_for_its_process() {
    let mut scene = Scene::with_process();
    scene.process(2);
    let conn = scene.name_server(1);
    scene.send(conn, question(1, "registry.example.com"));
    scene.receive(conn, answer(1, "registry.example.com", [10, 0, 0, 1]));
    for (pid, registry) in [(1, "example.com"), (2, "[IP_ADDRESS]")] {
        let conn = scene.connect(pid, "10.0.0.1:80");
        scene.send(conn, "GET /v2/ HTTP/1.0\r\n\r\n");
        scene.receive(conn, ok());
        scene.close(conn);
        assert_eq!(
            scene.said(&["request-", "connect"]),
            [
                format!("connect {registry} ok 1ms"),
                format!("request- {registry} ping GET 200 first 1ms all 1ms")
            ]
        );
    }
}
