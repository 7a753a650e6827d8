//! The head of a response (RFC 9112 section 4).

use super::fields::decimal;
use super::head::{self, HeadError};
use super::{Framing, Location, MediaType, Method, Realm};

/// A response head, reduced to what matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub code: u16,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the server closes the connection afterwards (`Connection: close`, or HTTP/1.0 without keep-alive).
    pub close: bool,
    /// Where a redirect leads, or where something was created.
    pub location: Option<Location>,
    /// Whether credentials are demanded (`WWW-Authenticate`).
    pub challenge: bool,
    /// Who gives tokens, when a Bearer challenge says so.
    pub realm: Option<Realm>,
    /// The type of the body, when it is told.
    pub content_type: Option<MediaType>,
    /// Which part the body is, when it is a part.
    pub content_range: Option<ContentRange>,
}

/// A `Content-Range` in bytes (RFC 9110 section 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// Position of the first byte.
    pub first: u64,
    /// Position of the last byte (inclusive).
    pub last: u64,
    /// Length of the whole, when it is told.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Parses `bytes first-last/total`, where `total` may be `*`. `None` for anything else, an unsatisfied range too.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let value = std::str::from_utf8(value).ok()?;
        let (unit, range) = value.split_once(' ')?;
        let (span, total) = range.trim_start().split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let (first, last) = (decimal(first.as_bytes())?, decimal(last.as_bytes())?);
        let total = match total {
            "*" => None,
            total => Some(decimal(total.as_bytes())?),
        };
        let valid = unit.eq_ignore_ascii_case("bytes") && first <= last && total.is_none_or(|t| last < t);
        valid.then_some(Self { first, last, total })
    }
}

impl ResponseHead {
    /// Parses a complete head at the start of `bytes` and tells its length. The framing depends on the `method` that
    /// was asked.
    pub fn parse(bytes: &[u8], method: Method) -> Result<(Self, usize), HeadError> {
        let head::RawResponse { code, minor, fields, length } = head::parse_response(bytes)?;
        let head = Self {
            code,
            framing: Framing::of_response(&fields, code, method).map_err(|_| HeadError::Framing)?,
            close: head::closes(minor, &fields),
            location: fields.location.and_then(Location::parse),
            challenge: fields.challenge,
            realm: fields.realm,
            content_type: fields.content_type.map(MediaType::parse),
            content_range: fields.content_range.and_then(ContentRange::parse),
        };
        Ok((head, length))
    }
}

#[cfg(test)]
mod tests;
