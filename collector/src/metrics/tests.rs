mod bounds;
mod declared;
mod itself;
mod pulls;
mod reasons;
mod traffic;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use collector_common::counters::Counter;
use collector_common::event;
use wire::grpc;
use wire::http::{Method, Unparsed};
use wire::oci::Kind;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::label::Values;
use super::labels::{AttachedStrategy, Library, Map, Probe, UNATTRIBUTED};
use super::registry_traffic::Peers;
use super::table::{self, Type};
use super::*;
use crate::model::event::TargetId;
use crate::model::fact::{
    CallStatus, Client, ConnectResult, Fact, LookupResult, Pulled, Remover, Resource, Role as Side, Status,
    Visibility,
};
use crate::model::pull::record::{Isolation, Known, PullStatus, Trigger};
use crate::targets::{Comm, TargetName};

/// Targets `asks` (client), `serves` (server) and `both`.
fn targets() -> Targets {
    let target = |name: &str, role| Target {
        name: TargetName::try_from(name.to_owned()).unwrap(),
        comm: Comm::try_from(name.to_owned()).unwrap(),
        argv: None,
        role,
        redis: false,
        threads: false,
    };
    let own = vec![target("asks", Role::Client), target("serves", Role::Server), target("both", Role::Both)];
    Targets::new(own, false).unwrap()
}

/// Those of [`targets`], without recipes.
fn metrics(max_registries: usize) -> Metrics {
    Metrics::new(&targets(), &[], max_registries).unwrap()
}

fn text(metrics: &Metrics) -> String {
    let mut bytes = Vec::new();
    metrics.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Value of one series, written as it stands in the text; `None` where it is not there.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = text(metrics);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

fn client(registry: &str) -> Client {
    Client { process: TargetId(0), registry: RegistryLabel::Name(registry.into()) }
}

fn isolation(name: &str) -> Isolation {
    Isolation(name.into())
}

/// A pull of 2 s that went well, of which everything is known.
fn pulled(client: Client) -> Pulled {
    Pulled {
        client,
        isolation: isolation("runc"),
        status: PullStatus::Ok,
        trouble: None,
        on_disk: Known::No,
        has_creds: Known::Yes,
        trigger: Trigger::Execution,
        duration: 2_000_000_000,
    }
}

fn request_ended(client: Client, code: Option<u16>) -> Fact {
    Fact::RequestEnded {
        client,
        kind: Kind::Blob,
        method: Method::Get,
        code,
        duration: code.map(|_| 2_000_000_000),
        first_byte: code.map(|_| 3_000_000),
    }
}
