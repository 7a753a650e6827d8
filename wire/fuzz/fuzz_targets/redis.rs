//! Any sequence of calls on a connection: its rules hold. Any bytes as replies: what another library reads as values comes out as
//! it reads them, however it is cut.
#![no_main]

#[path = "../../tests/support/redis.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use redis_protocol::resp3::decode::complete::decode as other;
use redis_protocol::resp3::types::OwnedFrame;
use support::{Op, decode, run, text};
use wire::http::Direction;
use wire::redis::{Connection, Fact, Reply};

fuzz_target!(|recording: &[u8]| {
    let ops = decode(recording);
    for start in [Connection::opened as fn() -> Connection, Connection::new] {
        for split in [usize::MAX, 5] {
            run(start(), &ops, split);
        }
    }
    values(recording);
});

fn values(mut bytes: &[u8]) {
    let all = bytes;
    let mut frames = Vec::new();
    while let Ok(Some((frame, length))) = other(bytes) {
        // The other library takes what the protocol does not allow, and needs memory for what is announced.
        if !is_plain(&bytes[..length]) {
            break;
        }
        frames.push(frame);
        bytes = &bytes[length..];
    }
    let bytes = &all[..all.len() - bytes.len()];
    let mut ops: Vec<Op> =
        frames.iter().map(|_| Op::data(Direction::Sent, b"*1\r\n$4\r\nPING\r\n")).collect();
    ops.push(Op::data(Direction::Received, bytes));
    let whole = run(Connection::opened(), &ops, usize::MAX);
    assert_eq!(text(&whole), text(&run(Connection::opened(), &ops, 1)));
    let mut replies = whole.iter().filter_map(|fact| match fact {
        Fact::Reply { reply, .. } => Some(reply),
        Fact::Unparsed { reason } => panic!("{}", reason.as_str()),
        _ => None,
    });
    for frame in &frames {
        let reply = replies.next().expect("a reply");
        match (frame, reply) {
            (OwnedFrame::Number { data, .. }, Reply::Integer(number)) => assert_eq!(data, number),
            (OwnedFrame::BlobString { data, .. }, Reply::Text(text)) => {
                let kept = std::str::from_utf8(data).ok().filter(|data| data.len() <= 64);
                assert_eq!(text.as_deref(), kept);
            }
            (OwnedFrame::Array { data, .. }, Reply::Array { count, .. }) => assert_eq!(data.len(), *count),
            (OwnedFrame::Null, Reply::Nil) => {}
            (frame, reply) => panic!("{frame:?} is {reply:?}"),
        }
    }
}

/// Whether this is one of the values whose form leaves no room: strings, integers, nulls and arrays with plain lengths.
fn is_plain(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let (head, after) = (&rest[..end], &rest[end + 2..]);
        let digits = |text: &[u8]| (1..=6).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
        rest = match head {
            [b'*' | b':', number @ ..] if digits(number) => after,
            [b'_'] => after,
            [b'$', length @ ..] if digits(length) => {
                let length: usize = String::from_utf8_lossy(length).parse().expect("digits");
                match after.get(length + 2..) {
                    Some(after) => after,
                    None => return false,
                }
            }
            _ => return false,
        };
    }
    rest.is_empty()
}
