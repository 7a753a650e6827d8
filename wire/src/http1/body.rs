//! A message body on its way to its end.

use super::Chunked;
use crate::http::Framing;

/// The body of one message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes are left; never 0.
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

impl Body {
    /// The body that the framing announces; `None` when there is none.
    pub fn new(framing: Framing) -> Option<Self> {
        match framing {
            Framing::None | Framing::Length(0) => None,
            Framing::Length(length) => Some(Self::Length(length)),
            Framing::Chunked => Some(Self::Chunked(Chunked::default())),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    /// Walks over captured bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Step<usize> {
        if let Self::Chunked(chunked) = self {
            let super::Progress { consumed, payload, done, bad } = chunked.feed(bytes);
            let progress = match (done, bad) {
                (_, true) => Progress::Bad,
                (true, false) => Progress::Done,
                (false, false) => Progress::Going,
            };
            return Step { consumed, payload, progress };
        }
        let Step { consumed, payload, progress } = self.skip(bytes.len() as u64);
        // At most the length of a slice.
        Step { consumed: usize::try_from(consumed).unwrap_or(bytes.len()), payload, progress }
    }

    /// Passes over bytes that were not captured.
    pub fn skip(&mut self, count: u64) -> Step<u64> {
        match self {
            Self::Length(left) => {
                let consumed = count.min(*left);
                *left -= consumed;
                let progress = if *left == 0 { Progress::Done } else { Progress::Going };
                return Step { consumed, payload: consumed, progress };
            }
            Self::Chunked(chunked) => {
                if !chunked.skip(count) {
                    *self = Self::Untracked;
                }
            }
            Self::Untracked | Self::UntilClose => {}
        }
        Step { consumed: count, payload: count, progress: Progress::Going }
    }

    /// Whether the payload can be told from the framing.
    pub fn exact(&self) -> bool {
        *self != Self::Untracked
    }
}
