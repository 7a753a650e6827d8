//! A process that pulls.

use std::collections::HashSet;

use wire::registry::RegistryLabel;

use super::record::PullId;
use crate::model::event::{Pid, Purpose};
use crate::model::recent::Recent;

/// Tokens that one process is remembered to have had.
const MOST_TOKENS: usize = 256;
/// Registries that a process speaks to out of sight.
const MOST_HIDDEN: usize = 64;
/// Images that clients of this process were told to be missing.
const MOST_MISSING: usize = 64;

/// Programs that run containers: when a process that pulls to run something starts one, it has what it wanted.
const RUNNERS: [&[u8]; 9] =
    [b"conmon", b"crun", b"runc", b"youki", b"runsc", b"netavark", b"aardvark-dns", b"slirp4netns", b"pasta"];

/// Whether a program of this name runs containers or prepares their network.
pub(super) fn is_runner(comm: &[u8]) -> bool {
    RUNNERS.contains(&comm)
}

/// What is known of a process.
pub(super) struct Puller {
    /// What it was started for, if it is a client program.
    pub purpose: Option<Purpose>,
    pub began: u64,
    /// Whether its beginning was told, so that its end will be.
    pub known: bool,
    /// Who started it, if that one is watched.
    pub parent: Option<Pid>,
    /// Its pulls that go on, in the order in which they began.
    pub pulls: Vec<PullId>,
    /// Whether it has pulled something.
    pub has_pulled: bool,
    /// By the hash of the repository: whether the last token for it was given for credentials.
    pub tokens: Recent<u64, bool>,
    /// Clients (by process) that were told that an image is missing.
    pub missing: Recent<Pid, ()>,
    /// Registries that it speaks to over TLS that cannot be read.
    hidden: HashSet<RegistryLabel>,
}

impl Puller {
    pub fn new(began: u64) -> Self {
        Self {
            purpose: None,
            began,
            known: false,
            parent: None,
            pulls: Vec::new(),
            has_pulled: false,
            tokens: Recent::new(MOST_TOKENS),
            missing: Recent::new(MOST_MISSING),
            hidden: HashSet::new(),
        }
    }

    /// Whether it is a client program that may pull.
    pub fn is_client(&self) -> bool {
        matches!(self.purpose, Some(Purpose::Pull | Purpose::Run | Purpose::Build))
    }

    /// A connection to this registry cannot be read.
    pub fn cannot_see(&mut self, registry: &RegistryLabel) {
        if self.hidden.len() < MOST_HIDDEN {
            self.hidden.insert(registry.clone());
        }
    }

    /// A connection to this registry can be read, or nothing was said on it.
    pub fn can_see(&mut self, registry: &RegistryLabel) {
        self.hidden.remove(registry);
    }

    /// Whether it may have asked something of this registry that nobody could read.
    pub fn is_hidden(&self, registry: &RegistryLabel) -> bool {
        self.hidden.len() == MOST_HIDDEN || self.hidden.contains(registry)
    }
}
