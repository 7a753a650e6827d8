//! What 5,000 exchanges a second cost, and whether each of them is counted: small GETs in the clear, by one agent whose registry
//! is not watched.
//!
//! Two mixes: images, each of a manifest, a config and two layers, which are as many pulls; and blobs alone.

use std::thread::sleep;
use std::time::Duration;

use pullscope_tests::collector::clients;
use pullscope_tests::process::poll;
use pullscope_tests::scrape::Scrape;

use crate::load::{self, Load, Mix, PER_IMAGE};
use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Ring, shown, total};
use crate::pull::each;
use crate::report::{Report, Unit};

const ROUNDS: usize = 3;
const RATE: u64 = 5000;
const SECONDS: u64 = 30;
/// While the kernel counts: it is what one exchange costs that is wanted then.
const COUNTED: u64 = 10;
const AGENT: &str = "bench-agent";
/// Records that are still in the ring buffer when the client ends are taken out within this time.
const DRAINED: Duration = Duration::from_millis(500);
/// Long enough for the metrics to show what the client has done.
const SHOWN: Duration = Duration::from_secs(10);

const REQUESTS: &str = "pullscope_registry_requests_total";
const DOWNLOADS: &str = "pullscope_downloads_total";
const PULLS: &str = "pullscope_image_pull_duration_seconds_count";
const LOST: &str = "pullscope_kernel_events_lost_total";
const UNATTRIBUTED: &str = "pullscope_exchanges_unattributed_total";

pub fn figures(report: &mut Report) {
    for mix in [Mix::Images, Mix::Blobs] {
        measure(report, mix);
    }
}

#[track_caller]
fn measure(report: &mut Report, mix: Mix) {
    let config = format!("default_targets = false\n{}", clients([AGENT]));
    let (mut rounds, mut programs) = (Vec::new(), Vec::new());
    let mut last = String::new();
    for _ in 0..ROUNDS {
        let observer = Observer::start_with(Strategy::Sock, &config).settled();
        rounds.push(Round::of(&observer, Load { mix, rate: RATE, seconds: SECONDS }));
        let counting = Counting::start();
        let load = Load { mix, rate: RATE, seconds: COUNTED };
        let (wall, runs) = observer.programs().during(|| load::run(AGENT, load));
        drop(counting);
        observer.stop();
        programs.push(total(&runs).nanoseconds as f64 / 1e9 / wall * 100.0);
        last = shown(&runs);
    }
    let name = |what: &str| format!("{RATE} exchanges a second, {}: {what}", mix.name());
    report.tell(name("made in a second"), Unit::Count, &each(&rounds, |it| it.rate));
    let cpu = each(&rounds, |it| it.cpu);
    let both: Vec<_> = cpu.iter().zip(&programs).map(|(cpu, programs)| cpu + programs).collect();
    report.bar(name("pullscope's CPU, of one core"), Unit::Percent, &cpu, 25.0);
    report.tell(name("time in our programs, of one core"), Unit::Percent, &programs);
    report.bar(name("both together, of one core"), Unit::Percent, &both, 25.0);
    report.bar(name("requests not counted, or too many"), Unit::Count, &each(&rounds, |it| it.missed), 0.0);
    report.bar(name("downloads and pulls not counted"), Unit::Count, &each(&rounds, |it| it.unfinished), 0.0);
    report.bar(
        name("lost events and unattributed exchanges"),
        Unit::Count,
        &each(&rounds, |it| it.lost),
        0.0,
    );
    report.tell(name("through the ring buffer, an exchange"), Unit::Kibibytes, &each(&rounds, |it| it.ring));
    report.tell(name("peak of resident memory"), Unit::Mebibytes, &each(&rounds, |it| it.peak));
    report.note(format!("last {COUNTED} s of {}: {last}", mix.name()));
}

/// What the client did, and what pullscope took and said.
struct Round {
    /// Exchanges a second.
    rate: f64,
    /// CPU time of pullscope's process, in percent of one core.
    cpu: f64,
    /// Requests made less those counted as they were answered, without the sign, and those counted otherwise.
    missed: f64,
    /// The same for downloads and pulls together.
    unfinished: f64,
    lost: f64,
    /// KiB for each exchange.
    ring: f64,
    /// MiB.
    peak: f64,
}

impl Round {
    #[track_caller]
    fn of(observer: &Observer, load: Load) -> Self {
        let ring = Ring::of(observer.pid());
        let (cpu, produced) = (observer.cpu(), ring.produced());
        let wall = load::run(AGENT, load);
        sleep(DRAINED);
        let (cpu, produced) = (observer.cpu() - cpu, ring.produced() - produced);
        let made = load.exchanges();
        let finished = |scrape: &Scrape| scrape.count(DOWNLOADS, &[]) + scrape.count(PULLS, &[]);
        // Each exchange is a download, and in one mix every image is a pull.
        let expected = match load.mix {
            Mix::Images => made + made / PER_IMAGE,
            Mix::Blobs => made,
        };
        let complete = |scrape: &Scrape| scrape.count(REQUESTS, &[]) >= made && finished(scrape) >= expected;
        // What is not shown by then is not counted.
        let _ = poll(SHOWN, || complete(&observer.scrape()).then_some(()));
        let scrape = observer.scrape();
        let answered = scrape.count(REQUESTS, &[("process", AGENT), ("method", "GET"), ("code", "200")]);
        let others = scrape.count(REQUESTS, &[]) - answered;
        Self {
            rate: made as f64 / wall,
            cpu: cpu / wall * 100.0,
            missed: (made.abs_diff(answered) + others) as f64,
            unfinished: expected.abs_diff(finished(&scrape)) as f64,
            lost: scrape.sum(LOST, &[]) + scrape.sum(UNATTRIBUTED, &[]),
            ring: produced as f64 / 1024.0 / made as f64,
            peak: f64::from(observer.peak()) / 1024.0,
        }
    }
}
