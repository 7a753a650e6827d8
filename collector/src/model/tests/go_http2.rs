//! What a Go client asks over HTTP/2 inside TLS.

use super::go::{captured, message, request_fields};
use super::scene::{BLOB, MANIFEST, Scene};
use crate::model::Limits;
use crate::model::event::{Amount, ConnId, Direction, Event, Message, Part};

const REGISTRY: &str = "registry.example.com";
const OK: [(&str, &str); 2] = [(":status", "200"), ("content-length", "1000")];

fn scene() -> (Scene, ConnId) {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.all();
    (scene, conn)
}

#[test]
fn streams_may_be_interleaved() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, MANIFEST));
    scene.ask(conn, 3, &request_fields(REGISTRY, BLOB));
    scene.answer(conn, 3, &OK, false);
    scene.ask(conn, 5, &request_fields(REGISTRY, "/v2/"));
    scene.answer(conn, 1, &[(":status", "404"), ("content-length", "7")], false);
    scene.answer(conn, 5, &[(":status", "401")], true);
    scene.end(conn, 1, Part::Complete, Amount::None);
    scene.end(conn, 3, Part::Complete, Amount::None);
    assert_eq!(
        scene.said(&["request+", "request-", "bytes", "unattributed", "download"]),
        [
            "request+ example.com",
            "request+ example.com",
            "request+ example.com",
            "request- example.com ping GET 401 first 5ms all 5ms",
            "bytes example.com manifest 7",
            "download example.com manifest error",
            "request- example.com manifest GET 404 first 14ms all 17ms",
            "bytes example.com blob 1000",
            "download example.com blob ok",
            "request- example.com blob GET 200 first 3ms all 14ms"
        ]
    );
    assert_eq!(scene.model.connections_in_progress().count(), 0);
}

#[test]
fn fields_of_two_goroutines_are_not_mixed() {
    let (mut scene, conn) = scene();
    let (one, two) = (request_fields(REGISTRY, "/v2/"), request_fields("other.example.org", BLOB));
    for place in 0..3 {
        scene.fields(1, &one[place..=place]);
        scene.fields(2, &two[place..=place]);
    }
    scene.message(conn, Message { goroutine: 2, ..message(Part::RequestFields, 3) });
    scene.message(conn, Message { goroutine: 1, ..message(Part::RequestFields, 1) });
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.org", "request+ example.com"]);
}

#[test]
fn a_stream_that_has_ended_ends_no_more() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, BLOB));
    scene.answer(conn, 1, &OK, false);
    scene.end(conn, 1, Part::Complete, Amount::None);
    scene.all();
    // The program is done with it, and with an error, after it has come to its end.
    scene.end(conn, 1, Part::Cut, Amount::Left(5));
    scene.close(conn);
    assert_eq!(scene.said(&["bytes", "request-", "unattributed", "download"]), Vec::<String>::new());
}

#[test]
fn a_stream_may_be_cut_before_and_after_its_answer() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, BLOB));
    scene.end(conn, 1, Part::Cut, Amount::None);
    scene.ask(conn, 3, &request_fields(REGISTRY, MANIFEST));
    scene.answer(conn, 3, &OK, false);
    scene.count(conn, Direction::Received, 300);
    scene.now += 50_000_000;
    scene.end(conn, 3, Part::Cut, Amount::Left(700));
    assert_eq!(
        scene.said(&["bytes", "request-", "unattributed"]),
        [
            "request- example.com blob GET none first - all -",
            "bytes example.com manifest 300",
            "unattributed body_inexact",
            "request- example.com manifest GET 200 first 3ms all 4ms"
        ]
    );
}

#[test]
fn trailers_are_neither_requests_nor_answers() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, "/v2/"));
    scene.ask(conn, 1, &[("content-type", "x")]);
    scene.answer(conn, 1, &[(":status", "103")], false);
    scene.answer(conn, 1, &[(":status", "200"), ("content-length", "3")], false);
    scene.answer(conn, 1, &[("content-type", "x")], true);
    scene.end(conn, 1, Part::Complete, Amount::None);
    assert_eq!(
        scene.said(&["request+", "bytes", "request-", "unattributed"]),
        [
            "request+ example.com",
            "bytes example.com ping 3",
            "request- example.com ping GET 200 first 7ms all 10ms"
        ]
    );
}

#[test]
fn a_request_without_its_path_is_none() {
    let fields = request_fields(REGISTRY, BLOB);
    for missing in [":method", ":path"] {
        let (mut scene, conn) = scene();
        let left: Vec<_> = fields.iter().filter(|(name, _)| *name != missing).copied().collect();
        scene.ask(conn, 1, &left);
        assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed hole"], "{missing}");
        scene.answer(conn, 1, &OK, false);
        scene.end(conn, 1, Part::Complete, Amount::None);
        assert_eq!(scene.said(&["request-", "bytes", "unattributed"]), ["unattributed no_request"]);
    }
}

#[test]
fn a_path_that_is_cut_is_no_path() {
    let (mut scene, conn) = scene();
    scene.fields(7, &[(":authority", REGISTRY), (":method", "GET")]);
    let (name, value) = (captured(":path"), captured("/v2/"));
    scene.tell(Event::Field { pid: 1, goroutine: 7, name, value, truncated: true, time: scene.now });
    scene.message(conn, Message { goroutine: 7, ..message(Part::RequestFields, 1) });
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed head_too_long"]);
}

/// The message behind the first fields was lost, on a connection that is not known.
#[test]
fn fields_of_a_message_that_was_lost_are_not_the_next_ones() {
    let (mut scene, conn) = scene();
    scene.fields(0xc000_0000, &request_fields("other.example.org", BLOB));
    scene.ask(conn, 1, &request_fields(REGISTRY, "/v2/"));
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.com"]);
    // Those of an answer that the program sends stand before what it is asked next.
    scene.fields(0xc000_0000, &[(":status", "200"), ("content-type", "x")]);
    scene.ask(conn, 3, &[(":method", "GET"), (":path", "/v2/"), (":authority", REGISTRY)]);
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.com"]);
    // Nothing of the next request has come.
    scene.fields(0xc000_0000, &request_fields("other.example.org", BLOB));
    scene.lose_event(conn);
    scene.message(conn, message(Part::RequestFields, 5));
    assert_eq!(scene.said(&["request+", "unattributed"])[2..], ["unattributed hole"]);
}

#[test]
fn fields_are_forgotten_with_their_process_and_after_a_loss() {
    let (mut scene, conn) = scene();
    scene.fields(0xc000_0000, &request_fields("other.example.org", BLOB));
    scene.exits(1);
    scene.process(1);
    scene.message(conn, message(Part::RequestFields, 1));
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed hole"]);
    scene.fields(0xc000_0000, &request_fields("other.example.org", BLOB));
    let (connections, processes) = ([conn].into(), [1].into());
    scene.tell(Event::Resync { connections, processes, time: scene.now });
    scene.message(conn, message(Part::RequestFields, 1));
    assert_eq!(scene.said(&["request+", "unattributed"]), ["unattributed hole"]);
}

#[test]
fn the_goroutine_that_was_quiet_longest_gives_way() {
    let mut scene = Scene::with_limits(Limits { goroutines: 2, ..Limits::default() });
    scene.process(1);
    let conn = scene.connect(1, "10.0.0.1:443");
    for goroutine in 1..=3 {
        scene.fields(goroutine, &request_fields(REGISTRY, "/v2/"));
    }
    for goroutine in 1..=3 {
        let stream = u32::try_from(goroutine).unwrap();
        scene.message(conn, Message { goroutine, ..message(Part::RequestFields, stream) });
    }
    assert_eq!(
        scene.said(&["request+", "unattributed"]),
        ["unattributed hole", "request+ example.com", "request+ example.com"]
    );
}

#[test]
fn fields_without_end_are_cut() {
    let (mut scene, conn) = scene();
    scene.fields(0xc000_0000, &request_fields(REGISTRY, "/v2/"));
    let long = "x".repeat(4000);
    for _ in 0..1000 {
        scene.fields(0xc000_0000, &[("location", &long)]);
    }
    scene.message(conn, message(Part::RequestFields, 1));
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.com"], "its path is known");
    // What comes after so many is not kept, and that is known.
    scene.fields(0xc000_0000, &[(":method", "GET"), (":path", "/v2/")]);
    for _ in 0..100 {
        scene.fields(0xc000_0000, &[("range", "")]);
    }
    scene.fields(0xc000_0000, &[("host", "other.example.org")]);
    scene.message(conn, message(Part::RequestFields, 3));
    assert_eq!(scene.said(&["request+", "unattributed"]), ["request+ example.com"]);
}

#[test]
fn so_many_streams_and_no_more() {
    let (mut scene, conn) = scene();
    for stream in 0..1025 {
        scene.ask(conn, 2 * stream + 1, &request_fields(REGISTRY, "/v2/"));
    }
    let said = scene.said(&["request+", "unattributed"]);
    assert_eq!((said.len(), said.last().unwrap().as_str()), (1025, "unattributed pipelined"));
    scene.close(conn);
    assert_eq!(scene.said(&["request-"]).len(), 1024);
}

#[test]
fn a_close_cuts_what_is_in_flight() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, BLOB));
    scene.ask(conn, 3, &request_fields(REGISTRY, "/v2/"));
    scene.answer(conn, 1, &OK, false);
    scene.close(conn);
    assert_eq!(
        scene.said(&["request-", "unattributed"]),
        [
            "unattributed body_inexact",
            "request- example.com blob GET 200 first 7ms all 7ms",
            "request- example.com ping GET none first - all -"
        ]
    );
}

/// It can't be complete without having begun.
#[test]
fn an_answer_of_which_only_the_end_was_told_is_unknown() {
    let (mut scene, conn) = scene();
    scene.ask(conn, 1, &request_fields(REGISTRY, BLOB));
    scene.end(conn, 1, Part::Complete, Amount::None);
    assert_eq!(
        scene.said(&["request-", "unattributed", "download"]),
        [
            "unattributed exchange_end_unknown",
            "unattributed download_end_unknown",
            "request- example.com blob GET none first - all -"
        ]
    );
}
