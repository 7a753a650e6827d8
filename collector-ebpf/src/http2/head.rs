//! What becomes of a frame, by its head (RFC 9113 section 6).

use collector_common::MAX_CAPTURE;
pub use collector_common::frames::END_STREAM;
pub use collector_common::frames::kind::DATA;
use collector_common::frames::kind::{
    CONTINUATION, GOAWAY, HEADERS, PING, PUSH_PROMISE, RST_STREAM, SETTINGS,
};

use super::{Half, SLOTS, Slot};

pub const PADDED: u8 = 8;

/// Bytes that are captured of the first `DATA` frame of a message: a gRPC request, or a manifest.
const FIRST_DATA: u32 = 4096;
/// Bytes that are captured of a `DATA` frame with flags: the length of its padding is in the first.
const FLAGGED_DATA: u32 = 256;

/// A frame's head.
pub struct Head {
    pub length: u32,
    pub stream: u32,
    pub kind: u8,
    pub flags: u8,
}

impl Head {
    /// The one that has come.
    #[inline(always)]
    pub fn of(half: &Half) -> Self {
        let [a, b, c, kind, flags, d, e, f, g, ..] = half.head;
        Self {
            length: u32::from_be_bytes([0, a, b, c]),
            // The highest bit is reserved.
            stream: u32::from_be_bytes([d & 0x7f, e, f, g]),
            kind,
            flags,
        }
    }

    /// Whether a frame of this type may have this stream. What may not is an error of the connection (RFC 9113 section
    /// 5.4.1): nobody sends it, so it is not the head of a frame.
    #[inline(always)]
    pub fn is_sound(&self) -> bool {
        match self.kind {
            DATA | HEADERS | RST_STREAM | PUSH_PROMISE | CONTINUATION => self.stream != 0,
            SETTINGS | PING | GOAWAY => self.stream == 0,
            _ => true,
        }
    }

    /// Whether a server may send it before it has read the client's preface.
    #[inline(always)]
    pub fn may_come_first(&self) -> bool {
        !matches!(self.kind, DATA | HEADERS | RST_STREAM | PUSH_PROMISE | GOAWAY | CONTINUATION)
    }

    /// Which sums must be told before the frame: those of its stream in [`OWN`] direction, or in [`BOTH`].
    #[inline(always)]
    pub fn ends_sums(&self, slot: &Slot) -> u8 {
        let known = slot.stream == self.stream;
        match self.kind {
            RST_STREAM => BOTH,
            HEADERS => OWN,
            DATA if known => {
                // A record has 32 bits for the length.
                let full = slot.sum > u64::from(u32::MAX >> 1);
                if full || slot.fresh != 0 || self.flags & (END_STREAM | PADDED) != 0 { OWN } else { 0 }
            }
            DATA if self.flags & (END_STREAM | PADDED) == 0 => OWN,
            _ => 0,
        }
    }

    /// Decides what becomes of the frame, and what is to be remembered of its stream.
    #[inline(always)]
    pub fn fate(&self, slot: &mut Slot) -> Fate {
        let known = slot.stream == self.stream;
        match self.kind {
            DATA => {
                let first = known && slot.fresh != 0;
                if first || self.flags & (END_STREAM | PADDED) != 0 {
                    if known {
                        slot.fresh = 0;
                    }
                    return Fate::Tell(if first { FIRST_DATA } else { FLAGGED_DATA });
                }
                slot.stream = self.stream;
                slot.fresh = 0;
                Fate::Sum
            }
            HEADERS => {
                let more = self.flags & END_STREAM == 0;
                slot.stream = if more { self.stream } else { 0 };
                slot.fresh = u32::from(more);
                Fate::Tell(MAX_CAPTURE)
            }
            RST_STREAM | SETTINGS | PUSH_PROMISE | GOAWAY | CONTINUATION => Fate::Tell(MAX_CAPTURE),
            _ => Fate::Skip,
        }
    }
}

/// Values of [`Head::ends_sums`].
pub const OWN: u8 = 1;
pub const OTHER: u8 = 2;
pub const BOTH: u8 = OWN | OTHER;

/// What becomes of a frame.
pub enum Fate {
    /// It is told, with at most so many bytes of its payload.
    Tell(u32),
    /// Its length is added to the sum of its stream.
    Sum,
    /// Nothing.
    Skip,
}

/// Where a stream's sum is kept.
#[inline(always)]
pub fn index(stream: u32) -> u32 {
    (stream >> 1) % SLOTS
}
