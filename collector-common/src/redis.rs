//! How a connection that speaks the Redis protocol (RESP) is told by its first bytes.
#![expect(
    clippy::inline_always,
    reason = "part of the kernel programs, and the verifier follows calls badly"
)]

/// Bytes that [`may_begin`] looks at.
pub const LOOK: usize = 8;

/// Whether a span begins like a command, or like a reply that is an array: `*`, one to five digits, `\r\n` (the Redis
/// serialization protocol specification, "Arrays"; clients send commands as arrays). What is shorter than [`LOOK`] has zeros
/// behind it.
///
/// Commands without a length (`PING\r\n`, as a person types it) are not told so: no client library sends them.
#[inline(always)]
pub const fn may_begin(bytes: [u8; LOOK]) -> bool {
    matches!(
        bytes,
        [b'*', b'0'..=b'9', b'\r', b'\n', ..]
            | [b'*', b'0'..=b'9', b'0'..=b'9', b'\r', b'\n', ..]
            | [b'*', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'\r', b'\n', ..]
            | [b'*', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'\r', b'\n', ..]
            | [b'*', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'\r', b'\n']
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames;

    fn first(bytes: &[u8]) -> [u8; LOOK] {
        core::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0))
    }

    #[test]
    fn commands_and_arrays() {
        for begin in [
            &b"*1\r\n$4\r\nPING\r\n"[..],
            b"*3\r\n$5\r\nBLPOP\r\n",
            b"*12\r\n$4\r\nMGET\r\n",
            b"*1000\r\n$4\r\nMGET\r\n",
            b"*99999\r\n",
            // An empty reply, and a client that writes piece by piece.
            b"*0\r\n",
            b"*2\r\n",
        ] {
            assert!(may_begin(first(begin)), "{}", begin.escape_ascii());
        }
    }

    #[test]
    fn what_else_there_is() {
        for begin in [
            &b""[..],
            b"*",
            b"*1",
            b"*1\r",
            b"*1\n",
            b"*\r\n",
            b"*-1\r\n",
            b"*1x\r\n",
            b"*100000\r\n",
            b"+OK\r\n",
            b"$5\r\nhello\r\n",
            b"PING\r\n",
            b"GET / HTTP/1.1\r\n",
            b"* OK IMAP4rev1 ready\r\n",
            b"PRI * HTTP/2.0\r\n",
        ] {
            assert!(!may_begin(first(begin)), "{}", begin.escape_ascii());
        }
    }

    /// No frame of HTTP/2 that may stand in the middle of a connection begins so: the check for the one does not take the other's.
    #[test]
    fn nothing_that_may_be_a_frame() {
        for digits in 1..=5 {
            for digit in b'0'..=b'9' {
                let mut bytes = [digit; LOOK];
                bytes[0] = b'*';
                bytes[digits + 1] = b'\r';
                bytes[digits + 2] = b'\n';
                assert!(may_begin(bytes) && !frames::may_begin(bytes), "{}", bytes.escape_ascii());
            }
        }
    }
}
