//! A small stage: processes and connections do things, the kernel's events are made up from that, and the facts are
//! kept as short lines of text.
//!
//! A millisecond passes with everything that is done.

use std::collections::HashMap;

use bytes::Bytes;
use collector_common::MAX_CAPTURE;

use super::lines::line;
use crate::model::event::{
    Captured, ConnId, Direction, Ending, Ends, Event, Flow, Flows, Layer, Phase, Pid, Protocol, TargetId, Tid,
};
use crate::model::fact::Fact;
use crate::model::pull::Flavour;
use crate::model::pull::record::PullRecord;
use crate::model::{Limits, Model, Settings};
use crate::recipes::rule::Rule;

pub const MS: u64 = 1_000_000;
/// A target whose recipe says that what it fetches shows by its digest.
pub const VOUCHED: TargetId = TargetId(9);

pub struct Scene {
    pub model: Model,
    pub now: u64,
    lines: Vec<String>,
    records: Vec<PullRecord>,
    targets: HashMap<Pid, TargetId>,
    connections: HashMap<ConnId, State>,
    next: u64,
}

struct State {
    pid: Pid,
    thread: Tid,
    phase: Phase,
    socket: Stream,
    /// What is inside its TLS.
    decrypted: Stream,
    lost: u32,
}

struct Stream {
    protocol: Protocol,
    flows: Flows,
    direction: Option<Direction>,
}

impl Stream {
    fn new(protocol: Protocol) -> Self {
        Self { protocol, flows: Flows::default(), direction: None }
    }
}

impl State {
    fn stream(&mut self, layer: Layer) -> &mut Stream {
        match layer {
            Layer::Socket => &mut self.socket,
            Layer::Decrypted => &mut self.decrypted,
        }
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        Self::with_settings(limits, flavours(), HashMap::new())
    }

    /// A scene whose targets have these flavours, with one process of the first, 1.
    pub fn with_flavours(flavours: Vec<Flavour>) -> Self {
        let mut scene = Self::with_settings(Limits::default(), flavours, HashMap::new());
        scene.process(1);
        scene
    }

    /// A scene in which these rules hold for the first target, with one process of it, 1.
    pub fn with_rules(rules: Vec<Rule>) -> Self {
        let mut scene = Self::with_settings(Limits::default(), flavours(), [(TargetId(0), rules)].into());
        scene.process(1);
        scene
    }

    fn with_settings(limits: Limits, flavours: Vec<Flavour>, recipes: HashMap<TargetId, Vec<Rule>>) -> Self {
        let model = Model::new(Settings {
            limits,
            flavours,
            recipes,
            fetches_name_digest: [VOUCHED].into(),
            hash_key: [1, 2],
        });
        Self {
            model,
            now: 1000 * MS,
            lines: Vec::new(),
            records: Vec::new(),
            targets: HashMap::new(),
            connections: HashMap::new(),
            next: 1,
        }
    }

    /// A scene with one process, 1.
    pub fn with_process() -> Self {
        let mut scene = Self::new();
        scene.process(1);
        scene
    }

    pub fn process(&mut self, pid: Pid) {
        self.process_of(pid, TargetId(0));
    }

    pub fn process_of(&mut self, pid: Pid, target: TargetId) {
        self.tell(Event::ProcessBegan { found: false, pid, target, time: self.now });
    }

    pub fn exits(&mut self, pid: Pid) {
        self.exits_with(pid, Ending::Unknown);
    }

    pub fn exits_with(&mut self, pid: Pid, how: Ending) {
        self.tell(Event::ProcessEnded { pid, how, time: self.now });
    }

    /// From now on this thread uses the connection.
    pub fn in_thread(&mut self, conn: ConnId, thread: Tid) {
        self.connections.get_mut(&conn).unwrap().thread = thread;
    }

    /// A TCP connection that is being made.
    pub fn connecting(&mut self, pid: Pid, remote: &str, phase: Phase) -> ConnId {
        let remote = remote.parse().unwrap();
        self.open(pid, Ends::Tcp { local: "10.0.0.9:40000".parse().unwrap(), remote }, phase)
    }

    /// A TCP connection that the process made.
    pub fn connect(&mut self, pid: Pid, remote: &str) -> ConnId {
        let conn = self.connecting(pid, remote, Phase::Connecting);
        self.change(conn, Phase::Open, 0);
        conn
    }

    /// A TCP connection that carried data when it was first seen.
    pub fn accept(&mut self, pid: Pid) -> ConnId {
        self.connecting(pid, "10.0.0.7:50000", Phase::Open)
    }

    pub fn name_server(&mut self, pid: Pid) -> ConnId {
        self.open(pid, Ends::Dns { server: "10.0.0.2:53".parse().unwrap() }, Phase::Open)
    }

    pub fn open(&mut self, pid: Pid, ends: Ends, phase: Phase) -> ConnId {
        let conn = ConnId { sock: 0xffff_0000 + self.next, born: self.now };
        self.next += 1;
        let protocol = if matches!(ends, Ends::Dns { .. }) { Protocol::Dns } else { Protocol::Unknown };
        let (socket, decrypted) = (Stream::new(protocol), Stream::new(Protocol::Unknown));
        self.connections.insert(conn, State { pid, thread: pid, phase, socket, decrypted, lost: 0 });
        let target = self.targets.get(&pid).copied().unwrap_or(TargetId(0));
        self.tell(Event::Opened { conn, pid, target, ends, phase, time: self.now });
        conn
    }

    pub fn change(&mut self, conn: ConnId, after: Phase, error: u32) {
        let state = self.connections.get_mut(&conn).unwrap();
        let before = std::mem::replace(&mut state.phase, after);
        let flows = state.socket.flows;
        self.tell(Event::Changed { conn, before, after, error, flows, time: self.now });
    }

    pub fn close(&mut self, conn: ConnId) {
        self.close_with(conn, 0);
    }

    pub fn close_with(&mut self, conn: ConnId, error: u32) {
        let State { phase, socket, lost, .. } = self.connections.remove(&conn).unwrap();
        let flows = socket.flows;
        self.tell(Event::Closed { conn, before: phase, error, end: false, flows, lost, time: self.now });
    }

    /// The process lets go of a connection whose peer has ended its direction, which it has not read.
    pub fn close_after_peer(&mut self, conn: ConnId) {
        let State { phase, socket, lost, .. } = self.connections.remove(&conn).unwrap();
        let flows = socket.flows;
        self.tell(Event::Closed { conn, before: phase, error: 0, end: true, flows, lost, time: self.now });
    }

    pub fn send(&mut self, conn: ConnId, text: impl AsRef<[u8]>) {
        self.pass(conn, Layer::Socket, Direction::Sent, text.as_ref());
    }

    pub fn receive(&mut self, conn: ConnId, text: impl AsRef<[u8]>) {
        self.pass(conn, Layer::Socket, Direction::Received, text.as_ref());
    }

    /// Through OpenSSL; what that makes of it on the socket is another matter.
    pub fn send_decrypted(&mut self, conn: ConnId, text: impl AsRef<[u8]>) {
        self.pass(conn, Layer::Decrypted, Direction::Sent, text.as_ref());
    }

    pub fn receive_decrypted(&mut self, conn: ConnId, text: impl AsRef<[u8]>) {
        self.pass(conn, Layer::Decrypted, Direction::Received, text.as_ref());
    }

    /// Bytes that are told of as a turn of the direction and not captured.
    pub fn turn(&mut self, conn: ConnId, direction: Direction, bytes: u64) {
        self.advance(conn, direction, bytes);
        let start = direction_of(self.flows(conn), direction).position;
        let event = self.data(conn, direction, start, b"", false);
        self.tell(event);
    }

    /// How far the socket has come.
    pub fn flows(&self, conn: ConnId) -> Flows {
        self.connections[&conn].socket.flows
    }

    pub fn flows_in(&mut self, conn: ConnId, layer: Layer) -> Flows {
        self.connections.get_mut(&conn).unwrap().stream(layer).flows
    }

    /// The process that uses the connection.
    pub fn pid_of(&self, conn: ConnId) -> Pid {
        self.connections[&conn].pid
    }

    /// Events of the connection that were lost.
    pub fn lost(&self, conn: ConnId) -> u32 {
        self.connections[&conn].lost
    }

    /// One more event of the connection finds the ring buffer full.
    pub fn lose_event(&mut self, conn: ConnId) {
        self.connections.get_mut(&conn).unwrap().lost += 1;
    }

    /// The peer has ended its direction.
    pub fn receive_end(&mut self, conn: ConnId) {
        let start = self.flows(conn).received.position;
        let event = self.data(conn, Direction::Received, start, b"", true);
        self.tell(event);
    }

    /// Bytes that the kernel counts without an event.
    pub fn count(&mut self, conn: ConnId, direction: Direction, bytes: u64) {
        self.advance(conn, direction, bytes);
        self.now += MS;
    }

    /// Bytes whose event finds the ring buffer full.
    pub fn lose(&mut self, conn: ConnId, direction: Direction, bytes: u64) {
        self.count(conn, direction, bytes);
        self.lose_event(conn);
    }

    /// The kernel is asked about a connection.
    pub fn progress(&mut self, conn: ConnId) {
        self.progress_of(conn, Layer::Socket);
    }

    pub fn progress_of(&mut self, conn: ConnId, layer: Layer) {
        let state = self.connections.get_mut(&conn).unwrap();
        let (flows, lost) = (state.stream(layer).flows, state.lost);
        self.tell(Event::Progress { conn, layer, flows, lost });
    }

    /// Another process goes on with a connection.
    pub fn pass_on(&mut self, conn: ConnId, pid: Pid) {
        self.connections.get_mut(&conn).unwrap().pid = pid;
    }

    /// One read or write.
    fn pass(&mut self, conn: ConnId, layer: Layer, direction: Direction, bytes: &[u8]) {
        let start = self.advance_in(conn, layer, direction, bytes.len() as u64);
        let event = self.data_in(conn, layer, direction, start, bytes, false);
        self.tell(event);
    }

    /// The event of a read or write that has moved the flows already.
    pub fn data(&mut self, conn: ConnId, direction: Direction, start: u64, bytes: &[u8], end: bool) -> Event {
        self.data_in(conn, Layer::Socket, direction, start, bytes, end)
    }

    pub fn data_in(
        &mut self,
        conn: ConnId,
        layer: Layer,
        direction: Direction,
        start: u64,
        bytes: &[u8],
        end: bool,
    ) -> Event {
        let state = self.connections.get_mut(&conn).unwrap();
        let (pid, thread, lost, state) = (state.pid, state.thread, state.lost, state.stream(layer));
        match bytes {
            [b'H', b'T', b'T', b'P', ..] | [b'G', b'E', b'T', b' ', ..] | [b'H' | b'P', b'E' | b'O', ..] => {
                state.protocol = Protocol::Http1;
            }
            [b'P', b'R', b'I', ..] => state.protocol = Protocol::Http2,
            [b'*', b'0'..=b'9', ..] => state.protocol = Protocol::Redis,
            [22, 3, ..] => state.protocol = Protocol::Tls,
            _ => {}
        }
        let captured = &bytes[..bytes.len().min(MAX_CAPTURE as usize)];
        Event::Data {
            conn,
            layer,
            pid,
            thread,
            direction,
            protocol: state.protocol,
            start,
            bytes: Captured(Bytes::copy_from_slice(captured)),
            end,
            flows: state.flows,
            lost,
            time: self.now,
        }
    }

    /// Moves a flow and tells where it was.
    pub fn advance(&mut self, conn: ConnId, direction: Direction, bytes: u64) -> u64 {
        self.advance_in(conn, Layer::Socket, direction, bytes)
    }

    pub fn advance_in(&mut self, conn: ConnId, layer: Layer, direction: Direction, bytes: u64) -> u64 {
        let state = self.connections.get_mut(&conn).unwrap().stream(layer);
        let turned = state.direction.replace(direction) != Some(direction);
        let flow: &mut Flow = match direction {
            Direction::Received => &mut state.flows.received,
            Direction::Sent => &mut state.flows.sent,
        };
        let start = flow.position;
        flow.position += bytes;
        flow.last = self.now;
        if turned {
            flow.first = self.now;
        }
        start
    }

    pub fn tell(&mut self, event: Event) {
        if let Event::ProcessBegan { pid, target, .. } | Event::ProcessForked { pid, target, .. } = event {
            self.targets.insert(pid, target);
        }
        let mut facts = Vec::new();
        self.model.event(event, &mut facts);
        self.keep(&facts);
        self.now += MS;
    }

    /// Time passes.
    pub fn wait(&mut self, milliseconds: u64) {
        self.now += milliseconds * MS;
        let mut facts = Vec::new();
        self.model.tick(self.now, &mut facts);
        self.keep(&facts);
    }

    fn keep(&mut self, facts: &[Fact]) {
        self.lines.extend(facts.iter().map(line));
        for fact in facts {
            if let Fact::PullChanged(record) = fact {
                self.records.retain(|known| known.id != record.id);
                self.records.push((**record).clone());
            }
        }
    }

    /// How each pull that the log was told of stood last, in the order in which they were told of.
    pub fn records(&self) -> &[PullRecord] {
        &self.records
    }

    /// The facts since the last call that begin with one of these words.
    pub fn said(&mut self, words: &[&str]) -> Vec<String> {
        let lines = std::mem::take(&mut self.lines);
        lines
            .into_iter()
            .filter(|line| words.iter().any(|word| line.split(' ').next() == Some(word)))
            .collect()
    }

    /// All facts since the last call.
    pub fn all(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// A GET by process 1 on a new connection, its answer and the close.
    pub fn get(&mut self, host: &str, target: &str, answer: &str) {
        self.get_by(1, host, target, answer);
    }

    pub fn get_by(&mut self, pid: Pid, host: &str, target: &str, answer: &str) {
        let conn = self.connect(pid, "10.0.0.1:80");
        self.send(conn, get(host, target));
        self.receive(conn, answer);
        self.close(conn);
    }
}

fn flavours() -> Vec<Flavour> {
    vec![Flavour::Oci, Flavour::Cri, Flavour::Docker, Flavour::Podman]
}

fn direction_of(flows: Flows, direction: Direction) -> Flow {
    match direction {
        Direction::Received => flows.received,
        Direction::Sent => flows.sent,
    }
}

pub fn get(host: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

pub fn get_range(host: &str, target: &str, range: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nRange: bytes={range}\r\n\r\n")
}

/// A response whose body is `length` bytes, `here` of which follow the head.
pub fn response(code: u16, fields: &str, length: usize, here: usize) -> String {
    format!("HTTP/1.1 {code} X\r\n{fields}Content-Length: {length}\r\n\r\n{}", "x".repeat(here))
}

/// A complete response with a body of ten bytes.
pub fn ok() -> String {
    response(200, "", 10, 10)
}

pub const BLOB: &str = "/v2/library/app/blobs/sha256:aaaa";
pub const MANIFEST: &str = "/v2/library/app/manifests/latest";
