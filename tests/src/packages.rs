//! The programs of the rig and the Debian packages they come from.
//!
//! Only Debian's own directories are searched: a machine may have another `docker` or `skopeo` earlier in its
//! `PATH`, and what the tests say about versions and request sequences holds for Debian's.

use std::path::PathBuf;

/// Where Debian's packages put programs, in search order; also the `PATH` of every child of the rig.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// The list that `cargo xtask test` installs from.
const LIST: &str = include_str!("../packages.txt");

/// Program and the package it comes from.
const PROGRAMS: &[(&str, &str)] = &[
    ("htpasswd", "apache2-utils"),
    ("bash", "bash"),
    ("bpftool", "bpftool"),
    ("buildah", "buildah"),
    ("containerd", "containerd"),
    ("ctr", "containerd"),
    ("curl", "curl"),
    ("docker-registry", "docker-registry"),
    ("docker", "docker.io"),
    ("dockerd", "docker.io"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("umount", "mount"),
    ("nginx", "nginx-light"),
    ("podman", "podman"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("python3", "python3"),
    ("redis-benchmark", "redis-tools"),
    ("redis-server", "redis-server"),
    ("runc", "runc"),
    ("skopeo", "skopeo"),
    ("systemctl", "systemd"),
    ("systemd", "systemd"),
    ("systemd-analyze", "systemd"),
    ("umoci", "umoci"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("unshare", "util-linux"),
];

/// The packages of `packages.txt`, in its order.
pub fn packages() -> impl Iterator<Item = &'static str> {
    LIST.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|name| !name.is_empty())
}

/// The full path of Debian's `name`, where it is installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|dir| PathBuf::from(dir).join(name)).find(|path| path.is_file())
}

/// The full path of Debian's `name`.
///
/// # Panics
/// When it is not installed, naming the package to install; or when the rig does not know the program.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let Some((_, package)) = PROGRAMS.iter().find(|(known, _)| *known == name) else {
        panic!("{name} is not a program of the rig: add it to packages.rs and its package to packages.txt");
    };
    installed(name).unwrap_or_else(|| {
        panic!("{name} is missing: install the Debian package {package} (apt-get install {package})")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{PROGRAMS, packages};

    /// Packages without a program that the rig starts: xtask does, or programs of the rig are built of or load what is in them.
    const OTHERS: [&str; 4] = ["golang-google-grpc-dev", "python3-pip", "python3-redis", "python3-requests"];

    #[test]
    fn every_program_has_its_package_in_the_list_and_every_package_is_used() {
        let used: BTreeSet<_> = PROGRAMS.iter().map(|(_, package)| *package).chain(OTHERS).collect();
        assert_eq!(packages().collect::<BTreeSet<_>>(), used);
    }
}
