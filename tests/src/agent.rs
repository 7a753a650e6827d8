//! An image agent: Debian's docker-registry under another name, as a cache of another registry (distribution's `proxy.remoteurl`),
//! on a unix socket or on TCP.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use crate::go::installed_as;
use crate::log::Log;
use crate::loopback::free_address;
use crate::packages::program;
use crate::place::Place;
use crate::process::Server;
use crate::registry::{Registry, listening_address, parse_access};

/// A running agent; gone when dropped.
pub struct Agent {
    server: Server,
    address: Option<SocketAddr>,
    dir: TempDir,
}

impl Agent {
    /// Starts one under `name` on a unix socket.
    #[track_caller]
    pub fn on_a_socket(name: &str, upstream: &Registry) -> Self {
        let dir = tempfile::tempdir().expect("a directory for an agent");
        let socket = dir.path().join("socket");
        let mut server = spawn(name, &dir, ("unix", socket.to_str().expect("a plain path")), upstream);
        server.wait_until("an open socket", |_| UnixStream::connect(&socket).ok());
        Self { server, address: None, dir }
    }

    /// Starts one under `name` on TCP.
    #[track_caller]
    pub fn on_tcp(name: &str, upstream: &Registry) -> Self {
        let dir = tempfile::tempdir().expect("a directory for an agent");
        let any_port = format!("{}:0", free_address().ip());
        let mut server = spawn(name, &dir, ("tcp", &any_port), upstream);
        let address = server.wait_until("a listening address", |server| listening_address(&server.output()));
        Self { server, address: Some(address), dir }
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Where it listens on TCP.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.address.expect("an agent on TCP")
    }

    /// Its access log so far: a request is there a moment after its answer.
    pub fn log(&self) -> Log {
        Log(self.server.output().lines().filter_map(parse_access).collect())
    }

    /// Stops it and gives its complete access log.
    #[track_caller]
    pub fn stop(mut self) -> Log {
        let status = self.server.terminate();
        assert!(status.success(), "the agent ended with {status}");
        self.log()
    }
}

#[track_caller]
fn spawn(name: &str, dir: &TempDir, (network, address): (&str, &str), upstream: &Registry) -> Server {
    let file = |name: &str| dir.path().join(name);
    let config = json!({
        "version": 0.1,
        "log": { "level": "info", "formatter": "json", "accesslog": { "disabled": false } },
        "storage": { "filesystem": { "rootdirectory": file("storage") } },
        "proxy": { "remoteurl": format!("http://{}", upstream.address()) },
        "http": { "net": network, "addr": address, "draintimeout": "30s" },
    });
    fs::write(file("config.yml"), config.to_string()).expect("write the configuration of an agent");
    let mut command = Place::machine().command(copy(dir.path(), name));
    command.arg("serve").arg(file("config.yml"));
    Server::spawn(name, command, &file("log"))
}

#[track_caller]
fn copy(dir: &Path, name: &str) -> PathBuf {
    installed_as(&program("docker-registry"), dir, name)
}
