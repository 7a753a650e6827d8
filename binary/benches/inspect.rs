//! What it costs to look at programs: `cargo bench -p binary -- FILE...`. Processor time, since the machine may do other things; the
//! median and the spread (quartiles) of the rounds. Without files, the large Go programs that Debian has.

use std::fs::{self, File};
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

const ROUNDS: usize = 11;
/// Looks at a program per round: the kernel tells processor times by its tick, a few milliseconds.
const LOOKS: u32 = 10;
const KNOWN: [&str; 6] = [
    "/usr/sbin/dockerd",
    "/usr/bin/containerd",
    "/usr/bin/podman",
    "/usr/bin/ctr",
    "/usr/bin/docker-registry",
    "/usr/bin/skopeo",
];

fn main() {
    let named: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let files = if named.is_empty() { KNOWN.map(str::to_owned).to_vec() } else { named };
    println!(
        "{:40} {:>8} {:>10} {:>10} {:>10}",
        "milliseconds of processor", "MiB", "median", "25 %", "75 %"
    );
    for path in files.iter().filter(|path| Path::new(path).exists()) {
        let file = File::open(path).expect("open the program");
        let mut times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let start = spent();
                for _ in 0..LOOKS {
                    drop(black_box(binary::inspect(black_box(&file))));
                }
                spent().saturating_sub(start) / LOOKS
            })
            .collect();
        times.sort_unstable();
        let [median, low, high] =
            [ROUNDS / 2, ROUNDS / 4, ROUNDS * 3 / 4].map(|index| times[index].as_secs_f64() * 1e3);
        let size = file.metadata().expect("the size of the program").len() >> 20;
        println!("{path:40} {size:>8} {median:>10.2} {low:>10.2} {high:>10.2}");
    }
}

/// Processor time of this thread so far (Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`).
fn spent() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel tells processor times");
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number of nanoseconds"))
}
