//! A router and a manager of sandboxes by the recipes that are shipped: what is counted of each operation, by kind and status, is
//! what the programs say that they did.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::thread::{self, sleep};
use std::time::Duration;

use pullscope_tests::answer::Answer;
use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::go;
use pullscope_tests::http::Service;
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Server, run};
use pullscope_tests::redis::Redis;
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;

use crate::work::nothing_lost;

/// Names of the files, of which the kernel keeps 15 bytes, and the processes that the recipes call them.
const ROUTER: (&str, &str) = ("agentcube-router", "sandbox-router");
const MANAGER: (&str, &str) = ("workloadmanager", "workload-manager");

const COUNT: &str = "pullscope_operation_duration_seconds_count";
const IN_FLIGHT: &str = "pullscope_operations_in_flight";

/// A cycle of garbage collection is over when nothing of it has come for five seconds.
const QUIET: Duration = Duration::from_millis(5_500);

type Done = BTreeMap<[String; 3], u64>;

/// What a program says that it did: operation, kind, status.
fn done(server: &Server) -> Done {
    let mut done = Done::new();
    for line in server.output().lines().filter(|line| !line.starts_with("proxy_error")) {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        *done.entry(words.try_into().expect("three words")).or_default() += 1;
    }
    done
}

#[track_caller]
fn start(dir: &Path, name: &str, address: SocketAddr, arguments: &[String]) -> Server {
    let program = go::installed_as(&go::sandboxes(), dir, name);
    let mut command = Place::machine().command(program);
    command.arg(format!("-listen={address}")).args(arguments);
    let mut server = Server::spawn(name, command, &dir.join(format!("{name}.log")));
    server.wait_until("an open port", |_| TcpStream::connect(address).ok());
    server
}

/// A request by curl, over HTTP/1.1 or HTTP/2 in the clear.
fn curl(method: &str, url: &str, http2: bool, arguments: &[&str]) {
    let mut command = Place::machine().command("curl");
    command.args(["--silent", "--show-error", "--disable", "--output", "/dev/null", "--request", method]);
    command.arg(if http2 { "--http2-prior-knowledge" } else { "--http1.1" }).args(arguments).arg(url);
    let _ = run(command).expect_ok();
}

/// Each operation of the process that the program says anything of is counted as it says.
#[track_caller]
fn same_operations(scrape: &Scrape, process: &str, done: &Done, server: &Server) {
    let by = ["operation", "kind", "status"];
    let mut counted = scrape.group(COUNT, &[("process", process)], by);
    // Connects to Redis and between the programs: nobody tells of them.
    counted.retain(|[operation, ..], _| operation != "connect");
    assert_eq!(&counted, done, "{process}:\n{scrape}\n{}", server.output());
    assert_eq!(scrape.count(IN_FLIGHT, &[("process", process)]), 0, "{scrape}");
}

#[test]
fn each_operation_by_kind_and_status() {
    let alone = alone();
    let redis = Redis::start();
    let dir = tempfile::tempdir().expect("a directory for programs");
    let sandbox = Service::start(free_address(), |_| Answer::new(200, &[], "done"));
    let (at_manager, at_router) = (free_address(), free_address());
    let store = format!("-redis={}", redis.address());
    let manager = start(dir.path(), MANAGER.0, at_manager, &["-role=manager".to_owned(), store.clone()]);
    let router = [
        "-role=router".to_owned(),
        store,
        format!("-manager={at_manager}"),
        format!("-sandbox={}", sandbox.address()),
        format!("-gone={}", free_address()),
    ];
    let router = start(dir.path(), ROUTER.0, at_router, &router);
    let settings =
        Settings { arguments: &["--use-recipes=workload-manager,sandbox-router"], ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);

    invocations(at_router);
    deletions(&redis, at_manager);
    let between = collector.scrape();
    assert_eq!(between.count(IN_FLIGHT, &[("operation", "gc_cycle")]), 0, "{between}");
    for _ in 0..2 {
        curl("POST", &format!("http://{at_manager}/collect"), false, &[]);
        sleep(QUIET);
    }

    let (done_by_manager, done_by_router) = (done(&manager), done(&router));
    let total = |done: &Done| done.values().sum::<u64>();
    let all = total(&done_by_manager) + total(&done_by_router);
    let scrape = collector.until(|scrape| {
        let connects = scrape.count(COUNT, &[("operation", "connect")]);
        scrape.count(COUNT, &[]) - connects >= all && scrape.count(IN_FLIGHT, &[]) == 0
    });
    same_operations(&scrape, MANAGER.1, &done_by_manager, &manager);
    same_operations(&scrape, ROUTER.1, &done_by_router, &router);
    for operation in ["sandbox_rollback", "gc_reclaim", "gc_cycle", "session_update", "sandbox_delete"] {
        assert!(done_by_manager.keys().any(|[name, ..]| name == operation), "{operation} was not tried");
    }
    for why in ["last_activity", "expiry"] {
        let reclaimed = ["gc_reclaim", why, "ok"].map(str::to_owned);
        assert!(done_by_manager.contains_key(&reclaimed), "nothing was reclaimed for {why}");
    }
    let refused = router.output().matches("proxy_error connection_refused").count();
    assert_ne!(refused, 0, "no sandbox was gone");
    let errors = scrape.group("pullscope_proxy_errors_total", &[], ["process", "reason"]);
    let expected = [([ROUTER.1, "connection_refused"].map(str::to_owned), refused as u64)];
    assert_eq!(errors, expected.into(), "{scrape}");
    nothing_lost(&scrape);
    collector.stop();
}

/// Calls through the router, four at a time: to good sandboxes, and to those that cannot be made, that are gone, and too many. Only
/// their order is by chance, so that each way to fail is tried in every run.
fn invocations(router: SocketAddr) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut calls = Vec::new();
    for kind in ["agent-runtimes", "code-interpreters"] {
        for name in ["a", "a", "gone", "busy"] {
            for wrong in ["", "", "", "kind", "taken", "ready", "lost"] {
                let url = format!("http://{router}/v1/namespaces/ns/{kind}/{name}/invocations/run?x=y");
                let method = *chance.choice(&["GET", "POST"]).expect("some");
                calls.push((method, url, chance.bool(), format!("X-Wrong: {wrong}")));
            }
        }
    }
    chance.shuffle(&mut calls);
    let calls = Mutex::new(calls);
    let next = || calls.lock().expect("no client panics with it").pop();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((method, url, http2, header)) = next() {
                    curl(method, &url, http2, &["--header", &header]);
                }
            });
        }
    });
}

/// Some of the sandboxes that there are now, and some that there are not.
fn deletions(redis: &Redis, manager: SocketAddr) {
    for number in 1..40 {
        for kind in ["agent-runtime", "code-interpreter"] {
            let there = redis.ask(&["EXISTS", &format!("session:{kind}-{number}")]) == "1";
            if there == (number % 3 != 0) {
                curl(
                    "DELETE",
                    &format!("http://{manager}/v1/{kind}/sessions/{kind}-{number}"),
                    number % 2 == 0,
                    &[],
                );
            }
        }
    }
}
