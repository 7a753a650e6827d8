//! A fact of the model becomes numbers: which metrics each one moves.

use std::sync::Arc;

use wire::oci::Kind;

use super::Metrics;
use super::labels::{
    Basis, DownloadKind, GaugeName, MetricName, Operation, OperationKind, OperationName, Process, Queue,
};
use super::registry_traffic::{Ended, Peers};
use crate::model::event::TargetId;
use crate::model::fact::{self, Client, Fact};
use crate::targets::Role;

impl Metrics {
    /// Records what the model concluded. What a target does on a side that it is not watched on is left out.
    #[allow(clippy::too_many_lines)] // One arm for each fact.
    pub fn record(&self, fact: &Fact) {
        if !self.is_watched(fact) {
            return;
        }
        match fact {
            Fact::RequestBegan(client) => self.traffic.exchange_began(&self.peers(client)),
            Fact::RequestEnded { client, kind, method, code, duration, first_byte } => {
                let ended = Ended {
                    kind: *kind,
                    method: *method,
                    code: *code,
                    duration: *duration,
                    first_byte: *first_byte,
                };
                let matched = self.traffic.exchange_ended(&self.peers(client), ended);
                self.expect(matched, "registry_requests_in_flight");
            }
            Fact::ResponseBytes { client, kind, bytes } => {
                self.traffic.body_received(&self.peers(client), *kind, *bytes);
            }
            Fact::Download { client, kind, status } => {
                if let Some(kind) = download_kind(*kind) {
                    self.traffic.download_ended(&self.peers(client), kind, *status);
                }
            }
            Fact::Connected { client, result, duration } => {
                self.traffic.connect_ended(&self.peers(client), *result, *duration);
            }
            Fact::ConnectionBegan { process, role } => {
                self.traffic.connection_began(&self.process(*process), *role);
            }
            Fact::ConnectionEnded { process, role } => {
                let matched = self.traffic.connection_ended(&self.process(*process), *role);
                self.expect(matched, "connections_open");
            }
            Fact::Visible { process, visibility } => {
                self.traffic.connection_seen(&self.process(*process), *visibility);
            }
            Fact::NetworkBytes { client, received, sent } => {
                self.traffic.network_bytes(&self.peers(client), *received, *sent);
            }
            Fact::Handshake { client, duration } => {
                self.traffic.tls_handshake_ended(&self.peers(client), *duration);
            }
            Fact::HpackUnknown { fields } => self.itself.hpack_unknown(*fields),
            Fact::Lookup { process, result, duration } => {
                self.traffic.lookup_ended(&self.process(*process), *result, *duration);
            }
            Fact::ServedBegan { process } => self.served.exchange_began(&self.process(*process)),
            Fact::ServedEnded { process, kind, method, code, duration } => {
                let ended = Ended {
                    kind: *kind,
                    method: *method,
                    code: *code,
                    duration: *duration,
                    first_byte: None,
                };
                let matched = self.served.exchange_ended(&self.process(*process), ended);
                self.expect(matched, "served_requests_in_flight");
            }
            Fact::ServedBytes { process, kind, bytes } => {
                self.served.body_sent(&self.process(*process), *kind, *bytes);
            }
            Fact::ServedDownload { process, kind, status } => {
                if let Some(kind) = download_kind(*kind) {
                    self.served.download_ended(&self.process(*process), kind, *status);
                }
            }
            Fact::ServedFrom { process, kind, cached } => {
                if let Some(kind) = download_kind(*kind) {
                    self.served.served_from(&self.process(*process), kind, *cached);
                }
            }
            Fact::ProxyError { process, trouble } => {
                self.served.proxy_failed(&self.process(*process), *trouble);
            }
            Fact::ProcessBegan { process } => self.itself.process_began(&self.process(*process)),
            Fact::ProcessEnded { process } => {
                let matched = self.itself.process_ended(&self.process(*process));
                self.expect(matched, "processes_watched");
            }
            Fact::PullBegan(client) => self.pulls.pull_began(&self.peers(client)),
            Fact::PullEnded(client) => {
                let matched = self.pulls.pull_ended(&self.peers(client));
                self.expect(matched, "image_pulls_in_flight");
            }
            Fact::Pulled(pulled) => self.pulls.pulled(&self.peers(&pulled.client), pulled),
            Fact::PullBytes { client, bytes } => self.pulls.bytes_received(&self.peers(client), *bytes),
            // For the pull log alone.
            Fact::PullChanged(_) => {}
            Fact::CriCall { runtime, operation, status, duration } => {
                let operation = Operation(operation);
                self.cri.call_ended(self.process(*runtime), operation, *status, *duration);
            }
            Fact::SandboxCreated { runtime, handler, status, duration } => {
                self.cri.sandbox_created(self.process(*runtime), handler, *status, *duration);
            }
            Fact::SandboxDeleted { runtime, handler, status } => {
                self.cri.sandbox_deleted(self.process(*runtime), handler, *status);
            }
            Fact::SandboxRolledBack { runtime, handler } => {
                self.cri.sandbox_rolled_back(self.process(*runtime), handler);
            }
            Fact::GcCycle { runtime, resource, duration } => {
                self.cri.gc_cycle_ended(self.process(*runtime), *resource, *duration);
            }
            Fact::Reclaimed { runtime, resource, remover } => {
                self.cri.reclaimed(self.process(*runtime), *resource, *remover);
            }
            Fact::ReclaimFailed { runtime, resource } => {
                self.cri.reclaim_failed(self.process(*runtime), *resource);
            }
            Fact::OperationBegan(operation) => {
                let (process, name, kind) = self.operation(operation);
                self.work.operation_began(process, name, kind);
            }
            Fact::OperationEnded { operation, status, duration } => {
                let (process, name, kind) = self.operation(operation);
                let matched = self.work.operation_ended(process, name, kind, *status, *duration);
                self.expect(matched, "operations_in_flight");
            }
            Fact::WorkBegan(work) => {
                let queue = Queue(Arc::clone(&work.queue));
                self.work.work_began(self.process(work.process), queue, Basis::of(work.exact));
            }
            Fact::WorkEnded { work, status, duration } => {
                let queue = Queue(Arc::clone(&work.queue));
                let matched = self.work.work_ended(self.process(work.process), queue, *status, *duration);
                self.expect(matched, "work_in_flight");
            }
            Fact::ValueDropped { metric } => self.work.value_dropped(MetricName(metric)),
            Fact::Unattributed { reason } => self.itself.unattributed(reason),
            Fact::Corrected { gauge } => self.itself.corrected(GaugeName(gauge)),
        }
    }

    fn is_watched(&self, fact: &Fact) -> bool {
        let role = |target: &TargetId| {
            self.processes.get(usize::from(target.0)).map_or(Role::Both, |(_, role)| *role)
        };
        match fact {
            Fact::RequestBegan(client)
            | Fact::RequestEnded { client, .. }
            | Fact::ResponseBytes { client, .. }
            | Fact::Download { client, .. }
            | Fact::Connected { client, .. }
            | Fact::Handshake { client, .. }
            | Fact::NetworkBytes { client, .. }
            | Fact::PullBegan(client)
            | Fact::PullEnded(client)
            | Fact::PullBytes { client, .. } => role(&client.process).is_client(),
            Fact::Pulled(pulled) => role(&pulled.client.process).is_client(),
            Fact::Lookup { process, .. } => role(process).is_client(),
            Fact::ServedBegan { process }
            | Fact::ServedEnded { process, .. }
            | Fact::ServedBytes { process, .. }
            | Fact::ServedFrom { process, .. }
            | Fact::ProxyError { process, .. }
            | Fact::ServedDownload { process, .. } => role(process).is_server(),
            Fact::ConnectionBegan { .. }
            | Fact::ConnectionEnded { .. }
            | Fact::Visible { .. }
            | Fact::ProcessBegan { .. }
            | Fact::ProcessEnded { .. }
            | Fact::HpackUnknown { .. }
            | Fact::PullChanged(_)
            | Fact::CriCall { .. }
            | Fact::SandboxCreated { .. }
            | Fact::SandboxDeleted { .. }
            | Fact::SandboxRolledBack { .. }
            | Fact::GcCycle { .. }
            | Fact::Reclaimed { .. }
            | Fact::ReclaimFailed { .. }
            | Fact::OperationBegan(_)
            | Fact::OperationEnded { .. }
            | Fact::WorkBegan(_)
            | Fact::WorkEnded { .. }
            | Fact::ValueDropped { .. }
            | Fact::Unattributed { .. }
            | Fact::Corrected { .. } => true,
        }
    }

    /// An end without a begin is a defect of the model; it shows as a correction, not as a negative gauge.
    fn expect(&self, matched: bool, gauge: &'static str) {
        if !matched {
            self.itself.corrected(GaugeName(gauge));
        }
    }

    fn peers(&self, client: &Client) -> Peers {
        Peers { process: self.process(client.process), registry: self.registries.label(&client.registry) }
    }

    fn operation(&self, of: &fact::Operation) -> (Process, OperationName, OperationKind) {
        let (operation, kind) = (Arc::clone(&of.operation), Arc::clone(&of.kind));
        (self.process(of.process), OperationName(operation), OperationKind(kind))
    }

    /// The label of a target; `unknown` for an id that was never configured.
    pub fn process(&self, target: TargetId) -> Process {
        let known = self.processes.get(usize::from(target.0));
        known.map_or_else(|| Process("unknown".into()), |(process, _)| process.clone())
    }
}

fn download_kind(kind: Kind) -> Option<DownloadKind> {
    match kind {
        Kind::Manifest => Some(DownloadKind::Manifest),
        Kind::Blob => Some(DownloadKind::Blob),
        _ => None,
    }
}
