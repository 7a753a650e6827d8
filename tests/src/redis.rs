//! Debian's redis-server on loopback, with what it counts itself: the second oracle of queues.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::loopback::free_address;
use crate::place::Place;
use crate::process::Server;

/// A running redis-server that keeps nothing on the disk; gone when dropped.
pub struct Redis {
    server: Server,
    address: SocketAddr,
    dir: TempDir,
}

impl Redis {
    /// Starts an empty one, on TCP and on a unix socket.
    #[track_caller]
    pub fn start() -> Self {
        let (address, dir) = (free_address(), tempfile::tempdir().expect("a directory for a redis-server"));
        let server = Self::spawn(address, &dir);
        Self { server, address, dir }
    }

    #[track_caller]
    fn spawn(address: SocketAddr, dir: &TempDir) -> Server {
        let mut command = Place::machine().command("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.arg("--unixsocket").arg(dir.path().join("socket")).arg("--dir").arg(dir.path());
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        let mut server = Server::spawn("redis-server", command, &dir.path().join("log"));
        server.wait_until("an answer", |server| {
            let ready = server.output().contains("Ready to accept connections");
            (ready && TcpStream::connect(address).is_ok()).then_some(())
        });
        server
    }

    /// Kills it and starts it again at the same address, empty.
    #[track_caller]
    pub fn restart(&mut self) {
        self.server.kill();
        // What a killed one leaves is in the way of its successor's unix socket only.
        let _ = fs::remove_file(self.socket());
        self.server = Self::spawn(self.address, &self.dir);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The unix socket at which it listens.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// The URL of it on TCP, as redis-py takes it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The same of the unix socket.
    pub fn unix_url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Sends a command on a connection of its own. Gives the reply as far as it is one line or one text.
    ///
    /// # Panics
    /// At an error.
    #[track_caller]
    pub fn ask(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).expect("connect to redis-server");
        let mut command = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            command.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        stream.write_all(&command).expect("send a command");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).expect("a reply");
        let line = line.trim_end();
        assert!(!line.is_empty() && !line.starts_with('-'), "{words:?}: {line}");
        let Some(length) = line.strip_prefix('$') else { return line[1..].to_owned() };
        let mut text = vec![0; length.parse().unwrap_or(0)];
        reader.read_exact(&mut text).expect("a text");
        String::from_utf8(text).expect("text")
    }

    /// How often a command was called, by what the server counts (`INFO commandstats`). One that waits is not counted before it
    /// has got something.
    #[track_caller]
    pub fn calls(&self, command: &str) -> u64 {
        let stats = self.ask(&["INFO", "commandstats"]);
        let prefix = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
        calls.map_or(0, |calls| calls.parse().expect("a number of calls"))
    }

    /// How many items are in a queue.
    #[track_caller]
    pub fn length(&self, queue: &str) -> u64 {
        self.ask(&["LLEN", queue]).parse().expect("a length")
    }

    /// How many clients wait for an item.
    #[track_caller]
    pub fn waiting(&self) -> u64 {
        let info = self.ask(&["INFO", "clients"]);
        let blocked = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
        blocked.and_then(|number| number.parse().ok()).expect("a number of blocked clients")
    }
}
