//! Records what watched processes serve to others.

use prometheus::{Histogram, IntCounter, IntGauge, Result};
use wire::http::Method;
use wire::oci::Kind;

use super::family::{Builder, Family};
use super::labels::{Code, DownloadKind, Process};
use super::registry_traffic::Ended;
use super::seconds;
use super::table::served as table;
use crate::model::fact::{Cached, ProxyTrouble, Status};

/// The section's metrics.
pub struct Served {
    requests: Family<(Process, Kind, Method, Code), IntCounter>,
    request_duration: Family<(Process, Kind), Histogram>,
    in_flight: Family<(Process,), IntGauge>,
    bytes: Family<(Process, Kind), IntCounter>,
    downloads: Family<(Process, DownloadKind, Status), IntCounter>,
    cache: Family<(Process, DownloadKind, Cached), IntCounter>,
    proxy_errors: Family<(Process, ProxyTrouble), IntCounter>,
}

impl Served {
    /// All of the section, with the series of `servers`.
    pub(super) fn new(build: &Builder<'_>, servers: &[Process]) -> Result<Self> {
        Ok(Self {
            requests: build.family(&table::REQUESTS, servers)?,
            request_duration: build.family(&table::REQUEST_DURATION, servers)?,
            in_flight: build.family(&table::REQUESTS_IN_FLIGHT, servers)?,
            bytes: build.family(&table::BYTES, servers)?,
            downloads: build.family(&table::DOWNLOADS, servers)?,
            cache: build.family(&table::CACHE, servers)?,
            proxy_errors: build.family(&table::PROXY_ERRORS, servers)?,
        })
    }

    /// A served request began; exactly one [`exchange_ended`](Self::exchange_ended) is to follow.
    pub fn exchange_began(&self, process: &Process) {
        self.in_flight.up(&(process.clone(),));
    }

    /// A served exchange came to its end. `false` where none was in flight.
    #[must_use]
    pub fn exchange_ended(&self, process: &Process, ended: Ended) -> bool {
        let matched = self.in_flight.down(&(process.clone(),));
        if let Some(duration) = ended.duration {
            self.request_duration.observe(&(process.clone(), ended.kind), seconds(duration));
        }
        self.requests.add(&(process.clone(), ended.kind, ended.method, ended.code.into()), 1);
        matched
    }

    /// Bytes of an answer's body left.
    pub fn body_sent(&self, process: &Process, kind: Kind, bytes: u64) {
        self.bytes.add(&(process.clone(), kind), bytes);
    }

    /// A GET of a manifest or blob was served.
    pub fn download_ended(&self, process: &Process, kind: DownloadKind, status: Status) {
        self.downloads.add(&(process.clone(), kind, status), 1);
    }

    /// A manifest or blob was served to its end.
    pub fn served_from(&self, process: &Process, kind: DownloadKind, cached: Cached) {
        self.cache.add(&(process.clone(), kind, cached), 1);
    }

    /// A served request failed because an upstream did.
    pub fn proxy_failed(&self, process: &Process, trouble: ProxyTrouble) {
        self.proxy_errors.add(&(process.clone(), trouble), 1);
    }
}
