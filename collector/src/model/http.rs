//! The HTTP/1 decoder of one connection.

use wire::http::{self, Fact as Decoded};
use wire::http1;

use super::Context;
use super::connection::Data;
use super::event::{Direction, Flow, Flows};
use super::exchange::Seat;
use super::exchanges::{Exchanges, Seen};

/// The decoder and its exchanges.
pub(super) struct Http {
    decoder: http1::Connection,
    exchanges: Exchanges,
    /// When the span began that was last told of, per direction.
    received_span: u64,
    sent_span: u64,
    /// How far both directions had come when they were last told of.
    flows: Flows,
    /// Events lost up to now.
    lost: u32,
}

impl Http {
    /// `whole`: nothing has passed before. `lost`: events lost up to now.
    pub fn new(whole: bool, lost: u32) -> Self {
        let decoder = if whole { http1::Connection::opened() } else { http1::Connection::new() };
        let (exchanges, flows) = (Exchanges::default(), Flows::default());
        Self { decoder, exchanges, received_span: 0, sent_span: 0, flows, lost }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        self.exchanges.in_progress()
    }

    /// Bytes passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>, seat: &Seat, context: &mut Context) -> Seen {
        let lost = data.lost > self.lost;
        self.lost = self.lost.max(data.lost);
        self.flows = data.flows;
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
        if over && self.decoder.role() == Some(http::Role::Client) {
            // The server has said all that it will say.
            self.decoder.closed(data.time, &mut decoded);
        }
        let seen = self.exchanges.take(decoded, data.flows, seat, context);
        if over {
            // Who asked for something that takes long does not wait for it any more.
            self.exchanges.hung_up(data.time, context);
        }
        seen
    }

    /// The connection has come further.
    pub fn progress(&mut self, flows: Flows, seat: &Seat, context: &mut Context) -> Seen {
        // The answer may be older than what was told since.
        if flows.received.position < self.flows.received.position
            || flows.sent.position < self.flows.sent.position
        {
            return Seen::default();
        }
        self.flows = flows;
        let mut decoded = std::mem::take(&mut context.decoded);
        self.advance(flows, false, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection is over; `None` where it is not known how far it has come.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        let flows = flows.unwrap_or(self.flows);
        self.advance(flows, true, &mut decoded);
        self.decoder.closed(time, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        self.exchanges.lost(context);
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

/// The direction as the decoders have it.
pub(super) fn way(direction: Direction) -> http::Direction {
    match direction {
        Direction::Received => http::Direction::Received,
        Direction::Sent => http::Direction::Sent,
    }
}
