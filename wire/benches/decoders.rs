//! What each decoder costs on captured bytes: `cargo bench -p wire`. Rounds of all decoders are interleaved, so that a
//! slow moment of the machine hits them alike; the median and the spread (quartiles) of the rounds are printed.

use std::hint::black_box;
use std::time::Instant;

use wire::Decoder as _;
use wire::http::{Direction, Fact, Method, RequestHead, ResponseHead};
use wire::http1::Connection;
use wire::oci::classify;
use wire::registry::RegistryLabel;
use wire::{cri, dns, engine, grpc, http2, manifest, redis, tls, trouble};

const ROUNDS: usize = 101;
const CALLS: u32 = 2_000;

const REQUEST: &[u8] = include_bytes!("../testdata/http1_head/podman_manifest_request.bin");
const RESPONSE: &[u8] = include_bytes!("../testdata/http1_head/podman_manifest_response.bin");
/// Header blocks of a Go client and nginx (see `testdata/http2/go_nginx.frames`): the first request and answer, and those after
/// them.
const H2_REQUESTS: &[u8] = include_bytes!("../testdata/hpack/go_nginx_requests.bin");
const H2_RESPONSES: &[u8] = include_bytes!("../testdata/hpack/go_nginx_responses.bin");
/// A message of 67 bytes with `image.image`, `auth.username` and `auth.password`, and `sandbox_config.metadata.uid`.
const PULL: &[u8] = b"\0\0\0\0\x43\x0a\x1f\x0a\x1dregistry.example.com/team/app\
      \x12\x0e\x0a\x02me\x12\x08password\x1a\x10\x0a\x0e\x12\x0cuid-of-a-pod";
const ERROR: &str = "failed to pull and unpack image \"localhost:5000/app:nope\": failed to resolve reference \
                     \"localhost:5000/app:nope\": localhost:5000/app:nope: not found";
const BODY: [u8; 504] = [b' '; 504];
const BLPOP: &[u8] = b"*3\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n$1\r\n0\r\n";
const ITEM: &[u8] = b"*2\r\n$4\r\njobs\r\n$20\r\n{\"job\": 1, \"args\": 2}\r\n";
const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nxxx\r\n";

fn main() {
    let cases: [(&str, fn()); 19] = [
        ("request head", || drop(black_box(RequestHead::parse(black_box(REQUEST))))),
        ("response head", || drop(black_box(ResponseHead::parse(black_box(RESPONSE), Method::Get)))),
        ("exchange, captured whole", exchange),
        ("exchange, body of 1 GiB counted", counted),
        ("exchange, heads in pieces of 16 bytes", pieces),
        ("h2 request head, HPACK and fields", h2_head),
        ("h2 exchange, body of 1 GiB counted", h2_exchange),
        ("h2, two exchanges of one connection", h2_again),
        ("request path", || {
            drop(black_box(classify(Method::Get, black_box("/v2/test/app/manifests/v1"), None)));
        }),
        ("client hello", || {
            drop(black_box(tls::client_hello(black_box(include_bytes!("../testdata/tls/curl.bin")))));
        }),
        ("dns answer", || {
            drop(black_box(dns::answer(black_box(include_bytes!("../testdata/dns/cname_answer.bin")))));
        }),
        ("pull request of the CRI", || {
            let message = grpc::Message::first(black_box(PULL)).expect("a message");
            black_box(cri::PullImageRequest::read(&message).pod.expect("all of it"));
        }),
        ("answer to a pull of dockerd, 17 lines", || {
            let mut progress = engine::Progress::default();
            progress.feed(black_box(include_bytes!("../testdata/engine/docker_first.json")));
            black_box(progress);
        }),
        ("manifest of two layers", || {
            let document = black_box(include_bytes!("../testdata/manifest/schema2.json"));
            black_box(manifest::Document::parse(document));
        }),
        ("error text", || {
            black_box(trouble::Trouble::of_text(black_box(ERROR)));
        }),
        ("redis, BLPOP and its item", || redis_calls(BLPOP, ITEM)),
        ("redis, SET and its reply", || redis_calls(SET, b"+OK\r\n")),
        ("redis, pipeline of 16 SET, all together", || redis_calls(&SET.repeat(16), &b"+OK\r\n".repeat(16))),
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

fn redis_calls(commands: &[u8], replies: &[u8]) {
    let mut connection = redis::Connection::opened();
    let mut facts = Vec::with_capacity(32);
    connection.data(Direction::Sent, 0, black_box(commands), 1, &mut facts);
    connection.data(Direction::Received, 0, black_box(replies), 2, &mut facts);
    black_box(facts);
}

/// The first `N` blocks of a file, each behind its length.
fn blocks<const N: usize>(mut file: &[u8]) -> [&[u8]; N] {
    std::array::from_fn(|_| {
        let (&length, rest) = file.split_first().expect("a length");
        let (block, rest) = rest.split_at(length.into());
        file = rest;
        block
    })
}

fn h2_head() {
    let [block] = blocks(H2_REQUESTS);
    let mut connection = http2::Connection::opened();
    let mut facts = Vec::with_capacity(8);
    h2_frame(&mut connection, Direction::Sent, 1, 5, 1, black_box(block), &mut facts);
    black_box(facts);
}

fn h2_exchange() {
    let ([request], [response]) = (blocks(H2_REQUESTS), blocks(H2_RESPONSES));
    let mut connection = http2::Connection::opened();
    let mut facts = Vec::with_capacity(8);
    h2_frame(&mut connection, Direction::Sent, 1, 5, 1, black_box(request), &mut facts);
    h2_frame(&mut connection, Direction::Received, 1, 4, 1, black_box(response), &mut facts);
    let body = http2::FrameHead { length: 1 << 30, kind: 0, flags: 0, stream: 1 };
    connection.frame(Direction::Received, &body, &[], 3, &mut facts);
    h2_frame(&mut connection, Direction::Received, 0, 1, 1, &[], &mut facts);
    black_box(facts);
}

/// The second exchange refers to the first.
fn h2_again() {
    let (requests, responses) = (blocks::<2>(H2_REQUESTS), blocks::<2>(H2_RESPONSES));
    let mut connection = http2::Connection::opened();
    let mut facts = Vec::with_capacity(16);
    for (stream, request, response) in [(1, requests[0], responses[0]), (3, requests[1], responses[1])] {
        h2_frame(&mut connection, Direction::Sent, 1, 5, stream, black_box(request), &mut facts);
        h2_frame(&mut connection, Direction::Received, 1, 4, stream, black_box(response), &mut facts);
        h2_frame(&mut connection, Direction::Received, 0, 1, stream, &[], &mut facts);
    }
    black_box(facts);
}

/// A frame that was captured whole.
fn h2_frame(
    connection: &mut http2::Connection,
    direction: Direction,
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &[u8],
    facts: &mut Vec<Fact>,
) {
    let length = u32::try_from(payload.len()).expect("short");
    connection.frame(direction, &http2::FrameHead { length, kind, flags, stream }, payload, 1, facts);
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
