//! What the service manager is told. The tests are the manager: theirs is the socket, and what comes by it is looked at as it is.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;

use pullscope_tests::collector::{binary, strategy};
use pullscope_tests::endpoint::{Endpoint, get};
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Server, run};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;
use tempfile::TempDir;

/// As long as no message may be (systemd 252, src/core/manager.c, `NOTIFY_BUFFER_MAX`).
const LONGEST: usize = 4096;

struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for a socket");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self { socket, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `pullscope run` as this manager starts it.
    fn command(&self) -> Command {
        let mut command = Place::machine().command(binary());
        command.arg("run").arg(format!("--kernel.strategy={}", strategy()));
        command.env("NOTIFY_SOCKET", self.path("notify"));
        command
    }

    /// The next message.
    #[track_caller]
    fn next(&self) -> String {
        let mut buffer = [0; LONGEST];
        let length = self.socket.recv(&mut buffer).expect("a message");
        String::from_utf8(buffer[..length].to_vec()).expect("text")
    }

    /// All that are there.
    fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("a socket that is not waited for");
        let mut buffer = [0; LONGEST];
        let mut all = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            all.push(String::from_utf8(buffer[..length].to_vec()).expect("text"));
        }
        all
    }

    /// pullscope cannot start, and tells why as it tells it on standard error. That is all.
    #[track_caller]
    fn is_told_the_reason(&self, command: Command, code: i32) -> String {
        let outcome = run(command);
        assert_eq!(outcome.code, Some(code), "{outcome:#?}");
        let sentence = outcome.stderr.lines().last().and_then(|line| line.strip_prefix("pullscope: "));
        let sentence = sentence.unwrap_or_else(|| panic!("no sentence: {outcome:#?}"));
        assert_eq!(self.rest(), [format!("STATUS={sentence}\n")]);
        sentence.to_owned()
    }
}

#[test]
fn ready_and_alive_and_stopping() {
    let _turn = alone();
    let manager = Manager::new();
    let address = free_address();
    let mut command = manager.command();
    command.arg(format!("--web.listen-address={address}")).env("WATCHDOG_USEC", "200000");
    let mut server = Server::spawn("pullscope", command, &manager.path("log"));

    let mut message = manager.next();
    while !message.starts_with("READY=1\n") {
        assert!(!message.contains("READY") && !message.contains("STOPPING"), "{message}");
        message = manager.next();
    }
    // At once.
    let (code, answer) = get(address, "/readyz").expect("an answer");
    assert_eq!(code, 200, "{answer}");
    let (_, metrics) = get(address, "/metrics").expect("an answer");
    let scrape = Scrape::parse(&metrics).expect("the text format");
    let [strategy] =
        scrape.group("pullscope_build_info", &[], ["kernel_strategy"]).into_keys().next().expect("one");
    let all = scrape.select("pullscope_probe_attached", &[]).count();
    let attached = scrape.count("pullscope_probe_attached", &[]);
    let expected = format!(
        "READY=1\nSTATUS=strategy {strategy}, {attached} of {all} kernel programs attached, http://{address}/metrics\n"
    );
    assert_eq!(message, expected);

    // The first may have been sent before it was ready.
    for _ in 0..3 {
        assert_eq!(manager.next(), "WATCHDOG=1\n");
    }
    let status = server.terminate();
    assert!(status.success(), "{status}");
    let mut rest = manager.rest();
    assert_eq!(rest.pop().as_deref(), Some("STOPPING=1\nSTATUS=stopping\n"));
    assert!(rest.iter().all(|message| message == "WATCHDOG=1\n"), "{rest:?}");
}

#[test]
fn why_it_cannot_start() {
    let manager = Manager::new();
    let config = manager.path("pullscope.toml");
    fs::write(&config, "nonsense = 1\n").expect("write a config");
    let mut command = manager.command();
    command.arg("--config.file").arg(&config);
    let said = manager.is_told_the_reason(command, 2);
    assert!(said.contains("line 1: unknown key `nonsense`"), "{said}");

    let mut command = manager.command();
    command.env("PULLSCOPE_MAX_REGISTRIES", "many");
    let said = manager.is_told_the_reason(command, 2);
    assert!(said.contains("PULLSCOPE_MAX_REGISTRIES"), "{said}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let mut command = manager.command();
    command.arg(format!("--web.listen-address={address}"));
    let said = manager.is_told_the_reason(command, 1);
    assert!(said.contains("the port is taken"), "{said}");
}

/// The manager is asked for nothing: one that reads no messages is not waited for.
#[test]
fn a_manager_that_does_not_read() {
    let _turn = alone();
    let manager = Manager::new();
    let address = free_address();
    let mut command = manager.command();
    command.arg(format!("--web.listen-address={address}")).env("WATCHDOG_USEC", "20000");
    let mut server = Server::spawn("pullscope", command, &manager.path("log"));
    server.wait_until("a message too many", |server| server.output().contains("was not told").then_some(()));
    server.wait_until("/readyz", |_| Endpoint(address).ready().then_some(()));
    let status = server.terminate();
    assert!(status.success(), "{status}");
}
