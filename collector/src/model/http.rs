//! The HTTP/1 decoder of one connection.

use wire::Decoder as _;
use wire::http;
use wire::http1;

use super::Context;
use super::event::{Direction, Flows};
use super::exchanges::{Exchanges, Seen};
use super::news::Data;
use super::seat::Seat;
use super::stream::Stream;

/// The decoder and its exchanges.
pub(super) struct Http {
    stream: Stream<http1::Connection>,
    exchanges: Exchanges,
}

impl Http {
    /// `whole`: nothing has passed before. `lost`: events lost up to now.
    pub fn new(whole: bool, lost: u32) -> Self {
        let decoder = if whole { http1::Connection::opened() } else { http1::Connection::new() };
        Self { stream: Stream::new(decoder, lost), exchanges: Exchanges::default() }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        self.exchanges.in_progress()
    }

    /// Bytes passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        self.stream.data(data, &mut decoded);
        let over = data.end && data.direction == Direction::Received;
        if over && self.stream.decoder.role() == Some(http::Role::Client) {
            // The server has said all that it will say.
            self.stream.decoder.closed(data.time, &mut decoded);
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
        let mut decoded = std::mem::take(&mut context.decoded);
        self.stream.progress(flows, false, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection is over; `None` where it is not known how far it has come.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        let flows = self.stream.closed(flows, time, &mut decoded);
        self.exchanges.take(decoded, flows, seat, context)
    }

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        self.exchanges.lost(context);
    }
}
