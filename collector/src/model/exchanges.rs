//! The exchanges that are in progress on one connection, from what its decoder tells.

use std::collections::BTreeMap;

use wire::http::{Fact as Decoded, Role as Decoder};
use wire::oci::Kind;

use super::event::Flows;
use super::exchange::{Exchange, Seat};
use super::fact::{Client, Role};
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
pub(super) struct Exchanges(BTreeMap<u32, Exchange>);

impl Exchanges {
    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        !self.0.is_empty()
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

    /// The connection went away unseen.
    pub fn lost(&mut self, context: &mut Context) {
        for exchange in std::mem::take(&mut self.0).into_values() {
            exchange.lost(context);
        }
    }

    fn apply(&mut self, fact: Decoded, flows: Flows, seat: &Seat, seen: &mut Seen, context: &mut Context) {
        match fact {
            Decoded::Request { exchange: number, role, head, time } => {
                seen.role = Some(match role {
                    Decoder::Client => Role::Client,
                    Decoder::Server => Role::Server,
                });
                if seat.local && attribution::of_served(&head) == Kind::Other {
                    return;
                }
                let exchange = match role {
                    Decoder::Client => Exchange::ask(*head, time, seat, context),
                    Decoder::Server => Exchange::serve(&head, time, &seat.party, context),
                };
                seen.client = exchange.client().cloned().or(seen.client.take());
                self.0.insert(number, exchange);
            }
            Decoded::Response { exchange, head, time } => {
                if let Some(exchange) = self.0.get_mut(&exchange) {
                    exchange.answered(&head, time, context);
                }
            }
            Decoded::Body { exchange, bytes } => {
                if let Some(exchange) = self.0.get_mut(&exchange) {
                    exchange.body(bytes, context);
                }
            }
            Decoded::End { exchange, time, outcome, exact } => {
                if !exact {
                    context.outbox.unattributed(reason::BODY_INEXACT);
                }
                if let Some(exchange) = self.0.remove(&exchange) {
                    let answers = if exchange.client().is_some() { flows.received } else { flows.sent };
                    exchange.ended(time, outcome, answers.last, context);
                }
            }
            Decoded::Unparsed { reason } => context.outbox.unattributed(reason.as_str()),
            Decoded::RequestBody { .. } | Decoded::Upgraded { .. } => {}
        }
    }
}
