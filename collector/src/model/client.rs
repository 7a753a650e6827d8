//! A client's TCP connection: the attempt to connect, the registry that it is for, and its bytes.
//!
//! The registry is known when the first request or `ClientHello` has passed. Until then the connect, the TLS
//! handshake and the bytes wait, for [`PATIENCE`] or until the close; then what the connection itself shows has to do.

use super::event::{Flows, Phase, TargetId};
use super::fact::{Client, ConnectResult, Fact};
use super::outbox::Outbox;

/// How long a connection may go without evidence of its registry.
const PATIENCE: u64 = 5 * 1_000_000_000;

/// What is reported of a client's connection, and what waits to be.
#[derive(Default)]
pub(super) struct Traffic {
    /// When the attempt to connect began that goes on now.
    attempt: Option<u64>,
    /// Who connected and how long it took, while that waits for its registry. Another process may use the connection.
    connected: Option<(TargetId, u64)>,
    /// The same for the TLS handshake.
    handshaken: Option<(TargetId, u64)>,
    /// Whose traffic it is, once that is known.
    client: Option<Client>,
    /// When the wait for evidence ends.
    deadline: Option<u64>,
    /// Bytes that were reported.
    received: u64,
    sent: u64,
}

impl Traffic {
    /// Whether an attempt to connect goes on.
    pub fn connecting(&self) -> bool {
        self.attempt.is_some()
    }

    /// When the attempt began that goes on.
    pub fn attempt_began(&self) -> Option<u64> {
        self.attempt
    }

    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Whether the registry is known.
    pub fn labelled(&self) -> bool {
        self.client.is_some()
    }

    /// `connect` was called, or the SYN has left.
    pub fn attempt(&mut self, time: u64) {
        self.attempt = Some(time);
        // A socket that connects again may be for another registry.
        self.client = None;
    }

    /// Both ends agree. The result is reported with the registry.
    pub fn established(&mut self, process: TargetId, time: u64) {
        if let Some(began) = self.attempt.take() {
            self.connected = Some((process, time.saturating_sub(began)));
        }
    }

    /// The TLS handshake ended. It is reported with the registry.
    pub fn handshaken(&mut self, process: TargetId, duration: u64, outbox: &Outbox) {
        self.handshaken = Some((process, duration));
        self.report_handshake(outbox);
    }

    fn report_handshake(&mut self, outbox: &Outbox) {
        if let Some(client) = &self.client
            && let Some((process, duration)) = self.handshaken.take()
        {
            let client = Client { process, registry: client.registry.clone() };
            outbox.push(Fact::Handshake { client, duration });
        }
    }

    /// The attempt came to nothing.
    pub fn failed(&mut self, result: ConnectResult, time: u64, client: Client, outbox: &Outbox) {
        if let Some(began) = self.attempt.take() {
            outbox.push(Fact::Connected { client, result, duration: time.saturating_sub(began) });
        }
    }

    /// How the attempt ended was not seen. Tells whether there was one.
    pub fn attempt_lost(&mut self) -> bool {
        self.attempt.take().is_some()
    }

    /// The wait for evidence begins, if there is none yet.
    pub fn await_evidence(&mut self, now: u64) {
        if self.client.is_none() && self.deadline.is_none() {
            self.deadline = Some(now.saturating_add(PATIENCE));
        }
    }

    /// From here on the traffic is for `client`.
    pub fn label(&mut self, client: Client, outbox: &Outbox) {
        self.deadline = None;
        if let Some((process, duration)) = self.connected.take() {
            let client = Client { process, registry: client.registry.clone() };
            outbox.push(Fact::Connected { client, result: ConnectResult::Ok, duration });
        }
        self.client = Some(client);
        self.report_handshake(outbox);
    }

    /// Reports the bytes that have passed since the last report, if it is known whose they are.
    pub fn report(&mut self, received: u64, sent: u64, outbox: &Outbox) {
        let Some(client) = &self.client else { return };
        let fact = Fact::NetworkBytes {
            client: client.clone(),
            received: received.saturating_sub(self.received),
            sent: sent.saturating_sub(self.sent),
        };
        if !matches!(fact, Fact::NetworkBytes { received: 0, sent: 0, .. }) {
            outbox.push(fact);
        }
        self.received = self.received.max(received);
        self.sent = self.sent.max(sent);
    }

    /// Reports all bytes up to `flows`.
    pub fn report_all(&mut self, flows: Flows, outbox: &Outbox) {
        self.report(flows.received.position, flows.sent.position, outbox);
    }

    /// Bytes that were reported: received, sent.
    pub fn reported(&self) -> (u64, u64) {
        (self.received, self.sent)
    }
}

/// How an attempt ended that did not succeed, by the phase it was in and the socket's error (asm-generic/errno.h).
pub(super) fn failure(before: Phase, error: u32) -> ConnectResult {
    match error {
        // Without a SYN nobody was asked: the routing refused it.
        0 if before == Phase::Called => ConnectResult::Unreachable,
        0 => ConnectResult::Canceled,
        101 | 113 => ConnectResult::Unreachable,
        104 => ConnectResult::Reset,
        110 => ConnectResult::Timeout,
        111 => ConnectResult::Refused,
        _ => ConnectResult::Other,
    }
}
