//! Both directions of one connection: stream positions, turns, and the state machine that they drive.

use std::borrow::Cow;

use super::body::Rest;
use super::head::{HeadBuffer, MAX_HEAD, Shape};
use super::queue::Queue;
use super::stream::{Held, Piece, State, Stream};
use crate::Decoder;
use crate::http::{Direction, Fact, Outcome, Role, Unparsed};

/// The HTTP/1 decoder of one connection.
///
/// Calls follow the order in which the kernel reported I/O. A *span* is consecutive I/O in one direction; the first
/// call in the other direction is a *turn*. Where track is lost, the decoder waits for a turn after which the bytes
/// look like a head, and never matches a response to a request that it cannot be sure of.
///
/// Memory is bounded: at most 64 KiB of an unfinished head per direction and 32 requests in flight.
#[derive(Debug, Default)]
pub struct Connection {
    pub(super) role: Option<Role>,
    received: Stream,
    sent: Stream,
    /// Direction of the last call.
    latest: Option<Direction>,
    pub(super) queue: Queue,
    closed: bool,
}

impl Connection {
    /// A connection that was perhaps joined in the middle: whatever came before the first call is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection that is seen from its first byte, which has position 0 in both directions.
    ///
    /// Knowing this, a first response that is reported before its request is still matched to it.
    pub fn opened() -> Self {
        Self { received: Stream::opened(), sent: Stream::opened(), ..Self::default() }
    }

    /// What the watched process is on this connection; `None` until a request head was seen.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// Requests whose exchange has not ended.
    pub fn in_flight(&self) -> usize {
        self.queue.len()
    }

    /// Captured bytes that are kept in memory.
    pub fn buffered(&self) -> usize {
        self.received.buffered() + self.sent.buffered()
    }
}

impl Decoder for Connection {
    type Fact = Fact;

    fn data(&mut self, direction: Direction, position: u64, bytes: &[u8], time: u64, facts: &mut Vec<Fact>) {
        let end = position.saturating_add(bytes.len() as u64);
        let expected = self.stream(direction).position.unwrap_or(position);
        if self.closed || (end <= expected && self.stream(direction).position.is_some()) {
            return;
        }
        self.turn(direction);
        if position > expected {
            self.skip(direction, position - expected, time, facts);
            // The missing bytes may have held a turn.
            self.stream(direction).fresh = true;
        }
        let known = usize::try_from(expected.saturating_sub(position)).unwrap_or(usize::MAX);
        self.stream(direction).position = Some(end);
        self.feed(direction, bytes.get(known..).unwrap_or_default(), time, facts);
        self.reached(direction, time, facts);
    }

    fn advanced(&mut self, direction: Direction, position: u64, time: u64, facts: &mut Vec<Fact>) {
        let expected = self.stream(direction).position.unwrap_or(position);
        if self.closed || position < expected {
            return;
        }
        if position > expected {
            self.turn(direction);
            self.skip(direction, position - expected, time, facts);
        }
        self.stream(direction).position = Some(position);
        self.reached(direction, time, facts);
    }

    fn closed(&mut self, time: u64, facts: &mut Vec<Fact>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        for direction in [Direction::Received, Direction::Sent] {
            let state = std::mem::replace(&mut self.stream(direction).state, State::Opaque);
            match state {
                State::ResponseBody(body) => self.close_body(direction, &body, time, facts),
                State::Lost if self.answers(direction) => self.close_lost(direction, time, facts),
                State::Held(_) => facts.push(Fact::Unparsed { reason: Unparsed::NoRequest }),
                State::Head(buffer) if matches!(buffer.shape_with(&[]), Shape::Request { .. }) => {
                    facts.push(Fact::Unparsed { reason: Unparsed::HeadCut });
                }
                _ => {}
            }
        }
        self.queue.end_all(time, Outcome::Cut, facts);
    }
}

impl Connection {
    pub(super) fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::Received => &mut self.received,
            Direction::Sent => &mut self.sent,
        }
    }

    /// Whether responses travel in `direction`.
    pub(super) fn answers(&self, direction: Direction) -> bool {
        self.role.is_some_and(|role| role != Role::of_request(direction))
    }

    fn turn(&mut self, direction: Direction) {
        if self.latest.replace(direction) == Some(direction) {
            return;
        }
        let stream = self.stream(direction);
        stream.fresh = true;
        // What might have become a head did not in its span.
        if matches!(&stream.state, State::Head(buffer) if buffer.is_vague()) {
            stream.state = State::Lost;
        }
    }

    /// The bytes up to the current position are dealt with.
    fn reached(&mut self, direction: Direction, time: u64, facts: &mut Vec<Fact>) {
        let stream = self.stream(direction);
        stream.last_time = stream.last_time.max(time);
        stream.fresh = false;
        if !self.queue.is_empty() {
            self.release(direction.opposite(), facts);
        }
    }

    /// Walks over captured bytes.
    fn feed(&mut self, direction: Direction, bytes: &[u8], time: u64, facts: &mut Vec<Fact>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let fresh = std::mem::replace(&mut self.stream(direction).fresh, false);
            // The state is taken out and put back (or another one), so that the handlers may use the connection.
            let consumed = match std::mem::take(&mut self.stream(direction).state) {
                State::Lost if fresh => {
                    self.stream(direction).state = State::Head(HeadBuffer::tentative());
                    0
                }
                State::Lost => return,
                State::Opaque => {
                    self.stream(direction).state = State::Opaque;
                    return;
                }
                State::Head(buffer) => self.feed_head(direction, buffer, rest, time, facts),
                State::RequestBody { body, exchange, optional } => {
                    if self.body_left_out(direction, &body, exchange, optional, fresh) {
                        self.stream(direction).state = State::Head(HeadBuffer::tentative());
                        continue;
                    }
                    self.feed_request_body(direction, body, exchange, rest, time, facts)
                }
                State::ResponseBody(body) => self.feed_response_body(direction, body, rest, time, facts),
                State::Held(held) => {
                    self.hold(direction, held, Piece::Bytes { bytes: rest.to_vec(), time }, facts);
                    return;
                }
            };
            rest = &rest[consumed..];
        }
    }

    /// Takes what belongs to a head and tells how many bytes that is.
    fn feed_head(
        &mut self,
        direction: Direction,
        mut buffer: HeadBuffer,
        bytes: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) -> usize {
        if buffer.is_empty() {
            // Empty lines before a head are stepped over (RFC 9112 section 2.2).
            let blank = bytes.iter().take_while(|&&b| matches!(b, b'\r' | b'\n')).count();
            if blank > 0 {
                self.stream(direction).state = State::Head(buffer);
                return blank;
            }
            buffer.began = time;
        }
        match self.judge(direction, &buffer, bytes) {
            Verdict::Keep => {}
            Verdict::Drop => return bytes.len(),
            Verdict::Opaque => {
                self.stream(direction).state = State::Opaque;
                return bytes.len();
            }
            Verdict::Lose(reason) => {
                self.lose(direction, reason, time, facts);
                return bytes.len();
            }
        }
        let end = buffer.end_in(bytes);
        let taken = end.unwrap_or(bytes.len());
        let (began, tentative) = (buffer.began, buffer.tentative);
        if buffer.len() + taken > MAX_HEAD {
            self.lose(direction, Unparsed::HeadTooLong, time, facts);
            return bytes.len();
        }
        let head = match end {
            // The usual case needs no copy.
            Some(_) if buffer.is_empty() => Cow::Borrowed(&bytes[..taken]),
            _ => {
                buffer.extend(&bytes[..taken]);
                if end.is_none() {
                    self.stream(direction).state = State::Head(buffer);
                    return taken;
                }
                Cow::Owned(buffer.into_bytes())
            }
        };
        let head = Head { bytes: &head, began, ended: time, tentative };
        if Shape::of(head.bytes) == Shape::Response {
            self.answer(direction, &head, facts);
        } else {
            self.ask(direction, &head, facts);
        }
        match self.stream(direction).state {
            // What follows a head that could not be used can't be told.
            State::Lost => bytes.len(),
            _ => taken,
        }
    }

    /// Whether the start of a head is one that can stand in `direction`.
    fn judge(&mut self, direction: Direction, buffer: &HeadBuffer, more: &[u8]) -> Verdict {
        let fits = match buffer.shape_with(more) {
            Shape::Undecided => true,
            Shape::Request { known } => !self.answers(direction) && (known || !buffer.tentative),
            Shape::Response => self.role.is_none_or(|role| role != Role::of_request(direction)),
            Shape::Http2 if self.role.is_none() => return Verdict::Lose(Unparsed::Http2),
            Shape::Http2 | Shape::Neither => false,
        };
        match () {
            () if fits => Verdict::Keep,
            // Either track was lost before, or this is not HTTP at all.
            () if buffer.tentative || self.role.is_none() => Verdict::Drop,
            // No request can follow a response that only the close ends: the two agreed on something else.
            () if matches!(
                &self.stream(direction.opposite()).state,
                State::ResponseBody(body) if *body.rest() == Rest::UntilClose
            ) =>
            {
                Verdict::Opaque
            }
            () => Verdict::Lose(Unparsed::BadHead),
        }
    }

    /// Passes over bytes that were not captured.
    fn skip(&mut self, direction: Direction, count: u64, time: u64, facts: &mut Vec<Fact>) {
        match std::mem::take(&mut self.stream(direction).state) {
            State::Lost => {}
            State::Opaque => self.stream(direction).state = State::Opaque,
            // Nothing says that a head stood here.
            State::Head(buffer) if buffer.is_vague() || (self.role.is_none() && buffer.is_empty()) => {}
            State::Head(_) => self.lose(direction, Unparsed::Hole, time, facts),
            State::RequestBody { body, exchange, .. } => {
                self.skip_request_body(direction, body, exchange, count, time, facts);
            }
            State::ResponseBody(body) => self.skip_response_body(direction, body, count, time, facts),
            State::Held(held) => self.hold(direction, held, Piece::Gap { count, time }, facts),
        }
        self.drop_held(direction.opposite(), facts);
    }

    /// Track of `direction` is lost: what its next bytes are is not known.
    pub(super) fn lose(&mut self, direction: Direction, reason: Unparsed, time: u64, facts: &mut Vec<Fact>) {
        facts.push(Fact::Unparsed { reason });
        self.stream(direction).state = State::Lost;
        if self.answers(direction) {
            // Any of them may have been answered in what was lost.
            self.queue.end_all(time, Outcome::Unknown, facts);
            return;
        }
        self.drop_held(direction.opposite(), facts);
    }

    /// A response that was kept for a request yet to come is given up: its request may have been in what was lost.
    fn drop_held(&mut self, direction: Direction, facts: &mut Vec<Fact>) {
        let answers = self.stream(direction);
        if matches!(answers.state, State::Held(_)) {
            answers.state = State::Lost;
            facts.push(Fact::Unparsed { reason: Unparsed::NoRequest });
        }
    }

    /// The connection speaks something else from here on.
    pub(super) fn give_up(&mut self, time: u64, facts: &mut Vec<Fact>) {
        self.queue.end_all(time, Outcome::Unknown, facts);
        self.received.state = State::Opaque;
        self.sent.state = State::Opaque;
    }

    /// Keeps a piece of a response whose request was not reported yet.
    pub(super) fn hold(&mut self, direction: Direction, mut held: Held, piece: Piece, facts: &mut Vec<Fact>) {
        if held.push(piece) {
            self.stream(direction).state = State::Held(held);
        } else {
            facts.push(Fact::Unparsed { reason: Unparsed::NoRequest });
        }
    }

    /// The request has come: decodes the response that was held for it.
    fn release(&mut self, direction: Direction, facts: &mut Vec<Fact>) {
        let stream = self.stream(direction);
        if !matches!(stream.state, State::Held(_)) {
            return;
        }
        let State::Held(held) = std::mem::replace(&mut stream.state, State::head()) else { return };
        for piece in held.into_pieces() {
            match piece {
                Piece::Bytes { bytes, time } => self.feed(direction, &bytes, time, facts),
                Piece::Gap { count, time } => self.skip(direction, count, time, facts),
            }
        }
    }
}

/// What to do with bytes where a head is due.
enum Verdict {
    Keep,
    /// Not a head, and none was promised.
    Drop,
    Opaque,
    Lose(Unparsed),
}

/// The bytes of a complete head.
pub(super) struct Head<'a> {
    pub bytes: &'a [u8],
    /// Time of its first byte.
    pub began: u64,
    /// Time of its last byte.
    pub ended: u64,
    pub tentative: bool,
}

#[cfg(test)]
mod tests;
