//! The chunked transfer coding (RFC 9112 section 7.1), walked without keeping any of it.

/// Longest chunk size, in hexadecimal digits, that fits the counter.
const MAX_DIGITS: u8 = 16;

/// A chunked body on its way. Extensions and trailers are stepped over; only a line's kind is remembered, so memory
/// does not depend on the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    at: At,
}

/// The place inside the coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a chunk size.
    Size {
        value: u64,
        digits: u8,
    },
    /// Behind the digits, before the end of the line.
    Extension {
        value: u64,
    },
    /// In the payload of a chunk.
    Payload {
        left: u64,
    },
    /// Between payload and the next size: a line end is due.
    PayloadEnd {
        cr: bool,
    },
    /// In the trailer section; `empty` while the line has no character yet.
    Trailer {
        empty: bool,
    },
    Done,
    Bad,
}

impl Default for At {
    fn default() -> Self {
        Self::Size { value: 0, digits: 0 }
    }
}

/// What a step through a body found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that belong to the body, framing included.
    pub consumed: usize,
    /// Payload bytes among them.
    pub payload: u64,
    /// Whether the body has reached its end; nothing more is consumed then.
    pub done: bool,
    /// Whether the coding is broken; nothing more is consumed then.
    pub bad: bool,
}

impl Chunked {
    /// Walks over `bytes`, which follow those of the last call directly.
    pub fn feed(&mut self, bytes: &[u8]) -> Progress {
        self.feed_to(bytes, |_| ())
    }

    /// The same; the payload is given to `sink`.
    pub fn feed_to(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8])) -> Progress {
        let mut consumed = 0;
        let mut payload = 0;
        while let Some(&byte) = bytes.get(consumed) {
            match self.at {
                At::Done | At::Bad => break,
                At::Payload { left } => {
                    let here = (bytes.len() - consumed) as u64;
                    let taken = left.min(here);
                    self.pass(left, taken);
                    payload += taken;
                    // `taken` is at most the length of a slice.
                    let end = consumed + usize::try_from(taken).unwrap_or(usize::MAX);
                    sink(&bytes[consumed..end]);
                    consumed = end;
                }
                at => {
                    self.at = step(at, byte);
                    if self.at != At::Bad {
                        consumed += 1;
                    }
                }
            }
        }
        Progress { consumed, payload, done: self.at == At::Done, bad: self.at == At::Bad }
    }

    /// Passes over `count` bytes that were not captured. True when all of them are payload of the chunk that the body
    /// is in; false when the chunk ends before them: then the place is lost and the body can't be followed further.
    #[must_use]
    pub fn skip(&mut self, count: u64) -> bool {
        match self.at {
            At::Payload { left } if count <= left => {
                self.pass(left, count);
                true
            }
            _ => count == 0,
        }
    }

    fn pass(&mut self, left: u64, count: u64) {
        self.at =
            if count == left { At::PayloadEnd { cr: false } } else { At::Payload { left: left - count } };
    }
}

/// The place behind `byte`. A line may end with a bare line feed (RFC 9112 section 2.2).
fn step(at: At, byte: u8) -> At {
    match (at, byte) {
        (At::Size { value, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < MAX_DIGITS => {
            let digit = char::from(byte).to_digit(16).unwrap_or_default();
            At::Size { value: value << 4 | u64::from(digit), digits: digits + 1 }
        }
        (At::Size { digits: 1.., value } | At::Extension { value }, b'\n') => match value {
            0 => At::Trailer { empty: true },
            left => At::Payload { left },
        },
        (At::Size { digits: 1.., value }, b';' | b' ' | b'\t' | b'\r') | (At::Extension { value }, _) => {
            At::Extension { value }
        }
        (At::PayloadEnd { cr: false }, b'\r') => At::PayloadEnd { cr: true },
        (At::PayloadEnd { .. }, b'\n') => At::default(),
        (At::Trailer { empty: true }, b'\n') => At::Done,
        (At::Trailer { .. }, b'\n') => At::Trailer { empty: true },
        (At::Trailer { empty }, b'\r') => At::Trailer { empty },
        (At::Trailer { .. }, _) => At::Trailer { empty: false },
        _ => At::Bad,
    }
}

#[cfg(test)]
mod tests;
