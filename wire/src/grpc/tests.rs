use super::*;

#[test]
fn a_message_has_a_flag_and_a_length() {
    let data = b"\x00\x00\x00\x00\x03abc\x00\x00\x00\x00\x01d";
    let message = Message::first(data).expect("a message");
    assert_eq!(message, Message { compressed: false, length: 3, body: b"abc", whole: true });
    let cut = Message::first(&data[..7]).expect("a message");
    assert_eq!(cut, Message { compressed: false, length: 3, body: b"ab", whole: false });
    let nothing = Message::first(b"\x00\x00\x00\x00\x00").expect("a message");
    assert_eq!(nothing, Message { compressed: false, length: 0, body: b"", whole: true });
    let huge = Message::first(b"\x01\xff\xff\xff\xffz").expect("a message");
    assert_eq!(huge, Message { compressed: true, length: u32::MAX, body: b"z", whole: false });
}

#[test]
fn less_than_a_prefix_is_no_message() {
    for end in 0..5 {
        assert_eq!(Message::first(&[0; 5][..end]), None);
    }
    assert_eq!(Message::first(b"\x02\x00\x00\x00\x00"), None, "a flag that has no meaning");
    assert_eq!(Message::first(b"PRI * HTTP/2.0"), None);
}

#[test]
fn nothing_is_known_of_a_compressed_message() {
    let mut fields = Message { compressed: true, length: 3, body: b"\x0a\x01x", whole: true }.fields();
    assert_eq!(fields.next(), None);
    assert!(!fields.is_whole());
}

#[test]
fn a_message_is_not_shown() {
    let shown = format!("{:?}", Message::first(b"\x00\x00\x00\x00\x06secret"));
    assert_eq!(shown, "Some(Message(6 of 6 bytes, whole: true, compressed: false))");
}

#[test]
fn timeouts_have_a_unit() {
    // Those that grpc-go's encoder makes (`internal/grpcutil`, `EncodeDuration`), and the largest.
    assert_eq!(timeout(b"119999m"), Some(119_999_000_000));
    assert_eq!(timeout(b"99999999n"), Some(99_999_999));
    assert_eq!(timeout(b"1999999u"), Some(1_999_999_000));
    assert_eq!(timeout(b"120S"), Some(120_000_000_000));
    assert_eq!(timeout(b"2M"), Some(120_000_000_000));
    assert_eq!(timeout(b"1H"), Some(3_600_000_000_000));
    assert_eq!(timeout(b"0n"), Some(0));
    assert_eq!(timeout(b"99999999H"), Some(u64::MAX), "more than eleven thousand years");
}

#[test]
fn other_timeouts_are_none() {
    for value in ["", "S", "1", "1s", "123456789n", "-1S", "+1S", " 1S", "1 S", "1.5S", "1Sx", "\u{661}S"] {
        assert_eq!(timeout(value.as_bytes()), None, "{value}");
    }
}

#[test]
fn statuses_have_their_numbers() {
    // grpc/doc/statuscodes.md
    assert_eq!(Status::from_number(0), Some(Status::Ok));
    assert_eq!(Status::from_number(5), Some(Status::NotFound));
    assert_eq!(Status::from_number(14), Some(Status::Unavailable));
    assert_eq!(Status::from_number(16), Some(Status::Unauthenticated));
    assert_eq!(Status::from_number(17), None);
    assert_eq!(Status::ALL.map(Status::as_str).iter().collect::<std::collections::BTreeSet<_>>().len(), 17);
}
