//! A client of every Go release, stripped static and position-independent, over HTTP/2 with sixteen streams at a time and over
//! HTTP/1.1. What it says itself, the registry's log and the metrics are the same.
//!
//! Each copy is run for the first time when pullscope is there, and lives for some 100 ms: it is seen because pullscope has
//! looked where its targets usually stand.

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{all_decoded, instrumented, nothing_unknown, same_traffic, settled};

const NAME: &str = "team/app:v1";
const CASES: [(&str, Variant, Protocol); 4] = [
    ("static-h2", Variant::Static, Protocol::Http2),
    ("static-h1", Variant::Static, Protocol::Http1),
    ("pie-h2", Variant::Pie, Protocol::Http2),
    ("pie-h1", Variant::Pie, Protocol::Http1),
];

/// The first bodies are empty or small, the last does not fit the window of a stream.
fn image() -> Image {
    let mut sizes = [70_000; 31];
    sizes[..4].copy_from_slice(&[0, 1, 100, 16_384]);
    sizes[30] = 9_000_000;
    Image::make(&sizes, 34)
}

#[track_caller]
fn counted_exactly(version: &str) {
    let alone = alone();
    let programs = tempfile::tempdir().expect("a directory for programs");
    for (name, variant, _) in CASES {
        go::installed_as(&go::puller(version, variant), programs.path(), name);
    }
    let image = image();
    let secure = Secure::with(Version::Http2, &image, NAME);
    let config = format!("default_targets = false\n{}", clients(CASES.map(|(name, ..)| name)));
    let settings = Settings { config: Some(&config), programs: Some(programs.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", CASES.len() as u64);

    let mut logged = Log::default();
    let pulls = CASES.map(|(name, _, protocol)| {
        let pull = Pull {
            registry: secure.origin(),
            authority: Some(secure.authority.file()),
            name: NAME,
            parallel: 16,
            protocol,
            ..Pull::default()
        };
        let before = secure.relay.connections();
        let outcome = run(pull.command(&Place::machine(), &programs.path().join(name))).expect_ok();
        let told = go::pulls(&outcome.stdout).swap_remove(0);
        let so_far = logged.0.len();
        logged = secure.log_of(so_far + told.0.len());
        let new = Log(logged.0[so_far..].to_vec());
        assert_eq!(told.comparable(), new.comparable(), "{name} of Go {version}");
        (name, new, secure.relay.connections() - before)
    });
    let scrape = settled(&collector, &logged);
    for (name, log, connections) in pulls {
        println!("Go {version}, {name}: {} requests on {connections} connections", log.0.len());
        same_traffic(&scrape, name, "[IP_ADDRESS]", &log);
        all_decoded(&scrape, name, "[IP_ADDRESS]", connections);
    }
    collector.stop();
}

#[test]
fn go_1_21() {
    counted_exactly(TOOLCHAINS[0]);
}

#[test]
fn go_1_22() {
    counted_exactly(TOOLCHAINS[1]);
}

#[test]
fn go_1_23() {
    counted_exactly(TOOLCHAINS[2]);
}

#[test]
fn go_1_24() {
    counted_exactly(TOOLCHAINS[3]);
}

#[test]
fn go_1_25() {
    counted_exactly(TOOLCHAINS[4]);
}

#[test]
fn go_1_26() {
    counted_exactly(TOOLCHAINS[5]);
}

#[test]
fn go_1_27() {
    counted_exactly(TOOLCHAINS[6]);
}

/// HTTP/2 in the clear passes the probes too, and must not be counted twice.
#[test]
fn http2_in_the_clear() {
    let alone = alone();
    let programs = tempfile::tempdir().expect("a directory for programs");
    let name = "puller";
    let version =
        TOOLCHAINS.into_iter().find(|version| go::has_http2_in_the_clear(version)).expect("a new Go");
    let program = go::installed_as(&go::puller(version, Variant::Static), programs.path(), name);
    let site = Site::new().with_http2_in_the_clear().static_image(&image(), NAME);
    let registry = format!("http://{}", site.address());
    let nginx = Nginx::start([site]);
    let config = format!("default_targets = false\n{}", clients([name]));
    let settings = Settings { config: Some(&config), programs: Some(programs.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    instrumented(&collector, "go", 1);

    let pull =
        Pull { registry, name: NAME, parallel: 16, protocol: Protocol::Http2InTheClear, ..Pull::default() };
    let outcome = run(pull.command(&Place::machine(), &program)).expect_ok();
    let log = nginx.log();
    assert_eq!(go::pulls(&outcome.stdout)[0].comparable(), log.comparable());
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, name, "[IP_ADDRESS]", &log);
    nothing_unknown(&scrape);
    let visible =
        scrape.group("pullscope_connections_by_visibility_total", &[("process", name)], ["visibility"]);
    assert_eq!(visible, [(["plaintext".to_owned()], nginx.connections())].into(), "{scrape}");
    collector.stop();
}
