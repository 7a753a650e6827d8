//! What a process pays that is not watched: short loops in this very process, with pullscope running and stopped by turns.
//!
//! A loop runs in slices far shorter than the scheduler's, and a state is worth the first quartile of its slices: those
//! that something else fell into do not count. Rounds in which another tracing program came or went are left out.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::observer::{Observer, Strategy};
use crate::programs::{Counting, Runs, total, tracing};
use crate::report::{Report, Unit};
use crate::spread::Spread;

const ROUNDS: usize = 40;
const SLICES: usize = 200;
const COUNTED: usize = 20;
/// Calls in a slice: a tenth to a third of a millisecond.
const CALLS: [(&str, u32, f64); 3] =
    [("getppid", 1000, 1.02), ("read of /dev/zero", 1000, 1.02), ("unix socket write + read", 200, 1.10)];

pub fn figures(report: &mut Report) {
    let mut loops = Loops::new();
    for strategy in [Strategy::Sock, Strategy::Syscall] {
        ratios(report, &mut loops, strategy);
        runs(report, &mut loops, strategy);
    }
}

/// With pullscope to without, from rounds of both.
fn ratios(report: &mut Report, loops: &mut Loops, strategy: Strategy) {
    let mut ratios = [const { Vec::new() }; CALLS.len()];
    let mut added = [const { Vec::new() }; CALLS.len()];
    let mut spoilt = 0;
    // The first round warms up.
    for round in 0..=ROUNDS {
        let others = tracing();
        let without = loops.slices();
        let observer = Observer::start(strategy).settled();
        let with = loops.slices();
        observer.stop();
        let again = loops.slices();
        if tracing() != others {
            spoilt += 1;
        } else if round > 0 {
            for index in 0..CALLS.len() {
                let without = f64::midpoint(without[index], again[index]);
                ratios[index].push(with[index] / without);
                added[index].push(with[index] - without);
            }
        }
    }
    if spoilt > 0 {
        report.note(format!(
            "{spoilt} of {ROUNDS} rounds with strategy {} were left out: other programs came or went",
            strategy.name()
        ));
    }
    for (index, (what, _, bar)) in CALLS.into_iter().enumerate() {
        if ratios[index].is_empty() {
            continue;
        }
        let name = format!("unwatched, {}: {what}", strategy.name());
        match strategy {
            Strategy::Sock => report.bar(&name, Unit::Ratio, &ratios[index], bar),
            Strategy::Syscall => report.tell(&name, Unit::Ratio, &ratios[index]),
        }
        report.tell(format!("{name}, added"), Unit::Nanoseconds, &added[index]);
    }
}

/// What depends little on how busy the machine is: how many programs run in a call, and how long each takes by the
/// kernel's own count. That count has the two times in it that the kernel takes for it.
fn runs(report: &mut Report, loops: &mut Loops, strategy: Strategy) {
    let observer = Observer::start(strategy).settled();
    let programs = observer.programs();
    let _counting = Counting::start();
    let mut times = Vec::new();
    for (index, (what, calls, _)) in CALLS.into_iter().enumerate() {
        // Many calls, since reading the numbers makes some too.
        let calls = calls * 50;
        let mut counts = Vec::new();
        for _ in 0..COUNTED {
            let ((), runs) = programs.during(|| loops.run(index, calls));
            let Runs { count, nanoseconds } = total(&runs);
            counts.push(count as f64 / f64::from(calls));
            if count >= calls.into() {
                times.push(nanoseconds as f64 / count as f64);
            }
        }
        let name = format!("unwatched, {}: {what}, program runs a call", strategy.name());
        report.tell(name, Unit::Count, &counts);
    }
    let name = format!("unwatched, {}: time of a program run, counting included", strategy.name());
    report.tell(name, Unit::Nanoseconds, &times);
    observer.stop();
}

/// What the loops work on.
struct Loops {
    zero: File,
    near: UnixStream,
    far: UnixStream,
}

impl Loops {
    #[track_caller]
    fn new() -> Self {
        let (near, far) = UnixStream::pair().expect("a pair of sockets");
        Self { zero: File::open("/dev/zero").expect("open /dev/zero"), near, far }
    }

    /// Runs one loop.
    fn run(&mut self, index: usize, calls: u32) {
        let mut byte = [0];
        for _ in 0..calls {
            match index {
                0 => {
                    black_box(parent_id());
                }
                1 => self.zero.read_exact(&mut byte).expect("read /dev/zero"),
                _ => {
                    self.near.write_all(&byte).expect("write to a socket");
                    self.far.read_exact(&mut byte).expect("read from a socket");
                }
            }
        }
    }

    /// Nanoseconds a call of each loop.
    fn slices(&mut self) -> [f64; CALLS.len()] {
        // Only here: pullscope must not inherit it.
        let _pinned = Pinned::to_one_cpu();
        let mut slices = [const { Vec::new() }; CALLS.len()];
        // The loops by turns, so that a slow moment hits them alike.
        for _ in 0..SLICES {
            for (index, (_, calls, _)) in CALLS.into_iter().enumerate() {
                let start = Instant::now();
                self.run(index, calls);
                slices[index].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
            }
        }
        slices.map(|slices| Spread::of(&slices).first_quartile)
    }
}

/// This thread stays on one CPU; when dropped, it may go again where it might before.
struct Pinned(CpuSet);

impl Pinned {
    /// The last of the CPUs that it may use: the first ones get the interrupts.
    #[track_caller]
    fn to_one_cpu() -> Self {
        let this = Pid::from_raw(0);
        let before = sched_getaffinity(this).expect("the CPUs of this thread");
        let is_allowed = |cpu: &usize| before.is_set(*cpu).unwrap_or(false);
        let last = (0..CpuSet::count()).rev().find(is_allowed).expect("a CPU");
        let mut one = CpuSet::new();
        one.set(last).expect("a CPU of this machine");
        sched_setaffinity(this, &one).expect("stay on one CPU");
        Self(before)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The CPUs were allowed before, so they are still.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}
