//! DNS lookups of a watched process. The oracle is the name server, a small one of ours (a mock: no real one fails to
//! order), which knows what it answered.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pullscope_tests::collector::Collector;
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::turn::alone;

use crate::compare::nothing_left_or_lost;

/// RCODEs (RFC 1035 section 4.1.1).
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NAME_ERROR: u8 = 3;
const REFUSED: u8 = 5;

/// What the server does about a name, by its first label; `None` is silence.
fn rcode(label: &[u8]) -> Option<u8> {
    match label {
        b"good" => Some(NO_ERROR),
        b"broken" => Some(SERVER_FAILURE),
        b"missing" => Some(NAME_ERROR),
        b"forbidden" => Some(REFUSED),
        _ => None,
    }
}

/// Answers until it is told to stop.
fn serve(socket: &UdpSocket, stop: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    let mut query = [0; 512];
    while !stop.load(Ordering::SeqCst) {
        let Ok((len, client)) = socket.recv_from(&mut query) else { continue };
        let label_end = 13 + usize::from(query[12]);
        let Some(code) = rcode(&query[13..label_end]) else { continue };
        let mut answer = query[..len].to_vec();
        // A response with recursion available (RFC 1035 section 4.1.1).
        answer[2] |= 0x80;
        answer[3] = 0x80 | code;
        if code == NO_ERROR {
            answer[7] = 1;
            // The question's name by pointer, type A, class IN, 60 s, 127.0.0.9 (sections 3.2.1 and 4.1.4).
            answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 9]);
        }
        socket.send_to(&answer, client).expect("answer");
    }
}

const CLIENT: &str = "#!/usr/bin/python3
import socket, struct, sys
def ask(name):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((sys.argv[1], 53))
    s.settimeout(0.3)
    labels = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.'))
    s.send(struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 0) + labels + b'\\0' + struct.pack('>HH', 1, 1))
    try: s.recv(512)
    except socket.timeout: pass
    s.close()
for name in sys.argv[2:]: ask(name)
";

#[test]
fn by_their_result() {
    use std::os::unix::fs::PermissionsExt;
    let alone = alone();
    // Port 53 is what makes it DNS to pullscope; this address of loopback is nobody else's.
    let server = UdpSocket::bind(SocketAddr::from(([127, 53, 53, 53], 53))).expect("port 53 on loopback");
    let stop = AtomicBool::new(false);
    let dir = tempfile::tempdir().expect("a directory for a program");
    let program = dir.path().join("crane");
    std::fs::write(&program, CLIENT).expect("write a program");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("make it executable");
    let collector = Collector::start(&alone);
    thread::scope(|scope| {
        scope.spawn(|| serve(&server, &stop));
        let mut command = Place::machine().command(&program);
        command.arg("127.53.53.53");
        command.args(["good.example.com", "good.example.org", "missing.example.com", "broken.example.com"]);
        command.args(["forbidden.example.com", "silent.example.com"]);
        let outcome = run(command);
        stop.store(true, Ordering::SeqCst);
        let _ = outcome.expect_ok();
    });
    let name = "pullscope_dns_lookup_duration_seconds_count";
    collector.until(|scrape| scrape.count(name, &[("process", "crane")]) >= 6);
    let scrape = collector.settled();
    let results = scrape.group(name, &[("process", "crane")], ["result"]);
    let expected = [("ok", 2), ("nxdomain", 1), ("servfail", 1), ("other", 1), ("timeout", 1)];
    let expected = expected.into_iter().map(|(result, count)| ([result.to_owned()], count)).collect();
    assert_eq!(results, expected, "{scrape}");
    nothing_left_or_lost(&scrape);
    collector.stop();
}
