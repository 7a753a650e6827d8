//! From a Go program's connection to the socket under it: `*tls.Conn` → `*net.TCPConn` → `*netFD` → descriptor.

use collector_common::conn::Conn;
use collector_common::counters::Counter;

use super::{Interface, Probe};
use crate::buffer;
use crate::connections::{self, find_or_open};
use crate::kernel::{Sock, read_user};
use crate::maps::count;

/// `netFD.pfd.Sysfd`: `poll.FD` is the first field, and a `fdMutex` of two words comes before the number in it (Go's
/// `internal/poll/fd_unix.go` and `fd_mutex.go`, the same from 1.19 to 1.27).
const SYSFD: u64 = 16;

/// A TLS connection of the probed program.
pub struct Connection {
    pub sock: Sock,
    pub conn: *mut Conn,
}

/// The socket under a `net.Conn`, when that is TLS over TCP. Other connections need no probe: what crosses them can be read
/// on the socket.
#[inline(never)]
pub fn of(probe: &Probe, conn: Interface) -> Option<Connection> {
    let tls = conn.holds(probe.layout().tls_conn)?;
    // Both structs begin with what they wrap (Go's `crypto/tls/conn.go`, `net/net.go`).
    let Some(tcp) = Interface::at(tls).and_then(|inner| inner.holds(probe.layout().tcp_conn)) else {
        count(Counter::GoConnection);
        return None;
    };
    let descriptor: u64 = read_user::<u64>(tcp).and_then(|net_fd| read_user(net_fd + SYSFD))?;
    // -1 after the program has closed it: all that was in flight has ended with the socket.
    let sock = buffer::socket(descriptor)?;
    let conn = find_or_open(sock, probe.tgid, connections::now())?;
    // SAFETY: a value of the map.
    unsafe { (*conn).decoded = Conn::DECODED_BY_GO };
    Some(Connection { sock, conn })
}
