//! Proxies with upstreams that fail: what the proxy itself says of each failure is what is counted, and nothing else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::go;
use pullscope_tests::log::Log;
use pullscope_tests::loopback::free_address;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Server, poll};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;
use pullscope_tests::upstream::{ALL, CUT, FULL, REFUSED, RESET, SILENT, Upstreams, ask};

/// How long the proxies wait for a connection, and for an answer.
const PATIENT: Duration = Duration::from_millis(300);

const REQUESTS: usize = 1_000;
const AT_ONCE: usize = 8;

type Errors = BTreeMap<String, u64>;

fn watched(name: &str) -> String {
    format!("[[targets]]\nname = \"{name}\"\ncomm = \"{name}\"\nrole = \"server\"\n")
}

/// What is counted of a proxy's errors, by reason.
fn errors(scrape: &Scrape, process: &str) -> Errors {
    let errors = scrape.group("pullscope_proxy_errors_total", &[("process", process)], ["reason"]);
    errors.into_iter().map(|([reason], count)| (reason, count)).collect()
}

/// Why a request to such a server fails.
fn reason(path: &str) -> Option<&'static str> {
    match path.split('/').nth(1)? {
        REFUSED => Some("connection_refused"),
        FULL | SILENT => Some("timeout"),
        RESET | CUT => Some("other"),
        _ => None,
    }
}

fn tally<'a>(reasons: impl Iterator<Item = &'a str>) -> Errors {
    reasons.fold(Errors::new(), |mut errors, reason| {
        *errors.entry(reason.to_owned()).or_default() += 1;
        errors
    })
}

/// What has been counted since `before` once the proxy is idle, and anything too much has had the time to be counted.
#[track_caller]
fn idle(collector: &Collector, process: &str, before: &Scrape) -> Scrape {
    let of_process = [("process", process)];
    let settled = || {
        let one = collector.scrape();
        // A failed request waits for up to a second for its reason.
        thread::sleep(Duration::from_millis(1_300));
        let other = collector.scrape();
        let served = |scrape: &Scrape| scrape.count("pullscope_served_requests_total", &of_process);
        let quiet = other.count("pullscope_served_requests_in_flight", &of_process) == 0;
        (quiet && served(&one) == served(&other)).then_some(other)
    };
    let scrape = poll(PATIENCE, settled).unwrap_or_else(|| panic!("not idle: {}", collector.scrape()));
    for name in ["registry_requests_total", "downloads_total", "image_pull_duration_seconds_count"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &of_process), 0, "{name}: {scrape}");
    }
    for name in ["kernel_events_lost_total", "corrections_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}: {scrape}");
    }
    scrape.since(before)
}

/// One request to each upstream, one after the other.
#[track_caller]
fn one_of_each(collector: &Collector, process: &str, proxy: SocketAddr) {
    for name in ALL {
        let before = collector.scrape();
        let path = format!("/{name}/1");
        let code = ask(proxy, &path, None);
        let scrape = idle(collector, process, &before);
        assert_eq!(errors(&scrape, process), tally(reason(&path).into_iter()), "{name}, {code:?}:\n{scrape}");
        let served = scrape.count("pullscope_served_requests_total", &[("process", process)]);
        assert_eq!(served, 1, "{name}:\n{scrape}");
    }
}

/// Many random requests, of which every fifth client leaves at a random moment. Gives the paths of those who stayed.
fn many(proxy: SocketAddr) -> Vec<String> {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let next = Mutex::new((fastrand::Rng::with_seed(seed), 0, Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let (path, gone) = {
                        let (chance, number, stayed) = &mut *next.lock().expect("no client panics with it");
                        *number += 1;
                        if *number > REQUESTS {
                            return;
                        }
                        let path = format!("/{}/{number}", chance.choice(ALL).expect("some"));
                        let leaves = chance.u8(0..5) == 0;
                        let gone = leaves.then(|| Duration::from_millis(chance.u64(0..400)));
                        if gone.is_none() {
                            stayed.push(path.clone());
                        }
                        (path, gone)
                    };
                    let _ = ask(proxy, &path, gone);
                }
            });
        }
    });
    next.into_inner().expect("no client has panicked").2
}

/// nginx in front of the upstreams.
fn nginx(upstreams: &Upstreams) -> (Nginx, SocketAddr) {
    let site = Site::new();
    let address = site.address();
    let pass = |site: Site, (name, upstream): (&str, SocketAddr)| {
        let prefix = if name == REFUSED || name == FULL { format!("/{name}/") } else { "/".to_owned() };
        site.proxy(&prefix, upstream, PATIENT)
    };
    (Nginx::start([upstreams.addresses().into_iter().fold(site, pass)]), address)
}

#[test]
fn nginx_and_each_upstream() {
    let alone = alone();
    let upstreams = Upstreams::start();
    let (nginx, address) = nginx(&upstreams);
    let config = watched("nginx");
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    one_of_each(&collector, "nginx", address);
    let log = nginx.log();
    let codes: Vec<_> = log.0.iter().map(|entry| entry.code).collect();
    let expected = [200, 502, 504, 504, 502, 200, 502, 503, 504].map(Some);
    assert_eq!(codes, expected, "{log}");
    collector.stop();
}

/// nginx's own log says how each request ended: 499 is a client that left.
#[test]
fn nginx_in_a_storm() {
    let alone = alone();
    let upstreams = Upstreams::start();
    let (nginx, address) = nginx(&upstreams);
    let config = watched("nginx");
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    let before = collector.scrape();
    let stayed = many(address);
    let scrape = idle(&collector, "nginx", &before);
    let log = nginx.log();
    assert_eq!(log.0.len(), REQUESTS);
    // Of who stayed all is known. A client that left may have left after its answer, which then failed for an upstream's sake.
    let of = |log: &Log| tally(log.0.iter().filter_map(|entry| reason(&entry.path)));
    let least = of(&log.filter(|entry| stayed.contains(&entry.path)));
    // Or while its upstream failed: then nginx has said so, and has had nobody to answer.
    let left = |code: Option<u16>| code.is_none_or(|code| code == 499);
    let said = nginx.errors();
    let failed = |path: &str| said.contains(&format!("request: \"GET {path} HTTP"));
    let most =
        of(&log.filter(|entry| stayed.contains(&entry.path) || !left(entry.code) || failed(&entry.path)));
    between(&errors(&scrape, "nginx"), &least, &most, &scrape);
    collector.stop();
}

#[track_caller]
fn between(counted: &Errors, least: &Errors, most: &Errors, scrape: &Scrape) {
    println!("at least {least:?}, at most {most:?}, counted {counted:?}");
    for reason in ["connection_refused", "timeout", "other"] {
        let [counted, least, most] =
            [counted, least, most].map(|errors| errors.get(reason).copied().unwrap_or_default());
        assert!((least..=most).contains(&counted), "{reason}: {least} to {most}, not {counted}:\n{scrape}");
    }
}

/// A proxy of Go's standard library under a name of its own.
struct GoProxy {
    server: Server,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

const GO_PROXY: &str = "small-proxy";

impl GoProxy {
    fn start(upstreams: &Upstreams) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a proxy");
        let program = go::installed_as(&go::proxy(), dir.path(), GO_PROXY);
        let address = free_address();
        let names = upstreams.addresses().map(|(name, address)| format!("{name}={address}")).join(",");
        let mut command = Place::machine().command(program);
        command.arg(format!("-listen={address}")).arg(format!("-upstreams={names}"));
        command.arg(format!("-patience={}ms", PATIENT.as_millis()));
        let mut server = Server::spawn(GO_PROXY, command, &dir.path().join("log"));
        server.wait_until("an open port", |_| std::net::TcpStream::connect(address).ok());
        Self { server, address, _dir: dir }
    }

    /// What it says of failures: path and reason.
    fn failures(&self) -> Vec<(String, String)> {
        let words = |line: &str| line.split_once(' ').map(|(path, why)| (path.to_owned(), why.to_owned()));
        self.server.output().lines().filter_map(words).collect()
    }
}

#[test]
fn go_and_each_upstream() {
    let alone = alone();
    let upstreams = Upstreams::start();
    let proxy = GoProxy::start(&upstreams);
    let config = watched(GO_PROXY);
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    one_of_each(&collector, GO_PROXY, proxy.address);
    let told = tally(proxy.failures().iter().map(|(_, why)| why.as_str()));
    assert_eq!(told, tally(ALL.iter().filter_map(|name| reason(&format!("/{name}")))), "what the proxy says");
    collector.stop();
}

#[test]
fn go_in_a_storm() {
    let alone = alone();
    let upstreams = Upstreams::start();
    let proxy = GoProxy::start(&upstreams);
    let config = watched(GO_PROXY);
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    let before = collector.scrape();
    let stayed = many(proxy.address);
    let scrape = idle(&collector, GO_PROXY, &before);
    let failures = proxy.failures();
    let of = |keep: &dyn Fn(&str) -> bool| {
        let kept = failures.iter().filter(|(path, why)| why != "canceled" && keep(path));
        tally(kept.map(|(_, why)| why.as_str()))
    };
    let least = of(&|path| stayed.iter().any(|stayed| stayed == path));
    between(&errors(&scrape, GO_PROXY), &least, &of(&|_| true), &scrape);
    collector.stop();
}
