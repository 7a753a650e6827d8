//! Facts as short lines of text.

use std::fmt::Write as _;

use super::scene::MS;
use crate::model::event::TargetId;
use crate::model::fact::{
    CallStatus, Client, ConnectResult, Fact, LookupResult, Operation, Pulled, Remover, Resource, Role,
    Status, Visibility,
};
use crate::model::pull::record::{Known, PullStatus, Trigger};

fn milliseconds(duration: u64) -> String {
    format!("{}ms", duration / MS)
}

fn optional(duration: Option<u64>) -> String {
    duration.map_or("-".into(), milliseconds)
}

fn code(code: Option<u16>) -> String {
    code.map_or("none".into(), |code| code.to_string())
}

fn whose(client: &Client) -> String {
    let mut text = String::new();
    if client.process != TargetId(0) {
        write!(text, "target {} ", client.process.0).unwrap();
    }
    text + client.registry.as_str()
}

/// A fact as a line. The process's target is left out where it says nothing.
#[expect(clippy::too_many_lines, reason = "one line for each kind of fact")]
pub fn line(fact: &Fact) -> String {
    match fact {
        Fact::RequestBegan(client) => format!("request+ {}", whose(client)),
        Fact::RequestEnded { client, kind, method, code: c, duration, first_byte } => format!(
            "request- {} {} {} {} first {} all {}",
            whose(client),
            kind.as_str(),
            method.as_str(),
            code(*c),
            optional(*first_byte),
            optional(*duration)
        ),
        Fact::ResponseBytes { client, kind, bytes } => {
            format!("bytes {} {} {bytes}", whose(client), kind.as_str())
        }
        Fact::Download { client, kind, status } => {
            format!("download {} {} {}", whose(client), kind.as_str(), status_text(*status))
        }
        Fact::ServedBegan { process } => format!("served+ {}", process.0),
        Fact::ServedEnded { process, kind, method, code: c, duration } => format!(
            "served- {} {} {} {} all {}",
            process.0,
            kind.as_str(),
            method.as_str(),
            code(*c),
            optional(*duration)
        ),
        Fact::ServedBytes { process, kind, bytes } => {
            format!("served-bytes {} {} {bytes}", process.0, kind.as_str())
        }
        Fact::ServedDownload { process, kind, status } => {
            format!("served-download {} {} {}", process.0, kind.as_str(), status_text(*status))
        }
        Fact::Connected { client, result, duration } => {
            let result = match result {
                ConnectResult::Ok => "ok",
                ConnectResult::Refused => "refused",
                ConnectResult::Timeout => "timeout",
                ConnectResult::Unreachable => "unreachable",
                ConnectResult::Reset => "reset",
                ConnectResult::Canceled => "canceled",
                ConnectResult::Other => "other",
            };
            format!("connect {} {result} {}", whose(client), milliseconds(*duration))
        }
        Fact::ConnectionBegan { role, .. } => format!("connection+ {}", role_text(*role)),
        Fact::ConnectionEnded { role, .. } => format!("connection- {}", role_text(*role)),
        Fact::Visible { visibility, .. } => match visibility {
            Visibility::Plaintext => "visible plaintext".into(),
            Visibility::TlsDecoded => "visible decoded".into(),
            Visibility::TlsOpaque => "visible tls".into(),
            Visibility::Other => "visible other".into(),
        },
        Fact::NetworkBytes { client, received, sent } => {
            format!("network {} {received} {sent}", whose(client))
        }
        Fact::Handshake { client, duration } => {
            format!("handshake {} {}", whose(client), milliseconds(*duration))
        }
        Fact::HpackUnknown { fields } => format!("hpack-unknown {fields}"),
        Fact::Lookup { result, duration, .. } => {
            let result = match result {
                LookupResult::Ok => "ok",
                LookupResult::Nxdomain => "nxdomain",
                LookupResult::Servfail => "servfail",
                LookupResult::Timeout => "timeout",
                LookupResult::Other => "other",
            };
            format!("lookup {result} {}", milliseconds(*duration))
        }
        Fact::PullBegan(client) => format!("pull+ {}", whose(client)),
        Fact::PullEnded(client) => format!("pull- {}", whose(client)),
        Fact::Pulled(pulled) => pulled_text(pulled),
        Fact::PullBytes { client, bytes } => format!("pull-bytes {} {bytes}", whose(client)),
        Fact::PullChanged(record) => {
            let image = record.image.as_deref().unwrap_or("?");
            let state = if record.end.is_some() { "ended" } else { "runs" };
            format!("log {} {state} {image} {} phases", record.id, record.phases.len())
        }
        Fact::CriCall { operation, status, duration, .. } => {
            let status = match status {
                CallStatus::Told(status) => status.as_str(),
                CallStatus::Unread => "unread",
                CallStatus::Cut => "cut",
            };
            format!("call {operation} {status} {}", milliseconds(*duration))
        }
        Fact::SandboxCreated { handler, status, .. } => {
            format!("sandbox-created {} {}", handler.0, status_text(*status))
        }
        Fact::SandboxDeleted { handler, status, .. } => {
            format!("sandbox-deleted {} {}", handler.0, status_text(*status))
        }
        Fact::SandboxRolledBack { handler, .. } => format!("sandbox-rolled-back {}", handler.0),
        Fact::GcCycle { resource, duration, .. } => {
            format!("gc-cycle {} {}", resource_text(*resource), milliseconds(*duration))
        }
        Fact::Reclaimed { resource, remover, .. } => {
            let remover = match remover {
                Remover::Kubelet => "kubelet",
                Remover::User => "user",
                Remover::Unknown => "unknown",
            };
            format!("reclaimed {} {remover}", resource_text(*resource))
        }
        Fact::ReclaimFailed { resource, .. } => format!("reclaim-failed {}", resource_text(*resource)),
        Fact::ProxyError { trouble, .. } => format!("proxy-error {trouble:?}"),
        Fact::ServedFrom { kind, cached, .. } => format!("served-from {} {cached:?}", kind.as_str()),
        Fact::OperationBegan(Operation { operation, kind, .. }) => format!("operation+ {operation} {kind}"),
        Fact::OperationEnded { operation: Operation { operation, kind, .. }, status, duration } => {
            format!("operation- {operation} {kind} {status:?} {}", optional(*duration))
        }
        Fact::WorkBegan(work) => {
            format!("work+ {}{}", work.queue, if work.exact { "" } else { " estimated" })
        }
        Fact::WorkEnded { work, status, duration } => {
            format!("work- {} {status:?} {}", work.queue, optional(*duration))
        }
        Fact::ValueDropped { metric } => format!("value-dropped {metric}"),
        Fact::ProcessBegan { process } => format!("process+ {}", process.0),
        Fact::ProcessEnded { process } => format!("process- {}", process.0),
        Fact::Unattributed { reason } => format!("unattributed {reason}"),
        Fact::Corrected { gauge } => format!("corrected {gauge}"),
    }
}

fn pulled_text(pulled: &Pulled) -> String {
    let status = match (pulled.status, pulled.trouble) {
        (PullStatus::Error, Some(trouble)) => trouble.as_str(),
        (PullStatus::Error, None) => "error",
        (PullStatus::Ok, _) => "ok",
        (PullStatus::Unknown, _) => "unknown",
    };
    let known = |known, yes, no, unknown| match known {
        Known::Yes => yes,
        Known::No => no,
        Known::Unknown => unknown,
    };
    let trigger = match pulled.trigger {
        Trigger::Execution => "execution",
        Trigger::Warmup => "warmup",
        Trigger::Unknown => "trigger?",
    };
    format!(
        "pulled {} {} {status} {} {} {trigger} {}",
        whose(&pulled.client),
        pulled.isolation.0,
        known(pulled.on_disk, "on-disk", "not-on-disk", "on-disk?"),
        known(pulled.has_creds, "creds", "no-creds", "creds?"),
        milliseconds(pulled.duration)
    )
}

fn resource_text(resource: Resource) -> &'static str {
    match resource {
        Resource::Image => "image",
        Resource::Container => "container",
        Resource::Sandbox => "sandbox",
    }
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Error => "error",
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}
