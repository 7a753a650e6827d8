//! `ClientHello`: cut short it is incomplete, in two records it says the same, and `tls-parser` agrees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tls_parser::{TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_extensions, parse_tls_plaintext};
use wire::tls::{MAX_PROTOCOLS, Parsed, client_hello};

fuzz_target!(|bytes: &[u8]| {
    let Parsed::Hello(hello) = client_hello(bytes) else { return };
    assert!(hello.alpn.len() <= MAX_PROTOCOLS);
    let sni = hello.sni.as_deref();
    assert_eq!(sni.and_then(wire::host::normalise).as_deref(), sni);

    let first = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
    if first > bytes.len() {
        return; // The hello ends before its record does.
    }
    for cut in [0, 1, 5, 6, 9] {
        assert_eq!(client_hello(&bytes[..cut]), Parsed::Incomplete);
    }
    // What `tls-parser` reads in a single record it reads as we do.
    let Ok((_, record)) = parse_tls_plaintext(&bytes[..first]) else { return };
    let Some(TlsMessage::Handshake(TlsMessageHandshake::ClientHello(theirs))) = record.msg.first() else {
        return;
    };
    let Ok(([], extensions)) = parse_tls_extensions(theirs.ext.unwrap_or_default()) else { return };
    let mut names = extensions.iter().filter_map(|extension| match extension {
        TlsExtension::SNI(names) => Some(names.iter().find(|(kind, _)| kind.0 == 0).map(|(_, name)| *name)),
        _ => None,
    });
    if let (Some(name), None) = (names.next(), names.next()) {
        let name = name.and_then(|name| std::str::from_utf8(name).ok()).map(str::to_ascii_lowercase);
        assert!(hello.sni.is_none() || hello.sni == name);
    }
});
