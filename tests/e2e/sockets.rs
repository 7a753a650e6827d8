//! Connections and descriptors in all their ways: older than pullscope, passed on, shared, spliced, peeked at. The clients
//! are small Python programs that bear the name of a target; the oracle is nginx's log and the sizes of its files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, poll, run};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::{Alone, alone};
use tempfile::TempDir;

use crate::compare::{connects, nothing_left_or_lost, same_traffic, settled};

/// Name of the clients: that of a target which nothing else on the machine runs as.
const CLIENT: &str = "crane";

/// A registry of static files, and programs to run against it.
struct Stage {
    dir: TempDir,
    nginx: Nginx,
    address: std::net::SocketAddr,
    paths: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        let image = Image::make(&[300_000, 2_000], 20);
        let site = Site::new().static_image(&image, "a/b:c");
        let address = site.address();
        let paths = image.blobs().map(|blob| format!("/v2/a/b/blobs/{}", blob.digest)).collect();
        let nginx = Nginx::start([site]);
        Self { dir: tempfile::tempdir().expect("a directory for programs"), nginx, address, paths }
    }

    /// Writes a program with what all have in common before `source`.
    fn program(&self, name: &str, source: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, format!("{}{source}", include_str!("sockets/common.py"))).expect("write a program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
        path
    }

    /// The command that runs a program on all blobs.
    fn command(&self, program: &PathBuf) -> Command {
        let mut command = Place::machine().command(program);
        command.arg(self.address.ip().to_string()).arg(self.address.port().to_string());
        command.arg(self.dir.path()).args(&self.paths);
        command
    }

    /// Runs a program to its end while pullscope observes: what nginx logged, and what was counted.
    #[track_caller]
    fn observed(&self, alone: &Alone, source: &str) -> (Log, Scrape) {
        let program = self.program(CLIENT, source);
        let collector = Collector::start(alone);
        let _ = run(self.command(&program)).expect_ok();
        let log = self.nginx.log().http();
        let scrape = settled(&collector, &log);
        collector.stop();
        (log, scrape)
    }

    /// Waits until a program has come to a point.
    #[track_caller]
    fn reached(&self, point: &str) {
        let file = self.dir.path().join(point);
        poll(PATIENCE, || file.exists().then_some(())).expect("the program comes to the point");
    }

    /// Lets it go on.
    fn go_on(&self, point: &str) {
        fs::write(self.dir.path().join(format!("{point}.go")), "").expect("let a program go on");
    }
}

/// Everything that `source` did is counted as if it were the plainest of clients.
#[track_caller]
fn counted_as_usual(source: &str) {
    let stage = Stage::new();
    let (log, scrape) = stage.observed(&alone(), source);
    assert!(!log.0.is_empty());
    same_traffic(&scrape, CLIENT, "[IP_ADDRESS]", &log);
    assert_eq!(connects(&scrape, CLIENT, "ok"), stage.nginx.connections(), "{scrape}");
}

/// pullscope starts when `source` has come to a point, in its first exchange or behind it: that one is not counted, what follows
/// is as if pullscope had always been there. Gives the last scrape.
#[track_caller]
fn counted_from(point: &str, source: &str) -> Scrape {
    let alone = alone();
    let stage = Stage::new();
    let program = stage.program(CLIENT, source);
    let running = Running::spawn(stage.command(&program));
    stage.reached(point);
    let collector = Collector::start(&alone);
    stage.go_on(point);
    let _ = running.wait(PATIENCE).expect_ok();
    let mut log = stage.nginx.log().http();
    log.0.remove(0);
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, CLIENT, "[IP_ADDRESS]", &log);
    collector.stop();
    scrape
}

#[test]
fn opened_before_pullscope_started() {
    let scrape = counted_from(
        "connected",
        "
connection = dial()
ask(connection, paths[0]); answer(connection)
meet('connected')
for path in paths: ask(connection, path); answer(connection)
",
    );
    assert_eq!(connects(&scrape, CLIENT, "ok"), 0, "{scrape}");
}

/// pullscope starts in the middle of a body: that exchange is not counted, the next one is.
#[test]
fn joined_in_the_middle_of_a_body() {
    counted_from(
        "reading",
        "
connection = dial()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
ask(connection, paths[1])
got = connection.recv(1000)
meet('reading')
while b'\\r\\n\\r\\n' not in got: got += more(connection)
fields, body = got.split(b'\\r\\n\\r\\n', 1)
length = next(int(f.split(b':')[1]) for f in fields.split(b'\\r\\n') if f.lower().startswith(b'content-length'))
while len(body) < length: body += more(connection)
ask(connection, paths[2]); answer(connection)
",
    );
}

#[test]
fn a_duplicated_descriptor() {
    counted_as_usual(
        "
connection = dial()
for path in paths:
    other = connection.dup()
    ask(connection, path); answer(other)
    other.close()
connection.close()
",
    );
}

/// The request leaves one process, the answer is read by its child.
#[test]
fn read_by_another_process_than_the_one_that_asked() {
    counted_as_usual(
        "
connection = dial()
for path in paths:
    ask(connection, path)
    child = os.fork()
    if child == 0:
        answer(connection)
        os._exit(0)
    wait_for(child)
",
    );
}

#[test]
fn inherited_by_a_child_while_the_parent_closes_it() {
    counted_as_usual(
        "
connection = dial()
child = os.fork()
if child == 0:
    for path in paths: ask(connection, path); answer(connection)
    os._exit(0)
connection.close()
wait_for(child)
",
    );
}

/// A descriptor that one program opens and another one uses: the exchange belongs to the one that does it.
#[test]
fn passed_to_another_program() {
    let alone = alone();
    let stage = Stage::new();
    let receiver = "
channel = socket.socket(fileno=int(os.environ['CHANNEL']))
_, (descriptor,), _, _ = socket.recv_fds(channel, 1, 1)
connection = socket.socket(fileno=descriptor)
for path in paths: ask(connection, path); answer(connection)
";
    let receiver = stage.program("oras", receiver);
    let sender = format!(
        "
ours, theirs = socket.socketpair()
child = os.fork()
if child == 0:
    theirs.set_inheritable(True)
    os.environ['CHANNEL'] = str(theirs.fileno())
    os.execv('{program}', ['{program}'] + sys.argv[1:])
connection = dial()
socket.send_fds(ours, [b'x'], [connection.fileno()])
connection.close()
wait_for(child)
",
        program = receiver.display()
    );
    let (log, scrape) = stage.observed(&alone, &sender);
    same_traffic(&scrape, "oras", "[IP_ADDRESS]", &log);
    assert_eq!(connects(&scrape, CLIENT, "ok"), 1, "{scrape}");
}

/// The body goes through a pipe and never through the program's memory.
#[test]
fn a_body_that_is_spliced() {
    counted_as_usual(
        "
connection = dial()
reader, writer = os.pipe()
for path in paths:
    ask(connection, path)
    got = b''
    while b'\\r\\n\\r\\n' not in got: got += connection.recv(1)
    length = next(int(f.split(b':')[1]) for f in got.split(b'\\r\\n') if f.lower().startswith(b'content-length'))
    while length > 0:
        moved = os.splice(connection.fileno(), writer, min(length, 65536))
        while moved > 0:
            piece = len(os.read(reader, moved)); moved -= piece; length -= piece
",
    );
}

#[test]
fn bytes_that_are_peeked_at_first() {
    counted_as_usual(
        "
connection = dial()
for path in paths:
    ask(connection, path)
    while b'\\r\\n\\r\\n' not in connection.recv(4096, socket.MSG_PEEK): time.sleep(0.001)
    connection.recv(10, socket.MSG_PEEK)
    answer(connection)
",
    );
}

/// Both heads come in the smallest pieces.
#[test]
fn heads_byte_by_byte() {
    counted_as_usual(
        "
connection = dial()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
more = lambda connection: connection.recv(1)
for path in paths[:1] * 3:
    for byte in head(path): connection.sendall(bytes([byte]))
    answer(connection)
",
    );
}

/// Vectored calls, the head in a segment of its own.
#[test]
fn vectored_calls() {
    counted_as_usual(
        "
connection = dial()
for path in paths:
    whole = head(path)
    connection.sendmsg([b'', whole])
    buffers = [bytearray(0), bytearray(4096), bytearray(4096)]
    moved, *_ = connection.recvmsg_into(buffers)
    got = b''.join(buffers)[:moved]
    while b'\\r\\n\\r\\n' not in got: got += more(connection)
    fields, body = got.split(b'\\r\\n\\r\\n', 1)
    length = next(int(f.split(b':')[1]) for f in fields.split(b'\\r\\n') if f.lower().startswith(b'content-length'))
    while len(body) < length:
        moved = os.readv(connection.fileno(), buffers); body += b'x' * moved
",
    );
}

/// From exec to exit in some 50 ms: seen from the first byte, since the kernel decides at exec.
#[test]
fn clients_that_live_for_a_moment() {
    let alone = alone();
    let stage = Stage::new();
    let program =
        stage.program(CLIENT, "connection = dial(); ask(connection, paths[2]); answer(connection)\n");
    let collector = Collector::start(&alone);
    let runs = 50;
    for _ in 0..runs {
        let _ = run(stage.command(&program)).expect_ok();
    }
    let log = stage.nginx.log().http();
    assert_eq!(log.0.len(), runs);
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, CLIENT, "[IP_ADDRESS]", &log);
    let watched = scrape.count("pullscope_processes_watched", &[("process", CLIENT)]);
    assert_eq!(watched, 0, "{scrape}");
    collector.stop();
}

/// A target that is told by its command line among others of the same name.
#[test]
fn a_target_by_its_command_line() {
    let alone = alone();
    let stage = Stage::new();
    let wanted = stage
        .program("worker-main.py", "connection = dial(); ask(connection, paths[2]); answer(connection)\n");
    let other = stage
        .program("other-main.py", "connection = dial(); ask(connection, paths[1]); answer(connection)\n");
    let config = "[[targets]]\nname = \"worker\"\ncomm = \"python3\"\nargv = \"worker-main\\\\.py\"\n";
    let collector = Collector::start_with(&alone, &Settings { config: Some(config), ..Settings::default() });
    let mut expected = Log::default();
    for program in [&wanted, &other, &wanted] {
        let before = stage.nginx.log().http().0.len();
        let mut command = Place::machine().command("python3");
        command.arg(program).args(stage.command(program).get_args().skip(4));
        let _ = run(command).expect_ok();
        if program == &wanted {
            expected.0.extend(stage.nginx.log().http().0.split_off(before));
        }
    }
    let scrape = settled(&collector, &expected);
    same_traffic(&scrape, "worker", "[IP_ADDRESS]", &expected);
    assert_eq!(scrape.count("pullscope_registry_requests_total", &[]), 2, "{scrape}");
    assert_eq!(scrape.count("pullscope_processes_watched", &[("process", "worker")]), 0, "{scrape}");
    collector.stop();
}

/// A child that is forked before the command line of its parent has been read shares the parent's lot.
#[test]
fn children_of_a_target_by_its_command_line() {
    let alone = alone();
    let stage = Stage::new();
    // The shell forks at once; what it reads goes through no other program.
    let script = stage.dir.path().join("worker-main.sh");
    let (address, path) = (stage.address, &stage.paths[2]);
    let request = format!("GET {path} HTTP/1.1\\r\\nHost: x.example.com\\r\\nConnection: close\\r\\n\\r\\n");
    let lines = format!(
        "(exec 3<>/dev/tcp/{}/{}; printf '{request}' >&3; while read -r -n 1024 -u 3; do :; done)\ntrue\n",
        address.ip(),
        address.port()
    );
    fs::write(&script, lines).expect("write a script");
    let config = "[[targets]]\nname = \"worker\"\ncomm = \"bash\"\nargv = \"worker-main\"\n";
    let collector = Collector::start_with(&alone, &Settings { config: Some(config), ..Settings::default() });
    for _ in 0..30 {
        let mut command = Place::machine().command("bash");
        command.arg(&script);
        let _ = run(command).expect_ok();
    }
    let log = stage.nginx.log().http();
    assert_eq!(log.0.len(), 30);
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, "worker", "example.com", &log);
    assert_eq!(scrape.count("pullscope_processes_watched", &[("process", "worker")]), 0, "{scrape}");
    collector.stop();
}

/// Each request names another host: the label stays bounded, the count exact, memory small.
#[test]
fn a_flood_of_host_names() {
    let alone = alone();
    let stage = Stage::new();
    let source = "
def ask_as(connection, number):
    connection.sendall(f'GET /v2/ HTTP/1.1\\r\\nHost: registry.name{number}.com\\r\\n\\r\\n'.encode())
for start in range(0, 20000, 500):
    connection = dial()
    for number in range(start, start + 500): ask_as(connection, number); answer(connection)
";
    let (log, scrape) = stage.observed(&alone, source);
    assert_eq!(log.0.len(), 20_000);
    let by_registry = scrape.group("pullscope_registry_requests_total", &[("process", CLIENT)], ["registry"]);
    assert_eq!(by_registry.values().sum::<u64>(), 20_000, "{scrape}");
    assert!(by_registry.len() <= 201, "{} values of registry", by_registry.len());
    assert!(by_registry.contains_key(&["[OTHER]".to_owned()]));
    assert!(scrape.count("pullscope_series_dropped_total", &[]) > 0);
    let resident = scrape.count("process_resident_memory_bytes", &[]);
    assert!(resident < 64 << 20, "{resident} bytes are resident");
    nothing_left_or_lost(&scrape);
}

/// A client that closes its own direction and reads to the end: the FIN is no byte.
#[test]
fn a_client_that_shuts_down_its_direction() {
    counted_as_usual(
        "
for path in paths:
    connection = dial()
    connection.sendall(head(path).replace(b'\\r\\n\\r\\n', b'\\r\\nConnection: close\\r\\n\\r\\n'))
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536): pass
    connection.close()
",
    );
}

/// A program that is not watched asks, the watched one reads the answer: it belongs to no request that was seen, and what the
/// watched one asks afterwards on the same connection is counted as ever.
#[test]
fn asked_by_a_program_that_is_not_watched() {
    let alone = alone();
    let stage = Stage::new();
    let helper = "socket.socket(fileno=int(os.environ['CONNECTION'])).sendall(head(paths[1]))\n";
    let helper = stage.program("nobody", helper);
    let source = format!(
        "
connection = dial()
child = os.fork()
if child == 0:
    connection.set_inheritable(True)
    os.environ['CONNECTION'] = str(connection.fileno())
    os.execv('{program}', ['{program}'] + sys.argv[1:])
wait_for(child)
answer(connection)
for path in paths: ask(connection, path); answer(connection)
",
        program = helper.display()
    );
    let program = stage.program(CLIENT, &source);
    let collector = Collector::start(&alone);
    let _ = run(stage.command(&program)).expect_ok();
    let mut log = stage.nginx.log().http();
    log.0.remove(0);
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, CLIENT, "[IP_ADDRESS]", &log);
    assert!(scrape.count("pullscope_exchanges_unattributed_total", &[]) > 0, "{scrape}");
    collector.stop();
}
