//! HTTP/2 on unix sockets that are older than pullscope, as the kubelet's to its runtime is. The client is grpc-go, which refers to
//! header fields that it has sent before, the server nginx, which knows nothing of gRPC and logs every call.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::cri::messages::Empty;
use pullscope_tests::cri::{Client, code};
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, run};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;

use crate::compare::nothing_left_or_lost;

/// Name of the client: that of a target which nothing else on the machine runs as.
const CLIENT: &str = "crane";

/// Calls before pullscope starts, and after.
const BEFORE: usize = 200;
const AFTER: usize = 50;

fn configuration() -> String {
    format!(
        "default_targets = false\n{}[[targets]]\nname = \"nginx\"\ncomm = \"nginx\"\nrole = \"server\"\n",
        clients([CLIENT])
    )
}

/// Writes a program that runs as the client.
#[track_caller]
fn program(dir: &Path, source: &str) -> PathBuf {
    let path = dir.join(CLIENT);
    fs::write(&path, source).expect("write a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    path
}

/// A path that counts as a blob's. Each is another one, so that it is sent as it is.
fn path(number: usize) -> String {
    format!("/v2/a/b/blobs/sha256:{number:064x}")
}

/// Calls each path, one after the other: nginx has none of them.
#[track_caller]
fn call(client: &Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let answer = client.begin_at::<Empty>(&path(number), &Empty {}, None).wait();
        let _ = answer.expect_code(code::UNIMPLEMENTED);
    }
}

/// Requests for blobs by method and code are those of `log`. The rig asks nginx other things too.
#[track_caller]
fn same_requests(scrape: &Scrape, metric: &str, process: &str, log: &Log) {
    let counted = scrape.group(metric, &[("process", process), ("kind", "blob")], ["method", "code"]);
    let mut logged = BTreeMap::new();
    for entry in &log.0 {
        *logged.entry([entry.method.clone(), entry.code_label()]).or_default() += 1;
    }
    assert_eq!(counted, logged, "{metric} of {process}:\n{scrape}");
}

/// At both ends of the connection every call after the start of pullscope is told with its path, and none of those before.
#[test]
fn calls_over_a_connection_that_is_older() {
    let alone = alone();
    let dir = tempfile::tempdir().expect("a directory for a socket");
    let socket = dir.path().join("socket");
    let nginx = Nginx::start([Site::new().with_http2_at(&socket)]);
    let client = Client::start(CLIENT, &socket);
    call(&client, 0..BEFORE);
    let before = nginx.log().0.len();
    assert_eq!(before, BEFORE);

    let config = configuration();
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    // The path of the last call before is not sent again, but referred to: what it is nobody can know.
    call(&client, BEFORE - 1..BEFORE);
    call(&client, BEFORE..BEFORE + AFTER);
    let log = Log(nginx.log().0.split_off(before + 1));
    assert_eq!(log.0.len(), AFTER);
    collector.until(|scrape| {
        let all = |metric| scrape.count(metric, &[("kind", "blob")]) >= AFTER as u64;
        all("pullscope_registry_requests_total") && all("pullscope_served_requests_total")
    });
    let scrape = collector.settled();
    same_requests(&scrape, "pullscope_registry_requests_total", CLIENT, &log);
    same_requests(&scrape, "pullscope_served_requests_total", "nginx", &log);
    assert!(scrape.count("pullscope_hpack_unknown_total", &[]) > 0, "{scrape}");
    nothing_left_or_lost(&scrape);
    client.stop();
    collector.stop();
}

/// A request that nobody saw leave: where the next frame begins is not known then, and found with the next request.
#[test]
fn what_was_lost_is_found_again() {
    let alone = alone();
    let dir = tempfile::tempdir().expect("a directory for a socket");
    let socket = dir.path().join("socket");
    let nginx = Nginx::start([Site::new().with_http2_at(&socket)]);
    let config = configuration();
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    let program = program(dir.path(), include_str!("h2_late/lost.py"));
    let mut command = Place::machine().command(program);
    command.arg(&socket).args((0..9).map(path));
    let _ = run(command).expect_ok();

    let mut log = nginx.log();
    assert_eq!(log.0.len(), 9);
    let served = "pullscope_served_requests_total";
    collector.until(|scrape| scrape.count(served, &[("kind", "blob")]) >= 9);
    let scrape = collector.settled();
    same_requests(&scrape, served, "nginx", &log);
    log.0.remove(3);
    same_requests(&scrape, "pullscope_registry_requests_total", CLIENT, &log);
    assert_eq!(
        scrape.count("pullscope_kernel_events_lost_total", &[("reason", "out_of_step")]),
        1,
        "{scrape}"
    );
    assert_eq!(scrape.count("pullscope_registry_requests_in_flight", &[]), 0, "{scrape}");
    collector.stop();
}

/// What two ends of one process say to each other that is not HTTP/2: nothing is made of it.
#[test]
fn other_protocols_stay_unread() {
    let alone = alone();
    let dir = tempfile::tempdir().expect("a directory for a program");
    let mut command = Place::machine().command(program(dir.path(), include_str!("h2_late/others.py")));
    command.arg(dir.path());
    let running = Running::spawn(command);
    running.wait_for_output(|said| said.contains("ready"));
    let config = configuration();
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    fs::write(dir.path().join("go"), "").expect("let a program go on");
    let outcome = running.wait(PATIENCE).expect_ok();
    let connections = outcome.stdout.lines().last().expect("a line").parse::<u64>().expect("a number");
    let unread = [("process", CLIENT), ("visibility", "other")];
    let scrape = collector
        .until(|scrape| scrape.count("pullscope_connections_by_visibility_total", &unread) >= connections);
    let visible =
        scrape.group("pullscope_connections_by_visibility_total", &[("process", CLIENT)], ["visibility"]);
    assert_eq!(
        visible.into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(),
        [(["other".to_owned()], connections)],
        "{scrape}"
    );
    assert_eq!(scrape.count("pullscope_registry_requests_total", &[]), 0, "{scrape}");
    nothing_left_or_lost(&scrape);
    collector.stop();
}
