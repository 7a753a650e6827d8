//! Starts and stops the program, and speaks HTTP with it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The program, without any setting from this process's environment.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pullscope"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PULLSCOPE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn finished(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// A file with that text, gone when dropped.
pub fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// The program, running; killed when dropped.
pub struct Program {
    /// Where it serves.
    pub addresses: Vec<SocketAddr>,
    child: Option<Child>,
    stderr: BufReader<ChildStderr>,
    log: String,
}

/// The program, ended.
pub struct Ended {
    pub status: ExitStatus,
    pub log: String,
}

/// An answer.
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
}

impl Program {
    /// Starts it on a free port, and waits until it serves. None where it cannot run on this machine.
    pub fn start(mut command: Command) -> Option<Self> {
        command.arg("--web.listen-address=127.0.0.1:0");
        Self::start_on(command, 1)
    }

    /// Starts it where the command says, and waits until it serves at so many addresses. None where it cannot run.
    pub fn start_on(mut command: Command, count: usize) -> Option<Self> {
        let report = finished(self::command().args(["check", "--web.listen-address=127.0.0.1:0"]));
        if !report.status.success() {
            eprintln!("SKIPPED: pullscope cannot run here:\n{}", String::from_utf8_lossy(&report.stdout));
            return None;
        }
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut program = Self { addresses: Vec::new(), child: Some(child), stderr, log: String::new() };
        while program.addresses.len() < count {
            let mut line = String::new();
            assert!(program.stderr.read_line(&mut line).unwrap() > 0, "it ended: {}", program.log);
            program.log.push_str(&line);
            // As text, `address=127.0.0.1:1`; as JSON, `"address":"127.0.0.1:1"`.
            let after = line.split_once("address").map(|(_, rest)| rest.trim_start_matches(['"', ':', '=']));
            if let Some(address) = after.and_then(|rest| rest.split([' ', '"', '\n']).next()?.parse().ok()) {
                program.addresses.push(address);
            }
        }
        Some(program)
    }

    pub fn get(&self, path: &str, fields: &str) -> Answer {
        get(self.addresses[0], path, fields)
    }

    pub fn stop(self) -> Ended {
        self.stop_by(Signal::SIGTERM)
    }

    pub fn stop_by(mut self, signal: Signal) -> Ended {
        let mut child = self.child.take().unwrap();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let mut log = std::mem::take(&mut self.log);
        self.stderr.read_to_string(&mut log).unwrap();
        Ended { status: child.wait().unwrap(), log }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn get(address: SocketAddr, path: &str, fields: &str) -> Answer {
    request(address, "GET", path, fields)
}

pub fn request(address: SocketAddr, method: &str, path: &str, fields: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = bytes.split_off(end);
    Answer { head: String::from_utf8(bytes).unwrap(), body }
}
