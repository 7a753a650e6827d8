use std::sync::Arc;

use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::filter::Filter;
use super::log::{Change, MAX_RUNNING, PullLog};
use crate::metrics::Metrics;
use crate::model::event::TargetId;
use crate::model::pull::record::{
    Blob, Isolation, Known, Phase, PullEnd, PullId, PullRecord, PullStatus, Source, Step, Trigger,
};
use crate::targets::{Comm, Role, Target, TargetName, Targets};

/// 2026-11-21T15:00:00Z, in nanoseconds since the epoch.
const WALL: u64 = 1_795_273_200_000_000_000;
const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;

struct Scene {
    log: PullLog,
    metrics: Arc<Metrics>,
}

/// A log of the targets `containerd`, `podman` (clients) and `mirror` (server).
fn scene(remember: usize) -> Scene {
    let target = |name: &str, role| Target {
        name: TargetName::try_from(name.to_owned()).unwrap(),
        comm: Comm::try_from(name.to_owned()).unwrap(),
        argv: None,
        role,
        redis: false,
        threads: false,
    };
    let own = [("containerd", Role::Client), ("podman", Role::Client), ("mirror", Role::Server)];
    let targets = Targets::new(own.map(|(name, role)| target(name, role)).to_vec(), false).unwrap();
    let metrics = Arc::new(Metrics::new(&targets, &[], 10).unwrap());
    Scene { log: PullLog::new(&targets, remember, Arc::clone(&metrics)), metrics }
}

impl Scene {
    fn record(&self, record: PullRecord) {
        // The clock of the events was at 0 when that of the wall was at WALL.
        self.log.record_at(record, WALL);
    }

    fn listed(&self, query: &str) -> Vec<u64> {
        let filter = Filter::parse(query).unwrap();
        self.log.list(&filter).iter().map(|entry| entry.record.id.0).collect()
    }

    fn dropped(&self, reason: &str) -> u64 {
        let mut text = Vec::new();
        self.metrics.write(&mut text).unwrap();
        let series = format!("pullscope_pull_log_dropped_total{{reason=\"{reason}\"}} ");
        let text = String::from_utf8(text).unwrap();
        text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
    }
}

/// A pull that has just begun, of which nothing is known.
fn running(id: u64) -> PullRecord {
    PullRecord {
        id: PullId(id),
        runtime: TargetId(0),
        pid: 123,
        source: Source::Traffic,
        image: None,
        digest: None,
        registry: RegistryLabel::Unknown,
        isolation: Isolation("unknown".into()),
        trigger: Trigger::Unknown,
        has_creds: Known::Unknown,
        on_disk: Known::Unknown,
        began: id * SECOND,
        end: None,
        bytes: 0,
        phases: Vec::new(),
        phases_left_out: 0,
        named: None,
    }
}

fn ended(id: u64) -> PullRecord {
    let end = PullEnd { time: (id + 2) * SECOND, status: PullStatus::Ok, trouble: None };
    PullRecord { end: Some(end), ..running(id) }
}

fn blob(digest: &str, size: u64, config: bool, downloaded: bool) -> Blob {
    Blob { digest: digest.to_owned(), size, config, downloaded }
}

/// A pull of which everything is known: 4 s long, begun 17.123 s after [`WALL`].
fn known() -> PullRecord {
    let began = 17 * SECOND + 123 * MS;
    let phase = |step, reference: &str, at: u64| Phase {
        step,
        reference: Some(reference.to_owned()),
        began: began + at * MS,
        first_byte: Some(began + (at + 20) * MS),
        ended: Some(began + (at + 200) * MS),
        bytes: 0,
        code: Some(200),
    };
    PullRecord {
        id: PullId(17),
        source: Source::Cri,
        image: Some("registry.example.com/team/app:v1".to_owned()),
        digest: Some("sha256:m".to_owned()),
        registry: RegistryLabel::Name("example.com".into()),
        isolation: Isolation("runc".into()),
        trigger: Trigger::Execution,
        has_creds: Known::Yes,
        on_disk: Known::No,
        began,
        end: Some(PullEnd { time: began + 4 * SECOND, status: PullStatus::Ok, trouble: None }),
        bytes: 2000,
        phases: vec![
            phase(Step::Resolve, "v1", 10),
            Phase { bytes: 757, ..phase(Step::Manifest, "sha256:m", 250) },
            Phase { bytes: 243, ..phase(Step::Blob, "sha256:c", 500) },
            Phase { bytes: 1000, ..phase(Step::Blob, "sha256:a", 750) },
            Phase { code: None, first_byte: None, ended: None, ..phase(Step::Token, "x", 1000) },
        ],
        phases_left_out: 1,
        named: Some(vec![
            blob("sha256:c", 243, true, true),
            blob("sha256:a", 1000, false, true),
            blob("sha256:b", 30, false, false),
        ]),
        ..running(17)
    }
}

fn json(scene: &Scene, id: u64) -> serde_json::Value {
    serde_json::to_value(scene.log.get(PullId(id)).unwrap().document()).unwrap()
}

#[test]
fn all_that_is_known_is_shown() {
    let scene = scene(10);
    scene.record(known());
    let expected: serde_json::Value = serde_json::from_str(
        r#"{
        "id": 17, "state": "ended", "runtime": "containerd", "pid": 123, "source": "cri",
        "image": "registry.example.com/team/app:v1", "digest": "sha256:m", "registry": "example.com",
        "isolation": "runc", "trigger": "execution", "has_creds": true, "on_disk": false, "status": "ok", "reason": null,
        "began": "2026-11-21T15:00:17.123Z", "duration_seconds": 4.0, "bytes": 2000, "bytes_per_second": 500.0,
        "phases": [
            {"step": "resolve", "reference": "v1", "offset_seconds": 0.01, "first_byte_seconds": 0.02,
             "duration_seconds": 0.2, "bytes": 0, "size": null, "layer": null, "code": 200},
            {"step": "manifest", "reference": "sha256:m", "offset_seconds": 0.25, "first_byte_seconds": 0.02,
             "duration_seconds": 0.2, "bytes": 757, "size": null, "layer": null, "code": 200},
            {"step": "blob", "reference": "sha256:c", "offset_seconds": 0.5, "first_byte_seconds": 0.02,
             "duration_seconds": 0.2, "bytes": 243, "size": 243, "layer": false, "code": 200},
            {"step": "blob", "reference": "sha256:a", "offset_seconds": 0.75, "first_byte_seconds": 0.02,
             "duration_seconds": 0.2, "bytes": 1000, "size": 1000, "layer": true, "code": 200},
            {"step": "token", "reference": "x", "offset_seconds": 1.0, "first_byte_seconds": null,
             "duration_seconds": null, "bytes": 0, "size": null, "layer": null, "code": null}
        ],
        "phases_left_out": 1, "layers": {"named": 3, "downloaded": 2, "cached": 1},
        "cached": [{"digest": "sha256:b", "size": 30}]
    }"#,
    )
    .unwrap();
    assert_eq!(json(&scene, 17), expected);
}

#[test]
fn what_is_not_known_is_null() {
    let scene = scene(10);
    scene.record(PullRecord { began: u64::MAX, ..running(1) });
    let shown = json(&scene, 1);
    for key in [
        "image",
        "digest",
        "has_creds",
        "on_disk",
        "status",
        "reason",
        "bytes_per_second",
        "layers",
        "cached",
    ] {
        assert!(shown[key].is_null(), "{key}: {shown}");
    }
    assert_eq!(
        (&shown["state"], &shown["isolation"], &shown["trigger"], &shown["registry"]),
        (&"running".into(), &"unknown".into(), &"unknown".into(), &"[UNKNOWN]".into())
    );
    // Its beginning is in the future, which no clock of the model tells: it is not shown as a negative time.
    assert_eq!(shown["duration_seconds"], 0.0);
}

#[test]
fn what_was_there_already_is_known_when_the_pull_has_ended_well() {
    let scene = scene(10);
    let parts = |end| {
        scene.record(PullRecord { id: PullId(end), end: end_of(end), ..known() });
        let shown = json(&scene, end);
        (shown["layers"].to_string(), shown["cached"].to_string(), shown["reason"].to_string())
    };
    let open = r#"{"cached":null,"downloaded":2,"named":3}"#.to_owned();
    assert_eq!(parts(0), (open.clone(), "null".to_owned(), "null".to_owned()));
    assert_eq!(parts(1), (open.clone(), "null".to_owned(), "\"killed\"".to_owned()));
    assert_eq!(parts(2), (open, "null".to_owned(), "null".to_owned()));
}

/// Going on, failed, and ended nobody knows how.
fn end_of(case: u64) -> Option<PullEnd> {
    let end = |status, trouble| Some(PullEnd { time: 30 * SECOND, status, trouble });
    match case {
        0 => None,
        1 => end(PullStatus::Error, Some(Trouble::Killed)),
        _ => end(PullStatus::Unknown, None),
    }
}

#[test]
fn the_newest_come_first_and_the_oldest_ends_are_forgotten() {
    let scene = scene(2);
    for id in 1..=3 {
        scene.record(running(id));
    }
    // In another order than they began.
    for id in [3, 1, 2] {
        scene.record(ended(id));
        scene.record(running(10 + id));
    }
    assert_eq!(scene.listed(""), [13, 12, 11, 2, 1]);
    assert!(scene.log.get(PullId(3)).is_none() && scene.log.get(PullId(2)).is_some());
    assert_eq!((scene.dropped("log_full"), scene.dropped("reader_slow")), (0, 0), "that is no loss");
}

#[test]
fn a_log_that_remembers_nothing_has_the_running_ones() {
    let scene = scene(0);
    scene.record(running(1));
    assert_eq!(scene.listed(""), [1]);
    scene.record(ended(1));
    assert_eq!(scene.listed(""), [0; 0]);
}

#[test]
fn what_has_ended_does_not_go_on() {
    let scene = scene(10);
    scene.record(ended(1));
    scene.record(running(1));
    assert_eq!(scene.listed("state=ended"), [1]);
    // A better end takes the place of the first, and none of another's.
    let end = Some(PullEnd { time: 9 * SECOND, status: PullStatus::Error, trouble: None });
    scene.record(PullRecord { end, ..running(1) });
    assert_eq!(json(&scene, 1)["status"], "error");
    assert_eq!(scene.listed(""), [1]);
}

#[test]
fn running_pulls_are_bounded_and_what_finds_no_room_is_counted() {
    let scene = scene(10);
    let full = u64::try_from(MAX_RUNNING).unwrap();
    for id in 1..=full + 2 {
        scene.record(running(id));
    }
    assert_eq!(scene.listed("").len(), MAX_RUNNING);
    assert_eq!(scene.dropped("log_full"), 2);
    // Those that are there go on, and ends find room.
    scene.record(PullRecord { bytes: 5, ..running(1) });
    scene.record(ended(full + 1));
    assert_eq!(scene.dropped("log_full"), 2);
    assert_eq!(json(&scene, 1)["bytes"], 5);
    assert_eq!(scene.listed("state=ended"), [full + 1]);
}

#[test]
fn a_target_that_only_serves_has_no_pulls() {
    let scene = scene(10);
    scene.record(PullRecord { runtime: TargetId(2), ..running(1) });
    scene.record(PullRecord { runtime: TargetId(9), ..running(2) });
    assert_eq!(scene.listed(""), [0; 0]);
}

#[test]
fn the_beginning_stays_though_the_clock_is_set() {
    let scene = scene(10);
    scene.log.record_at(running(1), WALL);
    scene.log.record_at(ended(1), WALL + 3600 * SECOND);
    assert_eq!(json(&scene, 1)["began"], "2026-11-21T15:00:01.000Z");
    assert_eq!(json(&scene, 1)["duration_seconds"], 2.0);
}

#[test]
fn the_beginning_is_by_the_clock_of_the_wall() {
    let scene = scene(10);
    let before = std::time::SystemTime::now();
    scene.log.record(PullRecord { began: crate::observer::now(), ..running(1) });
    let after = std::time::SystemTime::now();
    let began = json(&scene, 1)["began"].as_str().unwrap().to_owned();
    let began = humantime::parse_rfc3339(&began).unwrap();
    let ms = std::time::Duration::from_millis(1);
    assert!(began + ms >= before && began <= after, "{before:?} {began:?} {after:?}");
}

#[test]
fn pulls_can_be_picked() {
    let scene = scene(10);
    scene.record(running(1));
    scene.record(ended(2));
    scene.record(PullRecord { runtime: TargetId(1), registry: RegistryLabel::IpAddress, ..ended(3) });
    scene.record(known());
    for (query, expected) in [
        ("", &[17, 3, 2, 1][..]),
        ("&", &[17, 3, 2, 1]),
        ("state=running", &[1]),
        ("state=ended", &[17, 3, 2]),
        ("state=ended&limit=2", &[17, 3]),
        ("limit=99999999999", &[17, 3, 2, 1]),
        ("runtime=podman", &[3]),
        ("runtime=docker", &[]),
        ("registry=example.com", &[17]),
        ("registry=%5BIP_ADDRESS%5D", &[3]),
        ("registry=[UNKNOWN]&runtime=containerd", &[2, 1]),
    ] {
        assert_eq!(scene.listed(query), expected, "{query}");
    }
}

#[test]
fn a_wrong_query_is_refused_in_a_sentence() {
    for (query, says) in [
        ("state=done", "the parameter state is running or ended"),
        ("state", "the parameter state is running or ended"),
        ("limit=0", "the parameter limit is a number from 1"),
        ("limit=+1", "the parameter limit is a number from 1"),
        ("limit=", "the parameter limit is a number from 1"),
        ("limit=99999999999999999999999", "the parameter limit is a number from 1"),
        ("limit=1&limit=1", "the parameter limit is there twice"),
        ("runtime=%ff", "the parameter runtime is text in UTF-8"),
        ("<script>=1", "the parameters are state, limit, runtime and registry"),
        ("Limit=1", "the parameters are state, limit, runtime and registry"),
    ] {
        assert_eq!(Filter::parse(query), Err(says.to_owned()), "{query}");
    }
}

/// What is there to take without waiting: (number of the pull, whether it has ended), or how many were missed.
async fn taken(subscription: &mut super::log::Subscription) -> Vec<Result<(u64, bool), u64>> {
    let mut changes = Vec::new();
    loop {
        tokio::select! {
            biased;
            change = subscription.next() => match change.expect("the log is there") {
                Change::Pull(entry) => changes.push(Ok((entry.record.id.0, entry.record.end.is_some()))),
                Change::Missed(missed) => changes.push(Err(missed)),
            },
            () = std::future::ready(()) => return changes,
        }
    }
}

#[tokio::test]
async fn a_subscriber_gets_what_goes_on_and_then_every_change() {
    let scene = scene(10);
    scene.record(running(1));
    scene.record(running(2));
    scene.record(ended(3));
    scene.record(running(1));
    let mut subscription = scene.log.subscribe(None);
    scene.record(ended(2));
    // In the order of their changes, 2 before 1; 3 had ended before.
    assert_eq!(taken(&mut subscription).await, [Ok((2, false)), Ok((1, false)), Ok((2, true))]);
    scene.record(ended(1));
    assert_eq!(taken(&mut subscription).await, [Ok((1, true))]);
}

#[tokio::test]
async fn a_subscriber_that_comes_again_gets_what_ended_meanwhile() {
    let scene = scene(10);
    scene.record(ended(1));
    scene.record(ended(2));
    scene.record(ended(3));
    assert_eq!(taken(&mut scene.log.subscribe(Some(1))).await, [Ok((2, true)), Ok((3, true))]);
    assert_eq!(taken(&mut scene.log.subscribe(Some(3))).await, []);
    // The number of another run.
    assert_eq!(taken(&mut scene.log.subscribe(Some(1000))).await, []);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_how_many_it_missed() {
    let scene = scene(10);
    let (mut slow, mut fast) = (scene.log.subscribe(None), scene.log.subscribe(None));
    for id in 1..=300 {
        scene.record(ended(id));
        assert_eq!(taken(&mut fast).await, [Ok((id, true))]);
    }
    let changes = taken(&mut slow).await;
    assert_eq!(changes[..2], [Err(44), Ok((45, true))]);
    assert_eq!(changes.last(), Some(&Ok((300, true))));
    assert_eq!(changes.len(), 1 + 256);
    assert_eq!(scene.dropped("reader_slow"), 44);
}
