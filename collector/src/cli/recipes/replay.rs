//! A traffic file, followed: bytes are made of its lines, and the model and the metrics take the events as if the kernel had told
//! them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use bytes::Bytes;
use wire::http::Method;

use super::traffic::{InProcess, OnConnection, Reply, Step, VALUE, What, Wrong};
use crate::config::Settings;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::model::event::{
    Captured, ConnId, Direction, Ending, Ends, Event, Flow, Flows, Layer, Phase, Pid, Protocol, TargetId, Tid,
};
use crate::model::fact::Fact;
use crate::run;

/// Time of the first line: 0 stands for what has not happened.
const START: u64 = 1_000_000_000;
/// What a value is made of that was not recorded: longer than what is kept of any.
const LONG: usize = 100;
/// The peer of a connection that was there before.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// Nothing here has to be kept from anybody.
const HASH_KEY: [u64; 2] = [1, 2];

/// A connection, as the kernel would know it.
struct Connection {
    id: ConnId,
    pid: Pid,
    phase: Phase,
    flows: Flows,
    direction: Option<Direction>,
    /// The last request's method: an answer to HEAD has no body.
    method: Method,
}

struct Replay {
    model: Model,
    metrics: Metrics,
    /// The recipes' names, and their targets.
    targets: HashMap<String, TargetId>,
    processes: HashMap<Pid, TargetId>,
    connections: BTreeMap<u64, Connection>,
    /// Connections up to now.
    opened: u64,
    now: u64,
}

/// What the recipes of these settings count of it.
pub fn run(settings: &Settings, steps: &[Step<'_>]) -> Result<Metrics, Wrong> {
    let wrong = |reason| Wrong { line: 1, reason };
    let max_registries = usize::try_from(settings.max_registries.get()).unwrap_or(usize::MAX);
    let metrics = Metrics::new(&settings.targets, &settings.recipes, max_registries).map_err(wrong)?;
    let place = |name: &str| {
        let place = settings.targets.as_slice().iter().position(|target| target.name.as_str() == name)?;
        u16::try_from(place).ok().map(TargetId)
    };
    let named = settings.recipes.iter().filter_map(|recipe| {
        let name = recipe.target.name.as_str();
        Some((name.to_owned(), place(name)?))
    });
    let mut replay = Replay {
        model: Model::new(run::model_settings(settings, HASH_KEY)),
        metrics,
        targets: named.collect(),
        processes: HashMap::new(),
        connections: BTreeMap::new(),
        opened: 0,
        now: START,
    };
    for step in steps {
        replay.step(step).map_err(|reason| Wrong { line: step.line, reason })?;
    }
    Ok(replay.metrics)
}

impl Replay {
    fn step(&mut self, step: &Step<'_>) -> Result<(), String> {
        self.now = START + step.time;
        let mut facts = Vec::new();
        self.model.tick(self.now, &mut facts);
        self.record(&facts);
        match &step.what {
            What::TimePassed => Ok(()),
            What::Process(pid, what) => self.process(*pid, what),
            What::Connection(pid, thread, number, what) => self.connection((*pid, *thread), *number, what),
        }
    }

    fn record(&self, facts: &[Fact]) {
        for fact in facts {
            self.metrics.record(fact);
        }
    }

    fn tell(&mut self, event: Event) {
        let mut facts = Vec::new();
        self.model.event(event, &mut facts);
        self.record(&facts);
    }

    fn target(&self, pid: Pid) -> Result<TargetId, String> {
        self.processes
            .get(&pid)
            .copied()
            .ok_or_else(|| format!("process {pid} has not begun: `TIME {pid} exec`"))
    }

    fn process(&mut self, pid: Pid, what: &InProcess<'_>) -> Result<(), String> {
        let time = self.now;
        match *what {
            InProcess::Exec(name) => {
                let target = match (name, self.targets.values().collect::<Vec<_>>().as_slice()) {
                    (Some(name), _) => self.targets.get(name).copied().ok_or("no recipe has that name")?,
                    (None, [only]) => **only,
                    (None, _) => {
                        return Err("the recipe is needed where there is not one: `exec RECIPE`".to_owned());
                    }
                };
                self.processes.insert(pid, target);
                self.tell(Event::ProcessBegan { found: false, pid, target, time });
            }
            InProcess::Fork(child) => {
                let target = self.target(pid)?;
                self.processes.insert(child, target);
                self.tell(Event::ProcessForked { pid: child, parent: pid, target, time });
            }
            InProcess::Exit(status) => self.ended(pid, Ending::Exited(status))?,
            InProcess::Killed(signal) => self.ended(pid, Ending::Killed(signal))?,
            InProcess::ThreadEnd(thread) => {
                self.target(pid)?;
                self.tell(Event::ThreadEnded { pid, thread, time });
            }
        }
        Ok(())
    }

    /// The process is gone, and its sockets after it.
    fn ended(&mut self, pid: Pid, how: Ending) -> Result<(), String> {
        self.target(pid)?;
        self.processes.remove(&pid);
        self.tell(Event::ProcessEnded { pid, how, time: self.now });
        let of = |(number, connection): (&u64, &Connection)| (connection.pid == pid).then_some(*number);
        let own: Vec<u64> = self.connections.iter().filter_map(of).collect();
        for number in own {
            self.closed(number, 0)?;
        }
        Ok(())
    }

    fn connection(
        &mut self,
        (pid, thread): (Pid, Tid),
        number: u64,
        what: &OnConnection<'_>,
    ) -> Result<(), String> {
        let target = self.target(pid)?;
        match what {
            OnConnection::Connect(remote) => {
                if self.connections.contains_key(&number) {
                    return Err(format!("connection {number} is open already"));
                }
                self.open((pid, target), number, *remote, Phase::Connecting);
            }
            OnConnection::Connected => self.changed(number, Phase::Open, 0)?,
            OnConnection::Failed(error) if self.is_connecting(number) => {
                self.changed(number, Phase::Ended, *error)?;
                self.closed(number, *error)?;
            }
            OnConnection::Failed(error) => self.closed(number, *error)?,
            OnConnection::Closed => self.closed(number, 0)?,
            OnConnection::Redis(words) => {
                let bytes = command(words);
                self.pass((pid, thread, target), number, Direction::Sent, Protocol::Redis, &bytes, 0);
            }
            OnConnection::RedisReply(reply) => {
                let bytes = self::reply(reply);
                self.pass((pid, thread, target), number, Direction::Received, Protocol::Redis, &bytes, 0);
            }
            OnConnection::Request { served, method, path } => {
                let direction = if *served { Direction::Received } else { Direction::Sent };
                let head = format!(
                    "{} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
                    method.as_str()
                );
                self.pass((pid, thread, target), number, direction, Protocol::Http1, head.as_bytes(), 0);
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.method = *method;
                }
            }
            OnConnection::Answer { served, code, bytes } => {
                let direction = if *served { Direction::Sent } else { Direction::Received };
                let bodiless = matches!(code, 100..=199 | 204 | 304);
                let head_only =
                    self.connections.get(&number).is_some_and(|known| known.method == Method::Head);
                let length = if bodiless { String::new() } else { format!("Content-Length: {bytes}\r\n") };
                let head = format!("HTTP/1.1 {code} X\r\n{length}\r\n");
                let body = if bodiless || head_only { 0 } else { *bytes };
                self.pass((pid, thread, target), number, direction, Protocol::Http1, head.as_bytes(), body);
            }
        }
        Ok(())
    }

    fn is_connecting(&self, number: u64) -> bool {
        self.connections.get(&number).is_some_and(|connection| connection.phase == Phase::Connecting)
    }

    fn open(&mut self, (pid, target): (Pid, TargetId), number: u64, remote: SocketAddr, phase: Phase) {
        self.opened += 1;
        let id = ConnId { sock: self.opened, born: self.now };
        let ends = Ends::Tcp { local: PEER, remote };
        let connection =
            Connection { id, pid, phase, flows: Flows::default(), direction: None, method: Method::Other };
        self.connections.insert(number, connection);
        self.tell(Event::Opened { conn: id, pid, target, ends, phase, time: self.now });
    }

    fn changed(&mut self, number: u64, after: Phase, error: u32) -> Result<(), String> {
        let unknown = || format!("connection {number} does not connect");
        let connection = self.connections.get_mut(&number).ok_or_else(unknown)?;
        if connection.phase != Phase::Connecting {
            return Err(unknown());
        }
        let before = std::mem::replace(&mut connection.phase, after);
        let (conn, flows) = (connection.id, connection.flows);
        self.tell(Event::Changed { conn, before, after, error, flows, time: self.now });
        Ok(())
    }

    fn closed(&mut self, number: u64, error: u32) -> Result<(), String> {
        let Connection { id: conn, phase: before, flows, .. } =
            self.connections.remove(&number).ok_or_else(|| format!("connection {number} is not open"))?;
        self.tell(Event::Closed { conn, before, error, end: false, flows, lost: 0, time: self.now });
        Ok(())
    }

    /// Bytes pass, and `more` that are only counted. A connection that was not told of was there before.
    fn pass(
        &mut self,
        (pid, thread, target): (Pid, Tid, TargetId),
        number: u64,
        direction: Direction,
        protocol: Protocol,
        bytes: &[u8],
        more: u64,
    ) {
        if !self.connections.contains_key(&number) {
            self.open((pid, target), number, PEER, Phase::Open);
        }
        let time = self.now;
        let Some(connection) = self.connections.get_mut(&number) else { return };
        connection.pid = pid;
        let turned = connection.direction.replace(direction) != Some(direction);
        let flow: &mut Flow = match direction {
            Direction::Received => &mut connection.flows.received,
            Direction::Sent => &mut connection.flows.sent,
        };
        let start = flow.position;
        flow.position += bytes.len() as u64 + more;
        flow.last = time;
        if turned {
            flow.first = time;
        }
        let (conn, flows) = (connection.id, connection.flows);
        let bytes = Captured(Bytes::copy_from_slice(bytes));
        self.tell(Event::Data {
            conn,
            layer: Layer::Socket,
            pid,
            thread,
            direction,
            protocol,
            start,
            bytes,
            end: false,
            flows,
            lost: 0,
            time,
        });
    }
}

/// A command as clients send it: an array of bulk strings (RESP2 and RESP3).
fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bulk(&mut bytes, word);
    }
    bytes
}

fn reply(reply: &Reply<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match reply {
        Reply::Nil => bytes.extend(b"$-1\r\n"),
        Reply::Status(text) => bytes.extend(format!("+{text}\r\n").bytes()),
        Reply::Error(code) => bytes.extend(format!("-{code} error\r\n").bytes()),
        Reply::Integer(number) => bytes.extend(format!(":{number}\r\n").bytes()),
        Reply::Text(text) => bulk(&mut bytes, text),
        Reply::Array(count, first) => {
            bytes.extend(format!("*{count}\r\n").bytes());
            let rest = std::iter::repeat_n(&VALUE, count - first.len());
            for text in first.iter().chain(rest) {
                bulk(&mut bytes, text);
            }
        }
    }
    bytes
}

fn bulk(bytes: &mut Vec<u8>, text: &str) {
    let long = "x".repeat(LONG);
    let text = if text == VALUE { &long } else { text };
    bytes.extend(format!("${}\r\n{text}\r\n", text.len()).bytes());
}
