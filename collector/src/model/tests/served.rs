//! What a watched process serves.

use super::scene::{BLOB, MANIFEST, Scene, get, ok, response};
use crate::model::event::{Direction, Ends, Phase};

fn serve(target: &str, answer: &str) -> Vec<String> {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, get("mirror", target));
    scene.send(conn, answer);
    scene.close(conn);
    scene.said(&["served-", "served-download"])
}

#[test]
fn a_served_request_tells_all_its_facts_in_order() {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, get("mirror", BLOB));
    assert_eq!(scene.model.connections_in_progress().collect::<Vec<_>>(), [conn]);
    scene.send(conn, response(200, "", 30_000, 10));
    scene.count(conn, Direction::Sent, 29_990);
    scene.close(conn);
    assert_eq!(
        scene.all(),
        [
            "process+ 0",
            "served+ 0",
            "visible plaintext",
            "connection+ server",
            "served-bytes 0 blob 10",
            "served-bytes 0 blob 29990",
            "served-from blob Unknown",
            "served-download 0 blob ok",
            "served- 0 blob GET 200 all 2ms",
            "connection- server",
        ]
    );
}

#[test]
fn a_served_download_is_one_that_delivers_or_fails_to() {
    for (answer, status) in [
        (ok(), Some("ok")),
        (response(206, "Content-Range: bytes 0-9/100\r\n", 10, 10), Some("ok")),
        ("HTTP/1.1 304 X\r\n\r\n".into(), Some("ok")),
        (response(200, "", 100, 10), Some("error")),
        (response(404, "", 10, 10), Some("error")),
        (response(503, "", 10, 10), Some("error")),
        (String::new(), Some("error")),
        (response(401, "", 10, 10), None),
        (response(307, "Location: http://cdn.example.com/x\r\n", 0, 0), None),
    ] {
        let said = serve(BLOB, &answer);
        let downloads: Vec<_> = said.iter().filter(|line| line.starts_with("served-download")).collect();
        let expected: Vec<_> =
            status.map(|status| format!("served-download 0 blob {status}")).into_iter().collect();
        assert_eq!(downloads, expected.iter().collect::<Vec<_>>(), "{answer}");
    }
}

#[test]
fn only_a_get_of_a_manifest_or_blob_is_a_download() {
    assert_eq!(serve(MANIFEST, &ok()).len(), 2);
    assert_eq!(serve("/v2/", &ok()).len(), 1);
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, format!("HEAD {MANIFEST} HTTP/1.1\r\nHost: mirror\r\n\r\n"));
    scene.send(conn, response(200, "", 1000, 0));
    assert_eq!(scene.said(&["served-", "served-download"]), ["served- 0 manifest HEAD 200 all 1ms"]);
}

#[test]
fn a_server_that_is_left_without_an_answer_has_no_code() {
    assert_eq!(serve("/v2/", ""), ["served- 0 ping GET none all -"]);
}

#[test]
fn a_local_socket_that_the_process_serves_is_open_at_once() {
    let mut scene = Scene::with_process();
    let conn = scene.open(
        1,
        Ends::Unix { path: b"/run/agent.sock".to_vec(), serves: true, peer: None, peer_name: None },
        Phase::Open,
    );
    assert_eq!(scene.said(&["connection+"]), ["connection+ server"]);
    scene.close(conn);
    assert_eq!(scene.said(&["connection-"]), ["connection- server"]);
}
