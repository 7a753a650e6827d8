//! What 20,000 Redis commands a second cost that a recipe counts, and whether each of them is counted; and how much slower
//! redis-benchmark is when it is watched.

use std::thread::sleep;
use std::time::Duration;

use pullscope_tests::place::Place;
use pullscope_tests::process::{Running, poll};
use pullscope_tests::redis::Redis;
use pullscope_tests::scrape::Scrape;

use crate::commands::{self, Load};
use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Ring, shown, total};
use crate::pull::each;
use crate::report::{Report, Unit};

const ROUNDS: usize = 3;
const RATE: u64 = 20_000;
const SECONDS: u64 = 20;
/// While the kernel counts: it is what one command costs that is wanted then.
const COUNTED: u64 = 10;
/// Commands sent before their replies are read.
const PIPELINES: [u64; 2] = [1, 8];
const WORKER: &str = "bench-worker";
/// Records that are still in the ring buffer when the client ends are taken out within this time.
const DRAINED: Duration = Duration::from_millis(500);
/// Long enough for the metrics to show what the client has done.
const SHOWN: Duration = Duration::from_secs(10);

const BENCHMARK: &str = "redis-benchmark";
/// Pairs of a watched and an unwatched run.
const PAIRS: usize = 11;
/// Some seconds of each of the two tests.
const REQUESTS: u64 = 150_000;
const PATIENCE: Duration = Duration::from_secs(120);

const OPERATIONS: &str = "pullscope_operations_total";
const LOST: &str = "pullscope_kernel_events_lost_total";
const UNATTRIBUTED: &str = "pullscope_exchanges_unattributed_total";

pub fn figures(report: &mut Report) {
    for pipeline in PIPELINES {
        at_a_rate(report, pipeline);
    }
    throughput(report);
}

/// A recipe that counts what the clients here do.
fn recipe(comm: &str) -> String {
    format!(
        r#"default_targets = false

[[recipe]]
name = "{comm}"
about = "The load of the benchmark."
comm = "{comm}"
role = "client"

[[recipe.operation]]
operation = "set"
during = {{ redis = "SET **" }}

[[recipe.operation]]
operation = "get"
during = {{ redis = "GET **" }}
"#
    )
}

#[track_caller]
fn at_a_rate(report: &mut Report, pipeline: u64) {
    let load = |seconds| Load { pipeline, rate: RATE, seconds };
    let config = recipe(WORKER);
    let (mut rounds, mut programs) = (Vec::new(), Vec::new());
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let redis = Redis::start();
        let observer = Observer::start_with(Strategy::Sock, &config).settled();
        rounds.push(Round::of(&observer, &redis, load(SECONDS)));
        let counting = Counting::start();
        let (wall, runs) =
            observer.programs().during(|| commands::run(WORKER, redis.address(), load(COUNTED)));
        drop(counting);
        observer.stop();
        programs.push(total(&runs).nanoseconds as f64 / 1e9 / wall * 100.0);
        last = shown(&runs);
    }
    let name = |what: &str| format!("{RATE} Redis commands a second, {}: {what}", load(SECONDS).name());
    report.tell(name("made in a second"), Unit::Count, &each(&rounds, |it| it.rate));
    let cpu = each(&rounds, |it| it.cpu);
    let both: Vec<_> = cpu.iter().zip(&programs).map(|(cpu, programs)| cpu + programs).collect();
    report.tell(name("pullscope's CPU, of one core"), Unit::Percent, &cpu);
    report.tell(name("time in our programs, of one core"), Unit::Percent, &programs);
    report.bar(name("both together, of one core"), Unit::Percent, &both, 30.0);
    report.bar(name("commands not counted, or too many"), Unit::Count, &each(&rounds, |it| it.missed), 0.0);
    report.bar(name("lost events and what is unattributed"), Unit::Count, &each(&rounds, |it| it.lost), 0.0);
    report.tell(name("through the ring buffer, a command"), Unit::Kibibytes, &each(&rounds, |it| it.ring));
    report.tell(name("peak of resident memory"), Unit::Mebibytes, &each(&rounds, |it| it.peak));
    for reasons in rounds.iter().map(|round| &round.reasons).filter(|reasons| !reasons.is_empty()) {
        report.note(format!("lost, {}: {}", load(SECONDS).name(), reasons.join(", ")));
    }
    report.note(format!("last {COUNTED} s, {}: {last}", load(COUNTED).name()));
}

/// What the client did, and what pullscope took and said.
struct Round {
    /// Commands a second.
    rate: f64,
    /// CPU time of pullscope's process, in percent of one core.
    cpu: f64,
    /// Commands that the server counts less those that pullscope does, without the sign, and those that count as failed.
    missed: f64,
    lost: f64,
    /// How many by each reason.
    reasons: Vec<String>,
    /// KiB for each command.
    ring: f64,
    /// MiB.
    peak: f64,
}

impl Round {
    #[track_caller]
    fn of(observer: &Observer, redis: &Redis, load: Load) -> Self {
        let ring = Ring::of(observer.pid());
        let (cpu, produced) = (observer.cpu(), ring.produced());
        let wall = commands::run(WORKER, redis.address(), load);
        sleep(DRAINED);
        let (cpu, produced) = (observer.cpu() - cpu, ring.produced() - produced);
        let made = redis.calls("set") + redis.calls("get");
        assert_eq!(made, load.commands(), "the client sends what it is to send");
        let (missed, scrape) = missed(observer, WORKER, redis);
        let reasons = [LOST, UNATTRIBUTED].map(|metric| scrape.group(metric, &[], ["reason"]));
        let reasons = reasons.into_iter().flatten().map(|([reason], count)| format!("{count} {reason}"));
        Self {
            rate: made as f64 / wall,
            cpu: cpu / wall * 100.0,
            missed,
            lost: scrape.sum(LOST, &[]) + scrape.sum(UNATTRIBUTED, &[]),
            reasons: reasons.collect(),
            ring: produced as f64 / 1024.0 / made as f64,
            peak: f64::from(observer.peak()) / 1024.0,
        }
    }
}

/// How far what pullscope has counted is from what the server has, and the scrape that says so.
#[track_caller]
fn missed(observer: &Observer, process: &str, redis: &Redis) -> (f64, Scrape) {
    let complete = |scrape: &Scrape| scrape.count(OPERATIONS, &[]) >= redis.calls("set") + redis.calls("get");
    // What is not shown by then is not counted.
    let _ = poll(SHOWN, || complete(&observer.scrape()).then_some(()));
    let scrape = observer.scrape();
    let mut missed = 0;
    for operation in ["set", "get"] {
        let labels = [("process", process), ("operation", operation)];
        let good = scrape.count(OPERATIONS, &[labels[0], labels[1], ("status", "ok")]);
        missed += redis.calls(operation).abs_diff(good) + scrape.count(OPERATIONS, &labels) - good;
    }
    (missed as f64, scrape)
}

/// redis-benchmark with its defaults, which are 50 connections and no pause, watched and not watched by turns.
#[track_caller]
fn throughput(report: &mut Report) {
    let config = recipe(BENCHMARK);
    let (mut slowdown, mut without, mut with) = (Vec::new(), Vec::new(), Vec::new());
    let (mut uncounted, mut lost) = (Vec::new(), Vec::new());
    // The first pair warms up.
    for pair in 0..=PAIRS {
        // Which of the two comes first alternates.
        let mut rates = [0.0; 2];
        let order = if pair % 2 == 0 { [false, true] } else { [true, false] };
        for watched in order {
            let redis = Redis::start();
            if !watched {
                rates[0] = benchmark(&redis);
                continue;
            }
            let observer = Observer::start_with(Strategy::Sock, &config).settled();
            rates[1] = benchmark(&redis);
            let (missed, scrape) = missed(&observer, BENCHMARK, &redis);
            observer.stop();
            if pair > 0 {
                uncounted.push(missed);
                lost.push(scrape.sum(LOST, &[]));
            }
        }
        if pair > 0 {
            slowdown.push(rates[0] / rates[1]);
            without.push(rates[0]);
            with.push(rates[1]);
        }
    }
    report.bar("redis-benchmark: throughput not watched to watched", Unit::Ratio, &slowdown, 1.05);
    report.tell("redis-benchmark: commands a second, not watched", Unit::Count, &without);
    report.tell("redis-benchmark: commands a second, watched", Unit::Count, &with);
    report.tell("redis-benchmark: commands not counted, or too many", Unit::Count, &uncounted);
    report.tell("redis-benchmark: lost events", Unit::Count, &lost);
}

/// Commands a second that redis-benchmark says it has made, of `SET` and `GET` together.
#[track_caller]
fn benchmark(redis: &Redis) -> f64 {
    let mut command = Place::machine().command(BENCHMARK);
    let address = redis.address();
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]);
    command.args(["-t", "set,get", "-n", &REQUESTS.to_string(), "--csv"]);
    let outcome = Running::spawn(command).wait(PATIENCE).expect_ok();
    // "test","rps", and latencies.
    let rates: Vec<f64> = outcome.stdout.lines().skip(1).map(rate).collect();
    assert_eq!(rates.len(), 2, "{}", outcome.stdout);
    // Of as many commands each.
    2.0 / rates.iter().map(|rate| rate.recip()).sum::<f64>()
}

#[track_caller]
fn rate(line: &str) -> f64 {
    let rate = line.split(',').nth(1).map(|rate| rate.trim_matches('"'));
    rate.and_then(|rate| rate.parse().ok()).unwrap_or_else(|| panic!("no rate in {line}"))
}
