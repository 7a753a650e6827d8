//! The HTTP/1 decoder of one connection.

use wire::http::{self, Fact as Decoded};
use wire::http1;

use super::Context;
use super::connection::Data;
use super::event::{Direction, Flows};
use super::exchanges::{Exchanges, Seen};
use super::seat::Seat;
use super::spans::{Spans, Told};

/// The decoder and its exchanges.
pub(super) struct Http {
    decoder: http1::Connection,
    exchanges: Exchanges,
    spans: Spans,
}

impl Http {
    /// `whole`: nothing has passed before. `lost`: events lost up to now.
    pub fn new(whole: bool, lost: u32) -> Self {
        let decoder = if whole { http1::Connection::opened() } else { http1::Connection::new() };
        Self { decoder, exchanges: Exchanges::default(), spans: Spans::new(lost) }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        self.exchanges.in_progress()
    }

    /// Bytes passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>, seat: &Seat, context: &mut Context) -> Seen {
        let Told { own, other, .. } = self.spans.told(data);
        let mut decoded = std::mem::take(&mut context.decoded);
        let direction = way(data.direction);
        if let Some(other) = other {
            self.decoder.advanced(direction.opposite(), other.position, other.last, &mut decoded);
        }
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
        if !self.spans.progress(flows) {
            return Seen::default();
        }
        let mut decoded = std::mem::take(&mut context.decoded);
        self.advance(flows, false, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection is over; `None` where it is not known how far it has come.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        let flows = flows.unwrap_or(self.spans.flows());
        self.advance(flows, true, &mut decoded);
        self.decoder.closed(time, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        self.exchanges.lost(context);
    }

    fn advance(&mut self, flows: Flows, all: bool, decoded: &mut Vec<Decoded>) {
        for (direction, flow) in self.spans.in_order(flows, all) {
            self.decoder.advanced(way(direction), flow.position, flow.last, decoded);
        }
    }
}

/// The direction as the decoders have it.
pub(super) fn way(direction: Direction) -> http::Direction {
    match direction {
        Direction::Received => http::Direction::Received,
        Direction::Sent => http::Direction::Sent,
    }
}
