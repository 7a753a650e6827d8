//! The protocol in its forms: connections that are older than pullscope, a unix socket, RESP3, large texts, pipelines.

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, poll, run};
use pullscope_tests::redis::Redis;
use pullscope_tests::script::script;
use pullscope_tests::turn::alone;
use pullscope_tests::work::{CONSUMER, Consumer, How, QUEUE, push, push_with};

use crate::work::{BLPOP, POOL, counted, nothing_lost, observe, recipe, same_work, works_on};

/// One waits for an item since before pullscope was there, another works on one. What they began then is not known; what they
/// take next is.
#[test]
fn consumers_that_were_there_before() {
    let alone = alone();
    let redis = Redis::start();
    let mut waits = Consumer::start(&redis, How::default());
    push(&redis, 1, &[("done", 0.0)]);
    poll(PATIENCE, || (waits.items().len() == 1 && redis.waiting() == 1).then_some(())).expect("it waits");
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    push(&redis, 2, &[("done", 0.1), ("done", 0.1), ("stop", 0.0)]);
    let _ = waits.wait().expect_ok();
    let items = waits.items();
    assert_eq!(items.len(), 4, "{}", waits.written());
    // The reply to a command that was not seen is the reply to anything.
    same_work(&counted(&collector, &before, 2), &items[2..], 0);
    collector.stop();
}

#[test]
fn a_consumer_that_worked_before() {
    let alone = alone();
    let redis = Redis::start();
    let mut works = Consumer::start(&redis, How { shape: "forked", count: 2, ..How::default() });
    poll(PATIENCE, || (redis.waiting() == 2).then_some(())).expect("both wait");
    push(&redis, 1, &[("held", 0.0), ("gate", 0.0)]);
    let held = works.holds(2);
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    push(&redis, 3, &[("done", 0.1), ("stop", 0.0)]);
    works.go_on();
    works.kill_worker(held.iter().find(|item| item.how == "held").expect("one of them"));
    let _ = works.wait().expect_ok();
    same_work(&counted(&collector, &before, 2), &works.items()[2..], 0);
    collector.stop();
}

#[track_caller]
fn read(rule: &str, how: How<'_>, items: &[(&str, f64)], rest: &str) {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, rule);
    let before = collector.scrape();
    let mut consumer = Consumer::start(&redis, how);
    for (number, item) in (1..).zip(items) {
        push_with(&redis, number, &[*item], rest);
        // Pushed to whoever has read it, before the item or after, while the consumer waits or works.
        redis.ask(&["SET", "watched", "anew"]);
    }
    let _ = consumer.wait().expect_ok();
    let taken = consumer.items();
    assert_eq!(taken.len(), items.len(), "{}", consumer.written());
    same_work(&counted(&collector, &before, items.len()), &taken, 0);
    collector.stop();
}

const ITEMS: [(&str, f64); 5] =
    [("done", 0.2), ("return", 0.0), ("caught", 0.05), ("done", 0.1), ("stop", 0.0)];

#[test]
fn a_unix_socket() {
    read(BLPOP, How { unix: true, ..How::default() }, &ITEMS, "");
}

#[test]
fn resp3_with_pushes() {
    read(BLPOP, How { take: "resp3", ..How::default() }, &ITEMS, "");
}

#[test]
fn texts_of_a_megabyte() {
    let payload = "x".repeat(1 << 20);
    read(BLPOP, How::default(), &ITEMS, &payload);
    let acknowledged = r#"
queue = { from = "queue", most = 2 }
begin = { reply = "BLMOVE {queue} **", is = "item" }
end   = [{ command = "LREM {queue}:taken 1 *" }]
each  = "pool"
"#;
    read(acknowledged, How { take: "blmove", shape: "pool", count: 2, ..How::default() }, &ITEMS, &payload);
}

#[test]
fn text_that_looks_like_the_protocol() {
    read(BLPOP, How::default(), &ITEMS, "\r\n*2\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n-ERR\r\n$-1\r\n");
}

/// Pipelines of one write each, with and without a transaction, and replies of every form.
const PIPELINES: &str = "#!/usr/bin/python3
import sys, redis
client = redis.Redis.from_url(sys.argv[1])
for transaction in (False, True):
    for _ in range(20):
        with client.pipeline(transaction=transaction) as pipeline:
            for number in range(8):
                pipeline.set('key', number)
                pipeline.get('key')
                pipeline.get('none')
                pipeline.lrange('none', 0, -1)
                pipeline.hincrby('key', 'field', 1)
                pipeline.incr('number')
            pipeline.execute(raise_on_error=False)
for _ in range(100):
    client.get('key')
    client.eval('return {1, {2, {\"three\"}}, \"four\"}', 0)
";

/// Each command is counted as often as the server says that it was called, and as an error where its reply was one.
#[test]
fn pipelines_and_transactions() {
    let alone = alone();
    let redis = Redis::start();
    let operations = ["SET", "GET", "LRANGE", "INCRBY", "EVAL", "MULTI", "EXEC"];
    let mut config = recipe(POOL);
    for name in operations {
        let operation = name.to_lowercase();
        let rule = format!("operation = \"{operation}\"\nduring = {{ redis = \"{name} **\" }}\n");
        config.push_str("[[recipe.operation]]\n");
        config.push_str(&rule);
    }
    let collector = Collector::start_with(&alone, &Settings { config: Some(&config), ..Settings::default() });
    let folder = tempfile::tempdir().expect("a directory for a program");
    let mut command = Place::machine().command(script(folder.path(), CONSUMER, PIPELINES));
    command.arg(redis.url());
    let _ = run(command).expect_ok();
    let count = "pullscope_operation_duration_seconds_count";
    let expected: Vec<_> = operations.iter().map(|name| redis.calls(&name.to_lowercase())).collect();
    assert_eq!(expected, [320, 740, 320, 320, 100, 20, 20]);
    let scrape = collector.until(|scrape| scrape.count(count, &[]) >= expected.iter().sum());
    for (name, calls) in operations.iter().zip(expected) {
        let labels = [("process", CONSUMER), ("operation", &name.to_lowercase()), ("status", "ok")];
        assert_eq!(scrape.count(count, &labels), calls, "{name}\n{scrape}");
    }
    assert_eq!(scrape.count("pullscope_operations_in_flight", &[]), 0, "{scrape}");
    nothing_lost(&scrape);
    let _ = works_on(&collector, 0);
    assert_eq!(redis.length(QUEUE), 0);
    collector.stop();
}
