//! What a process that serves asks of others meanwhile: what it fetches, so that what it serves had been there or had not, and what
//! goes wrong there, so that the request which fails has a reason ([`failures`]).
//!
//! Which of its own requests a process makes for which of those that it serves is not told by the kernel. What is asked upstream
//! while a request is served may be for it.

mod failures;

use std::collections::HashSet;
use std::sync::Arc;

use wire::http::Outcome;
use wire::oci::Kind;

use failures::{Failed, Failures, Happened, PATIENCE};

use super::event::{Pid, TargetId};
use super::fact::{Cached, Fact, ProxyTrouble};
use super::outbox::Outbox;
use super::recent::Recent;

/// Digests and tags that one process is remembered to have fetched.
const MOST_FETCHES: usize = 1024;
/// A process that serves.
#[derive(Clone, Copy)]
pub(super) struct Server {
    pub pid: Pid,
    pub process: TargetId,
}

/// A request that is being served.
pub(super) struct Serving {
    began: u64,
    /// What was asked for, by the hash of the path.
    path: u64,
    /// What its process had received for nobody knows what when it began.
    received: u64,
    _token: Arc<()>,
}

/// How a served request ended.
pub(super) struct Served {
    pub code: Option<u16>,
    pub outcome: Outcome,
    /// Its client went away.
    pub client_gone: bool,
    pub time: u64,
}

struct Upstream {
    /// Held by each request that is being served.
    serving: Arc<()>,
    /// Held by each connection to others of whose content nothing can be read, or nothing has passed yet.
    dark: Arc<()>,
    /// By the hash of the digest, or of a tag's path.
    fetches: Recent<u64, Fetch>,
    /// Bytes of answers to requests that name neither.
    received: u64,
    failures: Failures,
}

/// Something was fetched.
struct Fetch {
    /// Held while it is.
    token: Arc<()>,
    /// When it was last seen to be.
    last: u64,
}

impl Upstream {
    fn new() -> Self {
        Self {
            serving: Arc::default(),
            dark: Arc::default(),
            fetches: Recent::new(MOST_FETCHES),
            received: 0,
            failures: Failures::default(),
        }
    }

    fn is_serving(&self) -> bool {
        Arc::strong_count(&self.serving) > 1
    }
}

/// The processes that serve or ask.
pub(super) struct Upstreams {
    table: Recent<Pid, Upstream>,
    vouched: HashSet<TargetId>,
    /// Failed requests wait in these; nothing is due before that time.
    waiting: Vec<Pid>,
    due: u64,
    outbox: Outbox,
}

impl Upstreams {
    /// `vouched`: targets all of whose fetches show by a path with a digest.
    pub fn new(limit: usize, vouched: HashSet<TargetId>, outbox: &Outbox) -> Self {
        let (table, waiting, outbox) = (Recent::new(limit), Vec::new(), outbox.clone());
        Self { table, vouched, waiting, due: u64::MAX, outbox }
    }

    fn of(&mut self, pid: Pid) -> Option<&mut Upstream> {
        if self.table.peek(&pid).is_none() {
            self.table.insert(pid, Upstream::new());
        }
        self.table.get(&pid)
    }

    /// A request begins to be served. To be kept until it has ended.
    pub fn serve(&mut self, pid: Pid, path: u64, began: u64) -> Option<Serving> {
        let upstream = self.of(pid)?;
        let (received, token) = (upstream.received, Arc::clone(&upstream.serving));
        Some(Serving { began, path, received, _token: token })
    }

    /// To be held by a connection to somebody else for as long as what passes on it can't be read.
    pub fn dark(&mut self, pid: Pid) -> Option<Arc<()>> {
        self.of(pid).map(|upstream| Arc::clone(&upstream.dark))
    }

    /// The process fetches what has this digest, or a tag by this path. To be held until that has ended.
    pub fn fetch(&mut self, pid: Pid, name: u64, now: u64) -> Option<Arc<()>> {
        let upstream = self.table.get(&pid)?;
        if upstream.fetches.peek(&name).is_none() {
            upstream.fetches.insert(name, Fetch { token: Arc::default(), last: now });
        }
        let fetch = upstream.fetches.get(&name)?;
        fetch.last = fetch.last.max(now);
        Some(Arc::clone(&fetch.token))
    }

    /// That has ended.
    pub fn fetched(&mut self, pid: Pid, name: u64, now: u64) {
        if let Some(fetch) = self.table.get(&pid).and_then(|upstream| upstream.fetches.get(&name)) {
            fetch.last = fetch.last.max(now);
        }
    }

    /// Bytes came in answer to a request that names neither a digest nor a tag.
    pub fn received(&mut self, pid: Pid, bytes: u64) {
        if let Some(upstream) = self.table.get(&pid) {
            upstream.received = upstream.received.saturating_add(bytes);
        }
    }

    /// A manifest or blob of so many bytes was served to its end.
    ///
    /// What is not fetched by its digest may be fetched by another name, but not in fewer bytes than were served, and not over
    /// connections that can all be read without that being seen.
    pub fn served_from(
        &mut self,
        by: Server,
        (serving, kind): (&Serving, Kind),
        digest: Option<u64>,
        bytes: Option<u64>,
    ) {
        let Some(upstream) = self.table.get(&by.pid) else { return };
        let fetched = digest.into_iter().chain([serving.path]).any(|name| {
            let fetch = upstream.fetches.peek(&name);
            fetch.is_some_and(|fetch| Arc::strong_count(&fetch.token) > 1 || fetch.last >= serving.began)
        });
        let hidden = Arc::strong_count(&upstream.dark) > 1;
        let received = upstream.received - serving.received;
        let vouched = self.vouched.contains(&by.process);
        let cached = match (digest, bytes) {
            _ if fetched => Cached::Miss,
            (Some(_), _) if vouched => Cached::Hit,
            (Some(_), Some(bytes)) if !hidden && received < bytes.max(1) => Cached::Hit,
            _ => Cached::Unknown,
        };
        self.outbox.push(Fact::ServedFrom { process: by.process, kind, cached });
    }

    /// A served request has ended.
    pub fn served(&mut self, by: Server, serving: &Serving, served: &Served) {
        let Served { code, outcome, client_gone, time: ended } = *served;
        // Who serves a client that has gone away gives up what it asks for it, and may say so to nobody with a 502. What has been
        // answered well may have been had in full.
        let failed =
            matches!(code, Some(500..)) || (outcome == Outcome::Cut && (code.is_none() || !client_gone));
        if !failed {
            return;
        }
        let Some(upstream) = self.table.get(&by.pid) else { return };
        let happened = Happened { began: serving.began, ended, path: Some(serving.path) };
        upstream.failures.failed(Failed { process: by.process, client_gone, code, happened }, &self.outbox);
        self.waiting.push(by.pid);
        self.due = self.due.min(ended.saturating_add(PATIENCE));
    }

    /// A request of the process failed, or an attempt to connect. `path`: what it asked for, by its hash.
    pub fn trouble(&mut self, pid: Pid, (began, ended): (u64, u64), path: Option<u64>, what: ProxyTrouble) {
        if let Some(upstream) = self.with_failures(pid) {
            upstream.failures.trouble(Happened { began, ended, path }, what);
        }
    }

    /// Somebody answered a request of the process with a code of 500 or more.
    pub fn answered(&mut self, pid: Pid, (began, ended): (u64, u64), path: u64, code: u16) {
        if let Some(upstream) = self.with_failures(pid) {
            upstream.failures.answered(Happened { began, ended, path: Some(path) }, code);
        }
    }

    /// A process with requests that have failed, or may yet.
    fn with_failures(&mut self, pid: Pid) -> Option<&mut Upstream> {
        let upstream = self.table.get(&pid)?;
        (upstream.is_serving() || upstream.failures.waits()).then_some(upstream)
    }

    pub fn process_ended(&mut self, pid: Pid) {
        if let Some(mut upstream) = self.table.remove(&pid) {
            upstream.failures.conclude(u64::MAX, &self.outbox);
        }
    }

    /// What has waited long enough for its reason gets it.
    pub fn expire(&mut self, now: u64) {
        if now < self.due {
            return;
        }
        self.due = u64::MAX;
        for pid in std::mem::take(&mut self.waiting) {
            let Some(upstream) = self.table.get(&pid) else { continue };
            if let Some(due) = upstream.failures.conclude(now, &self.outbox) {
                self.due = self.due.min(due);
                self.waiting.push(pid);
            }
        }
    }
}
