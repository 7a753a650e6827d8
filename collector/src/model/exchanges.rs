//! The exchanges that are in progress on one connection, from what its decoder tells.

use std::collections::BTreeMap;

use wire::http::{Fact as Decoded, Outcome, Role as Decoder};
use wire::oci::Kind;

use super::call::Call;
use super::event::Flows;
use super::exchange::Exchange;
use super::fact::{Client, Role};
use super::rules::Exchanging;
use super::seat::Seat;
use super::{Context, attribution, reason};

/// What was seen of the connection.
#[derive(Default)]
pub(super) struct Seen {
    /// The side, when a request passed.
    pub role: Option<Role>,
    /// Labels of the last request that the process sent.
    pub client: Option<Client>,
}

/// The exchanges, by their number in the decoder.
#[derive(Default)]
pub(super) struct Exchanges(BTreeMap<u32, Entry>);

/// A request and its answer, as traffic and as what is asked for.
struct Entry {
    exchange: Option<Exchange>,
    call: Option<Call>,
    /// What recipes count of it.
    counted: Option<Exchanging>,
}

impl Exchanges {
    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        let counts = |entry: &Entry| {
            let called = entry.call.as_ref().is_some_and(Call::is_in_progress);
            entry.exchange.is_some() || entry.counted.is_some() || called
        };
        self.0.values().any(counts)
    }

    /// Takes what the decoder told, and leaves the room for it to the context.
    pub fn take(
        &mut self,
        mut decoded: Vec<Decoded>,
        flows: Flows,
        seat: &Seat,
        context: &mut Context,
    ) -> Seen {
        let mut seen = Seen::default();
        for fact in decoded.drain(..) {
            self.apply(fact, flows, seat, &mut seen, context);
        }
        context.decoded = decoded;
        seen
    }

    /// The peer is gone: nobody waits for what calls come to.
    pub fn hung_up(&mut self, time: u64, context: &mut Context) {
        for entry in self.0.values_mut() {
            if let Some(call) = entry.call.take() {
                call.ended(time, Outcome::Cut, context);
            }
        }
    }

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        for Entry { exchange, call, counted } in std::mem::take(&mut self.0).into_values() {
            if let Some(exchange) = exchange {
                exchange.lost(context);
            }
            if let Some(call) = call {
                call.lost(context);
            }
            // Dropped, it has ended unseen.
            drop(counted);
        }
    }

    fn apply(&mut self, fact: Decoded, flows: Flows, seat: &Seat, seen: &mut Seen, context: &mut Context) {
        match fact {
            Decoded::Request { exchange: number, role, head, time } => {
                seen.role = Some(match role {
                    Decoder::Client => Role::Client,
                    Decoder::Server => Role::Server,
                });
                let side = seen.role.unwrap_or(Role::Client);
                let counted = context.rules.request(&seat.actor(), side, &head, time);
                let call = Call::begin(role, &head, time, seat, context);
                let counts = !seat.local || attribution::of_served(&head) != Kind::Other;
                let exchange = counts.then(|| match role {
                    Decoder::Client => Exchange::ask(*head, time, seat, context),
                    Decoder::Server => Exchange::serve(&head, time, &seat.party, context),
                });
                let client = exchange.as_ref().and_then(Exchange::client).cloned();
                seen.client = client.or(seen.client.take());
                if exchange.is_some() || call.is_some() || counted.is_some() {
                    self.0.insert(number, Entry { exchange, call, counted });
                }
            }
            Decoded::Unnamed { exchange, role, time } => {
                if let Some(call) = Call::unnamed(role, time, seat) {
                    self.0.insert(exchange, Entry { exchange: None, call: Some(call), counted: None });
                }
            }
            Decoded::Response { exchange, head, time } => {
                let Some(Entry { exchange, call, counted }) = self.0.get_mut(&exchange) else { return };
                if let Some(exchange) = exchange {
                    exchange.answered(&head, time, context);
                }
                if let Some(call) = call {
                    call.answered(&head);
                }
                if let Some(counted) = counted {
                    counted.answered(head.code);
                }
            }
            Decoded::Body { exchange, bytes } => {
                if let Some(Entry { exchange: Some(exchange), .. }) = self.0.get_mut(&exchange) {
                    exchange.body(bytes, context);
                }
            }
            Decoded::Content { exchange, response, gap, bytes } => {
                let Some(Entry { exchange, call, .. }) = self.0.get_mut(&exchange) else { return };
                if let (Some(exchange), true) = (exchange, response) {
                    exchange.content(&bytes.0, gap);
                }
                if let Some(call) = call {
                    call.content(response, &bytes.0, gap, context);
                }
            }
            Decoded::Trailers { exchange, trailers } => {
                if let Some(Entry { call: Some(call), .. }) = self.0.get_mut(&exchange) {
                    call.trailers(trailers);
                }
            }
            Decoded::End { exchange, time, outcome, exact } => {
                if !exact {
                    context.outbox.unattributed(reason::BODY_INEXACT);
                }
                let Some(Entry { exchange, call, counted }) = self.0.remove(&exchange) else { return };
                if let Some(exchange) = exchange {
                    let answers = if exchange.client().is_some() { flows.received } else { flows.sent };
                    exchange.ended(time, outcome, (answers.last, seat.peer_gone), context);
                }
                if let Some(counted) = counted {
                    context.rules.answered(&seat.actor(), counted, outcome, time);
                }
                if let Some(call) = call {
                    call.ended(time, outcome, context);
                }
            }
            Decoded::Unparsed { reason } => context.outbox.unattributed(reason.as_str()),
            Decoded::RequestBody { .. } | Decoded::Upgraded { .. } => {}
        }
    }
}
