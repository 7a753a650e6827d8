//! Pulls of client programs and of agents: when they begin and when they are over.

use super::pulling::{AGENT, HOST, IMAGE, PODMAN, blob_of, digest, document, index, manifest, manifest_of};
use super::scene::{MS, Scene, response};
use crate::model::event::{Ending, Event, Purpose, TargetId};
use crate::model::pull::record::{Isolation, Source, Step, Trigger};
use crate::model::pull::{Flavour, Told};

pub const OK: &str = "target 3 example.com podman ok not-on-disk no-creds warmup";

pub fn podman(purpose: Purpose) -> Scene {
    let mut scene = Scene::new();
    scene.client(1, PODMAN, purpose);
    scene
}

#[test]
fn a_client_pulls_from_its_first_moment_to_its_exit() {
    let mut scene = podman(Purpose::Pull);
    scene.wait(7);
    scene.image(1);
    assert_eq!(scene.said(&["pull+", "pull-", "pulled"]), ["pull+ target 3 example.com"]);
    // It stores what it has, which takes as long as it takes.
    scene.wait(60_000);
    assert_eq!(scene.said(&["pull-", "pulled"]), Vec::<String>::new());
    let lasted = (scene.now - 1000 * MS) / MS;
    scene.ends(1, Ending::Exited(0));
    let said = scene.said(&["pull-", "pulled", "corrected"]);
    assert_eq!(said, [format!("pulled {OK} {lasted}ms"), "pull- target 3 example.com".into()]);
    let [record] = scene.records() else { panic!("one pull") };
    assert_eq!((record.source, record.image.as_deref()), (Source::Client, Some(IMAGE)));
    let phases: Vec<_> = record.phases.iter().map(|p| (p.step, p.bytes, p.code)).collect();
    let size = manifest('c', "12").len() as u64;
    let blob = (Step::Blob, 10, Some(200));
    assert_eq!(phases, [(Step::Manifest, size, Some(200)), blob, blob, blob]);
    assert_eq!(record.bytes, size + 30);
    assert!(record.named.iter().flatten().all(|blob| blob.downloaded && blob.size == 10));
}

/// What the exit says, by how far the client had come.
#[test]
fn the_exit_of_a_client_tells_how_its_pull_ended() {
    let pulled = |far: &str, how: Ending| {
        let mut scene = podman(Purpose::Pull);
        match far {
            "nothing" => {}
            "asked" => _ = scene.asking(1, HOST, &manifest_of("library/app", "v1")),
            "missing" => scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &response(404, "", 0, 0)),
            "unreachable" => scene.refused(1),
            "resolved" => scene.manifest(1, "library/app", "v1", 'c', "12"),
            "layer" => {
                scene.manifest(1, "library/app", "v1", 'c', "12");
                _ = scene.asking(1, HOST, &blob_of("library/app", '1'));
            }
            _ => scene.image(1),
        }
        scene.ends(1, how);
        scene.wait(3000);
        assert_eq!(scene.model.sizes().pulls, 0);
        let pulled = scene.pulled();
        assert!(pulled.len() <= 1, "{pulled:?}");
        // Status and whether it was there already.
        pulled.first().map(|line| line.split(' ').skip(4).take(2).collect::<Vec<_>>().join(" "))
    };
    let ok = Ending::Exited(0);
    for (far, how, expected) in [
        ("nothing", &ok, None),
        ("nothing", &Ending::Exited(1), None),
        ("nothing", &Ending::Killed(9), None),
        ("asked", &Ending::Exited(1), Some("other not-on-disk")),
        ("asked", &Ending::Killed(15), Some("killed not-on-disk")),
        ("asked", &Ending::Unknown, Some("unknown on-disk?")),
        ("missing", &Ending::Exited(125), Some("not_found not-on-disk")),
        ("missing", &Ending::Killed(2), Some("killed not-on-disk")),
        ("unreachable", &Ending::Exited(1), Some("connection_refused not-on-disk")),
        ("resolved", &ok, Some("ok on-disk")),
        ("resolved", &Ending::Exited(1), Some("other not-on-disk")),
        ("resolved", &Ending::Unknown, Some("unknown on-disk?")),
        ("layer", &Ending::Exited(1), Some("other not-on-disk")),
        ("layer", &Ending::Killed(9), Some("killed not-on-disk")),
        ("image", &ok, Some("ok not-on-disk")),
        ("image", &Ending::Exited(1), Some("other not-on-disk")),
        ("image", &Ending::Killed(9), Some("killed not-on-disk")),
        ("image", &Ending::Became(b"sh".to_vec()), Some("unknown on-disk?")),
    ] {
        assert_eq!(pulled(far, how.clone()).as_deref(), expected, "{far} {how:?}");
    }
}

#[test]
fn a_client_pulls_one_image_after_the_other() {
    let mut scene = podman(Purpose::Pull);
    scene.image(1);
    let first = scene.now;
    scene.manifest(1, "library/other", "v2", 'd', "3");
    assert_eq!(scene.pulled(), [OK]);
    scene.blobs(1, "library/other", "d3");
    scene.ends(1, Ending::Exited(0));
    assert_eq!(scene.pulled(), [OK]);
    let images: Vec<_> =
        scene.records().iter().map(|r| (r.image.clone().unwrap(), r.began < first)).collect();
    assert_eq!(images, [(IMAGE.into(), true), (format!("{HOST}/library/other:v2"), false)]);
}

#[test]
fn a_client_that_runs_something_has_pulled_when_it_starts_the_runner() {
    let mut scene = podman(Purpose::Run);
    scene.image(1);
    scene.wait(20);
    scene.forks(1, 2, PODMAN);
    // Its helpers are no runners.
    scene.ends(2, Ending::Became(b"newuidmap".to_vec()));
    assert_eq!(scene.pulled(), Vec::<String>::new());
    scene.forks(1, 3, PODMAN);
    scene.ends(3, Ending::Became(b"conmon".to_vec()));
    assert_eq!(scene.pulled(), ["target 3 example.com podman ok not-on-disk no-creds execution"]);
    // What the container does is no matter of the pull.
    scene.ends(1, Ending::Exited(137));
    assert_eq!(scene.said(&["pulled", "pull-"]), Vec::<String>::new());
}

#[test]
fn a_client_that_pulls_has_not_done_so_when_a_runner_starts() {
    let mut scene = podman(Purpose::Pull);
    scene.image(1);
    scene.forks(1, 3, PODMAN);
    scene.ends(3, Ending::Became(b"conmon".to_vec()));
    assert_eq!(scene.pulled(), Vec::<String>::new());
}

#[test]
fn a_client_that_builds_has_pulled_when_nothing_more_comes() {
    let mut scene = podman(Purpose::Build);
    scene.image(1);
    scene.wait(9_000);
    assert_eq!(scene.pulled(), Vec::<String>::new());
    scene.wait(2_000);
    assert_eq!(scene.pulled(), ["target 3 example.com podman ok not-on-disk no-creds trigger?"]);
}

#[test]
fn what_pulls_nothing_has_no_pulls() {
    let mut scene = podman(Purpose::Other);
    scene.image(1);
    scene.refused(1);
    scene.ends(1, Ending::Exited(0));
    assert_eq!(scene.said(&["pull+", "pulled", "pull-bytes", "log"]), Vec::<String>::new());
}

#[test]
fn an_agent_pulls_from_the_manifest_to_the_last_blob() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    assert_eq!(scene.said(&["pull+", "log"]), Vec::<String>::new());
    scene.blobs(1, "library/app", "c12");
    let said = scene.said(&["pull+", "pull-", "pulled", "pull-bytes"]);
    let size = manifest('c', "12").len();
    let bytes = "pull-bytes example.com 10".to_owned();
    assert_eq!(
        said,
        [
            "pull+ example.com".into(),
            format!("pull-bytes example.com {size}"),
            bytes.clone(),
            bytes.clone(),
            bytes,
            "pulled example.com oci ok not-on-disk no-creds trigger? 16ms".into(),
            "pull- example.com".into(),
        ]
    );
}

#[test]
fn an_agent_that_wants_no_blob_has_no_pull() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    let head = format!("HEAD {} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", manifest_of("library/app", "v2"));
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, head);
    scene.receive(conn, response(200, "", 10, 0));
    scene.close(conn);
    scene.wait(11_000);
    assert_eq!(scene.said(&["pull+", "pulled", "log"]), Vec::<String>::new());
    assert_eq!(scene.model.sizes().pulls, 0);
    // A blob that no manifest has named is no pull either.
    scene.blobs(1, "library/app", "1");
    assert_eq!((scene.pulled().len(), scene.model.sizes().pulls), (0, 0));
}

#[test]
fn an_agent_asks_again_for_a_tag_that_it_has() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    scene.image(1);
    assert_eq!(scene.pulled().len(), 1);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.wait(11_000);
    assert_eq!(scene.said(&["pull+", "pull-", "pulled"]), Vec::<String>::new());
    // With a new layer it is another pull.
    scene.manifest(1, "library/app", "v1", 'd', "13");
    scene.blobs(1, "library/app", "d3");
    scene.wait(11_000);
    assert_eq!(scene.pulled(), ["example.com oci ok not-on-disk no-creds trigger?"]);
    let named = scene.records().last().unwrap().named.clone().unwrap();
    let there: Vec<_> = named.iter().filter(|blob| !blob.downloaded).map(|blob| &blob.digest).collect();
    assert_eq!(there, [&digest('1')]);
}

#[test]
fn the_pull_of_an_agent_that_falls_silent_ended_with_its_last_byte() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.blobs(1, "library/app", "c1");
    assert_eq!(scene.said(&["pulled"]), Vec::<String>::new());
    scene.wait(30_000);
    assert_eq!(scene.said(&["pulled"]), ["pulled example.com oci ok not-on-disk no-creds trigger? 11ms"]);
}

/// Nobody says when the pull is over whose registry has gone away in the middle.
#[test]
fn the_pull_of_an_agent_that_cannot_reach_the_registry_any_more_ends_too() {
    let mut scene = Scene::new();
    scene.program(1, AGENT);
    scene.manifest(1, "library/app", "v1", 'c', "12");
    scene.blobs(1, "library/app", "c");
    scene.refused(1);
    scene.wait(30_000);
    assert_eq!(scene.pulled(), ["example.com oci connection_refused not-on-disk no-creds trigger?"]);
    assert_eq!(scene.model.sizes().pulls, 0);
}

#[test]
fn an_index_leads_to_a_manifest_and_that_to_blobs() {
    for (target, purpose) in [(AGENT, None), (PODMAN, Some(Purpose::Pull))] {
        let mut scene = Scene::new();
        scene.program(1, target);
        if let Some(purpose) = purpose {
            scene.tell(Event::Purpose { pid: 1, purpose, time: scene.now });
        }
        let index = document(&format!("Docker-Content-Digest: {}\r\n", digest('a')), &index("be"));
        scene.get_by(1, HOST, &manifest_of("library/app", "v1"), &index);
        scene.manifest(1, "library/app", &digest('b'), 'c', "12");
        scene.blobs(1, "library/app", "c12");
        scene.ends(1, Ending::Exited(0));
        assert_eq!(scene.pulled().len(), 1);
        let [record] = scene.records() else { panic!("{:?}", scene.records()) };
        assert_eq!(record.phases.len(), 5);
        assert_eq!((record.image.as_deref(), record.digest.clone()), (Some(IMAGE), Some(digest('a'))));
        assert_eq!(record.named.as_ref().unwrap().len(), 3);
    }
}

/// A recipe says what runs the images and why they are pulled: of a program that pulls by itself, and of one whose command line
/// says something else.
#[test]
fn what_a_recipe_says_of_pulls_is_taken_over() {
    let told = |of| {
        let (isolation, trigger) = (Some(Isolation("firecracker".into())), Some(Trigger::Execution));
        Flavour::Told(Box::new(Told { of, isolation, trigger }))
    };
    let mut scene = Scene::with_flavours(vec![told(Flavour::Oci), told(Flavour::Podman)]);
    scene.process(1);
    scene.image(1);
    scene.exits(1);
    scene.client(2, TargetId(1), Purpose::Pull);
    scene.image(2);
    scene.ends(2, Ending::Exited(0));
    let pulled: Vec<String> = scene.pulled().iter().map(|line| line.replace("target 1 ", "")).collect();
    assert_eq!(pulled.len(), 2, "{pulled:?}");
    for line in pulled {
        assert!(line.starts_with("example.com firecracker ok not-on-disk no-creds execution"), "{line}");
    }
}
