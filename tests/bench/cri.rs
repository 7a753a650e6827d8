//! What a node costs on which nothing is pulled: 200 pods, looked at every second as a kubelet does, by a client of that name
//! over the socket of a real containerd.
//!
//! Each pod is a real sandbox with its shim and its process, on the node's network, with the labels that a kubelet
//! gives, and a container that has been created. Nothing but the time passes while the base is taken.

use std::thread::sleep;
use std::time::{Duration, Instant};

use pullscope_tests::cri::messages::{Empty, Id, PodSandboxConfig};
use pullscope_tests::cri::{Client, Pull, pod};
use pullscope_tests::images::Image;
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::process::poll;
use pullscope_tests::registry::{Access, Registry};

use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Ring, shown, total};
use crate::pull::each;
use crate::report::{Report, Unit};

const SANDBOXES: usize = 200;
/// Sandboxes whose status is asked for after each look at the lists.
const STATUSES: usize = 10;
const CALLS: usize = 3 + STATUSES;
const ROUNDS: usize = 3;
const EVERY: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_secs(15);
const LOOKS: usize = 60;
/// While the kernel counts.
const COUNTED: usize = 15;
/// What has started is let settle for this long.
const SETTLED: Duration = Duration::from_secs(3);
/// Long enough for the metrics to show what the client has done.
const SHOWN: Duration = Duration::from_secs(10);

const OPERATIONS: &str = "pullscope_cri_operation_duration_seconds_count";

pub fn figures(report: &mut Report) {
    eprintln!("starting {SANDBOXES} sandboxes");
    let crowd = Crowd::start();
    sleep(SETTLED);
    let mut last = String::new();
    let rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let (round, shown) = crowd.round();
            last = shown;
            round
        })
        .collect();
    let name = |what: &str| format!("{SANDBOXES} sandboxes listed every second: {what}");
    let both = each(&rounds, |it| it.listed + it.programs);
    report.bar(name("pullscope's CPU, of one core"), Unit::Percent, &each(&rounds, |it| it.listed), 0.5);
    report.tell(name("time in our programs, of one core"), Unit::Percent, &each(&rounds, |it| it.programs));
    report.bar(name("both together, of one core"), Unit::Percent, &both, 0.5);
    report.tell(
        name("pullscope's CPU before, with nothing done"),
        Unit::Percent,
        &each(&rounds, |it| it.quiet),
    );
    report.tell(name("through the ring buffer, each time"), Unit::Kibibytes, &each(&rounds, |it| it.ring));
    report.bar(name("resident memory at the end"), Unit::Mebibytes, &each(&rounds, |it| it.resident), 64.0);
    report.bar(name("peak of resident memory"), Unit::Mebibytes, &each(&rounds, |it| it.peak), 64.0);
    report.bar(name("calls not counted, or too many"), Unit::Count, &each(&rounds, |it| it.missed), 0.0);
    report.note(format!("last {COUNTED} s of {SANDBOXES} sandboxes listed every second: {last}"));
}

/// What pullscope took and said.
struct Round {
    /// CPU time of its process with nothing done, in percent of one core.
    quiet: f64,
    /// While the lists were looked at.
    listed: f64,
    /// Time in the kernel programs meanwhile, also in percent of one core.
    programs: f64,
    /// KiB through the ring buffer with each look.
    ring: f64,
    /// MiB.
    resident: f64,
    peak: f64,
    /// Calls made less those counted, without the sign.
    missed: f64,
}

/// A node full of pods.
struct Crowd {
    node: Node,
    sandboxes: Vec<String>,
    _registry: Registry,
}

impl Crowd {
    #[track_caller]
    fn start() -> Self {
        let registry = Registry::start(&Access::Open);
        registry.push(&Image::program(&[], 1), "pause:1");
        let image = format!("{}/pause:1", registry.address());
        let node = Node::start(&Place::machine(), Settings { pause: &image, ..Settings::default() });
        let client = Client::start("crictl", &node.socket());
        let _ = client.pull(&Pull { image: &image, ..Pull::default() }).expect_ok();
        let sandbox = |number| {
            let pod = kubelets_pod(number);
            let id = client.run_sandbox(&pod, "").expect_ok().id;
            let _ = client.create_container(&id, &pod, "application", &image).expect_ok();
            id
        };
        let sandboxes = (0..SANDBOXES).map(sandbox).collect();
        client.stop();
        Self { node, sandboxes, _registry: registry }
    }

    /// One pullscope: with nothing done, then with the lists looked at.
    #[track_caller]
    fn round(&self) -> (Round, String) {
        let observer = Observer::start(Strategy::Sock);
        sleep(SETTLED);
        let share = |work: &dyn Fn()| {
            let (began, before) = (Instant::now(), observer.cpu());
            work();
            (observer.cpu() - before) / began.elapsed().as_secs_f64() * 100.0
        };
        let quiet = share(&|| sleep(QUIET));
        let kubelet = Client::start("kubelet", &self.node.socket());
        self.looks(&kubelet, 2);
        let ring = Ring::of(observer.pid());
        let produced = ring.produced();
        let listed = share(&|| self.looks(&kubelet, LOOKS));
        let produced = ring.produced() - produced;
        let made = ((2 + LOOKS) * CALLS) as u64;
        let counted = || observer.scrape().count(OPERATIONS, &[("runtime", "containerd"), ("status", "ok")]);
        // What is not shown by then is not counted.
        let _ = poll(SHOWN, || (counted() >= made).then_some(()));
        let missed = made.abs_diff(counted()) as f64;
        let (resident, peak) = (observer.resident(), observer.peak());

        let counting = Counting::start();
        let began = Instant::now();
        let ((), runs) = observer.programs().during(|| self.looks(&kubelet, COUNTED));
        let wall = began.elapsed().as_secs_f64();
        drop(counting);
        kubelet.stop();
        observer.stop();
        let round = Round {
            quiet,
            listed,
            programs: total(&runs).nanoseconds as f64 / 1e9 / wall * 100.0,
            ring: produced as f64 / 1024.0 / LOOKS as f64,
            resident: f64::from(resident) / 1024.0,
            peak: f64::from(peak) / 1024.0,
            missed,
        };
        (round, shown(&runs))
    }

    /// Looks at all lists so many times, and each time at some of the sandboxes.
    #[track_caller]
    fn looks(&self, kubelet: &Client, times: usize) {
        let began = Instant::now();
        let mut some = self.sandboxes.iter().cycle();
        for time in 1..=times {
            let (sandboxes, containers) = (kubelet.sandboxes().len(), kubelet.containers().len());
            assert_eq!((sandboxes, containers), (SANDBOXES, SANDBOXES), "sandboxes and containers");
            assert!(!kubelet.images().is_empty(), "no images");
            for id in some.by_ref().take(STATUSES) {
                let request = Id { id: id.clone() };
                let call = kubelet.begin::<Empty>("Runtime", "PodSandboxStatus", &request, None);
                let _ = call.wait().expect_ok();
            }
            let due = EVERY * u32::try_from(time).expect("a few times");
            sleep(due.saturating_sub(began.elapsed()));
        }
    }
}

/// A pod as a kubelet describes it (pkg/kubelet/kuberuntime/labels.go).
fn kubelets_pod(number: usize) -> PodSandboxConfig {
    let mut pod = pod(&format!("application-7d9c6b5f4d-{number:05}"));
    let labels = [
        ("app.kubernetes.io/name", "application".to_owned()),
        ("app.kubernetes.io/instance", "production".to_owned()),
        ("pod-template-hash", "7d9c6b5f4d".to_owned()),
        ("io.kubernetes.pod.name", format!("application-7d9c6b5f4d-{number:05}")),
        ("io.kubernetes.pod.namespace", "tests".to_owned()),
        ("io.kubernetes.pod.uid", format!("4b1f7a52-0f5d-4c39-9a0e-{number:012}")),
    ];
    pod.labels.extend(labels.map(|(name, value)| (name.to_owned(), value)));
    pod
}
