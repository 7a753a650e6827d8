//! The machine on which the figures were taken, and what else it was doing.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::thread::available_parallelism;

use serde_json::{Value, json};

use crate::programs;

/// What to know about a machine before its figures are compared with another's.
pub struct Machine {
    kernel: String,
    processor: String,
    cpus: usize,
    load: String,
    /// Tracing programs of others that are loaded: they cost too, in both states that are compared.
    others: BTreeSet<u32>,
}

impl Machine {
    /// This one, before pullscope runs.
    pub fn here() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: model.map_or("unknown", |(_, name)| name).to_owned(),
            cpus: available_parallelism().map_or(0, usize::from),
            load: load(),
            others: programs::tracing(),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "kernel": self.kernel,
            "processor": self.processor,
            "cpus": self.cpus,
            "load_before": self.load,
            "load_after": load(),
            "other_tracing_programs": self.others.len(),
        })
    }
}

/// The load averages of the last 1, 5 and 15 minutes.
fn load() -> String {
    let all = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    all.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, processor, cpus, load: before, others } = self;
        write!(f, "Linux {kernel}, {cpus} CPUs ({processor}), load {before} before and {} after", load())?;
        write!(f, ", {} tracing programs of others loaded", others.len())
    }
}
