//! The head of a response (RFC 9110 section 6.3, RFC 9113 section 8.3.2).

use super::listed::Listed;
use super::{Field, Fields, Framing, HeadError, Location, MediaType, Method, Realm, Trailers, decimal};
use crate::oci;

/// A response head, reduced to what matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub code: u16,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the server closes the connection afterwards (`Connection: close`, or HTTP/1.0 without keep-alive). Never
    /// over HTTP/2.
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
    /// Digest of the manifest that the answer is about (`Docker-Content-Digest`).
    pub digest: Option<String>,
    /// What gRPC says in a head that is all there is of a response.
    pub trailers: Trailers,
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
    /// Makes a head of its fields (RFC 9113 section 8.3.2), interim ones too. The framing depends on the `method` that was
    /// asked; where no `content-length` is known and there may be a body, it is [`Framing::UntilClose`].
    pub fn from_fields<'a>(list: impl Iterator<Item = Field<'a>>, method: Method) -> Result<Self, HeadError> {
        let listed = Listed::of(list);
        let code = status_of(listed.status()?)?;
        Self::of(code, &listed.fields, method, false)
    }

    /// The head with status `code`.
    pub(crate) fn of(code: u16, fields: &Fields<'_>, method: Method, close: bool) -> Result<Self, HeadError> {
        Ok(Self {
            code,
            framing: Framing::of_response(fields, code, method).map_err(|_| HeadError::Framing)?,
            close,
            location: fields.location.and_then(Location::parse),
            challenge: fields.challenge,
            realm: fields.realm.clone(),
            content_type: fields.content_type.map(MediaType::parse),
            content_range: fields.content_range.and_then(ContentRange::parse),
            digest: fields.content_digest.and_then(oci::owned_digest),
            trailers: Trailers::of(fields),
        })
    }
}

/// A `:status`: three digits, the first at least 1 (RFC 9110 section 15).
fn status_of(value: &[u8]) -> Result<u16, HeadError> {
    match *value {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Ok([a, b, c].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
        }
        _ => Err(HeadError::Syntax),
    }
}

#[cfg(test)]
mod tests;
