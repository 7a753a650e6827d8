//! Where the frames of HTTP/2 begin on a connection whose own beginning was not seen.
//!
//! The head of a frame says where the next one is (RFC 9113 section 4.1), so a read or write that begins with a frame holds a
//! chain of heads. Programs write whole frames and read what there is, so most of theirs begin with one and end with one. Only
//! heads as they come in the middle of a connection are believed: a type and flags that are sent there, the length that the
//! type prescribes, a stream of the kind that it needs. The first three bytes of one frame, its type and its flags leave
//! anything else next to no chance to end where the read or write ends, or at another such head.
//!
//! The kernel programs look with [`may_begin`] and then with a [`Chain`].
#![expect(
    clippy::inline_always,
    reason = "part of the kernel programs, and the verifier follows calls badly"
)]

/// Length of a frame's head.
pub const HEAD: usize = 9;

/// Frame types (RFC 9113 section 6).
pub mod kind {
    /// Part of a body.
    pub const DATA: u8 = 0;
    /// The start of a header block.
    pub const HEADERS: u8 = 1;
    /// The order of streams.
    pub const PRIORITY: u8 = 2;
    /// The end of a stream before its time.
    pub const RST_STREAM: u8 = 3;
    /// How the peer wants to be talked to.
    pub const SETTINGS: u8 = 4;
    /// A stream that the server opens.
    pub const PUSH_PROMISE: u8 = 5;
    /// A sign of life.
    pub const PING: u8 = 6;
    /// The end of the connection.
    pub const GOAWAY: u8 = 7;
    /// Room for more of a body.
    pub const WINDOW_UPDATE: u8 = 8;
    /// More of a header block.
    pub const CONTINUATION: u8 = 9;
}

use kind::{DATA, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE};

/// Flag of `DATA` and `HEADERS`: nothing follows on the stream. `ACK` of others has the same bit.
pub const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const WITH_PRIORITY: u8 = 0x20;

/// The longest payload that may be sent without the peer's leave (RFC 9113 section 6.5.2, `SETTINGS_MAX_FRAME_SIZE`).
const MOST: u32 = 16_384;

/// A frame's head.
#[derive(Clone, Copy)]
struct Head {
    length: u32,
    kind: u8,
    flags: u8,
    /// With the reserved bit.
    stream: u32,
}

impl Head {
    #[inline(always)]
    const fn of(start: [u8; HEAD - 1], last: u8) -> Self {
        Self {
            length: u32::from_be_bytes([0, start[0], start[1], start[2]]),
            kind: start[3],
            flags: start[4],
            stream: u32::from_be_bytes([start[5], start[6], start[7], last]),
        }
    }

    /// Whether it can be the head of a frame in the middle of a connection, as programs send them. What is allowed and not sent
    /// (padding, pushed streams, header blocks of several frames, unknown types) is not among it: such a read or write is
    /// passed over, and a later one begins with another frame.
    #[inline(always)]
    const fn is_sound(&self) -> bool {
        let Self { length, kind, flags, stream } = *self;
        if length > MOST || stream > u32::MAX >> 1 {
            return false;
        }
        // Streams with even numbers are opened by servers, to push (RFC 9113 section 5.1.1).
        let request = stream % 2 == 1;
        match kind {
            // An empty one without the flag says nothing.
            DATA => request && flags <= END_STREAM && length + flags as u32 > 0,
            HEADERS if flags & WITH_PRIORITY != 0 => {
                request && (flags & !END_STREAM) == END_HEADERS | WITH_PRIORITY && length > 5
            }
            HEADERS => request && (flags & !END_STREAM) == END_HEADERS && length > 0,
            PRIORITY => request && flags == 0 && length == 5,
            RST_STREAM => request && flags == 0 && length == 4,
            SETTINGS if flags == ACK => stream == 0 && length == 0,
            SETTINGS => stream == 0 && flags == 0 && length > 0 && length.is_multiple_of(6),
            PING => stream == 0 && flags <= ACK && length == 8,
            GOAWAY => stream == 0 && flags == 0 && length >= 8,
            WINDOW_UPDATE => (request || stream == 0) && flags == 0 && length == 4,
            _ => false,
        }
    }
}

/// Whether a read or write that begins with these bytes may begin with a frame: all but the last byte of its head.
#[inline(always)]
pub const fn may_begin(bytes: [u8; HEAD - 1]) -> bool {
    // The stream that has a chance to be one: that of the connection, or one with an odd number.
    let last = !matches!(bytes[3], SETTINGS | PING | GOAWAY);
    Head::of(bytes, last as u8).is_sound()
}

/// What the heads in a read or write have shown. It begins as zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(u8);

/// What a head leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is none.
    Broken,
    /// After so many bytes comes the next head, or the end of the read or write.
    Whole(u32),
    /// The payload goes on in the next read or write.
    Open,
}

impl Chain {
    /// A frame was whole.
    const WHOLE: u8 = 1;
    /// One that was not `DATA` was.
    const TELLING: u8 = 2;

    /// Takes in the head of the next frame, behind which `left` bytes of the read or write come.
    #[inline(always)]
    pub fn link(&mut self, head: &[u8; HEAD], left: u64) -> Link {
        let [start @ .., last] = head;
        let head = Head::of(*start, *last);
        if !head.is_sound() {
            return Link::Broken;
        }
        if left < u64::from(head.length) {
            // Whatever has a fixed length is short, and written whole.
            return if matches!(head.kind, DATA | HEADERS) { Link::Open } else { Link::Broken };
        }
        self.0 |= if head.kind == DATA { Self::WHOLE } else { Self::WHOLE | Self::TELLING };
        Link::Whole(head.length)
    }

    /// Whether a chain that is not broken shows that the read or write begins with a frame. At least one must be whole, and as
    /// long as it is not `known` that the connection speaks HTTP/2, one that is not `DATA`, whose head has the least in it that
    /// tells it from other bytes.
    #[inline(always)]
    pub const fn holds(self, known: bool) -> bool {
        self.0 & if known { Self::WHOLE } else { Self::TELLING } != 0
    }
}

#[cfg(test)]
mod tests;
