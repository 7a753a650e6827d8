//! The `ServerHello`: how the handshake goes on.

use super::{Next, Parsed, first_message, take, vector};

/// Who ends the handshake, by the server's hello and by what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerHello {
    /// TLS 1.3: the client's next flight ends it (RFC 8446 section 2).
    Tls13,
    /// TLS 1.3: the server wants another `ClientHello` and answers that one with another hello (RFC 8446 section 4.1.4).
    Retry,
    /// TLS 1.2 or older, in full: the client answers, and then the server ends it (RFC 5246 section 7.3).
    Full,
    /// TLS 1.2 or older, resumed: the client's next flight ends it (RFC 5246 section 7.3, RFC 5077 section 3.1).
    Resumed,
}

const HANDSHAKE_SERVER_HELLO: u8 = 2;
const HANDSHAKE_NEW_SESSION_TICKET: u8 = 4;
/// What follows the hello in full: `Certificate`, `ServerKeyExchange`, `ServerHelloDone` (RFC 5246 section 7.3) or
/// `SupplementalData` (RFC 4680).
const HANDSHAKE_IN_FULL: [u8; 4] = [11, 12, 14, 23];
const CONTENT_CHANGE_CIPHER_SPEC: u8 = 20;
const EXTENSION_SUPPORTED_VERSIONS: u16 = 43;
const TLS12: [u8; 2] = [3, 3];
const TLS13: [u8; 2] = [3, 4];
/// The random of a `ServerHello` that is a `HelloRetryRequest` (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Parses the `ServerHello` at the start of what a server sends. It may be spread over several records. Up to TLS 1.2 it is
/// incomplete until the first bytes of what follows it are there: they tell whether a session is resumed.
pub fn server_hello(bytes: &[u8]) -> Parsed<ServerHello> {
    let message = match first_message(bytes, HANDSHAKE_SERVER_HELLO) {
        Ok(message) => message,
        Err(verdict) => return verdict,
    };
    let Some(version) = parse(&message.body) else { return Parsed::Malformed };
    Parsed::Hello(match (version, message.next) {
        (Version::Tls13, _) => ServerHello::Tls13,
        (Version::Retry, _) => ServerHello::Retry,
        (Version::Older, Next::Unseen) => return Parsed::Incomplete,
        (
            Version::Older,
            Next::Message(HANDSHAKE_NEW_SESSION_TICKET) | Next::Record(CONTENT_CHANGE_CIPHER_SPEC),
        ) => ServerHello::Resumed,
        (Version::Older, Next::Message(kind)) if HANDSHAKE_IN_FULL.contains(&kind) => ServerHello::Full,
        (Version::Older, Next::Message(_) | Next::Record(_)) => return Parsed::Malformed,
    })
}

/// What the hello itself tells.
enum Version {
    Older,
    Tls13,
    /// TLS 1.3, and it is a `HelloRetryRequest`.
    Retry,
}

/// RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3. `None` when a length does not fit.
fn parse(message: &[u8]) -> Option<Version> {
    let mut rest = message;
    let version = take(&mut rest, 2)?;
    if version[0] != 3 {
        return None;
    }
    let random = take(&mut rest, 32)?;
    let session = vector(&mut rest, 1)?;
    take(&mut rest, 2 + 1)?; // cipher suite and compression
    if session.len() > 32 {
        return None;
    }
    if rest.is_empty() {
        return Some(Version::Older); // TLS 1.2 allows a hello without extensions.
    }
    let mut extensions = vector(&mut rest, 2)?;
    if !rest.is_empty() {
        return None;
    }
    let mut tls13 = false;
    while !extensions.is_empty() {
        let kind = u16::from_be_bytes(take(&mut extensions, 2)?.try_into().ok()?);
        let data = vector(&mut extensions, 2)?;
        if kind == EXTENSION_SUPPORTED_VERSIONS {
            // It selects TLS 1.3 or nothing (RFC 8446 section 4.2.1), beside the version of TLS 1.2 (section 4.1.3).
            if data != TLS13 || version != TLS12 {
                return None;
            }
            tls13 = true;
        }
    }
    Some(match (tls13, random == RETRY) {
        (true, true) => Version::Retry,
        (true, false) => Version::Tls13,
        (false, _) => Version::Older,
    })
}

#[cfg(test)]
mod tests;
