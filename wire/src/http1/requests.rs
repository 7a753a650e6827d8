//! The direction in which requests travel.

use super::body::{Body, Progress, Step};
use super::connection::{Connection, Head};
use super::stream::State;
use crate::http::{Direction, Fact, HeadError, Outcome, RequestHead, Role, Unparsed};

impl Connection {
    /// A request head is complete.
    pub(super) fn ask(&mut self, direction: Direction, head: &Head<'_>, facts: &mut Vec<Fact>) {
        let parsed = match RequestHead::parse(head.bytes) {
            Ok((parsed, _)) => parsed,
            Err(error) => return self.lose(direction, HeadError::unparsed(error), head.ended, facts),
        };
        let role = *self.role.get_or_insert(Role::of_request(direction));
        self.end_untracked(direction.opposite(), facts);
        if self.queue.is_full() {
            facts.push(Fact::Unparsed { reason: Unparsed::Pipelined });
            return self.give_up(head.ended, facts);
        }
        let answer_from = self.stream(direction.opposite()).position;
        let exchange = self.queue.push(parsed.method, answer_from);
        self.stream(direction).state = match Body::new(parsed.framing, parsed.content_type) {
            Some(body) => State::RequestBody { body, exchange, optional: parsed.expect_continue },
            None => State::head(),
        };
        facts.push(Fact::Request { exchange, role, head: Box::new(parsed), time: head.began });
    }

    /// Whether a new request may stand where the body of the last one was due. That is so when the final response came
    /// before the body, which the client may then leave out (RFC 9110 section 10.1.1), or when the end of the body was
    /// not captured, this is the first byte after a turn, and the response has ended or may have.
    pub(super) fn body_left_out(
        &mut self,
        direction: Direction,
        body: &Body,
        exchange: u32,
        optional: bool,
        fresh: bool,
    ) -> bool {
        if !self.queue.contains(exchange) {
            return optional || (fresh && !body.exact());
        }
        fresh && !body.exact() && self.untracked(direction.opposite())
    }

    /// Whether a response passes whose end can't be followed.
    fn untracked(&mut self, answers: Direction) -> bool {
        matches!(&self.stream(answers).state, State::ResponseBody(body) if !body.exact())
    }

    /// Captured bytes of a request body.
    pub(super) fn feed_request_body(
        &mut self,
        direction: Direction,
        mut body: Body,
        exchange: u32,
        bytes: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) -> usize {
        let (Step { consumed, payload, progress }, told) = body.feed(bytes);
        self.sent_body(exchange, payload, facts);
        if self.queue.contains(exchange) {
            facts.extend(told.of(exchange, false));
        }
        match progress {
            Progress::Bad => {
                self.lose(direction, Unparsed::BadChunk, time, facts);
                return bytes.len();
            }
            Progress::Done => self.stream(direction).state = State::head(),
            Progress::Going => {
                self.stream(direction).state = State::RequestBody { body, exchange, optional: false };
            }
        }
        consumed
    }

    /// Bytes of a request body that were not captured.
    pub(super) fn skip_request_body(
        &mut self,
        direction: Direction,
        mut body: Body,
        exchange: u32,
        count: u64,
        time: u64,
        facts: &mut Vec<Fact>,
    ) {
        let Step { consumed, payload, progress } = body.skip(count);
        self.sent_body(exchange, payload, facts);
        self.stream(direction).state = match progress {
            Progress::Done => State::head(),
            _ => State::RequestBody { body, exchange, optional: false },
        };
        if consumed < count {
            self.lose(direction, Unparsed::Hole, time, facts);
        }
    }

    fn sent_body(&self, exchange: u32, bytes: u64, facts: &mut Vec<Fact>) {
        if bytes > 0 && self.queue.contains(exchange) {
            facts.push(Fact::RequestBody { exchange, bytes });
        }
    }

    /// The next request tells that a response whose end could not be followed has ended: a client that uses a
    /// connection again has read the response to its end (RFC 9112 section 9.3).
    fn end_untracked(&mut self, answers: Direction, facts: &mut Vec<Fact>) {
        if !self.untracked(answers) {
            return;
        }
        let stream = self.stream(answers);
        let time = stream.last_time;
        stream.state = State::Lost;
        // More than one: the end of the first, and whose answer these bytes were, was not seen.
        let outcome = if self.queue.len() == 1 { Outcome::Complete } else { Outcome::Unknown };
        self.queue.end_front(time, outcome, false, facts);
        self.queue.end_all(time, Outcome::Unknown, facts);
    }
}
