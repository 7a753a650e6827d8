//! `ClientHello` and `ServerHello`: cut short they are incomplete, and `tls-parser` agrees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, TlsVersion, parse_tls_client_hello_extensions,
    parse_tls_plaintext, parse_tls_server_hello_extensions,
};
use wire::tls::{ClientHello, MAX_PROTOCOLS, Parsed, ServerHello, client_hello, server_hello};

fuzz_target!(|bytes: &[u8]| {
    match (client_hello(bytes), server_hello(bytes)) {
        (Parsed::Hello(hello), Parsed::Malformed) => check_client(bytes, &hello),
        (Parsed::Malformed, Parsed::Hello(hello)) => check_server(bytes, hello),
        // The two have different types.
        (Parsed::Hello(_), _) | (_, Parsed::Hello(_)) => panic!("one message is two"),
        _ => {}
    }
});

/// The first message as `tls-parser` reads it, if it ends within the first record.
fn theirs(bytes: &[u8]) -> Option<TlsMessageHandshake<'_>> {
    let first = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
    let (_, record) = parse_tls_plaintext(bytes.get(..first)?).ok()?;
    match record.msg.into_iter().next()? {
        TlsMessage::Handshake(message) => Some(message),
        _ => None,
    }
}

fn check_client(bytes: &[u8], hello: &ClientHello) {
    assert!(hello.alpn.len() <= MAX_PROTOCOLS);
    let sni = hello.sni.as_deref();
    assert_eq!(sni.and_then(wire::host::normalise).as_deref(), sni);
    for cut in [0, 1, 5, 6, 9] {
        assert_eq!(client_hello(&bytes[..cut]), Parsed::Incomplete);
    }
    let Some(TlsMessageHandshake::ClientHello(theirs)) = theirs(bytes) else { return };
    let Ok(([], extensions)) = parse_tls_client_hello_extensions(theirs.ext.unwrap_or_default()) else {
        return;
    };
    let mut names = extensions.iter().filter_map(|extension| match extension {
        TlsExtension::SNI(names) => Some(names.iter().find(|(kind, _)| kind.0 == 0).map(|(_, name)| *name)),
        _ => None,
    });
    if let (Some(name), None) = (names.next(), names.next()) {
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).map(str::to_ascii_lowercase);
        assert!(hello.sni.is_none() || hello.sni == name);
    }
}

fn check_server(bytes: &[u8], hello: ServerHello) {
    for cut in [0, 1, 5, 6, 9] {
        assert_eq!(server_hello(&bytes[..cut]), Parsed::Incomplete);
    }
    // What is known of a start stays so when more comes.
    let known = (9..bytes.len()).find(|cut| server_hello(&bytes[..*cut]) != Parsed::Incomplete);
    if let Some(cut) = known {
        assert_eq!(server_hello(&bytes[..cut]), Parsed::Hello(hello));
    }
    let Some(TlsMessageHandshake::ServerHello(theirs)) = theirs(bytes) else { return };
    let Ok(([], extensions)) = parse_tls_server_hello_extensions(theirs.ext.unwrap_or_default()) else {
        return;
    };
    let tls13 = extensions.iter().any(|extension| {
        matches!(extension, TlsExtension::SupportedVersions(versions) if versions.contains(&TlsVersion::Tls13))
    });
    assert_eq!(tls13, matches!(hello, ServerHello::Tls13 | ServerHello::Retry));
}
