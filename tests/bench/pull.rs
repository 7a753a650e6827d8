//! What a pull of 1 GiB costs: `skopeo copy` from a docker-registry on loopback, without pullscope, with it, and with it
//! while the kernel counts, by turns.
//!
//! By default both ends are watched, and both are on this machine: the figure with a bar has all of it. The client alone
//! is what a node pays whose registry is elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::images::Image;
use pullscope_tests::place::Place;
use pullscope_tests::process::poll;
use pullscope_tests::registry::{Access, Registry};

use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Ring, Runs, shown, total};
use crate::report::{Report, Unit};

pub const LAYER: usize = 1 << 30;
pub const NAME: &str = "bench/image:v1";
/// Records that are still in the ring buffer when the client ends are taken out within this time.
const DRAINED: Duration = Duration::from_millis(500);
/// Long enough for the metrics to show what the client has done.
const COUNTED: Duration = Duration::from_secs(10);

const BOTH_ENDS: &str = "";
pub const CLIENT_ONLY: &str = "default_targets = false\n[[targets]]\nname = \"skopeo\"\ncomm = \"skopeo\"\n";

pub fn figures(report: &mut Report) {
    eprintln!("making and pushing an image of 1 GiB");
    let image = Image::make(&[LAYER], 21);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, NAME);
    let reference = format!("{}/{NAME}", registry.address());
    let subject = Subject { reference, bytes: image.blob_bytes(), trust: None };
    subject.measure(report, Strategy::Sock, 5);
    subject.measure(report, Strategy::Syscall, 3);
}

/// The image that is pulled.
pub struct Subject {
    pub reference: String,
    pub bytes: u64,
    /// Folder of the authority that signed the registry's certificate; none for a registry without TLS.
    pub trust: Option<PathBuf>,
}

impl Subject {
    #[track_caller]
    fn measure(&self, report: &mut Report, strategy: Strategy, rounds: usize) {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        let (mut both, mut client) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            without.push(self.pull());
            with.push(self.watched(strategy));
            both.push(self.counted(strategy, BOTH_ENDS));
            client.push(self.counted(strategy, CLIENT_ONLY));
        }
        let name = |what: &str| format!("pull of 1 GiB, {}: {what}", strategy.name());
        let mut bar = |what, unit, samples: &[f64], bar| match strategy {
            Strategy::Sock => report.bar(name(what), unit, samples, bar),
            Strategy::Syscall => report.tell(name(what), unit, samples),
        };
        let share = |counted: &[Counted]| each(counted, |it| it.pull.share(it.seconds()));
        bar(
            "time in our programs, both ends watched, of the client's CPU",
            Unit::Percent,
            &share(&both),
            0.5,
        );
        bar("time in our programs, client watched, of the client's CPU", Unit::Percent, &share(&client), 0.5);
        bar("through the ring buffer", Unit::Kibibytes, &each(&with, |it| it.ring), 256.0);
        bar(
            "pullscope's CPU, of the client's",
            Unit::Percent,
            &each(&with, |it| it.pull.share(it.observer)),
            1.0,
        );
        let walls = |pulls: &[Pull]| each(pulls, |it| it.wall.as_secs_f64());
        let watched: Vec<_> = with.into_iter().map(|it| it.pull).collect();
        report.tell(name("client's CPU"), Unit::Seconds, &each(&watched, |it| it.client));
        report.tell(name("wall time, not attached"), Unit::Seconds, &walls(&without));
        report.tell(name("wall time, attached"), Unit::Seconds, &walls(&watched));
        let ratios: Vec<_> =
            walls(&watched).iter().zip(walls(&without)).map(|(with, without)| with / without).collect();
        report.tell(name("wall time, attached to not"), Unit::Ratio, &ratios);
        for (who, counted) in [("both ends", &both), ("client", &client)] {
            report.note(format!(
                "last pull, {}, {who} watched: {}",
                strategy.name(),
                counted[rounds - 1].shown()
            ));
        }
    }

    #[track_caller]
    fn pull(&self) -> Pull {
        // A client of its own each time: its storage is empty, and goes with it.
        let options = Options { trust: self.trust.as_deref(), ..Options::default() };
        let puller = Puller::start(Client::Skopeo, Place::machine(), options);
        let before = children();
        let outcome = puller.pull(&self.reference).expect_ok();
        Pull { wall: outcome.wall, client: children() - before }
    }

    /// With pullscope as it is: what its own process takes, and what comes through its ring buffer.
    #[track_caller]
    fn watched(&self, strategy: Strategy) -> Watched {
        let observer = Observer::start(strategy).settled();
        let buffer = Ring::of(observer.pid());
        let (cpu, produced) = (observer.cpu(), buffer.produced());
        let pull = self.pull();
        sleep(DRAINED);
        let (cpu, produced) = (observer.cpu() - cpu, buffer.produced() - produced);
        // The cost of seeing nothing would be no figure.
        let labels = [("process", "skopeo"), ("kind", "blob")];
        let counted = || observer.scrape().count("pullscope_registry_response_bytes_total", &labels);
        poll(COUNTED, || (counted() >= self.bytes).then_some(()))
            .expect("pullscope counts the bytes of the pull");
        observer.stop();
        Watched { pull, observer: cpu, ring: produced as f64 / 1024.0 }
    }

    /// While the kernel counts what the programs take.
    #[track_caller]
    pub fn counted(&self, strategy: Strategy, config: &str) -> Counted {
        let observer = Observer::start_with(strategy, config).settled();
        let programs = observer.programs();
        let counting = Counting::start();
        let (pull, runs) = programs.during(|| self.pull());
        drop(counting);
        observer.stop();
        Counted { pull, runs }
    }
}

/// One pull.
pub struct Pull {
    wall: Duration,
    /// CPU time of the client in seconds, user and system.
    pub client: f64,
}

impl Pull {
    /// So many seconds in percent of the client's CPU time.
    pub fn share(&self, seconds: f64) -> f64 {
        seconds / self.client * 100.0
    }
}

/// A pull with pullscope, and what that took.
struct Watched {
    pull: Pull,
    /// CPU time of pullscope's own process, in seconds.
    observer: f64,
    /// Through the ring buffer, in KiB.
    ring: f64,
}

/// A pull while the kernel counted.
pub struct Counted {
    pub pull: Pull,
    pub runs: BTreeMap<String, Runs>,
}

impl Counted {
    /// Time in all programs.
    pub fn seconds(&self) -> f64 {
        total(&self.runs).nanoseconds as f64 / 1e9
    }

    /// The programs by what they took, the dearest first.
    pub fn shown(&self) -> String {
        shown(&self.runs)
    }
}

/// CPU time in seconds of the children that have been waited for, which while a client runs is that client.
#[track_caller]
pub fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the CPU time of children");
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

pub fn each<T>(all: &[T], number: impl Fn(&T) -> f64) -> Vec<f64> {
    all.iter().map(number).collect()
}
