//! pullscope comes and goes while a thousand images are pulled over TLS: no pull suffers, and nothing is left behind.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use pullscope_tests::attached::{Attached, breakpoints};
use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::images::Image;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, run};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::instrumented;

const NAME: &str = "team/app:v1";
const PULLS: u32 = 1000;
const STARTS: u32 = 50;
const AT_ONCE: u32 = 4;
/// Every so many-th pull is skopeo's.
const SKOPEO: u32 = 20;

/// A pull of the program `client`, which is of any Go release.
fn pull(secure: &Secure, protocol: Protocol) -> Pull<'static> {
    Pull {
        registry: secure.origin(),
        authority: Some(secure.authority.file()),
        name: NAME,
        parallel: 4,
        protocol,
        ..Pull::default()
    }
}

/// How many probes stand in a process of `program` that has pulled, and still lives.
#[track_caller]
fn probes_in(secure: &Secure, program: &Path, gate: &Path) -> usize {
    let pull = Pull { gate: Some(gate), ..pull(secure, Protocol::Http2) };
    let running = Running::spawn(pull.command(&Place::machine(), program));
    running.wait_for_output(|output| output.contains("waiting\n"));
    let count = breakpoints(running.pid());
    std::fs::write(gate, "").expect("open a gate");
    let _ = running.wait(PATIENCE).expect_ok();
    count
}

#[test]
fn no_pull_suffers_and_nothing_is_left() {
    let alone = alone();
    let image = Image::make(&[50_000, 20_000, 3_000], 37);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for programs");
    let names: Vec<_> = (0..TOOLCHAINS.len()).map(|number| format!("puller-{number}")).collect();
    for (number, (name, version)) in names.iter().zip(TOOLCHAINS).enumerate() {
        let variant = Variant::ALL[number % 2];
        go::installed_as(&go::puller(version, variant), dir.path(), name);
    }
    let config =
        format!("default_targets = false\n{}", clients(names.iter().map(String::as_str).chain(["skopeo"])));
    let settings = Settings { config: Some(&config), programs: Some(dir.path()), ..Settings::default() };
    let start = || Collector::start_with(&alone, &settings);
    let (program, gate) = (dir.path().join(&names[0]), dir.path().join("gate"));

    let before = Attached::now();
    let collector = start();
    instrumented(&collector, "go", names.len() as u64 + 1);
    assert!(Attached::now().more_than(&before) > (0, 0));
    assert_ne!(probes_in(&secure, &program, &gate), 0, "the oracle sees a probe");
    collector.stop();

    let trusted = secure.authority.folder();
    let options = Options { trust: Some(&trusted), ..Options::default() };
    let (next, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let skopeo = Puller::start(Client::Skopeo, Place::machine(), options);
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    // As long as pullscope comes and goes, somebody pulls.
                    if number >= PULLS && done.load(Ordering::SeqCst) == STARTS {
                        return;
                    }
                    if number.is_multiple_of(SKOPEO) {
                        let _ = skopeo.pull(&secure.reference(NAME)).expect_ok();
                    } else {
                        let program = dir.path().join(&names[number as usize % names.len()]);
                        let protocol = if number % 3 == 0 { Protocol::Http1 } else { Protocol::Http2 };
                        let pull = pull(&secure, protocol);
                        let _ = run(pull.command(&Place::machine(), &program)).expect_ok();
                    }
                }
            });
        }
        let mut rng = Rng::with_seed(seed);
        let mut longest = Duration::ZERO;
        for _ in 0..STARTS {
            let collector = start();
            thread::sleep(Duration::from_millis(rng.u64(0..300)));
            let stop = Instant::now();
            collector.stop();
            longest = longest.max(stop.elapsed());
            done.fetch_add(1, Ordering::SeqCst);
        }
        println!(
            "{} pulls begun when pullscope was stopped for the last time, which took {longest:?} at most",
            next.load(Ordering::SeqCst)
        );
    });
    before.nothing_left();
    for name in &names {
        assert_eq!(probes_in(&secure, &dir.path().join(name), &gate), 0, "probes are left in {name}");
    }
}

/// Forty files with probes, and a process that goes on without them. How long the stops take is printed (`--nocapture`).
#[test]
fn forty_programs_are_let_go_at_once() {
    let alone = alone();
    let image = Image::make(&[50_000, 20_000, 3_000], 37);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for programs");
    let names: Vec<_> = (0..40).map(|number| format!("puller-{number:02}")).collect();
    for (number, name) in names.iter().enumerate() {
        let version = TOOLCHAINS[number % TOOLCHAINS.len()];
        go::installed_as(&go::puller(version, Variant::ALL[number / 7 % 2]), dir.path(), name);
    }
    let config = format!("default_targets = false\n{}", clients(&names));
    let settings = Settings { config: Some(&config), programs: Some(dir.path()), ..Settings::default() };
    let before = Attached::now();
    let gate = dir.path().join("gate");
    for _ in 0..3 {
        let collector = Collector::start_with(&alone, &settings);
        instrumented(&collector, "go", names.len() as u64);
        // Processes that have passed probes live through the stop, and go on.
        let pull = Pull { repeat: 2, gate: Some(&gate), ..pull(&secure, Protocol::Http2) };
        let running = Running::spawn(pull.command(&Place::machine(), &dir.path().join(&names[0])));
        running.wait_for_output(|output| output.contains("waiting\n"));
        assert_ne!(breakpoints(running.pid()), 0);
        let stop = Instant::now();
        collector.stop();
        println!("a stop with {} programs took {:?}", names.len(), stop.elapsed());
        before.nothing_left();
        assert_eq!(breakpoints(running.pid()), 0);
        for count in 1..=2 {
            running.wait_for_output(|output| output.matches("waiting\n").count() == count);
            std::fs::write(&gate, "").expect("open a gate");
        }
        let _ = running.wait(PATIENCE).expect_ok();
    }
    assert_eq!(probes_in(&secure, &dir.path().join(&names[1]), &gate), 0);
}
