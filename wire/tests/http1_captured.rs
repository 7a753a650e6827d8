//! Exchanges of real programs, captured on loopback: skopeo, podman and curl against docker-registry and nginx. Each is
//! decoded as captured, in pieces of every size, from both ends, and joined late.

mod support;

use std::fmt::Write;

use support::{Op, decode, merged, run};
use wire::http::{Fact, Outcome};
use wire::http1::Connection;

/// Name, recording, and what must come out: method, status, request body and response body of each exchange.
macro_rules! recordings {
    ($($name:literal: $expected:literal,)*) => {
        const RECORDINGS: &[(&str, &[u8], &str)] =
            &[$(($name, include_bytes!(concat!("../testdata/http1/", $name, ".ops")), $expected)),*];
    };
}

// Numbers are those of the servers' logs and the files' sizes.
recordings! {
    "curl_blob": "GET 200 0 200000",
    "curl_catalog": "GET 200 0 30",
    "curl_chunked_blob_204_404": "GET 200 0 70|GET 200 0 200000|GET 204 0 0|GET 404 0 114",
    "curl_h2c_offer": "GET 200 0 5009",
    "curl_heads": "HEAD 200 0 0|HEAD 200 0 0",
    "curl_http10_until_close": "GET 200 0 5009",
    "curl_put_500": "PUT 500 200000 177",
    "curl_put_continue_201": "PUT 201 5009 0",
    "curl_ranges": "GET 206 0 100|GET 206 0 100",
    "curl_redirect": "GET 307 0 171",
    "podman_blob": "GET 200 0 61054",
    "podman_manifest": "GET 200 0 504",
    "podman_ping": "GET 200 0 2",
    "skopeo_blob": "GET 200 0 61054",
    "skopeo_head_blob_404": "HEAD 404 0 0",
    "skopeo_manifest": "GET 200 0 504",
    "skopeo_ping": "GET 200 0 2",
    "skopeo_put_manifest": "PUT 201 504 0",
    "skopeo_tags": "GET 200 0 34",
    "skopeo_tls_probe": "no_request",
    "skopeo_upload_patch_chunked": "PATCH 202 ? 0",
    "skopeo_upload_put": "PUT 201 0 0",
    "skopeo_upload_start": "POST 202 0 0",
}

/// The exchanges of a run, as the table has them.
fn summary(facts: &[Fact]) -> String {
    let mut lines: Vec<(String, u16, u64, u64, bool)> = Vec::new();
    let mut text = String::new();
    for fact in facts {
        match fact {
            Fact::Request { head, .. } => lines.push((head.method.as_str().into(), 0, 0, 0, false)),
            Fact::Response { exchange, head, .. } => lines[*exchange as usize].1 = head.code,
            Fact::RequestBody { exchange, bytes } => lines[*exchange as usize].2 += bytes,
            Fact::Body { exchange, bytes } => lines[*exchange as usize].3 += bytes,
            Fact::End { exchange, outcome, exact, .. } => {
                lines[*exchange as usize].4 = *outcome == Outcome::Complete && *exact;
            }
            Fact::Unparsed { reason } => write!(text, "{}", reason.as_str()).expect("a string"),
            Fact::Unnamed { .. } | Fact::Content { .. } | Fact::Trailers { .. } | Fact::Upgraded { .. } => {}
        }
    }
    for (method, code, sent, received, complete) in lines {
        assert!(complete, "{method} {code} is not complete");
        let separator = if text.is_empty() { "" } else { "|" };
        write!(text, "{separator}{method} {code} {sent} {received}").expect("a string");
    }
    text
}

/// The same connection, seen from the other end.
fn other_end(ops: &[Op]) -> Vec<Op> {
    ops.iter()
        .cloned()
        .map(|mut op| {
            match &mut op {
                Op::Data { direction, .. } | Op::Gap { direction, .. } => *direction = direction.opposite(),
            }
            op
        })
        .collect()
}

fn assert_summary(name: &str, facts: &[Fact], expected: &str) {
    let got = summary(facts);
    let (start, end) = expected.split_once('?').unwrap_or((expected, ""));
    let fits = got.starts_with(start) && got.ends_with(end) && (got == expected || expected.contains('?'));
    assert!(fits, "{name}: {got}");
}

#[test]
fn every_exchange_comes_out_as_the_server_logged_it() {
    for (name, recording, expected) in RECORDINGS {
        let ops = decode(recording);
        for ops in [other_end(&ops), ops] {
            assert_summary(name, &run(Connection::opened(), &ops, usize::MAX), expected);
            assert_summary(name, &run(Connection::new(), &ops, usize::MAX), expected);
        }
    }
}

#[test]
fn how_the_bytes_are_cut_changes_nothing() {
    for (name, recording, _) in RECORDINGS {
        let ops = decode(recording);
        let whole = merged(&run(Connection::opened(), &ops, usize::MAX));
        for split in 1..600 {
            assert_eq!(merged(&run(Connection::opened(), &ops, split)), whole, "{name} in pieces of {split}");
        }
    }
}

#[test]
fn a_connection_cut_at_any_byte_ends_every_exchange() {
    for (name, recording, _) in RECORDINGS.iter().filter(|(_, recording, _)| recording.len() < 2500) {
        let ops = decode(recording);
        for keep in 0..recording.len() {
            let mut left = keep;
            let mut cut = Vec::new();
            for op in &ops {
                let Op::Data { direction, bytes, .. } = op else { continue };
                let taken = left.min(bytes.len());
                left -= taken;
                cut.push(Op::data(*direction, &bytes[..taken]));
            }
            let facts = run(Connection::opened(), &cut, usize::MAX);
            assert!(
                facts.iter().all(|f| !matches!(f, Fact::End { outcome: Outcome::Unknown, .. })),
                "{name}"
            );
        }
    }
}

#[test]
fn joining_at_any_byte_never_makes_an_exchange_up() {
    for (name, recording, _) in RECORDINGS.iter().filter(|(_, recording, _)| recording.len() < 2500) {
        let ops = decode(recording);
        let total = summary(&run(Connection::new(), &ops, usize::MAX));
        let Some(Op::Data { bytes: first, direction, .. }) = ops.first() else { continue };
        for skipped in 1..=first.len() {
            let mut late = ops.clone();
            late[0] = Op::data(*direction, &first[skipped..]);
            let got = summary(&run(Connection::new(), &late, usize::MAX));
            let rest = total.split_once('|').map_or("", |(_, rest)| rest);
            let expected = if rest.is_empty() { "no_request".into() } else { format!("no_request|{rest}") };
            assert_eq!(got, expected, "{name} joined {skipped} bytes late");
        }
    }
}
