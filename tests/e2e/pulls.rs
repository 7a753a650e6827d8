//! What pullscope must say of pulls: one observation each, with all of its labels, and the same in the log of pulls.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pullscope_tests::collector::Collector;
use pullscope_tests::endpoint::{Endpoint, get};
use pullscope_tests::process::PATIENCE;
use pullscope_tests::scrape::Scrape;
use serde_json::Value;

pub const COUNT: &str = "pullscope_image_pull_duration_seconds_count";
const IN_FLIGHT: &str = "pullscope_image_pulls_in_flight";
const ERRORS: &str = "pullscope_image_pull_errors_total";
const BYTES: &str = "pullscope_image_pull_bytes_total";

/// The labels of an observation.
const LABELS: [&str; 7] = ["runtime", "isolation", "registry", "status", "on_disk", "has_creds", "trigger"];

/// How long something that is too much would have time to show up.
const A_WHILE: Duration = Duration::from_millis(300);

/// The pulls that the log of pulls holds, newest first.
#[track_caller]
pub fn pulls(collector: &Endpoint) -> Vec<Value> {
    let (code, text) = get(collector.address(), "/api/v1/pulls").expect("GET /api/v1/pulls");
    assert_eq!(code, 200, "{text}");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["pulls"].as_array().expect("a list of pulls").clone()
}

/// The metrics once `count` pulls have ended and none goes on, and anything too much has had the time to be counted.
#[track_caller]
pub fn ended(collector: &Endpoint, count: u64) -> Scrape {
    let over = |scrape: &Scrape| scrape.count(COUNT, &[]) >= count && scrape.count(IN_FLIGHT, &[]) == 0;
    let _ = collector.until(over);
    sleep(A_WHILE);
    let scrape = collector.scrape();
    let shown = || format!("{scrape}\n{:#}", Value::from(pulls(collector)));
    assert_eq!(scrape.count(COUNT, &[]), count, "pulls that have ended:\n{}", shown());
    assert_eq!(scrape.count(IN_FLIGHT, &[]), 0, "pulls that go on:\n{}", shown());
    scrape
}

/// Waits until `count` pulls go on.
#[track_caller]
pub fn in_flight(collector: &Endpoint, count: u64) -> Scrape {
    let scrape = collector.until(|scrape| scrape.count(IN_FLIGHT, &[]) == count);
    assert_eq!(scrape.count(IN_FLIGHT, &[]), count, "pulls that go on:\n{scrape}");
    scrape
}

/// One pull that has ended, as the log of pulls has it and as it was observed: see [`Watch`].
pub struct Pulled {
    /// The labels of its observation.
    labels: BTreeMap<&'static str, String>,
    /// The log's entry.
    pub entry: Value,
}

impl fmt::Display for Pulled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.entry)
    }
}

impl Pulled {
    #[track_caller]
    fn new(entry: Value) -> Self {
        assert_eq!(entry["state"], "ended", "{entry:#}");
        let label = |name| match &entry[name] {
            Value::String(text) => text.clone(),
            Value::Bool(known) => known.to_string(),
            Value::Null => "unknown".to_owned(),
            other => panic!("{name} is {other} in {entry:#}"),
        };
        Self { labels: LABELS.map(|name| (name, label(name))).into(), entry }
    }

    fn values(&self) -> [String; 7] {
        LABELS.map(|name| self.labels[name].clone())
    }

    /// It has these labels, among others. The image counts as one (`image`), and so does how it was seen (`source`).
    #[track_caller]
    pub fn is(&self, expected: &[(&str, &str)]) -> &Self {
        for (name, value) in expected {
            let is = self.labels.get(name).map(String::as_str).or_else(|| self.entry[*name].as_str());
            assert_eq!(is, Some(*value), "{name} of {self}");
        }
        self
    }

    /// It failed, for one of these reasons.
    #[track_caller]
    pub fn failed(&self, reasons: &[&str]) -> &Self {
        let reason = self.is(&[("status", "error")]).entry["reason"].as_str();
        assert!(reason.is_some_and(|reason| reasons.contains(&reason)), "not for one of {reasons:?}: {self}");
        self
    }

    /// How long it took.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.entry["duration_seconds"].as_f64().expect("a duration"))
    }

    /// Body bytes from the registry.
    pub fn bytes(&self) -> u64 {
        self.entry["bytes"].as_u64().expect("a number of bytes")
    }
}

/// Pulls as they end.
pub struct Watch {
    pub collector: Collector,
    before: Scrape,
}

impl Watch {
    /// From now on.
    #[track_caller]
    pub fn new(collector: Collector) -> Self {
        let before = collector.scrape();
        Self { collector, before }
    }

    /// The pulls that have ended since the last time, in the order in which they began. There must be exactly `count`, none may
    /// go on, and the metrics must say of them what the log says.
    #[track_caller]
    pub fn some(&mut self, count: usize) -> Vec<Pulled> {
        let known = usize::try_from(self.before.count(COUNT, &[])).expect("a small number");
        let now = ended(&self.collector, (known + count) as u64);
        let since = now.since(&self.before);
        let mut entries = pulls(&self.collector);
        assert_eq!(entries.len(), known + count, "the log of pulls: {entries:#?}");
        entries.sort_by_key(|entry| entry["id"].as_u64());
        let pulled: Vec<_> = entries.split_off(known).into_iter().map(Pulled::new).collect();

        let (mut observed, mut failed, mut bytes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for one in &pulled {
            *observed.entry(one.values()).or_default() += 1;
            let client = || [one.labels["runtime"].clone(), one.labels["registry"].clone()];
            if let Some(reason) = one.entry["reason"].as_str() {
                let [runtime, registry] = client();
                *failed.entry([runtime, registry, reason.to_owned()]).or_default() += 1;
            }
            if one.bytes() > 0 {
                *bytes.entry(client()).or_default() += one.bytes();
            }
        }
        let shown = || format!("of {:#}\n{since}", Value::from(pulls(&self.collector)));
        assert_eq!(since.group(COUNT, &[], LABELS), observed, "observations {}", shown());
        let reasons = since.group(ERRORS, &[], ["runtime", "registry", "reason"]);
        assert_eq!(reasons, failed, "failures {}", shown());
        assert_eq!(since.group(BYTES, &[], ["runtime", "registry"]), bytes, "bytes {}", shown());
        self.before = now;
        pulled
    }

    /// The one pull that has ended since the last time.
    #[track_caller]
    pub fn one(&mut self) -> Pulled {
        self.some(1).pop().expect("one")
    }

    /// Nothing has been pulled since the last time, though something has been done.
    #[track_caller]
    pub fn none(&mut self) {
        let _ = self.collector.settled();
        assert!(self.some(0).is_empty());
    }
}

/// How close a duration is to the client's wall time: what it is off by, as a share of the bound (5 % or 20 ms, whichever is
/// more). 1 and less is good.
pub fn off(wall: Duration, duration: Duration) -> f64 {
    let bound = (wall.as_secs_f64() * 0.05).max(0.02);
    (wall.as_secs_f64() - duration.as_secs_f64()).abs() / bound
}

/// Holds durations against the clients' wall times: of the pulls that `pull` makes the median is within the bound. Machines of
/// tests are busy, so it may try again a few times.
#[track_caller]
pub fn durations_agree(mut pull: impl FnMut() -> (Duration, Duration)) {
    const PULLS: usize = 3;
    const TRIES: usize = 4;
    let mut tried = Vec::new();
    for _ in 0..TRIES {
        let mut pulls: Vec<_> = (0..PULLS).map(|_| pull()).collect();
        pulls.sort_by(|one, other| off(one.0, one.1).total_cmp(&off(other.0, other.1)));
        let (wall, duration) = pulls[PULLS / 2];
        if off(wall, duration) <= 1.0 {
            return;
        }
        tried.push(pulls);
    }
    panic!("wall times of clients, and durations: {tried:?}");
}

/// Waits until `enough`.
#[track_caller]
pub fn wait_until(what: &str, mut enough: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !enough() {
        assert!(Instant::now() < deadline, "no sign of {what}");
        sleep(Duration::from_millis(10));
    }
}
