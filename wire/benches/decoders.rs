//! What each decoder costs on captured bytes: `cargo bench -p wire`. Rounds of all decoders are interleaved, so that a
//! slow moment of the machine hits them alike; the median and the spread (quartiles) of the rounds are printed.

use std::hint::black_box;
use std::time::Instant;

use wire::http1::{Connection, Direction, Method, RequestHead, ResponseHead};
use wire::oci::classify;
use wire::registry::RegistryLabel;
use wire::{dns, tls};

const ROUNDS: usize = 101;
const CALLS: u32 = 2_000;

const REQUEST: &[u8] = include_bytes!("../testdata/http1_head/podman_manifest_request.bin");
const RESPONSE: &[u8] = include_bytes!("../testdata/http1_head/podman_manifest_response.bin");
const BODY: [u8; 504] = [b' '; 504];

fn main() {
    let cases: [(&str, fn()); 9] = [
        ("request head", || drop(black_box(RequestHead::parse(black_box(REQUEST))))),
        ("response head", || drop(black_box(ResponseHead::parse(black_box(RESPONSE), Method::Get)))),
        ("exchange, captured whole", exchange),
        ("exchange, body of 1 GiB counted", counted),
        ("exchange, heads in pieces of 16 bytes", pieces),
        ("request path", || {
            drop(black_box(classify(Method::Get, black_box("/v2/test/app/manifests/v1"), None)));
        }),
        ("client hello", || {
            drop(black_box(tls::client_hello(black_box(include_bytes!("../testdata/tls/curl.bin")))));
        }),
        ("dns answer", || {
            drop(black_box(dns::answer(black_box(include_bytes!("../testdata/dns/cname_answer.bin")))));
        }),
        ("registry label", || {
            drop(black_box(RegistryLabel::from_host(black_box("registry.example.co.uk:5000"))));
        }),
    ];
    let mut rounds = vec![Vec::with_capacity(ROUNDS); cases.len()];
    for _ in 0..ROUNDS {
        for ((_, case), times) in cases.iter().zip(&mut rounds) {
            let start = Instant::now();
            for _ in 0..CALLS {
                case();
            }
            times.push(start.elapsed() / CALLS);
        }
    }
    println!("{:40} {:>10} {:>10} {:>10}", "nanoseconds per call", "median", "25 %", "75 %");
    for ((name, _), times) in cases.iter().zip(&mut rounds) {
        times.sort();
        let at = |quarter: usize| times[times.len() * quarter / 4].as_nanos();
        println!("{name:40} {:>10} {:>10} {:>10}", at(2), at(1), at(3));
    }
}

fn exchange() {
    let mut connection = Connection::opened();
    let mut facts = Vec::with_capacity(8);
    connection.data(Direction::Sent, 0, black_box(REQUEST), 1, &mut facts);
    connection.data(Direction::Received, 0, black_box(RESPONSE), 2, &mut facts);
    connection.data(Direction::Received, RESPONSE.len() as u64, black_box(&BODY), 3, &mut facts);
    black_box(facts);
}

fn counted() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    let mut connection = Connection::opened();
    let mut facts = Vec::with_capacity(8);
    connection.data(Direction::Sent, 0, black_box(REQUEST), 1, &mut facts);
    connection.data(Direction::Received, 0, black_box(HEAD), 2, &mut facts);
    connection.advanced(Direction::Received, HEAD.len() as u64 + (1 << 30), 3, &mut facts);
    black_box(facts);
}

fn pieces() {
    let mut connection = Connection::opened();
    let mut facts = Vec::with_capacity(8);
    for (direction, bytes) in [(Direction::Sent, REQUEST), (Direction::Received, RESPONSE)] {
        let mut position = 0;
        for piece in bytes.chunks(16) {
            connection.data(direction, position, black_box(piece), 1, &mut facts);
            position += piece.len() as u64;
        }
    }
    black_box(facts);
}
