//! What TLS costs: the probes in a Go client that pulls 1 GiB, and finding where they go.
//!
//! A probe costs its program, which the kernel counts, and the trap into the kernel, which it does not. What both cost together
//! shows in a client that asks much and gets little: its CPU time with probes and without, by turns.

use std::path::Path;
use std::process::Command;

use pullscope_tests::collector::clients;
use pullscope_tests::go::{self, Protocol, Variant};
use pullscope_tests::images::Image;
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::{Authority, Version};

use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Runs};
use crate::pull::{CLIENT_ONLY, LAYER, NAME, Subject, children, each};
use crate::report::{Report, Unit};
use crate::traced::Traced;

/// The program behind all probes in Go programs.
const PROGRAM: &str = "go";
/// The Go release of the rig's client.
const RELEASE: &str = "1.27.3";
const CLIENT: &str = "bench-client";
/// Pulls of a small image, on one connection.
const REPEAT: u32 = 300;
const ROUNDS: usize = 5;
/// Hits that a pull may have besides those for its requests.
const HITS: f64 = 40.0;
const HITS_PER_REQUEST: f64 = 20.0;
/// A large Go program that Debian has.
const LARGE: &str = "dockerd";
/// And a small one.
const SMALL: &str = "docker-registry";

pub fn figures(report: &mut Report) {
    let dearest = hit(report);
    eprintln!("making and pushing an image of 1 GiB, to a registry with TLS");
    let image = Image::make(&[LAYER], 22);
    skopeo(report, &image, dearest);
    every_read(report, &Secure::with(Version::Http2, &image, NAME));
    finding(report);
}

/// What one hit of a probe costs the client, in seconds.
#[track_caller]
fn hit(report: &mut Report) -> f64 {
    let dir = tempfile::tempdir().expect("a directory for a client");
    let client = go::installed_as(&go::puller(RELEASE, Variant::Static), dir.path(), CLIENT);
    let secure = Secure::with(Version::Http2, &Image::make(&[1000], 23), NAME);
    let pull = |protocol| {
        let before = children();
        let _ = run(command(&secure, &client, protocol, REPEAT)).expect_ok();
        children() - before
    };
    let config = format!("default_targets = false\n{}", clients([CLIENT]));
    let mut dearest = 0.0_f64;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (mut each_hit, mut programs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let without = pull(protocol);
            let observer = Observer::start_with(Strategy::Sock, &config).settled();
            // The first run is when the client is found.
            let _ = pull(protocol);
            let counting = Counting::start();
            let (with, runs) = observer.programs().during(|| pull(protocol));
            drop(counting);
            observer.stop();
            let Runs { count, nanoseconds } = runs[PROGRAM];
            assert!(count > u64::from(REPEAT), "the client was not probed");
            each_hit.push((with - without) / count as f64 * 1e9);
            programs.push(nanoseconds as f64 / count as f64);
        }
        let name = if protocol == Protocol::Http1 { "HTTP/1.1" } else { "HTTP/2" };
        report.tell(format!("a probe in a Go client, {name}: its program"), Unit::Nanoseconds, &programs);
        report.tell(format!("a probe in a Go client, {name}: all it costs"), Unit::Nanoseconds, &each_hit);
        each_hit.sort_by(f64::total_cmp);
        dearest = dearest.max(each_hit[ROUNDS / 2] / 1e9);
    }
    dearest
}

#[track_caller]
fn skopeo(report: &mut Report, image: &Image, hit: f64) {
    // Without a relay: its reads and writes would be counted too, though no node that pulls has them.
    let (address, authority) = (free_address().ip(), Authority::new());
    let certificate = authority.certificate([address]);
    let registry = Registry::start_tls_at(address, &Access::Open, &certificate, Version::Http2);
    registry.push(image, NAME);
    let reference = format!("{}/{NAME}", registry.address());
    let subject = Subject { reference, bytes: image.blob_bytes(), trust: Some(authority.folder()) };
    let requests = || registry.log().0.iter().filter(|entry| entry.method == "GET").count();
    let (mut hits, mut counted) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let before = requests();
        let pull = subject.counted(Strategy::Sock, CLIENT_ONLY);
        // Lines of the log may come a little later, which would only make the figure larger.
        hits.push(pull.runs[PROGRAM].count as f64 - HITS_PER_REQUEST * (requests() - before) as f64);
        counted.push(pull);
    }
    let name = |what: &str| format!("pull of 1 GiB over TLS: {what}");
    report.bar(name("hits of probes, less 20 for each request"), Unit::Count, &hits, HITS);
    let share = each(&counted, |it| {
        let traps = it.runs[PROGRAM].count as f64 * hit;
        it.pull.share(traps + it.seconds() - it.runs[PROGRAM].nanoseconds as f64 / 1e9)
    });
    report.bar(name("time in programs and traps, of the client's CPU"), Unit::Percent, &share, 0.5);
    report.note(format!("last pull over TLS: {}", counted[ROUNDS - 1].shown()));
}

/// What it would cost to have a probe where the bytes pass.
#[track_caller]
fn every_read(report: &mut Report, secure: &Secure) {
    let client = go::puller(RELEASE, Variant::Symbols);
    let (mut ratios, mut hits) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let pull = || {
            let before = children();
            let _ = run(command(secure, &client, Protocol::Http2, 1)).expect_ok();
            children() - before
        };
        let without = pull();
        let Some(traced) = Traced::function(&client, "crypto/tls.(*Conn).Read") else {
            return report.note("a probe on crypto/tls.(*Conn).Read: this kernel has no uprobe_events");
        };
        ratios.push(pull() / without);
        hits.push(traced.hits() as f64);
    }
    let name =
        |what: &str| format!("pull of 1 GiB over HTTP/2, one probe on crypto/tls.(*Conn).Read: {what}");
    report.tell(name("hits"), Unit::Count, &hits);
    report.tell(name("client's CPU with it to without"), Unit::Ratio, &ratios);
}

/// What it takes to find the places in a large program and to put the probes in, beyond what it takes for a small one: to load
/// the kernel program behind the probes is done once, for all.
#[track_caller]
fn finding(report: &mut Report) {
    let start = |name: &str| {
        let config = format!("default_targets = false\n{}", clients([name]));
        let observer = Observer::start_with(Strategy::Sock, &config).settled();
        let cpu = observer.cpu();
        observer.stop();
        cpu
    };
    let size = |name: &str| std::fs::metadata(which(name)).expect("the size of a program").len() as f64 / 1e6;
    let more = size(LARGE) - size(SMALL);
    let scaled: Vec<_> = (0..ROUNDS).map(|_| (start(LARGE) - start(SMALL)) * 100.0 / more).collect();
    report.note(format!("{LARGE} has {:.0} MB, {SMALL} {:.0} MB", size(LARGE), size(SMALL)));
    report.bar("finding and probing a Go program, CPU for 100 MB of it", Unit::Seconds, &scaled, 0.15);
}

#[track_caller]
fn which(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{program} is not installed"))
}

#[track_caller]
fn command(secure: &Secure, client: &Path, protocol: Protocol, repeat: u32) -> Command {
    let pull = go::Pull {
        registry: secure.origin(),
        authority: Some(secure.authority.file()),
        name: NAME,
        protocol,
        repeat,
        ..go::Pull::default()
    };
    pull.command(&Place::machine(), client)
}
