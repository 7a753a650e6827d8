//! One direction of a connection: where it is and what it is in.

use std::fmt;

use super::body::Body;
use super::head::HeadBuffer;

/// Most bytes of a response that are kept until its request is reported.
const MAX_HELD: usize = 32 * 1024;
/// Most pieces of them.
const MAX_PIECES: usize = 64;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Position of the next byte; `None` before the first call of a connection that was joined late.
    pub position: Option<u64>,
    /// Time of the last byte.
    pub last_time: u64,
    /// Whether the next bytes may begin a message even though track is lost: they are the first after a turn.
    pub fresh: bool,
    pub state: State,
}

/// What the next byte belongs to.
#[derive(Debug, Default)]
pub(super) enum State {
    /// Not known.
    #[default]
    Lost,
    Head(HeadBuffer),
    RequestBody {
        body: Body,
        exchange: u32,
        /// Whether nothing of the body has come, and the client may never send it (`Expect: 100-continue`).
        optional: bool,
    },
    ResponseBody(Body),
    /// A response that was reported before its request.
    Held(Held),
    /// Another protocol.
    Opaque,
}

impl State {
    /// The start of a message.
    pub fn head() -> Self {
        Self::Head(HeadBuffer::default())
    }
}

/// A part of a response that waits for its request.
pub(super) enum Piece {
    Bytes { bytes: Vec<u8>, time: u64 },
    Gap { count: u64, time: u64 },
}

/// A response, from its first byte, that waits for its request.
#[derive(Default)]
pub(super) struct Held {
    pieces: Vec<Piece>,
    size: usize,
}

/// The bytes may hold signed URLs.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} bytes)", self.size)
    }
}

impl Held {
    /// Keeps a piece; false when there is no room for it.
    pub fn push(&mut self, piece: Piece) -> bool {
        if let Piece::Bytes { bytes, .. } = &piece {
            self.size += bytes.len();
        }
        match (self.pieces.last_mut(), piece) {
            (Some(Piece::Bytes { bytes, time }), Piece::Bytes { bytes: more, time: later })
                if *time == later =>
            {
                bytes.extend_from_slice(&more);
            }
            (_, piece) => self.pieces.push(piece),
        }
        self.size <= MAX_HELD && self.pieces.len() <= MAX_PIECES
    }

    pub fn size(&self) -> usize {
        self.size
    }

    pub fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }
}

impl Stream {
    /// A direction whose first byte is the start of a message.
    pub fn opened() -> Self {
        Self { position: Some(0), state: State::head(), ..Self::default() }
    }

    /// Bytes kept in memory.
    pub fn buffered(&self) -> usize {
        match &self.state {
            State::Head(buffer) => buffer.len(),
            State::Held(held) => held.size(),
            _ => 0,
        }
    }
}
