//! What a Go client asks over HTTP/1 inside TLS.

use super::go::{captured, message};
use super::scene::{BLOB, MANIFEST, Scene, get, response};
use crate::model::event::{Amount, Direction, Message, Part};

const REGISTRY: &str = "registry.example.com";

fn scene() -> (Scene, crate::model::event::ConnId) {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.all();
    (scene, conn)
}

#[test]
fn one_request_tells_all_its_facts_in_order() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    assert_eq!(scene.model.connections_in_progress().collect::<Vec<_>>(), [conn]);
    scene.count(conn, Direction::Sent, 300);
    scene.count(conn, Direction::Received, 400);
    scene.response_bytes(conn, response(200, "", 1000, 0));
    scene.count(conn, Direction::Received, 1100);
    scene.now += 50_000_000;
    scene.end(conn, 0, Part::Complete, Amount::Left(0));
    assert_eq!(scene.model.connections_in_progress().count(), 0);
    scene.close(conn);
    assert_eq!(
        scene.all(),
        [
            "process+ 0",
            "connection+ client",
            "request+ example.com",
            "visible decoded",
            "connect example.com ok 1ms",
            "network example.com 0 81",
            "network example.com 400 300",
            "bytes example.com blob 1000",
            "download example.com blob ok",
            // Its last byte came long before the program took it.
            "request- example.com blob GET 200 first 3ms all 4ms",
            "network example.com 1100 0",
            "connection- client",
        ]
    );
}

#[test]
fn an_answer_without_a_body_ends_at_its_head() {
    let head = format!("HEAD {MANIFEST} HTTP/1.1\r\nHost: {REGISTRY}\r\n\r\n");
    for (request, answer, line) in [
        (head, response(200, "", 1000, 0), "HEAD 200"),
        (get(REGISTRY, MANIFEST), "HTTP/1.1 204 X\r\n\r\n".into(), "GET 204"),
        (get(REGISTRY, MANIFEST), "HTTP/1.1 304 X\r\n\r\n".into(), "GET 304"),
        (get(REGISTRY, MANIFEST), response(404, "", 0, 0), "GET 404"),
    ] {
        let (mut scene, conn) = scene();
        scene.request_bytes(conn, request);
        scene.response_bytes(conn, answer);
        assert_eq!(
            scene.said(&["bytes", "request-", "unattributed"]),
            [format!("request- example.com manifest {line} first 1ms all 1ms")]
        );
        // The program closes it all the same.
        scene.end(conn, 0, Part::Complete, Amount::Left(0));
        scene.close(conn);
        assert_eq!(scene.said(&["bytes", "request-", "unattributed"]), Vec::<String>::new());
    }
}

/// What ended, the announced length if there was one, and what is to be told.
#[test]
fn body_bytes_are_what_was_announced_less_what_is_left() {
    let known = response(200, "", 1000, 0);
    let chunked = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let inexact = "unattributed body_inexact";
    for (head, part, amount, bytes, status) in [
        (&known, Part::Complete, Amount::Left(0), "bytes example.com blob 1000", "ok"),
        (&known, Part::Complete, Amount::None, "bytes example.com blob 1000", "ok"),
        (&known, Part::Cut, Amount::Left(400), "bytes example.com blob 600", ""),
        (&known, Part::Cut, Amount::None, inexact, ""),
        (&chunked, Part::Complete, Amount::None, inexact, "ok"),
        (&chunked, Part::Cut, Amount::Left(5), inexact, ""),
        (&chunked, Part::Complete, Amount::Total(70), "bytes example.com blob 70", "ok"),
        (&chunked, Part::Cut, Amount::Passed(7), "bytes example.com blob 7", ""),
    ] {
        let (mut scene, conn) = scene();
        scene.request_bytes(conn, get(REGISTRY, BLOB));
        scene.response_bytes(conn, head);
        scene.end(conn, 0, part, amount);
        let said = scene.said(&["bytes", "unattributed", "download"]);
        assert_eq!(said[0], bytes, "{part:?} {amount:?}");
        let download = format!("download example.com blob {status}");
        assert_eq!(said.contains(&download), !status.is_empty(), "{part:?} {amount:?}: {said:?}");
    }
}

/// A cut of which nobody knows where it was is a failed download all the same, unless the rest was asked for.
#[test]
fn a_cut_at_an_unknown_place_may_be_resumed() {
    let (mut scene, conn) = scene();
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.response_bytes(conn, response(200, "", 1000, 0));
    scene.close(conn);
    assert_eq!(
        scene.said(&["bytes", "download", "unattributed", "request-"]),
        ["unattributed body_inexact", "request- example.com blob GET 200 first 1ms all 1ms"]
    );
    scene.wait(31_000);
    assert_eq!(scene.said(&["download", "unattributed"]), ["download example.com blob error"]);

    let conn = scene.connect(1, "10.0.0.1:443");
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.response_bytes(conn, response(200, "", 1000, 0));
    scene.close(conn);
    scene.get(REGISTRY, BLOB, &response(206, "Content-Range: bytes 400-999/1000\r\n", 600, 600));
    scene.wait(31_000);
    assert_eq!(
        scene.said(&["download", "unattributed"]),
        ["unattributed body_inexact", "unattributed download_end_unknown"],
        "whether it had 400 bytes is not known"
    );
}

#[test]
fn a_long_head_comes_in_pieces() {
    let (mut scene, conn) = scene();
    let head = format!("GET {BLOB} HTTP/1.1\r\nHost: {REGISTRY}\r\nX: {}\r\n\r\n", "x".repeat(9000));
    let pieces: Vec<&[u8]> = head.as_bytes().chunks(4096).collect();
    for piece in &pieces[..2] {
        scene.request_bytes(conn, piece);
    }
    assert_eq!(scene.said(&["request+"]), Vec::<String>::new());
    scene.request_bytes(conn, pieces[2]);
    scene.response_bytes(conn, response(500, "", 0, 0));
    // Its time is that of its first byte.
    assert_eq!(scene.said(&["request-"]), ["request- example.com blob GET 500 first 3ms all 3ms"]);
}

#[test]
fn a_head_whose_rest_is_missing_is_none() {
    let (mut scene, conn) = scene();
    let head = get(REGISTRY, BLOB);
    scene.request_bytes(conn, &head[..40]);
    scene.request_bytes(conn, &head);
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed hole", "request+ example.com"]);
    scene.response_bytes(conn, response(200, "", 0, 0));
    let cut = Message { bytes: captured(&head[..40]), truncated: true, ..message(Part::RequestHead, 0) };
    scene.message(conn, cut);
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed head_too_long"]);
    scene.request_bytes(conn, &head[..40]);
    scene.close(conn);
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed head_cut"]);
}

#[test]
fn a_head_without_end_is_given_up() {
    let (mut scene, conn) = scene();
    scene.request_bytes(conn, "GET / HTTP/1.1\r\nX: ");
    for _ in 0..17 {
        scene.request_bytes(conn, "x".repeat(4096));
    }
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed head_too_long"]);
}

#[test]
fn what_is_sent_behind_a_head_is_no_head() {
    let (mut scene, conn) = scene();
    let head =
        "PUT /v2/app/manifests/a HTTP/1.1\r\nHost: registry.example.com\r\nContent-Length: 100\r\n\r\n";
    scene.request_bytes(conn, head);
    scene.request_bytes(conn, "GET /v2/ HTTP/1.1\r\nHost: a.example\r\n\r\n");
    scene.request_bytes(conn, "anything");
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.com"]);
    scene.response_bytes(conn, response(201, "", 0, 0));
    // After the answer it is the next request.
    scene.request_bytes(conn, get(REGISTRY, "/v2/"));
    assert_eq!(
        scene.said(&["request+", "request-", "unattributed"]),
        ["request- example.com manifest PUT 201 first 3ms all 3ms", "request+ example.com"]
    );
}

#[test]
fn interim_answers_are_passed_over() {
    let (mut scene, conn) = scene();
    scene.request_bytes(conn, get(REGISTRY, "/v2/"));
    scene.response_bytes(conn, "HTTP/1.1 103 Early Hints\r\n\r\n");
    scene.response_bytes(conn, response(200, "", 0, 0));
    // But for the one after which the connection speaks something else.
    scene.request_bytes(conn, get(REGISTRY, "/v2/"));
    scene.response_bytes(conn, "HTTP/1.1 101 X\r\nUpgrade: x\r\n\r\n");
    assert_eq!(
        scene.said(&["request-", "unattributed"]),
        [
            "request- example.com ping GET 200 first 2ms all 2ms",
            "request- example.com ping GET 101 first 1ms all 1ms"
        ]
    );
}

/// The program begins to read before the whole head has come: only the status line is taken for what it says.
#[test]
fn of_the_start_of_an_answer_the_status_is_known() {
    for (start, all) in [
        ("HTTP/1.1 307 X\r\nContent-Length: 1000\r\nLocat", &["unattributed body_inexact"][..]),
        ("HTTP/1.1 204 X\r\nDate: ", &[]),
    ] {
        let (mut scene, conn) = scene();
        scene.request_bytes(conn, get(REGISTRY, BLOB));
        scene.response_bytes(conn, start);
        scene.end(conn, 0, Part::Complete, Amount::Left(0));
        let said = scene.said(&["bytes", "request-", "unattributed"]);
        let code = &start[9..12];
        assert!(
            said.last().unwrap().starts_with(&format!("request- example.com blob GET {code} ")),
            "{said:?}"
        );
        assert_eq!(said[..said.len() - 1], *all);
    }
    let (mut scene, conn) = scene();
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.response_bytes(conn, "HTTP/1.1 20");
    assert_eq!(scene.said(&["unattributed"]), ["unattributed bad_head"]);
}

#[test]
fn a_connection_is_used_again() {
    let (mut scene, conn) = scene();
    for (path, kind) in [("/v2/", "ping"), (MANIFEST, "manifest"), (BLOB, "blob")] {
        scene.request_bytes(conn, get(REGISTRY, path));
        scene.response_bytes(conn, response(200, "", 10, 10));
        scene.end(conn, 0, Part::Complete, Amount::Left(0));
        let said = scene.said(&["request+", "request-", "bytes", "unattributed"]);
        assert_eq!(said[0], "request+ example.com");
        assert_eq!(said[1], format!("bytes example.com {kind} 10"));
        assert!(said[2].starts_with(&format!("request- example.com {kind} GET 200 ")), "{said:?}");
        assert_eq!(said.len(), 3);
    }
}

#[test]
fn an_answer_that_nobody_was_asked_for_is_counted() {
    let (mut scene, conn) = scene();
    scene.response_bytes(conn, response(200, "", 10, 10));
    scene.end(conn, 0, Part::Complete, Amount::Left(0));
    assert_eq!(scene.said(&["unattributed", "request-"]), ["unattributed no_request"]);
}

#[test]
fn a_connection_older_than_pullscope_is_read_from_the_next_request_on() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.accept(1);
    scene.end(conn, 0, Part::Complete, Amount::None);
    scene.request_bytes(conn, get(REGISTRY, "/v2/"));
    scene.response_bytes(conn, response(200, "", 0, 0));
    scene.close(conn);
    assert_eq!(
        scene.all()[1..],
        [
            "visible decoded",
            "connection+ client",
            "request+ example.com",
            "request- example.com ping GET 200 first 1ms all 1ms",
            "connection- client"
        ]
    );
}

/// The process dies in the middle: its sockets are closed after that.
#[test]
fn a_process_may_die_in_the_middle() {
    let (mut scene, conn) = scene();
    scene.request_bytes(conn, get(REGISTRY, BLOB));
    scene.exits(1);
    scene.close(conn);
    assert_eq!(
        scene.said(&["request+", "request-", "download", "process-"]),
        [
            "request+ example.com",
            "process- 0",
            "download example.com blob error",
            "request- example.com blob GET none first - all -"
        ]
    );
}
