//! Hundreds of pulls by everything that pulls, eight at a time, some given up or killed: the counts are exact, nothing stays.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::thread;

use pullscope_tests::clients::{Client as Program, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{self, Pull, code};
use pullscope_tests::faulty;
use pullscope_tests::http::Service;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::turn::alone;

use crate::pulls::{COUNT, ended, wait_until};

const PULLS: usize = 300;
const IMAGES: usize = 5;
/// Every so many-th is killed, once the layer is asked for.
const KILLED: usize = 10;
/// Every so many-th of the others asks for an image that is not there.
const MISSING: usize = 7;

/// Who pulls: one of these a worker.
const WORKERS: [Worker; 8] = [
    Worker::Cri,
    Worker::Cri,
    Worker::Program(Program::Skopeo),
    Worker::Program(Program::Skopeo),
    Worker::Program(Program::Podman),
    Worker::Program(Program::Buildah),
    Worker::Program(Program::Ctr),
    Worker::Program(Program::Docker),
];

#[derive(Clone, Copy)]
enum Worker {
    Cri,
    Program(Program),
}

impl Worker {
    fn runtime(self) -> &'static str {
        match self {
            Self::Cri => "containerd",
            Self::Program(program) => program.process(),
        }
    }

    /// What it is called when it is killed in the middle.
    fn end(self) -> &'static str {
        // Who serves others goes on: their client is gone.
        if matches!(self, Self::Cri | Self::Program(Program::Docker)) { "canceled" } else { "killed" }
    }
}

/// How many pulls ended how: by runtime, status and reason.
type Ends = BTreeMap<[String; 3], u64>;

struct Storm {
    /// Where the images are.
    good: String,
    /// A layer of this image does not come.
    stuck: Image,
    ends: Mutex<Ends>,
}

impl Storm {
    /// Makes the pulls of the worker in this place: each has as many.
    fn work(&self, at: usize, client: &cri::Client) {
        let worker = WORKERS[at];
        let (server, digest) = (faulty::stalling(&self.stuck), &self.stuck.layers[0].digest);
        let asked =
            |server: &Service| server.log().0.iter().filter(|entry| entry.path.ends_with(digest)).count();
        let puller = match worker {
            Worker::Cri => None,
            Worker::Program(program) => Some(Puller::plain(program)),
        };
        // buildah asks for nothing that it has.
        let (keeps, mut has) = (matches!(worker, Worker::Program(Program::Buildah)), HashSet::new());
        for (round, number) in (at..PULLS).step_by(WORKERS.len()).enumerate() {
            // Not in the same rounds for all.
            if (round + at).is_multiple_of(KILLED) {
                let (reference, before) = (format!("{}/a/b:c", server.address()), asked(&server));
                let stuck = || asked(&server) > before;
                if let Some(puller) = &puller {
                    let running = puller.begin(&reference);
                    wait_until("a request for the layer", stuck);
                    assert_eq!(running.kill().signal, Some(9));
                } else {
                    let call = client.begin_pull(&Pull { image: &reference, ..Pull::default() });
                    wait_until("a request for the layer", stuck);
                    client.cancel(&call);
                    let _ = call.wait().expect_code(code::CANCELED);
                }
                self.count(worker, "error", worker.end());
                continue;
            }
            let missing = number.is_multiple_of(MISSING);
            let tag = if missing { "none" } else { "v1" };
            let reference = format!("{}/team/app-{}:{tag}", self.good, number % IMAGES);
            let ok = match &puller {
                Some(puller) => puller.pull(&reference).ok(),
                None => client.pull(&Pull { image: &reference, ..Pull::default() }).code == code::OK,
            };
            assert_eq!(ok, !missing, "{reference} by {}", worker.runtime());
            if ok && keeps && !has.insert(number % IMAGES) {
                continue;
            }
            let (status, reason) = if ok { ("ok", "") } else { ("error", "not_found") };
            self.count(worker, status, reason);
        }
    }

    fn count(&self, worker: Worker, status: &str, reason: &str) {
        let key = [worker.runtime(), status, reason].map(str::to_owned);
        *self.ends.lock().expect("no panic elsewhere").entry(key).or_default() += 1;
    }
}

#[test]
fn every_pull_is_counted_once() {
    let alone = alone();
    let images: Vec<_> = (0..IMAGES as u64).map(|seed| Image::make(&[100_000, 3_000], 90 + seed)).collect();
    let named = images.iter().enumerate();
    let site = named.fold(Site::new(), |site, (number, image)| {
        site.static_image(image, &format!("team/app-{number}:v1"))
    });
    let storm =
        Storm { good: site.address().to_string(), stuck: Image::make(&[400_000], 8), ends: Mutex::default() };
    let _nginx = Nginx::start([site]);
    let node = Node::start(&Place::machine(), Settings::default());
    let client = cri::Client::start("kubelet", &node.socket());
    let collector = Collector::start(&alone);
    thread::scope(|scope| {
        for at in 0..WORKERS.len() {
            let (storm, client) = (&storm, &client);
            scope.spawn(move || storm.work(at, client));
        }
    });

    let expected = storm.ends.into_inner().expect("no panic elsewhere");
    let scrape = ended(&collector, expected.values().sum());
    let mut statuses = BTreeMap::new();
    for ([runtime, status, _], count) in &expected {
        *statuses.entry([runtime.clone(), status.clone()]).or_default() += count;
    }
    assert_eq!(scrape.group(COUNT, &[], ["runtime", "status"]), statuses, "{scrape}");
    let failed: Ends = expected.into_iter().filter(|([_, status, _], _)| status == "error").collect();
    let reasons: BTreeMap<_, _> =
        failed.into_iter().map(|([runtime, _, reason], count)| ([runtime, reason], count)).collect();
    let counted = scrape.group("pullscope_image_pull_errors_total", &[], ["runtime", "reason"]);
    assert_eq!(counted, reasons, "{scrape}");
    let zero = [
        "image_pulls_in_flight",
        "registry_requests_in_flight",
        "corrections_total",
        "kernel_events_lost_total",
    ];
    for name in zero {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
    client.stop();
    collector.stop();
}
