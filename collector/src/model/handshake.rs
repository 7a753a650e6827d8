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
