//! Exchanges: one request and its answer on one connection, from the decoder's facts to the model's.

use std::sync::Arc;

use wire::http::{ContentRange, Framing, Method, Outcome, RequestHead, ResponseHead};
use wire::manifest::Document;
use wire::oci::{self, Kind};
use wire::trouble::Trouble;

use super::Context;
use super::attribution::{self, Place};
use super::download::{Asked, DownloadId, Got};
use super::event::Pid;
use super::fact::{Client, Fact, ProxyTrouble, Status};
use super::outbox::{Answering, Asking, Guard, Known};
use super::process::Redirect;
use super::pull::{self, Answered, Link};
use super::seat::{Party, Seat};
use super::start::Start;
use super::upstream::{Served, Server, Serving};

/// An exchange in progress.
pub(super) struct Exchange {
    pid: Pid,
    began: u64,
    /// What is asked for, by the hash of its path.
    path: u64,
    answer: Option<Answer>,
    /// Bytes of the answer's body up to now; `None` once it is not known how many they are.
    body: Option<u64>,
    side: Side,
}

struct Answer {
    code: u16,
    time: u64,
    framing: Framing,
    part: Option<ContentRange>,
}

enum Side {
    Client {
        asking: Guard<Asking>,
        subject: Option<u64>,
        /// The download that this is a part of, until it goes on elsewhere.
        download: Option<DownloadId>,
        /// What a redirect is relative to.
        place: Option<Place>,
        /// Its place in a pull, until it goes on elsewhere.
        link: Option<Link>,
        /// The start of a manifest.
        manifest: Option<Box<Start>>,
        /// The digest that it names, or the path of a tag, by its hash, and what is held while that is fetched.
        fetch: Option<(u64, Option<Arc<()>>)>,
    },
    Server {
        answering: Guard<Answering>,
        serving: Option<Serving>,
        /// The digest of what is served, by its hash.
        digest: Option<u64>,
    },
}

impl Exchange {
    /// The process asks.
    pub fn ask(head: RequestHead, time: u64, seat: &Seat, context: &mut Context) -> Self {
        let asked = attribution::of_request(&head, seat, time, context);
        let (kind, method, pid) = (asked.kind, head.method, seat.party.pid);
        let client = Client { process: seat.party.process, registry: asked.registry };
        let known = Known::default();
        let asking = Guard::begin(&context.outbox, Asking { client: client.clone(), kind, method, known });
        let download = match asked.subject {
            Some(subject) if attribution::is_download(method, kind) => {
                let redirected = asked.redirected;
                context.downloads.begin(Asked { pid, subject, client, kind, redirected, time })
            }
            _ => None,
        };
        let scope = (kind == Kind::Token).then(|| oci::scope(head.target.query())).flatten();
        let repository = scope.as_deref().or(asked.request.repository);
        let link = context.pulls.asked(&pull::Asked {
            pid,
            client: &asking.of.client,
            kind,
            method,
            host: asked.request.mirror_of.as_deref().or(head.host.as_deref()),
            repository,
            reference: asked.request.reference.as_ref().map(oci::Reference::as_str),
            repository_hash: repository.map(|repository| context.hashes.id(repository)),
            subject: asked.subject,
            credentials: head.credentials,
            redirected: asked.link,
            time,
        });
        let subject = asked.subject;
        let path = context.hashes.id(head.target.path());
        let digest = oci::digest_in(head.target.path()).map(|digest| context.hashes.id(digest));
        // A tag has no other name.
        let fetched = digest.or_else(|| (kind == Kind::Manifest).then_some(path));
        let fetched = fetched.filter(|_| method == Method::Get);
        let fetch = fetched.map(|fetched| (fetched, context.upstreams.fetch(pid, fetched, time)));
        let place = Place::of(head, seat.secure);
        let side = Side::Client { asking, subject, download, place, link, manifest: None, fetch };
        Self { pid, began: time, path, answer: None, body: Some(0), side }
    }

    /// The process is asked.
    pub fn serve(head: &RequestHead, time: u64, party: &Party, context: &mut Context) -> Self {
        let kind = attribution::of_served(head);
        let answering =
            Answering { process: party.process, kind, method: head.method, known: Known::default() };
        let answering = Guard::begin(&context.outbox, answering);
        let path = context.hashes.id(head.target.path());
        let serving = context.upstreams.serve(party.pid, path, time);
        let digest = oci::digest_in(head.target.path()).map(|digest| context.hashes.id(digest));
        let side = Side::Server { answering, serving, digest };
        Self { pid: party.pid, began: time, path, answer: None, body: Some(0), side }
    }

    /// How the request was made.
    pub fn method(&self) -> Method {
        match &self.side {
            Side::Client { asking, .. } => asking.of.method,
            Side::Server { answering, .. } => answering.of.method,
        }
    }

    /// Where the body of the answer ends, once its head has passed.
    pub fn framing(&self) -> Option<Framing> {
        self.answer.as_ref().map(|answer| answer.framing)
    }

    /// The labels of the client; `None` where the process serves.
    pub fn client(&self) -> Option<&Client> {
        match &self.side {
            Side::Client { asking, .. } => Some(&asking.of.client),
            Side::Server { .. } => None,
        }
    }

    /// The time, but not before that of the answer's head.
    pub fn not_before(&self, time: u64) -> u64 {
        self.answer.as_ref().map_or(time, |answer| time.max(answer.time))
    }

    /// The final response's head has passed.
    pub fn answered(&mut self, head: &ResponseHead, time: u64, context: &mut Context) {
        let first_byte = Some(time.saturating_sub(self.began));
        let known = Known { code: Some(head.code), first_byte, duration: None };
        self.answer = Some(Answer { code: head.code, time, framing: head.framing, part: part_of(head) });
        match &mut self.side {
            Side::Server { answering, digest, .. } => {
                answering.of.known = known;
                let told = head.digest.as_deref().and_then(oci::digest_in);
                *digest = digest.or_else(|| told.map(|digest| context.hashes.id(digest)));
            }
            Side::Client { asking, link, manifest, .. } => {
                asking.of.known = known;
                if head.code >= 500 {
                    context.upstreams.answered(self.pid, (self.began, time), self.path, head.code);
                }
                if let Some(link) = *link {
                    let answered = Answered { code: head.code, digest: head.digest.clone(), time };
                    context.pulls.answered(link, answered);
                    let reads = asking.of.kind == Kind::Manifest && asking.of.method == Method::Get;
                    *manifest = (reads && head.code == 200).then(Box::default);
                }
            }
        }
        self.learn(head, time, context);
        self.hand_over(head, time, context);
    }

    /// What the answer tells about requests to come.
    fn learn(&self, head: &ResponseHead, now: u64, context: &mut Context) {
        let Side::Client { asking, subject, place, link, .. } = &self.side else { return };
        let Client { registry, .. } = &asking.of.client;
        let Some(memory) = context.processes.memory(self.pid) else { return };
        if let Some(realm) = &head.realm {
            memory.learn_realm(context.hashes.realm(realm.host(), realm.path()), registry.clone());
        }
        if let (true, Some(location), Some(place)) = (redirects(head.code), &head.location, place) {
            let redirect =
                Redirect { registry: registry.clone(), kind: asking.of.kind, subject: *subject, link: *link };
            memory.learn_redirect(place.follow(location, context.hashes), redirect, now);
        }
    }

    /// A download goes on in another exchange after a redirect or a challenge.
    fn hand_over(&mut self, head: &ResponseHead, now: u64, context: &mut Context) {
        let Side::Client { download, place, link, .. } = &mut self.side else { return };
        let mut hidden = false;
        if let (true, true, Some(location)) = (redirects(head.code), place.is_some(), &head.location) {
            // Where TLS can be read, the request that follows will be seen.
            hidden = location.is_https() == Some(true) && !context.processes.is_instrumented(self.pid);
            if let Some(link) = link.take() {
                let ended = if hidden { pull::Ended::OutOfSight } else { pull::Ended::Elsewhere };
                context.pulls.ended(link, ended, now);
            }
        }
        let Some(id) = *download else { return };
        match head.code {
            code if redirects(code) && place.is_some() && head.location.is_some() => {
                context.downloads.redirected(id, hidden, now);
                *download = None;
            }
            401 | 407 => {
                context.downloads.challenged(id, now);
                *download = None;
            }
            206 => {
                if let Some(part) = part_of(head) {
                    *download = Some(context.downloads.part(id, part));
                }
            }
            _ => {}
        }
    }

    /// Bytes of the answer's body have passed.
    pub fn body(&mut self, bytes: u64, context: &mut Context) {
        if bytes == 0 {
            return;
        }
        self.body = self.body.map(|body| body.saturating_add(bytes));
        if let Side::Client { link: Some(link), .. } = &self.side {
            context.pulls.received(*link, bytes);
        }
        if let Side::Client { fetch: None, .. } = &self.side {
            context.upstreams.received(self.pid, bytes);
        }
        context.outbox.push(match &self.side {
            Side::Client { asking, .. } => {
                Fact::ResponseBytes { client: asking.of.client.clone(), kind: asking.of.kind, bytes }
            }
            Side::Server { answering, .. } => {
                Fact::ServedBytes { process: answering.of.process, kind: answering.of.kind, bytes }
            }
        });
    }

    /// Captured bytes of the answer's body; `gap`: bytes before them were not captured.
    pub fn content(&mut self, bytes: &[u8], gap: bool) {
        if let Side::Client { manifest: Some(manifest), .. } = &mut self.side {
            manifest.extend(bytes, gap);
        }
    }

    /// How many bytes of the answer's body have passed is not known.
    pub fn body_unknown(&mut self, context: &Context) {
        self.body = None;
        context.outbox.unattributed(super::reason::BODY_INEXACT);
    }

    /// The exchange is over. `last` is the time of the last byte that passed in the answer's direction; `peer_gone`: the peer
    /// would send nothing more, or had broken the connection off.
    pub fn ended(
        mut self,
        time: u64,
        outcome: Outcome,
        (last, peer_gone): (u64, bool),
        context: &mut Context,
    ) {
        // A cut answer lasted until its last byte, not until somebody noticed.
        let last_byte = match (&self.answer, outcome) {
            (_, Outcome::Unknown) | (None, _) => None,
            (Some(_), Outcome::Complete) => Some(time),
            (Some(answer), Outcome::Cut) => Some(last.min(time).max(answer.time)),
        };
        let duration = last_byte.map(|end| end.saturating_sub(self.began));
        self.end_link(outcome, last_byte.unwrap_or(time), context);
        self.end_upstream(outcome, peer_gone, time, context);
        match &mut self.side {
            Side::Client { asking, download, .. } => {
                asking.of.known.duration = duration;
                if let Some(id) = download.take() {
                    let got = self.got(outcome, last_byte);
                    context.downloads.ended(id, got, time);
                }
            }
            Side::Server { answering, .. } => {
                answering.of.known.duration = duration;
                let (process, kind, method) = (answering.of.process, answering.of.kind, answering.of.method);
                if let Some(status) = self.served(kind, method, outcome) {
                    context.outbox.push(Fact::ServedDownload { process, kind, status });
                }
            }
        }
    }

    /// The end was not seen: what the exchange has come to is not known.
    pub fn lost(mut self, context: &mut Context) {
        context.outbox.unattributed(super::reason::EXCHANGE_END_UNKNOWN);
        self.end_link(Outcome::Unknown, self.began, context);
        if let Side::Client { download, .. } = &mut self.side
            && let Some(id) = download.take()
        {
            context.downloads.ended(id, Got::Unknown, self.began);
        }
    }

    /// What the end means for the pull.
    fn end_link(&mut self, outcome: Outcome, time: u64, context: &mut Context) {
        let code = self.answer.as_ref().map(|answer| answer.code);
        let Side::Client { link, manifest, .. } = &mut self.side else { return };
        let Some(link) = link.take() else { return };
        let ended = match (code, outcome) {
            (Some(code @ 400..), _) => pull::Ended::Badly(Trouble::of_code(code).unwrap_or(Trouble::Other)),
            (Some(200..=299 | 304), Outcome::Complete) => pull::Ended::Well,
            (_, Outcome::Cut) => pull::Ended::Badly(Trouble::Reset),
            _ => pull::Ended::Unknown,
        };
        if let (pull::Ended::Well, Some(manifest)) = (ended, manifest.take())
            && let Some(document) = Document::parse(manifest.bytes())
        {
            context.pulls.document(link, document);
        }
        context.pulls.ended(link, ended, time);
    }

    /// What the end means for requests that the process serves.
    fn end_upstream(&self, outcome: Outcome, peer_gone: bool, time: u64, context: &mut Context) {
        let code = self.answer.as_ref().map(|answer| answer.code);
        match &self.side {
            Side::Client { fetch, .. } => {
                if let Some((digest, _)) = fetch {
                    context.upstreams.fetched(self.pid, *digest, time);
                }
                if outcome == Outcome::Cut {
                    // Who closes the connection without having had an answer does not wait any longer.
                    let what = if peer_gone { ProxyTrouble::Other } else { ProxyTrouble::Timeout };
                    context.upstreams.trouble(self.pid, (self.began, time), Some(self.path), what);
                }
            }
            Side::Server { serving: None, .. } => {}
            Side::Server { answering, serving: Some(serving), digest } => {
                let Answering { process, kind, method, .. } = answering.of;
                let by = Server { pid: self.pid, process };
                let whole = self.served(kind, method, outcome) == Some(Status::Ok);
                if whole && matches!(code, Some(200 | 206)) {
                    context.upstreams.served_from(by, (serving, kind), *digest, self.body);
                }
                let served = Served { code, outcome, client_gone: peer_gone, time };
                context.upstreams.served(by, serving, &served);
            }
        }
    }

    /// What the end means for the download.
    fn got(&self, outcome: Outcome, last_byte: Option<u64>) -> Got {
        let Some(answer) = &self.answer else {
            return match outcome {
                Outcome::Unknown => Got::Unknown,
                _ => Got::Cut { part: None, total: None, bytes: Some(0), last_byte: self.began },
            };
        };
        match (answer.code, outcome) {
            // The client has what it asks about: that is a good end.
            (304, _) => Got::Everything,
            (200..=299, Outcome::Complete) => answer.part.map_or(Got::Everything, Got::Part),
            (200..=299, Outcome::Cut) => Got::Cut {
                part: answer.part,
                total: match answer.framing {
                    Framing::Length(total) if answer.code == 200 => Some(total),
                    _ => None,
                },
                bytes: self.body,
                last_byte: last_byte.unwrap_or(self.began),
            },
            (0..=299, _) => Got::Unknown,
            _ => Got::Refused,
        }
    }

    /// How a served GET of a manifest or blob ended; `None` where it was none, or sent the client elsewhere, or wanted
    /// credentials first.
    fn served(&self, kind: Kind, method: Method, outcome: Outcome) -> Option<Status> {
        if !attribution::is_download(method, kind) {
            return None;
        }
        let code = self.answer.as_ref().map(|answer| answer.code);
        match (code, outcome) {
            (Some(401 | 407), _) => None,
            (Some(code), _) if redirects(code) => None,
            (Some(200..=299 | 304), Outcome::Complete) => Some(Status::Ok),
            (Some(300..), _) | (_, Outcome::Cut) => Some(Status::Error),
            (_, Outcome::Complete | Outcome::Unknown) => None,
        }
    }
}

/// Codes that send the client to `Location` for what it asked for (RFC 9110 section 15.4).
fn redirects(code: u16) -> bool {
    matches!(code, 301 | 302 | 303 | 307 | 308)
}

fn part_of(head: &ResponseHead) -> Option<ContentRange> {
    head.content_range.filter(|_| head.code == 206)
}
