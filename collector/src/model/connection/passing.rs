//! What passes on a connection: bytes, frames and messages.

use collector_common::frames;

use super::{At, Connection, Data};
use crate::model::event::{Direction, Flows, Frame, Layer, Message, Pid, Protocol};
use crate::model::exchanges::Seen;
use crate::model::fact::{Role, Visibility};
use crate::model::handshake::Shown;
use crate::model::{Context, reason};

/// How long it may be undecided whether somebody tells of what is inside a connection's TLS, in nanoseconds.
const UNDECIDED: u64 = 5 * 1_000_000_000;

impl Connection {
    /// Bytes that crossed the socket, or the direction turned.
    pub fn data(&mut self, pid: Pid, data: &Data<'_>, context: &mut Context) {
        self.used_by(pid, context);
        self.thread = data.thread;
        self.peer_gone |= data.end && data.direction == Direction::Received;
        self.flows = data.flows;
        self.report_opposite(data.direction, context);
        match data.protocol {
            // Not an answer to a request: a server that does not speak TLS says so to a client that has greeted it.
            Protocol::Http1 | Protocol::Unknown if self.greeted => {}
            Protocol::Tls => self.handshake(data, context),
            Protocol::Dns => self.datagram(data, context),
            Protocol::Http1 | Protocol::Http2 | Protocol::Redis | Protocol::Unknown => {
                self.read(Layer::Socket, data, context);
            }
        }
        self.lost = self.lost.max(data.lost);
        self.report(context);
    }

    /// Bytes inside its TLS.
    pub fn decrypted(&mut self, pid: Pid, data: &Data<'_>, context: &mut Context) {
        self.used_by(pid, context);
        self.thread = data.thread;
        self.greeted = true;
        self.read(Layer::Decrypted, data, context);
        self.lost = self.lost.max(data.lost);
    }

    /// Bytes that may be HTTP.
    fn read(&mut self, layer: Layer, data: &Data<'_>, context: &mut Context) {
        let seat = self.seat(layer == Layer::Decrypted);
        let first = match data.protocol {
            // Whatever is first seen of it, replies to what was asked before may come; a new one has none.
            Protocol::Redis => self.whole,
            _ => self.is_first(data),
        };
        let known = (first, self.lost);
        let seen = self.content.data(layer, data, known, &seat, context);
        self.seen(seen, layer, data.time, context);
        if data.protocol == Protocol::Http2 && !data.end {
            // The client's connection preface (RFC 9113 section 3.4).
            self.seen(Seen { role: Some(role_of(data.direction)), client: None }, layer, data.time, context);
        }
    }

    /// A frame of an HTTP/2 connection.
    pub fn frame(&mut self, pid: Pid, frame: &Frame, at: At, context: &mut Context) {
        self.used_by(pid, context);
        match frame.layer {
            Layer::Socket => self.flows = at.flows,
            Layer::Decrypted => self.greeted = true,
        }
        let mut seat = self.seat(frame.layer == Layer::Decrypted);
        if frame.kind == frames::kind::RST_STREAM {
            // One stream is given up, by whoever says so.
            seat.peer_gone = frame.direction == Direction::Received;
        }
        let seen = self.content.frame(frame, at, &seat, context);
        self.lost = self.lost.max(at.lost);
        self.seen(seen, frame.layer, at.time, context);
        self.report(context);
    }

    /// A message of a Go program, inside its TLS.
    pub fn message(&mut self, pid: Pid, message: &Message, at: At, context: &mut Context) {
        self.used_by(pid, context);
        self.flows = at.flows;
        self.greeted = true;
        let fields = context.fields.take((pid, message.goroutine));
        let seat = self.seat(true);
        let seen = self.content.message(message, &fields, (at, self.lost), &seat, context);
        self.lost = self.lost.max(at.lost);
        self.seen(seen, Layer::Decrypted, at.time, context);
        self.report(context);
    }

    /// The kernel was asked.
    pub fn progress(&mut self, layer: Layer, flows: Flows, lost: u32, context: &mut Context) {
        let time = flows.received.last.max(flows.sent.last);
        let seat = self.seat(layer == Layer::Decrypted);
        let seen = self.content.progress(layer, At { flows, lost, time }, &seat, context);
        self.lost = self.lost.max(lost);
        // The answer may be older than what was told since.
        let newer = flows.received.position >= self.flows.received.position
            && flows.sent.position >= self.flows.sent.position;
        if layer == Layer::Socket && newer {
            self.flows = flows;
        }
        self.seen(seen, layer, time, context);
        self.report(context);
    }

    /// Who did something with it.
    fn used_by(&mut self, pid: Pid, context: &Context) {
        self.pid = pid;
        self.process = context.target(pid, self.process);
    }

    /// What was read showed something.
    pub(super) fn seen(&mut self, seen: Seen, layer: Layer, time: u64, context: &mut Context) {
        let Some(role) = seen.role else { return };
        let visibility = match layer {
            Layer::Socket => Visibility::Plaintext,
            Layer::Decrypted => Visibility::TlsDecoded,
        };
        self.show(visibility, context);
        self.take_side(role, time, context);
        if let Some(client) = seen.client {
            self.evidence(client, context);
        }
    }

    fn handshake(&mut self, data: &Data<'_>, context: &mut Context) {
        match self.handshake.data(data) {
            Shown::Nothing => {}
            Shown::Hello(sni, direction) => {
                self.sni = sni;
                self.greeted(direction, data.time, context);
            }
            Shown::Ended(duration) => {
                self.traffic.handshaken(self.process, duration, &context.outbox);
            }
            Shown::Unreadable => context.outbox.unattributed(reason::TLS_UNPARSED),
        }
    }

    /// A `ClientHello` passed.
    fn greeted(&mut self, direction: Direction, time: u64, context: &mut Context) {
        self.greeted = true;
        // Where probes are in place, what is inside may be told yet. That they are may be known a moment late, when the process
        // has just begun, or is gone already.
        let opaque = !context.processes.is_instrumented(self.pid);
        if opaque {
            self.opaque_at = Some(time.saturating_add(UNDECIDED));
        }
        self.take_side(role_of(direction), time, context);
        if opaque && self.is_tcp_client() {
            // No more than this will be seen.
            self.evidence(self.shown_client(), context);
            context.pulls.cannot_see(self.pid, &self.shown());
        }
    }

    fn datagram(&mut self, data: &Data<'_>, context: &mut Context) {
        match data.direction {
            Direction::Sent => {
                let first = data.flows.sent.first;
                let captured = !data.bytes.is_empty() || first == 0;
                self.lookups.sent(data.bytes, if captured { data.time } else { first }, context);
            }
            Direction::Received => {
                let by = (self.pid, self.process);
                self.lookups.received(data.bytes, data.flows.sent.first, data.time, by, context);
            }
        }
    }

    /// Whether nothing has passed before these bytes, but for what answers them or they answer.
    fn is_first(&self, data: &Data<'_>) -> bool {
        let opposite = match data.direction {
            Direction::Received => data.flows.sent,
            Direction::Sent => data.flows.received,
        };
        data.start == 0 && (opposite.position == 0 || (self.whole && data.lost == 0))
    }
}

/// Who sends the first words of a connection is its client.
fn role_of(direction: Direction) -> Role {
    match direction {
        Direction::Sent => Role::Client,
        Direction::Received => Role::Server,
    }
}
