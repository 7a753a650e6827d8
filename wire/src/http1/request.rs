//! The head of a request (RFC 9112 section 3).

use super::head;
use crate::host;
use crate::http::{Framing, HeadError, MediaType, Method, RequestHead, RequestTarget, Url, registry_auth};

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
            target: RequestTarget::new(target),
            host,
            framing: Framing::of_request(&fields).map_err(|_| HeadError::Framing)?,
            close: head::closes(minor, &fields),
            upgrade: fields.upgrade,
            credentials: fields.credentials,
            range: fields.range,
            expect_continue: fields.expect_continue,
            content_type: fields.content_type.map(MediaType::parse),
            timeout: None,
            registry_auth: registry_auth(&fields),
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
