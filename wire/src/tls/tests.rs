use super::*;

const CAPTURED: [(&[u8], Option<&str>, &[&str]); 6] = [
    (include_bytes!("../../testdata/tls/curl.bin"), Some("registry.example.com"), &["h2", "http/1.1"]),
    (include_bytes!("../../testdata/tls/openssl_tls12.bin"), Some("quay.io"), &["h2", "http/1.1"]),
    (include_bytes!("../../testdata/tls/openssl_split.bin"), Some("ghcr.io"), &[]),
    (include_bytes!("../../testdata/tls/openssl_no_sni.bin"), None, &[]),
    (include_bytes!("../../testdata/tls/skopeo.bin"), None, &[]),
    (include_bytes!("../../testdata/tls/skopeo_name.bin"), Some("localhost"), &[]),
];

fn parse(bytes: &[u8]) -> ClientHello {
    match client_hello(bytes) {
        Parsed::Hello(hello) => hello,
        other => panic!("{other:?}"),
    }
}

/// The same message in records of `size` bytes.
fn split(record: &[u8], size: usize) -> Vec<u8> {
    let fragments = record[5..].chunks(size);
    fragments
        .flat_map(|fragment| {
            let length = u16::try_from(fragment.len()).expect("a short fragment").to_be_bytes();
            [&[22, 3, 1][..], &length, fragment].concat()
        })
        .collect()
}

#[test]
fn captured_hellos_are_read() {
    for (bytes, sni, alpn) in CAPTURED {
        let hello = parse(bytes);
        assert_eq!(hello.sni.as_deref(), sni);
        assert_eq!(hello.alpn, alpn);
    }
}

#[test]
fn a_hello_may_be_cut_into_records_and_reads() {
    for (bytes, ..) in CAPTURED {
        let whole = parse(bytes);
        for size in 1..bytes.len() {
            assert_eq!(parse(&split(bytes, size)), whole, "records of {size}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(client_hello(&bytes[..cut]), Parsed::Incomplete, "cut at {cut}");
        }
    }
}

#[test]
fn other_protocols_are_not_tls() {
    for bytes in [&b"GET / HTTP/1.1"[..], b"\x16\x02", b"\x17\x03\x03\0\x05", b"\0", b"SSH-2.0"] {
        assert_eq!(client_hello(bytes), Parsed::NotTls, "{bytes:?}");
    }
}

#[test]
fn broken_hellos_are_malformed() {
    let (curl, ..) = CAPTURED[0];
    let change = |at: usize, byte: u8| {
        let mut changed = curl.to_vec();
        changed[at] = byte;
        client_hello(&changed)
    };
    assert_eq!(change(5, 2), Parsed::Malformed, "a ServerHello");
    assert_eq!(change(6, 2), Parsed::Malformed, "longer than is read");
    assert_eq!(client_hello(&hello_of(&[0; 33], &[])), Parsed::Malformed, "a session id that is too long");
    assert!(matches!(client_hello(&hello_of(&[0; 32], &[])), Parsed::Hello(_)));
    assert_eq!(change(45 + 32, 1), Parsed::Malformed, "an odd number of suite bytes");
    assert_eq!(client_hello(b"\x16\x03\x01\0\0"), Parsed::Malformed, "an empty record");
    assert_eq!(client_hello(b"\x16\x03\x01\x40\x01"), Parsed::Malformed, "a record that is too long");
    assert_eq!(client_hello(b"\x16\x03\x01\0\x01\x01GET"), Parsed::Malformed, "not a record behind it");
}

/// A hello with the given extensions.
fn hello_with(extensions: &[u8]) -> Vec<u8> {
    hello_of(&[], extensions)
}

fn hello_of(session: &[u8], extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).expect("short").to_be_bytes();
    let id = [&[u8::try_from(session.len()).expect("short")], session].concat();
    let body = [&[3, 3][..], &[0; 32], &id, &[0, 2, 0, 1], &[1, 0], &length, extensions].concat();
    let message = [&[1, 0][..], &u16::try_from(body.len()).expect("short").to_be_bytes(), &body].concat();
    split(&[&[0; 5][..], &message].concat(), 1 << 14)
}

#[test]
fn protocols_are_bounded_and_printable() {
    let names = [&[2, 0x0a, 0x0a][..], &[2, b'h', b'2'].repeat(40)].concat();
    let list = [&u16::try_from(names.len()).expect("short").to_be_bytes()[..], &names].concat();
    let length = u16::try_from(list.len()).expect("short").to_be_bytes();
    let hello = parse(&hello_with(&[&[0, 16][..], &length, &list].concat()));
    assert_eq!(hello.alpn, vec!["h2"; MAX_PROTOCOLS]);
}

#[test]
fn a_server_name_that_is_no_host_is_none() {
    let sni = |name: &[u8]| {
        let length = |n: usize| u16::try_from(n).expect("short").to_be_bytes();
        let list = [&length(name.len() + 3)[..], &[0], &length(name.len()), name].concat();
        parse(&hello_with(&[&[0, 0][..], &length(list.len()), &list].concat())).sni
    };
    assert_eq!(sni(b"Quay.IO").as_deref(), Some("quay.io"));
    for bad in [&b"a b"[..], b"", b"quay.io:443", b"\xff"] {
        assert_eq!(sni(bad), None);
    }
    assert_eq!(parse(&hello_with(&[])).sni, None);
}
