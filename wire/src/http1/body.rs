//! A message body on its way to its end.

use super::Chunked;
use crate::http::{Content, Fact, Framing, MediaType};

/// The body of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body {
    rest: Rest,
    /// Whether its bytes are told, because of its type.
    told: bool,
    /// Whether bytes passed since the last that were told.
    gap: bool,
}

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// This many bytes; never 0.
    Length(u64),
    Chunked(Chunked),
    /// A chunked body of which a part with chunk borders was not captured: all that follows is counted as it is.
    Untracked,
    UntilClose,
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Going,
    Done,
    Bad,
}

/// A step through a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step<N> {
    /// Bytes of the body, framing included.
    pub consumed: N,
    /// Payload bytes among them.
    pub payload: u64,
    pub progress: Progress,
}

/// Bytes of a body that are to be told.
pub(super) struct Told {
    gap: bool,
    bytes: Vec<u8>,
}

impl Told {
    /// The fact that tells of them, if there are any.
    pub fn of(self, exchange: u32, response: bool) -> Option<Fact> {
        let Self { gap, bytes } = self;
        (!bytes.is_empty()).then_some(Fact::Content { exchange, response, gap, bytes: Content(bytes) })
    }
}

/// The last chunk and an empty trailer section (RFC 9112 section 7.1).
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

impl Body {
    /// The body that the framing announces; `None` when there is none.
    pub fn new(framing: Framing, content_type: Option<MediaType>) -> Option<Self> {
        let rest = match framing {
            Framing::None | Framing::Length(0) => return None,
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => Rest::Chunked(Chunked::default()),
            Framing::UntilClose => Rest::UntilClose,
        };
        Some(Self { rest, told: MediaType::is_read(content_type), gap: false })
    }

    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Walks over captured bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> (Step<usize>, Told) {
        let mut told = Vec::new();
        let step = match &mut self.rest {
            Rest::Chunked(chunked) => {
                let super::Progress { consumed, payload, done, bad } = chunked.feed_to(bytes, |payload| {
                    if self.told {
                        told.extend_from_slice(payload);
                    }
                });
                let progress = match (done, bad) {
                    (_, true) => Progress::Bad,
                    (true, false) => Progress::Done,
                    (false, false) => Progress::Going,
                };
                Step { consumed, payload, progress }
            }
            // Captured behind a gap: a write of its own, which is what a chunk is when it is flushed.
            Rest::Untracked if bytes == LAST_CHUNK => {
                Step { consumed: bytes.len(), payload: 0, progress: Progress::Done }
            }
            _ => {
                let Step { consumed, payload, progress } = self.pass(bytes.len() as u64);
                // At most the length of a slice.
                let consumed = usize::try_from(consumed).unwrap_or(bytes.len());
                if self.told {
                    told.extend_from_slice(&bytes[..consumed]);
                }
                Step { consumed, payload, progress }
            }
        };
        let gap = !told.is_empty() && std::mem::take(&mut self.gap);
        (step, Told { gap, bytes: told })
    }

    /// Passes over bytes that were not captured.
    pub fn skip(&mut self, count: u64) -> Step<u64> {
        self.gap |= count > 0;
        self.pass(count)
    }

    fn pass(&mut self, count: u64) -> Step<u64> {
        match &mut self.rest {
            Rest::Length(left) => {
                let consumed = count.min(*left);
                *left -= consumed;
                let progress = if *left == 0 { Progress::Done } else { Progress::Going };
                return Step { consumed, payload: consumed, progress };
            }
            Rest::Chunked(chunked) => {
                if !chunked.skip(count) {
                    self.rest = Rest::Untracked;
                }
            }
            Rest::Untracked | Rest::UntilClose => {}
        }
        Step { consumed: count, payload: count, progress: Progress::Going }
    }

    /// Whether the payload can be told from the framing.
    pub fn exact(&self) -> bool {
        self.rest != Rest::Untracked
    }
}
