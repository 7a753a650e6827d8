//! Which pull a request to a registry is for, and what the answer tells of it.

use wire::http::{Credentials, Method};
use wire::manifest::Document;
use wire::oci::{self, Kind};
use wire::trouble::Trouble;

use super::Pulls;
use super::one::{Pull, Subject};
use super::puller::Puller;
use super::record::{PullId, Source, Step};
use super::troubles::{Troubles, With};
use crate::model::event::{Pid, Purpose};
use crate::model::fact::Client;

/// A request of a watched process to a registry.
pub(in crate::model) struct Asked<'a> {
    pub pid: Pid,
    pub client: &'a Client,
    pub kind: Kind,
    pub method: Method,
    /// The host that was asked, or that a mirror stands in for.
    pub host: Option<&'a str>,
    /// Also the one that a token is asked for.
    pub repository: Option<&'a str>,
    /// Tag or digest.
    pub reference: Option<&'a str>,
    /// By which a token request or a manifest is known again.
    pub repository_hash: Option<u64>,
    pub subject: Option<u64>,
    pub credentials: Credentials,
    /// The request that was redirected here.
    pub redirected: Option<Link>,
    pub time: u64,
}

/// The place of a request in a pull.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Link {
    pull: PullId,
    phase: Option<u32>,
    step: Step,
    subject: Option<u64>,
}

/// The head of an answer.
pub(in crate::model) struct Answered {
    pub code: u16,
    pub digest: Option<String>,
    pub time: u64,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Ended {
    /// With all that was asked for.
    Well,
    /// With nothing of use, for this reason.
    Badly(Trouble),
    /// It goes on in another: it was redirected, or credentials are demanded.
    Elsewhere,
    /// It is redirected to where nothing can be read.
    OutOfSight,
    /// That was not seen.
    Unknown,
}

impl Pulls {
    /// A request begins. Gives its place, if it is part of a pull.
    pub fn asked(&mut self, asked: &Asked<'_>) -> Option<Link> {
        if let Some(link) = asked.redirected {
            // A pull that is over takes no more, also not by this way.
            let pull = self.table.get_mut(&link.pull).filter(|pull| pull.closing.is_none())?;
            pull.asked_again(link.phase, asked.time);
            self.rest(link.pull, None);
            return Some(link);
        }
        let step = match (asked.kind, asked.method) {
            (Kind::Blob, Method::Head) => return None,
            (Kind::Token, Method::Get | Method::Post) => Step::Token,
            (kind, Method::Get | Method::Head) => Step::of(kind, asked.method == Method::Head)?,
            _ => return None,
        };
        let id = self.find(step, asked).or_else(|| self.begin(step, asked))?;
        self.learn_credentials(id, step, asked);
        let outbox = self.outbox.clone();
        let pull = self.table.get_mut(&id)?;
        let mut news = pull.is_fresh();
        if matches!(step, Step::Resolve | Step::Manifest) && asked.repository.is_some() {
            if pull.subject.repository.is_none() {
                pull.subject = Subject::asked(asked);
            } else if pull.source == Source::Client
                && !pull.resolved
                && pull.subject.repository.as_deref() != asked.repository
            {
                // The mirror does not have it: what is asked for now counts.
                pull.subject = Subject::asked(asked);
                pull.troubles = Troubles::default();
                pull.image = None;
            }
            if !pull.is_by_api() {
                pull.belongs_to(asked.client.clone(), &outbox);
                if pull.image.is_none() {
                    pull.image = image(asked);
                    news |= pull.image.is_some();
                }
            }
        }
        let phase = pull.asked(step, asked.reference.map(str::to_owned), asked.time);
        if step == Step::Blob && pull.source == Source::Traffic && pull.resolved {
            pull.count(&outbox);
        }
        if news && pull.counts() {
            self.tell(id);
        }
        self.rest(id, None);
        Some(Link { pull: id, phase, step, subject: asked.subject })
    }

    /// The head of the answer has come.
    pub fn answered(&mut self, link: Link, answered: Answered) {
        self.change(link.pull, |pull| {
            if let Some(phase) = pull.phase(link.phase) {
                phase.code = Some(answered.code);
                phase.first_byte.get_or_insert(answered.time);
            }
            let good = matches!(answered.code, 200..=299 | 304);
            if good && matches!(link.step, Step::Resolve | Step::Manifest) {
                pull.resolved |= link.subject.is_some();
                if let Some(digest) = answered.digest {
                    pull.has_digest(digest);
                }
            }
        });
    }

    /// Bytes of the answer's body have come.
    pub fn received(&mut self, link: Link, bytes: u64) {
        let outbox = self.outbox.clone();
        self.change(link.pull, |pull| {
            pull.crossed |= link.step == Step::Blob;
            pull.received(link.phase, bytes, &outbox);
        });
    }

    /// A manifest or index was read.
    pub fn document(&mut self, link: Link, document: Document) {
        self.change(link.pull, |pull| pull.has_document(document));
    }

    /// The request has come to its end.
    pub fn ended(&mut self, link: Link, ended: Ended, time: u64) {
        let Some(pull) = self.table.get_mut(&link.pull) else { return };
        pull.in_flight = pull.in_flight.saturating_sub(1);
        pull.last = pull.last.max(time);
        let mut reference = None;
        if let Some(phase) = pull.phase(link.phase) {
            if ended != Ended::Elsewhere || phase.code.is_none_or(|code| code >= 400) {
                phase.ended = Some(time);
            }
            reference.clone_from(&phase.reference);
        }
        match ended {
            Ended::Well | Ended::OutOfSight => {
                if matches!(link.step, Step::Manifest | Step::Blob) || link.subject.is_some() {
                    pull.troubles.made_good(link.subject);
                }
                if link.step == Step::Blob {
                    pull.has_blob(reference.as_deref());
                }
            }
            // Most images have nothing attached.
            Ended::Badly(_) if is_attachment(reference.as_deref()) => {}
            Ended::Badly(trouble) => {
                let with = match (link.step, link.subject) {
                    (Step::Token, _) => With::Token,
                    (_, Some(subject)) => With::Subject(subject),
                    (_, None) => With::Connection,
                };
                pull.has_trouble(with, trouble);
            }
            Ended::Elsewhere | Ended::Unknown => {}
        }
        self.settle(link.pull, time);
    }

    /// The pull that a request is for, of those that its process has going on.
    fn find(&self, step: Step, asked: &Asked<'_>) -> Option<PullId> {
        let puller = self.pullers.get(&asked.pid)?;
        let pulls = || puller.pulls.iter().filter_map(|id| self.table.get(id));
        let found = match step {
            Step::Blob => {
                let digest = asked.reference.unwrap_or_default();
                let same = |pull: &&Pull| pull.subject.repository.as_deref() == asked.repository;
                pulls()
                    .find(|pull| same(pull) && pull.wants(digest))
                    .or_else(|| pulls().find(|pull| pull.wants(digest)))
                    .or_else(|| pulls().rev().find(|pull| same(pull) && pull.names(digest)))
                    .or_else(|| pulls().rev().find(|pull| same(pull) && !pull.has_manifest()))
                    .or_else(|| pulls().rev().find(same))
                    .or_else(|| pulls().rev().find(|pull| is_within(pull, asked)))
                    .or_else(|| pulls().next_back().filter(|_| puller.is_client()))
            }
            // What is attached to an image is no image.
            Step::Manifest | Step::Resolve if is_attachment(asked.reference) => {
                let same = |pull: &&Pull| pull.subject.repository.as_deref() == asked.repository;
                pulls().rev().find(same)
            }
            Step::Manifest | Step::Resolve if asked.repository.is_some() => {
                let reference = asked.reference.unwrap_or_default();
                let matching: Vec<&Pull> = pulls().filter(|pull| is_for(pull, asked)).collect();
                // Of several pulls of one image the one that has asked for nothing yet, else the last.
                let exact = |pull: &&&Pull| pull.subject.reference.as_deref() == Some(reference);
                let waiting = matching.iter().filter(exact).find(|pull| !pull.resolved);
                waiting.or_else(|| matching.iter().rev().find(exact)).or(matching.last()).copied()
            }
            Step::Token => {
                let same = |pull: &&Pull| {
                    asked.repository.is_some() && pull.subject.repository.as_deref() == asked.repository
                };
                pulls().rev().find(same).or_else(|| pulls().next_back())
            }
            // The version check is for whoever has asked for nothing yet.
            Step::Manifest | Step::Resolve => {
                let same = |pull: &&Pull| pull.client.registry == asked.client.registry;
                let fresh = pulls().find(|pull| same(pull) && pull.is_fresh());
                fresh.or_else(|| pulls().rev().find(same)).or_else(|| pulls().next_back())
            }
        };
        found.map(|pull| pull.id)
    }

    /// Begins a pull that no API has asked for.
    fn begin(&mut self, step: Step, asked: &Asked<'_>) -> Option<PullId> {
        if is_attachment(asked.reference) {
            return None;
        }
        match self.pullers.get(&asked.pid).and_then(|puller| puller.purpose) {
            Some(Purpose::Other) => None,
            Some(Purpose::Pull | Purpose::Run | Purpose::Build) => {
                self.end_before(asked.pid, asked.time);
                self.begin_by_client(asked.pid, asked.client.clone(), asked.time)
            }
            Some(Purpose::Serve) | None => {
                // A manifest comes first; what is no more than a manifest does not count.
                let first = matches!(step, Step::Resolve | Step::Manifest) && asked.repository.is_some();
                first
                    .then(|| self.insert(Source::Traffic, asked.pid, asked.client.clone(), asked.time))??;
                let flavour = self.flavour(asked.client.process);
                let (isolation, trigger) = (flavour.isolation(), flavour.trigger().unwrap_or_default());
                let id = *self.pullers.get(&asked.pid)?.pulls.last()?;
                self.change(id, |pull| {
                    pull.isolation = isolation;
                    pull.trigger = trigger;
                });
                Some(id)
            }
        }
    }

    /// Begins a pull of a client program.
    pub(super) fn begin_by_client(&mut self, pid: Pid, client: Client, time: u64) -> Option<PullId> {
        let puller = self.pullers.get(&pid)?;
        // What was started to pull does so from its first moment; what runs something has looked for it before.
        let began = match puller.purpose {
            Some(Purpose::Pull) if !puller.has_pulled => puller.began.min(time),
            _ => time,
        };
        let flavour = self.flavour(client.process);
        let isolation = flavour.isolation();
        let trigger = flavour.trigger().unwrap_or_else(|| self.trigger_of(pid));
        let id = self.insert(Source::Client, pid, client, began)?;
        let outbox = self.outbox.clone();
        self.change(id, |pull| {
            pull.isolation = isolation;
            pull.trigger = trigger;
            pull.count(&outbox);
        });
        Some(id)
    }

    fn learn_credentials(&mut self, id: PullId, step: Step, asked: &Asked<'_>) {
        let Some(puller) = self.pullers.get_mut(&asked.pid) else { return };
        if step == Step::Token {
            let bare = asked.method == Method::Get && asked.credentials == Credentials::None;
            let known = bare || asked.credentials != Credentials::Unknown;
            if let (Some(repository), true) = (asked.repository_hash, known) {
                puller.tokens.insert(repository, !bare);
            }
            // Of several pulls it may be another's, if it does not say what for.
            let only = puller.pulls == [id];
            return self.change(id, |pull| {
                let named = asked.repository.is_some();
                if only || (named && pull.subject.repository.as_deref() == asked.repository) {
                    pull.credentials.by_token_request(known && !bare);
                }
            });
        }
        let token = token_of(puller, asked);
        self.change(id, |pull| pull.credentials.by_request(asked.credentials, token));
    }
}

impl Subject {
    fn asked(asked: &Asked<'_>) -> Self {
        Self {
            repository: asked.repository.map(str::to_owned),
            reference: asked.reference.map(str::to_owned),
        }
    }
}

/// Whether the token that came along was given for credentials.
fn token_of(puller: &mut Puller, asked: &Asked<'_>) -> Option<bool> {
    puller.tokens.get(&asked.repository_hash?).copied()
}

fn is_attachment(reference: Option<&str>) -> bool {
    reference.is_some_and(oci::is_attachment)
}

/// Whether a request for a manifest may be part of a pull.
fn is_for(pull: &Pull, asked: &Asked<'_>) -> bool {
    let reference = asked.reference.unwrap_or_default();
    if pull.subject.repository.is_none() {
        // It has begun with what tells no repository, or the call that asked for it could not be read.
        return true;
    }
    let same = pull.subject.repository.as_deref() == asked.repository;
    (same && pull.knows_manifest(reference)) || is_within(pull, asked)
}

/// Whether a mirror may be asked for what an API has asked for, or a client goes on from a mirror that has nothing: mirrors put
/// a name before the repository's.
fn is_within(pull: &Pull, asked: &Asked<'_>) -> bool {
    let (Some(known), Some(repository)) = (&pull.subject.repository, asked.repository) else { return false };
    let within = |whole: &str, part: &str| {
        whole == part || whole.strip_suffix(part).is_some_and(|before| before.ends_with('/'))
    };
    match pull.source {
        Source::Cri | Source::Engine | Source::Transfer => within(repository, known),
        Source::Client => {
            let same = !pull.resolved && pull.subject.reference.as_deref() == asked.reference;
            same && (within(known, repository) || within(repository, known))
        }
        Source::Traffic => false,
    }
}

/// The image as a reference, put together from a request.
fn image(asked: &Asked<'_>) -> Option<String> {
    let (host, repository) = (asked.host?, asked.repository?);
    // Docker Hub's registry is not called what its images are.
    let host = match host.strip_suffix(":443").unwrap_or(host) {
        "registry-1.docker.io" | "index.docker.io" => "docker.io",
        host => host,
    };
    Some(match asked.reference {
        Some(digest) if digest.contains(':') => format!("{host}/{repository}@{digest}"),
        Some(tag) => format!("{host}/{repository}:{tag}"),
        None => format!("{host}/{repository}"),
    })
}
