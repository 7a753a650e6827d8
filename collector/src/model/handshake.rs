//! The TLS handshake of one connection: the `ClientHello`, from as many reads or writes as it takes, and how long a client's
//! handshake lasts.
//!
//! The kernel programs tell the first spans of a TLS connection with their times. Who ends the handshake follows from the
//! server's hello ([`ServerHello`]); it ends with the first byte of that span. Where a span was not told of, or the server's
//! hello was not captured, the time is not known.

use wire::registry::RegistryLabel;
use wire::tls::{self, Parsed, ServerHello};

use super::event::Direction;
use super::news::Data;

/// Most bytes of a hello that are put together: what the kernel captures of a span.
const MOST: usize = collector_common::SPAN_BUDGET as usize;

/// What is known of the handshake.
#[derive(Default)]
pub(super) struct Handshake {
    step: Step,
    /// When the `ClientHello` began.
    began: u64,
    /// Events lost up to then.
    lost: u32,
}

/// What is due next.
#[derive(Default)]
enum Step {
    #[default]
    ClientHello,
    /// The rest of it.
    MoreOfIt(Direction, Partial),
    /// The server's hello, in a span that begins after this time.
    ServerHello(u64, Partial),
    /// The span that ends the handshake: sent, and begun after this time.
    LastSent(u64),
    /// The client's second flight, after which the server ends the handshake.
    SecondFlight(u64),
    /// The span that ends it: received, and begun after this time.
    LastReceived(u64),
    /// Nothing, or nothing that could be known.
    Over,
}

/// The start of a hello.
#[derive(Default)]
struct Partial {
    bytes: Vec<u8>,
    /// Position behind it.
    end: u64,
}

/// What more bytes showed.
pub(super) enum Shown {
    /// Nothing new.
    Nothing,
    /// The client's greeting: registry of the server's name, and which way it went.
    Hello(Option<RegistryLabel>, Direction),
    /// The process is the client, and its handshake lasted so long.
    Ended(u64),
    /// That the greeting can't be read.
    Unreadable,
}

impl Handshake {
    /// Bytes of the connection passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>) -> Shown {
        match std::mem::take(&mut self.step) {
            Step::ClientHello if data.bytes.is_empty() => Shown::Nothing,
            Step::ClientHello => {
                (self.began, self.lost) = (data.time, data.lost);
                self.client_hello(data, Partial::default())
            }
            Step::MoreOfIt(direction, partial) if data.bytes.is_empty() => {
                self.step = Step::MoreOfIt(direction, partial);
                Shown::Nothing
            }
            Step::MoreOfIt(direction, partial)
                if direction == data.direction && partial.end == data.start =>
            {
                self.client_hello(data, partial)
            }
            Step::MoreOfIt(..) => self.unreadable(),
            step => self.answer(step, data),
        }
    }

    /// Whether a client has greeted and was not answered in TLS.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.step, Step::ServerHello(0, _))
    }

    fn client_hello(&mut self, data: &Data<'_>, mut partial: Partial) -> Shown {
        if !partial.add(data) {
            return self.unreadable();
        }
        match tls::client_hello(&partial.bytes) {
            Parsed::Hello(hello) => {
                self.step = match data.direction {
                    Direction::Sent => Step::ServerHello(0, Partial::default()),
                    Direction::Received => Step::Over,
                };
                Shown::Hello(hello.sni.as_deref().map(RegistryLabel::from_host), data.direction)
            }
            Parsed::NotTls | Parsed::Malformed => self.unreadable(),
            Parsed::Incomplete => {
                self.step = Step::MoreOfIt(data.direction, partial);
                Shown::Nothing
            }
        }
    }

    fn unreadable(&mut self) -> Shown {
        self.step = Step::Over;
        Shown::Unreadable
    }

    /// What follows a client's greeting.
    fn answer(&mut self, step: Step, data: &Data<'_>) -> Shown {
        let began = match data.direction {
            Direction::Received => data.flows.received.first,
            Direction::Sent => data.flows.sent.first,
        };
        let lost = data.lost > self.lost;
        self.step = match (step, data.direction) {
            _ if lost => Step::Over,
            (Step::ServerHello(after, partial), Direction::Received) if began > after => {
                server_hello(data, began, after, partial)
            }
            (Step::SecondFlight(after), Direction::Sent) if began > after => Step::LastReceived(began),
            (Step::LastSent(after), Direction::Sent) | (Step::LastReceived(after), Direction::Received)
                if began > after =>
            {
                self.step = Step::Over;
                return Shown::Ended(began.saturating_sub(self.began));
            }
            (step, _) => step,
        };
        Shown::Nothing
    }
}

/// Bytes of the span that began then, where the server's hello is due.
fn server_hello(data: &Data<'_>, began: u64, after: u64, mut partial: Partial) -> Step {
    // Without bytes the hello was not captured.
    if data.bytes.is_empty() || !partial.add(data) {
        return Step::Over;
    }
    match tls::server_hello(&partial.bytes) {
        Parsed::Hello(ServerHello::Tls13 | ServerHello::Resumed) => Step::LastSent(began),
        Parsed::Hello(ServerHello::Full) => Step::SecondFlight(began),
        Parsed::Hello(ServerHello::Retry) => Step::ServerHello(began, Partial::default()),
        Parsed::Incomplete => Step::ServerHello(after, partial),
        Parsed::NotTls | Parsed::Malformed => Step::Over,
    }
}

impl Partial {
    /// Puts more behind it; false where it does not belong there, or is too much.
    fn add(&mut self, data: &Data<'_>) -> bool {
        let fits = self.bytes.len() + data.bytes.len() <= MOST;
        let joins = self.bytes.is_empty() || self.end == data.start;
        if fits && joins {
            self.bytes.extend_from_slice(data.bytes);
            self.end = data.start.saturating_add(data.bytes.len() as u64);
        }
        fits && joins
    }
}

#[cfg(test)]
mod tests;
