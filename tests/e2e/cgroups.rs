//! In a cgroup namespace of its own, as a container has one: the programs that see `connect` are attached where the root of the
//! hierarchy is mounted and nowhere else, and `pullscope check` says which it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pullscope_tests::collector::{Collector, binary};
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::{poll, run};
use pullscope_tests::turn::{Alone, alone};
use serde_json::Value;

/// Puts the process into the cgroup, then into namespaces of its own, and goes on with the rest of its arguments there.
const ENTER: &str =
    r#"echo $$ > "$0/cgroup.procs" && exec unshare --cgroup --mount --propagation private -- "$@""#;

/// Puts in the place of the machine's hierarchy what a container sees of it as a rule: the own cgroup.
const OWN: &str =
    r#"umount --recursive --lazy /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && exec "$0" "$@""#;

/// A cgroup below the root; gone when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    #[track_caller]
    fn new() -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("the mounts");
        let mut places = mounts.lines().filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let place = fields.next()?;
            (fields.next()? == "cgroup2").then_some(place)
        });
        let place = Path::new(places.next().expect("a cgroup2 hierarchy"));
        let own = place.join(format!("pullscope-test-{}", std::process::id()));
        fs::create_dir(&own).expect("make a cgroup");
        Self(own)
    }

    fn command(&self, inside: &[&str]) -> Command {
        let mut command = Place::machine().command("/bin/sh");
        command.args(["-c", ENTER]).arg(&self.0).args(inside).arg(binary());
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The processes in it have ended, and are let go of a moment later.
        if poll(std::time::Duration::from_secs(5), || fs::remove_dir(&self.0).ok()).is_none() {
            eprintln!("{} stays", self.0.display());
        }
    }
}

/// What `pullscope check` says there, and whether `pullscope run` attaches the programs.
fn seen(alone: &Alone, cgroup: &Cgroup, inside: &[&str]) -> (Value, Vec<u64>) {
    let mut check = cgroup.command(inside);
    check.args(["check", "--output=json", "--web.listen-address=127.0.0.1:0"]);
    let report: Value = serde_json::from_str(&run(check).stdout).expect("JSON");
    let findings = report["checks"].as_array().expect("a list of checks");
    let finding = findings.iter().find(|finding| finding["name"] == "cgroup2").expect("the finding").clone();

    let address = free_address();
    let mut command = cgroup.command(inside);
    command.arg("run").arg(format!("--web.listen-address={address}"));
    let collector = Collector::start_by(alone, command, address);
    let scrape = collector.scrape();
    let attached = ["connect_v4", "connect_v6", "process_exec"];
    let attached = attached.map(|probe| scrape.count("pullscope_probe_attached", &[("probe", probe)]));
    collector.stop();
    (finding, attached.to_vec())
}

#[test]
fn the_own_cgroup_is_not_the_root() {
    let alone = alone();
    let cgroup = Cgroup::new();
    let (finding, attached) = seen(&alone, &cgroup, &["/bin/sh", "-c", OWN]);
    assert_eq!(finding["status"], "warn", "{finding}");
    let reason = finding["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("/sys/fs/cgroup shows a container's own cgroup"), "{finding}");
    assert_eq!(finding["mend"], "Mount the host's /sys/fs/cgroup.", "{finding}");
    assert_eq!(attached, [0, 0, 1]);
}

#[test]
fn the_machine_s_hierarchy_is_found_from_inside() {
    let alone = alone();
    let cgroup = Cgroup::new();
    let (finding, attached) = seen(&alone, &cgroup, &[]);
    assert_eq!(finding["status"], "ok", "{finding}");
    assert_eq!(attached, [1, 1, 1]);
}
