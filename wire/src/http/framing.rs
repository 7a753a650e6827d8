//! Where a message body ends (RFC 9112 section 6.3).

use super::{Fields, Method};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, the last of which is empty.
    Chunked,
    /// All that comes until the connection closes; over HTTP/2 until the stream ends, without a length known before.
    UntilClose,
}

/// `Content-Length` or `Transfer-Encoding` contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contradiction;

impl Framing {
    /// The framing of a request's body.
    pub(crate) fn of_request(fields: &Fields<'_>) -> Result<Self, Contradiction> {
        match fields.chunked_last {
            // It overrides a `Content-Length`, even a wrong one.
            Some(true) => Ok(Self::Chunked),
            // Only the close could delimit it, and a request cannot be answered after that.
            Some(false) => Err(Contradiction),
            None => Ok(fields.content_length()?.map_or(Self::None, Self::Length)),
        }
    }

    /// The framing of the body of a response with status `code` to a request with `method`.
    pub(crate) fn of_response(fields: &Fields<'_>, code: u16, method: Method) -> Result<Self, Contradiction> {
        if Self::is_bodyless(code, method) {
            return Ok(Self::None);
        }
        match fields.chunked_last {
            Some(true) => Ok(Self::Chunked),
            Some(false) => Ok(Self::UntilClose),
            None => Ok(fields.content_length()?.map_or(Self::UntilClose, Self::Length)),
        }
    }

    /// Whether a response has no body, whatever its fields say (RFC 9110 section 6.4.1).
    pub(crate) fn is_bodyless(code: u16, method: Method) -> bool {
        let tunnel = method == Method::Connect && (200..300).contains(&code);
        method == Method::Head || tunnel || matches!(code, 100..=199 | 204 | 304)
    }
}
