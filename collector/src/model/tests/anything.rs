//! Anything that may happen, for property tests: mostly what makes sense, so that sequences get somewhere.

use proptest::prelude::*;

use super::lookups;
use super::pulling::{
    IMAGE, blob_of, digest, document, field, index, manifest, manifest_of, message as grpc, pull_request,
};
use super::recipes::command;
use super::scene::{BLOB, MANIFEST, get, response};
use crate::model::event::{
    Amount, Captured, ConnId, Direction, Ending, Ends, Event, Flow, Flows, Frame, Layer, Message, Part,
    Phase, Pid, Protocol, Purpose, TargetId,
};

fn conn() -> impl Strategy<Value = ConnId> {
    (0_u64..6).prop_map(|sock| ConnId { sock, born: 1 })
}

fn pid() -> impl Strategy<Value = Pid> {
    0_u32..4
}

fn target() -> impl Strategy<Value = TargetId> {
    (0_u16..3).prop_map(TargetId)
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![Phase::Called, Phase::Connecting, Phase::Open, Phase::Ended])
}

fn direction() -> impl Strategy<Value = Direction> {
    prop::sample::select(vec![Direction::Received, Direction::Sent])
}

fn ends() -> impl Strategy<Value = Ends> {
    let address =
        || prop::sample::select(vec!["10.0.0.1:80", "10.0.0.2:80"]).prop_map(|a| a.parse().unwrap());
    prop_oneof![
        6 => (address(), address()).prop_map(|(local, remote)| Ends::Tcp { local, remote }),
        1 => address().prop_map(|server| Ends::Dns { server }),
        4 => (any::<bool>(), peer()).prop_map(|(serves, (peer, name))| {
            let peer_name = name.map(|name| name.as_bytes().to_vec());
            Ends::Unix { path: b"/run/s".to_vec(), serves, peer, peer_name }
        }),
    ]
}

fn peer() -> impl Strategy<Value = (Option<Pid>, Option<&'static str>)> {
    let names = prop::sample::select(vec![None, Some("kubelet"), Some("crictl")]);
    (prop::option::of(pid()), names)
}

fn ending() -> impl Strategy<Value = Ending> {
    prop::sample::select(vec![
        Ending::Exited(0),
        Ending::Exited(1),
        Ending::Killed(9),
        Ending::Became(b"conmon".to_vec()),
        Ending::Became(b"sh".to_vec()),
        Ending::Unknown,
    ])
}

fn purpose() -> impl Strategy<Value = Purpose> {
    let all = [Purpose::Pull, Purpose::Pull, Purpose::Run, Purpose::Build, Purpose::Serve, Purpose::Other];
    prop::sample::select(all.to_vec())
}

/// Mostly whole messages, so that the sequences get somewhere; sometimes pieces of them, or noise.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let messages: Vec<Vec<u8>> = [
        get("registry.example.com", BLOB),
        get("registry.example.com", MANIFEST),
        get("cdn.example.net", "/data"),
        response(200, "", 20, 20),
        response(200, "", 2000, 20),
        response(206, "Content-Range: bytes 0-9/20\r\n", 10, 10),
        response(206, "Content-Range: bytes 10-19/20\r\n", 10, 10),
        response(307, "Location: http://cdn.example.net/data\r\n", 0, 0),
        response(401, "WWW-Authenticate: Bearer realm=\"http://a.example.net/t\"\r\n", 0, 0),
        response(500, "", 0, 0),
        get("registry.example.com", &manifest_of("library/app", &digest('b'))),
        get("registry.example.com", &manifest_of("library/app", &digest('b'))),
        get("registry.example.com", &blob_of("library/app", 'c')),
        get("registry.example.com", &blob_of("library/app", 'c')),
        get("a.example.net", "/t?scope=repository:library/app:pull"),
        document("", &index("b")),
        document("", &manifest('c', "")),
        document("", &manifest('c', "1")),
        "POST /images/create?fromImage=example.com%2Fa HTTP/1.1\r\nHost: d\r\n\r\n".into(),
        "POST /containers/create HTTP/1.1\r\nHost: d\r\n\r\n".into(),
        document("", "{\"errorDetail\":{\"message\":\"denied\"}}\n"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".into(),
        command("BLPOP jobs 0"),
        command("BLPOP jobs 0"),
        command("GET a"),
        "*2\r\n$4\r\njobs\r\n$4\r\nwork\r\n".into(),
        "*2\r\n$4\r\njobs\r\n$4\r\nwork\r\n".into(),
        "$3000\r\nxxx".into(),
        ":1\r\n".into(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(),
        String::new(),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain([
        lookups::question(1, "registry.example.com"),
        lookups::answer(1, "registry.example.com", [10, 0, 0, 1]),
        vec![22, 3, 1, 0, 5, 1, 0, 0, 1, 3],
    ])
    .collect();
    let message = prop::sample::select(messages);
    prop_oneof![
        8 => message.clone(),
        1 => (message, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(message, at, front)| {
            let at = at.index(message.len() + 1);
            if front { message[..at].to_vec() } else { message[at..].to_vec() }
        }),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

/// What is done to a connection: its flows are kept by the test, so that positions mostly make sense.
#[derive(Clone, Debug)]
pub enum Step {
    Tell(Event),
    /// Bytes; `uncaptured` more follow them; `told` or lost.
    Bytes {
        conn: ConnId,
        layer: Layer,
        pid: Pid,
        direction: Direction,
        protocol: Protocol,
        bytes: Vec<u8>,
        uncaptured: u64,
        told: bool,
        end: bool,
    },
    /// A frame of so many payload bytes.
    Frame(ConnId, Pid, Frame),
    /// Fields of a goroutine and the message behind them; `told` or lost.
    Message {
        conn: ConnId,
        pid: Pid,
        fields: Vec<(String, String)>,
        message: Message,
        told: bool,
    },
    Progress(ConnId, Layer),
    Changed(ConnId, Phase, Phase, u32),
    Closed(ConnId, Phase, u32),
    Wild(ConnId, Flows),
    Wait(u64),
}

fn layer() -> impl Strategy<Value = Layer> {
    prop::sample::select(vec![Layer::Socket, Layer::Socket, Layer::Decrypted])
}

/// The head of a call, in literals.
fn call(path: &str) -> Vec<u8> {
    let mut block = vec![0x83, 0x86, 0x04];
    for text in [path, "content-type", "application/grpc"] {
        if text == "content-type" {
            block.push(0);
        }
        block.push(u8::try_from(text.len()).unwrap());
        block.extend(text.as_bytes());
    }
    block
}

/// Mostly frames that say something; header blocks in literals (RFC 7541 appendix C).
fn frame() -> impl Strategy<Value = Frame> {
    let request = b"\x82\x86\x44\x04/v2/\x41\x0bexample.com".to_vec();
    let kinds = prop::sample::select(vec![
        (1, 4, request.clone()),
        (1, 5, request),
        (1, 4, vec![0x88]),
        (1, 5, vec![0x8d]),
        (0, 0, vec![]),
        (0, 1, vec![]),
        (3, 0, vec![0; 4]),
        (7, 0, vec![0; 8]),
        (4, 0, vec![]),
        (9, 4, vec![0x88]),
        (Frame::OUT_OF_STEP, 0, vec![]),
        (Frame::JOINED, 0, vec![]),
        (1, 4, call("/runtime.v1.ImageService/PullImage")),
        (1, 4, call("/runtime.v1.ImageService/PullImage")),
        (1, 4, call("/runtime.v1.ImageService/PullImage")),
        (1, 4, call("/runtime.v1.ImageService/RemoveImage")),
        (1, 4, call("/runtime.v1.RuntimeService/RunPodSandbox")),
        (1, 4, call("/containerd.services.transfer.v1.Transfer/Transfer")),
        (0, 1, pull_request(IMAGE)),
        (0, 1, pull_request(IMAGE)),
        (0, 1, grpc(&[field(1, digest('b'))])),
        // `grpc-status: 0` and `grpc-status: 4`.
        (1, 5, b"\x00\x0bgrpc-status\x010".to_vec()),
        (1, 5, b"\x88\x00\x0bgrpc-status\x014".to_vec()),
    ]);
    (direction(), layer(), kinds, 0_u32..6, 0_u32..3000).prop_map(|(direction, layer, kind, stream, more)| {
        let (kind, flags, payload) = kind;
        let length = u32::try_from(payload.len()).unwrap() + if kind == 0 { more } else { 0 };
        Frame { direction, layer, kind, flags, stream, length, payload: Captured(payload.into()) }
    })
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        Just(Amount::None),
        any::<u64>().prop_map(Amount::Total),
        any::<u64>().prop_map(Amount::Passed),
        any::<u64>().prop_map(Amount::Left),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let part = prop::sample::select(vec![
        Part::RequestHead,
        Part::ResponseHead,
        Part::RequestFields,
        Part::RequestFields,
        Part::ResponseFields,
        Part::Status,
        Part::Complete,
        Part::Cut,
    ]);
    let code = prop::sample::select(vec![0, 100, 200, 204, 404, 9999]);
    let shape = (prop::bool::weighted(0.3), prop::bool::weighted(0.1), prop::bool::weighted(0.05));
    (part, 0_u32..4, 0_u64..4, code, amount(), bytes(), shape).prop_map(
        |(part, stream, goroutine, code, amount, bytes, (serves, end, truncated))| {
            let bytes = Captured(bytes.into());
            Message { goroutine, serves, part, stream, code, amount, bytes, end, truncated }
        },
    )
}

/// The fields of a request or of a response, not always all of them.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let request = [(":authority", "registry.example.com"), (":method", "GET"), (":path", BLOB)];
    let response = [(":status", "200"), ("content-length", "100")];
    prop_oneof![
        prop::sample::subsequence(request.to_vec(), 0..=3),
        Just(request.to_vec()),
        prop::sample::subsequence(response.to_vec(), 0..=2),
        Just(response.to_vec()),
    ]
    .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

pub fn step() -> impl Strategy<Value = Step> {
    let protocol = prop::sample::select(vec![
        Protocol::Http1,
        Protocol::Http1,
        Protocol::Http1,
        Protocol::Tls,
        Protocol::Http2,
        Protocol::Dns,
        Protocol::Redis,
        Protocol::Redis,
        Protocol::Unknown,
    ]);
    let error = prop::sample::select(vec![0, 104, 110, 111, 113, 99]);
    let uncaptured = prop_oneof![6 => Just(0), 1 => 0_u64..3000, 1 => any::<u64>()];
    let flow = || {
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(position, first, last)| Flow {
            position,
            first,
            last,
        })
    };
    prop_oneof![
        2 => (pid(), target()).prop_map(|(pid, target)| Step::Tell(Event::ProcessBegan { found: pid == 3, pid, target, time: 0 })),
        1 => (pid(), pid(), target())
            .prop_map(|(pid, parent, target)| Step::Tell(Event::ProcessForked { pid, parent, target, time: 0 })),
        1 => (pid(), ending()).prop_map(|(pid, how)| Step::Tell(Event::ProcessEnded { pid, how, time: 0 })),
        1 => (pid(), pid()).prop_map(|(pid, thread)| Step::Tell(Event::ThreadEnded { pid, thread, time: 0 })),
        3 => (pid(), purpose()).prop_map(|(pid, purpose)| Step::Tell(Event::Purpose { pid, purpose, time: 0 })),
        1 => pid().prop_map(|pid| Step::Tell(Event::Instrumented { pid, time: 0 })),
        4 => (conn(), pid(), target(), ends(), phase())
            .prop_map(|(conn, pid, target, ends, phase)| Step::Tell(Event::Opened { conn, pid, target, ends, phase, time: 0 })),
        20 => (conn(), layer(), pid(), direction(), protocol, bytes(), uncaptured, prop::bool::weighted(0.9), prop::bool::weighted(0.05))
            .prop_map(|(conn, layer, pid, direction, protocol, bytes, uncaptured, told, end)| {
                Step::Bytes { conn, layer, pid, direction, protocol, bytes, uncaptured, told, end }
            }),
        10 => (conn(), pid(), frame()).prop_map(|(conn, pid, frame)| Step::Frame(conn, pid, frame)),
        20 => (conn(), pid(), fields(), message(), prop::bool::weighted(0.9))
            .prop_map(|(conn, pid, fields, message, told)| Step::Message { conn, pid, fields, message, told }),
        2 => (conn(), layer()).prop_map(|(conn, layer)| Step::Progress(conn, layer)),
        2 => (conn(), phase(), phase(), error.clone()).prop_map(|(c, before, after, error)| Step::Changed(c, before, after, error)),
        2 => (conn(), phase(), error).prop_map(|(c, before, error)| Step::Closed(c, before, error)),
        1 => (conn(), flow(), flow()).prop_map(|(c, received, sent)| Step::Wild(c, Flows { received, sent })),
        2 => prop_oneof![Just(1), Just(6_000), Just(11_000), Just(31_000)].prop_map(Step::Wait),
        1 => (prop::collection::hash_set(conn(), 0..6), prop::collection::hash_set(pid(), 0..4))
            .prop_map(|(connections, processes)| Step::Tell(Event::Resync { connections, processes, time: 0 })),
    ]
}
