//! The Redis decoder of one connection, and the commands that rules look at.

use std::collections::BTreeMap;

use wire::http;
use wire::redis::{self, Fact as Decoded};

use super::Context;
use super::event::Flows;
use super::exchanges::Seen;
use super::fact::Role;
use super::news::Data;
use super::rules::Call;
use super::seat::Seat;
use super::stream::Stream;

/// The decoder and its commands.
pub(super) struct Redis {
    stream: Stream<redis::Connection>,
    /// By their number in the decoder.
    calls: BTreeMap<u32, Call>,
}

impl Redis {
    /// `whole`: nothing has passed before. `lost`: events lost up to now.
    pub fn new(whole: bool, lost: u32) -> Self {
        let decoder = if whole { redis::Connection::opened() } else { redis::Connection::new() };
        Self { stream: Stream::new(decoder, lost), calls: BTreeMap::new() }
    }

    /// Whether the reply to a command that counts is awaited.
    pub fn in_progress(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Bytes passed, or the direction turned.
    pub fn data(&mut self, data: &Data<'_>, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.commands);
        if self.stream.data(data, &mut decoded) {
            self.lose(seat, context);
        }
        self.take(decoded, seat, context)
    }

    /// The connection has come further.
    pub fn progress(&mut self, flows: Flows, lost: u32, seat: &Seat, context: &mut Context) -> Seen {
        let lost = self.stream.lose(lost);
        if lost {
            self.lose(seat, context);
        }
        let mut decoded = std::mem::take(&mut context.commands);
        // What was lost will not be told of.
        self.stream.progress(flows, lost, &mut decoded);
        self.take(decoded, seat, context)
    }

    /// The connection is over; `None` where it is not known how far it has come.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.commands);
        self.stream.closed(flows, time, &mut decoded);
        self.take(decoded, seat, context)
    }

    /// A command that was lost may have been an end.
    fn lose(&mut self, seat: &Seat, context: &mut Context) {
        self.calls.clear();
        context.rules.missed(seat.party.pid);
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
