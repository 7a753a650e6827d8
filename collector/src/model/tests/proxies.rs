//! Served requests that fail because an upstream does.

use super::scene::{Scene, get, response};
use crate::model::event::{ConnId, Phase};

const UPSTREAM: &str = "10.0.0.1:80";
/// Socket errors: asm-generic/errno.h.
const ECONNRESET: u32 = 104;
const ETIMEDOUT: u32 = 110;
const ECONNREFUSED: u32 = 111;
const EHOSTUNREACH: u32 = 113;

/// A process that serves a request, whose connection is given.
fn serving() -> (Scene, ConnId) {
    let mut scene = Scene::with_process();
    let conn = scene.accept(1);
    scene.receive(conn, get("front", "/thing"));
    (scene, conn)
}

fn fails_to_connect(scene: &mut Scene, error: u32) {
    let upstream = scene.connecting(1, UPSTREAM, Phase::Connecting);
    if error != 0 {
        scene.change(upstream, Phase::Ended, error);
    }
    scene.close(upstream);
}

/// A request upstream that got no answer.
fn asks(scene: &mut Scene) -> ConnId {
    let upstream = scene.connect(1, UPSTREAM);
    scene.send(upstream, get("back", "/thing"));
    upstream
}

fn answer(scene: &mut Scene, conn: ConnId, code: u16) -> Vec<String> {
    scene.send(conn, response(code, "", 3, 3));
    concluded(scene)
}

/// What is said when all reasons have been waited for.
fn concluded(scene: &mut Scene) -> Vec<String> {
    scene.wait(1000);
    scene.said(&["proxy-error"])
}

#[test]
fn connects_that_fail() {
    for (error, code, reason) in [
        (ECONNREFUSED, 502, "ConnectionRefused"),
        (ECONNREFUSED, 503, "ConnectionRefused"),
        (ETIMEDOUT, 504, "Timeout"),
        // The process closes a connection that is not established: it waits no longer.
        (0, 504, "Timeout"),
        (EHOSTUNREACH, 502, "Other"),
    ] {
        let (mut scene, conn) = serving();
        fails_to_connect(&mut scene, error);
        assert_eq!(answer(&mut scene, conn, code), [format!("proxy-error {reason}")], "{error} {code}");
    }
}

#[test]
fn requests_that_get_no_answer() {
    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.close(upstream);
    assert_eq!(answer(&mut scene, conn, 504), ["proxy-error Timeout"], "closed by the process");

    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.change(upstream, Phase::Ended, ECONNRESET);
    scene.close(upstream);
    assert_eq!(answer(&mut scene, conn, 502), ["proxy-error Other"], "reset");

    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.receive_end(upstream);
    scene.close(upstream);
    assert_eq!(answer(&mut scene, conn, 502), ["proxy-error Other"], "ended by the upstream");
}

#[test]
fn an_answer_that_is_passed_on_is_no_error_of_the_proxy() {
    for code in [502, 503, 504] {
        let (mut scene, conn) = serving();
        let upstream = asks(&mut scene);
        scene.receive(upstream, response(code, "", 3, 3));
        assert_eq!(answer(&mut scene, conn, code), [""; 0]);
        assert_eq!(concluded(&mut scene), [""; 0]);
    }
}

#[test]
fn a_reason_may_show_after_the_answer() {
    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.send(conn, response(502, "", 3, 3));
    scene.close(upstream);
    assert_eq!(concluded(&mut scene), ["proxy-error Timeout"]);
    assert_eq!(concluded(&mut scene), [""; 0], "once");
}

#[test]
fn without_evidence_the_code_of_a_gateway_says_what_it_says() {
    for (code, said) in
        [(504, vec!["proxy-error Timeout"]), (502, vec!["proxy-error Other"]), (503, vec![]), (500, vec![])]
    {
        let (mut scene, conn) = serving();
        assert_eq!(answer(&mut scene, conn, code), said, "{code}");
    }
}

#[test]
fn a_process_that_dies_takes_no_failure_with_it() {
    let (mut scene, conn) = serving();
    scene.send(conn, response(502, "", 3, 3));
    assert_eq!(scene.said(&["proxy-error"]), [""; 0]);
    scene.exits(1);
    assert_eq!(scene.said(&["proxy-error"]), ["proxy-error Other"]);
}

#[test]
fn what_began_before_the_request_is_not_its_reason() {
    let mut scene = Scene::with_process();
    let other = scene.accept(1);
    scene.receive(other, get("front", "/other"));
    let upstream = asks(&mut scene);
    let conn = scene.accept(1);
    scene.receive(conn, get("front", "/thing"));
    scene.close(upstream);
    assert_eq!(answer(&mut scene, conn, 503), [""; 0]);
    assert_eq!(answer(&mut scene, other, 504), ["proxy-error Timeout"]);
    assert_eq!(concluded(&mut scene), [""; 0]);
}

#[test]
fn each_failure_is_the_reason_once_and_the_code_tells_them_apart() {
    let mut scene = Scene::with_process();
    let conns = [(); 2].map(|()| {
        let conn = scene.accept(1);
        scene.receive(conn, get("front", "/thing"));
        conn
    });
    let late = asks(&mut scene);
    scene.close(late);
    fails_to_connect(&mut scene, ECONNREFUSED);
    scene.send(conns[0], response(504, "", 3, 3));
    scene.send(conns[1], response(502, "", 3, 3));
    assert_eq!(concluded(&mut scene), ["proxy-error Timeout", "proxy-error ConnectionRefused"]);
}

/// Answered with one code, as Go's proxy does: what each asked for tells them apart, and then how long each took.
#[test]
fn whose_failure_it_is() {
    let mut scene = Scene::with_process();
    let mut asked = |path: &str| {
        let conn = scene.accept(1);
        scene.receive(conn, get("front", path));
        conn
    };
    let (late, reset, refused) = (asked("/late"), asked("/reset"), asked("/refused"));
    let upstream = |scene: &mut Scene, path| {
        let upstream = scene.connect(1, UPSTREAM);
        scene.send(upstream, get("back", path));
        upstream
    };
    let (to_late, to_reset) = (upstream(&mut scene, "/late"), upstream(&mut scene, "/reset"));
    fails_to_connect(&mut scene, ECONNREFUSED);
    scene.send(refused, response(502, "", 3, 3));
    scene.change(to_reset, Phase::Ended, ECONNRESET);
    scene.close(to_reset);
    // It answers before it closes the connection upstream; the client of the other one is gone.
    scene.send(late, response(502, "", 3, 3));
    scene.receive_end(reset);
    scene.close(reset);
    scene.close(to_late);
    assert_eq!(concluded(&mut scene), ["proxy-error ConnectionRefused", "proxy-error Timeout"]);
}

#[test]
fn an_answer_that_breaks_off() {
    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.receive(upstream, response(200, "", 100, 10));
    scene.send(conn, response(200, "", 100, 10));
    scene.change(upstream, Phase::Ended, ECONNRESET);
    scene.close(upstream);
    scene.close(conn);
    assert_eq!(concluded(&mut scene), ["proxy-error Other"], "by the upstream");

    let (mut scene, conn) = serving();
    let upstream = asks(&mut scene);
    scene.receive(upstream, response(200, "", 100, 10));
    scene.send(conn, response(200, "", 100, 10));
    scene.receive_end(conn);
    scene.close(upstream);
    scene.close(conn);
    assert_eq!(concluded(&mut scene), [""; 0], "by the client");
}

/// Servers give up what nobody waits for, some with an answer to nobody.
#[test]
fn a_client_that_has_gone_away() {
    for answers in [false, true] {
        let (mut scene, conn) = serving();
        let upstream = asks(&mut scene);
        scene.close(upstream);
        if answers {
            scene.receive_end(conn);
            scene.send(conn, response(502, "", 0, 0));
        }
        scene.close_after_peer(conn);
        assert_eq!(concluded(&mut scene), [""; 0], "answers: {answers}");
    }
}

#[test]
fn who_goes_away_takes_no_reason_along_that_is_anothers() {
    let mut scene = Scene::with_process();
    let (gone, refused) = (scene.accept(1), scene.accept(1));
    scene.receive(gone, get("front", "/slow"));
    scene.receive(refused, get("front", "/thing"));
    fails_to_connect(&mut scene, ECONNREFUSED);
    scene.close_after_peer(gone);
    scene.send(refused, response(502, "", 3, 3));
    assert_eq!(concluded(&mut scene), ["proxy-error ConnectionRefused"]);
}

#[test]
fn good_answers_have_no_reason() {
    let (mut scene, conn) = serving();
    fails_to_connect(&mut scene, ECONNREFUSED);
    assert_eq!(answer(&mut scene, conn, 200), [""; 0]);
    assert_eq!(concluded(&mut scene), [""; 0], "another upstream had it");
}
