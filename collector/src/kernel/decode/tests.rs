use std::net::Ipv4Addr;

use collector_common::conn::Flow as KernelFlow;
use collector_common::{TARGET_REDIS, TARGET_THREADS};
use zerocopy::{FromZeros, IntoBytes};

use super::*;

const HEADER: Header = Header { kind: 0, tgid: 77, time: 5 };

fn header(kind: Kind) -> Header {
    Header { kind: kind as u32, ..HEADER }
}

fn nobody(_: Pid) -> Option<TargetId> {
    None
}

#[track_caller]
fn event(record: &[u8]) -> Event {
    match decode(record, nobody) {
        Record::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

fn process(kind: Kind, target: u32) -> Process {
    let mut comm = [0; COMM_LEN];
    comm[..6].copy_from_slice(b"skopeo");
    Process { header: header(kind), parent: 3, target, comm, status: Process::NO_STATUS, reserved: 0 }
}

fn snapshot() -> Snapshot {
    let flow = |position| KernelFlow { position, first: 1, last: 2, sequence: 9, budget: 9 };
    Snapshot { sock: 0xffff, born: 4, received: flow(100), sent: flow(10), target: 1, lost: 6 }
}

#[test]
fn processes() {
    let began = event(process(Kind::Exec, target_number(TargetId(8))).as_bytes());
    assert!(
        matches!(began, Event::ProcessBegan { found: false, pid: 77, target: TargetId(8), time: 5 }),
        "{began:?}"
    );
    let unwatched = event(process(Kind::Exec, 0).as_bytes());
    assert!(
        matches!(&unwatched, Event::ProcessEnded { pid: 77, how: Ending::Became(comm), time: 5 } if comm == b"skopeo"),
        "{unwatched:?}"
    );
    let forked = event(process(Kind::Fork, 1).as_bytes());
    assert!(
        matches!(forked, Event::ProcessForked { pid: 77, parent: 3, target: TargetId(0), time: 5 }),
        "{forked:?}"
    );
    let ended = event(process(Kind::Exit, 0).as_bytes());
    assert!(matches!(ended, Event::ProcessEnded { pid: 77, how: Ending::Unknown, time: 5 }), "{ended:?}");
}

/// What a target's recipe asks for stands beside its number.
#[test]
fn marks_of_targets() {
    for marks in [0, TARGET_REDIS, TARGET_THREADS, TARGET_REDIS | TARGET_THREADS] {
        let began = event(process(Kind::Exec, target_number(TargetId(8)) | marks).as_bytes());
        assert!(matches!(began, Event::ProcessBegan { target: TargetId(8), .. }), "{began:?}");
        let forked = event(process(Kind::Fork, target_number(TargetId(8)) | marks).as_bytes());
        assert!(matches!(forked, Event::ProcessForked { target: TargetId(8), .. }), "{forked:?}");
        let mut open = open_record(Transport::Tcp);
        open.snapshot.target = target_number(TargetId(8)) | marks;
        let opened = event(open.as_bytes());
        assert!(matches!(opened, Event::Opened { target: TargetId(8), .. }), "{opened:?}");
    }
    assert!(matches!(decode(process(Kind::Fork, TARGET_REDIS).as_bytes(), nobody), Record::Malformed));
}

fn thread_exit() -> Thread {
    Thread { header: header(Kind::ThreadExit), thread: 78, reserved: 0 }
}

#[test]
fn threads_end() {
    let ended = event(thread_exit().as_bytes());
    assert!(matches!(ended, Event::ThreadEnded { pid: 77, thread: 78, time: 5 }), "{ended:?}");
}

/// The statuses are those that `wait` tells (wait(2)).
#[test]
fn how_processes_end() {
    for (status, expected) in [
        (0, Ending::Exited(0)),
        (3 << 8, Ending::Exited(3)),
        (255 << 8, Ending::Exited(255)),
        (9, Ending::Killed(9)),
        // Signal 11, and a core was dumped.
        (0x8b, Ending::Killed(11)),
    ] {
        let record = Process { status, ..process(Kind::Exit, 0) };
        match event(record.as_bytes()) {
            Event::ProcessEnded { how, .. } => assert_eq!(how, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn processes_whose_command_line_decides() {
    let exec = decode(process(Kind::Exec, TARGET_CANDIDATE).as_bytes(), nobody);
    assert!(matches!(&exec, Record::Candidate { pid: 77, comm, time: 5 } if comm == b"skopeo"), "{exec:?}");
    let fork = decode(process(Kind::Fork, TARGET_CANDIDATE).as_bytes(), nobody);
    assert!(matches!(fork, Record::CandidateForked { pid: 77, parent: 3, time: 5 }), "{fork:?}");
}

fn open_record(transport: Transport) -> Open {
    let mut open = Open::new_zeroed();
    open.header = header(Kind::Open);
    open.snapshot = snapshot();
    open.transport = transport as u8;
    open.phase = Phase::Connecting as u8;
    open
}

fn ends(open: &Open) -> Ends {
    match event(open.as_bytes()) {
        Event::Opened {
            ends,
            conn: ConnId { sock: 0xffff, born: 4 },
            pid: 77,
            phase: Phase::Connecting,
            ..
        } => ends,
        other => panic!("{other:?}"),
    }
}

#[test]
fn addresses() {
    let mut open = open_record(Transport::Tcp);
    open.remote.address = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().octets();
    open.remote.port = 443;
    let remote = SocketAddr::from(([10, 0, 0, 1], 443));
    assert_eq!(ends(&open), Ends::Tcp { local: "[::]:0".parse().unwrap(), remote });
    open.transport = Transport::Dns as u8;
    assert_eq!(ends(&open), Ends::Dns { server: remote });
}

#[test]
fn paths_of_unix_sockets() {
    for (given, len, path) in [
        (&b"/run/a.sock\0rest"[..], 16, &b"/run/a.sock"[..]),
        (b"\0abstract\0name", 14, b"\0abstract\0name"),
        (b"/cut", 3, b"/cu"),
        (b"", 0, b""),
    ] {
        let mut open = open_record(Transport::Unix);
        open.path[..given.len()].copy_from_slice(given);
        open.path_len = len;
        open.path_is_local = 1;
        assert_eq!(
            ends(&open),
            Ends::Unix { path: path.to_vec(), serves: true, peer: None, peer_name: None }
        );
    }
}

#[test]
fn peers_of_unix_sockets() {
    let mut open = open_record(Transport::Unix);
    open.peer = 4242;
    let expected = |name: Option<&[u8]>| {
        let peer_name = name.map(<[u8]>::to_vec);
        Ends::Unix { path: Vec::new(), serves: false, peer: Some(4242), peer_name }
    };
    assert_eq!(ends(&open), expected(None));
    open.peer_comm[..7].copy_from_slice(b"kubelet");
    assert_eq!(ends(&open), expected(Some(b"kubelet")));
}

#[test]
fn the_target_of_a_connection_may_wait_for_a_decision() {
    let mut open = open_record(Transport::Tcp);
    open.snapshot.target = TARGET_CANDIDATE;
    let decided = decode(open.as_bytes(), |pid| (pid == 77).then_some(TargetId(5)));
    assert!(matches!(decided, Record::Event(Event::Opened { target: TargetId(5), .. })), "{decided:?}");
    let undecided = decode(open.as_bytes(), nobody);
    assert!(matches!(undecided, Record::NotWatched(ConnId { sock: 0xffff, born: 4 })), "{undecided:?}");
}

fn data(captured: u32) -> Data {
    let mut data = Data::new_zeroed();
    data.header = header(Kind::Data);
    data.snapshot = snapshot();
    data.start = 90;
    data.captured = captured;
    data.thread = 78;
    data.direction = Direction::Received as u8;
    data.protocol = Protocol::Http1 as u8;
    data
}

/// Behind the captured bytes a record holds whatever was there before.
#[test]
fn captured_bytes() {
    let record = [data(4).as_bytes(), b"HTTPleft over"].concat();
    let Event::Data { pid: 77, thread: 78, bytes, start: 90, lost: 6, flows, end: false, .. } =
        event(&record)
    else {
        panic!("no data")
    };
    assert_eq!(&bytes[..], b"HTTP");
    assert_eq!((flows.received.position, flows.sent.position), (100, 10));
}

#[test]
fn bytes_inside_tls() {
    let mut record = data(0);
    record.layer = Layer::Decrypted as u8;
    assert!(matches!(event(record.as_bytes()), Event::Data { layer: Layer::Decrypted, .. }));
    assert!(matches!(event(data(0).as_bytes()), Event::Data { layer: Layer::Socket, .. }));
}

fn frame() -> Vec<u8> {
    let mut frame = event::Frame::new_zeroed();
    frame.header = header(Kind::Frame);
    frame.snapshot = snapshot();
    (frame.length, frame.stream, frame.captured, frame.kind, frame.flags) = (70_000, 5, 3, 1, 4);
    (frame.direction, frame.layer) = (Direction::Sent as u8, Layer::Decrypted as u8);
    [frame.as_bytes(), b"abcleft over"].concat()
}

#[test]
fn frames() {
    let Event::Frame { conn: ConnId { sock: 0xffff, born: 4 }, pid: 77, frame, flows, lost: 6, time: 5 } =
        event(&frame())
    else {
        panic!("no frame")
    };
    assert_eq!((frame.direction, frame.layer), (Direction::Sent, Layer::Decrypted));
    assert_eq!((frame.length, frame.stream, frame.kind, frame.flags), (70_000, 5, 1, 4));
    assert_eq!((&frame.payload[..], flows.received.position), (&b"abc"[..], 100));
}

fn message(part: u8, amount_is: u8) -> Vec<u8> {
    let mut message = event::Message::new_zeroed();
    message.header = header(Kind::Message);
    message.snapshot = snapshot();
    (message.goroutine, message.amount, message.stream, message.captured) = (8, 9, 7, 4);
    (message.code, message.part, message.amount_is) = (404, part, amount_is);
    (message.serves, message.end, message.truncated) = (1, 1, 1);
    [message.as_bytes(), b"HTTPleft over"].concat()
}

#[test]
fn messages() {
    let Event::Message {
        conn: ConnId { sock: 0xffff, born: 4 },
        pid: 77,
        message: told,
        flows,
        lost: 6,
        time: 5,
    } = event(&message(5, 1))
    else {
        panic!("no message")
    };
    assert_eq!((told.goroutine, told.stream, told.code, told.part), (8, 7, 404, Part::Status));
    assert!(told.serves && told.end && told.truncated);
    assert_eq!((&told.bytes[..], flows.sent.position), (&b"HTTP"[..], 10));
    let amounts = [Amount::None, Amount::Total(9), Amount::Passed(9), Amount::Left(9)];
    for (number, amount) in (0..).zip(amounts) {
        let Event::Message { message, .. } = event(&message(1, number)) else { panic!("no message") };
        assert_eq!(message.amount, amount);
    }
    assert!(matches!(decode(&message(99, 0), nobody), Record::Malformed));
    assert!(matches!(decode(&message(1, 99), nobody), Record::Malformed));
}

fn field() -> Vec<u8> {
    let mut field = event::Field::new_zeroed();
    field.header = header(Kind::Field);
    (field.goroutine, field.name_len, field.value_len, field.truncated) = (8, 5, 4, 1);
    [field.as_bytes(), b":pathrest of it.", b"/v2/left over"].concat()
}

#[test]
fn fields() {
    let Event::Field { pid: 77, goroutine: 8, name, value, truncated: true, time: 5 } = event(&field())
    else {
        panic!("no field")
    };
    assert_eq!((&name[..], &value[..]), (&b":path"[..], &b"/v2/"[..]));
    let mut long = field();
    long[size_of::<event::Field>() - 8] = 17;
    assert!(matches!(decode(&long, nobody), Record::Malformed), "a name longer than its room");
}

#[test]
fn states() {
    let state = |kind| {
        let mut state = State::new_zeroed();
        state.header = header(kind);
        state.snapshot = snapshot();
        (state.before, state.after, state.error) = (Phase::Connecting as u8, Phase::Ended as u8, 111);
        state.peer_ended = 1;
        state
    };
    let changed = event(state(Kind::State).as_bytes());
    assert!(
        matches!(changed, Event::Changed { before: Phase::Connecting, after: Phase::Ended, error: 111, .. }),
        "{changed:?}"
    );
    let closed = event(state(Kind::Close).as_bytes());
    assert!(
        matches!(closed, Event::Closed { before: Phase::Connecting, error: 111, end: true, lost: 6, .. }),
        "{closed:?}"
    );
}

/// Records come from our own programs; whatever is not as it should be is malformed, not a guess and not a panic.
#[test]
fn what_is_not_a_record() {
    let whole = [data(4).as_bytes(), b"HTTP"].concat();
    let unused = b"left over".len();
    let others = [frame(), message(1, 0), field()];
    let others = others.iter().map(|record| &record[..record.len() - unused]);
    for record in others.chain([&whole[..], thread_exit().as_bytes()]) {
        for len in 0..record.len() {
            assert!(matches!(decode(&record[..len], nobody), Record::Malformed), "{len} bytes");
        }
    }
    for (at, value) in [(0, 99), (size_of::<Header>() + size_of::<Snapshot>() + 16, 7)] {
        let mut bent = whole.clone();
        bent[at] = value;
        assert!(matches!(decode(&bent, nobody), Record::Malformed), "byte {at}");
    }
}
