//! One frame (RFC 9113 section 4.1).

/// The head of a frame. Several `DATA` frames of one stream that followed each other may be given as one, with the sum of
/// their lengths without padding, and without flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Length of the payload in bytes.
    pub length: u32,
    /// Type (RFC 9113 section 6).
    pub kind: u8,
    /// Flags.
    pub flags: u8,
    /// Stream identifier; its top bit says nothing.
    pub stream: u32,
}

/// Frame types (RFC 9113 section 6).
pub(super) mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const PUSH_PROMISE: u8 = 5;
    pub const GOAWAY: u8 = 7;
    pub const CONTINUATION: u8 = 9;
}

/// Frame flags (RFC 9113 section 6).
mod flag {
    pub const END_STREAM: u8 = 0x01;
    pub const END_HEADERS: u8 = 0x04;
    pub const PADDED: u8 = 0x08;
    pub const PRIORITY: u8 = 0x20;
}

impl FrameHead {
    /// The stream, without the reserved bit.
    pub(super) fn stream(self) -> u32 {
        self.stream & (u32::MAX >> 1)
    }

    /// Whether nothing follows on the stream in this direction. For `DATA` and `HEADERS`.
    pub(super) fn ends_stream(self) -> bool {
        self.flags & flag::END_STREAM != 0
    }

    /// Whether the header block is complete. For `HEADERS`, `PUSH_PROMISE` and `CONTINUATION`.
    pub(super) fn ends_headers(self) -> bool {
        self.flags & flag::END_HEADERS != 0
    }

    fn is_padded(self) -> bool {
        self.flags & flag::PADDED != 0
    }

    /// How many bytes of a `DATA` frame are not padding; `None` when the length of the padding was not captured.
    pub(super) fn data_length(self, payload: &[u8]) -> Option<u64> {
        let length = u64::from(self.length);
        if !self.is_padded() || length == 0 {
            return Some(length);
        }
        let padding = 1 + u64::from(*payload.first()?);
        Some(length.saturating_sub(padding))
    }

    /// The captured part of what is not padding in a `DATA` frame.
    pub(super) fn data(self, payload: &[u8]) -> &[u8] {
        let begin = usize::from(self.is_padded());
        let length = self.data_length(payload).unwrap_or(0);
        let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(begin).min(payload.len());
        payload.get(begin..end).unwrap_or_default()
    }

    /// The captured part of the header block in a `HEADERS`, `PUSH_PROMISE` or `CONTINUATION` frame, and whether that is
    /// all of it.
    pub(super) fn fragment(self, payload: &[u8]) -> (&[u8], bool) {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let (mut begin, mut end) = (0, length);
        if self.kind != kind::CONTINUATION && self.is_padded() {
            begin += 1;
            // Without its length no byte is known to be none of the padding.
            end = payload.first().map_or(0, |&padding| length.saturating_sub(padding.into()));
        }
        begin += match self.kind {
            kind::HEADERS if self.flags & flag::PRIORITY != 0 => 5,
            kind::PUSH_PROMISE => 4,
            _ => 0,
        };
        let captured = end.min(payload.len());
        let whole = begin <= end && captured == end;
        (payload.get(begin..captured).unwrap_or_default(), whole)
    }
}
