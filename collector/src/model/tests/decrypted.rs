//! Bytes and frames inside TLS, as OpenSSL takes or gives them, and frames in the clear.

use super::frames::Frames;
use super::scene::{BLOB, Scene, get, ok, response};
use crate::model::event::{Direction, Ends, Frame, Layer, Phase};

const REGISTRY: &str = "registry.example.com";
const SAID: [&str; 5] = ["visible", "request+", "request-", "bytes", "unattributed"];

#[test]
fn one_request_tells_all_its_facts_and_the_socket_its_bytes() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.send_decrypted(conn, get(REGISTRY, BLOB));
    scene.count(conn, Direction::Sent, 300);
    scene.count(conn, Direction::Received, 2000);
    scene.receive_decrypted(conn, response(200, "", 1000, 1000));
    scene.close(conn);
    assert_eq!(
        scene.all(),
        [
            "process+ 0",
            "connection+ client",
            "request+ example.com",
            "visible decoded",
            "connect example.com ok 1ms",
            "bytes example.com blob 1000",
            "download example.com blob ok",
            "request- example.com blob GET 200 first 3ms all 3ms",
            "network example.com 2000 381",
            "connection- client",
        ]
    );
}

#[test]
fn bytes_that_were_not_captured_count() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.send_decrypted(conn, get(REGISTRY, BLOB));
    scene.receive_decrypted(conn, response(200, "", 100_000, 10));
    scene.all();
    scene.advance_in(conn, Layer::Decrypted, Direction::Received, 50_000);
    scene.progress_of(conn, Layer::Decrypted);
    assert_eq!(scene.said(&SAID), ["bytes example.com blob 50000"]);
    // The socket is another matter.
    scene.count(conn, Direction::Received, 90_000);
    scene.progress(conn);
    assert_eq!(scene.said(&SAID), Vec::<String>::new());
    // The kernel tells how far it has come before it tells of the close.
    let start = scene.advance_in(conn, Layer::Decrypted, Direction::Received, 49_990) + 49_990;
    let event = scene.data_in(conn, Layer::Decrypted, Direction::Received, start, b"", false);
    scene.tell(event);
    scene.close(conn);
    let said = scene.said(&SAID);
    assert_eq!(said[0], "bytes example.com blob 49990");
    assert!(said[1].starts_with("request- example.com blob GET 200 "), "{said:?}");
}

#[test]
fn a_close_cuts_what_is_inside() {
    let mut scene = Scene::with_readable_process();
    let conn = scene.tls(REGISTRY);
    scene.send_decrypted(conn, get(REGISTRY, BLOB));
    assert_eq!(scene.model.connections_in_progress().collect::<Vec<_>>(), [conn]);
    scene.close(conn);
    assert_eq!(scene.said(&SAID)[2..], ["request- example.com blob GET none first - all -"]);
}

#[test]
fn frames_inside_tls_and_in_the_clear() {
    for (layer, visible) in [(Layer::Decrypted, "visible decoded"), (Layer::Socket, "visible plaintext")] {
        let mut scene = Scene::with_readable_process();
        let conn = scene.connect(1, "10.0.0.1:443");
        let frames = Frames { conn, layer };
        frames.ask(&mut scene, Direction::Sent, 1, REGISTRY, BLOB);
        frames.ask(&mut scene, Direction::Sent, 3, REGISTRY, "/v2/");
        assert_eq!(scene.model.connections_in_progress().collect::<Vec<_>>(), [conn]);
        frames.headers(&mut scene, Direction::Received, 3, true, &[(":status", "401")]);
        frames.headers(
            &mut scene,
            Direction::Received,
            1,
            false,
            &[(":status", "200"), ("content-length", "50000")],
        );
        frames.data(&mut scene, Direction::Received, 1, 40_000, false);
        frames.data(&mut scene, Direction::Received, 1, 10_000, true);
        scene.close(conn);
        assert_eq!(
            scene.said(&SAID),
            [
                "request+ example.com",
                visible,
                "request+ example.com",
                "request- example.com ping GET 401 first 1ms all 1ms",
                "bytes example.com blob 40000",
                "bytes example.com blob 10000",
                "request- example.com blob GET 200 first 3ms all 5ms",
            ]
        );
    }
}

#[test]
fn frames_that_were_lost_leave_nothing_in_flight() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    let frames = Frames { conn, layer: Layer::Socket };
    frames.ask(&mut scene, Direction::Sent, 1, REGISTRY, BLOB);
    scene.all();
    scene.lose_event(conn);
    scene.progress(conn);
    let said = scene.said(&SAID);
    assert!(said.contains(&"request- example.com blob GET none first - all -".into()), "{said:?}");
    assert_eq!(scene.model.connections_in_progress().count(), 0);
    // What begins after that is seen.
    frames.ask(&mut scene, Direction::Sent, 3, REGISTRY, "/v2/");
    frames.headers(&mut scene, Direction::Received, 3, true, &[(":status", "200")]);
    assert_eq!(
        scene.said(&["request+", "request-"]),
        ["request+ example.com", "request- example.com ping GET 200 first 1ms all 1ms"]
    );
}

#[test]
fn frames_out_of_step_end_what_is_in_flight() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    let frames = Frames { conn, layer: Layer::Socket };
    frames.ask(&mut scene, Direction::Sent, 1, REGISTRY, BLOB);
    scene.all();
    frames.tell(&mut scene, Direction::Received, (Frame::OUT_OF_STEP, 0, 0), b"", 0);
    assert_eq!(scene.said(&["request-"]), ["request- example.com blob GET none first - all -"]);
    // Nobody would tell of an answer: what is asked meanwhile ends as unknown at once.
    frames.ask(&mut scene, Direction::Sent, 3, REGISTRY, "/v2/");
    assert_eq!(
        scene.said(&["request+", "request-"]),
        ["request+ example.com", "request- example.com ping GET none first - all -"]
    );
    assert_eq!(scene.model.connections_in_progress().count(), 0);
    frames.tell(&mut scene, Direction::Received, (Frame::JOINED, 0, 0), b"", 0);
    frames.ask(&mut scene, Direction::Sent, 5, REGISTRY, "/v2/");
    frames.headers(&mut scene, Direction::Received, 5, true, &[(":status", "200")]);
    assert_eq!(
        scene.said(&["request+", "request-"]),
        ["request+ example.com", "request- example.com ping GET 200 first 1ms all 1ms"]
    );
}

/// The kernel programs say that the connection is older than they are: fields that it refers to are unknown, others are not, and
/// each direction is told from where it was joined.
#[test]
fn a_connection_that_was_joined_late() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    let frames = Frames { conn, layer: Layer::Socket };
    frames.tell(&mut scene, Direction::Sent, (Frame::JOINED, 0, 0), b"", 0);
    assert_eq!(scene.said(&["visible"]), Vec::<String>::new());
    // The path is the newest entry of a table that nobody saw.
    frames.tell(&mut scene, Direction::Sent, (1, 5, 401), &[0x82, 0x87, 0xbe], 3);
    frames.ask(&mut scene, Direction::Sent, 403, REGISTRY, "/v2/");
    frames.tell(&mut scene, Direction::Received, (Frame::JOINED, 0, 0), b"", 0);
    frames.headers(&mut scene, Direction::Received, 403, true, &[(":status", "200")]);
    assert_eq!(
        scene.said(&["hpack-unknown", "request+", "request-"]),
        ["hpack-unknown 1", "request+ example.com", "request- example.com ping GET 200 first 2ms all 2ms"]
    );
}

/// An indexed field past the tables, on a connection whose beginning was lost (RFC 7541 section 6.1).
#[test]
fn fields_from_before_are_counted() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.lose(conn, Direction::Sent, 100);
    // The loss is known before the first frame.
    scene.turn(conn, Direction::Sent, 24);
    let frames = Frames { conn, layer: Layer::Socket };
    frames.tell(&mut scene, Direction::Sent, (1, 5, 7), &[0x82, 0x87, 0xbe, 0xbf], 4);
    let said = scene.said(&["hpack-unknown", "request+", "unattributed"]);
    assert_eq!(said, ["hpack-unknown 2", "unattributed hpack_unknown"]);
}

#[test]
fn on_a_local_socket_only_registry_requests_are_traffic() {
    let mut scene = Scene::with_process();
    let path = b"/run/containerd/containerd.sock".to_vec();
    let conn = scene.open(1, Ends::Unix { path, serves: true, peer: None, peer_name: None }, Phase::Open);
    let frames = Frames { conn, layer: Layer::Socket };
    frames.ask(&mut scene, Direction::Received, 1, REGISTRY, "/runtime.v1.ImageService/PullImage");
    assert_eq!(scene.said(&["visible", "served+", "unattributed"]), ["visible plaintext"]);
    frames.headers(&mut scene, Direction::Sent, 1, true, &[(":status", "200")]);
    frames.ask(&mut scene, Direction::Received, 3, REGISTRY, BLOB);
    assert_eq!(scene.said(&["served+", "unattributed"]), ["served+ 0"]);
}

#[test]
fn a_plain_server_still_answers_in_the_clear() {
    let mut scene = Scene::with_readable_process();
    scene.get(REGISTRY, "/v2/", &ok());
    assert_eq!(scene.said(&["visible"]), ["visible plaintext"]);
}
