//! The HTTP/1 decoder of one connection and the exchanges that are in progress on it.

use wire::http1::{self, Fact as Decoded};
use wire::oci::Kind;
use wire::registry::RegistryLabel;

use super::attribution;
use super::connection::Data;
use super::event::{Direction, Flow, Flows};
use super::exchange::{Exchange, Party};
use super::fact::{Client, Role};
use super::{Context, reason};

/// The decoder and its exchanges.
pub(super) struct Http {
    decoder: http1::Connection,
    exchanges: Vec<Exchange>,
    /// When the span began that was last told of, per direction.
    received_span: u64,
    sent_span: u64,
}

/// Who is at the process's end of the connection, and what the connection shows.
pub(super) struct Seat {
    pub party: Party,
    /// A local socket: only requests to a registry are traffic, the rest is how programs are controlled.
    pub local: bool,
    pub shown: RegistryLabel,
}

/// What the bytes showed of the connection.
#[derive(Default)]
pub(super) struct Seen {
    /// The side, when a request head passed.
    pub role: Option<Role>,
    /// Labels of the last request that the process sent.
    pub client: Option<Client>,
}

impl Http {
    /// `whole`: nothing has passed before.
    pub fn new(whole: bool) -> Self {
        let decoder = if whole { http1::Connection::opened() } else { http1::Connection::new() };
        Self { decoder, exchanges: Vec::new(), received_span: 0, sent_span: 0 }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        !self.exchanges.is_empty()
    }

    /// Bytes passed, or the direction turned. `lost`: events of this connection were lost right before.
    pub fn data(&mut self, data: &Data<'_>, lost: bool, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        let (own, other) = by_direction(data.flows, data.direction);
        let told = match data.direction {
            Direction::Received => {
                self.received_span = own.first;
                self.sent_span
            }
            Direction::Sent => {
                self.sent_span = own.first;
                self.received_span
            }
        };
        // The kernel counts before it tells, and CPUs do not wait for each other: the other direction may have begun a
        // span whose bytes are yet to be told of. They must not be taken for bytes that were not captured.
        if other.first == told || lost {
            self.decoder.advanced(way(opposite(data.direction)), other.position, other.last, &mut decoded);
        }
        let direction = way(data.direction);
        self.decoder.data(direction, data.start, data.bytes, data.time, &mut decoded);
        self.decoder.advanced(direction, own.position, own.last, &mut decoded);
        let over = data.end && data.direction == Direction::Received;
        if over && self.decoder.role() == Some(http1::Role::Client) {
            // The server has said all that it will say.
            self.decoder.closed(data.time, &mut decoded);
        }
        self.take(decoded, data.flows, seat, context)
    }

    /// The connection has come further.
    pub fn progress(&mut self, flows: Flows, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        self.advance(flows, false, &mut decoded);
        self.take(decoded, flows, seat, context)
    }

    /// The connection is over.
    pub fn closed(&mut self, flows: Flows, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        self.advance(flows, true, &mut decoded);
        self.decoder.closed(time, &mut decoded);
        self.take(decoded, flows, seat, context)
    }

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        self.exchanges.drain(..).for_each(|exchange| exchange.lost(context));
    }

    /// Both directions, in the order in which they came to where they are. `all`: also spans that were not told of.
    fn advance(&mut self, flows: Flows, all: bool, decoded: &mut Vec<Decoded>) {
        let received = (Direction::Received, flows.received, self.received_span);
        let sent = (Direction::Sent, flows.sent, self.sent_span);
        let order = if sent.1.last <= received.1.last { [sent, received] } else { [received, sent] };
        for (direction, flow, told) in order {
            if all || flow.first == told {
                self.decoder.advanced(way(direction), flow.position, flow.last, decoded);
            }
        }
    }

    fn take(&mut self, mut decoded: Vec<Decoded>, flows: Flows, seat: &Seat, context: &mut Context) -> Seen {
        let mut seen = Seen::default();
        for fact in decoded.drain(..) {
            self.apply(fact, flows, seat, &mut seen, context);
        }
        context.decoded = decoded;
        seen
    }

    fn apply(&mut self, fact: Decoded, flows: Flows, seat: &Seat, seen: &mut Seen, context: &mut Context) {
        match fact {
            Decoded::Request { exchange, role, head, time } => {
                seen.role = Some(match role {
                    http1::Role::Client => Role::Client,
                    http1::Role::Server => Role::Server,
                });
                if seat.local && attribution::of_served(&head) == Kind::Other {
                    return;
                }
                let exchange = match role {
                    http1::Role::Client => {
                        Exchange::ask(exchange, *head, time, &seat.party, seat.shown.clone(), context)
                    }
                    http1::Role::Server => Exchange::serve(exchange, &head, time, &seat.party, context),
                };
                seen.client = exchange.client().cloned().or(seen.client.take());
                self.exchanges.push(exchange);
            }
            Decoded::Response { exchange, head, time } => {
                if let Some(exchange) = self.exchange(exchange) {
                    exchange.answered(&head, time, context);
                }
            }
            Decoded::Body { exchange, bytes } => {
                if let Some(exchange) = self.exchange(exchange) {
                    exchange.body(bytes, context);
                }
            }
            Decoded::End { exchange, time, outcome, exact } => {
                if !exact {
                    context.outbox.unattributed(reason::BODY_INEXACT);
                }
                if let Some(at) = self.exchanges.iter().position(|known| known.number == exchange) {
                    let exchange = self.exchanges.remove(at);
                    let answers = if exchange.client().is_some() { flows.received } else { flows.sent };
                    exchange.ended(time, outcome, answers.last, context);
                }
            }
            Decoded::Unparsed { reason } => context.outbox.unattributed(reason.as_str()),
            Decoded::RequestBody { .. } | Decoded::Upgraded { .. } => {}
        }
    }

    fn exchange(&mut self, number: u32) -> Option<&mut Exchange> {
        self.exchanges.iter_mut().find(|exchange| exchange.number == number)
    }
}

fn by_direction(flows: Flows, direction: Direction) -> (Flow, Flow) {
    match direction {
        Direction::Received => (flows.received, flows.sent),
        Direction::Sent => (flows.sent, flows.received),
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Received => Direction::Sent,
        Direction::Sent => Direction::Received,
    }
}

fn way(direction: Direction) -> http1::Direction {
    match direction {
        Direction::Received => http1::Direction::Received,
        Direction::Sent => http1::Direction::Sent,
    }
}
