//! What pullscope costs: `cargo xtask bench`, as root. A report, not a test: a figure above its bar is told, not failed.
//!
//! Ratios come from one run in which both states take turns; medians stand with their quartiles. Where it can be counted
//! instead of timed, the kernel's own numbers are taken ([`programs`]). One file per figure:
//!
//! - [`unwatched`]: processes that are not watched;
//! - [`pull`]: a pull of 1 GiB;
//! - [`tls`]: a pull of 1 GiB over TLS, finding what to probe, and a probe on the path of the bytes beside it;
//! - [`cri`]: a node whose 200 sandboxes are listed every second;
//! - [`exchanges`]: 5,000 exchanges a second;
//! - [`redis`]: 20,000 Redis commands a second, and redis-benchmark watched and not watched;
//! - [`memory`]: resident memory with 1,000 open connections;
//! - [`idle`]: no traffic at all.
//!
//! What the decoders of user space cost per call: `cargo bench -p wire`.
#![expect(clippy::cast_precision_loss, reason = "a report needs no more than 52 bits")]

mod commands;
mod cri;
mod exchanges;
mod idle;
mod load;
mod machine;
mod memory;
mod observer;
mod programs;
mod pull;
mod redis;
mod report;
mod spread;
mod tls;
mod traced;
mod unwatched;

use std::env;
use std::fs;
use std::path::PathBuf;

use pullscope_tests::turn::alone;

use machine::Machine;
use report::Report;

type Figures = fn(&mut Report);

const ALL: [(&str, Figures); 8] = [
    ("unwatched", unwatched::figures),
    ("pull", pull::figures),
    ("tls", tls::figures),
    ("cri", cri::figures),
    ("exchanges", exchanges::figures),
    ("redis", redis::figures),
    ("memory", memory::figures),
    ("idle", idle::figures),
];

/// `[--json] [--output=FILE] [FIGURE ...]`; Cargo adds `--bench`.
fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, address] = arguments.as_slice()
        && flag == memory::CLIENT
    {
        return memory::hold_connections(address);
    }
    if let Some((flag, arguments)) = arguments.split_first()
        && flag == load::CLIENT
    {
        return load::client(arguments);
    }
    if let Some((flag, arguments)) = arguments.split_first()
        && flag == commands::CLIENT
    {
        return commands::client(arguments);
    }
    let output = arguments.iter().find_map(|it| it.strip_prefix("--output=").map(PathBuf::from));
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    for name in &wanted {
        let names = ALL.map(|(name, _)| name);
        assert!(names.contains(&name.as_str()), "no figure {name}: there are {}", names.join(", "));
    }
    // The tests make traffic that would be measured too.
    let _alone = alone();
    let mut report = Report::on(Machine::here());
    for (name, figures) in ALL {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            figures(&mut report);
        }
    }
    let json = format!("{:#}\n", report.json());
    if let Some(file) = output {
        fs::write(&file, &json).unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
    }
    if arguments.iter().any(|argument| argument == "--json") {
        print!("{json}");
    } else {
        println!("\n{report}");
    }
}
