//! Attempts to connect against the rules.

use std::net::SocketAddr;

use super::doing::Doing;
use super::{Actor, Rules};
use crate::model::fact::Completion;
use crate::recipes::pattern::Captures;
use crate::recipes::rule::During;

/// An attempt that rules look at. Dropped, its end was not seen.
#[derive(Default)]
pub(in crate::model) struct Connecting(Vec<Doing>);

impl Connecting {
    /// Whether a rule looks at it.
    pub fn is_counted(&self) -> bool {
        !self.0.is_empty()
    }

    /// It came to an end.
    pub fn ended(&mut self, established: bool, time: u64) {
        let status = if established { Completion::Ok } else { Completion::Error };
        for doing in self.0.drain(..) {
            doing.end(status, time);
        }
    }
}

impl Rules {
    /// A process begins to connect.
    pub fn connecting(&mut self, actor: &Actor, peer: SocketAddr, time: u64) -> Connecting {
        let Some(rules) = self.of(actor.target) else { return Connecting::default() };
        let connect = |during: &During| match during {
            During::Connect(pattern) => pattern.matches(peer).then(Captures::new),
            _ => None,
        };
        let doing = self.during(actor, &rules, connect, time);
        Connecting(doing.into_iter().map(|(_, doing)| doing).collect())
    }
}
