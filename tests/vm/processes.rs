//! How processes end in the guest, and who is at the other end of their unix sockets: fields of kernel structs that lie elsewhere
//! than on today's kernel. The oracles are what the processes say of themselves and the exit statuses that the shell gets.

use crate::guest::{self, Guest};

/// What pullscope says of a process, from `what` on.
#[track_caller]
fn said<'a>(guest: &'a Guest, pid: &str, what: &str) -> &'a str {
    let of_process = format!("{what} pid={pid} ");
    let said = guest.told("run log").lines().find_map(|line| line.split_once(&of_process));
    said.unwrap_or_else(|| panic!("nothing of {what:?} of {pid}")).1
}

#[test]
fn how_they_end() {
    let guest = guest::with_processes();
    for name in ["client", "server", "terminated", "replaced"] {
        let pid = guest.told(name).split_whitespace().next().expect("a process id");
        let expected = match guest.status(name) {
            _ if name == "replaced" => "became busybox".to_owned(),
            // How a shell tells a signal.
            status if status > 128 => format!("killed by signal {}", status - 128),
            status => format!("exited with {status}"),
        };
        assert_eq!(said(&guest, pid, "a watched process has ended"), format!("how={expected}"), "{name}");
    }
    assert_eq!(["client", "terminated"].map(|name| guest.status(name)), [3, 128 + 15]);
}

#[test]
fn who_is_at_the_other_end() {
    let guest = guest::with_processes();
    for (name, serves, peer_name) in [("server", "true", "peer-client"), ("client", "false", "peer-server")] {
        let (pid, peer) = guest.told(name).trim().split_once(' ').expect("two process ids");
        let expected = format!("serves={serves} peer={peer} name=\"{peer_name}\"");
        assert_eq!(said(&guest, pid, "a unix connection"), expected);
    }
}
