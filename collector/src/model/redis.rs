//! The Redis decoder of one connection, and the commands that rules look at.

use std::collections::BTreeMap;

use wire::http;
use wire::redis::{self, Fact as Decoded};

use super::Context;
use super::connection::Data;
use super::event::Flows;
use super::exchanges::Seen;
use super::fact::Role;
use super::http::way;
use super::rules::Call;
use super::seat::Seat;
use super::spans::{Spans, Told};

/// The decoder and its commands.
pub(super) struct Redis {
    decoder: redis::Connection,
    spans: Spans,
    /// By their number in the decoder.
    calls: BTreeMap<u32, Call>,
}

impl Redis {
    /// `whole`: nothing has passed before. `lost`: events lost up to now.
    pub fn new(whole: bool, lost: u32) -> Self {
        let decoder = if whole { redis::Connection::opened() } else { redis::Connection::new() };
        Self { decoder, spans: Spans::new(lost), calls: BTreeMap::new() }
    }

    /// Whether the reply to a command that counts is awaited.
    pub fn in_progress(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Bytes passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>, seat: &Seat, context: &mut Context) -> Seen {
        let Told { own, other, lost } = self.spans.told(data);
        if lost {
            self.lose(seat, context);
        }
        let mut decoded = std::mem::take(&mut context.commands);
        let direction = way(data.direction);
        if let Some(other) = other {
            self.decoder.advanced(direction.opposite(), other.position, other.last, &mut decoded);
        }
        self.decoder.data(direction, data.start, data.bytes, data.time, &mut decoded);
        self.decoder.advanced(direction, own.position, own.last, &mut decoded);
        self.take(decoded, seat, context)
    }

    /// The connection has come further.
    pub fn progress(&mut self, flows: Flows, lost: u32, seat: &Seat, context: &mut Context) -> Seen {
        let lost = self.spans.lose(lost);
        if lost {
            self.lose(seat, context);
        }
        if !self.spans.progress(flows) {
            return Seen::default();
        }
        let mut decoded = std::mem::take(&mut context.commands);
        // What was lost will not be told of.
        self.advance(flows, lost, &mut decoded);
        self.take(decoded, seat, context)
    }

    /// The connection is over; `None` where it is not known how far it has come.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.commands);
        self.advance(flows.unwrap_or(self.spans.flows()), true, &mut decoded);
        self.decoder.closed(time, &mut decoded);
        self.take(decoded, seat, context)
    }

    /// A command that was lost may have been an end.
    fn lose(&mut self, seat: &Seat, context: &mut Context) {
        self.calls.clear();
        context.rules.missed(seat.party.pid);
    }

    /// `all`: also spans that were not told of.
    fn advance(&mut self, flows: Flows, all: bool, decoded: &mut Vec<Decoded>) {
        for (direction, flow) in self.spans.in_order(flows, all) {
            self.decoder.advanced(way(direction), flow.position, flow.last, decoded);
        }
    }

    fn take(&mut self, mut decoded: Vec<Decoded>, seat: &Seat, context: &mut Context) -> Seen {
        let mut seen = Seen::default();
        for fact in decoded.drain(..) {
            match fact {
                Decoded::Command { number, role: http::Role::Client, command, time } => {
                    seen.role = Some(Role::Client);
                    if let Some(call) = context.rules.command(&seat.actor(), command, time) {
                        self.calls.insert(number, call);
                    }
                }
                Decoded::Command { role: http::Role::Server, .. } => seen.role = Some(Role::Server),
                Decoded::Reply { number, reply, time } => {
                    if let Some(call) = self.calls.remove(&number) {
                        context.rules.replied(&seat.actor(), call, &reply, time);
                    }
                }
                Decoded::Unanswered { number, closed, time } => {
                    if let (Some(call), true) = (self.calls.remove(&number), closed) {
                        call.cut(time);
                    }
                }
                Decoded::Unparsed { reason } => context.outbox.unattributed(reason.as_str()),
            }
        }
        context.commands = decoded;
        seen
    }
}
