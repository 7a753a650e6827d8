//! The start of a TLS connection: which name a client asks for and which protocols it offers ([`client_hello`]), and how
//! the handshake goes on after the server's answer ([`server_hello`]).

use std::borrow::Cow;

pub use server::{ServerHello, server_hello};

use crate::host;

mod server;

/// What the first bytes of one direction are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// A complete hello.
    Hello(T),
    /// It may become one with more bytes.
    Incomplete,
    /// Something else than a TLS handshake.
    NotTls,
    /// A TLS handshake record without a readable hello.
    Malformed,
}

/// What a `ClientHello` says in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The server's name in lower case (RFC 6066 section 3); `None` when there is none or it is not a host name.
    pub sni: Option<String>,
    /// The offered application protocols in order (RFC 7301), at most [`MAX_PROTOCOLS`]. Those that are not printable
    /// ASCII (reserved values of RFC 8701) are left out.
    pub alpn: Vec<String>,
}

/// Most application protocols that are kept.
pub const MAX_PROTOCOLS: usize = 16;
/// Longest hello that is read. With post-quantum keys they have about 2 KiB.
const MAX_HELLO: usize = 64 * 1024;
/// Longest plaintext record (RFC 8446 section 5.1).
const MAX_RECORD: usize = 1 << 14;

const CONTENT_HANDSHAKE: u8 = 22;
const HANDSHAKE_CLIENT_HELLO: u8 = 1;
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_ALPN: u16 = 16;

/// Parses the `ClientHello` at the start of a connection's bytes. It may be spread over several records.
pub fn client_hello(bytes: &[u8]) -> Parsed<ClientHello> {
    match first_message(bytes, HANDSHAKE_CLIENT_HELLO) {
        Ok(message) => hello(&message.body).map_or(Parsed::Malformed, Parsed::Hello),
        Err(verdict) => verdict,
    }
}

/// A handshake message.
struct Message<'a> {
    body: Cow<'a, [u8]>,
    next: Next,
}

/// What follows a handshake message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The bytes end before it can be told.
    Unseen,
    /// A handshake message of this type.
    Message(u8),
    /// A record of this content type that holds no handshake message.
    Record(u8),
}

/// The first handshake message, put together from its records, if it is of the type `wanted`.
fn first_message<T>(bytes: &[u8], wanted: u8) -> Result<Message<'_>, Parsed<T>> {
    let mut joined: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut rest = bytes;
    loop {
        let fragment = match rest {
            // Type, version 3.x, length (RFC 8446 section 5.1).
            [CONTENT_HANDSHAKE, 3, _, high, low, body @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if length == 0 || length > MAX_RECORD {
                    return Err(Parsed::Malformed);
                }
                let (fragment, after) = body.split_at(length.min(body.len()));
                rest = after;
                fragment
            }
            [] | [CONTENT_HANDSHAKE] | [CONTENT_HANDSHAKE, 3, ..] => return Err(Parsed::Incomplete),
            _ if joined.is_empty() => return Err(Parsed::NotTls),
            _ => return Err(Parsed::Malformed),
        };
        if joined.is_empty() {
            joined = Cow::Borrowed(fragment);
        } else {
            joined.to_mut().extend_from_slice(fragment);
        }
        // Type and length of the message (RFC 8446 section 4).
        match *joined {
            [kind, ..] if kind != wanted => return Err(Parsed::Malformed),
            [_, high, middle, low, ref body @ ..] => {
                let length = u32::from_be_bytes([0, high, middle, low]) as usize;
                if length > MAX_HELLO {
                    return Err(Parsed::Malformed);
                }
                if let Some(more) = body.get(length..) {
                    let next = next_of(more, rest);
                    let body = match joined {
                        Cow::Borrowed(message) => Cow::Borrowed(&message[4..4 + length]),
                        Cow::Owned(message) => Cow::Owned(message[4..4 + length].to_vec()),
                    };
                    return Ok(Message { body, next });
                }
            }
            _ => {}
        }
    }
}

/// What follows, by the rest of the record and the records behind it.
fn next_of(record: &[u8], behind: &[u8]) -> Next {
    match (record, behind) {
        ([kind, ..], _) | ([], [CONTENT_HANDSHAKE, _, _, _, _, kind, ..]) => Next::Message(*kind),
        ([], [] | [CONTENT_HANDSHAKE, ..]) => Next::Unseen,
        ([], [content, ..]) => Next::Record(*content),
    }
}

/// RFC 8446 section 4.1.2. `None` when a length does not fit.
fn hello(message: &[u8]) -> Option<ClientHello> {
    let mut rest = message;
    take(&mut rest, 2 + 32)?; // version and random
    let session = vector(&mut rest, 1)?;
    let suites = vector(&mut rest, 2)?;
    let compressions = vector(&mut rest, 1)?;
    if session.len() > 32 || suites.is_empty() || suites.len() % 2 != 0 || compressions.is_empty() {
        return None;
    }
    let mut hello = ClientHello::default();
    if rest.is_empty() {
        return Some(hello); // TLS 1.2 allows a hello without extensions (RFC 5246 section 7.4.1.2).
    }
    let mut extensions = vector(&mut rest, 2)?;
    if !rest.is_empty() {
        return None;
    }
    while !extensions.is_empty() {
        let kind = u16::from_be_bytes(take(&mut extensions, 2)?.try_into().ok()?);
        let data = vector(&mut extensions, 2)?;
        match kind {
            EXTENSION_SERVER_NAME => hello.sni = host_name(server_name(data)?),
            EXTENSION_ALPN => hello.alpn = protocols(data)?,
            _ => {}
        }
    }
    Some(hello)
}

/// The first name of type `host_name` in a server name list; empty when there is none.
fn server_name(mut data: &[u8]) -> Option<&[u8]> {
    let mut list = vector(&mut data, 2)?;
    while !list.is_empty() {
        let kind = take(&mut list, 1)?[0];
        let name = vector(&mut list, 2)?;
        if kind == 0 {
            return Some(name);
        }
    }
    Some(&[])
}

fn host_name(bytes: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(bytes).ok().filter(|name| !name.contains(':'))?;
    host::normalise(name)
}

fn protocols(mut data: &[u8]) -> Option<Vec<String>> {
    let mut list = vector(&mut data, 2)?;
    let mut protocols = Vec::new();
    while !list.is_empty() {
        let name = vector(&mut list, 1)?;
        let text = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|b| b.is_ascii_graphic()));
        if let Some(text) = text.filter(|text| !text.is_empty() && protocols.len() < MAX_PROTOCOLS) {
            protocols.push(text.to_owned());
        }
    }
    Some(protocols)
}

/// Splits `count` bytes off.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

/// Splits off a vector whose length stands before it in `width` bytes (RFC 8446 section 3.4).
fn vector<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = take(rest, width)?.iter().fold(0, |length, &b| length << 8 | usize::from(b));
    take(rest, length)
}

#[cfg(test)]
mod tests;
