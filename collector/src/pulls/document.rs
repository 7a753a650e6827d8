//! A pull as JSON: what the API writes and the command line reads.
//!
//! Words that may grow in number are strings here, so that a `pullscope pulls` of one version can read what a pullscope of
//! another says. Sizes are in bytes, times in seconds; what is not known is `null`.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::model::pull::record::{self, Blob, Known, PullEnd, PullRecord, PullStatus, Source, Step, Trigger};

/// What `/api/v1/pulls` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pulls {
    /// Newest first.
    pub pulls: Vec<Pull>,
}

/// Whether a pull goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does.
    Running,
    /// It does not.
    Ended,
}

/// One pull.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pull {
    /// Its number: unique as long as pullscope runs.
    pub id: u64,
    /// Whether it goes on.
    pub state: State,
    /// Name of the target that pulls.
    pub runtime: String,
    /// The process that pulls.
    pub pid: u32,
    /// By what it was first seen: `cri`, `engine`, `transfer`, `client` or `traffic`.
    pub source: String,
    /// The image as it was asked for.
    pub image: Option<String>,
    /// Digest of the manifest or index that the image's name stands for.
    pub digest: Option<String>,
    /// The registry, as in the metrics' label.
    pub registry: String,
    /// What will run the image.
    pub isolation: String,
    /// Why it is pulled: `execution`, `warmup` or `unknown`.
    pub trigger: String,
    /// Whether credentials were presented.
    pub has_creds: Option<bool>,
    /// Whether no blob crossed the wire for it.
    pub on_disk: Option<bool>,
    /// How it ended: `ok`, `error` or `unknown`; `null` while it goes on.
    pub status: Option<String>,
    /// Why it failed: a value of the label `reason` of `image_pull_errors_total`.
    pub reason: Option<String>,
    /// When it began, by the clock of the wall as it was then (RFC 3339, UTC).
    pub began: String,
    /// How long it took, or has taken up to now.
    pub duration_seconds: f64,
    /// Body bytes that came from the registry up to now.
    pub bytes: u64,
    /// Those over the whole duration; `null` before the first.
    pub bytes_per_second: Option<f64>,
    /// What was asked of the registry, in the order in which it began.
    pub phases: Vec<Phase>,
    /// Phases that did not fit.
    pub phases_left_out: u32,
    /// How many blobs there are; `null` where no manifest could be read.
    pub layers: Option<Layers>,
    /// The blobs that were there already; `null` until the pull has ended well, and where no manifest could be read.
    pub cached: Option<Vec<Cached>>,
}

/// One request to the registry, with the redirects and parts that followed from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What for: `resolve`, `token`, `manifest` or `blob`.
    pub step: String,
    /// Digest or tag that was asked for.
    pub reference: Option<String>,
    /// From the pull's beginning to this one's.
    pub offset_seconds: f64,
    /// From its beginning to the first byte of the answer.
    pub first_byte_seconds: Option<f64>,
    /// From its beginning to the last byte of the answer.
    pub duration_seconds: Option<f64>,
    /// Body bytes up to now.
    pub bytes: u64,
    /// Size of the blob, as the manifest says.
    pub size: Option<u64>,
    /// Whether the blob is a layer (else it is the config), as the manifest says.
    pub layer: Option<bool>,
    /// The status code.
    pub code: Option<u16>,
}

/// How many blobs an image has: its layers and its config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Named by the manifest.
    pub named: usize,
    /// Downloaded in this pull.
    pub downloaded: usize,
    /// There already; `null` until the pull has ended well.
    pub cached: Option<usize>,
}

/// A blob that was there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cached {
    /// Its digest.
    pub digest: String,
    /// Its size, as the manifest says.
    pub size: u64,
}

impl Pull {
    /// A record as it is shown. `began` is its beginning in nanoseconds since the Unix epoch, `now` the present in those of
    /// the record's own times.
    pub fn new(record: &PullRecord, runtime: &str, began: u64, now: u64) -> Self {
        let duration = record.end.map_or(now, |end| end.time).saturating_sub(record.began);
        let ended_well = record.end.is_some_and(|end| end.status == PullStatus::Ok);
        Self {
            id: record.id.0,
            state: if record.end.is_some() { State::Ended } else { State::Running },
            runtime: runtime.to_owned(),
            pid: record.pid,
            source: source(record.source).to_owned(),
            image: record.image.clone(),
            digest: record.digest.clone(),
            registry: record.registry.as_str().to_owned(),
            isolation: record.isolation.0.to_string(),
            trigger: trigger(record.trigger).to_owned(),
            has_creds: known(record.has_creds),
            on_disk: known(record.on_disk),
            status: record.end.map(|end| status(end.status).to_owned()),
            reason: record.end.and_then(reason),
            began: humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(began)).to_string(),
            duration_seconds: seconds(duration),
            bytes: record.bytes,
            bytes_per_second: rate(record.bytes, duration),
            phases: record.phases.iter().map(|phase| Phase::new(phase, record)).collect(),
            phases_left_out: record.phases_left_out,
            layers: record.named.as_deref().map(|named| Layers::new(named, ended_well)),
            cached: record.named.as_deref().filter(|_| ended_well).map(cached),
        }
    }
}

impl Phase {
    fn new(phase: &record::Phase, of: &PullRecord) -> Self {
        let since = |time: u64| seconds(time.saturating_sub(phase.began));
        let named = phase.reference.as_ref().and_then(|reference| {
            of.named.iter().flatten().find(|blob| phase.step == Step::Blob && blob.digest == *reference)
        });
        Self {
            step: step(phase.step).to_owned(),
            reference: phase.reference.clone(),
            offset_seconds: seconds(phase.began.saturating_sub(of.began)),
            first_byte_seconds: phase.first_byte.map(since),
            duration_seconds: phase.ended.map(since),
            bytes: phase.bytes,
            size: named.map(|blob| blob.size),
            layer: named.map(|blob| !blob.config),
            code: phase.code,
        }
    }
}

impl Layers {
    fn new(named: &[Blob], ended_well: bool) -> Self {
        let downloaded = named.iter().filter(|blob| blob.downloaded).count();
        let cached = ended_well.then(|| named.len() - downloaded);
        Self { named: named.len(), downloaded, cached }
    }
}

fn cached(named: &[Blob]) -> Vec<Cached> {
    let there = named.iter().filter(|blob| !blob.downloaded);
    there.map(|blob| Cached { digest: blob.digest.clone(), size: blob.size }).collect()
}

fn reason(end: PullEnd) -> Option<String> {
    end.trouble.filter(|_| end.status == PullStatus::Error).map(|trouble| trouble.as_str().to_owned())
}

fn known(known: Known) -> Option<bool> {
    match known {
        Known::Yes => Some(true),
        Known::No => Some(false),
        Known::Unknown => None,
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Cri => "cri",
        Source::Engine => "engine",
        Source::Transfer => "transfer",
        Source::Client => "client",
        Source::Traffic => "traffic",
    }
}

fn trigger(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Execution => "execution",
        Trigger::Warmup => "warmup",
        Trigger::Unknown => "unknown",
    }
}

fn status(status: PullStatus) -> &'static str {
    match status {
        PullStatus::Ok => "ok",
        PullStatus::Error => "error",
        PullStatus::Unknown => "unknown",
    }
}

fn step(step: Step) -> &'static str {
    match step {
        Step::Resolve => "resolve",
        Step::Token => "token",
        Step::Manifest => "manifest",
        Step::Blob => "blob",
    }
}

#[allow(clippy::cast_precision_loss)] // 2^53 ns are 104 days; past that, a millionth of a second does not matter.
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

#[allow(clippy::cast_precision_loss)] // A rate of more than 2^53 bytes a second is not to be expected.
fn rate(bytes: u64, nanoseconds: u64) -> Option<f64> {
    (bytes > 0 && nanoseconds > 0).then(|| bytes as f64 / seconds(nanoseconds))
}
