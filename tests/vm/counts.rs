//! Real requests in the guest. The oracles are the server's log, the sizes of its files, the words and exit statuses of
//! the clients, and what the kernel says of pullscope's descriptors.

use std::collections::{BTreeMap, BTreeSet};

use pullscope_tests::log::{Log, LogEntry};

use crate::compare::{ASKED, nothing_lost_or_left, same, scrape};
use crate::guest::{self, Guest};

/// The server's log at a moment of the guest.
///
/// busybox's httpd prints two lines a request, `[PEER]: url:PATH` and `[PEER]: response:CODE`. It leaves out the method,
/// which is always GET in `init.sh`, and the size: the file's, or what it answered when there was none.
#[track_caller]
fn log(guest: &Guest, moment: &str) -> Log {
    let files: BTreeMap<_, _> = guest
        .told("files")
        .lines()
        .map(|line| line.split_once(" /www").expect("SIZE PATH"))
        .map(|(size, path)| (path, size.parse::<u64>().expect("a size")))
        .collect();
    let (_, page) = guest.told("raw answer absent").split_once("\r\n\r\n").expect("an answer");
    let mut asked = BTreeMap::new();
    let mut entries = Vec::new();
    for line in guest.told(moment).lines() {
        if let Some((peer, path)) = line.split_once(": url:") {
            assert_eq!(asked.insert(peer, path), None, "{peer} asks twice");
        } else if let Some((peer, code)) = line.split_once(": response:") {
            let path = asked.remove(peer).expect("a request before its answer");
            let code: u16 = code.parse().expect("a status code");
            let body_bytes = if code == 200 { files[path] } else { page.len() as u64 };
            entries.push(entry(path, code, body_bytes));
        }
    }
    assert_eq!(asked, BTreeMap::new(), "not answered");
    Log(entries)
}

fn entry(path: &str, code: u16, body_bytes: u64) -> LogEntry {
    LogEntry {
        method: "GET".to_owned(),
        path: path.to_owned(),
        code: Some(code),
        body_bytes,
        ..LogEntry::default()
    }
}

#[test]
fn what_targets_ask() {
    let guest = guest::ordinary();
    let scrape = scrape(&guest);
    let log = log(&guest, "asked by targets");
    assert_eq!(log.0.len(), 4, "{log}");
    same(&scrape, "puller", ASKED, &log);
    let registries = scrape.group("pullscope_registry_requests_total", &[], ["process", "registry"]);
    assert_eq!(registries, [(["puller", "[IP_ADDRESS]"].map(str::to_owned), 4)].into(), "{scrape}");
}

/// The server sends files by sendfile: the bytes are not in any buffer of its own.
#[test]
fn what_a_target_serves() {
    let guest = guest::ordinary();
    let log = log(&guest, "asked by all");
    assert_eq!(log.0.len(), 6, "{log}");
    let metrics = [
        "pullscope_served_requests_total",
        "pullscope_served_bytes_total",
        "pullscope_served_downloads_total",
    ];
    same(&scrape(&guest), "server", metrics, &log);
}

/// The client's own words tell how its connect ended.
#[test]
fn connects() {
    let guest = guest::ordinary();
    let mut ends: BTreeMap<_, u64> = BTreeMap::new();
    for said in guest.all_told("wget ") {
        let result = match said {
            said if said.contains("Connection refused") => "refused",
            said if said.contains("Network is unreachable") => "unreachable",
            _ => "ok",
        };
        *ends.entry([result.to_owned()]).or_default() += 1;
    }
    assert_eq!(ends.values().copied().collect::<Vec<_>>(), [4, 1, 2], "{ends:?}");
    for name in ["wget manifest", "wget blob", "wget blob over IPv6"] {
        assert_eq!(guest.status(name), 0, "{name}");
    }
    let scrape = scrape(&guest);
    assert_eq!(
        scrape.group("pullscope_connects_total", &[("process", "puller")], ["result"]),
        ends,
        "{scrape}"
    );
}

#[test]
fn nothing_is_lost_or_left() {
    let guest = guest::ordinary();
    let scrape = scrape(&guest);
    nothing_lost_or_left(&scrape);
    let serving = "pullscope_served_requests_in_flight";
    assert!(scrape.select(serving, &[]).next().is_some(), "{scrape}");
    assert_eq!(scrape.count(serving, &[]), 0, "{scrape}");
    // The clients have ended, the server has not.
    let watched = scrape.group("pullscope_processes_watched", &[], ["process"]);
    assert_eq!(watched, [(["server".to_owned()], 1)].into(), "{scrape}");
}

/// The kernel itself tells what is attached: a line for each link in the `fdinfo` of its descriptor (kernel/bpf/syscall.c,
/// `bpf_raw_tp_link_show_fdinfo`; kernel/bpf/cgroup.c, `bpf_cgroup_link_show_fdinfo`).
#[test]
fn the_programs_of_the_strategy_syscall_are_attached() {
    let guest = guest::ordinary();
    let scrape = scrape(&guest);
    let strategies = scrape.group("pullscope_build_info", &[], ["kernel_strategy"]);
    assert_eq!(strategies, [(["syscall".to_owned()], 1)].into());

    let values = |field: &str| {
        let lines = guest.told("descriptors").lines().filter_map(|line| line.split_once(":\t"));
        let values = lines.filter(|(name, _)| *name == field).map(|(_, value)| value.trim().to_owned());
        values.collect::<BTreeSet<_>>()
    };
    let tracepoints = [
        "inet_sock_set_state",
        "sched_process_exec",
        "sched_process_exit",
        "sched_process_fork",
        "sys_exit",
        "tcp_destroy_sock",
    ];
    assert_eq!(values("tp_name"), tracepoints.map(str::to_owned).into());
    // BPF_CGROUP_INET4_CONNECT and BPF_CGROUP_INET6_CONNECT (include/uapi/linux/bpf.h).
    assert_eq!(values("attach_type"), ["10", "11"].map(str::to_owned).into());

    let attached: Vec<_> = scrape.select("pullscope_probe_attached", &[]).collect();
    assert_eq!(attached.len(), values("link_id").len(), "{attached:?}");
    assert!(attached.iter().all(|(_, value)| (*value - 1.0).abs() < f64::EPSILON), "{attached:?}");
}

#[test]
fn a_clean_stop() {
    let guest = guest::ordinary();
    let log = guest.told("run log");
    assert_eq!(guest.status("run"), 0, "{log}");
    assert!(log.contains("kernel programs attached") && log.contains("stopping"), "{log}");
    assert!(log.lines().all(|line| line.contains(" INFO ")), "{log}");
}
