//! Records what the watched processes ask of registries.

use prometheus::{Histogram, IntCounter, IntGauge, Result};
use wire::http::Method;
use wire::oci::Kind;

use super::family::{Builder, Family};
use super::labels::{Code, Connected, DownloadKind, Process, Registry, Way};
use super::seconds;
use super::table::registry_traffic as table;
use crate::model::fact::{ConnectResult, LookupResult, Role, Status, Visibility};

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub struct Peers {
    /// The watched process.
    pub process: Process,
    /// The registry.
    pub registry: Registry,
}

/// An exchange that ended. Durations are in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// What was asked for.
    pub kind: Kind,
    /// How.
    pub method: Method,
    /// The final status code, if an answer came.
    pub code: Option<u16>,
    /// First request byte to last answer byte, if an answer came.
    pub duration: Option<u64>,
    /// First request byte to first byte of the final answer.
    pub first_byte: Option<u64>,
}

/// The section's metrics.
pub struct RegistryTraffic {
    requests: Family<(Process, Registry, Kind, Method, Code), IntCounter>,
    request_duration: Family<(Process, Registry, Kind), Histogram>,
    time_to_first_byte: Family<(Process, Registry, Kind), Histogram>,
    response_bytes: Family<(Process, Registry, Kind), IntCounter>,
    in_flight: Family<(Process, Registry), IntGauge>,
    downloads: Family<(Process, Registry, DownloadKind, Status), IntCounter>,
    connects: Family<(Process, Registry, ConnectResult), IntCounter>,
    connect_duration: Family<(Process, Registry, Connected), Histogram>,
    connections_open: Family<(Process, Role), IntGauge>,
    network_bytes: Family<(Process, Registry, Way), IntCounter>,
    tls_handshake_duration: Family<(Process, Registry), Histogram>,
    dns_lookup_duration: Family<(Process, LookupResult), Histogram>,
    connections_by_visibility: Family<(Process, Visibility), IntCounter>,
}

impl RegistryTraffic {
    /// All of the section, with the series of all `processes`, and those of a client's side for `clients` alone.
    pub(super) fn new(build: &Builder<'_>, processes: &[Process], clients: &[Process]) -> Result<Self> {
        Ok(Self {
            requests: build.family(&table::REQUESTS, clients)?,
            request_duration: build.family(&table::REQUEST_DURATION, clients)?,
            time_to_first_byte: build.family(&table::TIME_TO_FIRST_BYTE, clients)?,
            response_bytes: build.family(&table::RESPONSE_BYTES, clients)?,
            in_flight: build.family(&table::REQUESTS_IN_FLIGHT, clients)?,
            downloads: build.family(&table::DOWNLOADS, clients)?,
            connects: build.family(&table::CONNECTS, clients)?,
            connect_duration: build.family(&table::CONNECT_DURATION, clients)?,
            connections_open: build.family(&table::CONNECTIONS_OPEN, processes)?,
            network_bytes: build.family(&table::NETWORK_BYTES, clients)?,
            tls_handshake_duration: build.family(&table::TLS_HANDSHAKE_DURATION, clients)?,
            dns_lookup_duration: build.family(&table::DNS_LOOKUP_DURATION, clients)?,
            connections_by_visibility: build.family(&table::CONNECTIONS_BY_VISIBILITY, processes)?,
        })
    }

    /// A request began; exactly one [`exchange_ended`](Self::exchange_ended) with the same peers is to follow.
    pub fn exchange_began(&self, peers: &Peers) {
        self.in_flight.up(&peers.both());
    }

    /// An exchange came to its end. `false` where none was in flight.
    #[must_use]
    pub fn exchange_ended(&self, peers: &Peers, ended: Ended) -> bool {
        let Peers { process, registry } = peers.clone();
        let matched = self.in_flight.down(&peers.both());
        let by_kind = (process.clone(), registry.clone(), ended.kind);
        if let Some(duration) = ended.duration {
            self.request_duration.observe(&by_kind, seconds(duration));
        }
        if let Some(first_byte) = ended.first_byte {
            self.time_to_first_byte.observe(&by_kind, seconds(first_byte));
        }
        self.requests.add(&(process, registry, ended.kind, ended.method, ended.code.into()), 1);
        matched
    }

    /// Bytes of an answer's body arrived.
    pub fn body_received(&self, peers: &Peers, kind: Kind, bytes: u64) {
        self.response_bytes.add(&(peers.process.clone(), peers.registry.clone(), kind), bytes);
    }

    /// A download ended.
    pub fn download_ended(&self, peers: &Peers, kind: DownloadKind, status: Status) {
        self.downloads.add(&(peers.process.clone(), peers.registry.clone(), kind, status), 1);
    }

    /// A connect ended, after so many nanoseconds.
    pub fn connect_ended(&self, peers: &Peers, result: ConnectResult, duration: u64) {
        let Peers { process, registry } = peers.clone();
        let connected = if result == ConnectResult::Ok { Connected::Ok } else { Connected::Error };
        self.connects.add(&(process.clone(), registry.clone(), result), 1);
        self.connect_duration.observe(&(process, registry, connected), seconds(duration));
    }

    /// A connection counts as open; exactly one [`connection_ended`](Self::connection_ended) is to follow.
    pub fn connection_began(&self, process: &Process, role: Role) {
        self.connections_open.up(&(process.clone(), role));
    }

    /// An open connection is over. `false` where none was open.
    #[must_use]
    pub fn connection_ended(&self, process: &Process, role: Role) -> bool {
        self.connections_open.down(&(process.clone(), role))
    }

    /// It is known what can be seen of a connection.
    pub fn connection_seen(&self, process: &Process, visibility: Visibility) {
        self.connections_by_visibility.add(&(process.clone(), visibility), 1);
    }

    /// Bytes crossed a client's connection.
    pub fn network_bytes(&self, peers: &Peers, received: u64, sent: u64) {
        for (way, bytes) in [(Way::Receive, received), (Way::Transmit, sent)] {
            if bytes > 0 {
                self.network_bytes.add(&(peers.process.clone(), peers.registry.clone(), way), bytes);
            }
        }
    }

    /// A TLS handshake ended, after so many nanoseconds.
    pub fn tls_handshake_ended(&self, peers: &Peers, duration: u64) {
        self.tls_handshake_duration.observe(&peers.both(), seconds(duration));
    }

    /// A DNS lookup ended, after so many nanoseconds.
    pub fn lookup_ended(&self, process: &Process, result: LookupResult, duration: u64) {
        self.dns_lookup_duration.observe(&(process.clone(), result), seconds(duration));
    }
}

impl Peers {
    fn both(&self) -> (Process, Registry) {
        (self.process.clone(), self.registry.clone())
    }
}
