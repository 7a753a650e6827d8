//! The stage for pulls: programs that pull, registries that answer, and the sockets on which runtimes are asked.

use super::frames::Frames;
use super::scene::{Scene, get, response};
use crate::model::event::{ConnId, Direction, Ending, Ends, Event, Layer, Phase, Pid, Purpose, TargetId};

/// Targets by what their flavour is on the stage.
pub const AGENT: TargetId = TargetId(0);
pub const CRI: TargetId = TargetId(1);
pub const DOCKER: TargetId = TargetId(2);
pub const PODMAN: TargetId = TargetId(3);

pub const HOST: &str = "registry.example.com";
pub const IMAGE: &str = "registry.example.com/library/app:v1";

/// A digest that consists of one digit.
pub fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

pub fn manifest_of(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

pub fn blob_of(repository: &str, digit: char) -> String {
    format!("/v2/{repository}/blobs/{}", digest(digit))
}

/// A manifest of a config and layers, by their digits; config and layers are ten bytes each.
pub fn manifest(config: char, layers: &str) -> String {
    let entry = |digit| format!("{{\"digest\":\"{}\",\"size\":10}}", digest(digit));
    let layers: Vec<String> = layers.chars().map(entry).collect();
    format!("{{\"schemaVersion\":2,\"config\":{},\"layers\":[{}]}}", entry(config), layers.join(","))
}

/// An index of manifests, by their digits.
pub fn index(manifests: &str) -> String {
    let entry = |digit| format!("{{\"digest\":\"{}\",\"size\":10}}", digest(digit));
    let manifests: Vec<String> = manifests.chars().map(entry).collect();
    format!("{{\"schemaVersion\":2,\"manifests\":[{}]}}", manifests.join(","))
}

/// An answer with a body that can be read.
pub fn document(fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Ten bytes of a blob.
pub fn blob() -> String {
    response(200, "Content-Type: application/octet-stream\r\n", 10, 10)
}

pub fn get_with(host: &str, target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
}

/// A field of a message (Protocol Buffers, "Encoding").
pub fn field(number: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(number << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

/// A message behind its prefix.
pub fn message(fields: &[Vec<u8>]) -> Vec<u8> {
    let body = fields.concat();
    let length = u32::try_from(body.len()).unwrap();
    [vec![0], length.to_be_bytes().to_vec(), body].concat()
}

/// A `PullImageRequest` for an image without anything else.
pub fn pull_request(image: &str) -> Vec<u8> {
    message(&[field(1, field(1, image))])
}

/// A unix connection that speaks gRPC, with the process at one end of it.
#[derive(Clone, Copy)]
pub struct Grpc {
    pub frames: Frames,
    serves: bool,
}

impl Grpc {
    fn requests(self) -> Direction {
        if self.serves { Direction::Received } else { Direction::Sent }
    }

    fn responses(self) -> Direction {
        if self.serves { Direction::Sent } else { Direction::Received }
    }

    pub fn ask(self, scene: &mut Scene, stream: u32, path: &str, request: &[u8]) {
        self.ask_with(scene, stream, path, &[], request);
    }

    pub fn ask_with(self, scene: &mut Scene, stream: u32, path: &str, more: &[(&str, &str)], request: &[u8]) {
        let fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost")];
        let fields = [&fields, &[("content-type", "application/grpc")][..], more].concat();
        self.frames.headers(scene, self.requests(), stream, false, &fields);
        self.frames.content(scene, self.requests(), stream, request, true);
    }

    /// A request on a connection that is older than the collector: its path is in a table that nobody saw.
    pub fn ask_unnamed(self, scene: &mut Scene, stream: u32, request: &[u8]) {
        let payload = [0x83, 0x86, 0xbe];
        self.frames.tell(scene, self.requests(), (1, 4, stream), &payload, 3);
        self.frames.content(scene, self.requests(), stream, request, true);
    }

    pub fn answer(self, scene: &mut Scene, stream: u32, response: &[u8]) {
        self.begin_answer(scene, stream, response);
        self.frames.headers(scene, self.responses(), stream, true, &[("grpc-status", "0")]);
    }

    pub fn begin_answer(self, scene: &mut Scene, stream: u32, response: &[u8]) {
        let fields = [(":status", "200"), ("content-type", "application/grpc")];
        self.frames.headers(scene, self.responses(), stream, false, &fields);
        self.frames.content(scene, self.responses(), stream, response, false);
    }

    pub fn fail(self, scene: &mut Scene, stream: u32, status: &str, text: &str) {
        let fields = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", status),
            ("grpc-message", text),
        ];
        self.frames.headers(scene, self.responses(), stream, true, &fields);
    }

    /// The client does not wait any more.
    pub fn give_up(self, scene: &mut Scene, stream: u32) {
        self.frames.reset(scene, self.requests(), stream);
    }
}

impl Scene {
    pub fn program(&mut self, pid: Pid, target: TargetId) {
        self.tell(Event::ProcessBegan { found: false, pid, target, time: self.now });
    }

    /// A client program.
    pub fn client(&mut self, pid: Pid, target: TargetId, purpose: Purpose) {
        self.program(pid, target);
        self.tell(Event::Purpose { pid, purpose, time: self.now });
    }

    pub fn forks(&mut self, parent: Pid, pid: Pid, target: TargetId) {
        self.tell(Event::ProcessForked { pid, parent, target, time: self.now });
    }

    pub fn ends(&mut self, pid: Pid, how: Ending) {
        self.tell(Event::ProcessEnded { pid, how, time: self.now });
    }

    /// A connection to a socket on which the process serves, from another process.
    pub fn served_unix(&mut self, pid: Pid, peer: Option<(Pid, &str)>) -> ConnId {
        let path = b"/run/runtime.sock".to_vec();
        let peer_name = peer.map(|(_, name)| name.as_bytes().to_vec());
        let ends = Ends::Unix { path, serves: true, peer: peer.map(|(pid, _)| pid), peer_name };
        self.open(pid, ends, Phase::Open)
    }

    pub fn grpc_server(&mut self, pid: Pid, peer: Option<(Pid, &str)>) -> Grpc {
        let conn = self.served_unix(pid, peer);
        Grpc { frames: Frames { conn, layer: Layer::Socket }, serves: true }
    }

    /// A connection of the process to another's socket.
    pub fn grpc_client(&mut self, pid: Pid, peer: Option<(Pid, &str)>) -> Grpc {
        let path = b"/run/runtime.sock".to_vec();
        let peer_name = peer.map(|(_, name)| name.as_bytes().to_vec());
        let ends = Ends::Unix { path, serves: false, peer: peer.map(|(pid, _)| pid), peer_name };
        let conn = self.open(pid, ends, Phase::Open);
        Grpc { frames: Frames { conn, layer: Layer::Socket }, serves: false }
    }

    /// A request whose answer is due.
    pub fn asking(&mut self, pid: Pid, host: &str, target: &str) -> ConnId {
        let conn = self.connect(pid, "10.0.0.1:80");
        self.send(conn, get(host, target));
        conn
    }

    /// A request with these fields, its answer and the close.
    pub fn get_with(&mut self, pid: Pid, host: &str, target: &str, fields: &str, answer: &str) {
        let conn = self.connect(pid, "10.0.0.1:80");
        self.send(conn, get_with(host, target, fields));
        self.receive(conn, answer);
        self.close(conn);
    }

    /// A GET of a manifest by tag; the config and the layers that it names.
    pub fn manifest(&mut self, pid: Pid, repository: &str, tag: &str, config: char, layers: &str) {
        self.get_by(pid, HOST, &manifest_of(repository, tag), &document("", &manifest(config, layers)));
    }

    pub fn blobs(&mut self, pid: Pid, repository: &str, digits: &str) {
        for digit in digits.chars() {
            self.get_by(pid, HOST, &blob_of(repository, digit), &blob());
        }
    }

    /// An image as a client pulls it that has nothing of it: config `c`, layers `1` and `2`.
    pub fn image(&mut self, pid: Pid) {
        self.manifest(pid, "library/app", "v1", 'c', "12");
        self.blobs(pid, "library/app", "c12");
    }

    /// A connection that is refused.
    pub fn refused(&mut self, pid: Pid) {
        let conn = self.connecting(pid, "10.0.0.1:80", Phase::Connecting);
        self.change(conn, Phase::Ended, 111);
        self.close(conn);
    }

    /// The pulls that have ended since this was last called, without how long they took.
    pub fn pulled(&mut self) -> Vec<String> {
        let said = self.all();
        let count = |word: &str| said.iter().filter(|line| line.starts_with(word)).count();
        let pulled = said.iter().filter_map(|line| line.strip_prefix("pulled "));
        let pulled: Vec<String> = pulled.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect();
        assert!(count("pull- ") >= pulled.len(), "{said:?}");
        pulled
    }
}
