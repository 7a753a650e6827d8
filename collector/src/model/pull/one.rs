//! One pull: what is known of it, from its first sign to its end.

use wire::manifest::{Document, Index, Manifest};
use wire::reference::Reference;
use wire::trouble::Trouble;

use super::credentials::Presented;
use super::record::{
    Blob, Isolation, Known, Phase, PullEnd, PullId, PullRecord, PullStatus, Source, Step, Trigger,
};
use super::troubles::{Troubles, With};
use crate::model::event::Pid;
use crate::model::fact::{Client, Fact, Pulled};
use crate::model::outbox::{Guard, InFlight, Outbox};

/// Most requests of a pull that are kept for the log.
const MOST_PHASES: usize = 256;
/// Most blobs of all its manifests.
const MOST_BLOBS: usize = 2048;
/// Longest tag or digest that is kept: a digest of SHA-512 has 135 characters.
const LONGEST_REFERENCE: usize = 192;
/// Most manifests that are known to belong to a pull: an index names some tens.
const MOST_MANIFESTS: usize = 512;

/// A pull goes on.
pub(super) struct Pulling {
    pub client: Client,
}

impl InFlight for Pulling {
    const GAUGE: &'static str = "image_pulls_in_flight";

    fn began(&self) -> Fact {
        Fact::PullBegan(self.client.clone())
    }

    fn ended(&self) -> Fact {
        Fact::PullEnded(self.client.clone())
    }
}

/// What a pull is about, in the words of the registry's API.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub repository: Option<String>,
    /// Tag or digest.
    pub reference: Option<String>,
}

impl Subject {
    /// What an image reference names; nothing where it is none.
    pub fn of_image(image: &str) -> Self {
        let Ok(image) = Reference::parse(image) else { return Self::default() };
        // A digest counts more than the tag before it; without both it is `latest`.
        let reference = image.digest().or(image.tag()).unwrap_or("latest");
        Self { repository: Some(image.repository().to_owned()), reference: Some(reference.to_owned()) }
    }
}

/// A pull.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Pull {
    pub id: PullId,
    pub source: Source,
    pub pid: Pid,
    pub client: Client,
    pub subject: Subject,
    pub image: Option<String>,
    pub isolation: Isolation,
    pub trigger: Trigger,
    pub credentials: Presented,
    pub troubles: Troubles,
    pub began: u64,
    /// Requests to the registry whose answers have not ended.
    pub in_flight: u32,
    /// When the last of them ended, or began.
    pub last: u64,
    /// When it is over if nothing more comes.
    pub deadline: Option<u64>,
    /// How it has ended, as long as requests of it are not known to have ended.
    pub closing: Option<PullEnd>,
    /// What it asks of its registry may not all be seen.
    pub hidden: bool,
    /// Something of it has changed since the log was told.
    pub changed: bool,
    /// A blob, or part of one, has come.
    pub crossed: bool,
    /// A manifest has come, or was there.
    pub resolved: bool,
    /// Counted as going on; `None` as long as it may be none.
    guard: Option<Guard<Pulling>>,
    digest: Option<String>,
    /// Digests of manifests that belong to it.
    manifests: Vec<String>,
    named: Option<Vec<Blob>>,
    phases: Vec<Phase>,
    left_out: u32,
    bytes: u64,
}

impl Pull {
    pub fn new(id: PullId, source: Source, pid: Pid, client: Client, began: u64) -> Self {
        Self {
            id,
            source,
            pid,
            client,
            subject: Subject::default(),
            image: None,
            isolation: Isolation("unknown".into()),
            trigger: Trigger::Unknown,
            credentials: Presented::default(),
            troubles: Troubles::default(),
            began,
            in_flight: 0,
            last: began,
            deadline: None,
            closing: None,
            hidden: false,
            changed: true,
            crossed: false,
            resolved: false,
            guard: None,
            digest: None,
            manifests: Vec::new(),
            named: None,
            phases: Vec::new(),
            left_out: 0,
            bytes: 0,
        }
    }

    /// From now on it counts.
    pub fn count(&mut self, outbox: &Outbox) {
        if self.guard.is_none() {
            self.guard = Some(Guard::begin(outbox, Pulling { client: self.client.clone() }));
            if self.bytes > 0 {
                outbox.push(Fact::PullBytes { client: self.client.clone(), bytes: self.bytes });
            }
            self.changed = true;
        }
    }

    /// Whether it counts.
    pub fn counts(&self) -> bool {
        self.guard.is_some()
    }

    /// It is for this client's registry, as turned out.
    pub fn belongs_to(&mut self, client: Client, outbox: &Outbox) {
        if self.client != client {
            self.client = client;
            if self.guard.take().is_some() {
                self.guard = Some(Guard::begin(outbox, Pulling { client: self.client.clone() }));
            }
            self.changed = true;
        }
    }

    /// Whether an API asked for it: it says when the pull is over.
    pub fn is_by_api(&self) -> bool {
        matches!(self.source, Source::Cri | Source::Engine | Source::Transfer)
    }

    /// Whether a manifest or its children may be asked for by this digest or tag in this pull.
    pub fn knows_manifest(&self, reference: &str) -> bool {
        self.subject.reference.as_deref() == Some(reference)
            || self.digest.as_deref() == Some(reference)
            || self.manifests.iter().any(|known| known == reference)
            // Of an index that could not be read every child may be one.
            || (self.resolved && self.named.is_none() && self.manifests.is_empty() && reference.contains(':'))
    }

    /// Whether its manifest names this blob.
    pub fn names(&self, digest: &str) -> bool {
        self.named.iter().flatten().any(|blob| blob.digest == digest)
    }

    /// Whether its manifest names this blob, and it has not come yet.
    pub fn wants(&self, digest: &str) -> bool {
        self.named.iter().flatten().any(|blob| !blob.downloaded && blob.digest == digest)
    }

    /// Whether a manifest that names blobs could be read.
    pub fn has_manifest(&self) -> bool {
        self.named.is_some()
    }

    /// Whether all that its manifest names has come.
    pub fn is_complete(&self) -> bool {
        let complete = |named: &Vec<Blob>| {
            // Past the most that are kept nobody knows.
            named.len() < MOST_BLOBS && named.iter().all(|blob| blob.downloaded)
        };
        self.named.as_ref().is_some_and(complete)
    }

    /// A request to the registry began. Gives its place among the phases.
    pub fn asked(&mut self, step: Step, reference: Option<String>, time: u64) -> Option<u32> {
        self.in_flight += 1;
        self.last = self.last.max(time);
        self.changed = true;
        if self.phases.len() == MOST_PHASES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        let reference = reference.filter(|reference| reference.len() <= LONGEST_REFERENCE);
        let phase =
            Phase { step, reference, began: time, first_byte: None, ended: None, bytes: 0, code: None };
        self.phases.push(phase);
        u32::try_from(self.phases.len() - 1).ok()
    }

    /// A request goes on with what another began.
    pub fn asked_again(&mut self, phase: Option<u32>, time: u64) {
        self.in_flight += 1;
        self.last = self.last.max(time);
        if let Some(phase) = self.phase(phase) {
            phase.ended = None;
        }
    }

    /// One of the phases.
    pub fn phase(&mut self, at: Option<u32>) -> Option<&mut Phase> {
        self.changed = true;
        self.phases.get_mut(usize::try_from(at?).ok()?)
    }

    /// Whether nothing was asked of the registry yet.
    pub fn is_fresh(&self) -> bool {
        self.phases.is_empty()
    }

    /// Whether the registry has answered anything.
    pub fn has_answers(&self) -> bool {
        self.phases.iter().any(|phase| phase.code.is_some())
    }

    /// Body bytes came.
    pub fn received(&mut self, phase: Option<u32>, bytes: u64, outbox: &Outbox) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.counts() {
            outbox.push(Fact::PullBytes { client: self.client.clone(), bytes });
        }
        if let Some(phase) = self.phase(phase) {
            phase.bytes = phase.bytes.saturating_add(bytes);
        }
    }

    /// The registry said which manifest it means.
    pub fn has_digest(&mut self, digest: String) {
        if self.digest.is_none() && digest.len() <= LONGEST_REFERENCE {
            self.digest = Some(digest);
            self.changed = true;
        }
    }

    /// A manifest or index was read.
    pub fn has_document(&mut self, document: Document) {
        self.changed = true;
        match document {
            Document::Index(Index { entries }) => {
                let digests = entries.into_iter().filter(|digest| digest.len() <= LONGEST_REFERENCE);
                let room = MOST_MANIFESTS.saturating_sub(self.manifests.len());
                self.manifests.extend(digests.take(room));
            }
            Document::Manifest(Manifest { config, layers }) => {
                let blob = |digest: String, size: Option<u64>, config| Blob {
                    digest,
                    size: size.unwrap_or(0),
                    config,
                    downloaded: false,
                };
                let config = config.map(|config| blob(config.digest, config.size, true));
                let layers = layers.into_iter().map(|layer| blob(layer.digest, layer.size, false));
                let named = self.named.get_or_insert_default();
                for blob in config.into_iter().chain(layers) {
                    // Layers that are empty often stand there more than once.
                    let fits = named.len() < MOST_BLOBS && blob.digest.len() <= LONGEST_REFERENCE;
                    if fits && !named.iter().any(|known| known.digest == blob.digest) {
                        named.push(blob);
                    }
                }
            }
        }
    }

    /// A blob has come.
    pub fn has_blob(&mut self, digest: Option<&str>) {
        self.crossed = true;
        self.changed = true;
        let named = self.named.iter_mut().flatten();
        for blob in named.filter(|blob| Some(blob.digest.as_str()) == digest) {
            blob.downloaded = true;
        }
    }

    /// Something went wrong.
    pub fn has_trouble(&mut self, with: With, trouble: Trouble) {
        self.troubles.add(with, trouble);
        self.changed = true;
    }

    /// It has ended.
    pub fn end(mut self, end: PullEnd, outbox: &Outbox) {
        if !self.counts() {
            return;
        }
        let on_disk = match end.status {
            PullStatus::Ok if self.crossed => Known::No,
            PullStatus::Ok if !self.hidden => Known::Yes,
            PullStatus::Error => Known::No,
            PullStatus::Ok | PullStatus::Unknown => Known::Unknown,
        };
        outbox.push(Fact::Pulled(Box::new(Pulled {
            client: self.client.clone(),
            isolation: self.isolation.clone(),
            status: end.status,
            trouble: end.trouble,
            on_disk,
            has_creds: self.credentials.known(self.hidden),
            trigger: self.trigger,
            duration: end.time.saturating_sub(self.began),
        })));
        outbox.push(Fact::PullChanged(Box::new(PullRecord { end: Some(end), on_disk, ..self.record() })));
        // What was not seen to end is put right.
        let unseen = end.status == PullStatus::Unknown;
        let forced = if unseen { outbox.set_forced(true) } else { false };
        self.guard = None;
        if unseen {
            outbox.set_forced(forced);
        }
    }

    /// How it stands.
    pub fn record(&self) -> PullRecord {
        PullRecord {
            id: self.id,
            runtime: self.client.process,
            pid: self.pid,
            source: self.source,
            image: self.image.clone(),
            digest: self.digest.clone(),
            registry: self.client.registry.clone(),
            isolation: self.isolation.clone(),
            trigger: self.trigger,
            has_creds: self.credentials.known(self.hidden),
            on_disk: Known::Unknown,
            began: self.began,
            end: None,
            bytes: self.bytes,
            phases: self.phases.clone(),
            phases_left_out: self.left_out,
            named: self.named.clone(),
        }
    }
}
