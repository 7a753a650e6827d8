//! What pullscope takes of a CPU while nothing goes on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::observer::{Observer, Strategy};
use crate::programs::Ring;
use crate::report::{Report, Unit};

/// Twice as long as the longest time between two things that pullscope does by the clock, once per observer.
const WINDOW: Duration = Duration::from_secs(20);

pub fn figures(report: &mut Report) {
    let observer = Observer::start(Strategy::Sock);
    // The start-up, and what the measurements before have left to clear away.
    sleep(Duration::from_secs(3));
    let ring = Ring::of(observer.pid());
    let (start, cpu, produced) = (Instant::now(), observer.cpu(), ring.produced());
    sleep(WINDOW);
    let (cpu, produced, wall) = (observer.cpu() - cpu, ring.produced() - produced, start.elapsed());
    report.bar("idle for 20 s: of one CPU", Unit::Percent, &[cpu / wall.as_secs_f64() * 100.0], 0.1);
    if produced > 0 {
        report.note(format!(
            "not idle: others made traffic of {produced} bytes through the ring buffer meanwhile"
        ));
    }
    observer.stop();
}
