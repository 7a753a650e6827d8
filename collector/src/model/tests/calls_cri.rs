//! Calls on CRI sockets, and containerd's own.

use std::collections::HashSet;

use super::pulling::{CRI, Grpc, HOST, IMAGE, digest, field, manifest_of, message, pull_request};
use super::scene::{Scene, response};
use crate::model::event::{Direction, Event, Frame, Purpose};
use crate::model::pull::record::{PullStatus, Source};

const PULL: &str = "/runtime.v1.ImageService/PullImage";

fn containerd() -> (Scene, Grpc) {
    let mut scene = Scene::new();
    scene.program(1, CRI);
    let kubelet = scene.grpc_server(1, Some((90, "kubelet")));
    scene.all();
    (scene, kubelet)
}

#[test]
fn every_call_is_told_by_its_name_and_status() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, "/runtime.v1.RuntimeService/ListPodSandbox", &message(&[]));
    kubelet.ask(
        &mut scene,
        3,
        "/runtime.v1alpha2.ImageService/ImageStatus",
        &message(&[field(1, field(1, IMAGE))]),
    );
    kubelet.fail(&mut scene, 3, "5", "no such image");
    kubelet.answer(&mut scene, 1, &message(&[]));
    kubelet.ask(&mut scene, 5, "/runtime.v1.RuntimeService/Invented", &message(&[]));
    kubelet.fail(&mut scene, 5, "12", "unknown method");
    // Others' services are not the CRI's.
    kubelet.ask(&mut scene, 7, "/containerd.services.tasks.v1.Tasks/List", &message(&[]));
    kubelet.answer(&mut scene, 7, &message(&[]));
    assert_eq!(
        scene.said(&["call", "pull+"]),
        ["call ImageStatus not_found 2ms", "call ListPodSandbox ok 7ms", "call other unimplemented 2ms"]
    );
}

#[test]
fn the_request_gives_a_pull_its_labels() {
    let auth = |fields: &[Vec<u8>]| field(2, fields.concat());
    let image = |fields: &[Vec<u8>]| field(1, [vec![field(1, IMAGE)], fields.to_vec()].concat().concat());
    let plain = image(&[]);
    for (request, expected) in [
        (vec![plain.clone()], "default ok on-disk no-creds warmup"),
        (vec![plain.clone(), auth(&[])], "default ok on-disk no-creds warmup"),
        (vec![plain.clone(), auth(&[field(4, HOST)])], "default ok on-disk no-creds warmup"),
        (vec![plain.clone(), auth(&[field(1, "u"), field(2, "p")])], "default ok on-disk creds warmup"),
        (vec![plain.clone(), field(3, field(1, field(1, "pod")))], "default ok on-disk no-creds execution"),
        (vec![image(&[field(19, "kata")])], "kata ok on-disk no-creds warmup"),
        (vec![image(&[field(19, "Not a handler")])], "other ok on-disk no-creds warmup"),
    ] {
        let (mut scene, kubelet) = containerd();
        kubelet.ask(&mut scene, 1, PULL, &message(&request));
        kubelet.answer(&mut scene, 1, &message(&[field(1, digest('f'))]));
        assert_eq!(scene.pulled(), [format!("target 1 example.com {expected}")]);
    }
}

#[test]
fn a_request_that_cannot_be_read_is_a_pull_all_the_same() {
    let (mut scene, kubelet) = containerd();
    // Compressed.
    kubelet.ask(&mut scene, 1, PULL, &[1, 0, 0, 0, 3, 1, 2, 3]);
    assert_eq!(scene.said(&["pull+"]), Vec::<String>::new());
    kubelet.fail(&mut scene, 1, "5", "not found");
    assert_eq!(scene.pulled(), ["target 1 [UNKNOWN] unknown not_found not-on-disk creds? trigger?"]);
    assert_eq!(scene.records()[0].image, None);
}

/// Only the start of a long request is captured: what comes behind it is not known, what stands before it is.
#[test]
fn of_a_request_that_is_cut_the_start_counts() {
    let (mut scene, kubelet) = containerd();
    let request = message(&[field(1, field(1, IMAGE)), field(3, vec![0; 200])]);
    let path = [(":method", "POST"), (":scheme", "http"), (":path", PULL), (":authority", "localhost")];
    kubelet.frames.headers(&mut scene, Direction::Received, 1, false, &path);
    let length = u32::try_from(request.len()).unwrap();
    kubelet.frames.tell(&mut scene, Direction::Received, (0, 1, 1), &request[..70], length);
    assert_eq!(scene.said(&["pull+"]), ["pull+ target 1 example.com"]);
    kubelet.answer(&mut scene, 1, &message(&[field(1, digest('f'))]));
    assert_eq!(scene.pulled(), ["target 1 example.com default ok on-disk creds? execution"]);
}

#[test]
fn the_status_tells_why_a_pull_failed_where_the_registry_does_not() {
    for (status, text, reason) in [
        ("1", "context canceled", "canceled"),
        ("2", "failed to do request: dial tcp: connect: connection refused", "connection_refused"),
        ("2", "write /x: no space left on device", "no_space"),
        ("2", "something", "other"),
        ("4", "context deadline exceeded", "timeout"),
        ("5", "not found", "not_found"),
        ("7", "pull access denied", "unauthorized"),
        ("16", "who are you", "unauthorized"),
        ("999", "", "other"),
    ] {
        let (mut scene, kubelet) = containerd();
        kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
        kubelet.fail(&mut scene, 1, status, text);
        let expected = format!("target 1 example.com default {reason} not-on-disk no-creds warmup");
        assert_eq!(scene.pulled(), [expected], "{status} {text}");
    }
}

#[test]
fn what_the_registry_said_counts_more_than_the_status() {
    for (status, reason) in
        [("2", "server_error"), ("5", "server_error"), ("4", "timeout"), ("1", "canceled")]
    {
        let (mut scene, kubelet) = containerd();
        kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
        scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &response(500, "", 0, 0));
        kubelet.fail(&mut scene, 1, status, "x");
        let expected = format!("target 1 example.com default {reason} not-on-disk no-creds warmup");
        assert_eq!(scene.pulled(), [expected], "{status}");
    }
}

#[test]
fn a_call_that_is_given_up_is_canceled_or_has_run_out_of_time() {
    for (timeout, waits, reason) in [
        (None, 600_000, "canceled"),
        (Some("10S"), 3_000, "canceled"),
        (Some("10S"), 10_000, "timeout"),
        (Some("2M"), 119_000, "timeout"),
        (Some("5000m"), 4_000, "canceled"),
    ] {
        let (mut scene, kubelet) = containerd();
        let more = timeout.map(|timeout| ("grpc-timeout", timeout));
        kubelet.ask_with(&mut scene, 1, PULL, more.as_slice(), &pull_request(IMAGE));
        scene.wait(waits);
        kubelet.give_up(&mut scene, 1);
        let said = scene.said(&["pulled", "call"]);
        let expected = format!("pulled target 1 example.com default {reason} not-on-disk no-creds warmup ");
        assert!(said.iter().any(|line| line.starts_with(&expected)), "{timeout:?} {said:?}");
        assert!(said.iter().any(|line| line.starts_with("call PullImage cut ")), "{said:?}");
    }
}

#[test]
fn a_client_that_is_gone_has_given_up() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
    scene.close(kubelet.frames.conn);
    assert_eq!(scene.pulled(), ["target 1 example.com default canceled not-on-disk no-creds warmup"]);
}

#[test]
fn the_end_of_a_call_that_was_lost_is_unknown() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
    scene.lose_event(kubelet.frames.conn);
    scene.progress(kubelet.frames.conn);
    let said = scene.said(&["pulled", "pull-", "corrected", "call"]);
    assert!(said.iter().any(|line| line.starts_with("call PullImage unread ")), "{said:?}");
    assert!(said.contains(&"corrected image_pulls_in_flight".into()), "{said:?}");
    assert_eq!(scene.records()[0].end.unwrap().status, PullStatus::Unknown);
    assert_eq!(scene.model.sizes().pulls, 0);
}

#[test]
fn a_call_on_a_connection_that_vanished_is_unknown() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
    scene.all();
    let (connections, processes) = (HashSet::new(), [1].into());
    scene.tell(Event::Resync { connections, processes, time: scene.now });
    let said = scene.said(&["pulled", "pull-", "corrected"]);
    assert!(said[0].starts_with("pulled target 1 example.com default unknown on-disk? "), "{said:?}");
    assert!(said.contains(&"corrected image_pulls_in_flight".into()), "{said:?}");
}

/// The status may refer to what the connection said before; an answer is sent only where all went well.
#[test]
fn a_status_that_cannot_be_read() {
    let end = |answer: &[u8]| {
        let (mut scene, kubelet) = containerd();
        kubelet.ask(&mut scene, 1, PULL, &pull_request(IMAGE));
        kubelet.begin_answer(&mut scene, 1, answer);
        kubelet.frames.headers(&mut scene, Direction::Sent, 1, true, &[("grpc-unknown", "?")]);
        let call = scene.said(&["call"]);
        (call, scene.records()[0].end.unwrap().status)
    };
    assert_eq!(
        end(&message(&[field(1, digest('f'))])),
        (vec!["call PullImage ok 4ms".into()], PullStatus::Ok)
    );
    assert_eq!(end(b""), (vec!["call PullImage unread 4ms".into()], PullStatus::Error));
}

/// The path refers to what was said before the collector began to watch.
#[test]
fn a_pull_whose_name_is_older_than_the_collector() {
    let late = |request: &[u8], answer: &[u8]| {
        let (mut scene, kubelet) = containerd();
        let conn = kubelet.frames;
        conn.tell(&mut scene, Direction::Received, (Frame::JOINED, 0, 0), b"", 0);
        conn.tell(&mut scene, Direction::Sent, (Frame::JOINED, 0, 0), b"", 0);
        // The first request that can be read tells which side asks.
        kubelet.ask(&mut scene, 99, "/runtime.v1.RuntimeService/Version", &message(&[]));
        kubelet.answer(&mut scene, 99, &message(&[]));
        kubelet.ask_unnamed(&mut scene, 101, request);
        kubelet.begin_answer(&mut scene, 101, answer);
        conn.headers(&mut scene, Direction::Sent, 101, true, &[("grpc-status", "0")]);
        scene.pulled()
    };
    let id = message(&[field(1, digest('f'))]);
    let with_sandbox = message(&[field(1, field(1, IMAGE)), field(3, field(1, field(1, "pod")))]);
    assert_eq!(late(&with_sandbox, &id), ["target 1 example.com default ok on-disk no-creds execution"]);
    assert_eq!(late(&pull_request(IMAGE), &id), ["target 1 example.com default ok on-disk no-creds warmup"]);
    // `ImageStatus` answers with a message, `RemoveImage` with nothing.
    assert_eq!(
        late(&pull_request(IMAGE), &message(&[field(1, field(1, digest('f')))])),
        Vec::<String>::new()
    );
    assert_eq!(late(&pull_request(IMAGE), &message(&[])), Vec::<String>::new());
}

#[test]
fn a_transfer_is_a_pull_of_the_one_that_is_asked() {
    let any = |kind: &str, value: Vec<u8>| {
        [field(1, format!("types.containerd.io/{kind}")), field(2, value)].concat()
    };
    let registry = any("containerd.types.transfer.OCIRegistry", field(1, IMAGE));
    let store = any("containerd.types.transfer.ImageStore", field(1, IMAGE));
    let path = "/containerd.services.transfer.v1.Transfer/Transfer";
    let mut scene = Scene::new();
    scene.program(1, CRI);
    scene.client(2, CRI, Purpose::Pull);
    let server = scene.grpc_server(1, Some((2, "ctr")));
    let client = scene.grpc_client(2, Some((1, "containerd")));
    let request = message(&[field(1, &registry), field(2, &store)]);
    for side in [client, server] {
        side.ask(&mut scene, 1, path, &request);
    }
    assert_eq!(scene.said(&["pull+"]), ["pull+ target 1 example.com"]);
    scene.image(1);
    for side in [server, client] {
        side.answer(&mut scene, 1, &message(&[]));
    }
    assert_eq!(scene.pulled(), ["target 1 example.com unknown ok not-on-disk no-creds warmup"]);
    assert_eq!(scene.records()[0].source, Source::Transfer);
    // The other way round it is a push.
    server.ask(&mut scene, 3, path, &message(&[field(1, &store), field(2, &registry)]));
    server.answer(&mut scene, 3, &message(&[]));
    assert_eq!((scene.pulled().len(), scene.records().len()), (0, 1));
}

/// Where containerd itself is not watched, its client tells.
#[test]
fn a_transfer_that_only_its_client_shows() {
    let any = |kind: &str, value: Vec<u8>| [field(1, kind), field(2, value)].concat();
    let request = message(&[
        field(1, any("containerd.types.transfer.OCIRegistry", field(1, IMAGE))),
        field(2, any("containerd.types.transfer.ImageStore", field(1, IMAGE))),
    ]);
    let mut scene = Scene::new();
    scene.client(2, CRI, Purpose::Pull);
    let client = scene.grpc_client(2, Some((1, "containerd")));
    client.ask(&mut scene, 1, "/containerd.services.transfer.v1.Transfer/Transfer", &request);
    client.answer(&mut scene, 1, &message(&[]));
    let pulled = scene.pulled();
    assert_eq!(pulled.len(), 1, "{pulled:?}");
    assert!(pulled[0].starts_with("target 1 example.com unknown ok "), "{pulled:?}");
}

/// The name under which a client keeps what it has pulled is that of the image.
#[test]
fn the_image_has_the_name_under_which_it_is_kept() {
    let mut scene = Scene::new();
    scene.client(2, CRI, Purpose::Pull);
    scene.manifest(2, "library/app", "v1", 'c', "");
    let client = scene.grpc_client(2, Some((1, "containerd")));
    let kept = "mirrored.example.org/library/app:v1";
    client.ask(
        &mut scene,
        1,
        "/containerd.services.images.v1.Images/Create",
        &message(&[field(1, field(1, kept))]),
    );
    client.answer(&mut scene, 1, &message(&[]));
    scene.ends(2, crate::model::event::Ending::Exited(0));
    assert_eq!(scene.pulled().len(), 1);
    assert_eq!(scene.records()[0].image.as_deref(), Some(kept));
}
