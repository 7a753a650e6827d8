//! The real clients, each with storage, credentials and (where it has one) a daemon of its own.
//!
//! How they speak plain HTTP when they are told no authority to trust, which is theirs to choose and part of what pullscope must see:
//! - skopeo, podman and buildah (containers/image) with `--tls-verify=false` try TLS on the registry's port first and
//!   fall back: the registry gets a connection with a TLS hello on it, which it answers with a plain 400 or not at all;
//! - dockerd does the same for an insecure registry;
//! - ctr with `--plain-http` speaks plain HTTP at once, and makes the requests itself: containerd only stores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use tempfile::TempDir;

use crate::daemons::{Containerd, Dockerd};
use crate::place::Place;
use crate::process::{Outcome, Running};
use crate::tls::Authority;

/// Longer than any pull of the tests takes, retries included.
const LONGEST_PULL: Duration = Duration::from_secs(180);

/// A client program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `skopeo copy` to a directory.
    Skopeo,
    /// `podman pull`.
    Podman,
    /// `buildah pull`.
    Buildah,
    /// `ctr image pull`, with a containerd.
    Ctr,
    /// `docker pull`, with a dockerd.
    Docker,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Skopeo, Self::Podman, Self::Buildah, Self::Ctr, Self::Docker];

    /// The process that speaks to the registry, as the `process` label names it.
    pub fn process(self) -> &'static str {
        match self {
            Self::Skopeo => "skopeo",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Ctr => "ctr",
            Self::Docker => "dockerd",
        }
    }
}

enum Daemon {
    None,
    Containerd(Containerd),
    Dockerd(Dockerd),
}

/// How a client gets at an image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// User name and password.
    pub credentials: Option<(&'a str, &'a str)>,
    /// `http://host:port` of a mirror for images of Docker Hub. ctr asks it with `?ns=docker.io`; the others name it
    /// in their own configuration and ask without.
    pub mirror: Option<&'a str>,
    /// Folder of an authority ([`crate::tls::Authority::folder`]): TLS, and it must be good. Without it a client takes
    /// what it gets.
    pub trust: Option<&'a Path>,
    /// dockerd gives up at the first download that fails. Else it tries five times, which takes a minute.
    pub once: bool,
}

/// A client ready to pull, with empty storage and its daemon running.
pub struct Puller<'a> {
    client: Client,
    place: Place,
    options: Options<'a>,
    daemon: Daemon,
    // After the daemon: it goes first.
    dir: TempDir,
}

impl<'a> Puller<'a> {
    /// Prepares `client`, and starts its daemon, at `place`.
    #[track_caller]
    pub fn start(client: Client, place: Place, options: Options<'a>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a client");
        let daemon = match client {
            Client::Ctr => Daemon::Containerd(Containerd::start(&place)),
            Client::Docker => {
                Daemon::Dockerd(Dockerd::start(&place, options.mirror, options.trust, options.once))
            }
            Client::Skopeo | Client::Podman | Client::Buildah => Daemon::None,
        };
        // The containers tools want the file that REGISTRY_AUTH_FILE names to be there.
        fs::write(dir.path().join("auth.json"), "{}").expect("write an empty file of credentials");
        if let Some(mirror) = options.mirror {
            configure_mirror(dir.path(), mirror);
        }
        Self { client, place, options, daemon, dir }
    }

    /// Prepares `client` on the machine as it is, without options.
    #[track_caller]
    pub fn plain(client: Client) -> Self {
        Self::start(client, Place::machine(), Options::default())
    }

    /// The same on the machine as it is, to meet registries that fail.
    #[track_caller]
    pub fn impatient(client: Client) -> Self {
        Self::start(client, Place::machine(), Options { once: true, ..Options::default() })
    }

    /// Pulls an image (`host:port/repository:tag`, or as Docker Hub's `docker.io/...`) and waits for the end.
    #[track_caller]
    pub fn pull(&self, reference: &str) -> Outcome {
        self.begin(reference).wait(LONGEST_PULL)
    }

    /// Begins to pull an image.
    #[track_caller]
    pub fn begin(&self, reference: &str) -> Running {
        Running::spawn(self.command(reference))
    }

    /// Runs an image with the program ([`crate::images::Image::program`]), which ends with `code` at once, and pulls it if it is
    /// missing. Only docker and podman do that.
    #[track_caller]
    pub fn run(&self, reference: &str, code: u8) -> Outcome {
        Running::spawn(self.run_command(reference, code)).wait(LONGEST_PULL)
    }

    #[track_caller]
    fn run_command(&self, reference: &str, code: u8) -> Command {
        let dir = self.dir.path();
        let mut command = match (&self.daemon, self.client) {
            (Daemon::Dockerd(daemon), _) => {
                let mut command = daemon.command();
                command.args(["run", "--rm", "--network=host"]);
                command
            }
            (Daemon::None, Client::Podman) => {
                let mut command = self.place.command("podman");
                command.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("run"));
                // Test machines have no systemd and no journal, and cgroups that only runc can do with.
                command.args(["--storage-driver=vfs", "--runtime=runc", "--cgroup-manager=cgroupfs"]);
                command.args([
                    "--events-backend=none",
                    "run",
                    "--rm",
                    "--network=host",
                    "--tls-verify=false",
                ]);
                // Not podman's own limits, which are higher than a test machine may allow.
                command.args(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]);
                command
            }
            _ => panic!("{:?} does not run images", self.client),
        };
        command.env("HOME", dir).env("XDG_RUNTIME_DIR", dir).env("REGISTRY_AUTH_FILE", dir.join("auth.json"));
        command.args([reference, "exit"]).arg(code.to_string());
        command
    }

    /// Has the Engine pull an image as its API has it (`POST /images/create`), without docker's own command line. Gives how long
    /// the call took, by the clock of who made it.
    #[track_caller]
    pub fn call_engine(&self, reference: &str) -> Duration {
        let mut command = Place::machine().command("curl");
        command.args(["--silent", "--fail", "--request", "POST", "--output", "/dev/null"]);
        command.args(["--write-out", "%{time_total}", "--unix-socket"]).arg(self.engine());
        command.arg(format!("http://docker{}", Self::engine_target(reference)));
        let outcome = Running::spawn(command).wait(LONGEST_PULL).expect_ok();
        Duration::from_secs_f64(outcome.stdout.parse().expect("seconds"))
    }

    /// The socket of the Engine.
    #[track_caller]
    pub fn engine(&self) -> PathBuf {
        let Daemon::Dockerd(daemon) = &self.daemon else { panic!("{:?} has no Engine", self.client) };
        daemon.socket()
    }

    /// The target of a request to the Engine for a pull.
    #[track_caller]
    pub fn engine_target(reference: &str) -> String {
        let (image, tag) = reference.rsplit_once(':').expect("a reference with a tag");
        format!("/images/create?fromImage={image}&tag={tag}")
    }

    /// The daemon's process id, if the client has one.
    pub fn daemon(&self) -> Option<u32> {
        match &self.daemon {
            Daemon::None => None,
            Daemon::Containerd(daemon) => Some(daemon.pid()),
            Daemon::Dockerd(daemon) => Some(daemon.pid()),
        }
    }

    /// The command that pulls. Each goes to fresh storage for skopeo; the others keep what they have pulled.
    #[track_caller]
    pub fn command(&self, reference: &str) -> Command {
        let dir = self.dir.path();
        let credentials = self.options.credentials.map(|(user, password)| format!("{user}:{password}"));
        let mut command = match &self.daemon {
            Daemon::None => self.place.command(self.client.process()),
            Daemon::Containerd(_) => self.place.command("ctr"),
            Daemon::Dockerd(daemon) => daemon.command(),
        };
        // The containers tools read their configuration from the machine unless told otherwise.
        command.env("HOME", dir).env("XDG_RUNTIME_DIR", dir).env("REGISTRY_AUTH_FILE", dir.join("auth.json"));
        let registries = dir.join("registries.conf");
        if registries.exists() {
            command.env("CONTAINERS_REGISTRIES_CONF", &registries);
        }
        match (&self.daemon, self.client) {
            (Daemon::Containerd(daemon), _) => {
                command.arg("--address").arg(daemon.socket());
                command.args(["image", "pull", "--snapshotter=native"]);
                match (self.options.mirror, self.options.trust) {
                    (Some(_), _) => command.arg("--hosts-dir").arg(dir.join("hosts")),
                    (None, Some(folder)) => command.arg("--tlscacert").arg(Authority::file_in(folder)),
                    (None, None) => command.arg("--plain-http"),
                };
                command.args(credentials.map(|both| format!("--user={both}")));
                command.arg(reference);
            }
            (Daemon::Dockerd(_), _) => {
                if let Some((user, password)) = self.options.credentials {
                    configure_docker(dir, reference, user, password);
                }
                command.arg("pull").arg(reference);
            }
            (Daemon::None, Client::Skopeo) => {
                if registries.exists() {
                    // skopeo 1.9 pays no attention to the environment variable that podman and buildah take.
                    command.arg("--registries-conf").arg(registries);
                }
                command.arg("copy");
                match self.options.trust {
                    Some(folder) => command.arg("--src-cert-dir").arg(folder),
                    None => command.arg("--src-tls-verify=false"),
                };
                command.args(credentials.map(|both| format!("--src-creds={both}")));
                let target = tempfile::tempdir_in(dir).expect("a directory for an image").keep();
                command.arg(format!("docker://{reference}")).arg(format!("dir:{}", target.display()));
            }
            (Daemon::None, _) => {
                command.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("run"));
                // vfs: overlay on the machine's own overlay or file system may not be there.
                command.args(["--storage-driver=vfs", "pull"]);
                match self.options.trust {
                    Some(folder) => command.arg("--cert-dir").arg(folder),
                    None => command.arg("--tls-verify=false"),
                };
                command.args(credentials.map(|both| format!("--creds={both}")));
                command.arg(reference);
            }
        }
        command
    }
}

/// For the containers tools a `registries.conf` (containers-registries.conf(5)), for ctr a `hosts.toml` (containerd
/// 1.6, docs/hosts.md) which trusts that the mirror speaks plain HTTP because its URL says so.
#[track_caller]
fn configure_mirror(dir: &Path, mirror: &str) {
    let location = mirror.trim_start_matches("http://");
    let text = format!(
        "[[registry]]\nprefix = \"docker.io\"\nlocation = \"docker.io\"\n\
         [[registry.mirror]]\nlocation = \"{location}\"\ninsecure = true\n"
    );
    fs::write(dir.join("registries.conf"), text).expect("write registries.conf");
    let hosts = dir.join("hosts/docker.io");
    fs::create_dir_all(&hosts).expect("create the directory of hosts.toml");
    let text = format!("[host.\"{mirror}\"]\ncapabilities = [\"pull\", \"resolve\"]\n");
    fs::write(hosts.join("hosts.toml"), text).expect("write hosts.toml");
}

/// The docker command line takes credentials from a file only; `docker login` would make requests of its own.
#[track_caller]
fn configure_docker(dir: &Path, reference: &str, user: &str, password: &str) {
    let registry = reference.split('/').next().unwrap_or_default();
    let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
    fs::create_dir_all(dir.join(".docker")).expect("create the directory of docker's configuration");
    let config = json!({ "auths": { registry: { "auth": auth } } }).to_string();
    fs::write(dir.join(".docker/config.json"), config).expect("write docker's configuration");
}
