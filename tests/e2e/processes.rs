//! What pullscope knows of processes besides their sockets: how they end, what they were started for, who is at the other end
//! of a unix socket, and how a long answer on one ends. No metric shows it alone, so the tests look at the log. The oracles are the
//! exit status that the parent gets, `SO_PEERCRED`, and the lines that a server wrote.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::process::{Outcome, PATIENCE, Running, poll};
use pullscope_tests::turn::{Alone, alone};

/// Names of the programs: those of targets which nothing else on the machine runs as.
const CLIENT: &str = "crane";
const SERVER: &str = "dockerd";

/// Credentials on a command line, which no log may show.
const PASSWORD: &str = "correct-horse";

/// Ends in the way that its argument names.
const ENDS: &str = "
import ctypes, os, signal, sys, threading, time
SYS_EXIT = 60
exit_thread = ctypes.CDLL(None).syscall
def threads(last):
    def other():
        while open('/proc/self/stat').read().rsplit(')', 1)[1].split()[0] != 'Z':
            time.sleep(0.01)
        last()
    threading.Thread(target=other).start()
    exit_thread(SYS_EXIT, 4)
how = sys.argv[1]
if how == 'signal': os.kill(os.getpid(), signal.SIGTERM)
elif how == 'become': os.execv('/bin/true', ['true'])
elif how == 'group': threads(lambda: os._exit(5))
elif how == 'thread': threads(lambda: exit_thread(SYS_EXIT, 6))
else: sys.exit(int(how))
";

/// Answers one request on a socket with lines of progress in chunks, and a last line; says who has asked.
const ANSWERS: &str = r#"
import socket, struct, sys
path, lines, last = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(1)
connection, _ = listener.accept()
peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
print(struct.unpack('3i', peer)[0], flush=True)
def chunk(line):
    connection.sendall(b'%x\r\n%s\r\n\r\n' % (len(line) + 2, line))
connection.recv(65536)
connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
for line in range(lines):
    chunk(b'{"status":"Downloading","progressDetail":{"current":%d,"total":99999999},"id":"0123456789ab"}' % line)
if last: chunk(last.encode())
connection.sendall(b'0\r\n\r\n')
connection.recv(1)
"#;

/// Asks on a socket, and reads until the other end is gone; says who that was.
const ASKS: &str = r"
import socket, struct, sys, time
connection = socket.socket(socket.AF_UNIX)
while connection.connect_ex(sys.argv[1]): time.sleep(0.01)
peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
print(struct.unpack('3i', peer)[0], flush=True)
connection.sendall(b'POST /images/create HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
got = b''
while not got.endswith(b'\r\n0\r\n\r\n'): got += connection.recv(65536)
";

/// A Python program under the name of a target.
fn program(folder: &Path, name: &str, source: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, format!("#!/usr/bin/python3{source}")).expect("write a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    path
}

fn observe(alone: &Alone) -> Collector {
    Collector::start_with(alone, &Settings { arguments: &["--log.level=debug"], ..Settings::default() })
}

/// What pullscope says of a process, from `what` on; waits for it.
#[track_caller]
fn said(collector: &Collector, pid: u32, what: &str) -> String {
    let line = || {
        let log = collector.log();
        let of_process = format!(" pid={pid} ");
        log.lines().find(|line| line.contains(what) && line.contains(&of_process)).map(str::to_owned)
    };
    poll(PATIENCE, line).unwrap_or_else(|| panic!("nothing of {what:?} of {pid}: {}", collector.log()))
}

#[test]
fn how_they_end() {
    let alone = alone();
    let folder = tempfile::tempdir().expect("a folder for programs");
    let program = program(folder.path(), CLIENT, ENDS);
    let collector = observe(&alone);
    for how in ["0", "7", "255", "signal", "group", "thread", "become"] {
        let mut command = Place::machine().command(&program);
        command.arg(how);
        let running = Running::spawn(command);
        let pid = running.pid();
        let expected = match running.wait(PATIENCE) {
            _ if how == "become" => "became true".to_owned(),
            Outcome { code: Some(code), .. } => format!("exited with {code}"),
            Outcome { signal: Some(signal), .. } => format!("killed by signal {signal}"),
            other => panic!("{other:?}"),
        };
        let line = said(&collector, pid, "a watched process has ended");
        assert!(line.ends_with(&format!("how={expected}")), "{how}: {expected}: {line}");
    }
    collector.stop();
}

#[test]
fn who_is_at_the_other_end() {
    let alone = alone();
    let folder = tempfile::tempdir().expect("a folder for programs");
    let socket = folder.path().join("socket");
    let start = |program: PathBuf, arguments: &[&str]| {
        let mut command = Place::machine().command(program);
        command.arg(&socket).args(arguments);
        Running::spawn(command)
    };
    let collector = observe(&alone);
    let server = start(program(folder.path(), SERVER, ANSWERS), &["1", ""]);
    let client = start(program(folder.path(), CLIENT, ASKS), &[]);
    let pids = [(server.pid(), "true"), (client.pid(), "false")];
    let told = [server.wait(PATIENCE).expect_ok().stdout, client.wait(PATIENCE).expect_ok().stdout];
    for (((pid, serves), told), name) in pids.into_iter().zip(told).zip([CLIENT, SERVER]) {
        let line = said(&collector, pid, "a unix connection");
        let expected = format!("serves={serves} peer={} name=\"{name}\"", told.trim());
        assert!(line.ends_with(&expected), "{expected}: {line}");
    }
    collector.stop();
}

/// Real programs, asking a registry that never answers, so that they are there until their command line has been read. One of
/// them was there before pullscope.
#[test]
fn what_they_were_started_for() {
    let alone = alone();
    let folder = tempfile::tempdir().expect("a folder for the clients");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a server that never answers");
    let image = format!("{}/a:b", silent.local_addr().expect("its address"));
    let docker = format!("docker://{image}");
    let directory = format!("dir:{}", folder.path().join("image").display());
    let start = |program: &str, arguments: &[&str]| {
        let mut command: Command = Place::machine().command(program);
        command.args(arguments);
        Running::spawn(command)
    };
    let storage =
        ["--root", "--runroot"].map(|flag| format!("{flag}={}", folder.path().join(flag).display()));
    let storage: Vec<&str> = storage.iter().map(String::as_str).collect();
    let creds = format!("--src-creds=user:{PASSWORD}");
    let copy = ["--command-timeout", "1h", "copy", "--src-tls-verify=false", &creds, &docker, &directory];
    let before = start("skopeo", &copy);
    let collector = observe(&alone);
    let tls = "--tls-verify=false";
    let podman = |rest: &[&'static str]| [&storage, rest, &[tls, &image]].concat();
    let running = [
        (before, "Pull"),
        (start("skopeo", &copy), "Pull"),
        (start("skopeo", &["inspect", tls, &docker]), "Other"),
        (start("podman", &podman(&["--storage-driver", "vfs", "pull"])), "Pull"),
        (start("podman", &podman(&["--storage-driver", "vfs", "run"])), "Run"),
        (start("buildah", &podman(&["--storage-driver", "vfs", "from"])), "Run"),
    ];
    for (running, purpose) in &running {
        let line = said(&collector, running.pid(), "the command line was read");
        assert!(line.ends_with(&format!("purpose={purpose}")), "{purpose}: {line}");
    }
    let log = collector.log();
    assert!(![PASSWORD, "command-timeout", &image].iter().any(|text| log.contains(text)), "{log}");
    drop(running);
    collector.stop();
}

/// Of an answer far longer than what is shipped of one, the line that says how it ended is, and no other.
#[test]
fn the_last_words_of_a_long_answer() {
    let alone = alone();
    let folder = tempfile::tempdir().expect("a folder for programs");
    let socket = folder.path().join("socket");
    let program = program(folder.path(), SERVER, ANSWERS);
    let collector = observe(&alone);
    let shipped = || collector.scrape().count("pullscope_kernel_events_total", &[("type", "data")]);
    let shipped_with = |last: &str| {
        let before = shipped();
        let mut command = Place::machine().command(&program);
        command.arg(&socket).arg("20000").arg(last);
        let server = Running::spawn(command);
        let mut stream = poll(PATIENCE, || UnixStream::connect(&socket).ok()).expect("the server listens");
        stream
            .write_all(b"POST /images/create HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            .expect("ask");
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n0\r\n\r\n") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).expect("an answer");
            got.extend_from_slice(&piece[..read]);
        }
        assert!(got.len() > 1_500_000, "{}", got.len());
        drop(stream);
        let _ = server.wait(PATIENCE).expect_ok();
        fs::remove_file(&socket).expect("take the socket away");
        shipped() - before
    };
    let usual = shipped_with("");
    // 16 KiB of lines of about 100 bytes, and the request.
    assert!((10..400).contains(&usual), "{usual}");
    for last in [
        r#"{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}"#,
        r#"{"error":"denied"}"#,
        r#"{"status":"Status: Downloaded newer image for a:b"}"#,
    ] {
        assert_eq!(shipped_with(last), usual + 1, "{last}");
    }
    let long = format!(r#"{{"error":"{}"}}"#, "a".repeat(5000));
    for last in [
        r#"{"status":"Pull complete","progressDetail":{},"id":"0123"}"#,
        r#"{"status":"Digest: sha256:0123"}"#,
        r#"{"stat":"error"}"#,
        &long,
    ] {
        assert_eq!(shipped_with(last), usual, "{last}");
    }
    collector.stop();
}
