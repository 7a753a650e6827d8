//! What a queue consumer writes down of its work is what the Redis server and the process table say of it.

use pullscope_tests::redis::Redis;
use pullscope_tests::turn::together;
use pullscope_tests::work::{Consumer, End, How, QUEUE, push, shown};

/// Items with a good end, and what tells a consumer to stop.
const GOOD: [(&str, f64); 4] = [("done", 0.02), ("return", 0.0), ("caught", 0.01), ("stop", 0.0)];

#[test]
fn every_way_to_take_and_every_shape() {
    let _turn = together();
    for (take, command) in
        [("blpop", "blpop"), ("brpop", "brpop"), ("blmove", "blmove"), ("patient", "blpop")]
    {
        for shape in ["serial", "threads", "forked", "pool"] {
            let redis = Redis::start();
            let mut consumer =
                Consumer::start(&redis, How { take, shape, unix: take == "brpop", ..How::default() });
            push(&redis, 1, &GOOD);
            if take == "brpop" {
                // The last comes first.
                push(&redis, 10, &[("stop", 0.0)]);
            }
            let _ = consumer.wait().expect_ok();
            let items = consumer.items();
            let handed_out = GOOD.len() as u64 + u64::from(take == "brpop") - redis.length(QUEUE);
            assert_eq!(items.len() as u64, handed_out, "{take} {shape}: {}", consumer.written());
            assert!(redis.calls(command) >= handed_out, "{take} {shape}: {}", redis.calls(command));
            for item in &items {
                assert!(item.at_least <= item.at_most && item.end != End::None, "{take} {shape}: {item:?}");
            }
            let slept = items.iter().find(|item| item.how == "done").map_or(20_000_000, |item| item.at_least);
            assert!(slept >= 20_000_000, "{take} {shape}: {}", shown(&items));
        }
    }
}

#[test]
fn how_items_end_that_are_not_done() {
    let _turn = together();
    let end_of = |how: &str, shape: &str| {
        let redis = Redis::start();
        let mut consumer = Consumer::start(&redis, How { shape, ..How::default() });
        push(&redis, 1, &[(how, 0.0)]);
        let outcome = consumer.wait();
        let items = consumer.items();
        assert_eq!(items.len(), 1, "{}", consumer.written());
        (outcome.code, items[0].end)
    };
    assert_eq!(end_of("stop", "serial"), (Some(0), End::Ok));
    assert_eq!(end_of("exit", "serial"), (Some(3), End::Error));
    assert_eq!(end_of("self", "serial"), (None, End::Error));
    assert_eq!(end_of("raise", "serial"), (Some(1), End::Error));
    assert_eq!(end_of("raise", "threads"), (Some(0), End::Thread));
    assert_eq!(end_of("exit", "forked"), (Some(0), End::Error));
}

#[test]
fn a_storm_agrees_with_itself() {
    let _turn = together();
    let redis = Redis::start();
    let started = std::time::Instant::now();
    let mut consumer = Consumer::start(&redis, How { shape: "storm", count: 7, ..How::default() });
    let _ = consumer.wait().expect_ok();
    let items = consumer.items();
    let count = |end| items.iter().filter(|item| item.end == end).count();
    println!(
        "{} items in {:?}: {} ok, {} failed, {} either",
        items.len(),
        started.elapsed(),
        count(End::Ok),
        count(End::Error),
        count(End::OkOrError)
    );
    assert_eq!(consumer.written().matches("gone ").count(), 1000);
    assert_eq!(count(End::None), 0, "{}", shown(&items));
    assert!(redis.calls("blpop") >= items.len() as u64);
}
