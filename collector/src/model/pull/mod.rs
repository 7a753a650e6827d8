//! Pulls: one image, once, whoever saw it.
//!
//! Who asks for a pull, in the order of trust: the CRI, the Docker Engine API, containerd's Transfer service (`Pulls::called`);
//! a client program that was started to pull ([`Purpose`]); else requests to a registry alone, a manifest and then blobs. The
//! requests to registries that a process makes are hung on its pulls by what they are about, so that a pull that several see
//! is one.
//!
//! | file | idea |
//! | --- | --- |
//! | `one` | one pull |
//! | `puller` | a process that pulls |
//! | `traffic` | which pull a request to a registry is for |
//! | `ends` | when a pull is over that no API asked for |
//! | `troubles`, `credentials` | what went wrong; whether credentials were presented |
//! | [`record`] | what the pull log shows |

mod credentials;
mod ends;
mod one;
mod puller;
pub mod record;
mod traffic;
mod troubles;

use std::collections::{BTreeSet, HashMap};

use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::event::{Pid, Purpose, TargetId};
use super::fact::{Client, Fact};
use super::outbox::Outbox;
use super::reason;
use one::{Pull, Subject};
use puller::Puller;
use record::{Isolation, PullEnd, PullId, PullStatus, Source, Trigger};

pub(super) use ends::{of_connect, of_lookup};
pub(super) use traffic::{Answered, Asked, Ended, Link};

/// Longest image reference that is kept: a name of 255 characters, a tag of 128 and a digest have room.
const LONGEST_IMAGE: usize = 1024;
/// How long the end of a pull waits for the ends of its requests, in nanoseconds: the kernel is asked in between.
const LINGER: u64 = 2_000_000_000;

/// The log is told of what has changed this often, in nanoseconds.
const TELL_EVERY: u64 = 200_000_000;

/// What the pulls of a target's own processes are for, where nothing else says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// podman, which also runs what it pulls.
    Podman,
    /// Docker Engine.
    Docker,
    /// A runtime below the CRI: the handler is the CRI's to tell.
    Cri,
    /// Whoever takes OCI images.
    Oci,
    /// A recipe says more of it.
    Told(Box<Told>),
}

/// What a recipe says of the pulls of its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What they are without it.
    pub of: Flavour,
    /// What runs the images.
    pub isolation: Option<Isolation>,
    /// Why they are pulled.
    pub trigger: Option<Trigger>,
}

impl Flavour {
    fn isolation(&self) -> Isolation {
        let name = match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
            Self::Cri => "unknown",
            Self::Oci => "oci",
            Self::Told(told) => return told.isolation.clone().unwrap_or_else(|| told.of.isolation()),
        };
        Isolation(name.into())
    }

    fn trigger(&self) -> Option<Trigger> {
        match self {
            Self::Told(told) => told.trigger,
            Self::Podman | Self::Docker | Self::Cri | Self::Oci => None,
        }
    }

    fn is_engine(&self) -> bool {
        match self {
            Self::Docker | Self::Podman => true,
            Self::Cri | Self::Oci => false,
            Self::Told(told) => told.of.is_engine(),
        }
    }
}

/// A pull that an API asks for.
pub(super) struct Called {
    pub pid: Pid,
    pub target: TargetId,
    pub source: Source,
    pub image: Option<String>,
    pub isolation: Option<Isolation>,
    pub trigger: Trigger,
    /// Whether the call brings credentials along; `None` where it can't be known.
    pub credentials: Option<bool>,
    pub time: u64,
}

/// The table of pulls.
pub(super) struct Pulls {
    table: HashMap<PullId, Pull>,
    pullers: HashMap<Pid, Puller>,
    /// Pulls that are over when nothing more has come by then.
    deadlines: BTreeSet<(u64, PullId)>,
    /// By target.
    flavours: Vec<Flavour>,
    next: u64,
    limit: usize,
    told: u64,
    outbox: Outbox,
}

impl Pulls {
    pub fn new(limit: usize, flavours: Vec<Flavour>, outbox: &Outbox) -> Self {
        Self {
            table: HashMap::new(),
            pullers: HashMap::new(),
            deadlines: BTreeSet::new(),
            flavours,
            next: 1,
            limit,
            told: 0,
            outbox: outbox.clone(),
        }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Processes that are known here.
    #[cfg(test)]
    pub fn pullers(&self) -> usize {
        self.pullers.len()
    }

    /// Pulls that are over some time.
    #[cfg(test)]
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// A process is there; `time` is when it became what it is.
    pub fn process_began(&mut self, pid: Pid, time: u64) {
        self.pullers.entry(pid).or_insert_with(|| Puller::new(time)).known = true;
    }

    /// A process was forked by another.
    pub fn process_forked(&mut self, pid: Pid, parent: Pid) {
        if let Some(puller) = self.pullers.get_mut(&pid) {
            puller.parent = Some(parent);
        }
    }

    /// What a client program was started for.
    pub fn purpose(&mut self, pid: Pid, purpose: Purpose) {
        if let Some(puller) = self.pullers.get_mut(&pid) {
            puller.purpose = Some(purpose);
        }
    }

    /// Why a client program would pull, as far as its command line says.
    pub fn trigger_of(&self, pid: Pid) -> Trigger {
        match self.pullers.get(&pid).and_then(|puller| puller.purpose) {
            Some(Purpose::Pull) => Trigger::Warmup,
            Some(Purpose::Run) => Trigger::Execution,
            Some(Purpose::Build | Purpose::Serve | Purpose::Other) | None => Trigger::Unknown,
        }
    }

    /// A client of this process was told that the image is missing that it wants to run.
    pub fn image_missing(&mut self, pid: Pid, client: Pid) {
        if let Some(puller) = self.pullers.get_mut(&pid) {
            puller.missing.insert(client, ());
        }
    }

    /// Whether this client was told so since it last pulled.
    pub fn was_missing(&mut self, pid: Pid, client: Pid) -> bool {
        self.pullers.get_mut(&pid).is_some_and(|puller| puller.missing.remove(&client).is_some())
    }

    /// An API asks for a pull.
    pub fn called(&mut self, called: Called) -> Option<PullId> {
        let Called { pid, target, source, image, isolation, trigger, credentials, time } = called;
        let image = image.filter(|image| image.len() <= LONGEST_IMAGE);
        let registry = image.as_deref().map_or(RegistryLabel::Unknown, RegistryLabel::from_reference);
        let id = self.insert(source, pid, Client { process: target, registry }, time)?;
        let isolation = isolation.unwrap_or_else(|| self.flavour(target).isolation());
        let outbox = self.outbox.clone();
        self.change(id, |pull| {
            pull.subject = image.as_deref().map(Subject::of_image).unwrap_or_default();
            pull.image = image;
            pull.isolation = isolation;
            pull.trigger = trigger;
            pull.credentials.by_api(credentials);
            pull.count(&outbox);
        });
        self.tell(id);
        Some(id)
    }

    /// The API says that a pull is over. What went wrong is told by the requests to the registry, else by what the API says.
    pub fn call_ended(&mut self, id: PullId, status: PullStatus, said: Option<Trouble>, time: u64) {
        let Some(pull) = self.table.get(&id).filter(|pull| pull.closing.is_none()) else { return };
        let seen = pull.troubles.last();
        let trouble = match (status, said) {
            (PullStatus::Ok | PullStatus::Unknown, _) => None,
            // Who gives up does not wait for the registry.
            (PullStatus::Error, Some(said @ (Trouble::Canceled | Trouble::Timeout | Trouble::NoSpace))) => {
                Some(said)
            }
            (PullStatus::Error, said) => seen.or(said).or(Some(Trouble::Other)),
        };
        self.end(id, PullEnd { time, status, trouble });
    }

    /// The name under which a process keeps what it pulls.
    pub fn named(&mut self, pid: Pid, image: &str) {
        let subject = Subject::of_image(image);
        let Some(puller) = self.pullers.get(&pid) else { return };
        let same = |id: &&PullId| {
            self.table.get(id).is_some_and(|pull| {
                pull.subject.repository.is_some() && pull.subject.repository == subject.repository
            })
        };
        if let Some(&id) = puller.pulls.iter().rev().find(same) {
            self.change(id, |pull| {
                pull.image = Some(image.to_owned());
                pull.changed = true;
            });
        }
    }

    /// A process speaks to a registry in a way that nobody can read.
    pub fn cannot_see(&mut self, pid: Pid, registry: &RegistryLabel) {
        if let Some(puller) = self.pullers.get_mut(&pid) {
            puller.cannot_see(registry);
        }
    }

    /// It can be read after all, or nothing was said.
    pub fn can_see(&mut self, pid: Pid, registry: &RegistryLabel) {
        if let Some(puller) = self.pullers.get_mut(&pid) {
            puller.can_see(registry);
        }
    }

    /// Whether a target serves the Docker Engine API.
    pub fn is_engine(&self, target: TargetId) -> bool {
        self.flavour(target).is_engine()
    }

    fn flavour(&self, target: TargetId) -> &Flavour {
        self.flavours.get(usize::from(target.0)).unwrap_or(&Flavour::Oci)
    }

    fn insert(&mut self, source: Source, pid: Pid, client: Client, began: u64) -> Option<PullId> {
        if self.table.len() >= self.limit {
            self.outbox.unattributed(reason::PULLS_FULL);
            return None;
        }
        // The beginning of the process may have been lost, or it was forgotten: then it is kept as long as its pulls are.
        let puller = self.pullers.entry(pid).or_insert_with(|| Puller::new(began));
        let id = PullId(self.next);
        self.next += 1;
        puller.pulls.push(id);
        puller.has_pulled = true;
        self.table.insert(id, Pull::new(id, source, pid, client, began));
        Some(id)
    }

    fn change(&mut self, id: PullId, change: impl FnOnce(&mut Pull)) {
        if let Some(pull) = self.table.get_mut(&id) {
            change(pull);
        }
    }

    fn remove(&mut self, id: PullId) -> Option<Pull> {
        let pull = self.table.remove(&id)?;
        if let Some(deadline) = pull.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        self.leave(pull.pid, id);
        Some(pull)
    }

    /// A pull is none of its process's any more.
    fn leave(&mut self, pid: Pid, id: PullId) {
        let Some(puller) = self.pullers.get_mut(&pid) else { return };
        puller.pulls.retain(|known| *known != id);
        if !puller.known && puller.pulls.is_empty() {
            self.pullers.remove(&pid);
        }
    }

    /// It is over. How far its requests have come, the kernel may be about to tell.
    fn end(&mut self, id: PullId, end: PullEnd) {
        self.look_for_hidden(id);
        let Some(pull) = self.table.get_mut(&id) else { return };
        if pull.in_flight == 0 {
            return self.finish(id, end);
        }
        pull.closing = Some(end);
        let pid = pull.pid;
        self.leave(pid, id);
        self.rest(id, Some(end.time.saturating_add(LINGER)));
    }

    fn finish(&mut self, id: PullId, end: PullEnd) {
        if let Some(pull) = self.remove(id) {
            pull.end(end, &self.outbox);
        }
    }

    /// Finds out whether what a pull asks of its registry may not be seen.
    fn look_for_hidden(&mut self, id: PullId) {
        let Some(pull) = self.table.get_mut(&id) else { return };
        if let Some(puller) = self.pullers.get(&pull.pid).filter(|_| pull.closing.is_none()) {
            pull.hidden = puller.is_hidden(&pull.client.registry);
        }
    }

    /// Tells the log how a pull stands.
    fn tell(&mut self, id: PullId) {
        self.look_for_hidden(id);
        let Some(pull) = self.table.get(&id) else { return };
        if pull.counts() {
            let record = pull.record();
            self.outbox.push(Fact::PullChanged(Box::new(record)));
        }
        self.change(id, |pull| pull.changed = false);
    }

    /// Tells the log of all that has changed, every now and then.
    fn tell_changed(&mut self, now: u64) {
        if now < self.told.saturating_add(TELL_EVERY) {
            return;
        }
        self.told = now;
        let mut changed: Vec<_> =
            self.table.values().filter(|pull| pull.changed).map(|pull| pull.id).collect();
        changed.sort_unstable();
        for id in changed {
            self.tell(id);
        }
    }
}
