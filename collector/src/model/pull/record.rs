//! What the pull log shows of one pull. Names and digests of images stand here and in no label.

use std::fmt;
use std::sync::Arc;

use wire::oci::Kind;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use crate::model::event::{Pid, TargetId};

/// Number of a pull, unique as long as the collector runs, counting up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PullId(pub u64);

impl fmt::Display for PullId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By what a pull was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `PullImage` on a CRI socket.
    Cri,
    /// `POST /images/create` of the Docker Engine API.
    Engine,
    /// The Transfer service of containerd.
    Transfer,
    /// A client program that pulls by itself, known by the command that was given to it.
    Client,
    /// Requests to a registry alone.
    Traffic,
}

/// What can be known of a yes or no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Known {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// There is no evidence.
    #[default]
    Unknown,
}

/// Why an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// To be run now.
    Execution,
    /// To be there.
    Warmup,
    /// There is no evidence.
    #[default]
    Unknown,
}

/// What will run the image: `podman`, `docker`, `oci`, `unknown`, or the handler that the CRI's client asks for (`default`
/// where it leaves that to the runtime). Short, and of a bounded number of values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Isolation(pub Arc<str>);

/// How a pull ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullStatus {
    /// The image is there.
    Ok,
    /// It is not.
    Error,
    /// The end was not seen.
    Unknown,
}

/// One pull: as it stands, or as it ended. Times are those of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRecord {
    /// Its number.
    pub id: PullId,
    /// Target of the process that pulls.
    pub runtime: TargetId,
    /// That process.
    pub pid: Pid,
    /// By what it was first seen.
    pub source: Source,
    /// The image as it was asked for, or put together from the requests to the registry; `None` where neither was seen.
    pub image: Option<String>,
    /// Digest of the manifest (or index) that the image's name stood for.
    pub digest: Option<String>,
    /// The registry.
    pub registry: RegistryLabel,
    /// What will run the image.
    pub isolation: Isolation,
    /// Why it is pulled.
    pub trigger: Trigger,
    /// Whether credentials were presented.
    pub has_creds: Known,
    /// Whether all of it but the manifest was there already; unknown as long as it goes on.
    pub on_disk: Known,
    /// Its first sign.
    pub began: u64,
    /// Its end.
    pub end: Option<PullEnd>,
    /// Body bytes that came from the registry up to now.
    pub bytes: u64,
    /// What was asked of the registry, in the order in which it began; bounded.
    pub phases: Vec<Phase>,
    /// Phases that did not fit.
    pub phases_left_out: u32,
    /// The config and the layers that the manifest names; `None` where no manifest could be read.
    pub named: Option<Vec<Blob>>,
}

/// The end of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullEnd {
    /// When.
    pub time: u64,
    /// How.
    pub status: PullStatus,
    /// Why not, if it failed.
    pub trouble: Option<Trouble>,
}

/// One request to the registry, with what followed from it: a redirect, or parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What for.
    pub step: Step,
    /// Digest or tag that was asked for.
    pub reference: Option<String>,
    /// First byte of the request.
    pub began: u64,
    /// First byte of the answer.
    pub first_byte: Option<u64>,
    /// Last byte of the answer.
    pub ended: Option<u64>,
    /// Body bytes of the answer up to now.
    pub bytes: u64,
    /// The status code, once there is one.
    pub code: Option<u16>,
}

/// What a request of a pull is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// What a name stands for: `HEAD` of a manifest, or the version check.
    Resolve,
    /// A token.
    Token,
    /// A manifest or an index.
    Manifest,
    /// A config or a layer.
    Blob,
}

impl Step {
    /// The step that a request is; `None` for one that is no part of a pull.
    pub fn of(kind: Kind, head: bool) -> Option<Self> {
        match kind {
            Kind::Manifest if head => Some(Self::Resolve),
            Kind::Ping => Some(Self::Resolve),
            Kind::Token => Some(Self::Token),
            Kind::Manifest => Some(Self::Manifest),
            Kind::Blob => Some(Self::Blob),
            Kind::Tags | Kind::Referrers | Kind::Catalog | Kind::Upload | Kind::Other => None,
        }
    }
}

/// A blob that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: String,
    /// Its size in bytes, as the manifest says.
    pub size: u64,
    /// Whether it is the config; else it is a layer.
    pub config: bool,
    /// Whether it was downloaded in this pull. When the pull has ended well, one that was not was there already.
    pub downloaded: bool,
}
