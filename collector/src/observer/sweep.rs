//! Connections whose end the kernel programs cannot see.
//!
//! The kernel has a tracepoint for the end of a TCP socket, but none for that of unix and UDP sockets. Those that have been
//! idle for a while are looked up in the kernel's own lists, by the number of their inode.

use std::collections::{HashMap, HashSet};

use collector_common::conn::{Conn, Transport};
use procfs::process::Process;

/// A connection of a living process with I/O in this time is left alone: it may be newer than the list.
const IDLE: u64 = 1_000_000_000;

/// A socket to a name server is forgotten after so long without I/O: its lookups have long timed out, and another I/O would
/// only begin another connection.
const DNS_IDLE: u64 = 30_000_000_000;

/// Which of the connections have ended.
pub fn ended(connections: &[(u64, Conn)], now: u64) -> Vec<(u64, Conn)> {
    let mut lists: HashMap<u32, Option<HashSet<u64>>> = HashMap::new();
    let idle = |conn: &Conn, limit| {
        now.saturating_sub(conn.received.last.max(conn.sent.last).max(conn.born)) > limit
    };
    connections
        .iter()
        .filter(|(_, conn)| match Transport::from_number(conn.transport) {
            Some(Transport::Unix) => {
                // A process that is gone has taken its sockets with it, but for those that others hold too, and those come
                // back with their next I/O.
                let list = lists.entry(conn.tgid).or_insert_with(|| unix_inodes(conn.tgid));
                list.as_ref().is_none_or(|inodes| idle(conn, IDLE) && !inodes.contains(&conn.inode))
            }
            Some(Transport::Dns) => idle(conn, DNS_IDLE),
            _ => false,
        })
        .copied()
        .collect()
}

/// Inodes of the unix sockets in the network namespace of a process; `None` if it is gone.
fn unix_inodes(pid: u32) -> Option<HashSet<u64>> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    Some(process.unix().ok()?.into_iter().map(|entry| entry.inode).collect())
}
