//! Calls and values of any shape: the rules hold, and values are those that `redis-protocol` reads.

use crate::support::{Op, decode, reply_text, run, text};
use proptest::collection::vec;
use proptest::prelude::*;
use redis_protocol::resp3;
use redis_protocol::resp3::types::OwnedFrame;
use wire::http::Direction;
use wire::redis::{Connection, Fact};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_hold_for_any_calls(recording in vec(any::<u8>(), 0..400)) {
        run(Connection::opened(), &decode(&recording), usize::MAX);
        run(Connection::new(), &decode(&recording), usize::MAX);
    }

    #[test]
    fn the_rules_hold_for_any_values(
        calls in vec((any::<bool>(), vec(prop::sample::select(WORDS.to_vec()), 0..12)), 0..12),
        split in prop_oneof![1..9_usize, Just(usize::MAX)],
    ) {
        let ops: Vec<Op> = calls
            .iter()
            .map(|(sent, words)| Op::data(if *sent { Direction::Sent } else { Direction::Received }, &words.concat()))
            .collect();
        let whole = run(Connection::opened(), &ops, usize::MAX);
        run(Connection::new(), &ops, split);
        let cut = run(Connection::opened(), &ops, split);
        // Where nothing is missing, how it is cut changes nothing.
        if !whole.iter().chain(&cut).any(|fact| matches!(fact, Fact::Unparsed { .. })) {
            prop_assert_eq!(text(&whole), text(&cut));
        }
    }

    #[test]
    fn values_are_read_as_another_library_reads_them(
        values in vec(value(), 1..8),
        split in prop_oneof![1..20_usize, Just(usize::MAX)],
    ) {
        let bytes = values.concat();
        let mut ops = Vec::new();
        for _ in oracle(&bytes) {
            ops.push(Op::data(Direction::Sent, b"*1\r\n$4\r\nPING\r\n"));
        }
        ops.push(Op::data(Direction::Received, &bytes));
        let replies: Vec<String> = run(Connection::opened(), &ops, split)
            .iter()
            .filter_map(|fact| match fact {
                Fact::Reply { reply, .. } => Some(reply_text(reply)),
                Fact::Unparsed { reason } => Some(reason.as_str().into()),
                _ => None,
            })
            .collect();
        prop_assert_eq!(replies, oracle(&bytes));
    }
}

/// Pieces of the protocol, and of what is none.
const WORDS: [&[u8]; 28] = [
    b"*1\r\n$4\r\nPING\r\n",
    b"*2\r\n$5\r\nmulti\r\n$1\r\nx\r\n",
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
    b"*1\r\n$7\r\nDISCARD\r\n",
    b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n",
    b"*3\r\n$5\r\nBLPOP\r\n$1\r\nq\r\n$1\r\n0\r\n",
    b"*2\r\n$1\r\nq\r\n$2\r\nit\r\n",
    b"*2\r\n$3\r\nGET\r\n",
    b"$3\r\nGET\r\n",
    b"$100\r\n",
    b"+OK\r\n",
    b"+QUEUED\r\n",
    b"-ERR no\r\n",
    b":12\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"_\r\n",
    b">2\r\n",
    b"|1\r\n",
    b"%1\r\n",
    b"~2\r\n",
    b"*2\r\n",
    b"\r\n",
    b"*",
    b"$?\r\n",
    b"PING\r\n",
];

/// A value of RESP3, as bytes.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        "[a-zA-Z ]{0,80}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
        "[A-Z]{1,8} [a-z]{0,80}".prop_map(|text| format!("-{text}\r\n").into_bytes()),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        "[a-z\r\n*$]{0,80}".prop_map(|text| format!("${}\r\n{text}\r\n", text.len()).into_bytes()),
        "[a-z]{0,80}".prop_map(|text| format!("={}\r\ntxt:{text}\r\n", text.len() + 4).into_bytes()),
        Just(b"_\r\n".to_vec()),
        Just(b"#t\r\n".to_vec()),
        Just(b",1.5\r\n".to_vec()),
        Just(b"(12345678901234567890123\r\n".to_vec()),
    ];
    scalar.prop_recursive(3, 60, 80, |inner| {
        let many = prop_oneof![vec(inner.clone(), 0..6), vec(inner.clone(), 60..70)];
        prop_oneof![
            many.clone().prop_map(|values| aggregate(b'*', values.len(), &values)),
            // Members and keys are distinct where the other library keeps them in a set or a map.
            vec(inner.clone(), 0..6).prop_map(|values| {
                let pairs: Vec<_> = values
                    .into_iter()
                    .enumerate()
                    .map(|(at, value)| [format!("+k{at}\r\n").into_bytes(), value].concat())
                    .collect();
                aggregate(b'%', pairs.len(), &pairs)
            }),
            (0..6_usize).prop_map(|count| {
                let members: Vec<_> = (0..count).map(|at| format!("+m{at}\r\n").into_bytes()).collect();
                aggregate(b'~', count, &members)
            }),
        ]
    })
}

fn aggregate(kind: u8, count: usize, values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(format!("{count}\r\n").into_bytes());
    bytes.extend(values.concat());
    bytes
}

/// The values as the other library has them, as text.
fn oracle(mut bytes: &[u8]) -> Vec<String> {
    let mut values = Vec::new();
    while let Some((frame, length)) = resp3::decode::complete::decode(bytes).expect("a value") {
        values.push(frame_text(&frame));
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty());
    values
}

fn frame_text(frame: &OwnedFrame) -> String {
    let array = |count: usize, texts: Vec<String>| {
        let kept = texts.len().min(64);
        let more = if kept < count { format!(",..{count}") } else { String::new() };
        format!("[{}{more}]", texts[..kept].join(","))
    };
    match frame {
        OwnedFrame::SimpleString { data, .. } if data.len() <= 64 => {
            format!("+{}", String::from_utf8_lossy(data))
        }
        OwnedFrame::SimpleError { data, .. } => format!("-{}", data.split(' ').next().unwrap()),
        OwnedFrame::Number { data, .. } => data.to_string(),
        OwnedFrame::Null => "nil".into(),
        OwnedFrame::Array { data, .. } => array(data.len(), data.iter().map(element).collect()),
        // Maps and sets have no order there.
        OwnedFrame::Map { data, .. } => {
            let mut pairs: Vec<_> = data.iter().map(|(key, value)| [element(key), element(value)]).collect();
            pairs.sort_by_key(|[key, _]| key.clone());
            array(data.len() * 2, pairs.concat())
        }
        OwnedFrame::Set { data, .. } => {
            let mut members: Vec<_> = data.iter().map(element).collect();
            members.sort();
            array(data.len(), members)
        }
        OwnedFrame::BlobString { .. }
        | OwnedFrame::VerbatimString { .. }
        | OwnedFrame::SimpleString { .. } => element(frame),
        _ => "other".into(),
    }
}

fn element(frame: &OwnedFrame) -> String {
    match frame {
        OwnedFrame::SimpleString { data, .. }
        | OwnedFrame::BlobString { data, .. }
        | OwnedFrame::VerbatimString { data, .. }
            if data.len() <= 64 =>
        {
            String::from_utf8_lossy(data).into_owned()
        }
        _ => "~".into(),
    }
}
