//! The bytes of HTTP/2 are written out by hand from RFC 9113 or were captured from real programs; those of other protocols
//! are what their specifications and real programs have.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::{Chain, HEAD, Link, may_begin};

/// What the kernel programs do with the bytes of one read or write (`collector-ebpf/src/http2/join.rs`).
fn joins(bytes: &[u8], known: bool) -> bool {
    let Some(start) = bytes.first_chunk() else { return false };
    if !known && !may_begin(*start) {
        return false;
    }
    let (mut chain, mut rest) = (Chain::default(), bytes);
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
        match chain.link(head, behind.len() as u64) {
            Link::Whole(length) => rest = &behind[length as usize..],
            Link::Open => return chain.holds(known),
            Link::Broken => return false,
        }
    }
    rest.is_empty() && chain.holds(known)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `:method POST`, `:scheme http`, and names from the dynamic table: a request of grpc-go on a warm connection.
const REQUEST: &[u8] = &[0x83, 0x86, 0xc4, 0xc3, 0xc2, 0xc1, 0xc0, 0xbf];

fn headers(stream: u32) -> Vec<u8> {
    frame(1, 4, stream, REQUEST)
}

fn data(stream: u32, length: usize) -> Vec<u8> {
    frame(0, 0, stream, &std::vec![0x0a; length])
}

fn last_data(stream: u32, length: usize) -> Vec<u8> {
    frame(0, 1, stream, &std::vec![0x0a; length])
}

/// Reads and writes that a connection of HTTP/2 in its middle has, each of which begins with a frame.
fn reads() -> Vec<(&'static str, Vec<u8>)> {
    let window = |stream: u32| frame(8, 0, stream, &[0, 0, 0, 9]);
    let ping = |flags| frame(6, flags, 0, b"\x02\x04\x10\x10\x09\x0e\x07\x07");
    std::vec![
        ("a call", [headers(401), last_data(401, 30)].concat()),
        ("its head alone", headers(401)),
        ("a call without a message", frame(1, 5, 401, REQUEST)),
        ("with a priority", frame(1, 0x24, 401, &[&[0, 0, 0, 0, 15], REQUEST].concat())),
        ("two calls", [headers(1), last_data(1, 5), headers(3), last_data(3, 700)].concat()),
        ("an answer", [headers(7), data(7, 90), frame(1, 5, 7, &[0xbe])].concat()),
        ("an answer without a message", frame(1, 5, 7, &[0x88, 0xbe])),
        ("a long answer's start", [headers(7), data(7, 16_384), data(7, 16_384)[..5000].to_vec()].concat()),
        ("the same in two heads", [headers(7), data(7, 16_384)[..9].to_vec()].concat()),
        ("windows", [window(0), window(9)].concat()),
        ("a window before a ping", [window(0), ping(0)].concat()),
        ("the answer to a ping", ping(1)),
        ("settings", frame(4, 0, 0, &[0, 4, 0, 16, 0, 0])),
        ("settings taken", frame(4, 1, 0, &[])),
        ("a reset", frame(3, 0, 99, &[0, 0, 0, 8])),
        ("an end", frame(7, 0, 0, &[0, 0, 0, 9, 0, 0, 0, 0])),
        ("an end with words", frame(7, 0, 0, b"\0\0\0\x09\0\0\0\0max_age")),
        ("a call behind windows", [window(0), ping(0), headers(11), last_data(11, 5)].concat()),
    ]
}

#[test]
fn what_begins_with_a_frame_is_known() {
    for (name, bytes) in reads() {
        assert!(joins(&bytes, false), "{name}");
        assert!(joins(&bytes, true), "{name}");
    }
}

/// Messages alone show nothing on a connection of which nothing else is known.
#[test]
fn data_alone_wants_a_known_connection() {
    for bytes in [last_data(7, 5), data(7, 100), [data(7, 5), last_data(7, 0)].concat()] {
        assert!(!joins(&bytes, false));
        assert!(joins(&bytes, true));
    }
}

/// Within a frame, or cut off behind less than a whole one and the head of the next.
#[test]
fn what_begins_elsewhere_is_not() {
    for (name, bytes) in reads() {
        let starts = starts_of_frames(&bytes);
        for from in (0..bytes.len()).filter(|from| !starts.contains(from)) {
            assert!(!joins(&bytes[from..], false), "{name} {from}");
        }
    }
    for cut in 1..headers(401).len() {
        assert!(!joins(&headers(401)[..cut], true), "a head's {cut} bytes");
    }
    let call = [headers(401), last_data(401, 30)].concat();
    for cut in headers(401).len() + 1..headers(401).len() + HEAD {
        assert!(!joins(&call[..cut], true), "a call's {cut} bytes");
    }
    let windows = [headers(401), frame(8, 0, 0, &[0, 0, 0, 9])].concat();
    assert!(!joins(&windows[..windows.len() - 1], true), "a frame of a fixed length is written whole");
}

fn starts_of_frames(bytes: &[u8]) -> Vec<usize> {
    let (mut starts, mut at) = (Vec::new(), 0);
    while let Some(&[a, b, c]) = bytes.get(at..at + 3) {
        starts.push(at);
        at += HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
    }
    starts
}

/// What is allowed or looks like it, and is not sent in the middle of a connection.
#[test]
fn what_nobody_sends_is_not_believed() {
    let unsound = [
        frame(0, 0, 7, &[]),
        frame(0, 8, 7, &[0, 1]),
        frame(0, 1, 0, &[1]),
        frame(0, 1, 8, &[1]),
        frame(1, 4, 0, REQUEST),
        frame(1, 4, 8, REQUEST),
        frame(1, 0, 7, REQUEST),
        frame(1, 4, 7, &[]),
        frame(1, 0x24, 7, &[0; 5]),
        frame(1, 4, 7 | 1 << 31, REQUEST),
        frame(2, 0, 7, &[0; 4]),
        frame(3, 0, 0, &[0; 4]),
        frame(3, 0, 7, &[0; 5]),
        frame(4, 0, 0, &[]),
        frame(4, 0, 0, &[0; 7]),
        frame(4, 1, 0, &[0; 6]),
        frame(4, 0, 1, &[0; 6]),
        frame(5, 4, 7, &[0; 9]),
        frame(6, 0, 0, &[0; 7]),
        frame(6, 0, 1, &[0; 8]),
        frame(7, 0, 0, &[0; 7]),
        frame(8, 0, 2, &[0; 4]),
        frame(8, 0, 0, &[0; 5]),
        frame(9, 4, 7, REQUEST),
        frame(10, 0, 0, &[0; 4]),
        frame(1, 4, 7, &std::vec![0x82; 16_385]),
    ];
    for bytes in unsound {
        assert!(!joins(&bytes, false), "{:?}", &bytes[..HEAD]);
        // Before and behind what is sound, too.
        assert!(!joins(&[&bytes[..], &headers(9)].concat(), true), "{:?}", &bytes[..HEAD]);
        assert!(!joins(&[&headers(9)[..], &bytes].concat(), true), "{:?}", &bytes[..HEAD]);
    }
}

/// A message of ttrpc, which containerd's shims speak: length of the data, stream, type, flags (containerd/ttrpc, PROTOCOL.md).
fn ttrpc(stream: u32, kind: u8, length: usize) -> Vec<u8> {
    // Request: service, method, payload (fields 1, 2, 3).
    let mut data = b"\x0a\x17containerd.task.v2.Task\x12\x05State\x1a".to_vec();
    data.resize(length.max(data.len()), 0);
    let size = u32::try_from(data.len()).unwrap();
    [&size.to_be_bytes()[..], &stream.to_be_bytes(), &[kind, 0], &data].concat()
}

/// Messages whose length comes first, in the sizes and byte orders that protocols on unix sockets have.
fn length_first(length: usize, fill: u8) -> Vec<Vec<u8>> {
    let body = std::vec![fill; length];
    let size = u32::try_from(length).unwrap();
    let long = u64::from(size);
    std::vec![
        [&size.to_be_bytes()[..], &body].concat(),
        [&size.to_le_bytes()[..], &body].concat(),
        [&long.to_be_bytes()[..], &body].concat(),
        [&long.to_le_bytes()[..], &body].concat(),
        // The length is that of the whole.
        [&(size + 4).to_be_bytes()[..], &body].concat(),
        // As PostgreSQL and MySQL have it: behind a type, before a number.
        [b"Q", &(size + 4).to_be_bytes()[..], &body].concat(),
        [&size.to_le_bytes()[..3], &[1], &body].concat(),
        // The streams of `docker attach`: input, output.
        [&[0, 0, 0, 0], &size.to_be_bytes()[..], &body].concat(),
        [&[1, 0, 0, 0], &size.to_be_bytes()[..], &body].concat(),
        // The multiplexer of NRI's plugins: connection, length.
        [&2_u32.to_be_bytes()[..], &size.to_be_bytes(), &body].concat(),
        [&1_u32.to_be_bytes()[..], &size.to_be_bytes(), &body].concat(),
    ]
}

#[test]
fn other_protocols_are_not_taken_for_http2() {
    for length in 0..70_000 {
        for kind in 1..=3 {
            for stream in [0, 1, 3, 257, 65_537] {
                // Only the first bytes differ where there are more.
                if length < 3000 || length % 251 == 0 {
                    assert!(!joins(&ttrpc(stream, kind, length), false), "ttrpc {length} {kind} {stream}");
                }
            }
        }
    }
    for length in (0..3000).chain([16_384, 65_535, 65_536, 70_000]) {
        for fill in [0, 1, 4, 8, b' ', 0xff] {
            for bytes in length_first(length, fill) {
                assert!(!joins(&bytes, false), "{length} {fill} {:?}", &bytes[..bytes.len().min(16)]);
            }
        }
    }
    let said: [&[u8]; 17] = [
        b"*1\r\n$4\r\nPING\r\n",
        b"+PONG\r\n",
        b"{\"id\":1}\n",
        b"{\"method\":\"io.podman.Ping\"}\0",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        b"\x17\x03\x03\x00\x05hello",
        // D-Bus, little and big endian.
        b"l\x01\0\x01\0\0\0\0\x01\0\0\0\x6e\0\0\0",
        b"B\x01\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x6e",
        // PostgreSQL: the first words of a client.
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0",
        // The agent of SSH: a question, no keys, a failure.
        b"\0\0\0\x01\x0b",
        b"\0\0\0\x05\x0c\0\0\0\0",
        b"\0\0\0\x01\x05",
        // Wayland: `get_registry`.
        b"\x01\0\0\0\x01\0\x0c\0\x02\0\0\0",
        // uwsgi: `REQUEST_METHOD` is `GET`.
        b"\0\x15\0\0\x0e\0REQUEST_METHOD\x03\0GET",
    ];
    for bytes in said {
        assert!(!joins(bytes, false), "{bytes:?}");
    }
    for length in 0..1000 {
        assert!(!joins(&std::vec![0; length], true), "{length} zeros");
    }
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    // Bytes that heads are made of come much more often than by chance.
    let likely = prop::sample::select(std::vec![0_u8, 0, 0, 0, 1, 4, 5, 6, 8, 9, 0x24, 0x80, 0xff]);
    prop::collection::vec(prop_oneof![3 => likely, 1 => any::<u8>()], 0..200)
}

/// A head in which all that can be checked is right, made apart from the code above.
fn is_like_a_head(bytes: &[u8]) -> bool {
    let &[0, _, _, kind, flags, high, _, _, low, ..] = bytes else { return false };
    high < 0x80
        && matches!(
            (kind, flags, low & 1),
            (0, 0 | 1, 1)
                | (1, 4 | 5 | 0x24 | 0x25, 1)
                | (2 | 3, 0, 1)
                | (4 | 6, 0 | 1, 0)
                | (7, 0, 0)
                | (8, 0, _)
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// By chance alone nothing is a chain.
    #[test]
    fn random_bytes_are_not_taken_for_http2(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(!joins(&bytes, false));
        prop_assert!(!joins(&bytes, true));
    }

    /// Whatever is taken for HTTP/2 begins with a head, and ends with the frame of one or within it.
    #[test]
    fn what_is_taken_is_a_chain(bytes in words(), known: bool) {
        if joins(&bytes, known) {
            prop_assert!(is_like_a_head(&bytes));
            let starts = starts_of_frames(&bytes);
            prop_assert!(starts.iter().all(|&start| is_like_a_head(&bytes[start..])), "{starts:?}");
            let last = starts[starts.len() - 1];
            let length = u32::from_be_bytes([0, bytes[last], bytes[last + 1], bytes[last + 2]]) as usize;
            let end = last + HEAD + length;
            prop_assert!(end == bytes.len() || (end > bytes.len() && starts.len() > 1));
        }
    }

    /// However a connection's frames follow each other, a read of whole ones is taken.
    #[test]
    fn whole_frames_in_any_order(picks in prop::collection::vec(0_usize..18, 1..12)) {
        let reads = reads();
        let whole = picks.iter().map(|&pick| &reads[pick]).filter(|(name, _)| !name.contains("long") && !name.contains("two heads"));
        let bytes: Vec<u8> = whole.flat_map(|(_, bytes)| bytes.clone()).collect();
        prop_assert_eq!(joins(&bytes, false), !bytes.is_empty());
    }
}
