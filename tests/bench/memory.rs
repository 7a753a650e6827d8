//! Resident memory with 1,000 open connections of a watched process, each with one exchange on it.
//!
//! The process is this program under the name of a client that pullscope watches.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, poll};

use crate::observer::{Observer, Strategy};
use crate::report::{Report, Unit};

const CONNECTIONS: usize = 1000;
const ROUNDS: usize = 3;
/// A target that pullscope has without configuration, and that is no package of the rig.
const NAME: &str = "crane";
/// The argument that makes this program that client.
pub const CLIENT: &str = "--hold-connections";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\
    Docker-Distribution-Api-Version: registry/2.0\r\nX-Content-Type-Options: nosniff\r\n\r\n{}";

pub fn figures(report: &mut Report) {
    raise_limit();
    let [mut before, mut after] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let observer = Observer::start(Strategy::Sock).settled();
        before.push(f64::from(observer.resident()) / 1024.0);
        with_connections(|| {
            let open = || observer.scrape().count("pullscope_connections_open", &[("process", NAME)]);
            poll(PATIENCE, || (open() >= CONNECTIONS as u64).then_some(()))
                .expect("pullscope sees the connections");
            after.push(f64::from(observer.resident()) / 1024.0);
        });
        observer.stop();
    }
    report.bar("resident memory, 1,000 open connections", Unit::Mebibytes, &after, 48.0);
    report.tell("resident memory, none", Unit::Mebibytes, &before);
}

/// Does `work` while the client holds its connections to a server in this process.
#[track_caller]
fn with_connections(work: impl FnOnce()) {
    let dir = tempfile::tempdir().expect("a directory for a client");
    let program = dir.path().join(NAME);
    fs::copy(env::current_exe().expect("the path of this program"), &program).expect("copy this program");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
    let address = listener.local_addr().expect("the address of a listener");
    let server = thread::spawn(move || serve(&listener));
    let mut command = Place::machine().command(&program);
    command.arg(CLIENT).arg(address.to_string());
    let client = Running::spawn(command);
    let connections = server.join().expect("the server answers every connection");
    work();
    drop((client.kill(), connections));
}

/// Answers one request on each connection and keeps them all.
#[track_caller]
fn serve(listener: &TcpListener) -> Vec<TcpStream> {
    let answer = |_| {
        let (stream, _) = listener.accept().expect("accept a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("limit the wait for a request");
        let request = BufReader::new(&stream).lines().map(|line| line.expect("read a request"));
        request.take_while(|line| !line.is_empty()).for_each(drop);
        (&stream).write_all(ANSWER).expect("answer a request");
        stream
    };
    (0..CONNECTIONS).map(answer).collect()
}

/// What this program does as the client: opens the connections, makes a request on each, keeps them until it is killed.
#[track_caller]
pub fn hold_connections(address: &str) {
    raise_limit();
    let address: SocketAddr = address.parse().expect("the address of the server");
    let exchange = |number| {
        let mut stream = TcpStream::connect(address).expect("connect");
        let request = format!(
            "GET /v2/team/application-{number}/manifests/v1 HTTP/1.1\r\nHost: {address}\r\n\
             User-Agent: crane/0.20\r\nAccept: application/vnd.oci.image.index.v1+json\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("send a request");
        stream.read_exact(&mut [0; ANSWER.len()]).expect("read an answer");
        stream
    };
    let _connections: Vec<_> = (0..CONNECTIONS).map(exchange).collect();
    thread::sleep(Duration::from_secs(3600));
}

/// Descriptors for all connections: the usual limit is 1024.
#[track_caller]
fn raise_limit() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of descriptors");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("raise the limit of descriptors");
}
