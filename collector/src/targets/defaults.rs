//! The targets that need no configuration: the runtimes, clients and agents that pull images on Linux nodes.

use super::{Comm, Role, Target, TargetName};

/// Name (also the comm: every one of these programs is called by its name), role, and what it is.
pub const TABLE: [(&str, Role, &str); 16] = [
    ("containerd", Role::Client, "container runtime (CRI and Docker)"),
    ("crio", Role::Client, "CRI-O, container runtime (CRI)"),
    ("dockerd", Role::Client, "Docker Engine"),
    ("podman", Role::Client, "container engine without a daemon"),
    ("ctr", Role::Client, "containerd's own client"),
    ("nerdctl", Role::Client, "Docker-like client of containerd"),
    ("skopeo", Role::Client, "copies and inspects images"),
    ("buildah", Role::Client, "builds images"),
    ("buildkitd", Role::Client, "BuildKit's daemon, builds images"),
    ("crane", Role::Client, "go-containerregistry's client"),
    ("oras", Role::Client, "OCI artifacts client"),
    ("regctl", Role::Client, "regclient's client"),
    ("kraken-agent", Role::Both, "Kraken's peer-to-peer agent"),
    ("dfdaemon", Role::Both, "Dragonfly's peer-to-peer agent"),
    ("spegel", Role::Both, "peer-to-peer mirror of a cluster"),
    ("docker-registry", Role::Both, "Distribution's registry, as Debian names it, also a mirror"),
];

/// The table as targets.
pub fn all() -> Vec<Target> {
    let target = |&(name, role, _): &(&str, Role, &str)| {
        let name = name.to_owned();
        Some(Target {
            comm: Comm::try_from(name.clone()).ok()?,
            name: TargetName::try_from(name).ok()?,
            argv: None,
            role,
            redis: false,
            threads: false,
        })
    };
    TABLE.iter().filter_map(target).collect()
}
