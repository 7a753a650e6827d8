//! What a Go program serves inside TLS.

use super::connects::hello;
use super::go::request_fields;
use super::scene::{BLOB, Scene};
use crate::model::event::{Amount, ConnId, Part};

const SAID: [&str; 6] = ["served+", "served-", "served-bytes", "served-download", "unattributed", "visible"];

fn scene() -> (Scene, ConnId) {
    let mut scene = Scene::with_readable_process();
    let conn = scene.accept(1);
    scene.receive(conn, hello("mirror.example.com"));
    (scene, conn)
}

#[test]
fn an_exchange_over_http1_is_told_at_its_end() {
    let (mut scene, conn) = scene();
    for _ in 0..2 {
        scene.serve(conn, 0, &request_fields("mirror", BLOB));
        scene.status(conn, 0, 200);
        scene.served(conn, 0, Part::Complete, Amount::Passed(1000));
    }
    scene.close(conn);
    let exchange = [
        "served+ 0",
        "served-bytes 0 blob 1000",
        "served-download 0 blob ok",
        "served- 0 blob GET 200 all 2ms",
    ];
    let said = scene.said(&SAID);
    assert_eq!(said[0], exchange[0]);
    assert_eq!(said[1], "visible decoded");
    assert_eq!(said[2..5], exchange[1..]);
    assert_eq!(said[5..], exchange);
}

/// The handler writes little: the program knows that it is done before it sends the status.
#[test]
fn an_exchange_over_http2_may_be_done_before_its_status() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 1, &request_fields("mirror", "/v2/"));
    scene.serve(conn, 3, &request_fields("mirror", BLOB));
    scene.served(conn, 1, Part::Complete, Amount::Passed(2));
    assert_eq!(scene.said(&["served-"]), Vec::<String>::new());
    scene.status(conn, 3, 200);
    scene.status(conn, 1, 401);
    scene.served(conn, 1, Part::Cut, Amount::None);
    scene.served(conn, 3, Part::Complete, Amount::Passed(1000));
    scene.served(conn, 3, Part::Cut, Amount::None);
    assert_eq!(
        scene.said(&SAID),
        [
            "served-bytes 0 ping 2",
            "served- 0 ping GET 401 all 7ms",
            "served-bytes 0 blob 1000",
            "served-download 0 blob ok",
            "served- 0 blob GET 200 all 5ms"
        ]
    );
}

#[test]
fn a_stream_that_is_broken_off_is_cut() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 1, &request_fields("mirror", BLOB));
    scene.status(conn, 1, 200);
    scene.served(conn, 1, Part::Cut, Amount::None);
    // The handler is done after that.
    scene.served(conn, 1, Part::Complete, Amount::Passed(1000));
    scene.serve(conn, 3, &request_fields("mirror", BLOB));
    scene.served(conn, 3, Part::Complete, Amount::Passed(0));
    scene.served(conn, 3, Part::Cut, Amount::None);
    assert_eq!(
        scene.said(&SAID)[2..],
        [
            "unattributed body_inexact",
            "served-download 0 blob error",
            "served- 0 blob GET 200 all 1ms",
            "served+ 0",
            "served-download 0 blob error",
            "served- 0 blob GET none all -"
        ]
    );
}

#[test]
fn a_handler_that_writes_less_than_it_announced_cuts_its_answer() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 0, &request_fields("mirror", BLOB));
    scene.status(conn, 0, 200);
    scene.served(conn, 0, Part::Cut, Amount::Passed(10));
    assert_eq!(
        scene.said(&SAID)[2..],
        ["served-bytes 0 blob 10", "served-download 0 blob error", "served- 0 blob GET 200 all 1ms"]
    );
}

/// What a handler writes for it does not leave, and what it announces is not missing.
#[test]
fn an_answer_without_a_body_has_no_bytes() {
    let head = [(":method", "HEAD"), (":path", BLOB)];
    for (fields, code, part, amount) in [
        (&head[..], 200, Part::Cut, Amount::Passed(0)),
        (&head[..], 200, Part::Complete, Amount::Passed(1000)),
        (&request_fields("mirror", BLOB)[..], 304, Part::Complete, Amount::Passed(0)),
    ] {
        let (mut scene, conn) = scene();
        scene.serve(conn, 0, fields);
        scene.status(conn, 0, code);
        scene.served(conn, 0, part, amount);
        let said = scene.said(&SAID);
        assert!(
            !said.iter().any(|line| line.starts_with("served-bytes") || line.contains("error")),
            "{said:?}"
        );
        assert!(said.last().unwrap().ends_with(&format!("{code} all 2ms")), "{said:?}");
    }
}

#[test]
fn a_handler_that_leaves_the_status_to_the_library_answers_200() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 0, &request_fields("mirror", "/v2/"));
    scene.status(conn, 0, 0);
    scene.served(conn, 0, Part::Complete, Amount::Passed(0));
    assert_eq!(scene.said(&["served-"]), ["served- 0 ping GET 200 all 2ms"]);
}

#[test]
fn what_never_got_a_status_has_none() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 0, &request_fields("mirror", "/v2/"));
    scene.close(conn);
    assert_eq!(scene.said(&["served-", "unattributed"]), ["served- 0 ping GET none all -"]);
    let (mut scene, conn) = self::scene();
    scene.status(conn, 0, 200);
    scene.served(conn, 0, Part::Complete, Amount::Passed(0));
    assert_eq!(scene.said(&["served-", "unattributed"]), ["unattributed no_request"]);
}

#[test]
fn the_next_request_of_a_connection_ends_one_whose_end_was_lost() {
    let (mut scene, conn) = scene();
    scene.serve(conn, 0, &request_fields("mirror", BLOB));
    scene.serve(conn, 0, &request_fields("mirror", "/v2/"));
    assert_eq!(
        scene.said(&SAID)[2..],
        ["unattributed exchange_end_unknown", "served- 0 blob GET none all -", "served+ 0"]
    );
}
