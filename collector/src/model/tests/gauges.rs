//! Whatever happens, in whatever order and with whatever losses: every beginning has its end, and memory is bounded.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use proptest::prelude::*;

use super::anything::{Step, step};
use super::recipes::rules;
use super::tally::{Gauges, Pulled};
use crate::model::event::{Captured, ConnId, Direction, Event, Flows, Layer, TargetId};
use crate::model::pull::Flavour;
use crate::model::{Limits, Model, Settings};

/// Something of everything that recipes may count.
const RULES: &str = r#"
    [[recipe.work]]
    queue = { from = "reply", most = 2 }
    begin = { reply = "BLPOP **", is = "item" }
    end = [{ command = "BLPOP **" }]

    [[recipe.work]]
    queue = "pool"
    begin = { reply = "BLPOP **", is = "item" }
    end = [{ command = "GET *" }]
    each = "pool"
    longest = "10s"

    [[recipe.operation]]
    operation = "get"
    during = { redis = "GET *" }
    within = "cycle"

    [[recipe.operation]]
    operation = "cycle"
    begin = { asked = "GET /v2/**", at = "request" }
    also = [{ command = "* **" }]
    quiet = "5s"
    each = "connection"

    [[recipe.operation]]
    operation = "serve"
    during = { served = "* /**" }

    [[recipe.operation]]
    operation = "connect"
    during = { connect = "*:80" }

    [[recipe.operation]]
    operation = "life"
    during = { process = true }
"#;

fn limits() -> Limits {
    Limits {
        connections: 4,
        processes: 2,
        downloads: 3,
        names: 2,
        redirects: 2,
        realms: 2,
        peers: 2,
        peers_of_all: 2,
        pulls: 3,
        goroutines: 2,
    }
}

fn at(event: Event, now: u64) -> Event {
    match event {
        Event::ProcessBegan { found, pid, target, .. } => {
            Event::ProcessBegan { found, pid, target, time: now }
        }
        Event::ProcessForked { pid, parent, target, .. } => {
            Event::ProcessForked { pid, parent, target, time: now }
        }
        Event::ProcessEnded { pid, how, .. } => Event::ProcessEnded { pid, how, time: now },
        Event::ThreadEnded { pid, thread, .. } => Event::ThreadEnded { pid, thread, time: now },
        Event::Purpose { pid, purpose, .. } => Event::Purpose { pid, purpose, time: now },
        Event::Instrumented { pid, .. } => Event::Instrumented { pid, time: now },
        Event::Opened { conn, pid, target, ends, phase, .. } => {
            Event::Opened { conn, pid, target, ends, phase, time: now }
        }
        Event::Resync { connections, processes, .. } => Event::Resync { connections, processes, time: now },
        other => other,
    }
}

/// How far a connection has come: its layers, and how many of its events were lost.
#[derive(Default)]
struct Course {
    layers: [(Flows, Option<Direction>); 2],
    lost: u32,
}

impl Course {
    /// Moves a flow and tells where it was.
    fn advance(&mut self, layer: Layer, direction: Direction, bytes: u64, now: u64) -> u64 {
        let (flows, latest) = &mut self.layers[layer as usize];
        let turned = latest.replace(direction) != Some(direction);
        let flow = match direction {
            Direction::Received => &mut flows.received,
            Direction::Sent => &mut flows.sent,
        };
        let start = flow.position;
        flow.position = start.saturating_add(bytes);
        flow.last = now;
        if turned {
            flow.first = now;
        }
        start
    }

    fn flows(&self, layer: Layer) -> Flows {
        self.layers[layer as usize].0
    }
}

/// The events of a step, in which time may pass.
fn events_of(step: Step, courses: &mut HashMap<ConnId, Course>, now: &mut u64) -> Vec<Result<Event, u64>> {
    let time = *now;
    let event = match step {
        Step::Tell(event) => at(event, time),
        Step::Bytes { conn, layer, pid, direction, protocol, bytes, uncaptured, told, end } => {
            let course = courses.entry(conn).or_default();
            let length = (bytes.len() as u64).saturating_add(uncaptured);
            let start = course.advance(layer, direction, length, time);
            if !told {
                course.lost += 1;
                return Vec::new();
            }
            let (bytes, flows, lost) = (Captured(Bytes::from(bytes)), course.flows(layer), course.lost);
            Event::Data {
                conn,
                layer,
                pid,
                thread: pid,
                direction,
                protocol,
                start,
                bytes,
                end,
                flows,
                lost,
                time,
            }
        }
        Step::Frame(conn, pid, frame) => {
            let course = courses.entry(conn).or_default();
            course.advance(frame.layer, frame.direction, frame.length.into(), time);
            let (flows, lost) = (course.flows(frame.layer), course.lost);
            Event::Frame { conn, pid, frame, flows, lost, time }
        }
        Step::Message { conn, pid, fields, message, told } => {
            let course = courses.entry(conn).or_default();
            let goroutine = message.goroutine;
            let field = |(name, value): (String, String)| {
                let (name, value) = (Captured(name.into()), Captured(value.into()));
                Ok(Event::Field { pid, goroutine, name, value, truncated: false, time })
            };
            let mut events: Vec<_> = fields.into_iter().map(field).collect();
            if told {
                let (flows, lost) = (course.flows(Layer::Socket), course.lost);
                events.push(Ok(Event::Message { conn, pid, message, flows, lost, time }));
            } else {
                course.lost += 1;
            }
            return events;
        }
        Step::Progress(conn, layer) => {
            let course = courses.entry(conn).or_default();
            Event::Progress { conn, layer, flows: course.flows(layer), lost: course.lost }
        }
        Step::Changed(conn, before, after, error) => {
            let flows = courses.entry(conn).or_default().flows(Layer::Socket);
            Event::Changed { conn, before, after, error, flows, time }
        }
        Step::Closed(conn, before, error) => {
            let course = courses.remove(&conn).unwrap_or_default();
            let (flows, lost) = (course.flows(Layer::Socket), course.lost);
            Event::Closed { conn, before, error, end: error == 0, flows, lost, time }
        }
        Step::Wild(conn, flows) => Event::Progress { conn, layer: Layer::Socket, flows, lost: 0 },
        Step::Wait(milliseconds) => {
            *now += milliseconds * 1_000_000;
            return vec![Err(*now)];
        }
    };
    vec![Ok(event)]
}

/// The events of the steps.
fn events(steps: Vec<Step>) -> Vec<Result<Event, u64>> {
    let mut courses = HashMap::new();
    let mut now = 1_000_000;
    let mut events = Vec::new();
    for step in steps {
        now += 1_000_000;
        events.extend(events_of(step, &mut courses, &mut now));
    }
    now += 1_000_000;
    events.push(Ok(Event::Resync { connections: HashSet::new(), processes: HashSet::new(), time: now }));
    events.push(Err(now + 60_000_000_000));
    events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_beginning_has_its_end_and_memory_is_bounded(steps in prop::collection::vec(step(), 0..120)) {
        let limits = limits();
        let mut model = Model::new(Settings {
            limits: limits.clone(),
            flavours: vec![Flavour::Cri, Flavour::Docker, Flavour::Podman],
            recipes: [(TargetId(0), rules(RULES)), (TargetId(1), rules(RULES))].into(),
            fetches_name_digest: HashSet::new(),
            hash_key: [3, 4],
        });
        let mut gauges = Gauges::default();
        let mut pulled = Pulled::default();
        for event in events(steps) {
            let mut facts = Vec::new();
            match event {
                Ok(event) => model.event(event, &mut facts),
                Err(now) => model.tick(now, &mut facts),
            }
            for fact in &facts {
                gauges.add(fact)?;
                pulled.add(fact)?;
            }
            let sizes = model.sizes();
            prop_assert!(sizes.connections <= limits.connections);
            prop_assert!(sizes.processes <= limits.processes);
            prop_assert!(sizes.downloads <= limits.downloads);
            prop_assert!(sizes.pulls <= limits.pulls);
            prop_assert!(model.context.fields.len() <= limits.goroutines);
            prop_assert!(model.connections_in_progress().count() <= sizes.connections);
        }
        prop_assert_eq!(gauges.open(), 0, "{:?}", gauges.0);
        pulled.check()?;
        let sizes = model.sizes();
        prop_assert_eq!((sizes.connections, sizes.processes, sizes.downloads, sizes.pulls), (0, 0, 0, 0));
        prop_assert_eq!(model.connections_in_progress().count() + model.context.fields.len(), 0);
        prop_assert_eq!(model.connections.deadlines() + model.context.downloads.deadlines(), 0);
        prop_assert_eq!((model.context.pulls.pullers(), model.context.pulls.deadlines()), (0, 0));
    }
}
