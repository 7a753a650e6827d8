//! What must be counted of queue consumers, worked out from what they wrote and from the exit statuses of their processes.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::Alone;
use pullscope_tests::work::{CONSUMER, End, Item, QUEUE, shown};

pub const IN_FLIGHT: &str = "pullscope_work_in_flight";
pub const TOTAL: &str = "pullscope_work_total";
const DURATION: &str = "pullscope_work_duration_seconds";
const BASIS: &str = "pullscope_work_basis";

/// How long something that is too much would have time to show up.
const A_WHILE: Duration = Duration::from_millis(300);

/// A consumer that takes with BLPOP and works in the thread that asks.
pub const BLPOP: &str = r#"
queue  = { from = "reply", most = 4 }
begin  = { reply = "BLPOP **", is = "item" }
end    = [{ command = "BLPOP **" }]
failed = [{ command = "RPUSH *:failed *" }]
each   = "thread"
"#;

/// A dispatcher that takes with BLPOP; the threads of its pool count what they have done, in a transaction.
pub const POOL: &str = r#"
queue = { from = "reply", most = 4 }
begin = { reply = "BLPOP **", is = "item" }
end   = [{ command = "HINCRBY *:done * *" }]
each  = "pool"
"#;

/// A configuration with a recipe for the consumer.
pub fn recipe(rule: &str) -> String {
    format!(
        "[[recipe]]\nname = \"{CONSUMER}\"\nabout = \"A consumer of the tests.\"\ncomm = \"{CONSUMER}\"\n\
         role = \"client\"\n\n[[recipe.work]]\n{rule}"
    )
}

#[track_caller]
pub fn observe(alone: &Alone, rule: &str) -> Collector {
    observe_with(alone, rule, &[])
}

#[track_caller]
pub fn observe_with(alone: &Alone, rule: &str, arguments: &[&str]) -> Collector {
    Collector::start_with(alone, &Settings { config: Some(&recipe(rule)), arguments, ..Settings::default() })
}

/// How many items the gauge says are worked on.
pub fn in_flight(scrape: &Scrape) -> u64 {
    scrape.count(IN_FLIGHT, &[("process", CONSUMER)])
}

/// Waits until so many are.
#[track_caller]
pub fn works_on(collector: &Collector, count: u64) -> Scrape {
    let scrape = collector.until(|scrape| in_flight(scrape) == count);
    assert_eq!(in_flight(&scrape), count, "{scrape}\n{}", collector.log());
    scrape
}

/// What has been counted since `before` once `count` items have ended, and anything too much has had the time to be counted.
#[track_caller]
pub fn counted(collector: &Collector, before: &Scrape, count: usize) -> Scrape {
    let now = || collector.scrape().since(before);
    let _ = collector
        .until(|scrape| scrape.since(before).count(TOTAL, &[]) >= count as u64 && in_flight(scrape) == 0);
    sleep(A_WHILE);
    let scrape = now();
    assert_eq!(in_flight(&collector.scrape()), 0, "{scrape}\n{}", collector.log());
    scrape
}

/// As an item ended, what its `status` may be.
fn statuses(end: End) -> &'static [&'static str] {
    match end {
        End::Ok => &["ok"],
        End::Error => &["error"],
        End::Thread => &["unknown"],
        End::OkOrError => &["ok", "error"],
        End::None => &[],
    }
}

/// Exactly these items have been counted, each once, with its end and its duration; nothing was lost and nothing put right.
/// So many more there may be that the server had given out and that a killed consumer had perhaps read: of those nobody has
/// written anything.
#[track_caller]
pub fn same_work(scrape: &Scrape, items: &[Item], perhaps: u64) {
    let all = || format!("{}\n{scrape}", shown(items));
    let of_process = [("process", CONSUMER)];
    let counted = scrape.group(TOTAL, &of_process, ["queue", "status"]);
    let total: u64 = counted.values().sum();
    let written = items.len() as u64;
    assert!(
        (written..=written + perhaps).contains(&total),
        "{written} and perhaps {perhaps}: {counted:?}\n{}",
        all()
    );

    let (mut least, mut most) = (BTreeMap::<&str, u64>::new(), BTreeMap::<&str, u64>::new());
    for item in items {
        assert_ne!(item.end, End::None, "it goes on: {}", all());
        let may_be = statuses(item.end);
        for status in may_be {
            *most.entry(status).or_default() += 1;
        }
        if let [status] = may_be {
            *least.entry(status).or_default() += 1;
        }
    }
    for status in ["ok", "error", "unknown"] {
        let number = counted.get(&[QUEUE, status].map(str::to_owned)).copied().unwrap_or_default();
        let [least, most] = [&least, &most].map(|bound| bound.get(status).copied().unwrap_or_default());
        assert!(
            (least..=most + perhaps).contains(&number),
            "{status}: {least} to {most}: {counted:?}\n{}",
            all()
        );
    }
    durations(scrape, items, perhaps);
    nothing_lost(scrape);
}

/// The sum of all durations is between the sums of the consumer's own times.
#[track_caller]
fn durations(scrape: &Scrape, items: &[Item], perhaps: u64) {
    let of_process = [("process", CONSUMER)];
    let observed = scrape.count(&format!("{DURATION}_count"), &of_process);
    assert_eq!(observed, scrape.count(TOTAL, &of_process), "{scrape}");
    let nanoseconds = scrape.sum(&format!("{DURATION}_sum"), &of_process) * 1e9;
    let sum = |bound: fn(&Item) -> u64| {
        let sum: u64 = items.iter().map(bound).sum();
        f64::from(u32::try_from(sum / 1000).expect("less than an hour")) * 1e3
    };
    // What nobody has written of was killed at once.
    let slack = 1e4 + 1e9 * f64::from(u32::try_from(perhaps).expect("few"));
    let (least, most) = (sum(|item| item.at_least) - 1e4, sum(|item| item.at_most) + slack);
    assert!(
        (least..=most).contains(&nanoseconds),
        "{least} {nanoseconds} {most}:\n{}\n{scrape}",
        shown(items)
    );
}

/// Nothing was lost, and no gauge was put right.
#[track_caller]
pub fn nothing_lost(scrape: &Scrape) {
    for name in ["kernel_events_lost_total", "corrections_total", "series_dropped_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
}

/// Whether what is told of the queue is `exact` or an `estimate`.
#[track_caller]
pub fn basis_is(collector: &Collector, basis: &str) {
    let scrape = collector.scrape();
    let told = scrape.group(BASIS, &[("process", CONSUMER), ("queue", QUEUE)], ["basis"]);
    assert_eq!(told, [([basis.to_owned()], 1)].into(), "{scrape}");
}
