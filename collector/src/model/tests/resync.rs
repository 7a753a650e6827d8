//! After a loss: what is gone is taken off the gauges, and that is counted.

use std::collections::HashSet;

use super::scene::{BLOB, Scene, get, response};
use crate::model::Limits;
use crate::model::event::{ConnId, Event, Phase, Pid};

fn resync(scene: &mut Scene, connections: &[ConnId], processes: &[Pid]) -> Vec<String> {
    scene.all();
    scene.tell(Event::Resync {
        connections: connections.iter().copied().collect::<HashSet<_>>(),
        processes: processes.iter().copied().collect(),
        time: scene.now,
    });
    scene.all()
}

#[test]
fn what_is_gone_is_taken_off_the_gauges_and_counted() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    scene.send(conn, get("registry.example.com", BLOB));
    scene.receive(conn, response(200, "", 100, 10));
    let served = scene.accept(1);
    scene.receive(served, get("mirror", "/v2/"));
    assert_eq!(
        resync(&mut scene, &[], &[]),
        [
            "unattributed exchange_end_unknown",
            "unattributed download_end_unknown",
            "request- example.com blob GET 200 first 1ms all -",
            "corrected registry_requests_in_flight",
            "connection- client",
            "corrected connections_open",
            "unattributed exchange_end_unknown",
            "served- 0 ping GET none all -",
            "corrected served_requests_in_flight",
            "connection- server",
            "corrected connections_open",
            "process- 0",
            "corrected processes_watched",
        ]
    );
    let sizes = scene.model.sizes();
    assert_eq!((sizes.connections, sizes.processes, sizes.downloads), (0, 0, 0));
}

#[test]
fn what_lives_is_left_alone() {
    let mut scene = Scene::with_process();
    let conn = scene.connect(1, "10.0.0.1:80");
    let stranger = ConnId { sock: 1, born: 1 };
    assert_eq!(resync(&mut scene, &[conn, stranger], &[1, 99]), Vec::<String>::new());
    scene.close(conn);
    assert_eq!(
        scene.said(&["connection-", "corrected"]),
        ["connection- client"],
        "an end that is seen is no correction"
    );
}

#[test]
fn what_is_newer_than_the_list_is_not_gone() {
    let mut scene = Scene::with_process();
    let asked = scene.now;
    scene.now += 1;
    scene.process(2);
    scene.accept(2);
    scene.all();
    scene.tell(Event::Resync { connections: HashSet::new(), processes: HashSet::new(), time: asked });
    assert_eq!(scene.all(), ["process- 0", "corrected processes_watched"]);
    assert_eq!(scene.model.sizes().connections, 1);
}

#[test]
fn the_end_of_a_connect_or_lookup_that_was_not_seen_is_not_made_up() {
    let mut scene = Scene::with_process();
    scene.connecting(1, "10.0.0.1:80", Phase::Connecting);
    let names = scene.name_server(1);
    scene.send(names, super::lookups::question(1, "quay.io"));
    let said = resync(&mut scene, &[], &[1]);
    assert_eq!(said, ["unattributed connect_end_unknown", "unattributed lookup_end_unknown"]);
}

#[test]
fn a_full_table_forgets_what_was_quiet_longest() {
    let mut scene = Scene::with_limits(Limits { connections: 2, processes: 1, ..Limits::default() });
    scene.process(1);
    let first = scene.connect(1, "10.0.0.1:80");
    scene.connect(1, "10.0.0.1:80");
    scene.send(first, get("registry.example.com", BLOB));
    scene.all();
    scene.connect(1, "10.0.0.1:80");
    assert_eq!(
        scene.said(&["connection-", "corrected", "unattributed", "request-"]),
        ["unattributed connection_evicted", "connection- client", "corrected connections_open"]
    );
    assert_eq!(scene.model.sizes().connections, 2);
    scene.process(2);
    assert_eq!(
        scene.all(),
        ["process+ 0", "unattributed process_evicted", "process- 0", "corrected processes_watched"]
    );
}
