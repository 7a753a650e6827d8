//! Finding a head in a byte stream, and parsing it with `httparse`.

use std::fmt;

use crate::http::{Fields, HeadError, Method};

/// Longest head that is put together; servers commonly refuse far shorter ones.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// Most fields that a head may have.
const MAX_FIELDS: usize = 256;
/// A head is told from other bytes by this many of its first bytes at most.
const SHAPE: usize = 24;

/// A parsed request line with its fields.
pub(super) struct RawRequest<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub minor: u8,
    pub fields: Fields<'a>,
    pub length: usize,
}

/// A parsed status line with its fields.
pub(super) struct RawResponse<'a> {
    pub code: u16,
    pub minor: u8,
    pub fields: Fields<'a>,
    pub length: usize,
}

/// What httparse finds wrong.
fn refusal(error: httparse::Error) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::TooLong,
        _ => HeadError::Syntax,
    }
}

fn fields_of<'a>(headers: &[httparse::Header<'a>]) -> Fields<'a> {
    let mut fields = Fields::default();
    for header in headers {
        fields.add(header.name.as_bytes(), header.value);
    }
    fields
}

/// What both sides let pass is read, even where the grammar is stricter: this is an observer, not a peer.
fn lenient() -> httparse::ParserConfig {
    let mut config = httparse::ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true);
    config
}

/// Parses the request head at the start of `bytes`.
pub(super) fn parse_request(bytes: &[u8]) -> Result<RawRequest<'_>, HeadError> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut storage);
    let status = lenient().parse_request(&mut request, bytes).map_err(refusal)?;
    let (httparse::Status::Complete(length), Some(method), Some(target), Some(minor)) =
        (status, request.method, request.path, request.version)
    else {
        return Err(HeadError::Incomplete);
    };
    Ok(RawRequest { method, target, minor, fields: fields_of(request.headers), length })
}

/// Parses the response head at the start of `bytes`.
pub(super) fn parse_response(bytes: &[u8]) -> Result<RawResponse<'_>, HeadError> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut storage);
    let status = lenient().parse_response(&mut response, bytes).map_err(refusal)?;
    let (httparse::Status::Complete(length), Some(code), Some(minor)) =
        (status, response.code, response.version)
    else {
        return Err(HeadError::Incomplete);
    };
    // Three digits, the first at least 1 (RFC 9110 section 15).
    if code < 100 {
        return Err(HeadError::Syntax);
    }
    Ok(RawResponse { code, minor, fields: fields_of(response.headers), length })
}

/// Whether a connection ends with this message (RFC 9112 section 9.3).
pub(super) fn closes(minor: u8, fields: &Fields<'_>) -> bool {
    fields.close || (minor == 0 && !fields.keep_alive)
}

/// What the first bytes of a message look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Too few bytes to tell.
    Undecided,
    /// A request line; `known` when its method is a named one and its target has the shape of one.
    Request {
        known: bool,
    },
    Response,
    /// The HTTP/2 preface.
    Http2,
    Neither,
}

impl Shape {
    pub fn of(bytes: &[u8]) -> Self {
        // A request line cut in two may leave `HTTP/1.1` at the start, which only a status line follows with a space.
        const STARTS: [(&[u8], Shape); 3] = [
            (b"HTTP/1.1 ", Shape::Response),
            (b"HTTP/1.0 ", Shape::Response),
            (b"PRI * HTTP/2.0", Shape::Http2),
        ];
        for (start, shape) in STARTS {
            if bytes.starts_with(start) {
                return shape;
            }
            if start.starts_with(bytes) {
                return Self::Undecided;
            }
        }
        let bytes = bytes.get(..SHAPE).unwrap_or(bytes);
        let method = bytes.split(|&b| b == b' ').next().unwrap_or_default();
        let target = bytes.get(method.len() + 1..);
        match target {
            _ if !method.iter().all(|&b| is_token(b)) => Self::Neither,
            None | Some([]) if bytes.len() < SHAPE => Self::Undecided,
            None | Some([]) => Self::Neither,
            Some(_) if method.is_empty() => Self::Neither,
            Some([first, ..]) => match Method::parse(method) {
                Method::Other => Self::Request { known: false },
                Method::Connect => Self::Request { known: true },
                _ => Self::Request { known: matches!(first, b'/' | b'*' | b'h' | b'H') },
            },
        }
    }
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// A head that arrives in pieces.
#[derive(Default)]
pub(super) struct HeadBuffer {
    bytes: Vec<u8>,
    /// Time of the first byte.
    pub began: u64,
    /// Whether these bytes are only taken for a head because they look like one: track had been lost before.
    pub tentative: bool,
}

/// The bytes may hold credentials.
impl fmt::Debug for HeadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadBuffer({} bytes)", self.bytes.len())
    }
}

impl HeadBuffer {
    pub fn tentative() -> Self {
        Self { tentative: true, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether nothing says yet that this is a head.
    pub fn is_vague(&self) -> bool {
        self.tentative && self.shape_with(&[]) == Shape::Undecided
    }

    /// What the head looks like if `more` follows what is there.
    pub fn shape_with(&self, more: &[u8]) -> Shape {
        if self.is_empty() {
            return Shape::of(more);
        }
        let mut start = [0; SHAPE];
        let joined = self.bytes.iter().chain(more);
        let length = start.iter_mut().zip(joined).map(|(to, &from)| *to = from).count();
        Shape::of(&start[..length])
    }

    /// How many bytes of `more` complete the head: up to and including its empty line.
    pub fn end_in(&self, more: &[u8]) -> Option<usize> {
        // The line feed before the empty line may be in the part that was looked at already.
        let tail = &self.bytes[self.len().saturating_sub(2)..];
        let seam = match (tail, more) {
            ([.., b'\n'] | [b'\n', b'\r'], [b'\n', ..]) => Some(1),
            ([.., b'\n'], [b'\r', b'\n', ..]) => Some(2),
            _ => None,
        };
        seam.or_else(|| end_of_head(more))
    }

    /// Keeps `more`. The caller sees to it that the head does not get longer than [`MAX_HEAD`].
    pub fn extend(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
    }
}

/// The position behind the first empty line.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(feed) = bytes.get(at..)?.iter().position(|&b| b == b'\n') {
        at += feed + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
