//! Servers behind a proxy, each good or bad in its own way, and clients of the proxy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::socket::{Backlog, listen};

use crate::answer::Answer;
use crate::http::{Request, Service};
use crate::loopback::free_address;
use crate::process::PATIENCE;

/// More than programs keep back before they send the head of an answer.
const BODY: usize = 200_000;

/// What a path goes to.
pub const GOOD: &str = "good";
/// Nobody listens.
pub const REFUSED: &str = "refused";
/// Connects get no answer.
pub const FULL: &str = "full";
/// Requests get no answer.
pub const SILENT: &str = "silent";
/// The connection is reset in place of an answer.
pub const RESET: &str = "reset";
/// The answer ends in the middle of its body.
pub const CUT: &str = "cut";
/// The server answers with an error of its own.
pub const ERRORS: [&str; 3] = ["502", "503", "504"];

/// All of them.
pub const ALL: [&str; 9] = [GOOD, REFUSED, FULL, SILENT, RESET, CUT, "502", "503", "504"];

/// The servers; gone when dropped.
pub struct Upstreams {
    refused: SocketAddr,
    full: (TcpListener, Vec<TcpStream>),
    others: Service,
}

impl Upstreams {
    /// Starts them.
    #[track_caller]
    pub fn start() -> Self {
        let full = TcpListener::bind(free_address()).expect("bind the address of a server");
        // `tcp_conn_request` (net/ipv4/tcp_input.c) drops the SYN while the queue of connections to accept is full.
        listen(&full, Backlog::new(0).expect("a length")).expect("make the queue as short as can be");
        let address = full.local_addr().expect("the address of a listener");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let waiting: Vec<_> = std::iter::from_fn(connect).take(16).collect();
        assert!(waiting.len() < 16, "the queue does not get full");
        let others = Service::start(free_address(), answer);
        Self { refused: free_address(), full: (full, waiting), others }
    }

    /// Names and addresses; the last is for every other name too.
    #[track_caller]
    pub fn addresses(&self) -> [(&'static str, SocketAddr); 3] {
        let full = self.full.0.local_addr().expect("the address of a listener");
        [(REFUSED, self.refused), (FULL, full), (GOOD, self.others.address())]
    }
}

fn answer(request: &Request) -> Answer {
    let name = request.path.split('/').nth(1).unwrap_or_default();
    let body = vec![b'x'; BODY];
    match name {
        SILENT => Answer::silence(),
        RESET => Answer::raw("").then_reset(),
        CUT => Answer::new(200, &[], body).cut(BODY / 2).then_close(),
        _ => Answer::new(name.parse().unwrap_or(200), &[], &body[..1000]),
    }
}

/// Asks a proxy on a connection of its own, and reads all of the answer. Gives the code, or `None` where no answer came.
///
/// `gone`: the client leaves after that time, as a killed one does, if the answer is not there by then.
#[track_caller]
pub fn ask(proxy: SocketAddr, path: &str, gone: Option<Duration>) -> Option<u16> {
    let mut stream = TcpStream::connect(proxy).expect("connect to a proxy");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {proxy}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("ask a proxy");
    if let Some(gone) = gone {
        sleep(gone);
        // Both ways, and nothing is read any more.
        let _ = stream.shutdown(Shutdown::Both);
        return None;
    }
    stream.set_read_timeout(Some(PATIENCE)).expect("set a deadline");
    let mut answer = Vec::new();
    // A cut answer may end in a reset.
    let _ = stream.read_to_end(&mut answer);
    let head = String::from_utf8_lossy(&answer[..answer.len().min(64)]).into_owned();
    head.split(' ').nth(1).and_then(|code| code.parse().ok())
}
