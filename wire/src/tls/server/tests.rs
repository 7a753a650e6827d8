use super::*;

/// What `openssl s_server` (OpenSSL 3.0) sent first; how the handshake went on by Python's `ssl` (`version()`,
/// `session_reused`, and the flights that it took).
const CAPTURED: [(&[u8], ServerHello); 7] = [
    (include_bytes!("../../../testdata/tls/server_tls13.bin"), ServerHello::Tls13),
    (include_bytes!("../../../testdata/tls/server_tls13_retry.bin"), ServerHello::Retry),
    (include_bytes!("../../../testdata/tls/server_tls13_after_retry.bin"), ServerHello::Tls13),
    (include_bytes!("../../../testdata/tls/server_tls12.bin"), ServerHello::Full),
    (include_bytes!("../../../testdata/tls/server_tls12_ticket.bin"), ServerHello::Resumed),
    (include_bytes!("../../../testdata/tls/server_tls12_session.bin"), ServerHello::Resumed),
    (include_bytes!("../../../testdata/tls/server_tls11.bin"), ServerHello::Full),
];

/// Length of the first record.
fn first_record(bytes: &[u8]) -> usize {
    5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]))
}

#[test]
fn captured_hellos_are_read() {
    for (bytes, hello) in CAPTURED {
        assert_eq!(server_hello(bytes), Parsed::Hello(hello), "{hello:?}");
    }
}

/// Whatever is said of the start stays so when more comes.
#[test]
fn a_hello_may_be_cut_into_reads() {
    for (bytes, hello) in CAPTURED {
        let enough =
            (0..=bytes.len()).find(|cut| server_hello(&bytes[..*cut]) != Parsed::Incomplete).unwrap();
        let needed = match hello {
            ServerHello::Tls13 | ServerHello::Retry => 0,
            // The head of the next record and, of a handshake message, its type; in one record only the latter.
            _ => 1,
        };
        let end = 9 + usize::from(u16::from_be_bytes([bytes[7], bytes[8]]));
        assert!((end + needed..=end + needed + 5).contains(&enough), "{hello:?}: {enough} after {end}");
        for cut in enough..bytes.len() {
            assert_eq!(server_hello(&bytes[..cut]), Parsed::Hello(hello), "{hello:?}: cut at {cut}");
        }
    }
}

#[test]
fn a_hello_may_be_cut_into_records() {
    for (bytes, hello) in CAPTURED {
        let (record, rest) = bytes.split_at(first_record(bytes));
        for size in 1..record.len() {
            let mut split = Vec::new();
            for fragment in record[5..].chunks(size) {
                let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
                split.extend([&[22, 3, 3][..], &length, fragment].concat());
            }
            split.extend(rest);
            assert_eq!(server_hello(&split), Parsed::Hello(hello), "{hello:?}: records of {size}");
        }
    }
}

/// RFC 5077 section 3.3: a new ticket comes before the `ChangeCipherSpec`.
#[test]
fn a_ticket_right_after_the_hello_resumes() {
    let resumed = CAPTURED[4].0;
    let (hello, rest) = resumed.split_at(first_record(resumed));
    let ticket = [&[22, 3, 3, 0, 10][..], &[4, 0, 0, 6, 0, 0, 0, 0, 0, 0]].concat();
    assert_eq!(server_hello(&[hello, &ticket, rest].concat()), Parsed::Hello(ServerHello::Resumed));
}

#[test]
fn what_is_no_hello() {
    let full = CAPTURED[3].0;
    let change = |at: usize, byte: u8| {
        let mut changed = full.to_vec();
        changed[at] = byte;
        server_hello(&changed)
    };
    assert_eq!(change(5, 1), Parsed::Malformed, "a ClientHello");
    assert_eq!(change(6, 2), Parsed::Malformed, "longer than is read");
    assert_eq!(change(9, 2), Parsed::Malformed, "SSL 2");
    for (session, parsed) in [(32, Parsed::Hello(ServerHello::Full)), (33, Parsed::Malformed)] {
        let body = [&[3, 3][..], &[0; 32], &[session], &vec![0; session.into()], &[0xc0, 0x2b, 0]].concat();
        let length = u8::try_from(body.len()).unwrap();
        // A Certificate follows in the same record.
        let message = [&[22, 3, 3, 0, length + 5, 2, 0, 0, length][..], &body, &[11]].concat();
        assert_eq!(server_hello(&message), parsed, "a session id of {session} bytes");
    }
    let alert = [21, 3, 3, 0, 2, 2, 40];
    assert_eq!(server_hello(&alert), Parsed::NotTls, "the server refuses");
    let (hello, _) = full.split_at(first_record(full));
    assert_eq!(server_hello(&[hello, &alert].concat()), Parsed::Malformed, "it refuses after its hello");
    let finished = [22, 3, 3, 0, 4, 20, 0, 0, 0];
    assert_eq!(server_hello(&[hello, &finished].concat()), Parsed::Malformed, "nothing that may follow");
    let tls13 = CAPTURED[0].0;
    let at = tls13.windows(6).position(|window| window == [0, 43, 0, 2, 3, 4]).unwrap();
    let mut draft = tls13.to_vec();
    draft[at + 4] = 0x7f;
    assert_eq!(server_hello(&draft), Parsed::Malformed, "a version that is none");
    let mut old = tls13.to_vec();
    old[10] = 0;
    assert_eq!(server_hello(&old), Parsed::Malformed, "TLS 1.3 beside SSL 3");
}
