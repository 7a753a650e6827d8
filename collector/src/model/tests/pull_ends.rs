//! Whatever happens to pulls, in whatever order: each that begins ends once, is counted once, and has the bytes that were
//! counted for it.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::sample::Index;

use super::pulling::{
    DOCKER, Grpc, HOST, IMAGE, PODMAN, blob, blob_of, digest, document, field, index, manifest, manifest_of,
    message, pull_request,
};
use super::scene::{Scene, response};
use crate::model::Limits;
use crate::model::event::{ConnId, Ending, Event, Pid, Purpose, TargetId};

/// Something that happens. An [`Index`] takes one of what there is.
#[derive(Clone, Debug)]
enum Act {
    Begins(Pid, TargetId, Option<Purpose>),
    Forks(Pid, Pid),
    Ends(Pid, Ending),
    Refused(Pid),
    /// A request to a registry.
    Asks(Pid, String),
    /// What comes back on one of the connections.
    Answered(Index, String),
    /// Another process goes on with one of the connections.
    PassedOn(Index, Pid),
    Closed(Index),
    Loses(Index),
    /// A socket on which a process serves the CRI.
    Serves(Pid),
    Called(Index, Vec<u8>),
    Told(Index, Index, bool),
    GivenUp(Index, Index),
    Hangs(Index),
    /// The engine is asked for a pull, and what it answers.
    Engine(Pid, bool),
    Waits(u64),
    Resync(Vec<Index>, Vec<Pid>),
}

fn act() -> impl Strategy<Value = Act> {
    let pid = || 0_u32..6;
    let target = || (0_u16..4).prop_map(TargetId);
    let one = any::<Index>;
    let purpose = prop::sample::select(vec![
        None,
        Some(Purpose::Pull),
        Some(Purpose::Run),
        Some(Purpose::Build),
        Some(Purpose::Serve),
        Some(Purpose::Other),
    ]);
    let ending = prop::sample::select(vec![
        Ending::Exited(0),
        Ending::Exited(1),
        Ending::Killed(9),
        Ending::Became(b"conmon".to_vec()),
        Ending::Became(b"sh".to_vec()),
        Ending::Unknown,
    ]);
    let targets = prop::sample::select(vec![
        "/v2/".to_owned(),
        "/token?scope=repository:library/app:pull".into(),
        "/data".into(),
        manifest_of("library/app", "v1"),
        manifest_of("library/app", "v1"),
        manifest_of("hub/library/app", "v1"),
        manifest_of("library/app", &digest('b')),
        blob_of("library/app", 'c'),
        blob_of("library/app", '1'),
    ]);
    let answers = prop::sample::select(vec![
        document("", &index("b")),
        document("", &manifest('c', "1")),
        document("", &manifest('c', "1")),
        blob(),
        blob(),
        response(200, "", 1000, 10),
        response(307, &format!("Location: http://{HOST}/data\r\n"), 0, 0),
        response(307, "Location: https://cdn.example.net/data\r\n", 0, 0),
        response(401, &format!("WWW-Authenticate: Bearer realm=\"http://{HOST}/token\"\r\n"), 0, 0),
        response(404, "", 0, 0),
        response(503, "", 0, 0),
    ]);
    let requests = prop::sample::select(vec![
        pull_request(IMAGE),
        message(&[field(1, field(1, IMAGE)), field(3, field(1, "x"))]),
        vec![1, 0, 0, 0, 1, 0],
    ]);
    prop_oneof![
        2 => (pid(), target(), purpose).prop_map(|(pid, target, purpose)| Act::Begins(pid, target, purpose)),
        1 => (pid(), pid()).prop_map(|(parent, pid)| Act::Forks(parent, pid)),
        1 => (pid(), ending).prop_map(|(pid, how)| Act::Ends(pid, how)),
        1 => pid().prop_map(Act::Refused),
        8 => (pid(), targets).prop_map(|(pid, target)| Act::Asks(pid, target)),
        8 => (one(), answers).prop_map(|(conn, answer)| Act::Answered(conn, answer)),
        1 => (one(), 0_u32..40).prop_map(|(conn, pid)| Act::PassedOn(conn, pid)),
        2 => one().prop_map(Act::Closed),
        1 => one().prop_map(Act::Loses),
        2 => pid().prop_map(Act::Serves),
        3 => (one(), requests).prop_map(|(socket, request)| Act::Called(socket, request)),
        2 => (one(), one(), any::<bool>()).prop_map(|(socket, call, well)| Act::Told(socket, call, well)),
        1 => (one(), one()).prop_map(|(socket, call)| Act::GivenUp(socket, call)),
        1 => one().prop_map(Act::Hangs),
        1 => (pid(), any::<bool>()).prop_map(|(pid, well)| Act::Engine(pid, well)),
        1 => prop::sample::select(vec![10, 1_000, 3_000, 11_000]).prop_map(Act::Waits),
        1 => (prop::collection::vec(one(), 0..4), prop::collection::vec(pid(), 0..5))
            .prop_map(|(connections, processes)| Act::Resync(connections, processes)),
    ]
}

/// What there is on the stage.
struct Play {
    scene: Scene,
    connections: Vec<ConnId>,
    sockets: Vec<(Grpc, Vec<u32>)>,
    stream: u32,
}

impl Play {
    fn act(&mut self, act: Act) {
        let Self { scene, connections, sockets, stream } = self;
        let time = scene.now;
        match act {
            Act::Begins(pid, target, purpose) => {
                scene.program(pid, target);
                if let Some(purpose) = purpose {
                    scene.tell(Event::Purpose { pid, purpose, time });
                }
            }
            Act::Forks(parent, pid) => scene.forks(parent, pid, PODMAN),
            Act::Ends(pid, how) => scene.ends(pid, how),
            Act::Refused(pid) => scene.refused(pid),
            Act::Asks(pid, target) => connections.push(scene.asking(pid, HOST, &target)),
            Act::Answered(at, answer) if !connections.is_empty() => {
                scene.receive(*at.get(connections), answer);
            }
            Act::PassedOn(at, pid) if !connections.is_empty() => {
                let conn = *at.get(connections);
                scene.pass_on(conn, pid);
                scene.send(conn, super::scene::get(HOST, &blob_of("library/app", 'c')));
            }
            Act::Closed(at) if !connections.is_empty() => {
                scene.close(connections.remove(at.index(connections.len())));
            }
            Act::Loses(at) if !connections.is_empty() => {
                let conn = *at.get(connections);
                scene.lose_event(conn);
                scene.progress(conn);
            }
            Act::Serves(pid) => sockets.push((scene.grpc_server(pid, Some((90, "kubelet"))), Vec::new())),
            Act::Called(at, request) if !sockets.is_empty() => {
                let at = at.index(sockets.len());
                *stream += 2;
                sockets[at].0.ask(scene, *stream, "/runtime.v1.ImageService/PullImage", &request);
                sockets[at].1.push(*stream);
            }
            Act::Told(at, call, well) => {
                if let Some((grpc, stream)) = take(sockets, at, call) {
                    if well {
                        grpc.answer(scene, stream, &message(&[field(1, digest('f'))]));
                    } else {
                        grpc.fail(scene, stream, "2", "no space left on device");
                    }
                }
            }
            Act::GivenUp(at, call) => {
                if let Some((grpc, stream)) = take(sockets, at, call) {
                    grpc.give_up(scene, stream);
                }
            }
            Act::Hangs(at) if !sockets.is_empty() => {
                scene.close(sockets.remove(at.index(sockets.len())).0.frames.conn);
            }
            Act::Engine(pid, well) => {
                scene.program(pid, DOCKER);
                let conn = scene.served_unix(pid, None);
                let head =
                    "POST /images/create?fromImage=registry.example.com/library/app&tag=v1 HTTP/1.1\r\n";
                scene.receive(conn, format!("{head}Host: d\r\nContent-Length: 0\r\n\r\n"));
                if well {
                    scene.send(conn, document("", "{}"));
                }
                connections.push(conn);
            }
            Act::Waits(milliseconds) => scene.wait(milliseconds),
            Act::Resync(live, processes) => {
                let all: Vec<_> = connections
                    .iter()
                    .copied()
                    .chain(sockets.iter().map(|(grpc, _)| grpc.frames.conn))
                    .collect();
                let live = live.iter().filter(|_| !all.is_empty()).map(|at| *at.get(&all)).collect();
                scene.tell(Event::Resync {
                    connections: live,
                    processes: processes.into_iter().collect(),
                    time,
                });
            }
            _ => {}
        }
    }
}

/// One of the calls that go on.
fn take(sockets: &mut [(Grpc, Vec<u32>)], at: Index, call: Index) -> Option<(Grpc, u32)> {
    if sockets.is_empty() {
        return None;
    }
    let (grpc, calls) = &mut sockets[at.index(sockets.len())];
    (!calls.is_empty()).then(|| (*grpc, calls.remove(call.index(calls.len()))))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_pull_ends_once(acts in prop::collection::vec(act(), 0..100)) {
        let limits = Limits { processes: 4, pulls: 6, ..Limits::default() };
        let scene = Scene::with_limits(limits.clone());
        let mut play = Play { scene, connections: Vec::new(), sockets: Vec::new(), stream: 1 };
        play.scene.client(0, PODMAN, Purpose::Pull);
        play.scene.client(1, TargetId(1), Purpose::Serve);
        let (mut gauge, mut pulls, mut counted, mut bytes) = (HashMap::<String, i64>::new(), 0, 0, 0_u64);
        let end = [Act::Resync(Vec::new(), Vec::new()), Act::Waits(3_000)];
        for act in acts.into_iter().chain(end) {
            play.act(act);
            for line in play.scene.said(&["pull+", "pull-", "pulled", "pull-bytes"]) {
                let (word, rest) = line.split_once(' ').unwrap();
                match word {
                    "pull+" => *gauge.entry(rest.to_owned()).or_default() += 1,
                    "pull-" => {
                        let value = gauge.entry(rest.to_owned()).or_default();
                        *value -= 1;
                        prop_assert!(*value >= 0, "an end without a beginning: {}", line);
                    }
                    "pulled" => counted += 1,
                    _ => bytes += rest.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap(),
                }
            }
            let context = &play.scene.model.context;
            prop_assert!(context.pulls.pullers() <= limits.processes + limits.pulls);
            pulls = pulls.max(context.pulls.len());
            prop_assert!(pulls <= limits.pulls);
            // What the log was told was not changed after the end, and is all there is.
            let ended = play.scene.records().iter().filter(|record| record.end.is_some()).count();
            prop_assert_eq!(ended, counted);
        }
        prop_assert!(gauge.values().all(|value| *value == 0), "{:?}", gauge);
        let records = play.scene.records();
        prop_assert!(records.iter().all(|record| record.end.is_some()));
        prop_assert_eq!(records.iter().map(|record| record.bytes).sum::<u64>(), bytes);
        let pulls = &play.scene.model.context.pulls;
        prop_assert_eq!((pulls.len(), pulls.pullers(), pulls.deadlines()), (0, 0, 0));
    }
}
