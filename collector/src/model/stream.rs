//! A connection's bytes on their way to a decoder: how far each direction was told of, so that bytes which are yet to be told of are
//! not taken for bytes that were never captured.

use wire::{Decoder, http};

use super::event::{Direction, Flows};
use super::news::Data;

/// A decoder, and what it was told.
pub(super) struct Stream<D> {
    pub decoder: D,
    /// When the span began that was last told of, per direction.
    received: u64,
    sent: u64,
    /// How far both directions had come then.
    flows: Flows,
    /// Events lost up to then.
    lost: u32,
}

impl<D: Decoder> Stream<D> {
    /// `lost`: events lost up to now.
    pub fn new(decoder: D, lost: u32) -> Self {
        Self { decoder, received: 0, sent: 0, flows: Flows::default(), lost }
    }

    /// Bytes passed, or the direction turned. True where events were lost before that.
    ///
    /// The kernel counts before it tells, and CPUs do not wait for each other: the other direction may have begun a span whose
    /// bytes are yet to come.
    pub fn data(&mut self, data: &Data<'_>, decoded: &mut Vec<D::Fact>) -> bool {
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
        let direction = way(data.direction);
        if other.first == told || lost {
            self.decoder.advanced(direction.opposite(), other.position, other.last, decoded);
        }
        self.decoder.data(direction, data.start, data.bytes, data.time, decoded);
        self.decoder.advanced(direction, own.position, own.last, decoded);
        lost
    }

    /// Takes in how many events were lost up to now; true where there are more of them.
    pub fn lose(&mut self, lost: u32) -> bool {
        let before = self.lost;
        self.lost = before.max(lost);
        lost > before
    }

    /// The connection has come further; false where more was told since. `all`: also in spans that were not told of.
    pub fn progress(&mut self, flows: Flows, all: bool, decoded: &mut Vec<D::Fact>) -> bool {
        let newer = flows.received.position >= self.flows.received.position
            && flows.sent.position >= self.flows.sent.position;
        if newer {
            self.flows = flows;
            self.advance(flows, all, decoded);
        }
        newer
    }

    /// The connection is over; `None` where it is not known how far it has come. Tells how far that is.
    pub fn closed(&mut self, flows: Option<Flows>, time: u64, decoded: &mut Vec<D::Fact>) -> Flows {
        let flows = flows.unwrap_or(self.flows);
        self.advance(flows, true, decoded);
        self.decoder.closed(time, decoded);
        flows
    }

    /// Both directions, in the order in which they came to where they are.
    fn advance(&mut self, flows: Flows, all: bool, decoded: &mut Vec<D::Fact>) {
        let received = (Direction::Received, flows.received, self.received);
        let sent = (Direction::Sent, flows.sent, self.sent);
        let order = if sent.1.last <= received.1.last { [sent, received] } else { [received, sent] };
        for (direction, flow, told) in order {
            if all || flow.first == told {
                self.decoder.advanced(way(direction), flow.position, flow.last, decoded);
            }
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
