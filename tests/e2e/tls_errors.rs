//! What goes wrong inside TLS: answers that are errors, bodies that are cut off, clients that are killed, handshakes that fail.
//! For a client of Go over HTTP/1.1 and HTTP/2, and for curl over HTTP/2; held against nginx's log and what the client says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pullscope_tests::answer::Answer;
use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::faulty;
use pullscope_tests::fetch::Fetcher;
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::hosts::Hosts;
use pullscope_tests::http::Service;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{Outcome, PATIENCE, Running, poll, run};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::{Alone, alone};
use tempfile::TempDir;

use crate::compare::{
    all_decoded, connections_decoded, connects, decoded_and_opaque, downloads, instrumented,
    nothing_left_or_lost, nothing_unknown, same_traffic, settled,
};

/// Every site's name is below it.
const LABEL: &str = "example.co.uk";
const NAME: &str = "team/app:v1";
/// What a client reads of a body, at least, before something happens.
const SOME: u64 = 100_000;

/// Who asks.
#[derive(Clone, Copy, PartialEq)]
enum Asker {
    Go(Protocol),
    Curl,
}

impl Asker {
    fn process(self) -> &'static str {
        match self {
            Self::Go(_) => "puller",
            Self::Curl => "curl",
        }
    }
}

/// nginx with sites that speak TLS, each under a name of its own, and a client that pullscope watches.
struct Stage {
    asker: Asker,
    image: Image,
    authority: Authority,
    place: Place,
    /// `https://NAME:PORT` of each site.
    origins: Vec<String>,
    nginx: Nginx,
    collector: Collector,
    programs: TempDir,
}

impl Stage {
    #[track_caller]
    fn set(alone: &Alone, asker: Asker, image: Image, sites: Vec<Site>) -> Self {
        let authority = Authority::new();
        let names: Vec<_> = (0..sites.len()).map(|number| format!("site-{number}.{LABEL}")).collect();
        let by_name = || names.iter().zip(&sites);
        let hosts = Hosts::new(by_name().map(|(name, site)| (name.as_str(), site.address().ip())));
        let origins =
            by_name().map(|(name, site)| format!("https://{name}:{}", site.address().port())).collect();
        let certificate = authority.certificate(&names);
        let nginx = Nginx::start(sites.into_iter().map(|site| site.with_tls(&certificate, Version::Http2)));
        let programs = tempfile::tempdir().expect("a directory for a program");
        let config = format!("default_targets = false\n{}", clients([asker.process()]));
        let mut settings = Settings { config: Some(&config), ..Settings::default() };
        if let Asker::Go(protocol) = asker {
            // HTTP/2 is elsewhere in the newest.
            let version = if protocol == Protocol::Http1 { 0 } else { TOOLCHAINS.len() - 1 };
            let built = go::puller(TOOLCHAINS[version], Variant::Static);
            go::installed_as(&built, programs.path(), asker.process());
            settings.programs = Some(programs.path());
        }
        let collector = Collector::start_with(alone, &settings);
        instrumented(&collector, if asker == Asker::Curl { "openssl" } else { "go" }, 1);
        let place = Place::machine().with_hosts(&hosts);
        Self { asker, image, authority, place, origins, nginx, collector, programs }
    }

    /// The client of Go, to pull the image from `origin`.
    fn go<'a>(&self, protocol: Protocol, origin: &str) -> Pull<'a> {
        let (registry, authority) = (origin.to_owned(), Some(self.authority.file()));
        Pull { registry, authority, name: NAME, protocol, ..Pull::default() }
    }

    #[track_caller]
    fn run_go(&self, pull: &Pull<'_>) -> Running {
        Running::spawn(pull.command(&self.place, &self.programs.path().join(self.asker.process())))
    }

    /// The client of Go pulls from the first site. It has read some of the last layer and waits for the gate.
    #[track_caller]
    fn reads_some(&self, protocol: Protocol) -> (PathBuf, Running) {
        let gate = self.programs.path().join("gate");
        let pull = Pull { gate: Some(&gate), hold: true, begin: SOME, ..self.go(protocol, &self.origins[0]) };
        let running = self.run_go(&pull);
        running.wait_for_output(|output| output.contains("waiting\n"));
        (gate, running)
    }

    /// Manifest, config and layers.
    fn urls(&self, origin: &str) -> Vec<String> {
        let blobs = self.image.blobs().map(|blob| format!("blobs/{}", blob.digest));
        let parts = ["manifests/v1".to_owned()].into_iter().chain(blobs);
        parts.map(|part| format!("{origin}/v2/team/app/{part}")).collect()
    }

    /// The client asks for the image at `origin`, and trusts the authority in the file `trusted`.
    #[track_caller]
    fn ask(&self, origin: &str, trusted: &Path) -> (Outcome, Log) {
        match self.asker {
            Asker::Go(protocol) => {
                let pull = Pull { authority: Some(trusted.to_owned()), ..self.go(protocol, origin) };
                let outcome = self.run_go(&pull).wait(PATIENCE).expect_failure();
                let told = go::pulls(&outcome.stdout).swap_remove(0);
                (outcome, told)
            }
            Asker::Curl => {
                let fetcher = Fetcher::Curl(Version::Http2);
                let outcome = run(fetcher.command(&self.place, trusted, &self.urls(origin)));
                let told = Log::told_by_client(&outcome.stdout);
                (outcome, told)
            }
        }
    }
}

/// A layer that is not there, may not be asked for so often, or that the server fails at; and a registry that wants credentials.
#[track_caller]
fn errors_are_counted(asker: Asker) {
    let alone = alone();
    let image = Image::make(&[2_000], 6);
    let registry = Registry::start(&Access::Basic { user: "alice", password: "open-sesame" });
    let failing = |code| {
        let pattern = format!("/blobs/{}", image.layers[0].digest);
        Site::new().answer(&pattern, code).static_image(&image, NAME)
    };
    let sites = vec![failing(404), failing(429), failing(500), Site::new().front_of(&registry)];
    let stage = Stage::set(&alone, asker, image, sites);
    let mut told = Log::default();
    for (origin, code) in stage.origins.iter().zip([404, 429, 500, 401]) {
        let (_, log) = stage.ask(origin, &stage.authority.file());
        assert!(log.0.iter().any(|entry| entry.code == Some(code)), "{log}");
        told = told.and(log);
    }
    let log = stage.nginx.log();
    assert_eq!(told.comparable(), log.comparable());
    let scrape = settled(&stage.collector, &log);
    same_traffic(&scrape, asker.process(), LABEL, &log);
    all_decoded(&scrape, asker.process(), LABEL, stage.nginx.connections());
    stage.collector.stop();
}

#[test]
fn errors_over_http1() {
    errors_are_counted(Asker::Go(Protocol::Http1));
}

#[test]
fn errors_over_http2() {
    errors_are_counted(Asker::Go(Protocol::Http2));
}

#[test]
fn errors_with_openssl() {
    errors_are_counted(Asker::Curl);
}

/// A registry that sends half of the last layer of an image, and what `then` makes of the rest.
#[track_caller]
fn half_a_layer(then: fn(Answer) -> Answer) -> (Image, Service) {
    let image = Image::make(&[3_000, 400_000], 39);
    let layer = image.layers[1].clone();
    let server = faulty::serve(&image, move |request| {
        request.path.ends_with(&layer.digest).then(|| then(faulty::blob(&layer).cut(200_000)))
    });
    (image, server)
}

/// What is known of the body that was cut.
enum Body {
    /// The client has had so many bytes of it, and at least these count. What the server has handed over may not have come, and
    /// what has come may not have been read: more is not known from outside.
    AtLeast(u64),
    /// Of what came over HTTP/2 a Go program tells how much it had read when the stream was cut. More may have been read after
    /// that: it is said that the count is not exact.
    ReadSoFar,
    /// The client was killed before it could tell: none of it counts, and that is said.
    Untold,
}

/// All in `log` is counted, and of the one answer that was cut, to the last layer of the image, what is known.
#[track_caller]
fn counted_with_one_cut(scrape: &Scrape, stage: &Stage, log: &Log, body: &Body) {
    let (process, digest) = (stage.asker.process(), &stage.image.layers[1].digest);
    let whole = log.filter(|entry| !entry.path.ends_with(digest));
    let cut = log.filter(|entry| entry.path.ends_with(digest));
    let [cut] = &cut.0[..] else { panic!("not one answer that was cut: {log}") };
    assert!(cut.code == Some(200) && cut.body_bytes < stage.image.layers[1].size, "{log}");
    let of_process = [("process", process)];
    let shown = format!("{log}\n{scrape}");

    let group =
        |(kind, method, code): (&str, String, String)| [LABEL.to_owned(), kind.to_owned(), method, code];
    let requests: BTreeMap<_, _> = log.tally().into_iter().map(|(key, count)| (group(key), count)).collect();
    let labels = ["registry", "kind", "method", "code"];
    let counted = scrape.group("pullscope_registry_requests_total", &of_process, labels);
    assert_eq!(counted, requests, "{shown}");

    let of = |kind: &str, of: &str| [kind.to_owned(), of.to_owned()];
    let mut ends = downloads(&whole);
    *ends.entry(of("blob", "error")).or_default() += 1;
    assert_eq!(scrape.group("pullscope_downloads_total", &of_process, ["kind", "status"]), ends, "{shown}");

    let mut bytes = scrape.group("pullscope_registry_response_bytes_total", &of_process, ["kind"]);
    let blobs = bytes.entry(["blob".to_owned()]).or_default();
    let whole_blobs = whole.body_bytes().get("blob").copied().unwrap_or(0);
    let of_cut = blobs.checked_sub(whole_blobs).unwrap_or_else(|| panic!("too few bytes: {shown}"));
    let unknown = scrape.group("pullscope_exchanges_unattributed_total", &[], ["reason"]);
    match body {
        Body::AtLeast(read) => {
            assert!((*read..=cut.body_bytes).contains(&of_cut), "{read} read, {of_cut} counted: {shown}");
            nothing_unknown(scrape);
        }
        Body::ReadSoFar | Body::Untold => {
            let most = if matches!(body, Body::Untold) { 0 } else { cut.body_bytes };
            assert!(of_cut <= most, "{of_cut} counted: {shown}");
            assert_eq!(unknown, [(["body_inexact".to_owned()], 1)].into(), "{shown}");
        }
    }
    *blobs = whole_blobs;
    bytes.retain(|_, bytes| *bytes > 0);
    let expected = whole.body_bytes().into_iter().filter(|(_, bytes)| *bytes > 0);
    assert_eq!(bytes, expected.map(|(kind, bytes)| ([kind.to_owned()], bytes)).collect(), "{shown}");

    for histogram in ["registry_request_duration_seconds", "registry_time_to_first_byte_seconds"] {
        let counted = scrape.count(&format!("pullscope_{histogram}_count"), &of_process);
        assert_eq!(counted, log.0.len() as u64, "{histogram}: {shown}");
    }
    nothing_left_or_lost(scrape);
    connections_decoded(scrape, process, LABEL, stage.nginx.connections());
}

/// The server closes in the middle of a layer: the client reads all that has come, and fails. That of Go has read only some of it
/// when the server has closed.
#[track_caller]
fn cut_by_the_server(asker: Asker) {
    let alone = alone();
    let (image, server) = half_a_layer(Answer::then_close);
    let stage = Stage::set(&alone, asker, image, vec![Site::new().pass_to(server.address())]);
    let told = match asker {
        Asker::Go(protocol) => {
            let (gate, running) = stage.reads_some(protocol);
            let ended = || {
                let log = stage.nginx.log();
                log.0.iter().any(|entry| entry.path.ends_with(&stage.image.layers[1].digest)).then_some(())
            };
            assert!(poll(PATIENCE, ended).is_some(), "{}", stage.nginx.log());
            fs::write(gate, "").expect("open a gate");
            go::pulls(&running.wait(PATIENCE).expect_failure().stdout).swap_remove(0)
        }
        Asker::Curl => {
            let (outcome, told) = stage.ask(&stage.origins[0], &stage.authority.file());
            let _ = outcome.expect_failure();
            told
        }
    };
    let log = stage.nginx.log();
    let digest = &stage.image.layers[1].digest;
    let whole = |log: &Log| log.filter(|entry| !entry.path.ends_with(digest)).comparable();
    assert_eq!(whole(&told), whole(&log));
    let read = told.filter(|entry| entry.path.ends_with(digest)).0[0].body_bytes;
    let scrape = settled(&stage.collector, &log);
    let body = match asker {
        Asker::Go(Protocol::Http2) => Body::ReadSoFar,
        _ => Body::AtLeast(read),
    };
    counted_with_one_cut(&scrape, &stage, &log, &body);
    stage.collector.stop();
}

#[test]
fn cut_by_the_server_over_http1() {
    cut_by_the_server(Asker::Go(Protocol::Http1));
}

#[test]
fn cut_by_the_server_over_http2() {
    cut_by_the_server(Asker::Go(Protocol::Http2));
}

#[test]
fn cut_by_the_server_with_openssl() {
    cut_by_the_server(Asker::Curl);
}

/// The server sends half of a layer and no more, and the client is killed when it has read some of that. It has never had the
/// end, so the download has failed, however much came.
#[track_caller]
fn client_killed(asker: Asker) {
    let alone = alone();
    let (image, server) = half_a_layer(Answer::then_stall);
    let stage = Stage::set(&alone, asker, image, vec![Site::new().pass_to(server.address())]);
    let origin = &stage.origins[0];
    let body = match asker {
        Asker::Go(protocol) => {
            let (_, running) = stage.reads_some(protocol);
            assert_eq!(running.kill().signal, Some(9));
            Body::Untold
        }
        Asker::Curl => {
            let file = stage.programs.path().join("body");
            let last = stage.urls(origin).split_off(3);
            let mut command =
                Fetcher::Curl(Version::Http2).command(&stage.place, &stage.authority.file(), &[]);
            command.args(["--no-buffer", "--output"]).arg(&file).args(last);
            let running = Running::spawn(command);
            let written = || fs::metadata(&file).map_or(0, |file| file.len());
            assert!(poll(PATIENCE, || (written() >= SOME).then_some(())).is_some(), "{} bytes", written());
            assert_eq!(running.kill().signal, Some(9));
            Body::AtLeast(written())
        }
    };
    let log = stage.nginx.log();
    let scrape = settled(&stage.collector, &log);
    counted_with_one_cut(&scrape, &stage, &log, &body);
    stage.collector.stop();
}

#[test]
fn client_killed_over_http1() {
    client_killed(Asker::Go(Protocol::Http1));
}

#[test]
fn client_killed_over_http2() {
    client_killed(Asker::Go(Protocol::Http2));
}

#[test]
fn client_killed_with_openssl() {
    client_killed(Asker::Curl);
}

/// The client knows another authority and ends the handshake: it has connected, and asked for nothing.
#[track_caller]
fn not_trusted(asker: Asker) {
    let alone = alone();
    let image = Image::make(&[2_000], 6);
    let site = Site::new().static_image(&image, NAME);
    let stage = Stage::set(&alone, asker, image, vec![site]);
    let other = Authority::new();
    let (outcome, told) = stage.ask(&stage.origins[0], &other.file());
    match asker {
        Asker::Go(_) => assert!(outcome.stderr.contains("unknown authority"), "{outcome:#?}"),
        // CURLE_SSL_CONNECT_ERROR (libcurl-errors(3)): the authorities have one name, and the signature is not good.
        Asker::Curl => assert_eq!(outcome.code, Some(35), "{outcome:#?}"),
    }
    assert!(told.0.iter().all(|entry| entry.code.is_none()), "{told}");
    let connections = stage.nginx.connections();
    assert!(connections > 0);
    let log = stage.nginx.log();
    assert_eq!(log, Log::default(), "{log}");

    let process = asker.process();
    let open = [("process", process)];
    let is_over = |scrape: &Scrape| {
        decoded_and_opaque(scrape, process) == (0, connections)
            && scrape.count("pullscope_connections_open", &open) == 0
    };
    stage.collector.until(is_over);
    let scrape = stage.collector.settled();
    assert!(is_over(&scrape), "{scrape}");
    assert_eq!(connects(&scrape, process, "ok"), connections, "{scrape}");
    let registries = scrape.group("pullscope_connects_total", &open, ["registry"]);
    assert_eq!(registries, [([LABEL.to_owned()], connections)].into(), "{scrape}");
    for name in ["registry_requests_total", "registry_response_bytes_total", "downloads_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
    nothing_left_or_lost(&scrape);
    nothing_unknown(&scrape);
    let handshakes = scrape.count("pullscope_tls_handshake_duration_seconds_count", &open);
    assert_eq!(handshakes, 0, "{scrape}");
    stage.collector.stop();
}

#[test]
fn not_trusted_over_http1() {
    not_trusted(Asker::Go(Protocol::Http1));
}

#[test]
fn not_trusted_over_http2() {
    not_trusted(Asker::Go(Protocol::Http2));
}

#[test]
fn not_trusted_with_openssl() {
    not_trusted(Asker::Curl);
}
