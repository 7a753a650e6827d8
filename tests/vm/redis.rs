//! Redis commands, and threads that end, in the guest. The oracle is the server's own count of commands.

use crate::compare::scrape;
use crate::guest::{self, Guest};

/// How often the server was asked that (`INFO commandstats`: `cmdstat_NAME:calls=COUNT,...`).
#[track_caller]
fn calls(guest: &Guest, command: &str) -> u64 {
    let prefix = format!("cmdstat_{command}:calls=");
    let counts = guest.told("server counts");
    let count = counts.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
    count.unwrap_or_else(|| panic!("no {command}: {counts}")).parse().expect("a number")
}

#[test]
fn commands_and_their_replies() {
    let guest = guest::with_redis();
    assert_eq!(guest.status("benchmark"), 0, "{}", guest.told("benchmark"));
    let scrape = scrape(&guest);
    let sent = calls(&guest, "set");
    assert!(sent >= 300, "{sent}");
    let counted = scrape.group("pullscope_operations_total", &[], ["process", "operation", "status"]);
    assert_eq!(counted, [(["benchmark", "set", "ok"].map(str::to_owned), sent)].into(), "{scrape}");
    for name in [
        "kernel_events_lost_total",
        "exchanges_unattributed_total",
        "connections_open",
        "operations_in_flight",
    ] {
        let name = format!("pullscope_{name}");
        assert!(scrape.select(&name, &[]).next().is_some(), "no {name}: {scrape}");
        assert_eq!(scrape.count(&name, &[]), 0, "{name}: {scrape}");
    }
}

/// A thread's last item ends with the thread: no command ends it.
#[test]
fn threads_end() {
    let guest = guest::with_redis();
    let scrape = scrape(&guest);
    let counted = scrape.group("pullscope_work_total", &[], ["process", "queue"]);
    let taken = calls(&guest, "get");
    assert_eq!(counted, [(["benchmark", "values"].map(str::to_owned), taken)].into(), "{scrape}");
    assert_eq!(scrape.count("pullscope_work_in_flight", &[]), 0, "{scrape}");
    // The two of the first test end while the process goes on. Those of the second may do so when it ends already, and then
    // its end tells theirs (kernel/exit.c: `do_exit` lets who waits for a thread go on before it comes to the tracepoint).
    let ended = scrape.count("pullscope_kernel_events_total", &[("type", "thread_exit")]);
    assert!((2..=4).contains(&ended), "{ended}: {scrape}");
}
