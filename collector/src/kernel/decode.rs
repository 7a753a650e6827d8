//! From the records of the ring buffer to the model's events.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::Bytes;
use collector_common::conn::{self, Direction, Phase, Protocol, Transport};
use collector_common::event::{
    self, Data, Endpoint, Header, Kind, Layer, Open, Part, Process, Snapshot, State, Thread,
};
use collector_common::{COMM_LEN, TARGET_CANDIDATE, TARGET_NUMBER};
use zerocopy::FromBytes;

use crate::model::event::{
    Amount, Captured, ConnId, Ending, Ends, Event, Flow, Flows, Frame, Message, Pid, TargetId,
};

/// What a record means.
#[derive(Debug)]
pub enum Record {
    /// Something for the model.
    Event(Event),
    /// A program began whose command line must decide whether it is watched.
    Candidate {
        /// The process.
        pid: Pid,
        /// Its command name, without the zeros behind it.
        comm: Vec<u8>,
        /// When it began.
        time: u64,
    },
    /// A process was forked by one whose command line must decide, or has decided.
    CandidateForked {
        /// The child.
        pid: Pid,
        /// Its parent.
        parent: Pid,
        /// When.
        time: u64,
    },
    /// The first of a connection of a process that turned out not to be watched.
    NotWatched(ConnId),
    /// Not from the kernel programs that this version was built with.
    Malformed,
}

/// What a record is, if this version knows it.
pub fn kind(record: &[u8]) -> Option<Kind> {
    let (header, _) = Header::read_from_prefix(record).ok()?;
    Kind::from_number(header.kind)
}

/// Targets are numbered from 1 in the kernel, where 0 stands for none.
pub fn target_number(target: TargetId) -> u32 {
    u32::from(target.0) + 1
}

/// The target of a number, whatever marks it has.
fn target_id(number: u32) -> Option<TargetId> {
    u16::try_from((number & TARGET_NUMBER).checked_sub(1)?).ok().map(TargetId)
}

/// Takes a record apart. `candidate` says what became of a process whose command line had to decide.
pub fn decode(record: &[u8], candidate: impl Fn(Pid) -> Option<TargetId>) -> Record {
    let target = |pid, number| if number == TARGET_CANDIDATE { candidate(pid) } else { target_id(number) };
    match kind(record) {
        Some(Kind::Exec) => exec(record),
        Some(Kind::Fork) => fork(record),
        Some(Kind::Exit) => exit(record),
        Some(Kind::Open) => open(record, target),
        Some(Kind::State) => changed(record),
        Some(Kind::Data) => data(record),
        Some(Kind::Close) => closed(record),
        Some(Kind::Frame) => frame(record),
        Some(Kind::Message) => message(record),
        Some(Kind::Field) => field(record),
        Some(Kind::ThreadExit) => thread_exit(record),
        None => None,
    }
    .unwrap_or(Record::Malformed)
}

fn exec(record: &[u8]) -> Option<Record> {
    let (process, _) = Process::read_from_prefix(record).ok()?;
    let (pid, time) = (process.header.tgid, process.header.time);
    Some(match process.target {
        0 => Record::Event(Event::ProcessEnded { pid, how: Ending::Became(comm(&process.comm)), time }),
        TARGET_CANDIDATE => Record::Candidate { pid, comm: comm(&process.comm), time },
        number => Record::Event(Event::ProcessBegan { found: false, pid, target: target_id(number)?, time }),
    })
}

/// The command name without the zeros behind it.
fn comm(comm: &[u8; COMM_LEN]) -> Vec<u8> {
    comm.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn fork(record: &[u8]) -> Option<Record> {
    let (process, _) = Process::read_from_prefix(record).ok()?;
    let (pid, parent, time) = (process.header.tgid, process.parent, process.header.time);
    Some(if process.target == TARGET_CANDIDATE {
        Record::CandidateForked { pid, parent, time }
    } else {
        Record::Event(Event::ProcessForked { pid, parent, target: target_id(process.target)?, time })
    })
}

fn exit(record: &[u8]) -> Option<Record> {
    let (process, _) = Process::read_from_prefix(record).ok()?;
    let (pid, time) = (process.header.tgid, process.header.time);
    Some(Record::Event(Event::ProcessEnded { pid, how: ending(process.status), time }))
}

fn thread_exit(record: &[u8]) -> Option<Record> {
    let (thread, _) = Thread::read_from_prefix(record).ok()?;
    let Thread { header: Header { tgid: pid, time, .. }, thread, .. } = thread;
    Some(Record::Event(Event::ThreadEnded { pid, thread, time }))
}

/// What a status that `wait` tells means (wait(2): `WIFSIGNALED`, `WEXITSTATUS`).
fn ending(status: u32) -> Ending {
    let [low, exit_status, ..] = status.to_le_bytes();
    match (status, low & 0x7f) {
        (Process::NO_STATUS, _) => Ending::Unknown,
        (_, 0) => Ending::Exited(exit_status),
        (_, signal) => Ending::Killed(signal),
    }
}

fn changed(record: &[u8]) -> Option<Record> {
    let (state, _) = State::read_from_prefix(record).ok()?;
    Some(Record::Event(Event::Changed {
        conn: conn_id(&state.snapshot),
        before: Phase::from_number(state.before)?,
        after: Phase::from_number(state.after)?,
        error: state.error,
        flows: flows(&state.snapshot.received, &state.snapshot.sent),
        time: state.header.time,
    }))
}

fn closed(record: &[u8]) -> Option<Record> {
    let (state, _) = State::read_from_prefix(record).ok()?;
    Some(Record::Event(Event::Closed {
        conn: conn_id(&state.snapshot),
        before: Phase::from_number(state.before)?,
        error: state.error,
        end: state.peer_ended == 1,
        flows: flows(&state.snapshot.received, &state.snapshot.sent),
        lost: state.snapshot.lost,
        time: state.header.time,
    }))
}

fn open(record: &[u8], target: impl Fn(Pid, u32) -> Option<TargetId>) -> Option<Record> {
    let (open, _) = Open::read_from_prefix(record).ok()?;
    let ends = match Transport::from_number(open.transport)? {
        Transport::Tcp => Ends::Tcp { local: address(&open.local), remote: address(&open.remote) },
        Transport::Dns => Ends::Dns { server: address(&open.remote) },
        Transport::Unix => {
            let path = open.path.get(..usize::from(open.path_len))?;
            // A path in the file system ends at its zero byte; an abstract name begins with one and may hold more.
            let len = path.iter().skip(1).position(|byte| *byte == 0).map_or(path.len(), |at| at + 1);
            let path = if path.first() == Some(&0) { path } else { &path[..len] };
            let peer = (open.peer != 0).then_some(open.peer);
            let peer_name = Some(comm(&open.peer_comm)).filter(|name| !name.is_empty());
            Ends::Unix { path: path.to_vec(), serves: open.path_is_local == 1, peer, peer_name }
        }
    };
    let (conn, pid, time) = (conn_id(&open.snapshot), open.header.tgid, open.header.time);
    let phase = Phase::from_number(open.phase)?;
    Some(match target(pid, open.snapshot.target) {
        Some(target) => Record::Event(Event::Opened { conn, pid, target, ends, phase, time }),
        None => Record::NotWatched(conn),
    })
}

fn data(record: &[u8]) -> Option<Record> {
    let (data, bytes) = Data::read_from_prefix(record).ok()?;
    Some(Record::Event(Event::Data {
        conn: conn_id(&data.snapshot),
        layer: Layer::from_number(data.layer)?,
        pid: data.header.tgid,
        thread: data.thread,
        direction: Direction::from_number(data.direction)?,
        protocol: Protocol::from_number(data.protocol)?,
        start: data.start,
        bytes: captured(bytes, data.captured)?,
        end: data.end == 1,
        flows: flows(&data.snapshot.received, &data.snapshot.sent),
        lost: data.snapshot.lost,
        time: data.header.time,
    }))
}

fn frame(record: &[u8]) -> Option<Record> {
    let (frame, bytes) = event::Frame::read_from_prefix(record).ok()?;
    Some(Record::Event(Event::Frame {
        conn: conn_id(&frame.snapshot),
        pid: frame.header.tgid,
        frame: Frame {
            direction: Direction::from_number(frame.direction)?,
            layer: Layer::from_number(frame.layer)?,
            kind: frame.kind,
            flags: frame.flags,
            stream: frame.stream,
            length: frame.length,
            payload: captured(bytes, frame.captured)?,
        },
        flows: flows(&frame.snapshot.received, &frame.snapshot.sent),
        lost: frame.snapshot.lost,
        time: frame.header.time,
    }))
}

fn message(record: &[u8]) -> Option<Record> {
    let (message, bytes) = event::Message::read_from_prefix(record).ok()?;
    let amount = match event::Amount::from_number(message.amount_is)? {
        event::Amount::None => Amount::None,
        event::Amount::Total => Amount::Total(message.amount),
        event::Amount::Passed => Amount::Passed(message.amount),
        event::Amount::Left => Amount::Left(message.amount),
    };
    Some(Record::Event(Event::Message {
        conn: conn_id(&message.snapshot),
        pid: message.header.tgid,
        message: Message {
            goroutine: message.goroutine,
            serves: message.serves == 1,
            part: Part::from_number(message.part)?,
            stream: message.stream,
            code: message.code,
            amount,
            bytes: captured(bytes, message.captured)?,
            end: message.end == 1,
            truncated: message.truncated == 1,
        },
        flows: flows(&message.snapshot.received, &message.snapshot.sent),
        lost: message.snapshot.lost,
        time: message.header.time,
    }))
}

fn field(record: &[u8]) -> Option<Record> {
    let (field, bytes) = event::Field::read_from_prefix(record).ok()?;
    let (name, value) = bytes.split_at_checked(event::Field::NAME)?;
    Some(Record::Event(Event::Field {
        pid: field.header.tgid,
        goroutine: field.goroutine,
        name: captured(name, field.name_len.into())?,
        value: captured(value, field.value_len.into())?,
        truncated: field.truncated == 1,
        time: field.header.time,
    }))
}

/// The captured bytes: what lies behind them in the record is not defined.
fn captured(bytes: &[u8], length: u32) -> Option<Captured> {
    bytes.get(..length as usize).map(|bytes| Captured(Bytes::copy_from_slice(bytes)))
}

fn conn_id(snapshot: &Snapshot) -> ConnId {
    ConnId { sock: snapshot.sock, born: snapshot.born }
}

/// Identity of a connection of the map.
pub fn id(sock: u64, conn: &conn::Conn) -> ConnId {
    ConnId { sock, born: conn.born }
}

/// Both directions, as the model takes them.
pub fn flows(received: &conn::Flow, sent: &conn::Flow) -> Flows {
    let flow = |flow: &conn::Flow| Flow { position: flow.position, first: flow.first, last: flow.last };
    Flows { received: flow(received), sent: flow(sent) }
}

fn address(endpoint: &Endpoint) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from(endpoint.address)).to_canonical(), endpoint.port)
}

#[cfg(test)]
mod tests;
