//! HTTP/2 connections of real programs, captured on loopback. What must come out is what the servers logged.

#[path = "support/http2.rs"]
mod support;

use std::collections::BTreeMap;

use support::{Call, decode, run};
use wire::http::{Direction, Fact, Outcome};
use wire::http2::Connection;

const GO_REGISTRY: &[u8] = include_bytes!("../testdata/http2/go_registry.frames");
const GO_NGINX: &[u8] = include_bytes!("../testdata/http2/go_nginx.frames");

/// Recording, and what its server logged: method, path, status, request body, response body.
const RECORDINGS: [(&[u8], &[&str]); 6] = [
    (include_bytes!("../testdata/http2/curl_blob.frames"), &["GET /blob 200 0 200000"]),
    (include_bytes!("../testdata/http2/curl_heads.frames"), &["HEAD /blob 200 0 0"]),
    (include_bytes!("../testdata/http2/curl_range.frames"), &["GET /blob 206 0 100"]),
    (include_bytes!("../testdata/http2/curl_put.frames"), &["PUT /up/x 500 5009 177"]),
    (
        GO_NGINX,
        &[
            "GET /blob 200 0 200000",
            "GET /small 200 0 5009",
            "HEAD /blob 200 0 0",
            "GET /blob 206 0 100",
            "GET /blob 206 0 100000",
            "GET /nope 404 0 114",
            "GET /moved 307 0 171",
            "GET /auth 401 0 2",
            "GET /none 204 0 0",
            "GET /empty 200 0 0",
            "PUT /up/x 500 30000 177",
            "GET /small 200 0 5009",
        ],
    ),
    (
        GO_REGISTRY,
        &[
            "GET /v2/ 401 0 0",
            "GET /v2/app/blobs/0 200 0 70000",
            "GET /v2/app/blobs/1 200 0 70000",
            "GET /v2/app/blobs/2 200 0 70000",
            "GET /v2/app/blobs/3 200 0 70000",
            "GET /v2/app/blobs/4 200 0 70000",
            "GET /v2/app/blobs/5 200 0 70000",
            "GET /v2/app/blobs/6 200 0 70000",
            "GET /v2/app/blobs/7 200 0 70000",
            "GET /v2/app/blobs/8 200 0 70000",
            "GET /v2/app/blobs/9 200 0 70000",
            "GET /v2/app/blobs/10 200 0 70000",
            "GET /v2/app/blobs/11 200 0 70000",
            "GET /v2/app/blobs/12 200 0 70000",
            "GET /v2/app/blobs/13 200 0 70000",
            "GET /v2/app/blobs/14 200 0 70000",
            "GET /v2/app/blobs/15 200 0 70000",
            "HEAD /v2/app/blobs/16 200 0 0",
            "GET /trailers 200 0 5",
            "GET /hints 204 0 0",
            "GET /long 307 0 0",
            "POST /up 201 40000 0",
            "POST /up 201 3000 0",
            // The client cancelled it.
            "GET /slow 200 0 100 cut",
            "GET /v2/app/blobs/17 200 0 70000",
            "GET /v2/app/blobs/17 200 0 70000",
        ],
    ),
];

/// In the place of a request that cannot be read.
const UNNAMED: &str = "unnamed";

/// The exchanges of a run as the servers log them; those without a name are left out.
fn summary(facts: &[Fact]) -> Vec<String> {
    let mut exchanges: BTreeMap<u32, (String, u16, u64, u64, String)> = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Request { exchange, head, .. } => {
                let line = format!("{} {}", head.method.as_str(), head.target.as_str());
                exchanges.insert(*exchange, (line, 0, 0, 0, String::new()));
            }
            Fact::Response { exchange, head, .. } => {
                exchanges.get_mut(exchange).expect("asked").1 = head.code;
            }
            Fact::RequestBody { exchange, bytes } => exchanges.get_mut(exchange).expect("asked").2 += bytes,
            Fact::Body { exchange, bytes } => exchanges.get_mut(exchange).expect("asked").3 += bytes,
            Fact::End { exchange, outcome, exact, .. } => {
                assert!(exact);
                exchanges.get_mut(exchange).expect("asked").4 = match outcome {
                    Outcome::Complete => String::new(),
                    Outcome::Cut => " cut".into(),
                    Outcome::Unknown => " unknown".into(),
                };
            }
            Fact::Unnamed { exchange, .. } => {
                exchanges.insert(*exchange, (UNNAMED.into(), 0, 0, 0, String::new()));
            }
            Fact::Content { .. } | Fact::Trailers { .. } | Fact::Unparsed { .. } | Fact::Upgraded { .. } => {}
        }
    }
    let line = |(asked, code, sent, received, end)| format!("{asked} {code} {sent} {received}{end}");
    exchanges.into_values().filter(|(asked, ..)| asked != UNNAMED).map(line).collect()
}

fn sorted(lines: &[impl ToString]) -> Vec<String> {
    let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    lines.sort();
    lines
}

/// The same connection, seen from the other end.
fn other_end(calls: &[Call]) -> Vec<Call> {
    let mut calls = calls.to_vec();
    for call in &mut calls {
        match call {
            Call::Frame { direction, .. } | Call::Lost { direction } => *direction = direction.opposite(),
        }
    }
    calls
}

fn unparsed(facts: &[Fact]) -> Vec<&'static str> {
    let reason = |fact: &Fact| match fact {
        Fact::Unparsed { reason } => Some(reason.as_str()),
        _ => None,
    };
    facts.iter().filter_map(reason).collect()
}

#[test]
fn every_exchange_comes_out_as_the_server_logged_it() {
    for (recording, logged) in RECORDINGS {
        let calls = decode(recording);
        for calls in [other_end(&calls), calls] {
            for connection in [Connection::opened(), Connection::new()] {
                let facts = run(connection, &calls);
                assert_eq!(sorted(&summary(&facts)), sorted(logged));
                assert!(unparsed(&facts).is_empty());
            }
        }
    }
}

#[test]
fn the_order_of_the_directions_does_not_matter() {
    for (recording, logged) in RECORDINGS {
        let calls = decode(recording);
        let of = |wanted: Direction| move |call: &&Call| matches!(call, Call::Frame { direction, .. } if *direction == wanted);
        // A window of calls in which what was received comes first, as if another CPU had been slow to tell what was sent.
        for window in [2, 3, 10] {
            let shuffled: Vec<Call> = calls
                .chunks(window)
                .flat_map(|calls| {
                    let received = calls.iter().filter(of(Direction::Received));
                    received.chain(calls.iter().filter(of(Direction::Sent))).cloned()
                })
                .collect();
            let facts = run(Connection::opened(), &shuffled);
            let got: Vec<String> = summary(&facts).iter().map(|line| without_sent(line)).collect();
            let expected: Vec<String> = logged.iter().map(|line| without_sent(line)).collect();
            assert_eq!(sorted(&got), sorted(&expected), "in windows of {window}");
        }
    }
}

/// A line without the length of the request's body: what is told after the end of the response is not counted.
fn without_sent(line: &str) -> String {
    let words = line.split(' ').enumerate().filter(|(place, _)| *place != 3);
    words.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

#[test]
fn joining_at_any_frame_makes_nothing_up() {
    for (recording, logged) in RECORDINGS {
        let calls = decode(recording);
        let logged = sorted(logged);
        for joined in 1..calls.len() {
            let facts = run(Connection::new(), &calls[joined..]);
            let lines = summary(&facts);
            for line in &lines {
                let found = logged.iter().any(|logged| line == logged || is_start_of(line, logged));
                assert!(found, "{line} was made up, joined at {joined}");
            }
        }
    }
}

/// Whether a line is a logged one of which the response could not be read.
fn is_start_of(line: &str, logged: &str) -> bool {
    let asked = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    line.ends_with(" unknown") && line.contains(" 0 ") && asked(line) == asked(logged)
}

#[test]
fn after_a_loss_nothing_is_made_up() {
    for (recording, logged) in RECORDINGS {
        let calls = decode(recording);
        for missed in 0..calls.len() {
            let mut with_loss = calls.clone();
            let (Call::Frame { direction, .. } | Call::Lost { direction }) = calls[missed];
            with_loss[missed] = Call::Lost { direction };
            let facts = run(Connection::opened(), &with_loss);
            for line in summary(&facts).iter().filter(|line| !line.ends_with(" unknown")) {
                assert!(logged.contains(&line.as_str()), "{line} was made up, without frame {missed}");
            }
        }
    }
}

#[test]
fn a_head_of_which_only_the_start_was_captured_is_never_wrong() {
    for (recording, logged) in RECORDINGS {
        for most in [0, 1, 5, 20, 60, 200] {
            let mut calls = decode(recording);
            for call in &mut calls {
                if let Call::Frame { payload, .. } = call {
                    payload.truncate(most);
                }
            }
            let facts = run(Connection::opened(), &calls);
            for line in summary(&facts) {
                let asked = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
                assert!(logged.iter().any(|logged| asked(logged) == asked(&line)), "{line}, {most} bytes");
            }
            let heads = unparsed(&facts).len() + summary(&facts).len();
            assert!(heads >= logged.len(), "requests went missing without a reason");
        }
    }
}
