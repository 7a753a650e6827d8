//! Which pull a request to a registry is for, and what it tells of it.

use super::connects::hello;
use super::pulling::{
    AGENT, CRI, Grpc, HOST, IMAGE, PODMAN, blob, blob_of, digest, document, field, get_with, manifest,
    manifest_of, message, pull_request,
};
use super::scene::{Scene, get, response};
use crate::model::event::{Ending, Purpose};
use crate::model::pull::record::{Known, PullRecord, Source, Step};

const PULL: &str = "/runtime.v1.ImageService/PullImage";
/// What the pull of an image ends as that has crossed the wire.
const OK: &str = "target 1 example.com default ok not-on-disk no-creds warmup";

fn containerd() -> (Scene, Grpc) {
    let mut scene = Scene::new();
    scene.program(1, CRI);
    let kubelet = scene.grpc_server(1, Some((90, "kubelet")));
    (scene, kubelet)
}

fn pull(scene: &mut Scene, kubelet: Grpc, stream: u32, repository: &str) {
    kubelet.ask(scene, stream, PULL, &pull_request(&format!("{HOST}/{repository}:v1")));
}

fn pulled(scene: &mut Scene, kubelet: Grpc, stream: u32) {
    kubelet.answer(scene, stream, &message(&[field(1, digest('f'))]));
}

fn of<'a>(scene: &'a Scene, repository: &str) -> &'a PullRecord {
    let image = format!("{HOST}/{repository}:v1");
    scene.records().iter().find(|record| record.image.as_ref() == Some(&image)).unwrap()
}

/// What was asked for, by its last part.
fn asked(record: &PullRecord) -> Vec<(Step, String)> {
    let last = |reference: &Option<String>| {
        let reference = reference.as_deref().unwrap_or("-");
        reference.strip_prefix("sha256:").map_or(reference, |digits| &digits[..1]).to_owned()
    };
    record.phases.iter().map(|phase| (phase.step, last(&phase.reference))).collect()
}

fn steps(text: &str) -> Vec<(Step, String)> {
    let step = |word: &str| {
        let (step, reference) = word.split_once(':').unwrap();
        let step = match step {
            "resolve" => Step::Resolve,
            "token" => Step::Token,
            "manifest" => Step::Manifest,
            _ => Step::Blob,
        };
        (step, reference.to_owned())
    };
    text.split_whitespace().map(step).collect()
}

#[test]
fn what_the_api_and_the_traffic_see_is_one_pull() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "library/app");
    scene.image(1);
    pulled(&mut scene, kubelet, 1);
    assert_eq!(scene.pulled(), [OK]);
    let [record] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!((record.source, record.image.as_deref()), (Source::Cri, Some(IMAGE)));
    assert_eq!(asked(record), steps("manifest:v1 blob:c blob:1 blob:2"));
    assert_eq!(scene.model.sizes().pulls, 0);
}

#[test]
fn two_images_at_once() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "team/one");
    pull(&mut scene, kubelet, 3, "team/two");
    let first = scene.asking(1, HOST, &manifest_of("team/one", "v1"));
    let second = scene.asking(1, HOST, &manifest_of("team/two", "v1"));
    scene.receive(second, document("", &manifest('d', "4")));
    scene.receive(first, document("", &manifest('c', "3")));
    for (repository, digits) in [("team/two", "d"), ("team/one", "c3"), ("team/two", "4")] {
        scene.blobs(1, repository, digits);
    }
    pulled(&mut scene, kubelet, 3);
    pulled(&mut scene, kubelet, 1);
    assert_eq!(scene.pulled(), [OK, OK]);
    assert_eq!(asked(of(&scene, "team/one")), steps("manifest:v1 blob:c blob:3"));
    assert_eq!(asked(of(&scene, "team/two")), steps("manifest:v1 blob:d blob:4"));
}

/// The runtime downloads what both need once.
#[test]
fn one_image_twice_at_once_is_two_pulls() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "library/app");
    pull(&mut scene, kubelet, 3, "library/app");
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.blobs(1, "library/app", "c12");
    pulled(&mut scene, kubelet, 1);
    pulled(&mut scene, kubelet, 3);
    let on_disk = "target 1 example.com default ok on-disk no-creds warmup";
    assert_eq!(scene.pulled(), [OK, on_disk]);
    let [first, second] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!(asked(first), steps("manifest:v1 blob:c blob:1 blob:2"));
    assert_eq!(asked(second), steps("manifest:v1"));
}

#[test]
fn a_layer_that_two_images_share_is_downloaded_by_one() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "team/one");
    pull(&mut scene, kubelet, 3, "team/two");
    scene.manifest(1, "team/one", "v1", 'c', "19");
    scene.manifest(1, "team/two", "v1", 'd', "29");
    scene.blobs(1, "team/two", "d92");
    scene.blobs(1, "team/one", "c1");
    pulled(&mut scene, kubelet, 1);
    pulled(&mut scene, kubelet, 3);
    assert_eq!(scene.pulled(), [OK, OK]);
    assert_eq!(asked(of(&scene, "team/one")), steps("manifest:v1 blob:c blob:1"));
    assert_eq!(asked(of(&scene, "team/two")), steps("manifest:v1 blob:d blob:9 blob:2"));
    let there = |repository: &str| {
        let named = of(&scene, repository).named.clone().unwrap();
        named.into_iter().filter(|blob| !blob.downloaded).map(|blob| blob.digest).collect::<Vec<_>>()
    };
    assert_eq!((there("team/one"), there("team/two")), (vec![digest('9')], vec![]));
}

#[test]
fn an_image_whose_layers_are_all_there_is_on_disk() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "library/app");
    scene.manifest(1, "library/app", "v1", 'c', "12");
    pulled(&mut scene, kubelet, 1);
    // The runtime has not even asked.
    pull(&mut scene, kubelet, 3, "library/app");
    pulled(&mut scene, kubelet, 3);
    let on_disk = "target 1 example.com default ok on-disk no-creds warmup";
    assert_eq!(scene.pulled(), [on_disk, on_disk]);
}

#[test]
fn a_mirror_stands_in_for_the_registry() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, PULL, &pull_request("docker.io/library/app:v1"));
    let ns = |target: String| format!("{target}?ns=docker.io");
    scene.get_by(
        1,
        "mirror.example.net",
        &ns(manifest_of("library/app", "v1")),
        &document("", &manifest('c', "")),
    );
    scene.get_by(1, "mirror.example.net", &ns(blob_of("library/app", 'c')), &blob());
    kubelet.answer(&mut scene, 1, &[]);
    let said = scene.said(&["pull-bytes", "pull-", "pulled"]);
    let size = manifest('c', "").len();
    assert_eq!(
        said[..2],
        [format!("pull-bytes target 1 docker.io {size}"), "pull-bytes target 1 docker.io 10".into()]
    );
    assert!(said[2].starts_with("pulled target 1 docker.io default ok not-on-disk no-creds warmup "));
    assert_eq!(said.len(), 4);
}

/// CRI-O and podman have mirrors with another name before the repository's.
#[test]
fn a_mirror_may_put_a_name_before_the_repository() {
    let (mut scene, kubelet) = containerd();
    kubelet.ask(&mut scene, 1, PULL, &pull_request("docker.io/library/app:v1"));
    scene.get_by(1, "mirror.example.net", &manifest_of("hub/library/app", "v1"), &response(404, "", 0, 0));
    scene.get_by(
        1,
        "registry-1.docker.io",
        &manifest_of("library/app", "v1"),
        &document("", &manifest('c', "")),
    );
    scene.get_by(1, "mirror.example.net", &blob_of("hub/library/app", 'c'), &blob());
    kubelet.answer(&mut scene, 1, &[]);
    assert_eq!(scene.pulled(), ["target 1 docker.io default ok not-on-disk no-creds warmup"]);
    assert_eq!((scene.records().len(), scene.model.sizes().pulls), (1, 0));
}

#[test]
fn a_client_that_falls_back_from_its_mirror_pulls_one_image() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Pull);
    scene.get_by(1, "mirror.example.net", &manifest_of("hub/library/app", "v1"), &response(404, "", 0, 0));
    scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &document("", &manifest('c', "1")));
    scene.blobs(1, "library/app", "c1");
    scene.ends(1, Ending::Exited(0));
    assert_eq!(scene.pulled(), ["target 3 example.com podman ok not-on-disk no-creds warmup"]);
    let [record] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!(record.image.as_deref(), Some(IMAGE));
}

#[test]
fn a_redirect_is_part_of_the_blob() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "library/app");
    scene.manifest(1, "library/app", "v1", 'c', "");
    scene.all();
    let away = response(307, "Location: http://cdn.example.net/data\r\n", 5, 5);
    scene.get_by(1, HOST, &blob_of("library/app", 'c'), &away);
    scene.get_by(1, "cdn.example.net", "/data", &blob());
    assert_eq!(scene.said(&["pull-bytes"]), ["pull-bytes target 1 example.com 10"]);
    pulled(&mut scene, kubelet, 1);
    assert_eq!(scene.pulled(), [OK]);
    let [record] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!(asked(record), steps("manifest:v1 blob:c"));
    let phase = &record.phases[1];
    assert_eq!((phase.bytes, phase.code), (10, Some(200)));
    assert!(record.named.as_ref().unwrap()[0].downloaded);
}

#[test]
fn what_is_redirected_to_where_nobody_can_read_has_crossed_the_wire() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "library/app");
    scene.manifest(1, "library/app", "v1", 'c', "");
    let away = response(307, "Location: https://cdn.example.net/data\r\n", 0, 0);
    scene.get_by(1, HOST, &blob_of("library/app", 'c'), &away);
    pulled(&mut scene, kubelet, 1);
    assert_eq!(scene.pulled(), [OK]);
    assert!(scene.records()[0].named.as_ref().unwrap()[0].downloaded);
}

const REALM: &str = "auth.example.com";

/// A manifest behind a challenge, with these fields in the request for the token.
fn challenged(scene: &mut Scene, repository: &str, fields: &str) {
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{REALM}/token\"\r\n");
    let target = manifest_of(repository, "v1");
    scene.get_by(1, HOST, &target, &response(401, &challenge, 0, 0));
    let token = format!("/token?service=r&scope=repository:{repository}:pull");
    scene.get_with(1, REALM, &token, fields, &response(200, "", 0, 0));
    scene.get_with(1, HOST, &target, "Authorization: Bearer t\r\n", &document("", &manifest('c', "")));
    scene.get_with(1, HOST, &blob_of(repository, 'c'), "Authorization: Bearer t\r\n", &blob());
}

#[test]
fn a_token_that_anybody_gets_is_no_credential() {
    for (fields, creds) in [("", "no-creds"), ("Authorization: Basic dTpw\r\n", "creds")] {
        let (mut scene, kubelet) = containerd();
        pull(&mut scene, kubelet, 1, "library/app");
        challenged(&mut scene, "library/app", fields);
        pulled(&mut scene, kubelet, 1);
        assert_eq!(scene.pulled(), [format!("target 1 example.com default ok not-on-disk {creds} warmup")]);
        let [record] = scene.records() else { panic!("{:?}", scene.records()) };
        assert_eq!(asked(record), steps("manifest:v1 token:- manifest:v1 blob:c"));
    }
}

/// The token is for one of them.
#[test]
fn the_credentials_of_one_pull_are_not_those_of_another() {
    for order in [["team/one", "team/two"], ["team/two", "team/one"]] {
        let (mut scene, kubelet) = containerd();
        for (stream, repository) in [1, 3].into_iter().zip(order) {
            pull(&mut scene, kubelet, stream, repository);
        }
        challenged(&mut scene, "team/one", "Authorization: Basic dTpw\r\n");
        challenged(&mut scene, "team/two", "");
        pulled(&mut scene, kubelet, 1);
        pulled(&mut scene, kubelet, 3);
        let creds = |repository| of(&scene, repository).has_creds;
        assert_eq!((creds("team/one"), creds("team/two")), (Known::Yes, Known::No), "{order:?}");
        assert_eq!(asked(of(&scene, "team/one")), steps("manifest:v1 token:- manifest:v1 blob:c"));
    }
}

/// Where the request for a token does not tell what for (`OAuth2`: it stands in the body), several pulls may have sent it.
#[test]
fn credentials_that_may_be_anothers_are_unknown() {
    let (mut scene, kubelet) = containerd();
    pull(&mut scene, kubelet, 1, "team/one");
    pull(&mut scene, kubelet, 3, "team/two");
    let post = format!("POST /token HTTP/1.1\r\nHost: {REALM}\r\nContent-Length: 0\r\n\r\n");
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, post);
    scene.receive(conn, response(200, "", 0, 0));
    for repository in ["team/one", "team/two"] {
        let answer = document("", &manifest('c', ""));
        scene.get_with(1, HOST, &manifest_of(repository, "v1"), "Authorization: Bearer t\r\n", &answer);
    }
    pulled(&mut scene, kubelet, 1);
    pulled(&mut scene, kubelet, 3);
    assert_eq!([of(&scene, "team/one"), of(&scene, "team/two")].map(|r| r.has_creds), [Known::Unknown; 2]);
}

#[test]
fn credentials_are_known_by_the_requests() {
    for (fields, creds) in [
        ("", "no-creds"),
        ("Authorization: Basic dTpw\r\n", "creds"),
        // A token that nobody saw being asked for.
        ("Authorization: Bearer t\r\n", "creds?"),
    ] {
        let mut scene = Scene::new();
        scene.client(1, PODMAN, Purpose::Pull);
        let answer = document("", &manifest('c', ""));
        scene.get_with(1, HOST, &manifest_of("library/app", "v1"), fields, &answer);
        scene.ends(1, Ending::Exited(0));
        assert_eq!(scene.pulled(), [format!("target 3 example.com podman ok on-disk {creds} warmup")]);
    }
}

#[test]
fn a_challenge_that_is_answered_is_no_trouble() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Pull);
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{REALM}/token\"\r\n");
    scene.get_by(1, HOST, "/v2/", &response(401, &challenge, 0, 0));
    let token = "/token?service=r&scope=repository:library/app:pull";
    scene.get_by(1, REALM, token, &response(200, "", 0, 0));
    let target = manifest_of("library/app", "v1");
    scene.get_with(1, HOST, &target, "Authorization: Bearer t\r\n", &document("", &manifest('c', "1")));
    scene.get_with(1, HOST, &blob_of("library/app", 'c'), "Authorization: Bearer t\r\n", &blob());
    scene.ends(1, Ending::Exited(1));
    // The disk is full, perhaps: no registry has said why.
    assert_eq!(scene.pulled(), ["target 3 example.com podman other not-on-disk no-creds warmup"]);
    let [record] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!(asked(record), steps("resolve:- token:- manifest:v1 blob:c"));
}

#[test]
fn a_token_that_is_refused_is_why_a_pull_fails() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Pull);
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{REALM}/token\"\r\n");
    scene.get_by(1, HOST, "/v2/", &response(401, &challenge, 0, 0));
    let token = "/token?service=r&scope=repository:library/app:pull";
    scene.get_with(1, REALM, token, "Authorization: Basic dTpw\r\n", &response(503, "", 0, 0));
    scene.ends(1, Ending::Exited(1));
    assert_eq!(scene.pulled(), ["target 3 example.com podman server_error not-on-disk creds warmup"]);
}

/// Requests of another process are never part of the pull.
#[test]
fn each_process_has_its_own_pulls() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Pull);
    scene.client(2, PODMAN, Purpose::Pull);
    scene.manifest(1, "library/app", "v1", 'c', "1");
    scene.manifest(2, "library/app", "v1", 'c', "1");
    scene.blobs(2, "library/app", "c1");
    scene.ends(1, Ending::Exited(0));
    scene.ends(2, Ending::Exited(0));
    let podman = |on_disk| format!("target 3 example.com podman ok {on_disk} no-creds warmup");
    assert_eq!(scene.pulled(), [podman("on-disk"), podman("not-on-disk")]);
}

#[test]
fn the_parts_of_a_blob_are_one_blob() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Pull);
    scene.manifest(1, "library/app", "v1", 'c', "");
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get_with(HOST, &blob_of("library/app", 'c'), "Range: bytes=4-\r\n"));
    scene.receive(conn, response(206, "Content-Range: bytes 4-9/10\r\n", 6, 6));
    scene.ends(1, Ending::Exited(0));
    assert_eq!(scene.pulled(), ["target 3 example.com podman ok not-on-disk no-creds warmup"]);
    assert_eq!(scene.records()[0].bytes, manifest('c', "").len() as u64 + 6);
}

/// What is not about images: uploads, tags, checks whether a blob is there.
#[test]
fn other_requests_are_no_part_of_a_pull() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    for request in [
        get(HOST, "/v2/library/app/tags/list"),
        get(HOST, "/v2/_catalog"),
        get(HOST, "/v2/"),
        format!("HEAD {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", blob_of("library/app", '1')),
        format!(
            "PUT {} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n",
            manifest_of("library/app", "v1")
        ),
        format!("POST /v2/library/app/blobs/uploads/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, request);
        assert_eq!(scene.model.sizes().pulls, 0);
        scene.close(conn);
    }
    assert_eq!(scene.said(&["pull+", "pulled", "log"]), Vec::<String>::new());
}

/// Whether a blob is there is asked without fetching it; part of one has crossed the wire all the same.
#[test]
fn a_blob_has_crossed_the_wire_when_bytes_of_it_have() {
    let head = format!("HEAD {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", blob_of("library/app", 'c'));
    for (request, answer, on_disk) in [
        (head, response(200, "", 10, 0), "on-disk"),
        (get(HOST, &blob_of("library/app", 'c')), response(200, "", 10, 4), "not-on-disk"),
    ] {
        let mut scene = Scene::new();
        scene.client(1, PODMAN, Purpose::Pull);
        scene.manifest(1, "library/app", "v1", 'c', "");
        let conn = scene.connect(1, "10.0.0.1:80");
        scene.send(conn, request);
        scene.receive(conn, answer);
        scene.close(conn);
        scene.ends(1, Ending::Exited(0));
        assert_eq!(scene.pulled(), [format!("target 3 example.com podman ok {on_disk} no-creds warmup")]);
    }
}

#[test]
fn what_may_have_passed_where_nobody_can_read_is_unknown() {
    for (host, rest) in [(HOST, "on-disk? creds?"), ("registry.example.org", "on-disk no-creds")] {
        let (mut scene, kubelet) = containerd();
        pull(&mut scene, kubelet, 1, "library/app");
        let conn = scene.connect(1, "10.0.0.1:443");
        scene.send(conn, hello(host));
        pulled(&mut scene, kubelet, 1);
        assert_eq!(scene.pulled(), [format!("target 1 example.com default ok {rest} warmup")], "{host}");
    }
}

/// What the mirror did not have is no trouble once the registry has it.
#[test]
fn what_runs_after_a_mirror_had_nothing_has_been_pulled() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Run);
    scene.get_by(1, "mirror.example.net", &manifest_of("hub/library/app", "v1"), &response(404, "", 0, 0));
    scene.image(1);
    scene.forks(1, 2, PODMAN);
    scene.ends(2, Ending::Became(b"conmon".to_vec()));
    assert_eq!(scene.pulled(), ["target 3 example.com podman ok not-on-disk no-creds execution"]);
}

/// Signatures are asked for by a tag of their own, in the middle of a pull.
#[test]
fn what_is_attached_to_an_image_is_no_image() {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, Purpose::Run);
    let signature = manifest_of("library/app", &format!("{}.sig", digest('a').replace(':', "-")));
    scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &document("", &manifest('c', "1")));
    scene.get_by(1, HOST, &signature, &response(404, "", 2, 2));
    for digit in ['c', '1'] {
        scene.get_by(1, HOST, &blob_of("library/app", digit), &blob());
    }
    scene.wait(11_000);
    assert_eq!(scene.pulled().len(), 1);
    let [record] = scene.records() else { panic!("{:?}", scene.records()) };
    assert_eq!((record.image.as_deref(), record.phases.len()), (Some(IMAGE), 4));
    assert_eq!(record.end.map(|end| end.trouble), Some(None));
}
