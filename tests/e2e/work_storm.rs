//! A thousand short lives of queue workers, eight at a time, each with some items and one of all ways to end.

use std::thread::{self, sleep};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pullscope_tests::redis::Redis;
use pullscope_tests::turn::alone;
use pullscope_tests::work::{Consumer, End, How, QUEUE};

use crate::work::{BLPOP, IN_FLIGHT, TOTAL, basis_is, counted, observe, observe_with, same_work};

fn storm(redis: &Redis) -> Consumer {
    let seed = fastrand::u32(..);
    println!("seed {seed}");
    Consumer::start(redis, How { shape: "storm", count: seed, ..How::default() })
}

#[test]
fn each_item_is_counted_once() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe(&alone, BLPOP);
    let before = collector.scrape();
    let mut consumer = storm(&redis);
    let _ = consumer.wait().expect_ok();
    let items = consumer.items();
    let handed_out = consumer.pushed() - redis.length(QUEUE);
    let unread = handed_out - items.len() as u64;
    let either = items.iter().filter(|item| item.end == End::OkOrError).count();
    println!("{} items, {unread} perhaps not read, {either} perhaps done", items.len());
    assert!(items.len() > 1000, "{}", items.len());
    same_work(&counted(&collector, &before, items.len()), &items, unread);
    basis_is(&collector, "exact");
    collector.stop();
}

/// pullscope stands still now and then while events come, and the ring buffer is the smallest there is: what is lost is counted,
/// and the gauges return to 0.
#[test]
fn with_events_lost() {
    let alone = alone();
    let redis = Redis::start();
    let collector = observe_with(&alone, BLPOP, &["--kernel.ring-buffer-bytes=65536"]);
    let before = collector.scrape();
    let mut consumer = storm(&redis);
    let pullscope = Pid::from_raw(i32::try_from(collector.pid()).expect("a pid"));
    let stopped = thread::spawn(move || {
        for _ in 0..4 {
            kill(pullscope, Signal::SIGSTOP).expect("stop pullscope");
            sleep(Duration::from_millis(400));
            kill(pullscope, Signal::SIGCONT).expect("let pullscope go on");
            sleep(Duration::from_millis(300));
        }
    });
    let _ = consumer.wait().expect_ok();
    stopped.join().expect("a thread that stops pullscope");
    // Whatever the gauge still says must go without an event.
    let scrape = counted(&collector, &before, 0);
    let lost = scrape.count("pullscope_kernel_events_lost_total", &[]);
    assert!(lost > 0, "no event was lost:\n{scrape}");
    let handed_out = consumer.pushed() - redis.length(QUEUE);
    assert!(scrape.count(TOTAL, &[]) <= handed_out, "{handed_out}:\n{scrape}");
    assert_eq!(collector.scrape().count(IN_FLIGHT, &[]), 0, "{scrape}");
    collector.stop();
}
