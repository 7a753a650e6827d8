//! The work of queue consumers.

use std::collections::HashSet;

use super::recipes::{command, rules};
use super::scene::Scene;
use crate::model::event::{ConnId, Direction, Ending, Event};

const REDIS: &str = "10.0.0.6:6379";

fn consumer(each: &str) -> (Scene, ConnId) {
    let mut scene = Scene::with_rules(rules(&format!(
        r#"
        [[recipe.work]]
        queue = {{ from = "reply", most = 4 }}
        begin = {{ reply = "BLPOP|BRPOP **", is = "item" }}
        end = [{{ command = "BLPOP|BRPOP **" }}]
        failed = [{{ command = "RPUSH dead *" }}]
        each = "{each}"
        "#
    )));
    let conn = scene.connect(1, REDIS);
    (scene, conn)
}

fn asks(scene: &mut Scene, conn: ConnId) {
    scene.send(conn, command("BLPOP jobs mail 0"));
}

fn item(queue: &str) -> String {
    format!("*2\r\n${}\r\n{queue}\r\n$4\r\nwork\r\n", queue.len())
}

fn takes(scene: &mut Scene, conn: ConnId, queue: &str) {
    asks(scene, conn);
    scene.receive(conn, item(queue));
}

fn said(scene: &mut Scene) -> Vec<String> {
    scene.said(&["work+", "work-", "corrected"])
}

#[test]
fn one_after_the_other() {
    for each in ["thread", "connection", "process"] {
        let (mut scene, conn) = consumer(each);
        takes(&mut scene, conn, "jobs");
        scene.wait(10);
        takes(&mut scene, conn, "mail");
        asks(&mut scene, conn);
        let ends = ["work- jobs Ok 11ms", "work- mail Ok 1ms"];
        assert_eq!(said(&mut scene), ["work+ jobs", ends[0], "work+ mail", ends[1]], "{each}");
    }
}

#[test]
fn nothing_to_do() {
    let (mut scene, conn) = consumer("thread");
    asks(&mut scene, conn);
    scene.receive(conn, "*-1\r\n");
    asks(&mut scene, conn);
    scene.receive(conn, "-LOADING wait\r\n");
    asks(&mut scene, conn);
    assert_eq!(said(&mut scene), [""; 0]);
}

#[test]
fn a_payload_that_is_not_captured() {
    let (mut scene, conn) = consumer("thread");
    asks(&mut scene, conn);
    scene.receive(conn, "*2\r\n$4\r\njobs\r\n$1000000\r\nxxxxxxxx");
    assert_eq!(said(&mut scene), ["work+ jobs"], "it has begun");
    scene.count(conn, Direction::Received, 999_994);
    asks(&mut scene, conn);
    assert_eq!(said(&mut scene).len(), 1);
    scene.receive(conn, item("mail"));
    assert_eq!(said(&mut scene), ["work+ mail"], "the stream goes on");
}

#[test]
fn threads_are_told_apart() {
    let (mut scene, one) = consumer("thread");
    let two = scene.connect(1, REDIS);
    scene.in_thread(two, 2);
    takes(&mut scene, one, "jobs");
    takes(&mut scene, two, "mail");
    // Clients lend their connections to whoever comes.
    scene.in_thread(one, 2);
    takes(&mut scene, one, "mail");
    assert_eq!(said(&mut scene), ["work+ jobs", "work+ mail", "work- mail Ok 1ms", "work+ mail"]);
    scene.tell(Event::ThreadEnded { pid: 1, thread: 2, time: scene.now });
    assert_eq!(said(&mut scene), ["work- mail Unknown 1ms"]);
    scene.tell(Event::ThreadEnded { pid: 1, thread: 2, time: scene.now });
    assert_eq!(said(&mut scene), [""; 0], "once");
}

#[test]
fn processes_are_told_apart() {
    let (mut scene, one) = consumer("process");
    scene.process(2);
    let two = scene.connect(2, REDIS);
    takes(&mut scene, one, "jobs");
    takes(&mut scene, two, "jobs");
    scene.exits_with(1, Ending::Killed(9));
    asks(&mut scene, two);
    let ends = ["work- jobs Error 3ms", "work- jobs Ok 2ms"];
    assert_eq!(said(&mut scene), ["work+ jobs", "work+ jobs", ends[0], ends[1]]);
}

#[test]
fn every_exit_ends_it_once() {
    for (how, end) in [
        (Ending::Exited(0), "work- jobs Ok 1ms"),
        (Ending::Exited(1), "work- jobs Error 1ms"),
        (Ending::Killed(15), "work- jobs Error 1ms"),
        (Ending::Became(b"sh".to_vec()), "work- jobs Unknown 1ms"),
    ] {
        let (mut scene, conn) = consumer("thread");
        takes(&mut scene, conn, "jobs");
        scene.exits_with(1, how);
        scene.close(conn);
        assert_eq!(said(&mut scene), ["work+ jobs", end]);
    }
}

#[test]
fn a_connection_that_is_lost() {
    let (mut scene, conn) = consumer("connection");
    takes(&mut scene, conn, "jobs");
    scene.close_with(conn, 104);
    assert_eq!(said(&mut scene), ["work+ jobs", "work- jobs Unknown 1ms"]);
    // The thread goes on with its item, and asks for the next on another connection.
    let (mut scene, conn) = consumer("thread");
    takes(&mut scene, conn, "jobs");
    scene.close_with(conn, 104);
    let again = scene.connect(1, REDIS);
    asks(&mut scene, again);
    assert_eq!(said(&mut scene), ["work+ jobs", "work- jobs Ok 4ms"]);
}

#[test]
fn a_sign_of_failure() {
    let (mut scene, conn) = consumer("thread");
    takes(&mut scene, conn, "jobs");
    scene.send(conn, command("RPUSH dead work"));
    scene.receive(conn, ":1\r\n");
    asks(&mut scene, conn);
    assert_eq!(said(&mut scene), ["work+ jobs", "work- jobs Error 3ms"]);
}

#[test]
fn many_at_a_time() {
    let mut scene = Scene::with_rules(rules(
        r#"
        [[recipe.work]]
        queue = { from = "queue", values = ["jobs", "mail"] }
        begin = { reply = "BLMOVE {queue} **", is = "item" }
        end = [{ reply = "LREM * * {queue}", is = "any" }]
        each = "pool"
        "#,
    ));
    let conn = scene.connect(1, REDIS);
    for queue in ["jobs", "jobs", "mail"] {
        scene.send(conn, command(&format!("BLMOVE {queue} doing LEFT RIGHT 0")));
        scene.receive(conn, "$1\r\nx\r\n");
    }
    let other = scene.connect(1, REDIS);
    scene.in_thread(other, 3);
    for queue in ["mail", "jobs", "jobs", "jobs"] {
        scene.send(other, command(&format!("LREM doing 1 {queue}")));
        scene.receive(other, ":1\r\n");
    }
    let begins = ["work+ jobs estimated", "work+ jobs estimated", "work+ mail estimated"];
    let ends = ["work- mail Ok 4ms", "work- jobs Ok 10ms", "work- jobs Ok 10ms"];
    assert_eq!(said(&mut scene), [begins, ends].concat(), "the fourth has nothing to end");
}

#[test]
fn an_end_that_was_lost() {
    let (mut scene, conn) = consumer("thread");
    takes(&mut scene, conn, "jobs");
    scene.lose(conn, Direction::Sent, 30);
    scene.progress(conn);
    let end = ["work- jobs Unknown -", "corrected work_in_flight"];
    assert_eq!(said(&mut scene), ["work+ jobs", end[0], end[1]]);
    scene.receive(conn, item("mail"));
    asks(&mut scene, conn);
    let extra = said(&mut scene);
    assert_eq!(extra, [""; 0], "whose reply that is is not known");
    scene.receive(conn, item("mail"));
    assert_eq!(said(&mut scene), ["work+ mail"], "from the next command on it is");
}

#[test]
fn an_item_whose_next_is_seen_without_its_end() {
    let (mut scene, conn) = consumer("thread");
    takes(&mut scene, conn, "jobs");
    let other = scene.connect(1, REDIS);
    scene.in_thread(other, 9);
    asks(&mut scene, other);
    scene.in_thread(other, 1);
    scene.receive(other, item("mail"));
    let end = ["work- jobs Unknown -", "corrected work_in_flight"];
    assert_eq!(said(&mut scene), ["work+ jobs", end[0], end[1], "work+ mail"]);
}

#[test]
fn a_process_that_was_gone_unseen() {
    let (mut scene, conn) = consumer("thread");
    takes(&mut scene, conn, "jobs");
    scene.tell(Event::Resync { connections: HashSet::new(), processes: HashSet::new(), time: scene.now });
    let said = said(&mut scene);
    assert_eq!(said.iter().filter(|line| line.starts_with("work")).count(), 2, "{said:?}");
    for line in ["work- jobs Unknown -", "corrected work_in_flight"] {
        assert!(said.iter().any(|told| told == line), "{said:?}");
    }
}

#[test]
fn a_consumer_that_waited_before_it_was_watched() {
    let (mut scene, _) = consumer("thread");
    let old = scene.accept(1);
    scene.receive(old, item("jobs"));
    assert_eq!(said(&mut scene), [""; 0], "what it had asked for is not known");
    takes(&mut scene, old, "mail");
    asks(&mut scene, old);
    assert_eq!(said(&mut scene), ["work+ mail", "work- mail Ok 1ms"]);
}
