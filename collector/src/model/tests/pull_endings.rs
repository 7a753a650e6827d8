//! How pulls end: what they wait for, why they fail, and what ends them unseen.

use std::collections::HashSet;

use super::pulling::{
    AGENT, CRI, Grpc, HOST, IMAGE, PODMAN, blob_of, document, manifest, manifest_of, pull_request,
};
use super::pulls::{OK, podman};
use super::scene::{MS, Scene, get, response};
use crate::model::Limits;
use crate::model::event::{Direction, Ending, Event, Phase, Purpose};
use crate::model::pull::record::{PullStatus, Source};

fn pull_by_cri(scene: &mut Scene) -> Grpc {
    scene.program(1, CRI);
    let kubelet = scene.grpc_server(1, Some((90, "kubelet")));
    kubelet.ask(scene, 1, "/runtime.v1.ImageService/PullImage", &pull_request(IMAGE));
    kubelet
}

#[test]
fn a_pull_that_is_over_waits_for_its_requests_and_takes_no_more() {
    let mut scene = Scene::new();
    let kubelet = pull_by_cri(&mut scene);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    let layer = scene.asking(1, HOST, &blob_of("library/app", '1'));
    kubelet.fail(&mut scene, 1, "1", "canceled");
    assert_eq!(scene.said(&["pulled", "pull-"]), Vec::<String>::new());
    // It takes no more requests.
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.blobs(1, "library/app", "2");
    assert_eq!(scene.said(&["pulled", "pull-"]), Vec::<String>::new());
    let ended = scene.now;
    scene.close(layer);
    assert_eq!(scene.pulled(), ["target 1 example.com default canceled not-on-disk no-creds warmup"]);
    let record = scene.records().iter().find(|r| r.source == Source::Cri).unwrap();
    assert_eq!((record.end.unwrap().status, record.phases.len()), (PullStatus::Error, 2));
    assert!(record.end.unwrap().time < ended);
}

#[test]
fn a_pull_that_is_over_does_not_wait_for_long() {
    let mut scene = Scene::new();
    let kubelet = pull_by_cri(&mut scene);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    let _layer = scene.asking(1, HOST, &blob_of("library/app", '1'));
    kubelet.fail(&mut scene, 1, "1", "canceled");
    scene.wait(1_900);
    assert_eq!((scene.pulled().len(), scene.model.sizes().pulls), (0, 1));
    scene.wait(200);
    assert_eq!((scene.pulled().len(), scene.model.sizes().pulls), (1, 0));
}

/// A request that was redirected before the end is no reason to wait longer.
#[test]
fn a_redirect_that_is_followed_after_the_end_does_not_hold_it_up() {
    let mut scene = Scene::new();
    let kubelet = pull_by_cri(&mut scene);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    let _stuck = scene.asking(1, HOST, &blob_of("library/app", '1'));
    let away = response(307, "Location: http://cdn.example.net/data\r\n", 0, 0);
    scene.get_by(1, HOST, &blob_of("library/app", '2'), &away);
    kubelet.fail(&mut scene, 1, "1", "canceled");
    let _late = scene.asking(1, "cdn.example.net", "/data");
    scene.wait(3_000);
    assert_eq!((scene.pulled().len(), scene.model.sizes().pulls), (1, 0));
}

#[test]
fn a_runtime_that_dies_takes_its_pulls_with_it() {
    for (how, status) in [
        (Ending::Killed(9), "killed not-on-disk"),
        (Ending::Exited(2), "killed not-on-disk"),
        (Ending::Unknown, "unknown on-disk?"),
    ] {
        let mut scene = Scene::new();
        let kubelet = pull_by_cri(&mut scene);
        scene.manifest(1, "library/app", "v1", 'c', "12");
        let layer = scene.asking(1, HOST, &blob_of("library/app", '1'));
        scene.ends(1, how);
        scene.close(layer);
        scene.close(kubelet.frames.conn);
        assert_eq!(scene.pulled(), [format!("target 1 example.com default {status} no-creds warmup")]);
        assert_eq!(scene.model.sizes().pulls, 0);
    }
}

#[test]
fn the_next_process_of_the_same_id_has_nothing_of_the_last() {
    let mut scene = podman(Purpose::Pull);
    scene.image(1);
    // Its end was not seen; another program has its id.
    scene.program(1, AGENT);
    assert_eq!(scene.pulled(), ["target 3 example.com podman unknown on-disk? no-creds warmup"]);
    scene.image(1);
    assert_eq!(scene.pulled(), ["example.com oci ok not-on-disk no-creds trigger?"]);
    scene.ends(1, Ending::Exited(0));
    scene.client(1, PODMAN, Purpose::Pull);
    let began = scene.now;
    scene.image(1);
    scene.ends(1, Ending::Exited(0));
    assert_eq!(scene.pulled(), [OK]);
    assert!(scene.records().last().unwrap().began >= began - 2 * MS);
}

#[test]
fn what_is_not_there_at_a_resync_has_ended_unseen() {
    let mut scene = podman(Purpose::Pull);
    scene.image(1);
    scene.all();
    let (connections, processes) = (HashSet::new(), [1].into());
    scene.tell(Event::Resync { connections, processes, time: scene.now });
    assert_eq!(scene.said(&["pulled", "pull-"]), Vec::<String>::new());
    let (connections, processes) = (HashSet::new(), HashSet::new());
    scene.tell(Event::Resync { connections, processes, time: scene.now });
    let said = scene.said(&["pulled", "pull-", "corrected"]);
    assert!(said[0].starts_with("pulled target 3 example.com podman unknown on-disk? no-creds warmup "));
    let corrected = |gauge: &str| said.iter().filter(|line| **line == format!("corrected {gauge}")).count();
    assert_eq!((corrected("image_pulls_in_flight"), corrected("processes_watched")), (1, 1));
}

#[test]
fn a_process_that_is_forgotten_has_no_pulls_any_more() {
    let mut scene = Scene::with_limits(Limits { processes: 1, ..Limits::default() });
    scene.client(1, PODMAN, Purpose::Pull);
    scene.image(1);
    scene.program(2, AGENT);
    assert_eq!(scene.pulled(), ["target 3 example.com podman unknown on-disk? no-creds warmup"]);
    assert_eq!(scene.model.sizes().pulls, 0);
}

#[test]
fn no_more_pulls_than_there_is_room_for() {
    let mut scene = Scene::with_limits(Limits { pulls: 1, ..Limits::default() });
    let kubelet = pull_by_cri(&mut scene);
    kubelet.ask(&mut scene, 3, "/runtime.v1.ImageService/PullImage", &pull_request("example.org/team/b:1"));
    assert_eq!(
        scene.said(&["pull+", "unattributed"]),
        ["pull+ target 1 example.com", "unattributed pulls_full"]
    );
    kubelet.answer(&mut scene, 1, &[]);
    kubelet.answer(&mut scene, 3, &[]);
    scene.said(&[]);
    assert_eq!(scene.model.sizes().pulls, 0);
    kubelet.ask(&mut scene, 5, "/runtime.v1.ImageService/PullImage", &pull_request("example.org/team/b:1"));
    assert_eq!(scene.said(&["pull+"]), ["pull+ target 1 example.org"]);
}

#[test]
fn a_retry_makes_good_what_was_reset() {
    let mut scene = podman(Purpose::Pull);
    scene.manifest(1, "library/app", "v1", 'c', "1");
    scene.blobs(1, "library/app", "c");
    let conn = scene.asking(1, HOST, &blob_of("library/app", '1'));
    scene.receive(conn, response(200, "", 1000, 4));
    scene.close_with(conn, 104);
    let mut given_up = podman(Purpose::Pull);
    given_up.manifest(1, "library/app", "v1", 'c', "1");
    let conn = given_up.asking(1, HOST, &blob_of("library/app", '1'));
    given_up.close_with(conn, 104);
    given_up.ends(1, Ending::Exited(1));
    assert_eq!(given_up.pulled(), ["target 3 example.com podman reset not-on-disk no-creds warmup"]);
    scene.blobs(1, "library/app", "1");
    scene.ends(1, Ending::Exited(1));
    assert_eq!(scene.pulled(), ["target 3 example.com podman other not-on-disk no-creds warmup"]);
    assert_eq!(scene.records()[0].bytes, manifest('c', "1").len() as u64 + 10 + 4 + 10);
}

#[test]
fn the_reason_is_what_the_registry_said() {
    for (code, reason) in [
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "not_found"),
        (429, "rate_limited"),
        (500, "server_error"),
        (503, "server_error"),
        (504, "timeout"),
        (400, "other"),
    ] {
        let mut scene = podman(Purpose::Pull);
        scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &response(code, "", 0, 0));
        scene.ends(1, Ending::Exited(1));
        let expected = format!("target 3 example.com podman {reason} not-on-disk no-creds warmup");
        assert_eq!(scene.pulled(), [expected], "{code}");
    }
}

#[test]
fn the_reason_is_what_became_of_the_connection() {
    for (error, reason) in [
        (111, "connection_refused"),
        (113, "unreachable"),
        (101, "unreachable"),
        (110, "timeout"),
        (0, "timeout"),
        (104, "reset"),
        (99, "other"),
    ] {
        let mut scene = podman(Purpose::Pull);
        let conn = scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
        scene.close_with(conn, error);
        scene.ends(1, Ending::Exited(1));
        let expected = format!("target 3 [IP_ADDRESS] podman {reason} not-on-disk creds? warmup");
        assert_eq!(scene.pulled(), [expected], "{error}");
    }
}

#[test]
fn bytes_of_a_blob_count_as_they_come() {
    let mut scene = podman(Purpose::Pull);
    scene.manifest(1, "library/app", "v1", 'c', "1");
    let conn = scene.asking(1, HOST, &blob_of("library/app", '1'));
    scene.receive(conn, response(200, "", 1000, 100));
    scene.all();
    scene.turn(conn, Direction::Received, 900);
    assert_eq!(scene.said(&["pull-bytes"]), ["pull-bytes target 3 example.com 900"]);
}

/// A connection that processes hand on whose beginning nobody saw.
#[test]
fn of_processes_that_are_not_known_nothing_is_kept() {
    let mut scene = Scene::with_limits(Limits { processes: 1, ..Limits::default() });
    scene.program(1, AGENT);
    let conn = scene.connect(1, "10.0.0.1:80");
    for pid in 100..200 {
        scene.pass_on(conn, pid);
        scene.send(conn, get(HOST, &manifest_of("library/app", "v1")));
        scene.receive(conn, document("", &manifest('c', "1")));
    }
    scene.wait(11_000);
    assert_eq!((scene.model.sizes().pulls, scene.model.context.pulls.pullers()), (0, 1));
}
