//! The daemons behind `ctr` and `docker`: one of each per client, with its own root, state and socket.
//!
//! Quirks of test machines (no systemd, cgroup v1 or mixed, no kernel modules to load): containerd starts with its CRI
//! plugin warning about CNI and works for pulls with the `native` snapshotter; dockerd wants `vfs`, no bridge and no
//! iptables, and a configuration file that exists once one is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::mounts;
use crate::place::Place;
use crate::process::{Server, run};
use crate::tls::Authority;

/// A running containerd; gone when dropped.
pub struct Containerd {
    server: Server,
    dir: TempDir,
}

impl Containerd {
    /// Starts containerd at `place` and waits until it answers.
    #[track_caller]
    pub fn start(place: &Place) -> Self {
        let dir = tempfile::tempdir().expect("a directory for containerd");
        let path = |name: &str| dir.path().join(name);
        let at = dir.path().display();
        let config = format!(
            "version = 2\nroot = '{at}/root'\nstate = '{at}/state'\n\
             [grpc]\naddress = '{at}/containerd.sock'\n[ttrpc]\naddress = '{at}/containerd.sock.ttrpc'\n"
        );
        fs::write(path("config.toml"), config).expect("write the configuration of containerd");
        let mut command = place.command("containerd");
        command.arg("--config").arg(path("config.toml"));
        let mut server = Server::spawn("containerd", command, &path("log"));
        let ready = |socket: PathBuf| {
            let mut command = Place::machine().command("ctr");
            command.arg("--address").arg(socket).arg("version");
            command
        };
        server.wait_until("an answer", |_| run(ready(path("containerd.sock"))).ok().then_some(()));
        Self { server, dir }
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("containerd.sock")
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// A running dockerd with the containerd that it starts for itself; both gone when dropped.
pub struct Dockerd {
    server: Server,
    dir: TempDir,
}

impl Dockerd {
    /// Starts dockerd at `place` and waits until it answers. Every registry counts as insecure (it tries TLS first, then
    /// plain HTTP), unless there is an authority to `trust`. `mirror` is asked first for images of Docker Hub. `once`: a download
    /// that fails is not tried again.
    #[track_caller]
    pub fn start(place: &Place, mirror: Option<&str>, trust: Option<&Path>, once: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory for dockerd");
        let path = |name: &str| dir.path().join(name);
        fs::write(path("daemon.json"), "{}").expect("write the configuration of dockerd");
        let mut command = place.command("dockerd");
        command.arg("--config-file").arg(path("daemon.json"));
        command.arg("--data-root").arg(path("data")).arg("--exec-root").arg(path("exec"));
        command
            .arg("--pidfile")
            .arg(path("pid"))
            .arg(format!("--host=unix://{}", path("docker.sock").display()));
        command.args(["--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false"]);
        match trust {
            // It still does not verify what is on loopback, which always counts as insecure, but tries TLS first.
            Some(folder) => command.env("SSL_CERT_FILE", Authority::file_in(folder)),
            // Networks, not names: dockerd resolves a registry's name and looks whether its address is in one of them.
            None => command.args(["--insecure-registry=0.0.0.0/0", "--insecure-registry=::/0"]),
        };
        if let Some(mirror) = mirror {
            command.arg(format!("--registry-mirror={mirror}"));
        }
        if once {
            command.arg("--max-download-attempts=1");
        }
        let mut server = Server::spawn("dockerd", command, &path("log"));
        let this = |server: &Server| {
            // The client makes a directory below HOME.
            let mut command = Place::machine().command("docker");
            command.env("HOME", dir.path()).arg(format!("--host=unix://{}", path("docker.sock").display()));
            command.arg("version");
            (server.output().contains("API listen on") && run(command).ok()).then_some(())
        };
        server.wait_until("an answer", this);
        Self { server, dir }
    }

    /// A docker command line for this daemon.
    #[track_caller]
    pub fn command(&self) -> Command {
        let mut command = Place::machine().command("docker");
        command.arg(format!("--host=unix://{}", self.socket().display()));
        command
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("docker.sock")
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // By SIGTERM, so that it stops the containerd it has started.
        self.server.terminate();
        // The network of containers that are on the machine's own.
        mounts::remove_below(self.dir.path());
    }
}
