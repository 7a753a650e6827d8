//! Each way in which work on an item ends, ends it once.

use pullscope_tests::process::{PATIENCE, poll};
use pullscope_tests::redis::Redis;
use pullscope_tests::turn::alone;
use pullscope_tests::work::{Consumer, End, How, push};

use crate::work::{BLPOP, basis_is, counted, nothing_lost, observe, same_work, works_on};

/// One consumer, or two threads of one, take these items and end by them.
#[track_caller]
fn ends(how: How<'_>, cases: &[&[(&str, f64)]]) {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    for items in cases {
        let before = collector.scrape();
        let mut consumer = Consumer::start(&redis, how);
        push(&redis, 1, items);
        let _ = consumer.wait();
        let taken = consumer.items();
        assert_eq!(taken.len(), items.len(), "{}", consumer.written());
        same_work(&counted(&collector, &before, items.len()), &taken, 0);
    }
    basis_is(&collector, "exact");
    collector.stop();
}

/// Done, an early return, an exception that is caught, one that is told of, and each of what ends a process after that: its own
/// end, an exception, `os._exit(3)`, SIGKILL.
#[test]
fn of_a_process() {
    let goes_on = [("done", 0.3), ("return", 0.0), ("caught", 0.02), ("failed", 0.02)];
    let cases = ["stop", "raise", "exit", "self"].map(|last| [&goes_on[..], &[(last, 0.05)]].concat());
    let cases: Vec<_> = cases.iter().map(Vec::as_slice).collect();
    ends(How::default(), &cases);
}

/// The same of workers that a parent has forked, one after the other.
#[test]
fn of_forked_workers() {
    ends(
        How { shape: "forked", ..How::default() },
        &[&[("done", 0.05), ("raise", 0.05)], &[("exit", 0.05)], &[("self", 0.0)]],
    );
}

/// An exception ends the thread; its process lives on until all threads have ended.
#[test]
fn of_threads() {
    let case = [("done", 0.1), ("raise", 0.2), ("done", 0.1), ("raise", 0.1), ("raise", 0.1)];
    ends(How { shape: "threads", count: 3, ..How::default() }, &[&case]);
}

#[test]
fn killed_from_outside() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    let mut consumer = Consumer::start(&redis, How::default());
    push(&redis, 1, &[("done", 0.0), ("held", 0.0)]);
    let _ = consumer.holds(1);
    let _ = works_on(&collector, 1);
    let _ = consumer.kill();
    let items = consumer.items();
    assert_eq!(items[1].end, End::Error, "{items:?}");
    same_work(&counted(&collector, &before, 2), &items, 0);
    collector.stop();
}

/// The server drops the connections while an item is worked on, and while the consumer waits for one. The item's work goes on
/// until the consumer asks for the next.
#[test]
fn with_the_connection_lost() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    let mut consumer = Consumer::start(&redis, How::default());
    push(&redis, 1, &[("done", 0.5)]);
    let _ = consumer.holds(1);
    let drop_all = || drop(redis.ask(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]));
    drop_all();
    let waits = || (redis.waiting() == 1).then_some(());
    poll(PATIENCE, waits).expect("it waits");
    drop_all();
    poll(PATIENCE, || (consumer.written().matches("asked").count() == 3).then_some(()))
        .expect("it asks again");
    poll(PATIENCE, waits).expect("it waits again");
    let _ = works_on(&collector, 0);
    push(&redis, 2, &[("done", 0.05), ("stop", 0.0)]);
    let _ = consumer.wait().expect_ok();
    same_work(&counted(&collector, &before, 3), &consumer.items(), 0);
    collector.stop();
}

/// The server is killed while an item is worked on, and there is another one when the consumer asks for the next.
#[test]
fn with_the_server_started_anew() {
    let alone = alone();
    let mut redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    let mut consumer = Consumer::start(&redis, How::default());
    push(&redis, 1, &[("done", 0.5)]);
    let _ = consumer.holds(1);
    redis.restart();
    poll(PATIENCE, || (redis.waiting() == 1).then_some(())).expect("it waits");
    // It waits when the server goes: nothing was taken.
    redis.restart();
    push(&redis, 2, &[("done", 0.05), ("stop", 0.0)]);
    let _ = consumer.wait().expect_ok();
    let items = consumer.items();
    assert_eq!(items.len(), 3, "{}", consumer.written());
    same_work(&counted(&collector, &before, 3), &items, 0);
    nothing_lost(&collector.scrape());
    collector.stop();
}
