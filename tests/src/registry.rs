//! Debian's docker-registry on loopback, and its access log.
//!
//! It picks its own free port. Images are pushed to it directly, before observation starts, so that a front's log
//! holds what the clients under observation did and nothing else.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::images::{Image, TAG};
use crate::log::{Log, LogEntry};
use crate::loopback::free_address;
use crate::place::Place;
use crate::process::{Server, run};
use crate::tls::{Certificate, Version};
use crate::token::TokenServer;

/// Who may pull and push.
pub enum Access<'a> {
    /// Anyone.
    Open,
    /// Who presents these credentials with Basic authentication (RFC 7617).
    Basic {
        /// User name.
        user: &'a str,
        /// Password.
        password: &'a str,
    },
    /// Who presents a token of this server (distribution's token authentication specification).
    Token(&'a TokenServer),
}

/// A running docker-registry; gone when dropped.
pub struct Registry {
    server: Server,
    address: SocketAddr,
    credentials: Option<(String, String)>,
    dir: TempDir,
}

impl Registry {
    /// Starts an empty registry that speaks in the clear.
    #[track_caller]
    pub fn start(access: &Access<'_>) -> Self {
        Self::start_with(free_address().ip(), access, None)
    }

    /// Starts an empty registry that speaks TLS only.
    #[track_caller]
    pub fn start_tls(access: &Access<'_>, certificate: &Certificate, version: Version) -> Self {
        Self::start_tls_at(free_address().ip(), access, certificate, version)
    }

    /// The same at an address, for which the certificate may be.
    #[track_caller]
    pub fn start_tls_at(
        address: IpAddr,
        access: &Access<'_>,
        certificate: &Certificate,
        version: Version,
    ) -> Self {
        Self::start_with(address, access, Some((certificate, version)))
    }

    #[track_caller]
    fn start_with(address: IpAddr, access: &Access<'_>, tls: Option<(&Certificate, Version)>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a registry");
        let mut config = json!({
            "version": 0.1,
            // Standard error tells the address, standard output is the access log.
            "log": { "level": "info", "formatter": "json", "accesslog": { "disabled": false } },
            "storage": { "filesystem": { "rootdirectory": dir.path().join("storage") } },
            // With a drain time it ends only when every request it has begun is answered and logged.
            "http": { "addr": format!("{address}:0"), "draintimeout": "30s" },
        });
        if let Some((Certificate { chain, key }, version)) = tls {
            config["http"]["tls"] = json!({ "certificate": chain, "key": key });
            config["http"]["http2"] = json!({ "disabled": version == Version::Http1 });
        }
        let mut credentials = None;
        match access {
            Access::Open => {}
            Access::Basic { user, password } => {
                let file = password_file(dir.path(), user, password);
                config["auth"] = json!({ "htpasswd": { "realm": "pullscope", "path": file } });
                credentials = Some(((*user).to_owned(), (*password).to_owned()));
            }
            Access::Token(tokens) => {
                config["auth"] = json!({ "token": tokens.registry_config() });
                credentials = tokens.credentials();
            }
        }
        // YAML holds JSON (YAML 1.2, 1.2): no second serializer is needed.
        let file = dir.path().join("config.yml");
        fs::write(&file, config.to_string()).expect("write the configuration of a registry");
        let mut command = Place::machine().command("docker-registry");
        command.arg("serve").arg(&file);
        let mut server = Server::spawn("docker-registry", command, &dir.path().join("log"));
        let address = server.wait_until("a listening address", |server| listening_address(&server.output()));
        Self { server, address, credentials, dir }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The directory of the blobs, for servers that give them out by themselves. The blob `sha256:abcd...` stands
    /// in `ab/abcd.../data` below it.
    pub fn blob_files(&self) -> PathBuf {
        self.dir.path().join("storage/docker/registry/v2/blobs/sha256")
    }

    /// Pushes `image` as `name` (repository and tag), byte by byte as it stands on the disk.
    #[track_caller]
    pub fn push(&self, image: &Image, name: &str) {
        self.push_from(&format!("oci:{}:{TAG}", image.layout.display()), name);
    }

    /// Pushes what stands at `source`, as skopeo names places (`containers-transports(5)`), as `name`.
    #[track_caller]
    pub fn push_from(&self, source: &str, name: &str) {
        let mut command = Place::machine().command("skopeo");
        // HOME is the rig's: credential and cache files of the machine take no part.
        command.env("HOME", self.dir.path());
        command.args(["copy", "--preserve-digests", "--dest-tls-verify=false"]);
        if let Some((user, password)) = &self.credentials {
            command.arg(format!("--dest-creds={user}:{password}"));
        }
        command.arg(source);
        command.arg(format!("docker://{}/{name}", self.address));
        let _ = run(command).expect_ok();
    }

    /// The access log so far. The registry logs a request shortly after its answer has gone out: see
    /// [`stop`](Self::stop).
    pub fn log(&self) -> Log {
        Log(self.server.output().lines().filter_map(parse_access).collect())
    }

    /// Stops the registry and gives its complete access log: every request it had begun is answered and logged.
    #[track_caller]
    pub fn stop(mut self) -> Log {
        let status = self.server.terminate();
        assert!(status.success(), "docker-registry ended with {status}");
        self.log()
    }
}

#[track_caller]
fn password_file(dir: &Path, user: &str, password: &str) -> PathBuf {
    let file = dir.join("htpasswd");
    let mut command = Place::machine().command("htpasswd");
    // The registry takes bcrypt only (-B); cost 4 keeps the many checks of a test cheap.
    command.args(["-b", "-B", "-C", "4", "-c"]).arg(&file).args([user, password]);
    let _ = run(command).expect_ok();
    file
}

pub(crate) fn listening_address(output: &str) -> Option<SocketAddr> {
    let mut messages = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.find_map(|message| {
        let address = message["msg"].as_str()?.strip_prefix("listening on ")?;
        address.trim_end_matches(", tls").parse().ok()
    })
}

/// A line of the access log in Apache's combined format, which the registry writes through gorilla/handlers.
///
/// Fields are quoted with `\"` inside; the log does not hold the Host field. For HEAD it names the bytes that the
/// handler wrote, none of which Go's net/http sends: they count as 0 here.
pub(crate) fn parse_access(line: &str) -> Option<LogEntry> {
    let (_, rest) = line.split_once("] \"")?;
    let (request, rest) = split_quoted(rest)?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let code = numbers.next()?.parse().ok()?;
    let written = numbers.next()?.parse().ok()?;
    let (_referer, rest) = split_quoted(numbers.next()?.strip_prefix('"')?)?;
    let (user_agent, _) = split_quoted(rest.trim_start().strip_prefix('"')?)?;
    let mut words = request.split(' ');
    let method = words.next()?.to_owned();
    let (path, query) = LogEntry::split_target(words.next()?);
    let body_bytes = if method == "HEAD" { 0 } else { written };
    let (code, protocol) = (Some(code), words.next().map(str::to_owned));
    Some(LogEntry { method, path, query, code, body_bytes, protocol, user_agent, ..LogEntry::default() })
}

/// What stands before the closing quote, and what follows it.
fn split_quoted(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((content, &text[at + 1..])),
            '\\' => content.push(characters.next()?.1),
            _ => content.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests;
