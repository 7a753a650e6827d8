//! Consumers in their shapes: threads, forked workers, a dispatcher with a pool; and other commands that take.

use pullscope_tests::process::{PATIENCE, poll};
use pullscope_tests::redis::Redis;
use pullscope_tests::turn::alone;
use pullscope_tests::work::{Consumer, How, QUEUE, push};

use crate::work::{BLPOP, POOL, basis_is, counted, observe, same_work, works_on};

/// Consumers that hold several items at once are killed one by one: the gauge is the sum of what they hold.
#[test]
fn the_gauge_is_the_sum_of_all_workers() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    let mut forked = Consumer::start(&redis, How { shape: "forked", count: 3, ..How::default() });
    let mut threads = Consumer::start(&redis, How { shape: "threads", count: 2, ..How::default() });
    poll(PATIENCE, || (redis.waiting() == 5).then_some(())).expect("all wait");
    push(&redis, 1, &[("held", 0.0); 5]);
    let held = forked.holds(3);
    let _ = threads.holds(2);
    let _ = works_on(&collector, 5);
    for (left, item) in (2..5).rev().zip(&held) {
        forked.kill_worker(item);
        let _ = works_on(&collector, left);
    }
    let _ = forked.wait().expect_ok();
    let _ = threads.kill();
    let _ = works_on(&collector, 0);
    let items = [forked.items(), threads.items()].concat();
    same_work(&counted(&collector, &before, 5), &items, 0);
    basis_is(&collector, "exact");
    collector.stop();
}

#[track_caller]
fn many(rule: &str, how: How<'_>, basis: &str) {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, rule);
    let before = collector.scrape();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut one = || (*chance.choice(&["done", "return", "caught"]).expect("some"), chance.f64() * 0.04);
    // Each of several takers needs its own.
    let stops = if how.shape == "pool" { 1 } else { how.count as usize };
    let mut items: Vec<_> = (0..60).map(|_| one()).chain(vec![("stop", 0.0); stops]).collect();
    if how.take == "brpop" {
        items.reverse();
    }
    push(&redis, 1, &items);
    let mut consumer = Consumer::start(&redis, how);
    let _ = consumer.wait().expect_ok();
    let taken = consumer.items();
    assert_eq!((taken.len(), redis.length(QUEUE)), (items.len(), 0), "{}", consumer.written());
    same_work(&counted(&collector, &before, taken.len()), &taken, 0);
    basis_is(&collector, basis);
    collector.stop();
}

#[test]
fn threads() {
    many(BLPOP, How { shape: "threads", count: 4, ..How::default() }, "exact");
}

#[test]
fn forked() {
    many(BLPOP, How { shape: "forked", count: 4, ..How::default() }, "exact");
}

/// One that gives up waiting every 50 ms, and waits for two queues at a time.
#[test]
fn a_patient_one() {
    many(BLPOP, How { take: "patient", ..How::default() }, "exact");
}

#[test]
fn with_brpop() {
    let rule = BLPOP.replace("BLPOP", "BRPOP");
    many(&rule, How { take: "brpop", shape: "forked", count: 2, ..How::default() }, "exact");
}

/// The reply is the item itself: the queue is a word of the command.
const BLMOVE: &str = r#"
queue = { from = "queue", values = ["jobs"] }
begin = { reply = "BLMOVE {queue} **", is = "item" }
end   = [{ command = "BLMOVE **" }]
each  = "thread"
"#;

#[test]
fn with_blmove() {
    many(BLMOVE, How { take: "blmove", ..How::default() }, "exact");
}

/// Ends are taken for those of the oldest items. The sum of the durations is right all the same.
#[test]
fn a_pool() {
    many(POOL, How { shape: "pool", count: 4, ..How::default() }, "estimate");
}

#[test]
fn a_pool_with_blmove() {
    let rule = BLMOVE.replace("BLMOVE **", "LREM {queue}:taken **").replace("thread", "pool");
    many(&rule, How { take: "blmove", shape: "pool", count: 4, ..How::default() }, "estimate");
}

/// An item of a pool that nobody acknowledges goes on until the process ends.
#[test]
fn a_pool_that_forgets_an_item() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, POOL);
    let before = collector.scrape();
    let mut consumer = Consumer::start(&redis, How { shape: "pool", count: 2, ..How::default() });
    push(&redis, 1, &[("done", 0.0), ("lost", 0.0), ("caught", 0.0)]);
    poll(PATIENCE, || (redis.calls("exec") == 2).then_some(())).expect("two are acknowledged");
    let _ = works_on(&collector, 1);
    push(&redis, 4, &[("held", 0.0)]);
    let _ = works_on(&collector, 2);
    let _ = consumer.kill();
    let scrape = counted(&collector, &before, 4);
    let by_status = scrape.group("pullscope_work_total", &[], ["status"]);
    assert_eq!(by_status, [(["ok".to_owned()], 2), (["error".to_owned()], 2)].into(), "{scrape}");
    collector.stop();
}
