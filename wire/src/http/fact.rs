//! What the decoder of a connection reports.

use std::fmt;

use super::{RequestHead, ResponseHead, Trailers};

/// A direction of a connection as the watched process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the peer to the watched process.
    Received,
    /// From the watched process to the peer.
    Sent,
}

impl Direction {
    /// The other direction.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Received => Self::Sent,
            Self::Sent => Self::Received,
        }
    }
}

/// What the watched process is on this connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It sends requests.
    Client,
    /// It receives requests.
    Server,
}

impl Role {
    /// The role that a request travelling in `direction` gives the watched process.
    pub fn of_request(direction: Direction) -> Self {
        match direction {
            Direction::Sent => Self::Client,
            Direction::Received => Self::Server,
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The response reached the end that its framing gave. A body that only the close delimits is complete when the
    /// connection closes: HTTP cannot tell it from a cut one (RFC 9112 section 8).
    Complete,
    /// The connection closed before any response, inside its head, or before the end of its framing; over HTTP/2 also: the
    /// stream was reset, or refused by a GOAWAY.
    Cut,
    /// The connection's decoder lost track before the end, or could not read the response; what happened was not seen.
    Unknown,
}

/// Something on the connection that could not be made part of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unparsed {
    /// A head longer than the buffer, or with more fields than are looked at.
    HeadTooLong,
    /// A head that is none, or over HTTP/2 a header block that is none.
    BadHead,
    /// `Content-Length` or `Transfer-Encoding` that give no one length (RFC 9112 section 6.3).
    BadFraming,
    /// A chunked body whose chunks cannot be followed.
    BadChunk,
    /// Bytes that were not captured stood where a head was due.
    Hole,
    /// A response whose request was not seen, usually because the connection was joined late.
    NoRequest,
    /// More requests in flight than are remembered.
    Pipelined,
    /// A request head that the close of the connection cut off.
    HeadCut,
    /// A connection that is decoded as HTTP/1 speaks HTTP/2 (its preface, RFC 9113 section 3.4).
    Http2,
    /// A head over HTTP/2 whose method, path or status refers to what was sent before pullscope began to watch (HPACK).
    HpackUnknown,
    /// A response that nobody asked for (server push, RFC 9113 section 8.4).
    Pushed,
}

impl Unparsed {
    /// Every reason, for metrics that exist from the start.
    pub const ALL: [Self; 11] = [
        Self::HeadTooLong,
        Self::BadHead,
        Self::BadFraming,
        Self::BadChunk,
        Self::Hole,
        Self::NoRequest,
        Self::Pipelined,
        Self::HeadCut,
        Self::Http2,
        Self::HpackUnknown,
        Self::Pushed,
    ];

    /// The reason as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HeadTooLong => "head_too_long",
            Self::BadHead => "bad_head",
            Self::BadFraming => "bad_framing",
            Self::BadChunk => "bad_chunk",
            Self::Hole => "hole",
            Self::NoRequest => "no_request",
            Self::Pipelined => "pipelined",
            Self::HeadCut => "head_cut",
            Self::Http2 => "http2",
            Self::HpackUnknown => "hpack_unknown",
            Self::Pushed => "pushed",
        }
    }
}

/// Bytes of a body. They may hold secrets: `Debug` shows only their number.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(pub Vec<u8>);

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

/// One thing that happened on a connection. `exchange` numbers are unique within it (over HTTP/2: the stream); `time` is in nanoseconds of the
/// caller's clock. For every `Request` and `Unnamed` there is exactly one `End` with its number, at the latest when the connection
/// is told that it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A request head is complete. `time` is that of its first byte.
    ///
    /// The kernel may report a reply before the request that it answers (the reader runs on another CPU), so the
    /// `time` of a response may be a little before that of its request.
    Request {
        /// The exchange that begins here.
        exchange: u32,
        /// Whether the watched process sent or received it.
        role: Role,
        /// What was asked.
        head: Box<RequestHead>,
        /// Time of the head's first byte.
        time: u64,
    },
    /// The head of the final response (never 1xx, except 101) is complete. `time` is that of its first byte.
    Response {
        /// The exchange that is answered.
        exchange: u32,
        /// What was answered.
        head: Box<ResponseHead>,
        /// Time of the head's first byte.
        time: u64,
    },
    /// A request whose head cannot be read for the sake of what was sent before pullscope began to watch (HPACK): that was
    /// told as [`Unparsed::HpackUnknown`]. What follows on its stream is told as for a `Request`.
    Unnamed {
        /// The exchange that begins here.
        exchange: u32,
        /// Whether the watched process sent or received it.
        role: Role,
        /// Time of the head's first byte.
        time: u64,
    },
    /// Captured bytes of a body whose type is one that is read ([`MediaType`](super::MediaType)).
    Content {
        /// The exchange that the body belongs to.
        exchange: u32,
        /// Whether it is the response's body, else it is the request's.
        response: bool,
        /// Whether bytes of the body passed before these that were not captured.
        gap: bool,
        /// The bytes, without chunk framing unless it could not be followed across a gap.
        bytes: Content,
    },
    /// The fields behind the response's body (RFC 9110 section 6.5), told before its `End`.
    Trailers {
        /// The exchange that they end.
        exchange: u32,
        /// What they say.
        trailers: Trailers,
    },
    /// Body bytes of the request passed; an increment. What is sent after the response has ended is not reported.
    RequestBody {
        /// The exchange that the body belongs to.
        exchange: u32,
        /// Payload bytes, without chunk framing.
        bytes: u64,
    },
    /// Body bytes of the response passed; an increment.
    Body {
        /// The exchange that the body belongs to.
        exchange: u32,
        /// Payload bytes, without chunk framing unless `End` says that the count is not exact.
        bytes: u64,
    },
    /// The exchange is over.
    End {
        /// The exchange that ends.
        exchange: u32,
        /// Time of the response's last byte; of the close, when that cut it; of the loss, when track was lost.
        time: u64,
        /// How it ended.
        outcome: Outcome,
        /// Whether the `Body` increments sum up to the response's payload bytes that passed. They do not when part of
        /// a chunked body was not captured (then its chunk framing is counted too), or of an HTTP/2 frame's padding.
        exact: bool,
    },
    /// After this exchange (101, or `CONNECT` with 2xx) the connection no longer speaks HTTP/1. Its `End` came before.
    Upgraded {
        /// The exchange that asked for it.
        exchange: u32,
    },
    /// Something could not be made part of an exchange.
    Unparsed {
        /// Why.
        reason: Unparsed,
    },
}
