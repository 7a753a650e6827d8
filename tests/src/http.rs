//! A scripted HTTP/1.1 server inside the test program. It is a mock: only what no real server will do, or what has no
//! Debian package (a token server), is built on it.
//!
//! A function turns each request into an [`Answer`], which may be broken in any way. What went out is logged as real
//! servers log it. Connections are counted too, with or without a request on them.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};

use crate::answer::{Answer, Ending};
use crate::log::{Log, LogEntry};

/// How often a thread that waits for its peer looks whether the server is to stop.
const TICK: Duration = Duration::from_millis(50);

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path of the request target.
    pub path: String,
    /// The query of the request target.
    pub query: Option<String>,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
}

impl Request {
    /// The value of the first field of this name (in lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// What the threads of one server share.
struct Shared {
    handler: Box<Handler>,
    address: SocketAddr,
    log: Mutex<Vec<LogEntry>>,
    accepted: AtomicU64,
    stop: AtomicBool,
}

/// A running server; its connections are closed when it is dropped.
pub struct Service {
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl Service {
    /// Listens on `address` and answers with `handler`.
    #[track_caller]
    pub fn start(address: SocketAddr, handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("bind the address of a server");
        let address = listener.local_addr().expect("the address of a listener");
        let (log, accepted, stop) = (Mutex::default(), AtomicU64::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared { handler: Box::new(handler), address, log, accepted, stop });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { shared, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What has been answered so far. A client that has read an answer finds it here.
    pub fn log(&self) -> Log {
        Log(self.shared.log.lock().expect("no thread panics with the log").clone())
    }

    /// How many connections have been accepted.
    pub fn connections(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.shared.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections = Vec::new();
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let Ok(stream) = stream else { continue };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        connections.push(thread::spawn(move || {
            // An error is the client's going away, which the log shows.
            let _ = Connection { stream, shared: &shared, number, received: Vec::new() }.serve();
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

/// Bodies up to this size leave together with their head: a client that looks at the head and closes has then read all
/// that is in the log.
const SMALL: usize = 1024;

struct Connection<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    number: u64,
    received: Vec<u8>,
}

impl Connection<'_> {
    fn serve(&mut self) -> io::Result<()> {
        self.stream.set_read_timeout(Some(TICK))?;
        self.stream.set_write_timeout(Some(TICK))?;
        self.stream.set_nodelay(true)?;
        while let Some(request) = self.read_request()? {
            let answer = (self.shared.handler)(&request);
            let entry = self.enter(&request, &answer);
            if answer.body.len() <= SMALL {
                self.log_body(entry, |bytes| bytes + answer.body.len() as u64);
                self.send(&[&answer.head[..], &answer.body].concat())?;
            } else {
                self.send(&answer.head)?;
                self.send_body(&answer.body, entry)?;
            }
            match answer.ending {
                Ending::KeepAlive => {}
                Ending::Close => return Ok(()),
                Ending::Reset => return self.reset(),
                Ending::Stall => return self.wait_for_the_client_to_leave(),
                Ending::Endless(filler) => loop {
                    self.send(&filler)?;
                },
            }
        }
        Ok(())
    }

    /// Reads one request head (and passes over its body); `None` when the client has no further one.
    fn read_request(&mut self) -> io::Result<Option<Request>> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            let mut head = httparse::Request::new(&mut fields);
            let parsed =
                head.parse(&self.received).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if let httparse::Status::Complete(length) = parsed {
                let (path, query) = LogEntry::split_target(head.path.unwrap_or_default());
                let fields = head.headers.iter().map(|field| {
                    let value = String::from_utf8_lossy(field.value).into_owned();
                    (field.name.to_ascii_lowercase(), value)
                });
                let method = head.method.unwrap_or_default().to_owned();
                let request = Request { method, path, query, fields: fields.collect() };
                let body =
                    request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                while self.received.len() < length + body {
                    if !self.receive()? {
                        return Ok(None);
                    }
                }
                self.received.drain(..length + body);
                return Ok(Some(request));
            }
            if !self.receive()? {
                return Ok(None);
            }
        }
    }

    /// Takes in what has arrived; false when nothing more will.
    fn receive(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.received.extend_from_slice(&bytes[..count]);
                    return Ok(true);
                }
                Err(error) if is_tick(&error) => self.check_stop()?,
                Err(error) => return Err(error),
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if is_tick(&error) => self.check_stop()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends a body in pieces. The log is ahead of each piece, so that nobody reads a byte that is not logged, and is
    /// put right when a piece does not go out.
    fn send_body(&mut self, body: &[u8], entry: usize) -> io::Result<()> {
        for piece in body.chunks(64 * 1024) {
            let size = u64::try_from(piece.len()).expect("a piece is small");
            self.log_body(entry, |bytes| bytes + size);
            if let Err(error) = self.send(piece) {
                self.log_body(entry, |bytes| bytes - size);
                return Err(error);
            }
        }
        Ok(())
    }

    fn log_body(&self, entry: usize, change: impl Fn(u64) -> u64) {
        let mut log = self.shared.log.lock().expect("no thread panics with the log");
        log[entry].body_bytes = change(log[entry].body_bytes);
    }

    fn enter(&self, request: &Request, answer: &Answer) -> usize {
        let mut log = self.shared.log.lock().expect("no thread panics with the log");
        log.push(LogEntry {
            server: Some(self.shared.address),
            connection: Some(self.number),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            code: answer.code,
            body_bytes: 0,
            host: request.field("host").map(str::to_owned),
            protocol: None,
            user_agent: request.field("user-agent").unwrap_or_default().to_owned(),
        });
        log.len() - 1
    }

    /// Closes with a reset. What the client had already received stays readable for it; on loopback that is all that
    /// was sent, as long as it fits the client's receive buffer.
    fn reset(&self) -> io::Result<()> {
        Ok(close_with_reset(&self.stream)?)
    }

    fn wait_for_the_client_to_leave(&mut self) -> io::Result<()> {
        while self.receive()? {}
        Ok(())
    }

    fn check_stop(&self) -> io::Result<()> {
        if self.shared.stop.load(Ordering::SeqCst) { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// Lets the close of `stream` send RST: a linger time of zero (socket(7), `SO_LINGER`).
pub(crate) fn close_with_reset(stream: &TcpStream) -> nix::Result<()> {
    setsockopt(stream, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 })
}

fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
