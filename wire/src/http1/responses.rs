//! The direction in which responses travel.

use super::body::{Body, Progress, Rest, Step};
use super::connection::{Connection, Head};
use super::stream::{Held, Piece, State};
use crate::http::{Direction, Fact, Method, Outcome, ResponseHead, Unparsed};

impl Connection {
    /// A response head is complete.
    pub(super) fn answer(&mut self, direction: Direction, head: &Head<'_>, facts: &mut Vec<Fact>) {
        // When track was lost and several wait, nothing tells which one this answers.
        if head.tentative && self.queue.len() > 1 {
            self.queue.end_all(head.ended, Outcome::Unknown, facts);
        }
        let Some(pending) = self.queue.front() else {
            return self.answer_unasked(direction, head, facts);
        };
        let (exchange, method) = (pending.exchange, pending.method);
        let parsed = match ResponseHead::parse(head.bytes, method) {
            Ok((parsed, _)) => parsed,
            Err(error) => return self.lose(direction, error.unparsed(), head.ended, facts),
        };
        let code = parsed.code;
        if matches!(code, 100 | 102..=199) {
            // An interim response (RFC 9110 section 15.2): the final one follows.
            self.stream(direction).state = State::head();
            return;
        }
        let body = Body::new(parsed.framing, parsed.content_type);
        facts.push(Fact::Response { exchange, head: Box::new(parsed), time: head.began });
        if code == 101 || (method == Method::Connect && (200..300).contains(&code)) {
            self.queue.end_front(head.ended, Outcome::Complete, true, facts);
            facts.push(Fact::Upgraded { exchange });
            self.give_up(head.ended, facts);
        } else if let Some(body) = body {
            self.stream(direction).state = State::ResponseBody(body);
        } else {
            self.end_response(direction, head.ended, true, facts);
        }
    }

    /// A response head without a request. When the requests are followed byte by byte, its request is only reported
    /// later: the thread that reads ran before the one that wrote. Else the request was not seen.
    fn answer_unasked(&mut self, direction: Direction, head: &Head<'_>, facts: &mut Vec<Fact>) {
        let followed = matches!(&self.stream(direction.opposite()).state, State::Head(b) if !b.tentative);
        if followed && !head.tentative {
            let piece = Piece::Bytes { bytes: head.bytes.to_vec(), time: head.began };
            self.hold(direction, Held::default(), piece, facts);
        } else {
            facts.push(Fact::Unparsed { reason: Unparsed::NoRequest });
        }
    }

    /// Captured bytes of a response body.
    pub(super) fn feed_response_body(
        &mut self,
        direction: Direction,
        mut body: Body,
        bytes: &[u8],
        time: u64,
        facts: &mut Vec<Fact>,
    ) -> usize {
        let (Step { consumed, payload, progress }, told) = body.feed(bytes);
        self.received_body(payload, facts);
        if let Some(pending) = self.queue.front() {
            facts.extend(told.of(pending.exchange, true));
        }
        match progress {
            Progress::Bad => {
                self.lose(direction, Unparsed::BadChunk, time, facts);
                return bytes.len();
            }
            Progress::Done => self.end_response(direction, time, body.exact(), facts),
            Progress::Going => self.stream(direction).state = State::ResponseBody(body),
        }
        consumed
    }

    /// Bytes of a response body that were not captured.
    pub(super) fn skip_response_body(
        &mut self,
        direction: Direction,
        mut body: Body,
        count: u64,
        time: u64,
        facts: &mut Vec<Fact>,
    ) {
        let Step { consumed, payload, progress } = body.skip(count);
        self.received_body(payload, facts);
        match progress {
            Progress::Done => self.end_response(direction, time, true, facts),
            _ => self.stream(direction).state = State::ResponseBody(body),
        }
        if consumed < count {
            self.lose(direction, Unparsed::Hole, time, facts);
        }
    }

    fn received_body(&self, bytes: u64, facts: &mut Vec<Fact>) {
        if let Some(pending) = self.queue.front().filter(|_| bytes > 0) {
            facts.push(Fact::Body { exchange: pending.exchange, bytes });
        }
    }

    /// The response has reached the end that its framing gave.
    fn end_response(&mut self, direction: Direction, time: u64, exact: bool, facts: &mut Vec<Fact>) {
        self.stream(direction).state = State::head();
        self.queue.end_front(time, Outcome::Complete, exact, facts);
    }

    /// The connection closed inside a response body.
    pub(super) fn close_body(&mut self, direction: Direction, body: &Body, time: u64, facts: &mut Vec<Fact>) {
        let last_time = self.stream(direction).last_time;
        let (time, outcome) = match body.rest() {
            Rest::UntilClose => (last_time, Outcome::Complete),
            Rest::Untracked => (last_time, Outcome::Unknown),
            Rest::Length(_) | Rest::Chunked(_) => (time, Outcome::Cut),
        };
        self.queue.end_front(time, outcome, body.exact(), facts);
    }

    /// The connection closed while the responses were not followed: whether there was one can't be told if anything
    /// came since the request.
    pub(super) fn close_lost(&mut self, direction: Direction, time: u64, facts: &mut Vec<Fact>) {
        let position = self.stream(direction).position;
        if self.queue.front().is_some_and(|pending| pending.answer_from != position) {
            self.queue.end_all(time, Outcome::Unknown, facts);
        }
    }
}
