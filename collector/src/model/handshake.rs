//! The start of a TLS connection: the `ClientHello`, from as many reads or writes as it takes.

use wire::tls::{self, ClientHello, Parsed};

use super::event::Direction;

/// Most bytes of a `ClientHello` that are put together: what the kernel captures of a span.
const MOST: usize = collector_common::SPAN_BUDGET as usize;

/// What is known of the handshake.
#[derive(Default)]
pub(super) enum Handshake {
    /// Nothing yet.
    #[default]
    Due,
    /// The start of what may be a `ClientHello`.
    Partial { direction: Direction, end: u64, bytes: Vec<u8> },
    /// It was read, or can't be.
    Over,
}

/// What more bytes showed.
pub(super) enum Shown {
    /// Nothing new.
    Nothing,
    /// The client's greeting, and which way it went.
    Hello(ClientHello, Direction),
    /// That it can't be read.
    Unreadable,
}

impl Handshake {
    /// Bytes of the connection passed.
    pub fn data(&mut self, direction: Direction, start: u64, more: &[u8]) -> Shown {
        if more.is_empty() {
            return Shown::Nothing;
        }
        let end = start.saturating_add(more.len() as u64);
        let mut bytes = match std::mem::replace(self, Self::Over) {
            Self::Over => return Shown::Nothing,
            Self::Due => Vec::new(),
            Self::Partial { direction: before, end, bytes } if before == direction && end == start => bytes,
            Self::Partial { .. } => return Shown::Unreadable,
        };
        if bytes.len() + more.len() > MOST {
            return Shown::Unreadable;
        }
        bytes.extend_from_slice(more);
        match tls::client_hello(&bytes) {
            Parsed::Hello(hello) => Shown::Hello(hello, direction),
            Parsed::NotTls | Parsed::Malformed => Shown::Unreadable,
            Parsed::Incomplete => {
                *self = Self::Partial { direction, end, bytes };
                Shown::Nothing
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, Handshake, Shown};

    #[test]
    fn both_directions_are_not_mixed() {
        let mut handshake = Handshake::default();
        assert!(matches!(handshake.data(Direction::Sent, 0, &[22, 3]), Shown::Nothing));
        assert!(matches!(handshake.data(Direction::Received, 2, &[1]), Shown::Unreadable));
    }

    #[test]
    fn a_hello_without_end_is_given_up() {
        let mut handshake = Handshake::default();
        // The longest record, with a message that is longer.
        let mut bytes = vec![0; 8 * 1024];
        bytes[..9].copy_from_slice(&[22, 3, 1, 0x40, 0, 1, 0, 0xf0, 0]);
        assert!(matches!(handshake.data(Direction::Sent, 0, &bytes), Shown::Nothing));
        assert!(matches!(handshake.data(Direction::Sent, 8192, &[0; 8192]), Shown::Nothing));
        assert!(matches!(handshake, Handshake::Partial { .. }));
        assert!(matches!(handshake.data(Direction::Sent, 16384, &[0]), Shown::Unreadable));
        assert!(matches!(handshake, Handshake::Over));
    }
}
