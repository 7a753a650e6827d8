//! What the kernel says is attached: the oracle for a clean end. Nothing here asks pullscope.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::place::Place;
use crate::process::{poll, run};

/// Programs and links that the kernel holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    programs: BTreeSet<u64>,
    links: BTreeSet<u64>,
}

impl Attached {
    /// What is there now.
    #[track_caller]
    pub fn now() -> Self {
        Self { programs: ids("prog"), links: ids("link") }
    }

    /// How many programs and links there are that `before` has not.
    pub fn more_than(&self, before: &Self) -> (usize, usize) {
        let more = |now: &BTreeSet<u64>, before| now.difference(before).count();
        (more(&self.programs, &before.programs), more(&self.links, &before.links))
    }

    /// Waits until nothing is left that was not there before. The kernel lets go of a program a moment after its last
    /// user.
    ///
    /// # Panics
    /// When something stays.
    #[track_caller]
    pub fn nothing_left(&self) {
        let more = || Self::now().more_than(self);
        let gone = poll(Duration::from_secs(10), || (more() == (0, 0)).then_some(()));
        assert!(gone.is_some(), "left behind, programs and links: {:?}", more());
    }
}

#[track_caller]
fn ids(of: &str) -> BTreeSet<u64> {
    let mut command = Place::machine().command("bpftool");
    command.args(["--json", of, "show"]);
    let shown: Value = serde_json::from_str(&run(command).expect_ok().stdout).expect("JSON of bpftool");
    shown.as_array().expect("a list").iter().filter_map(|one| one["id"].as_u64()).collect()
}

/// Whether a process has passed a probe of any program file: the kernel has then mapped a page for it, `[uprobes]`
/// (kernel/events/uprobes.c, `xol_add_vma`), which stays until the process ends.
#[track_caller]
pub fn has_passed_probes(pid: u32) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the memory map of a process");
    maps.contains("[uprobes")
}
