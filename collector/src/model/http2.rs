//! The HTTP/2 decoder of one connection, fed with the frames that the kernel programs walked over.

use wire::http2::{self, FrameHead};

use super::Context;
use super::event::{Direction, Flows, Frame};
use super::exchanges::{Exchanges, Seen};
use super::fact::Fact;
use super::news::At;
use super::seat::Seat;
use super::stream::way;

/// The decoder and its exchanges.
pub(super) struct Http2 {
    decoder: http2::Connection,
    exchanges: Exchanges,
    flows: Flows,
    /// Events lost up to now.
    lost: u32,
    /// Where frames are not known to begin: what is received, what is sent.
    astray: [bool; 2],
}

impl Http2 {
    /// The kernel programs know a connection by its first bytes, so nothing has passed before, unless it was lost; or they say
    /// that it is older.
    pub fn new(late: bool) -> Self {
        let decoder = if late { http2::Connection::new() } else { http2::Connection::opened() };
        let exchanges = Exchanges::default();
        Self { decoder, exchanges, flows: Flows::default(), lost: 0, astray: [false; 2] }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        self.exchanges.in_progress()
    }

    /// A frame passed.
    pub fn frame(&mut self, frame: &Frame, at: At, seat: &Seat, context: &mut Context) -> Seen {
        self.flows = at.flows;
        let mut decoded = std::mem::take(&mut context.decoded);
        self.lost(at.lost, &mut decoded);
        let direction = way(frame.direction);
        match frame.kind {
            Frame::OUT_OF_STEP => {
                *self.astray(frame.direction) = true;
                self.decoder.lost(direction, &mut decoded);
            }
            Frame::JOINED => *self.astray(frame.direction) = false,
            _ => {
                let Frame { length, kind, flags, stream, .. } = *frame;
                let head = FrameHead { length, kind, flags, stream };
                self.decoder.frame(direction, &head, &frame.payload, at.time, &mut decoded);
            }
        }
        if self.astray != [false; 2] && self.decoder.in_flight() > 0 {
            // Nobody would tell of its answer, or of what it was that is answered.
            self.decoder.lost(direction.opposite(), &mut decoded);
        }
        let fields = self.decoder.take_unknown();
        if fields > 0 {
            context.outbox.push(Fact::HpackUnknown { fields });
        }
        self.exchanges.take(decoded, at.flows, seat, context)
    }

    /// The peer has ended this direction.
    pub fn ended(&mut self, direction: Direction, time: u64, seat: &Seat, context: &mut Context) -> Seen {
        if direction != Direction::Received {
            return Seen::default();
        }
        // The server has said all that it will say, or the client does not wait any more: nobody closes one direction only.
        let mut decoded = std::mem::take(&mut context.decoded);
        self.decoder.closed(time, &mut decoded);
        self.exchanges.take(decoded, self.flows, seat, context)
    }

    /// The kernel was asked: so many events were lost up to then.
    pub fn progress(&mut self, lost: u32, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        self.lost(lost, &mut decoded);
        self.exchanges.take(decoded, self.flows, seat, context)
    }

    /// The connection is over.
    pub fn closed(&mut self, at: At, seat: &Seat, context: &mut Context) -> Seen {
        let mut decoded = std::mem::take(&mut context.decoded);
        self.lost(at.lost, &mut decoded);
        self.decoder.closed(at.time, &mut decoded);
        self.exchanges.take(decoded, self.flows, seat, context)
    }

    /// The connection went away unseen.
    pub fn gone(&mut self, context: &mut Context) {
        self.exchanges.lost(context);
    }

    fn astray(&mut self, direction: Direction) -> &mut bool {
        let [received, sent] = &mut self.astray;
        match direction {
            Direction::Received => received,
            Direction::Sent => sent,
        }
    }

    /// Frames of either direction may be among what was lost.
    fn lost(&mut self, lost: u32, decoded: &mut Vec<wire::http::Fact>) {
        if lost > self.lost {
            self.lost = lost;
            self.decoder.lost(wire::http::Direction::Received, decoded);
            self.decoder.lost(wire::http::Direction::Sent, decoded);
        }
    }
}
