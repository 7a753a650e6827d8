use super::*;

fn feed(bytes: &str) -> Progress {
    Chunked::default().feed(bytes.as_bytes())
}

#[test]
fn a_captured_body_ends_at_its_last_byte() {
    let bytes = include_bytes!("../../../testdata/http1_chunked/nginx_gzip.bin");
    let progress = Chunked::default().feed(bytes);
    assert_eq!(progress, Progress { consumed: bytes.len(), payload: 70, done: true, bad: false });
}

#[test]
fn what_follows_the_body_is_left() {
    let progress = feed("3;name=\"v\"\r\nabc\r\nA \r\n0123456789\r\n000\r\nTrailer: x\r\n\r\nHTTP/1.1");
    assert_eq!((progress.payload, progress.done), (13, true));
    assert_eq!(
        progress.consumed,
        "3;name=\"v\"\r\nabc\r\nA \r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n".len()
    );
}

#[test]
fn bare_line_feeds_end_lines() {
    assert_eq!(feed("3\nabc\n0\n\n"), Progress { consumed: 9, payload: 3, done: true, bad: false });
}

#[test]
fn broken_codings_are_told() {
    for bad in ["x", "\r\n", ";\r\n", "3\r\nabcd", "3\r\nabc\rx", "10000000000000000\r\n", "-1\r\n"] {
        let progress = feed(bad);
        assert!(progress.bad && !progress.done && progress.consumed < bad.len(), "{bad:?}: {progress:?}");
    }
    assert!(!feed("FFFFFFFFFFFFFFFF\r\n").bad);
}

#[test]
fn a_gap_is_followed_only_inside_one_chunk() {
    let mut chunked = Chunked::default();
    chunked.feed(b"10\r\nab");
    assert!(chunked.skip(10));
    assert!(chunked.skip(0));
    assert!(!chunked.clone().skip(5));
    assert!(chunked.skip(4));
    assert!(!chunked.clone().skip(1));
    assert_eq!(chunked.feed(b"\r\n0\r\n\r\n"), Progress { consumed: 7, payload: 0, done: true, bad: false });
}
