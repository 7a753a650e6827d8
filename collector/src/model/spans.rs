//! How far each direction of a connection was told of, so that bytes which are yet to be told of are not taken for bytes that were
//! never captured.

use super::connection::Data;
use super::event::{Direction, Flow, Flows};

/// What was told of a connection.
pub(super) struct Spans {
    /// When the span began that was last told of, per direction.
    received: u64,
    sent: u64,
    /// How far both directions had come then.
    flows: Flows,
    /// Events lost up to then.
    lost: u32,
}

/// What is told now.
pub(super) struct Told {
    /// The flow of this direction.
    pub own: Flow,
    /// That of the other, if nothing of it is yet to be told.
    pub other: Option<Flow>,
    /// Events were lost before it.
    pub lost: bool,
}

impl Spans {
    /// `lost`: events lost up to now.
    pub fn new(lost: u32) -> Self {
        Self { received: 0, sent: 0, flows: Flows::default(), lost }
    }

    /// How far both directions had come when they were last told of.
    pub fn flows(&self) -> Flows {
        self.flows
    }

    /// Takes in what is told.
    ///
    /// The kernel counts before it tells, and CPUs do not wait for each other: the other direction may have begun a span whose
    /// bytes are yet to come.
    pub fn told(&mut self, data: &Data<'_>) -> Told {
        let lost = self.lose(data.lost);
        self.flows = data.flows;
        let Flows { received, sent } = data.flows;
        let (own, other, told) = match data.direction {
            Direction::Received => {
                self.received = received.first;
                (received, sent, self.sent)
            }
            Direction::Sent => {
                self.sent = sent.first;
                (sent, received, self.received)
            }
        };
        Told { own, other: (other.first == told || lost).then_some(other), lost }
    }

    /// Takes in how many events were lost up to now; true where there are more of them.
    pub fn lose(&mut self, lost: u32) -> bool {
        let before = self.lost;
        self.lost = before.max(lost);
        lost > before
    }

    /// Takes in how far the connection has come; false where more was told since.
    pub fn progress(&mut self, flows: Flows) -> bool {
        let newer = flows.received.position >= self.flows.received.position
            && flows.sent.position >= self.flows.sent.position;
        if newer {
            self.flows = flows;
        }
        newer
    }

    /// Both directions, in the order in which they came to where they are. `all`: also spans that were not told of.
    pub fn in_order(&self, flows: Flows, all: bool) -> impl Iterator<Item = (Direction, Flow)> {
        let received = (Direction::Received, flows.received, self.received);
        let sent = (Direction::Sent, flows.sent, self.sent);
        let order = if sent.1.last <= received.1.last { [sent, received] } else { [received, sent] };
        let told = order.into_iter().filter(move |(_, flow, told)| all || flow.first == *told);
        told.map(|(direction, flow, _)| (direction, flow))
    }
}
