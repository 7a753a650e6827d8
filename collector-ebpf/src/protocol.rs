//! What the first bytes of a span say: whether the collector can read what follows.

use collector_common::conn::Protocol;
use collector_common::frames;

use crate::buffer::Segment;
use crate::kernel::read_user;

/// Bytes that are looked at.
pub const LOOK: usize = 8;

/// What a span begins like.
pub enum Begin {
    /// A message of this protocol.
    Known(Protocol),
    /// A `SETTINGS` frame: how a server of HTTP/2 begins (RFC 9113 section 3.4).
    Settings,
    /// What may be a frame of HTTP/2 in the middle of a connection.
    Frame,
    /// Too short to tell, but it may become an HTTP/1 message.
    Perhaps,
    /// Nothing that can be read.
    Strange,
}

/// Four bytes of a text as the number that they are when read from memory in little-endian order.
const fn word(text: [u8; 4]) -> u32 {
    u32::from_le_bytes(text)
}

/// Tells a span by its first bytes, of which `length` (at most [`LOOK`]) are in `bytes`.
///
/// One comparison after the other, without a loop and without a flag: every such would double what the verifier must follow.
#[inline(always)]
pub fn begin((bytes, length): ([u8; LOOK], u32)) -> Begin {
    // A TLS record with a ClientHello or ServerHello: type handshake, version 3.x (RFC 8446 sections 5.1 and 4). OpenSSL reads
    // the record's own five bytes first, so that what is in it comes with the next read.
    if length >= 5 && bytes[0] == 0x16 && bytes[1] == 3 && (length == 5 || bytes[5] == 1 || bytes[5] == 2) {
        return Begin::Known(Protocol::Tls);
    }
    if length < LOOK as u32 {
        return match bytes[0] {
            b'C' | b'D' | b'G' | b'H' | b'O' | b'P' | b'T' => Begin::Perhaps,
            _ => Begin::Strange,
        };
    }
    let first = word([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let rest = word([bytes[4], bytes[5], bytes[6], bytes[7]]);
    // The methods of RFC 9110 section 9 and PATCH (RFC 5789), each up to the space behind it, and the start of a response.
    const GET: u32 = word(*b"GET ");
    const PUT: u32 = word(*b"PUT ");
    const HEAD: u32 = word(*b"HEAD");
    const POST: u32 = word(*b"POST");
    const TRACE: u32 = word(*b"TRAC");
    const PATCH: u32 = word(*b"PATC");
    const DELETE: u32 = word(*b"DELE");
    const OPTIONS: u32 = word(*b"OPTI");
    const CONNECT: u32 = word(*b"CONN");
    const RESPONSE: u32 = word(*b"HTTP");
    // The HTTP/2 client connection preface (RFC 9113 section 3.4).
    const PREFACE: u32 = word(*b"PRI ");
    // The head of a `SETTINGS` frame of fewer than 256 bytes, up to the last byte of its stream, which is 0 (RFC 9113
    // sections 4.1 and 6.5): length, type 4, no flags.
    if first & 0xff00_ffff == 0x0400_0000 && rest == 0 {
        return Begin::Settings;
    }
    if frames::may_begin(bytes) {
        return Begin::Frame;
    }
    let http1 = match first {
        GET | PUT => true,
        HEAD | POST => rest & 0xff == word(*b" \0\0\0"),
        TRACE => rest & 0xffff == word(*b"E \0\0"),
        PATCH => rest & 0xffff == word(*b"H \0\0"),
        DELETE => rest & 0x00ff_ffff == word(*b"TE \0"),
        OPTIONS => rest == word(*b"ONS "),
        CONNECT => rest == word(*b"ECT "),
        RESPONSE => rest & 0x00ff_ffff == word(*b"/1.\0"),
        PREFACE if rest == word(*b"* HT") => return Begin::Known(Protocol::Http2),
        _ => false,
    };
    if http1 { Begin::Known(Protocol::Http1) } else { Begin::Strange }
}

/// Whether a write is one of those that say how `POST /images/create` of the Docker Engine API ended: a line of its stream of progress
/// (one write each, for they are flushed) that tells an error or whether the image was new, or the chunk that ends the answer. An
/// image in many layers takes thousands of lines, most of which no budget holds.
///
/// The line is JSON, in a chunk of its own (RFC 9112 section 7.1) of at most three digits; in an answer to HTTP/1.0 it is bare.
#[inline(always)]
pub fn last_words(segment: Segment) -> bool {
    const fn word(text: [u8; 8]) -> u64 {
        u64::from_le_bytes(text)
    }
    const ERROR_DETAIL: [u64; 2] = [word(*b"{\"errorD"), word(*b"etail\":{")];
    const ERROR: u64 = word(*b"{\"error\"");
    const STATUS: u64 = word(*b"{\"status");
    const STATUS_IS: u64 = word(*b"\":\"Statu");
    let Some(start) = read_user::<u64>(segment.address) else { return false };
    let [first, second, third, fourth, fifth, ..] = start.to_le_bytes();
    // The last chunk, without which nobody knows that the answer has ended.
    if segment.length == 5 && [first, second, third, fourth, fifth] == *b"0\r\n\r\n" {
        return true;
    }
    let size_line = match (first, second, third, fourth, fifth) {
        (b'{', ..) => 0,
        (_, b'\r', b'\n', ..) => 3,
        (_, _, b'\r', b'\n', _) => 4,
        (_, _, _, b'\r', b'\n') => 5,
        _ => return false,
    };
    // What lies behind the bytes of the write is of another one.
    if segment.length < size_line + 16 {
        return false;
    }
    let line = segment.address + u64::from(size_line);
    let (Some(name), Some(value)) = (read_user::<u64>(line), read_user::<u64>(line + 8)) else {
        return false;
    };
    match name {
        ERROR => true,
        STATUS => value == STATUS_IS,
        _ => [name, value] == ERROR_DETAIL,
    }
}
