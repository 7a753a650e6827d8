//! One connection: what its events mean.

mod passing;

use std::net::SocketAddr;
use std::sync::Arc;

use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::client::{self, Traffic};
use super::content::Content;
use super::dns::Lookups;
use super::event::{ConnId, Direction, Ends, Flows, Layer, Phase, Pid, TargetId, Tid};
use super::fact::{Client, ConnectResult, Fact, ProxyTrouble, Remover, Role, Visibility};
use super::handshake::Handshake;
use super::news::{At, Change, Data};
use super::outbox::{Guard, Open};
use super::rules::Connecting;
use super::seat::{Party, Peer, Seat};
use super::{Context, pull, reason};

/// A connection.
#[expect(clippy::struct_excessive_bools, reason = "each is something that was seen of it or not")]
pub(super) struct Connection {
    id: ConnId,
    /// Process that last did something with it, and that process's target.
    pid: Pid,
    process: TargetId,
    /// The thread that did it, as far as it was told.
    thread: Tid,
    /// `None` when its beginning was not seen.
    ends: Option<Ends>,
    /// Whether it is known from its first byte.
    whole: bool,
    phase: Phase,
    flows: Flows,
    /// Events lost up to now.
    lost: u32,
    /// The peer will send nothing more, or has broken the connection off.
    peer_gone: bool,
    role: Option<Role>,
    open: Option<Guard<Open>>,
    visible: bool,
    traffic: Traffic,
    /// What recipes count of an attempt to connect.
    counted: Connecting,
    /// Held until what passes can be read.
    dark: Option<Arc<()>>,
    content: Content,
    handshake: Handshake,
    /// A `ClientHello` has passed.
    greeted: bool,
    /// When it counts as opaque if nothing inside its TLS has been told by then.
    opaque_at: Option<u64>,
    lookups: Lookups,
    /// Registry of the server's name in the `ClientHello`.
    sni: Option<RegistryLabel>,
    /// Registry of the name that DNS gave for the peer's address.
    named: Option<RegistryLabel>,
}

impl Connection {
    /// A connection of which only the bytes are known.
    pub fn joined(id: ConnId, pid: Pid, process: TargetId) -> Self {
        Self {
            id,
            pid,
            process,
            thread: 0,
            ends: None,
            whole: false,
            phase: Phase::Open,
            flows: Flows::default(),
            lost: 0,
            peer_gone: false,
            role: None,
            open: None,
            visible: false,
            traffic: Traffic::default(),
            counted: Connecting::default(),
            dark: None,
            content: Content::default(),
            handshake: Handshake::default(),
            greeted: false,
            opaque_at: None,
            lookups: Lookups::default(),
            sni: None,
            named: None,
        }
    }

    /// A connection that is seen for the first time.
    pub fn opened(
        id: ConnId,
        (pid, process): (Pid, TargetId),
        ends: Ends,
        phase: Phase,
        time: u64,
        context: &mut Context,
    ) -> Self {
        let mut connection = Self { phase, ..Self::joined(id, pid, process) };
        match &ends {
            Ends::Tcp { remote, .. } => {
                connection.named = context.processes.named(pid, remote.ip());
                if matches!(phase, Phase::Called | Phase::Connecting) {
                    connection.whole = true;
                    connection.attempt(*remote, time, context);
                }
            }
            Ends::Unix { serves: true, .. } => connection.take_side(Role::Server, time, context),
            Ends::Unix { path, .. } if !path.is_empty() => connection.take_side(Role::Client, time, context),
            Ends::Unix { .. } | Ends::Dns { .. } => {}
        }
        connection.ends = Some(ends);
        connection
    }

    pub fn changed(&mut self, change: Change, flows: Flows, time: u64, context: &mut Context) {
        let Change { before, after, error } = change;
        self.flows = flows;
        self.phase = after;
        match after {
            Phase::Called | Phase::Connecting => {
                if let Some(peer) = self.peer() {
                    self.attempt(peer, time, context);
                }
            }
            Phase::Open => {
                self.counted.ended(true, time);
                self.traffic.established(self.process, time);
                if matches!(before, Phase::Called | Phase::Connecting) {
                    self.take_side(Role::Client, time, context);
                }
            }
            Phase::Ended => {
                self.dark = None;
                self.peer_gone |= error != 0;
                self.connect_ended(before, error, time, context);
                self.open = None;
            }
        }
        self.report(context);
    }

    /// The process let go of it; `end`: the peer had ended its direction.
    pub fn closed(mut self, before: Phase, (error, end): (u32, bool), at: At, context: &mut Context) {
        let time = at.time;
        self.flows = at.flows;
        self.peer_gone |= end || error != 0;
        let seat = self.seat(self.greeted);
        let seen = self.content.closed(at, &seat, context);
        context.rules.connection_ended(self.pid, self.id, time);
        self.seen(seen, if self.greeted { Layer::Decrypted } else { Layer::Socket }, time, context);
        self.connect_ended(before, error, time, context);
        self.lookups.closed(time, (self.pid, self.process), context);
        self.handshake_failed(time, context);
        self.settle(context);
    }

    /// It is gone, or forgotten, without its end having been seen.
    pub fn lost(mut self, context: &mut Context) {
        self.content.gone(context);
        if self.traffic.attempt_lost() {
            context.outbox.unattributed(reason::CONNECT_END_UNKNOWN);
        }
        self.lookups.lost(context);
        self.settle(context);
    }

    /// When something is to be given up.
    pub fn deadline(&self) -> Option<u64> {
        [self.traffic.deadline(), self.lookups.deadline(), self.opaque_at].into_iter().flatten().min()
    }

    /// Gives up what has waited long enough.
    pub fn expire(&mut self, now: u64, context: &mut Context) {
        self.lookups.expire(now, (self.pid, self.process), context);
        if self.traffic.deadline().is_some_and(|deadline| deadline <= now) {
            self.traffic.label(self.shown_client(), &context.outbox);
            self.report(context);
        }
        if self.opaque_at.is_some_and(|deadline| deadline <= now) {
            self.opaque_at = None;
            if !context.processes.is_instrumented(self.pid) {
                self.show(Visibility::TlsOpaque, context);
            }
        }
    }

    /// Whether something goes on whose end may not be told.
    pub fn in_progress(&self) -> bool {
        self.content.in_progress() || self.traffic.connecting() || self.lookups.pending()
    }

    /// It begins to connect, or goes on with that.
    fn attempt(&mut self, peer: SocketAddr, time: u64, context: &mut Context) {
        self.traffic.attempt(time);
        if !self.counted.is_counted() {
            let actor = self.seat(false).actor();
            self.counted = context.rules.connecting(&actor, peer, time);
        }
    }

    /// An attempt to connect that goes on is over now, with the phase that the kernel had it in.
    fn connect_ended(&mut self, before: Phase, error: u32, time: u64, context: &mut Context) {
        if !self.traffic.connecting() {
            return;
        }
        if matches!(before, Phase::Called | Phase::Connecting) {
            let client = self.unconnected_client(context);
            let result = client::failure(before, error);
            self.counted.ended(false, time);
            if let Some(began) = self.traffic.attempt_began() {
                context.upstreams.trouble(self.pid, (began, time), None, proxy_trouble(result));
            }
            if let Some(trouble) = pull::of_connect(result) {
                context.pulls.unreached(self.pid, &client, trouble, time);
            }
            self.traffic.failed(result, time, client, &context.outbox);
        } else if self.traffic.attempt_lost() {
            // It had gone on to another phase, but that was not told.
            context.outbox.unattributed(reason::CONNECT_END_UNKNOWN);
        }
    }

    /// The connection is over: if it was to be TLS and nothing was ever asked inside it, the handshake failed, or what it
    /// showed was not liked.
    fn handshake_failed(&self, time: u64, context: &mut Context) {
        let unused = !self.visible && context.processes.is_instrumented(self.pid);
        if self.greeted && self.is_tcp_client() && (unused || self.handshake.is_unanswered()) {
            let client = self.shown_client();
            context.pulls.can_see(self.pid, &client.registry);
            context.pulls.unreached(self.pid, &client, Trouble::Tls, time);
        }
    }

    /// It is known which registry the connection is for.
    fn evidence(&mut self, client: Client, context: &mut Context) {
        if let Some(peer) = self.peer() {
            context.processes.learn_peer(self.pid, client.process, peer, &client.registry);
            self.traffic.label(client, &context.outbox);
        }
    }

    /// The process's side is known: the connection counts as open, for as long as the kernel has it open.
    fn take_side(&mut self, role: Role, time: u64, context: &mut Context) {
        let role = *self.role.get_or_insert(role);
        if self.open.is_none() && self.phase != Phase::Ended {
            self.open = Some(Guard::begin(&context.outbox, Open { process: self.process, role }));
        }
        if self.is_tcp_client() {
            self.traffic.await_evidence(time);
            if !self.visible && self.dark.is_none() && self.phase != Phase::Ended {
                self.dark = context.upstreams.dark(self.pid);
            }
        }
    }

    fn show(&mut self, visibility: Visibility, context: &mut Context) {
        self.opaque_at = None;
        if visibility == Visibility::TlsDecoded {
            context.pulls.can_see(self.pid, &self.shown());
        }
        if matches!(visibility, Visibility::Plaintext | Visibility::TlsDecoded) {
            self.dark = None;
        }
        if !std::mem::replace(&mut self.visible, true) {
            context.outbox.push(Fact::Visible { process: self.process, visibility });
        }
    }

    /// Reports all that can still be said when nothing more comes.
    fn settle(&mut self, context: &mut Context) {
        let moved = self.flows.received.position > 0 || self.flows.sent.position > 0;
        if moved && !matches!(self.ends, Some(Ends::Dns { .. })) {
            self.show(if self.greeted { Visibility::TlsOpaque } else { Visibility::Other }, context);
        }
        if self.is_tcp_client() {
            if !self.traffic.labelled() {
                self.traffic.label(self.shown_client(), &context.outbox);
            }
            self.report(context);
        } else if moved && self.role.is_none() && self.peer().is_some() {
            context.outbox.unattributed(reason::ROLE_UNKNOWN);
        }
    }

    fn report(&mut self, context: &Context) {
        if self.is_tcp_client() {
            self.traffic.report_all(self.flows, &context.outbox);
        }
    }

    /// What came the other way belongs to what went on before.
    fn report_opposite(&mut self, direction: Direction, context: &Context) {
        if self.is_tcp_client() {
            let (mut received, mut sent) = self.traffic.reported();
            match direction {
                Direction::Received => sent = self.flows.sent.position,
                Direction::Sent => received = self.flows.received.position,
            }
            self.traffic.report(received, sent, &context.outbox);
        }
    }

    fn is_tcp_client(&self) -> bool {
        self.role == Some(Role::Client) && self.peer().is_some()
    }

    fn peer(&self) -> Option<SocketAddr> {
        match &self.ends {
            Some(Ends::Tcp { remote, .. }) => Some(*remote),
            _ => None,
        }
    }

    /// The registry that the connection itself shows.
    fn shown(&self) -> RegistryLabel {
        let address = if self.peer().is_some() { RegistryLabel::IpAddress } else { RegistryLabel::Unknown };
        self.sni.clone().or_else(|| self.named.clone()).unwrap_or(address)
    }

    fn shown_client(&self) -> Client {
        Client { process: self.process, registry: self.shown() }
    }

    /// Whom an attempt to connect that failed was meant for.
    fn unconnected_client(&self, context: &mut Context) -> Client {
        let met = self.peer().and_then(|peer| context.processes.met(self.pid, self.process, peer));
        let registry = self.named.clone().or(met).unwrap_or_else(|| self.shown());
        Client { process: self.process, registry }
    }

    /// `secure`: inside TLS.
    fn seat(&self, secure: bool) -> Seat {
        Seat {
            party: Party { pid: self.pid, process: self.process },
            thread: self.thread,
            conn: self.id,
            local: matches!(self.ends, Some(Ends::Unix { .. })),
            peer: self.ends.as_ref().and_then(peer),
            secure,
            peer_gone: self.peer_gone,
            shown: self.shown(),
        }
    }
}

/// What an attempt to connect that failed means for a request that waits for it. Who gives it up has waited long enough.
fn proxy_trouble(result: ConnectResult) -> ProxyTrouble {
    match result {
        ConnectResult::Refused => ProxyTrouble::ConnectionRefused,
        ConnectResult::Timeout | ConnectResult::Canceled => ProxyTrouble::Timeout,
        _ => ProxyTrouble::Other,
    }
}

/// The process at the other end of a local socket.
fn peer(ends: &Ends) -> Option<Peer> {
    let Ends::Unix { peer: Some(pid), peer_name, .. } = ends else { return None };
    Some(Peer { pid: *pid, remover: peer_name.as_deref().map_or(Remover::Unknown, Remover::of) })
}
