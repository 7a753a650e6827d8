//! The `process_*` metrics that every exporter has of itself.
//!
//! Our own, because the Prometheus crate's collector counts CPU time in whole seconds: an idle pullscope would show none
//! for a quarter of an hour.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge, Result};

/// Reads `/proc/self` whenever it is asked.
pub struct Exporter {
    cpu_seconds: Counter,
    open_fds: IntGauge,
    max_fds: IntGauge,
    virtual_memory: IntGauge,
    resident_memory: IntGauge,
    threads: IntGauge,
    start_time: prometheus::Gauge,
}

impl Exporter {
    /// Collects for this process.
    pub fn new() -> Result<Self> {
        let gauge = |name, help| IntGauge::new(name, help);
        Ok(Self {
            cpu_seconds: Counter::new(
                "process_cpu_seconds_total",
                "User and system CPU time that pullscope used, in seconds.",
            )?,
            open_fds: gauge("process_open_fds", "File descriptors that pullscope has open.")?,
            max_fds: gauge("process_max_fds", "File descriptors that pullscope may have open.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Virtual memory of pullscope in bytes.")?,
            resident_memory: gauge(
                "process_resident_memory_bytes",
                "Resident memory of pullscope in bytes.",
            )?,
            threads: gauge("process_threads", "Threads of pullscope.")?,
            start_time: prometheus::Gauge::new(
                "process_start_time_seconds",
                "When pullscope was started, in seconds since the Unix epoch.",
            )?,
        })
    }

    fn parts(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu_seconds,
            &self.open_fds,
            &self.max_fds,
            &self.virtual_memory,
            &self.resident_memory,
            &self.threads,
            &self.start_time,
        ]
    }

    #[allow(clippy::cast_precision_loss)] // Clock ticks and epoch seconds stay far below 2^53.
    fn read(&self) -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let per_second = procfs::ticks_per_second() as f64;
        let used = (stat.utime + stat.stime) as f64 / per_second;
        self.cpu_seconds.inc_by((used - self.cpu_seconds.get()).max(0.0));
        self.virtual_memory.set(gauge_value(stat.vsize));
        self.resident_memory.set(gauge_value(stat.rss_bytes().get()));
        self.threads.set(stat.num_threads);
        self.start_time.set(procfs::boot_time_secs()? as f64 + stat.starttime as f64 / per_second);
        self.open_fds.set(gauge_value(process.fd_count()? as u64));
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            self.max_fds.set(gauge_value(most));
        }
        Ok(())
    }
}

fn gauge_value(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Collector for Exporter {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Where /proc cannot be read, no value is better than a wrong one.
        match self.read() {
            Ok(()) => self.parts().into_iter().flat_map(Collector::collect).collect(),
            Err(_) => Vec::new(),
        }
    }
}
