//! The header fields that matter here, picked out of a parsed head in one pass.

use super::framing::Contradiction;
use super::{Credentials, Realm};

/// What one head's fields say. Names are case-insensitive (RFC 9110 section 5.1).
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a header field's presence")]
pub(crate) struct Fields<'a> {
    host: Option<&'a [u8]>,
    hosts_differ: bool,
    length: Option<Result<u64, Contradiction>>,
    /// Whether `chunked` is the last transfer coding; `None` without `Transfer-Encoding`.
    pub chunked_last: Option<bool>,
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
    pub credentials: Credentials,
    pub range: bool,
    pub expect_continue: bool,
    pub location: Option<&'a [u8]>,
    pub challenge: bool,
    pub realm: Option<Realm>,
    pub content_type: Option<&'a [u8]>,
    pub content_range: Option<&'a [u8]>,
    pub content_digest: Option<&'a [u8]>,
    pub registry_auth: Option<&'a [u8]>,
    pub grpc_status: Option<&'a [u8]>,
    pub grpc_message: Option<&'a [u8]>,
    pub grpc_timeout: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Takes one field.
    pub fn add(&mut self, name: &[u8], value: &'a [u8]) {
        let value = value.trim_ascii();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        // The length first: most fields of a head are none of these.
        match name.len() {
            4 if is("host") => self.add_host(value),
            5 if is("range") => self.range = true,
            6 if is("expect") => self.expect_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            7 if is("upgrade") => self.upgrade = true,
            8 if is("location") => self.location = self.location.or(Some(value)),
            10 if is("connection") => self.add_connection(value),
            11 if is("grpc-status") => self.grpc_status = self.grpc_status.or(Some(value)),
            12 if is("grpc-message") => self.grpc_message = self.grpc_message.or(Some(value)),
            12 if is("grpc-timeout") => self.grpc_timeout = self.grpc_timeout.or(Some(value)),
            12 if is("content-type") => self.content_type = self.content_type.or(Some(value)),
            13 if is("authorization") => self.credentials = Credentials::of_field(value),
            13 if is("content-range") => self.content_range = self.content_range.or(Some(value)),
            14 if is("content-length") => self.add_length(value),
            15 if is("x-registry-auth") => self.registry_auth = self.registry_auth.or(Some(value)),
            16 if is("www-authenticate") => self.add_challenge(value),
            // Only the last member of the whole list counts (RFC 9112 section 6.1).
            17 if is("transfer-encoding") => self.chunked_last = Some(last_member_is(value, b"chunked")),
            21 if is("docker-content-digest") => self.content_digest = self.content_digest.or(Some(value)),
            _ => {}
        }
    }

    /// Takes a field of which only the start of the value is known: that it is there.
    pub fn add_truncated(&mut self, name: &[u8], start: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match name.len() {
            5 if is("range") => self.range = true,
            13 if is("authorization") => self.credentials = Credentials::of_start(start),
            16 if is("www-authenticate") => self.challenge = true,
            _ => {}
        }
    }

    /// The `Host` field. A request with two different ones has no host that can be known (RFC 9112 section 3.2).
    pub fn host(&self) -> Option<&'a [u8]> {
        self.host.filter(|_| !self.hosts_differ)
    }

    /// The one length that all `Content-Length` members agree on.
    pub fn content_length(&self) -> Result<Option<u64>, Contradiction> {
        self.length.transpose()
    }

    fn add_host(&mut self, value: &'a [u8]) {
        self.hosts_differ |= self.host.is_some_and(|host| host != value);
        self.host = Some(value);
    }

    fn add_connection(&mut self, value: &[u8]) {
        for option in members(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Repeated equal lengths are one (RFC 9112 section 6.3 item 5); anything else is a contradiction.
    fn add_length(&mut self, value: &[u8]) {
        for member in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            let length = decimal(member).ok_or(Contradiction);
            self.length = match self.length {
                Some(known) if known != length => Some(Err(Contradiction)),
                _ => Some(length),
            };
        }
    }

    fn add_challenge(&mut self, value: &[u8]) {
        self.challenge = true;
        if self.realm.is_none() {
            self.realm = std::str::from_utf8(value).ok().and_then(Realm::of_challenge);
        }
    }
}

fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

fn last_member_is(value: &[u8], name: &[u8]) -> bool {
    members(value).last().is_some_and(|member| member.eq_ignore_ascii_case(name))
}

/// Digits only: no sign, no blank, no overflow.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, &b| {
        let digit = b.checked_sub(b'0').filter(|&d| d <= 9)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}
