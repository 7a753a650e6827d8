//! Calls: what a runtime is asked on its own sockets.
//!
//! | file | idea |
//! | --- | --- |
//! | `cri` | the CRI: pulls, sandboxes, containers, images |
//! | `engine` | the Docker Engine API |
//! | `containerd` | containerd's own services: Transfer, and the names under which images are kept |
//!
//! A call is an exchange like others; what counts here is what it is about.

mod containerd;
mod cri;
mod engine;

use wire::grpc::{Message, Status};
use wire::http::{Outcome, RequestHead, ResponseHead, Role, Trailers};
use wire::trouble::Trouble;

use super::Context;
use super::collection::Removing;
use super::event::{Pid, TargetId};
use super::fact::{CallStatus, Remover};
use super::pull::record::{PullId, PullStatus};
use super::seat::{Peer, Seat};
use super::start::Start;

/// A call in progress.
pub(super) struct Call {
    asked: Asked,
    what: What,
    request: Start,
    response: Start,
    /// The status code of the answer.
    code: Option<u16>,
    trailers: Trailers,
    /// The pull that it asks for, once that is known.
    pull: Option<PullId>,
    /// The collection that it is part of.
    removing: Option<Removing>,
}

/// Who was asked, when, by whom.
struct Asked {
    pid: Pid,
    target: TargetId,
    peer: Option<Peer>,
    began: u64,
    /// How long the client waits, in nanoseconds.
    timeout: Option<u64>,
    /// Whether it brought credentials for a registry along.
    registry_auth: Option<bool>,
}

/// What is asked for.
enum What {
    Cri(wire::cri::Call),
    /// A call whose name is older than the collector.
    Unnamed,
    Engine(engine::Request),
    Containerd(wire::containerd::Call),
}

/// How a call ended.
#[derive(Clone, Copy)]
struct End {
    status: CallStatus,
    trouble: Option<Trouble>,
    time: u64,
}

impl Call {
    /// The request is one that matters here.
    pub fn begin(
        role: Role,
        head: &RequestHead,
        time: u64,
        seat: &Seat,
        context: &mut Context,
    ) -> Option<Self> {
        let path = head.target.path();
        let what = match role {
            Role::Server if seat.local => wire::cri::Call::of_path(path)
                .map(What::Cri)
                .or_else(|| wire::containerd::Call::of_path(path).map(What::Containerd))
                .or_else(|| engine::Request::of(head).map(What::Engine)),
            // Without a socket it is a daemon's port, and the paths are no others' there.
            Role::Server if context.pulls.is_engine(seat.party.process) => {
                engine::Request::of(head).map(What::Engine)
            }
            Role::Client if seat.local => wire::containerd::Call::of_path(path).map(What::Containerd),
            Role::Server | Role::Client => None,
        }?;
        let mut call = Self::new(what, head.timeout, head.registry_auth, time, seat);
        if let (What::Containerd(_), Role::Client) = (&call.what, role) {
            // The one that is asked is watched as a rule, and tells of it.
            call.what = containerd::seen_by_client(&call, context)?;
        }
        if let What::Cri(method) = call.what {
            call.removing = cri::begun(method, &call.asked, context);
        }
        if let What::Engine(request) = &call.what {
            call.pull = request.begin(&call.asked, context);
        }
        Some(call)
    }

    /// A request on a local socket whose name is not known.
    pub fn unnamed(role: Role, time: u64, seat: &Seat) -> Option<Self> {
        (role == Role::Server && seat.local).then(|| Self::new(What::Unnamed, None, None, time, seat))
    }

    fn new(what: What, timeout: Option<u64>, registry_auth: Option<bool>, began: u64, seat: &Seat) -> Self {
        let asked = Asked {
            pid: seat.party.pid,
            target: seat.party.process,
            peer: seat.peer,
            began,
            timeout,
            registry_auth,
        };
        let (request, response) = (Start::default(), Start::default());
        Self {
            asked,
            what,
            request,
            response,
            code: None,
            trailers: Trailers::default(),
            pull: None,
            removing: None,
        }
    }

    /// Whether its end is waited for: a gauge rests on it.
    pub fn is_in_progress(&self) -> bool {
        self.pull.is_some()
    }

    /// Captured bytes of the request or the answer.
    pub fn content(&mut self, response: bool, bytes: &[u8], gap: bool, context: &mut Context) {
        if let (What::Engine(request), true) = (&mut self.what, response) {
            return request.progress(bytes, gap);
        }
        let start = if response { &mut self.response } else { &mut self.request };
        start.extend(bytes, gap);
        if self.pull.is_none() {
            self.pull = match &self.what {
                What::Cri(wire::cri::Call::PullImage) => {
                    cri::pull(&self.asked, &self.request, false, context)
                }
                What::Unnamed => cri::unnamed_pull(&self.asked, &self.request, &self.response, context),
                What::Containerd(wire::containerd::Call::Transfer) => {
                    containerd::transfer(&self.asked, &self.request, context)
                }
                What::Cri(_) | What::Engine(_) | What::Containerd(_) => None,
            };
        }
    }

    /// The head of the answer.
    pub fn answered(&mut self, head: &ResponseHead) {
        self.code = Some(head.code);
        self.trailers = head.trailers;
    }

    /// What stands behind the answer.
    pub fn trailers(&mut self, trailers: Trailers) {
        self.trailers = trailers;
    }

    /// It is over.
    pub fn ended(mut self, time: u64, outcome: Outcome, context: &mut Context) {
        match &mut self.what {
            What::Engine(request) => {
                request.ended(&self.asked, self.pull, (self.code, outcome), time, context);
            }
            What::Cri(call) => {
                let call = *call;
                if call == wire::cri::Call::PullImage && self.pull.is_none() {
                    // Nothing of the request could be read.
                    self.pull = cri::pull(&self.asked, &self.request, true, context);
                }
                let end = self.end(time, outcome);
                self.end_pull(end, outcome, context);
                cri::ended(call, &self.asked, (&self.request, &self.response), end, context);
            }
            What::Unnamed | What::Containerd(wire::containerd::Call::Transfer) => {
                let end = self.end(time, outcome);
                self.end_pull(end, outcome, context);
            }
            What::Containerd(call) => {
                let call = *call;
                if let CallStatus::Told(Status::Ok) = self.end(time, outcome).status {
                    containerd::stored(call, &self.asked, &self.request, context);
                }
            }
        }
    }

    /// Its end was not seen.
    pub fn lost(self, context: &mut Context) {
        if let Some(pull) = self.pull {
            context.pulls.call_ended(pull, PullStatus::Unknown, None, self.asked.began);
        }
    }

    /// How a call of gRPC has ended.
    fn end(&self, time: u64, outcome: Outcome) -> End {
        let status = match (self.trailers.status, outcome) {
            (Some(status), _) => CallStatus::Told(status),
            // On a connection that is older than the collector the status may be a reference to what was sent before. An
            // answer is sent only where all went well (grpc-go, server.go, `processUnaryRPC`).
            (None, Outcome::Complete) if self.has_answer() => CallStatus::Told(Status::Ok),
            (None, Outcome::Complete | Outcome::Unknown) => CallStatus::Unread,
            (None, Outcome::Cut) => CallStatus::Cut,
        };
        let trouble = match status {
            CallStatus::Told(status) => Trouble::of_status(status).or(self.trailers.trouble),
            CallStatus::Unread => None,
            CallStatus::Cut => Some(self.asked.given_up(time)),
        };
        End { status, trouble, time }
    }

    fn has_answer(&self) -> bool {
        Message::first(self.response.bytes()).is_some()
    }

    fn end_pull(&self, end: End, outcome: Outcome, context: &mut Context) {
        let Some(pull) = self.pull else { return };
        let status = match (end.status, outcome) {
            (CallStatus::Told(Status::Ok), _) => PullStatus::Ok,
            (_, Outcome::Unknown) => PullStatus::Unknown,
            // Without an answer something went wrong, whatever the status is.
            (CallStatus::Told(_) | CallStatus::Unread | CallStatus::Cut, _) => PullStatus::Error,
        };
        context.pulls.call_ended(pull, status, end.trouble, end.time);
    }
}

impl Asked {
    /// Who asks, as far as removals go.
    fn remover(&self) -> Remover {
        self.peer.map_or(Remover::Unknown, |peer| peer.remover)
    }

    /// Why a client no longer waits: its time was up, or it did not want to any more. The time is told in the request and
    /// begins a little before it is sent.
    fn given_up(&self, time: u64) -> Trouble {
        let waited = time.saturating_sub(self.began);
        match self.timeout {
            Some(timeout) if waited.saturating_add(timeout / 100 + 5_000_000) >= timeout => Trouble::Timeout,
            _ => Trouble::Canceled,
        }
    }
}
