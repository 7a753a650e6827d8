//! pullscope itself, as the tests run it: from outside, by its command line and its HTTP surface.
//!
//! `PULLSCOPE_BIN` names the program (default: what `cargo xtask build` builds), `PULLSCOPE_STRATEGY` the kernel
//! strategy (default: `auto`).

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::endpoint::Endpoint;
use crate::loopback::free_address;
use crate::packages::PATH;
use crate::place::Place;
use crate::pod::Pod;
use crate::process::Server;
use crate::turn::Alone;

/// A running pullscope; gone when dropped.
pub struct Collector {
    server: Server,
    endpoint: Endpoint,
    dir: TempDir,
}

/// How pullscope is to be started.
#[derive(Default)]
pub struct Settings<'a> {
    /// The content of a configuration file.
    pub config: Option<&'a str>,
    /// Further arguments of `run`.
    pub arguments: &'a [&'a str],
    /// A folder that comes before the others in its `PATH`: it looks there for the programs of its targets.
    pub programs: Option<&'a Path>,
}

impl Collector {
    /// Starts pullscope with its defaults and waits until it is ready.
    #[track_caller]
    pub fn start(alone: &Alone) -> Self {
        Self::start_with(alone, &Settings::default())
    }

    /// Starts pullscope and waits until it is ready.
    #[track_caller]
    pub fn start_with(_: &Alone, settings: &Settings<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for pullscope");
        let address = free_address();
        let strategy = strategy();
        let mut command = Place::machine().command(binary());
        command.arg("run").arg(format!("--web.listen-address={address}"));
        command.arg(format!("--kernel.strategy={strategy}"));
        if let Some(config) = settings.config {
            let file = dir.path().join("pullscope.toml");
            fs::write(&file, config).expect("write the configuration of pullscope");
            command.arg(format!("--config.file={}", file.display()));
        }
        if let Some(folder) = settings.programs {
            command.env("PATH", format!("{}:{PATH}", folder.display()));
        }
        command.args(settings.arguments);
        Self::spawn(command, address, dir)
    }

    /// Starts it as the container of a pod and waits until it is ready.
    #[track_caller]
    pub fn start_in(alone: &Alone, pod: &Pod) -> Self {
        Self::start_by(alone, pod.command(), pod.address())
    }

    /// Starts it by a command that has it serve at that address, and waits until it is ready.
    #[track_caller]
    pub fn start_by(_: &Alone, command: Command, address: SocketAddr) -> Self {
        let dir = tempfile::tempdir().expect("a directory for pullscope");
        Self::spawn(command, address, dir)
    }

    #[track_caller]
    fn spawn(command: Command, address: SocketAddr, dir: TempDir) -> Self {
        let mut server = Server::spawn("pullscope", command, &dir.path().join("log"));
        let endpoint = Endpoint(address);
        server.wait_until("/readyz", |_| endpoint.ready().then_some(()));
        Self { server, endpoint, dir }
    }

    /// The process id; in a pod that of podman.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.server.output()
    }

    /// The directory of its files, for what a test keeps beside them.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Stops it by SIGTERM.
    ///
    /// # Panics
    /// When its exit status is not 0.
    #[track_caller]
    pub fn stop(mut self) {
        let status = self.server.terminate();
        assert!(status.success(), "pullscope ended with {status}");
    }
}

impl Deref for Collector {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

/// A configuration with these programs as targets, each by its own name, counted as clients.
pub fn clients<T: AsRef<str>>(programs: impl IntoIterator<Item = T>) -> String {
    let target = |program: T| {
        let name = program.as_ref();
        format!("[[targets]]\nname = \"{name}\"\ncomm = \"{name}\"\nrole = \"client\"\n")
    };
    programs.into_iter().map(target).collect()
}

/// The kernel strategy under test.
pub fn strategy() -> String {
    env::var("PULLSCOPE_STRATEGY").unwrap_or_else(|_| "auto".to_owned())
}

/// The program under test.
#[track_caller]
pub fn binary() -> PathBuf {
    let default = || {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        target.join(format!("{}-unknown-linux-gnu/release/pullscope", env::consts::ARCH))
    };
    let binary = env::var_os("PULLSCOPE_BIN").map_or_else(default, PathBuf::from);
    fs::canonicalize(&binary).unwrap_or_else(|error| {
        panic!("no pullscope at {}: {error}; build it, or set PULLSCOPE_BIN", binary.display())
    })
}
