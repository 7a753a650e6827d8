//! Shared by the tests and the fuzz target of `http2`: recorded frames and the rules that every run of a connection obeys.
//!
//! A recording is a list of calls. Each begins with a byte: bit 0 is the direction (1: received), bits 1 and 2 the kind: 0 a
//! frame (its head as on the wire, nine bytes; the number of captured bytes of its payload as a little-endian u16; those), else
//! frames were lost. What is cut off at the end is left out, so any bytes are a recording.

use std::collections::HashMap;

use wire::http::{Direction, Fact, Framing, Outcome, Role};
use wire::http2::{Connection, FrameHead};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A frame with the captured part of its payload.
    Frame { direction: Direction, head: FrameHead, payload: Vec<u8> },
    /// Frames were lost.
    Lost { direction: Direction },
}

/// Reads a recording.
pub fn decode(mut rest: &[u8]) -> Vec<Call> {
    std::iter::from_fn(|| decode_one(&mut rest)).collect()
}

fn decode_one(rest: &mut &[u8]) -> Option<Call> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    let direction = if first & 1 == 1 { Direction::Received } else { Direction::Sent };
    if first & 6 != 0 {
        return Some(Call::Lost { direction });
    }
    let (&[high, middle, low, kind, flags, stream @ ..], after) = after.split_first_chunk::<9>()?;
    let (captured, after) = after.split_first_chunk()?;
    let (payload, after) = after.split_at_checked(u16::from_le_bytes(*captured).into())?;
    *rest = after;
    let length = u32::from_be_bytes([0, high, middle, low]);
    let head = FrameHead { length, kind, flags, stream: u32::from_be_bytes(stream) };
    Some(Call::Frame { direction, head, payload: payload.to_vec() })
}

/// Makes the calls, call number `n` at time `n`, closes the connection and returns the facts. Every rule is checked after every
/// call.
pub fn run(mut connection: Connection, calls: &[Call]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut rules = Rules::default();
    let mut time = 0;
    for call in calls {
        time += 1;
        match call {
            Call::Frame { direction, head, payload } => {
                connection.frame(*direction, head, payload, time, &mut facts);
            }
            Call::Lost { direction } => connection.lost(*direction, &mut facts),
        }
        rules.check(&connection, &facts);
    }
    connection.closed(time + 1, &mut facts);
    rules.check(&connection, &facts);
    assert_eq!(connection.in_flight(), 0, "an exchange outlived its connection");
    assert_eq!(connection.buffered(), 0, "a closed connection keeps bytes");
    let count = facts.len();
    connection.closed(time + 2, &mut facts);
    if let Some(Call::Frame { direction, head, payload }) = calls.first() {
        connection.frame(*direction, head, payload, time + 3, &mut facts);
    }
    connection.lost(Direction::Sent, &mut facts);
    assert_eq!(facts.len(), count, "a closed connection reports");
    facts
}

#[derive(Default)]
struct Exchange {
    framing: Option<Framing>,
    body: u64,
    ended: bool,
}

/// What holds whatever the frames are.
#[derive(Default)]
struct Rules {
    checked: usize,
    role: Option<Role>,
    exchanges: HashMap<u32, Exchange>,
    open: usize,
}

impl Rules {
    fn check(&mut self, connection: &Connection, facts: &[Fact]) {
        for fact in &facts[self.checked..] {
            self.apply(fact);
        }
        self.checked = facts.len();
        assert_eq!(connection.in_flight(), self.open);
        assert!(self.open <= 1024, "{} requests in flight", self.open);
        assert!(self.role.is_none() || connection.role() == self.role, "the role changed");
        self.role = connection.role();
        // A header block of 64 KiB and a table of 16 KiB in each direction.
        assert!(connection.buffered() <= 2 * 80 * 1024, "{} bytes kept", connection.buffered());
    }

    fn apply(&mut self, fact: &Fact) {
        match *fact {
            Fact::Request { exchange, role, .. } | Fact::Unnamed { exchange, role, .. } => {
                assert!(exchange % 2 == 1, "a stream of the server");
                assert!(self.role.replace(role).is_none_or(|before| before == role));
                let before = self.exchanges.insert(exchange, Exchange::default());
                assert!(before.is_none(), "a second request on stream {exchange}");
                self.open += 1;
            }
            Fact::Response { exchange, ref head, .. } => {
                let exchange = self.open(exchange);
                assert_eq!(exchange.framing.replace(head.framing), None, "a second response");
                assert!((200..1000).contains(&head.code));
            }
            Fact::Content { exchange, response, ref bytes, .. } => {
                assert!(!bytes.0.is_empty());
                let exchange = self.open(exchange);
                assert!(!response || exchange.framing.is_some(), "content without a response");
            }
            Fact::Trailers { exchange, .. } => {
                self.open(exchange);
            }
            Fact::RequestBody { exchange, bytes } => {
                assert!(bytes > 0);
                self.open(exchange);
            }
            Fact::Body { exchange, bytes } => {
                assert!(bytes > 0);
                let exchange = self.open(exchange);
                exchange.body += bytes;
                assert_ne!(exchange.framing.expect("a body without a response"), Framing::None);
            }
            Fact::End { exchange, outcome, exact, .. } => {
                let exchange = self.open(exchange);
                exchange.ended = true;
                match exchange.framing {
                    None => assert_ne!(outcome, Outcome::Complete, "complete without a response"),
                    Some(Framing::Length(length)) if outcome == Outcome::Complete && exact => {
                        assert_eq!(exchange.body, length, "complete before its end");
                    }
                    Some(_) => {}
                }
                self.open -= 1;
            }
            Fact::Upgraded { .. } => panic!("HTTP/2 has no upgrades"),
            Fact::Unparsed { .. } => {}
        }
    }

    fn open(&mut self, exchange: u32) -> &mut Exchange {
        let exchange = self.exchanges.get_mut(&exchange).expect("an exchange");
        assert!(!exchange.ended, "a fact after the end");
        exchange
    }
}
