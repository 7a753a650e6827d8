//! The head of a request (RFC 9112 section 3).

use std::fmt;

use super::head::{self, HeadError};
use super::location::{Url, split_query};
use super::{Framing, Method};
use crate::host;

/// A request head, reduced to what matters. Its `Debug` output shows neither path nor query nor credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a header field's presence")]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// What is asked for.
    pub target: RequestTarget,
    /// Lower-cased `host[:port]` with the port as sent: from an absolute target (a request to a proxy), else from the
    /// `Host` field. `None` when there is none, it is malformed, or there are two different ones.
    pub host: Option<String>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants the connection closed afterwards (`Connection: close`, or HTTP/1.0 without keep-alive).
    pub close: bool,
    /// Whether another protocol is offered (`Upgrade`).
    pub upgrade: bool,
    /// Which kind of credentials came along.
    pub credentials: Credentials,
    /// Whether only a part is asked for (`Range`).
    pub range: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
}

/// Path and query of a request. It may be a signed URL: `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestTarget(String);

impl RequestTarget {
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
    /// Another scheme.
    Other,
}

impl Credentials {
    pub(super) fn of_field(value: &[u8]) -> Self {
        match value.split(u8::is_ascii_whitespace).next().unwrap_or_default() {
            [] => Self::None,
            scheme if scheme.eq_ignore_ascii_case(b"basic") => Self::Basic,
            scheme if scheme.eq_ignore_ascii_case(b"bearer") => Self::Bearer,
            _ => Self::Other,
        }
    }
}

impl RequestHead {
    /// Parses a complete head at the start of `bytes` and tells its length.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), HeadError> {
        let head::RawRequest { method, target, minor, fields, length } = head::parse_request(bytes)?;
        let method = Method::parse(method.as_bytes());
        let (named_host, target) = split_target(method, target);
        let host = match named_host {
            Some(host) => host::normalise(host),
            None => fields.host().and_then(|host| std::str::from_utf8(host).ok()).and_then(host::normalise),
        };
        let head = Self {
            method,
            target: RequestTarget(target.to_owned()),
            host,
            framing: Framing::of_request(&fields).map_err(|_| HeadError::Framing)?,
            close: head::closes(minor, &fields),
            upgrade: fields.upgrade,
            credentials: fields.credentials,
            range: fields.range,
            expect_continue: fields.expect_continue,
        };
        Ok((head, length))
    }
}

/// The host that the target itself names (absolute form, authority form; RFC 9112 section 3.2) and the rest of it.
fn split_target(method: Method, target: &str) -> (Option<&str>, &str) {
    if method == Method::Connect {
        return (Some(target), "");
    }
    match Url::split(target) {
        Some(Url { https: Some(_), authority: Some(authority), target }) => (Some(authority), target),
        _ => (None, target),
    }
}

#[cfg(test)]
mod tests;
