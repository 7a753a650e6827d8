//! Records whole image pulls.

use prometheus::{Histogram, IntCounter, IntGauge, Result};
use wire::trouble::Trouble;

use super::family::{Builder, Family};
use super::labels::{HasCreds, OnDisk, Registry, Runtime};
use super::registry_traffic::Peers;
use super::seconds;
use super::table::image_pulls as table;
use crate::model::fact::Pulled;
use crate::model::pull::record::PullStatus;

/// The section's metrics.
pub struct ImagePulls {
    duration: Family<table::PullLabels, Histogram>,
    in_flight: Family<(Runtime, Registry), IntGauge>,
    bytes: Family<(Runtime, Registry), IntCounter>,
    errors: Family<(Runtime, Registry, Trouble), IntCounter>,
}

impl ImagePulls {
    /// All of the section. No series exists from the start, since each has a registry.
    pub(super) fn new(build: &Builder<'_>) -> Result<Self> {
        Ok(Self {
            duration: build.family(&table::DURATION, &[])?,
            in_flight: build.family(&table::IN_FLIGHT, &[])?,
            bytes: build.family(&table::BYTES, &[])?,
            errors: build.family(&table::ERRORS, &[])?,
        })
    }

    /// A pull began; exactly one [`pull_ended`](Self::pull_ended) with the same peers is to follow.
    pub fn pull_began(&self, peers: &Peers) {
        self.in_flight.up(&labels(peers));
    }

    /// A pull is over, or goes on under other labels. `false` where none was in flight.
    #[must_use]
    pub fn pull_ended(&self, peers: &Peers) -> bool {
        self.in_flight.down(&labels(peers))
    }

    /// How a pull ended.
    pub fn pulled(&self, peers: &Peers, pulled: &Pulled) {
        let (runtime, registry) = labels(peers);
        if pulled.status == PullStatus::Error {
            let reason = pulled.trouble.unwrap_or(Trouble::Other);
            self.errors.add(&(runtime.clone(), registry.clone(), reason), 1);
        }
        let labels = (
            runtime,
            pulled.isolation.clone(),
            registry,
            pulled.status,
            OnDisk(pulled.on_disk),
            HasCreds(pulled.has_creds),
            pulled.trigger,
        );
        self.duration.observe(&labels, seconds(pulled.duration));
    }

    /// Body bytes came for a pull.
    pub fn bytes_received(&self, peers: &Peers, bytes: u64) {
        self.bytes.add(&labels(peers), bytes);
    }
}

fn labels(peers: &Peers) -> (Runtime, Registry) {
    (Runtime(peers.process.clone()), peers.registry.clone())
}
