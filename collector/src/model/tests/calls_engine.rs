//! Calls of the Docker Engine API.

use super::pulling::{AGENT, DOCKER};
use super::scene::Scene;
use crate::model::event::{ConnId, Direction};

const CREATE: &str = "/v1.41/images/create?fromImage=registry.example.com%2Fapp&tag=v1";

fn docker() -> (Scene, ConnId) {
    let mut scene = Scene::new();
    scene.program(1, DOCKER);
    let conn = scene.served_unix(1, Some((50, "docker")));
    scene.all();
    (scene, conn)
}

fn post(scene: &mut Scene, conn: ConnId, target: &str, fields: &str) {
    scene.receive(
        conn,
        format!("POST {target} HTTP/1.1\r\nHost: docker\r\n{fields}Content-Length: 0\r\n\r\n"),
    );
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

fn answer(scene: &mut Scene, conn: ConnId, lines: &[&str]) {
    scene.send(conn, HEAD);
    for line in lines {
        scene.send(conn, chunk(&format!("{line}\r\n")));
    }
    scene.send(conn, "0\r\n\r\n");
}

fn expect(scene: &mut Scene, rest: &str) {
    assert_eq!(scene.pulled(), [format!("target 2 example.com docker {rest}")]);
    assert_eq!(scene.model.sizes().pulls, 0);
}

#[test]
fn a_pull_ends_as_its_answer_says() {
    let failed =
        |message: &str| format!("{{\"errorDetail\":{{\"message\":\"{message}\"}},\"error\":\"{message}\"}}");
    let (missing, denied, full, odd) = (
        failed("manifest for registry.example.com/app:v1 not found: manifest unknown"),
        failed("pull access denied for app, repository does not exist or may require 'docker login'"),
        failed("write /var/lib/docker/tmp/x: no space left on device"),
        failed("something"),
    );
    for (line, expected) in [
        ("{\"status\":\"Status: Downloaded newer image for registry.example.com/app:v1\"}", "ok on-disk"),
        (&missing, "not_found not-on-disk"),
        (&denied, "unauthorized not-on-disk"),
        (&full, "no_space not-on-disk"),
        (&odd, "other not-on-disk"),
    ] {
        let (mut scene, conn) = docker();
        post(&mut scene, conn, CREATE, "");
        assert_eq!(scene.said(&["pull+"]), ["pull+ target 2 example.com"]);
        answer(&mut scene, conn, &["{\"status\":\"Pulling from app\",\"id\":\"v1\"}", line]);
        expect(&mut scene, &format!("{expected} no-creds trigger?"));
        assert_eq!(scene.records()[0].image.as_deref(), Some("registry.example.com/app:v1"));
    }
}

#[test]
fn an_error_that_comes_in_pieces_is_an_error() {
    let (mut scene, conn) = docker();
    post(&mut scene, conn, CREATE, "");
    scene.send(conn, HEAD);
    scene.send(conn, chunk("{\"errorDetail\":{\"message\":\"toomany"));
    scene.send(conn, chunk("requests: slow down\"},\"error\":\"toomanyrequests\"}\r\n"));
    scene.send(conn, "0\r\n\r\n");
    expect(&mut scene, "rate_limited not-on-disk no-creds trigger?");
}

#[test]
fn a_pull_that_is_refused_at_once() {
    for (code, reason) in [(404, "not_found"), (500, "server_error"), (400, "other")] {
        let (mut scene, conn) = docker();
        post(&mut scene, conn, CREATE, "");
        let head =
            format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n");
        scene.send(conn, head + "{\"message\":\"\"}   ");
        expect(&mut scene, &format!("{reason} not-on-disk no-creds trigger?"));
    }
}

/// Lines that were not captured may have told of a failure.
#[test]
fn where_lines_are_missing_the_end_is_unknown_unless_the_last_line_tells() {
    for (last, expected) in [
        ("{\"status\":\"Status: Image is up to date for registry.example.com/app:v1\"}", "ok on-disk"),
        ("{\"status\":\"Pull complete\"}", "unknown on-disk?"),
    ] {
        let (mut scene, conn) = docker();
        post(&mut scene, conn, CREATE, "");
        scene.send(conn, HEAD);
        scene.send(conn, chunk("{\"status\":\"Pulling from app\"}\r\n"));
        // A chunk of 1,000 bytes whose last 500 were not captured.
        let bytes = format!("3e8\r\n{}", " ".repeat(500));
        scene.send(conn, &bytes);
        scene.count(conn, Direction::Sent, 500);
        scene.send(conn, format!("\r\n{}0\r\n\r\n", chunk(&format!("\r\n{last}\r\n"))));
        expect(&mut scene, &format!("{expected} no-creds trigger?"));
    }
}

#[test]
fn a_client_that_hangs_up_has_canceled_the_pull() {
    for half in [false, true] {
        let (mut scene, conn) = docker();
        post(&mut scene, conn, CREATE, "");
        scene.send(conn, HEAD);
        scene.send(conn, chunk("{\"status\":\"Pulling from app\"}\r\n"));
        if half {
            scene.receive_end(conn);
        } else {
            scene.close(conn);
        }
        expect(&mut scene, "canceled not-on-disk no-creds trigger?");
    }
}

#[test]
fn credentials_come_in_a_field() {
    // {"username":"u","password":"p"} and {}.
    for (auth, creds) in [("eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAifQ==", "creds"), ("e30=", "no-creds")] {
        let (mut scene, conn) = docker();
        post(&mut scene, conn, CREATE, &format!("X-Registry-Auth: {auth}\r\n"));
        answer(&mut scene, conn, &["{\"status\":\"Digest: x\"}"]);
        expect(&mut scene, &format!("ok on-disk {creds} trigger?"));
    }
}

fn refuse(scene: &mut Scene, conn: ConnId) {
    post(scene, conn, "/v1.41/containers/create", "");
    scene.send(
        conn,
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
    );
}

#[test]
fn who_wants_a_container_of_it_runs_what_is_pulled() {
    let (mut scene, conn) = docker();
    refuse(&mut scene, conn);
    // Somebody else pulls meanwhile.
    let other = scene.served_unix(1, Some((51, "docker")));
    post(&mut scene, other, CREATE, "");
    answer(&mut scene, other, &[]);
    expect(&mut scene, "ok on-disk no-creds trigger?");
    // On another connection of the same client.
    let again = scene.served_unix(1, Some((50, "docker")));
    post(&mut scene, again, CREATE, "");
    answer(&mut scene, again, &[]);
    expect(&mut scene, "ok on-disk no-creds execution");
    // That was for that pull.
    post(&mut scene, again, CREATE, "");
    answer(&mut scene, again, &[]);
    expect(&mut scene, "ok on-disk no-creds trigger?");
}

#[test]
fn the_traffic_of_the_engine_is_that_of_its_pull() {
    let (mut scene, conn) = docker();
    post(&mut scene, conn, "/v1.41/images/create?fromImage=registry.example.com%2Flibrary%2Fapp&tag=v1", "");
    scene.image(1);
    answer(
        &mut scene,
        conn,
        &["{\"status\":\"Status: Downloaded newer image for registry.example.com/library/app:v1\"}"],
    );
    expect(&mut scene, "ok not-on-disk no-creds trigger?");
    assert_eq!((scene.records().len(), scene.records()[0].phases.len()), (1, 4));
}

#[test]
fn removals_are_told_and_other_calls_are_not() {
    let (mut scene, conn) = docker();
    for (method, target, code) in [
        ("DELETE", "/v1.41/images/registry.example.com/app:v1", 200),
        ("DELETE", "/v1.41/containers/abc?force=1", 204),
        ("DELETE", "/v1.41/containers/gone", 404),
        ("POST", "/v1.41/containers/abc/start", 204),
        ("GET", "/v1.41/images/json", 200),
        ("POST", "/v1.41/images/create?fromSrc=-", 200),
    ] {
        scene.receive(
            conn,
            format!("{method} {target} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"),
        );
        scene.send(conn, format!("HTTP/1.1 {code} X\r\nContent-Length: 0\r\n\r\n"));
    }
    assert_eq!(
        scene.said(&["reclaimed", "reclaim-failed", "pull+", "unattributed", "served+"]),
        ["reclaimed image user", "reclaimed container user"]
    );
}

/// On a port only an engine is asked for pulls: the paths may be others' elsewhere.
#[test]
fn on_a_port_only_an_engine_is_one() {
    for (target, pulls) in [(DOCKER, 1), (AGENT, 0)] {
        let mut scene = Scene::new();
        scene.program(1, target);
        let conn = scene.accept(1);
        post(&mut scene, conn, CREATE, "");
        answer(&mut scene, conn, &[]);
        assert_eq!(scene.pulled().len(), pulls);
    }
}
