//! A relay before a server: it knows nothing of what passes, and counts connections and bytes. With TLS it is the oracle
//! for both, since no access log tells them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// A running relay; its connections are closed when it is dropped.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    to: SocketAddr,
    counts: Counts,
    stop: AtomicBool,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    to_server: AtomicU64,
    to_client: AtomicU64,
}

impl Relay {
    /// Listens on `address` and passes everything on to a server at `to`.
    #[track_caller]
    pub fn start(address: SocketAddr, to: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("bind the address of a relay");
        let shared = Arc::new(Shared { to, counts: Counts::default(), stop: AtomicBool::new(false) });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections clients have made.
    pub fn connections(&self) -> u64 {
        self.shared.counts.connections.load(Ordering::SeqCst)
    }

    /// How many bytes have been passed to the server.
    pub fn to_server(&self) -> u64 {
        self.shared.counts.to_server.load(Ordering::SeqCst)
    }

    /// How many bytes have been passed to clients.
    pub fn to_client(&self) -> u64 {
        self.shared.counts.to_client.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let (mut open, mut passing) = (Vec::new(), Vec::new());
    for client in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            break;
        }
        let (Ok(client), Ok(server)) = (client, TcpStream::connect(shared.to)) else { continue };
        shared.counts.connections.fetch_add(1, Ordering::SeqCst);
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("set a socket option");
        }
        let twin = |stream: &TcpStream| stream.try_clone().expect("share a socket");
        open.extend([twin(&client), twin(&server)]);
        let ways = [(twin(&client), twin(&server), true), (server, client, false)];
        for (from, to, is_to_server) in ways {
            let shared = Arc::clone(shared);
            passing.push(thread::spawn(move || {
                let counts = &shared.counts;
                pass(from, to, if is_to_server { &counts.to_server } else { &counts.to_client });
            }));
        }
    }
    for stream in open {
        let _ = stream.shutdown(Shutdown::Both);
    }
    for way in passing {
        let _ = way.join();
    }
}

/// Passes bytes on until there are none or nobody wants them; the end is passed on too.
fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        // Ahead of the bytes: nobody has read any that are not counted.
        count.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&bytes[..length]).is_err() {
            let _ = from.shutdown(Shutdown::Read);
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::thread;

    use super::Relay;
    use crate::loopback::free_address;

    /// A server that answers each connection's bytes twice, once all of them have come.
    fn echo_twice(listener: TcpListener) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().expect("accept");
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).expect("the end of what is sent");
                stream.write_all(&bytes.repeat(2)).expect("answer");
            }
        })
    }

    #[test]
    fn connections_and_bytes_are_counted_and_ends_are_passed_on() {
        let listener = TcpListener::bind(free_address()).expect("an address");
        let relay = Relay::start(free_address(), listener.local_addr().expect("its address"));
        let server = echo_twice(listener);
        for length in [300_000, 7] {
            let mut stream = TcpStream::connect(relay.address()).expect("connect");
            stream.write_all(&vec![7; length]).expect("send");
            stream.shutdown(Shutdown::Write).expect("say that this was all");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).expect("the end of the answer");
            assert_eq!(answer, vec![7; 2 * length]);
        }
        server.join().expect("the server");
        assert_eq!((relay.connections(), relay.to_server(), relay.to_client()), (2, 300_007, 600_014));
    }

    #[test]
    fn a_dropped_relay_closes_its_connections() {
        let listener = TcpListener::bind(free_address()).expect("an address");
        let relay = Relay::start(free_address(), listener.local_addr().expect("its address"));
        let mut stream = TcpStream::connect(relay.address()).expect("connect");
        let _held = listener.accept().expect("accept");
        drop(relay);
        assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    }
}
