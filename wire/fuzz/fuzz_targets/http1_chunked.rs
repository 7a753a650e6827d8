//! Chunked bodies: any cut gives the same, and what is encoded is counted to the byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::http1::Chunked;

fuzz_target!(|bytes: &[u8]| {
    let mut whole = Chunked::default();
    let expected = whole.feed(bytes);
    assert!(expected.payload <= expected.consumed as u64 && expected.consumed <= bytes.len());
    assert!(expected.consumed == bytes.len() || expected.done || expected.bad);

    let mut pieces = Chunked::default();
    let (mut consumed, mut payload) = (0, 0);
    for piece in bytes.chunks(1) {
        let progress = pieces.feed(piece);
        consumed += progress.consumed;
        payload += progress.payload;
    }
    assert_eq!((consumed, payload, pieces), (expected.consumed, expected.payload, whole));

    let mut encoded = Vec::new();
    for chunk in bytes.chunks(usize::from(bytes.first().copied().unwrap_or_default()) + 1) {
        encoded.extend_from_slice(format!("{:x};x=1\r\n", chunk.len()).as_bytes());
        encoded.extend_from_slice(chunk);
        encoded.extend_from_slice(b"\r\n");
    }
    encoded.extend_from_slice(b"0\r\nTrailer: 1\r\n\r\nnext");
    let decoded = Chunked::default().feed(&encoded);
    assert!(decoded.done && !decoded.bad);
    assert_eq!((decoded.payload, decoded.consumed), (bytes.len() as u64, encoded.len() - "next".len()));
});
