//! What the probes in a Go program tell of one TLS connection, and the exchanges that it makes.
//!
//! An exchange is a stream: over HTTP/2 by its number, over HTTP/1 the only one, 0. A request is told before its first byte is
//! sent, so no answer comes before its request. Where records of the connection were lost, every exchange in flight may have
//! lost its end, and ends as unknown.

use std::collections::BTreeMap;
use std::mem;

use wire::http::{Field, Framing, HeadError, Method, Outcome, RequestHead, ResponseHead, Unparsed};

use super::event::{Amount, Captured, Message, Part};
use super::exchange::Exchange;
use super::exchanges::Seen;
use super::fact::{Client, Role};
use super::fields::List;
use super::news::At;
use super::rules::{Actor, Exchanging};
use super::seat::Seat;
use super::{Context, reason};

/// The one exchange of an HTTP/1 connection.
const HTTP1: u32 = 0;
/// Longest request head that is put together.
const MAX_HEAD: usize = 64 * 1024;
/// Most exchanges in flight on one connection. Servers commonly allow 100 to 250.
const MAX_STREAMS: usize = 1024;

/// The exchanges of one connection.
pub(super) struct Messages {
    streams: BTreeMap<u32, Stream>,
    /// The start of an HTTP/1 request's head.
    head: Option<Head>,
    /// Events lost up to now.
    lost: u32,
    /// The peer will send nothing more, or has broken the connection off.
    peer_gone: bool,
}

struct Head {
    bytes: Vec<u8>,
    began: u64,
}

struct Stream {
    exchange: Exchange,
    /// What recipes count of it, and of whom.
    counted: Option<(Actor, Exchanging)>,
    http2: bool,
    /// The request has a body, which may pass where heads do.
    sends_body: bool,
    /// How the answer ended, told before its head was: an HTTP/2 server may send both when the handler is done.
    done: Option<(Outcome, Amount)>,
}

impl Messages {
    /// `lost`: events lost up to now.
    pub fn new(lost: u32) -> Self {
        Self { streams: BTreeMap::new(), head: None, lost, peer_gone: false }
    }

    /// Whether an exchange that counts is in progress.
    pub fn in_progress(&self) -> bool {
        !self.streams.is_empty()
    }

    /// A message; `fields` are those that its goroutine has told.
    pub fn message(
        &mut self,
        message: &Message,
        fields: &List,
        at: At,
        seat: &Seat,
        context: &mut Context,
    ) -> Seen {
        self.peer_gone = seat.peer_gone;
        let begins = matches!(message.part, Part::RequestHead | Part::RequestFields);
        let spared = (!begins).then_some(message.stream);
        // What a goroutine has told may belong to a message that was lost.
        let nothing = List::default();
        let fields = if self.lose(at, spared, context) { &nothing } else { fields };
        let mut seen = Seen { role: Some(role(message)), client: None };
        match message.part {
            Part::RequestHead => seen.client = self.request_bytes(message, at, seat, context),
            Part::RequestFields => seen.client = self.request_fields(message, fields, at, seat, context),
            Part::ResponseHead => self.response_bytes(&message.bytes, at, context),
            Part::ResponseFields => self.response_fields(message, fields, at, context),
            Part::Status => self.status(message, at, context),
            Part::Complete => self.done(message, Outcome::Complete, at, context),
            Part::Cut => self.done(message, Outcome::Cut, at, context),
        }
        seen
    }

    /// The kernel was asked: so many events were lost up to then.
    pub fn progress(&mut self, at: At, context: &mut Context) {
        self.lose(at, None, context);
    }

    /// The connection is over.
    pub fn closed(&mut self, at: At, seat: &Seat, context: &mut Context) {
        self.peer_gone = seat.peer_gone;
        self.lose(at, None, context);
        if self.head.take().is_some() {
            context.outbox.unattributed(Unparsed::HeadCut.as_str());
        }
        for (_, stream) in mem::take(&mut self.streams) {
            stream.end(Outcome::Cut, Amount::None, (at, self.peer_gone), context);
        }
    }

    /// The connection went away unseen.
    pub fn gone(&mut self, context: &mut Context) {
        for stream in mem::take(&mut self.streams).into_values() {
            stream.exchange.lost(context);
        }
    }

    /// Where events were lost, what is in flight may have ended; all but the stream that is told of now. True if so.
    fn lose(&mut self, at: At, spared: Option<u32>, context: &mut Context) -> bool {
        if at.lost <= self.lost {
            return false;
        }
        self.lost = at.lost;
        self.head = None;
        let spared = spared.and_then(|number| Some((number, self.streams.remove(&number)?)));
        for (_, stream) in mem::take(&mut self.streams) {
            stream.lose(at, context);
        }
        self.streams.extend(spared);
        true
    }

    /// Bytes that hold an HTTP/1 request's head, or more of it, or what is sent behind it. Gives the labels of a request that
    /// the process makes.
    fn request_bytes(
        &mut self,
        message: &Message,
        at: At,
        seat: &Seat,
        context: &mut Context,
    ) -> Option<Client> {
        let bytes = &message.bytes;
        if begins_request(bytes) && !self.sends_body() {
            if self.head.replace(Head { bytes: bytes.to_vec(), began: at.time }).is_some() {
                context.outbox.unattributed(Unparsed::Hole.as_str());
            }
        } else if let Some(head) = &mut self.head {
            head.bytes.extend_from_slice(bytes);
        }
        let head = self.head.take()?;
        match RequestHead::parse(&head.bytes) {
            Ok((request, _)) => {
                self.make_room(HTTP1, at, context)?;
                let sends_body = request.framing != Framing::None;
                let counted = count(Role::Client, &request, head.began, seat, context);
                let exchange = Exchange::ask(request, head.began, seat, context);
                return self.begin(HTTP1, exchange, counted, sends_body);
            }
            Err(HeadError::Incomplete) if !message.truncated && head.bytes.len() <= MAX_HEAD => {
                self.head = Some(head);
            }
            Err(HeadError::Incomplete) => context.outbox.unattributed(Unparsed::HeadTooLong.as_str()),
            Err(error) => context.outbox.unattributed(error.unparsed().as_str()),
        }
        None
    }

    /// Whether the body of the request in flight may pass now.
    fn sends_body(&self) -> bool {
        self.streams
            .get(&HTTP1)
            .is_some_and(|stream| stream.sends_body && stream.exchange.framing().is_none())
    }

    /// A request whose fields the goroutine has told. Gives the labels of one that the process makes.
    fn request_fields(
        &mut self,
        message: &Message,
        fields: &List,
        at: At,
        seat: &Seat,
        context: &mut Context,
    ) -> Option<Client> {
        let number = message.stream;
        if number != HTTP1 && self.streams.contains_key(&number) {
            return None; // Trailers.
        }
        match RequestHead::from_fields(fields.iter(message.truncated)) {
            Ok(head) => {
                self.make_room(number, at, context)?;
                let counted = count(role(message), &head, at.time, seat, context);
                let exchange = if message.serves {
                    Exchange::serve(&head, at.time, &seat.party, context)
                } else {
                    Exchange::ask(head, at.time, seat, context)
                };
                return self.begin(number, exchange, counted, false);
            }
            // A program does not send a head without them: they were lost.
            Err(_) if !fields.has(b":method") || !fields.has(b":path") => {
                context.outbox.unattributed(Unparsed::Hole.as_str());
            }
            Err(error) => context.outbox.unattributed(error.unparsed().as_str()),
        }
        None
    }

    /// Nothing is asked on a stream before its last answer has ended: if one is in flight, its end was lost. `None` when there
    /// are too many others.
    fn make_room(&mut self, number: u32, at: At, context: &mut Context) -> Option<()> {
        self.end(number, Outcome::Unknown, Amount::None, at, context);
        if self.streams.len() >= MAX_STREAMS {
            context.outbox.unattributed(Unparsed::Pipelined.as_str());
            return None;
        }
        Some(())
    }

    fn begin(
        &mut self,
        number: u32,
        exchange: Exchange,
        counted: Option<(Actor, Exchanging)>,
        sends_body: bool,
    ) -> Option<Client> {
        let client = exchange.client().cloned();
        let http2 = number != HTTP1;
        self.streams.insert(number, Stream { exchange, counted, http2, sends_body, done: None });
        client
    }

    /// Bytes that begin with an HTTP/1 response's head.
    fn response_bytes(&mut self, bytes: &[u8], at: At, context: &mut Context) {
        let Some(method) = self.due(HTTP1, at, context) else { return };
        let head = match ResponseHead::parse(bytes, method) {
            // What has not come yet when the program begins to read is not known; the status is.
            Err(HeadError::Incomplete) => status_alone(bytes, method),
            parsed => parsed.map(|(head, _)| head),
        };
        match head {
            Ok(head) => {
                let bodyless = matches!(head.framing, Framing::None | Framing::Length(0));
                self.answer(HTTP1, &head, bodyless, at, context);
            }
            Err(error) => context.outbox.unattributed(error.unparsed().as_str()),
        }
    }

    fn response_fields(&mut self, message: &Message, fields: &List, at: At, context: &mut Context) {
        if !fields.has(b":status") {
            return; // Trailers, or an answer whose status was lost: its end tells.
        }
        let Some(method) = self.due(message.stream, at, context) else { return };
        match ResponseHead::from_fields(fields.iter(message.truncated), method) {
            Ok(head) => self.answer(message.stream, &head, message.end, at, context),
            Err(error) => context.outbox.unattributed(error.unparsed().as_str()),
        }
    }

    /// The status of a served answer.
    fn status(&mut self, message: &Message, at: At, context: &mut Context) {
        let number = message.stream;
        let code = match message.code {
            // The handler has left it to `net/http` (server.go, `finishRequest`).
            0 if number == HTTP1 => 200,
            code => code,
        };
        let Some(method) = self.due(number, at, context) else { return };
        let total = if let Amount::Total(total) = message.amount { total.to_string() } else { String::new() };
        let fields = [(&b":status"[..], code.to_string()), (b"content-length", total)];
        let known = fields.iter().filter(|(_, value)| !value.is_empty());
        let list = known.map(|(name, value)| Field { name, value: value.as_bytes(), truncated: false });
        match ResponseHead::from_fields(list, method) {
            Ok(head) => self.answer(number, &head, false, at, context),
            Err(error) => context.outbox.unattributed(error.unparsed().as_str()),
        }
        if let Some((outcome, amount)) = self.streams.get_mut(&number).and_then(|stream| stream.done.take()) {
            self.end(number, outcome, amount, at, context);
        }
    }

    /// How the request was made that a response is due for.
    fn due(&mut self, number: u32, at: At, context: &mut Context) -> Option<Method> {
        if self.streams.get(&number).is_some_and(|stream| stream.exchange.framing().is_some()) {
            // The end of the last one was lost, and the request that this one answers.
            self.end(number, Outcome::Unknown, Amount::None, at, context);
        }
        let method = self.streams.get(&number).map(|stream| stream.exchange.method());
        if method.is_none() {
            context.outbox.unattributed(Unparsed::NoRequest.as_str());
        }
        method
    }

    /// The head of an answer. `ends`: no body follows.
    fn answer(&mut self, number: u32, head: &ResponseHead, ends: bool, at: At, context: &mut Context) {
        // Interim answers are none, but for the one after which the connection speaks something else.
        if head.code < 200 && head.code != 101 {
            return;
        }
        if let Some(stream) = self.streams.get_mut(&number) {
            stream.exchange.answered(head, at.time, context);
            if let Some((_, counted)) = &mut stream.counted {
                counted.answered(head.code);
            }
        }
        if ends {
            self.end(number, Outcome::Complete, Amount::Passed(0), at, context);
        }
    }

    /// The answer has ended, by what the program did with it.
    fn done(&mut self, message: &Message, outcome: Outcome, at: At, context: &mut Context) {
        // One that has ended already is told of again: without a body, or cut after it was complete.
        let Some(stream) = self.streams.get_mut(&message.stream) else { return };
        let by_handler = message.serves && matches!(message.amount, Amount::Passed(_));
        let answered = stream.exchange.framing().is_some();
        if by_handler && !answered {
            stream.done = Some((outcome, message.amount));
            return;
        }
        // It can't be complete without having begun: that was lost.
        let lost = !answered && outcome == Outcome::Complete;
        let outcome = if lost { Outcome::Unknown } else { outcome };
        self.end(message.stream, outcome, message.amount, at, context);
    }

    fn end(&mut self, number: u32, outcome: Outcome, amount: Amount, at: At, context: &mut Context) {
        if let Some(stream) = self.streams.remove(&number) {
            if outcome == Outcome::Unknown {
                stream.lose(at, context);
            } else {
                stream.end(outcome, amount, (at, self.peer_gone), context);
            }
        }
    }
}

impl Stream {
    /// Its end was not seen.
    fn lose(self, at: At, context: &mut Context) {
        context.outbox.unattributed(reason::EXCHANGE_END_UNKNOWN);
        self.exchange.ended(at.time, Outcome::Unknown, (at.time, false), context);
    }

    fn end(mut self, outcome: Outcome, amount: Amount, (at, peer_gone): (At, bool), context: &mut Context) {
        let framing = self.exchange.framing();
        let serves = self.exchange.client().is_none();
        // What a handler writes that may not have a body is not sent.
        let bodyless = framing == Some(Framing::None);
        let by_handler = serves && matches!(amount, Amount::Passed(_));
        let outcome = if bodyless && by_handler { Outcome::Complete } else { outcome };
        // Over HTTP/2 it is told at the cut what the program has read by then; more may have come.
        let read_only = self.http2 && outcome == Outcome::Cut && matches!(amount, Amount::Left(_));
        match framing {
            None | Some(Framing::None) => {}
            Some(framing) => match passed(framing, outcome, amount) {
                Some(bytes) => {
                    self.exchange.body(bytes, context);
                    if read_only {
                        context.outbox.unattributed(reason::BODY_INEXACT);
                    }
                }
                None => self.exchange.body_unknown(context),
            },
        }
        // Who has given up an answer that is sent is not told: it may have been the client.
        let peer_gone = peer_gone || (serves && outcome == Outcome::Cut);
        let last = if serves { at.flows.sent.last } else { at.flows.received.last };
        let time = match last {
            // What a server writes leaves after it was told.
            _ if serves => at.time,
            0 => at.time,
            // The program may read what has come long before.
            last => self.exchange.not_before(last.min(at.time)),
        };
        self.exchange.ended(time, outcome, (last, peer_gone), context);
        if let Some((actor, counted)) = self.counted {
            context.rules.answered(&actor, counted, outcome, time);
        }
    }
}

/// How many bytes of an answer's body have passed.
fn passed(framing: Framing, outcome: Outcome, amount: Amount) -> Option<u64> {
    let announced = if let Framing::Length(length) = framing { Some(length) } else { None };
    match amount {
        Amount::Passed(bytes) => Some(bytes),
        Amount::Left(bytes) => announced.map(|length| length.saturating_sub(bytes)),
        Amount::Total(bytes) if outcome == Outcome::Complete => Some(bytes),
        Amount::None if outcome == Outcome::Complete => announced,
        Amount::None | Amount::Total(_) => None,
    }
}

/// What recipes count of a request.
fn count(
    role: Role,
    head: &RequestHead,
    time: u64,
    seat: &Seat,
    context: &mut Context,
) -> Option<(Actor, Exchanging)> {
    let actor = seat.actor();
    context.rules.request(&actor, role, head, time).map(|counted| (actor, counted))
}

fn role(message: &Message) -> Role {
    if message.serves { Role::Server } else { Role::Client }
}

/// Whether the bytes begin like a request's head (RFC 9112 section 3).
fn begins_request(bytes: &Captured) -> bool {
    let method = bytes.split(|&b| b == b' ').next().unwrap_or_default();
    let target = bytes.get(method.len() + 1);
    let known = Method::parse(method) != Method::Other;
    known && (method == b"CONNECT" || matches!(target, Some(b'/' | b'*' | b'h' | b'H')))
}

/// The head that the status line alone makes.
fn status_alone(bytes: &[u8], method: Method) -> Result<ResponseHead, HeadError> {
    let line = bytes.split_inclusive(|&b| b == b'\n').next().filter(|line| line.ends_with(b"\n"));
    let head = [line.ok_or(HeadError::Incomplete)?, b"\r\n"].concat();
    ResponseHead::parse(&head, method).map(|(head, _)| head)
}
