//! Image agents: what each process on the way of a request serves is what its own log says, and what an agent did not have is what
//! its upstream was asked for.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::thread::{self, sleep};
use std::time::Duration;

use pullscope_tests::agent::Agent;
use pullscope_tests::answer::Answer;
use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::http::Service;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, poll, run};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::script::script;
use pullscope_tests::turn::alone;

use crate::served::same_service;

const KRAKEN: &str = "kraken-agent";

/// nginx is no target by itself.
const NGINX: &str = "[[targets]]\nname = \"nginx\"\ncomm = \"nginx\"\nrole = \"server\"\n";

/// GETs of manifests and blobs that were answered with all of it.
fn got(log: &Log) -> Log {
    let kinds = ["manifest", "blob"];
    log.filter(|entry| entry.method == "GET" && entry.code == Some(200) && kinds.contains(&entry.kind()))
}

/// What `process` served was there already, or was not: manifests and blobs, as often as its log says.
#[track_caller]
fn cache(scrape: &Scrape, process: &str, [manifests, blobs]: [&str; 2], log: &Log) {
    let counted = scrape.group("pullscope_served_cache_total", &[("process", process)], ["kind", "result"]);
    let mut expected = BTreeMap::new();
    for entry in got(log).0 {
        let result = match entry.kind() {
            "manifest" => manifests,
            "blob" => blobs,
            _ => continue,
        };
        *expected.entry([entry.kind(), result].map(str::to_owned)).or_default() += 1;
    }
    assert_eq!(counted, expected, "{log}\n{scrape}");
}

/// The requests in it have been logged by who served them.
#[track_caller]
fn all_logged(collector: &Collector) -> Scrape {
    let scrape = collector.settled();
    sleep(Duration::from_millis(200));
    scrape
}

/// nginx on TCP, the agent behind it on a unix socket, another registry behind that.
#[test]
fn behind_nginx_on_a_unix_socket() {
    let alone = alone();
    let image = Image::make(&[3_000_000, 40_000, 2_000], 90);
    let upstream = Registry::start(&Access::Open);
    upstream.push(&image, "team/app:v1");
    let agent = Agent::on_a_socket(KRAKEN, &upstream);
    let site = Site::new().pass_to_socket(&agent.socket());
    let reference = format!("{}/team/app:v1", site.address());
    let nginx = Nginx::start([site]);
    sleep(Duration::from_millis(200));
    let (agents, pushed) = (agent.log().0.len(), upstream.log().0.len());
    let settings =
        Settings { config: Some(NGINX), arguments: &["--use-recipes=kraken-agent"], ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);

    let _ = Puller::plain(Client::Skopeo).pull(&reference).expect_ok();
    let first = all_logged(&collector);
    let fetched = Log(agent.log().0.split_off(agents));
    cache(&first, KRAKEN, ["miss"; 2], &fetched);
    let asked = Log(upstream.log().0.split_off(pushed));
    let blobs = |log: &Log| got(log).of_kind("blob").0.len();
    assert!(blobs(&asked) >= blobs(&fetched) && blobs(&fetched) == image.blobs().count(), "{asked}");

    for client in [Client::Ctr, Client::Skopeo] {
        let _ = Puller::plain(client).pull(&reference).expect_ok();
    }
    let second = all_logged(&collector);
    let served = Log(agent.log().0.split_off(agents + fetched.0.len()));
    let asked_again = Log(upstream.log().0.split_off(pushed + asked.0.len()));
    assert_eq!(got(&asked_again), Log::default(), "the agent did not have all");
    cache(&second.since(&first), KRAKEN, ["hit"; 2], &served);

    let log = Log(agent.stop().0.split_off(agents));
    same_service(&second, KRAKEN, &log);
    same_service(&second, "nginx", &nginx.log().http());
    let all_asked = Log(upstream.stop().0.split_off(pushed));
    same_service(&second, "docker-registry", &all_asked);
    for process in ["nginx", KRAKEN] {
        let errors = second.count("pullscope_proxy_errors_total", &[("process", process)]);
        assert_eq!(errors, 0, "{second}");
    }
    collector.stop();
}

/// What the agent has is served without its upstream; what it has not fails for the upstream's sake.
#[test]
fn with_its_upstream_gone() {
    let alone = alone();
    let (image, other) = (Image::make(&[300_000], 91), Image::make(&[300_000], 92));
    let upstream = Registry::start(&Access::Open);
    upstream.push(&image, "team/app:v1");
    upstream.push(&other, "team/other:v1");
    let agent = Agent::on_tcp(KRAKEN, &upstream);
    let begin = agent.log().0.len();
    let settings = Settings { arguments: &["--use-recipes=kraken-agent"], ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    let _ = Puller::plain(Client::Ctr).pull(&format!("{}/team/app:v1", agent.address())).expect_ok();
    let before = all_logged(&collector);
    drop(upstream);
    let _ = Puller::plain(Client::Ctr).pull(&format!("{}/team/other:v1", agent.address())).expect_failure();
    let blob = format!("http://{}/v2/team/other/blobs/{}", agent.address(), other.layers[0].digest);
    let mut command = Place::machine().command("curl");
    command.args(["--silent", "--output", "/dev/null", &blob]);
    let _ = run(command).expect_ok();
    sleep(Duration::from_secs(1));
    let scrape = all_logged(&collector);
    let log = Log(agent.stop().0.split_off(begin));
    same_service(&scrape, KRAKEN, &log);
    // A registry answers that it does not know what it cannot fetch, or that something is wrong: only that is an error.
    let failed = log.filter(|entry| entry.code.is_some_and(|code| code >= 500)).0.len() as u64;
    assert!(failed > 0, "{log}");
    let since = scrape.since(&before);
    let errors = since.group("pullscope_proxy_errors_total", &[("process", KRAKEN)], ["reason"]);
    assert_eq!(errors, [(["connection_refused".to_owned()], failed)].into(), "{log}\n{since}");
    collector.stop();
}

/// Mirrors on TCP that a client asks with `?ns=`.
#[test]
fn mirrors() {
    let alone = alone();
    let image = Image::make(&[500_000, 2_000], 93);
    for name in ["spegel", "dfdaemon"] {
        let upstream = Registry::start(&Access::Open);
        upstream.push(&image, "library/app:v1");
        let agent = Agent::on_tcp(name, &upstream);
        let begin = agent.log().0.len();
        let origin = format!("http://{}", agent.address());
        let collector = Collector::start(&alone);
        let options = Options { mirror: Some(&origin), ..Options::default() };
        let mut logged = 0;
        let mut before = collector.scrape();
        // ctr asks for the manifest's head first. The agent fetches all of the manifest for that, and has it when it is asked for.
        for results in [["hit", "miss"], ["hit"; 2]] {
            let puller = Puller::start(Client::Ctr, Place::machine(), options);
            let _ = puller.pull("docker.io/library/app:v1").expect_ok();
            let scrape = all_logged(&collector);
            let log = Log(agent.log().0.split_off(begin + logged));
            let with_ns =
                |log: &Log| log.0.iter().all(|entry| entry.query.as_deref() == Some("ns=docker.io"));
            assert!(with_ns(&log.filter(|entry| entry.path != "/v2/")), "{log}");
            logged += log.0.len();
            cache(&scrape.since(&before), name, results, &log);
            before = scrape;
        }
        same_service(&before, name, &Log(agent.stop().0.split_off(begin)));
        collector.stop();
    }
}

/// An agent that asks a tracker for the metainfo of a blob, and a peer for its bytes, in no protocol that is known.
const PEER_TO_PEER: &str = include_str!("agent/peer_to_peer.py");

/// Gives out what is asked for by 32 bytes: as many bytes as the second of them says, times 1000.
fn peer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    // It ends with the test program.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut asked = [0; 36];
                stream.read_exact(&mut asked).expect("a question");
                let length = u64::from(asked[5]) * 1_000;
                let blob = vec![b'p'; usize::try_from(length).expect("a small number")];
                let answer = [&asked[..4], &length.to_be_bytes(), &blob].concat();
                stream.write_all(&answer).expect("answer");
                let _ = stream.read(&mut asked);
            });
        }
    });
    address
}

/// Each blob is asked for twice: the first time it comes from a peer. Connections to peers stay open meanwhile, on which nobody can
/// tell what passes; that each fetch begins with the metainfo is what the recipe says.
#[test]
fn a_peer_to_peer_agent() {
    let alone = alone();
    let dir = tempfile::tempdir().expect("a directory for an agent");
    let socket = dir.path().join("socket");
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let tracker = Service::start(loopback, |_| Answer::new(200, &[], "sha256:0123"));
    let settings = Settings { arguments: &["--use-recipes=kraken-agent"], ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    let mut command = Place::machine().command(script(dir.path(), KRAKEN, PEER_TO_PEER));
    command.arg(&socket).args([tracker.address(), peer()].map(|address| address.port().to_string()));
    let agent = Running::spawn(command);
    poll(PATIENCE, || UnixStream::connect(&socket).ok()).expect("the agent listens");
    let get = |path: &str| {
        let mut command = Place::machine().command("curl");
        command.args(["--silent", "--fail", "--output", "/dev/null", "--unix-socket"]).arg(&socket);
        command.arg(format!("http://agent{path}"));
        let _ = run(command).expect_ok();
    };
    let told = |what: &str| agent.output().lines().filter(|line| *line == what).count() as u64;
    let blob = |begin: &str| format!("/v2/library/app/blobs/sha256:{begin:0<64}");
    let counted = |expected: &[(&str, u64)]| {
        let of_blobs = [("process", KRAKEN), ("kind", "blob")];
        let cache = |scrape: &Scrape| scrape.group("pullscope_served_cache_total", &of_blobs, ["result"]);
        let expected = expected.iter().map(|(result, count)| ([(*result).to_owned()], *count)).collect();
        let scrape = collector.until(|scrape| cache(scrape) == expected);
        assert_eq!(cache(&scrape), expected, "{scrape}\n{}", agent.output());
        scrape
    };

    get("/tags/library%2Fapp:v1");
    for begin in ["0001", "0103", "02ff", "0001", "02ff", "0103", "0103"] {
        get(&blob(begin));
    }
    assert_eq!((told("miss"), told("hit"), told("tag")), (3, 4, 1), "{}", agent.output());
    let _ = counted(&[("miss", 3), ("hit", 4)]);
    get(&blob("ff10"));
    get(&blob("ff10"));
    let scrape = counted(&[("miss", told("miss")), ("hit", told("hit"))]);

    let count = "pullscope_operation_duration_seconds_count";
    for (operation, what) in [("metainfo_lookup", "miss"), ("tag_lookup", "tag"), ("tag_serve", "tag")] {
        let labels = [("process", KRAKEN), ("operation", operation), ("status", "ok")];
        assert_eq!(scrape.count(count, &labels), told(what), "{operation}:\n{scrape}");
    }
    let downloads = [("process", KRAKEN), ("kind", "blob"), ("status", "ok")];
    let served = scrape.count("pullscope_served_downloads_total", &downloads);
    assert_eq!(served, told("miss") + told("hit"), "{scrape}");
    drop(agent);
    collector.stop();
}
