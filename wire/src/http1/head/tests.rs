use super::*;

#[test]
fn the_start_tells_what_a_message_is() {
    for (bytes, shape) in [
        ("", Shape::Undecided),
        ("G", Shape::Undecided),
        ("GET ", Shape::Undecided),
        ("GET /", Shape::Request { known: true }),
        ("GET http://a", Shape::Request { known: true }),
        ("OPTIONS *", Shape::Request { known: true }),
        ("CONNECT a:1", Shape::Request { known: true }),
        ("GET x", Shape::Request { known: false }),
        ("PROPFIND /", Shape::Request { known: false }),
        ("HTTP/1.1", Shape::Undecided),
        ("HTTP/1.1 2", Shape::Response),
        ("HTTP/1.1\r\n", Shape::Neither),
        ("HTTP/2 200", Shape::Neither),
        ("PRI * HTTP/2.0\r\n", Shape::Http2),
        ("PRI *", Shape::Undecided),
        ("abcdefghijklmnopqrstuvw", Shape::Undecided),
        ("abcdefghijklmnopqrstuvw ", Shape::Neither),
        ("abcdefghijklmnopqrstuvwx", Shape::Neither),
        (" /", Shape::Neither),
        ("\u{16}\u{3}\u{1}", Shape::Neither),
    ] {
        assert_eq!(Shape::of(bytes.as_bytes()), shape, "{bytes:?}");
    }
}

#[test]
fn the_end_is_found_wherever_the_bytes_are_cut() {
    for head in ["a\r\n\r\n", "a\n\n", "a\r\n\n", "a\n\r\n", "a\r\nb\r\n\r\n"] {
        for cut in 0..head.len() {
            let (first, second) = head.split_at(cut);
            let mut buffer = HeadBuffer::default();
            assert_eq!(buffer.end_in(first.as_bytes()), None, "{head:?} at {cut}");
            buffer.extend(first.as_bytes());
            let more = format!("{second}x\n\n");
            assert_eq!(buffer.end_in(more.as_bytes()), Some(second.len()), "{head:?} at {cut}");
        }
    }
}
