//! A client that makes small exchanges with a registry at a rate, in the clear and over connections that are kept, and the
//! registry that answers it.
//!
//! The client is this program under another name, as pullscope tells what to watch by the name of a process. The registry is in
//! the process of the benchmark, which nobody watches, and makes up whatever it is asked for.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running};

/// The argument that makes this program the client.
pub const CLIENT: &str = "--exchange";

const CONNECTIONS: usize = 10;
/// Exchanges that make one image: its manifest, its config and two layers.
pub const PER_IMAGE: u64 = 4;
const BLOB: usize = 2048;
/// More than any request has.
const LONGEST_REQUEST: usize = 4096;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// One image after the other on each connection, each another.
    Images,
    /// The same without the manifests: blobs that nothing names.
    Blobs,
}

impl Mix {
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Blobs => "blobs",
        }
    }
}

/// How much the client does.
#[derive(Clone, Copy)]
pub struct Load {
    pub mix: Mix,
    /// Exchanges a second, on all connections together.
    pub rate: u64,
    pub seconds: u64,
}

impl Load {
    pub fn exchanges(self) -> u64 {
        self.rate * self.seconds
    }
}

/// The client as a process called `name` does `load`. Gives the seconds that it took, from the first request to the last answer.
#[track_caller]
pub fn run(name: &str, load: Load) -> f64 {
    let dir = tempfile::tempdir().expect("a directory for a client");
    let program = dir.path().join(name);
    fs::copy(env::current_exe().expect("the path of this program"), &program).expect("copy this program");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a port");
    let address = listener.local_addr().expect("the address of a listener");
    let registry = thread::spawn(move || serve(&listener));
    let client = start(&program, address, load);
    let outcome = client.wait(Duration::from_secs(load.seconds) + PATIENCE).expect_ok();
    registry.join().expect("the registry answers every request");
    outcome.stdout.trim().parse().expect("the seconds that the client took")
}

#[track_caller]
fn start(program: &Path, address: SocketAddr, load: Load) -> Running {
    let mut command = Place::machine().command(program);
    command.arg(CLIENT).arg(address.to_string()).arg(load.mix.name());
    command.arg(load.rate.to_string()).arg(load.seconds.to_string());
    Running::spawn(command)
}

/// What this program does as the client: `ADDRESS MIX RATE SECONDS`.
#[track_caller]
pub fn client(arguments: &[String]) {
    let [address, mix, rate, seconds] = arguments else { panic!("not the arguments of the client") };
    let address: SocketAddr = address.parse().expect("the address of the registry");
    let mix = if *mix == Mix::Images.name() { Mix::Images } else { Mix::Blobs };
    let number = |text: &String| text.parse().expect("a number");
    let load = Load { mix, rate: number(rate), seconds: number(seconds) };
    // All connections stand before the first request.
    let connect = |_| TcpStream::connect(address).expect("connect");
    let streams: Vec<_> = (0..CONNECTIONS).map(connect).collect();
    let began = Instant::now();
    let each = |(number, stream)| thread::spawn(move || exchange(number, stream, load, began));
    let threads: Vec<_> = streams.into_iter().enumerate().map(each).collect();
    for thread in threads {
        thread.join().expect("a connection does its part");
    }
    println!("{}", began.elapsed().as_secs_f64());
}

/// The part of one connection. An exchange that is late is made up for at once.
#[track_caller]
fn exchange(number: usize, mut stream: TcpStream, load: Load, began: Instant) {
    stream.set_nodelay(true).expect("send requests at once");
    let connections = CONNECTIONS as u64;
    let share = load.exchanges() / connections;
    assert_eq!(share * connections, load.exchanges(), "all connections do the same");
    let host = stream.peer_addr().expect("the address of the registry");
    let apart = Duration::from_secs(load.seconds).div_f64(share as f64);
    // Connections take turns.
    let began = began + apart.mul_f64(number as f64 / CONNECTIONS as f64);
    let mut answer = vec![0; LONGEST_REQUEST];
    for count in 0..share {
        let due = began + apart.mul_f64(count as f64);
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            sleep(early);
        }
        let (image, step) = (count / PER_IMAGE * connections + number as u64, count % PER_IMAGE);
        let (what, accept) = match (load.mix, step) {
            (Mix::Images, 0) => ("manifests", "application/vnd.oci.image.manifest.v1+json"),
            _ => ("blobs", "*/*"),
        };
        let request = format!(
            "GET /v2/team/application-{image}/{what}/{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: bench/1.0\r\n\
             Accept: {accept}\r\nAccept-Encoding: gzip\r\n\r\n",
            digest(image, step)
        );
        stream.write_all(request.as_bytes()).expect("send a request");
        read_answer(&mut stream, &mut answer);
    }
}

#[track_caller]
fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).expect("read an answer");
        assert_ne!(read, 0, "the registry is gone");
        filled += read;
        let Some(head) = head(&buffer[..filled]) else { continue };
        let text = str::from_utf8(&buffer[..head]).expect("a head in ASCII");
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("the length of an answer");
        if filled == head + length {
            return;
        }
    }
}

/// Answers all connections until their client closes them.
#[track_caller]
fn serve(listener: &TcpListener) {
    let answer = |_| {
        let (stream, _) = listener.accept().expect("accept a connection");
        thread::spawn(move || answer(stream))
    };
    let threads: Vec<_> = (0..CONNECTIONS).map(answer).collect();
    for thread in threads {
        thread.join().expect("a connection is served to its end");
    }
}

#[track_caller]
fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("send answers at once");
    let mut request = vec![0; LONGEST_REQUEST];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut request[filled..]).expect("read a request");
        if read == 0 {
            return;
        }
        filled += read;
        let Some(head) = head(&request[..filled]) else { continue };
        // The client waits for the answer.
        assert_eq!(head, filled, "one request at a time");
        filled = 0;
        let path = str::from_utf8(&request[..head]).expect("a head in ASCII").split(' ').nth(1);
        stream.write_all(&made_up(path.expect("a path"))).expect("send an answer");
    }
}

/// Head and body of the answer to a request for `path`.
#[track_caller]
fn made_up(path: &str) -> Vec<u8> {
    let (path, digest) = path.rsplit_once('/').expect("a digest");
    let (kind, body) = if path.ends_with("manifests") {
        ("application/vnd.oci.image.manifest.v1+json", manifest(path).into_bytes())
    } else {
        ("application/octet-stream", vec![b'x'; BLOB])
    };
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: {kind}\r\nDocker-Content-Digest: {digest}\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\nEtag: \"{digest}\"\r\nX-Content-Type-Options: nosniff\r\n\
         Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n\r\n",
        body.len()
    );
    // Not in two packets.
    answer.reserve(body.len());
    let mut answer = answer.into_bytes();
    answer.extend(body);
    answer
}

/// The manifest of the image whose repository is in `path`.
#[track_caller]
fn manifest(path: &str) -> String {
    let number = path.split('/').nth(3).and_then(|name| name.strip_prefix("application-"));
    let image = number.and_then(|number| number.parse().ok()).expect("the number of an image");
    let named = |step, kind| {
        format!(
            "{{\"mediaType\":\"application/vnd.oci.image.{kind}\",\"digest\":\"{}\",\"size\":{BLOB}}}",
            digest(image, step)
        )
    };
    let layers = [2, 3].map(|step| named(step, "layer.v1.tar+gzip")).join(",");
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{},\
         \"layers\":[{layers}]}}",
        named(1, "config.v1+json")
    )
}

/// The manifest of an image (step 0) and what it names.
fn digest(image: u64, step: u64) -> String {
    format!("sha256:{:064x}", image * PER_IMAGE + step)
}

/// The length of a complete head, with the empty line behind it.
fn head(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    bytes.windows(END.len()).position(|four| four == END).map(|at| at + END.len())
}
