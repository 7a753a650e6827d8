//! The head of a response (RFC 9112 section 4).

use super::head;
use crate::http::{HeadError, Method, ResponseHead};

impl ResponseHead {
    /// Parses a complete head at the start of `bytes` and tells its length. The framing depends on the `method` that
    /// was asked.
    pub fn parse(bytes: &[u8], method: Method) -> Result<(Self, usize), HeadError> {
        let head::RawResponse { code, minor, fields, length } = head::parse_response(bytes)?;
        Ok((Self::of(code, &fields, method, head::closes(minor, &fields))?, length))
    }
}

#[cfg(test)]
mod tests;
