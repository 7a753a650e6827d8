//! Conversations of real programs with redis-server, captured on loopback. Each is decoded as captured, in pieces, from both
//! ends, and joined late. What must come out is what the programs said that they asked and got.

#[path = "support/redis.rs"]
mod support;

use support::{Op, decode, run, text};
use wire::redis::Connection;

/// Name, recording, and the commands with their replies.
macro_rules! recordings {
    ($($name:literal: [$($line:expr,)*],)*) => {
        const RECORDINGS: &[(&str, &[u8], &[&str])] =
            &[$(($name, include_bytes!(concat!("../testdata/redis/", $name, ".ops")), &[$($line),*])),*];
    };
}

recordings! {
    // Items of 3, 10,000 and 70,000 bytes, none within a second, and one more.
    "py_consumer": [
        "BLPOP mail jobs 1 = [jobs,one]",
        "BLPOP mail jobs 1 = [jobs,~]",
        "BLPOP mail jobs 1 = [jobs,~]",
        "BLPOP mail jobs 1 = nil",
        "BLPOP mail jobs 0 = [mail,three]",
    ],
    // Three sessions made in one pipeline, changed, listed, read and removed.
    "py_sessions": [
        "SETNX session:0 ~ = 1",
        "ZADD session:expiry 1700000000 0 = 1",
        "ZADD session:last_activity 1700000000 0 = 1",
        "SETNX session:1 ~ = 1",
        "ZADD session:expiry 1700000001 1 = 1",
        "ZADD session:last_activity 1700000001 1 = 1",
        "SETNX session:2 ~ = 1",
        "ZADD session:expiry 1700000002 2 = 1",
        "ZADD session:last_activity 1700000002 2 = 1",
        "SETNX session:0 again = 0",
        "SET session:1 {} XX = +OK",
        "SET session:9 {} XX = nil",
        "ZRANGEBYSCORE session:last_activity -inf 1700000001 LIMIT 0 100 = [0,1]",
        "GET session:0 = ~",
        "GET session:1 = {}",
        "GET session:9 = nil",
        "DEL session:0 = 1",
        "ZREM session:expiry 0 = 1",
        "ZREM session:last_activity 0 = 1",
        "INCRBY session:2 1 = -ERR",
    ],
    // One that runs, one whose key was changed by somebody else, one with an error, one that can't run, one that is given up.
    "py_transactions": [
        "MULTI = +OK",
        "INCRBY a 1 = 1",
        "LPUSH l 1 2 = 2",
        "LRANGE l 0 -1 = [2,1]",
        "GET none = nil",
        "EXEC = [~,~,~,~]",
        "WATCH a = +OK",
        "MULTI = +OK",
        "INCRBY a 1 = nil",
        "EXEC = nil",
        "MULTI = +OK",
        "SET s x = +OK",
        "INCRBY s 1 = -ERR",
        "GET s = x",
        "EXEC = [OK,~,x]",
        "MULTI = +OK",
        "GET = -ERR",
        "GET s = -EXECABORT",
        "EXEC = -EXECABORT",
        "MULTI = +OK",
        "GET s = nil",
        "DISCARD = +OK",
    ],
    "py_auth": [
        "AUTH .. = +OK",
        "PING = +PONG",
        "CONFIG .. = [,..2]",
        "ECHO hello = hello",
    ],
    "py_pubsub": [
        "SUBSCRIBE news = ?",
        "UNSUBSCRIBE news = ?",
        "redis_unpaired",
    ],
    // Maps, sets, doubles, nulls, pushes. The documentation of all commands was not captured to its end.
    "cli_resp3": [
        "HELLO .. = [,..14]",
        "COMMAND .. = ?",
        "hgetall h = [a,1,b,2]",
        "smembers s = [m]",
        "zscore z m = other",
        "get none = nil",
        "get h = -WRONGTYPE",
        "client tracking on = +OK",
        "get k = nil",
        "set k 1 = +OK",
        "get k = 1",
        "zpopmin z 2 = [~]",
        "set k 2 = +OK",
        "client no-evict on = +OK",
        "lolwut version 1 = Redis ver. 7.0.15\n",
        "ping = +PONG",
        "redis_hole",
    ],
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

#[test]
fn every_command_has_the_reply_that_the_program_got() {
    for (name, recording, expected) in RECORDINGS {
        let ops = decode(recording);
        assert_eq!(text(&run(Connection::opened(), &ops, usize::MAX)), *expected, "{name}");
        assert_eq!(
            text(&run(Connection::opened(), &other_end(&ops), usize::MAX)),
            *expected,
            "{name} served"
        );
    }
}

#[test]
fn how_the_bytes_are_cut_changes_nothing() {
    for (name, recording, expected) in RECORDINGS {
        // A direction that has lost track is read again where a span begins like a value: that has to be seen at once.
        let least = if expected.contains(&"redis_hole") { 8 } else { 1 };
        for split in least..200 {
            let ops = decode(recording);
            assert_eq!(
                text(&run(Connection::opened(), &ops, split)),
                *expected,
                "{name} in pieces of {split}"
            );
        }
    }
}

#[test]
fn joined_late_only_replies_are_missing() {
    for (name, recording, expected) in RECORDINGS {
        let ops = decode(recording);
        for joined in 1..ops.len() {
            let lines = text(&run(Connection::new(), &ops[joined..], usize::MAX));
            // From the end, since the same may be asked many times.
            let mut rest = expected.iter().rev();
            for line in lines.iter().rev().filter(|line| line.contains(" = ")) {
                let (command, reply) = line.split_once(" = ").expect("both");
                let same = rest.find(|line| line.starts_with(&format!("{command} = "))).expect("a command");
                assert!(reply == "?" || line == same, "{name} joined at {joined}: {line} for {same}");
            }
        }
    }
}

#[test]
fn a_consumer_that_was_joined_while_it_waited_is_followed_from_its_next_command() {
    let (_, recording, expected) = RECORDINGS[0];
    let lines = text(&run(Connection::new(), &decode(recording)[1..], usize::MAX));
    assert_eq!(lines[..4], expected[1..]);
    assert_eq!(lines[4..], ["redis_no_command"]);
}

#[test]
fn a_pipeline_that_was_not_captured_whole_costs_its_rest() {
    let lines = text(&run(
        Connection::opened(),
        &decode(include_bytes!("../testdata/redis/py_long.ops")),
        usize::MAX,
    ));
    let set = lines.iter().take_while(|line| line.starts_with("SET ")).count();
    // A command has 35 bytes: 117 of them are in the 4,096 that were captured.
    assert_eq!(set, 117);
    for (number, line) in lines[..set].iter().enumerate() {
        assert_eq!(*line, format!("SET k{number:04} v{number:04} = +OK"));
    }
    let texts = |item: fn(usize) -> String| (0..64).map(item).collect::<Vec<_>>().join(",");
    assert_eq!(lines[set], "GET k0007 = v0007");
    let first = "MGET k0000 k0001 k0002 k0003 k0004 k0005 k0006";
    assert_eq!(lines[set + 1], format!("{first} .. = [{},..300]", texts(|at| format!("v{at:04}"))));
    assert_eq!(lines[set + 2], "GET k0008 = v0008");
    assert!(lines[set + 3].starts_with("RPUSH list item-") && lines[set + 3].ends_with(" .. = 200"));
    assert_eq!(
        lines[set + 4],
        format!("LRANGE list 0 -1 = [{},..200]", texts(|at| format!("item-{at:032}")))
    );
    assert_eq!(lines[set + 5..], ["LLEN list = 200", "redis_hole", "redis_hole", "redis_hole"]);
}
