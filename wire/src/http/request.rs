//! The head of a request (RFC 9110 section 6.3, RFC 9113 section 8.3.1).

use std::fmt;

use super::listed::Listed;
use super::{Field, Fields, Framing, HeadError, MediaType, Method, split_query};
use crate::{engine, grpc, host};

/// A request head, reduced to what matters. Its `Debug` output shows neither path nor query nor credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a header field's presence")]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// What is asked for.
    pub target: RequestTarget,
    /// Lower-cased `host[:port]` with the port as sent: from an absolute target (a request to a proxy), else from the
    /// `Host` field; over HTTP/2 from `:authority`, else `host`. `None` when there is none that can be known, it is
    /// malformed, or there are two different ones.
    pub host: Option<String>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants the connection closed afterwards (`Connection: close`, or HTTP/1.0 without keep-alive).
    /// Never over HTTP/2.
    pub close: bool,
    /// Whether another protocol is offered (`Upgrade`). Never over HTTP/2.
    pub upgrade: bool,
    /// Which kind of credentials came along.
    pub credentials: Credentials,
    /// Whether only a part is asked for (`Range`), as far as the fields are known.
    pub range: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// The type of the body, when it is told.
    pub content_type: Option<MediaType>,
    /// How long the client of a gRPC call waits (`grpc-timeout`), in nanoseconds.
    pub timeout: Option<u64>,
    /// Whether credentials for a registry came along (`X-Registry-Auth` of the Docker Engine API); `None` where it can't be
    /// known.
    pub registry_auth: Option<bool>,
}

/// Path and query of a request. It may be a signed URL: `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestTarget(String);

impl RequestTarget {
    /// The target with its query. The caller has taken off what belongs to the host.
    pub(crate) fn new(target: &str) -> Self {
        Self(target.to_owned())
    }

    /// The target as path and query: absolute targets without scheme and host, empty for `CONNECT`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        split_query(&self.0).0
    }

    /// The query, without the `?`.
    pub fn query(&self) -> Option<&str> {
        split_query(&self.0).1
    }
}

impl fmt::Debug for RequestTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestTarget({} bytes)", self.0.len())
    }
}

/// The scheme of the credentials in `Authorization` (RFC 9110 section 11.6.2); never the credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// None were presented.
    #[default]
    None,
    /// User name and password.
    Basic,
    /// A token.
    Bearer,
    /// Another scheme, or one of which too little was captured.
    Other,
    /// Not all fields of the head are known, and none that is has credentials.
    Unknown,
}

impl Credentials {
    /// The scheme in a value of `Authorization`.
    pub(crate) fn of_field(value: &[u8]) -> Self {
        let mut words = value.split(u8::is_ascii_whitespace);
        match words.next().unwrap_or_default() {
            [] => Self::None,
            // Neither user nor password, which some clients send to a registry that demands credentials they do not have.
            scheme if scheme.eq_ignore_ascii_case(b"basic") && words.next() == Some(b"Og==") => Self::None,
            scheme if scheme.eq_ignore_ascii_case(b"basic") => Self::Basic,
            scheme if scheme.eq_ignore_ascii_case(b"bearer") => Self::Bearer,
            _ => Self::Other,
        }
    }

    /// The same where only the start of the value is known, perhaps not all of the scheme.
    pub(super) fn of_start(start: &[u8]) -> Self {
        match Self::of_field(start) {
            Self::None => Self::Other,
            known => known,
        }
    }
}

impl RequestHead {
    /// Makes a head of its fields (RFC 9113 section 8.3.1). Where no `content-length` is known the framing is
    /// [`Framing::UntilClose`].
    ///
    /// A head without method or path is an error that says why they are missing; a path of which only the start is known is
    /// never taken for a path.
    pub fn from_fields<'a>(list: impl Iterator<Item = Field<'a>>) -> Result<Self, HeadError> {
        let listed = Listed::of(list);
        let method = Method::parse(listed.method()?);
        let target = match (method, listed.path()) {
            // It has none, unless it asks for a tunnel to something that has a path (RFC 8441 section 4).
            (Method::Connect, Err(HeadError::Syntax)) => "",
            (_, path) => path_of(path?)?,
        };
        let host = listed.host().and_then(|host| std::str::from_utf8(host).ok()).and_then(host::normalise);
        let fields = listed.fields;
        let length = fields.content_length().map_err(|_| HeadError::Framing)?;
        Ok(Self {
            method,
            target: RequestTarget::new(target),
            host,
            framing: length.map_or(Framing::UntilClose, Framing::Length),
            close: false,
            upgrade: false,
            credentials: fields.credentials,
            range: fields.range,
            expect_continue: fields.expect_continue,
            content_type: fields.content_type.map(MediaType::parse),
            timeout: fields.grpc_timeout.and_then(grpc::timeout),
            registry_auth: registry_auth(&fields),
        })
    }
}

/// Whether there are credentials for a registry in `X-Registry-Auth`.
pub(crate) fn registry_auth(fields: &Fields<'_>) -> Option<bool> {
    fields.registry_auth.map_or(Some(false), engine::has_credentials)
}

/// A `:path` that is one: not empty, readable, without blanks or controls.
fn path_of(value: &[u8]) -> Result<&str, HeadError> {
    let path = std::str::from_utf8(value).map_err(|_| HeadError::Syntax)?;
    let valid = !path.is_empty() && !path.bytes().any(|b| b.is_ascii_control() || b == b' ');
    if valid { Ok(path) } else { Err(HeadError::Syntax) }
}

#[cfg(test)]
mod tests;
