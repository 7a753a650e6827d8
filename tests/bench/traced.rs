//! A probe of the kernel's own tracing in a function of a program, to compare with: it only counts its hits.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use pullscope_tests::process::run;
use tempfile::TempDir;

const EVENT: &str = "pullscope_bench/probe";
/// Where a Go program that is not position-independent begins in memory (`-T` of Go's linker on amd64).
const BASE: u64 = 0x40_0000;

/// The probe; gone when dropped.
pub struct Traced {
    /// The kernel's tracing (tracefs, Documentation/trace/uprobetracer.rst), mounted here.
    tracing: TempDir,
}

impl Traced {
    /// A probe at the entry of `function`; `None` where the kernel has no such tracing.
    ///
    /// # Panics
    /// When the program has no such symbol.
    #[track_caller]
    pub fn function(program: &Path, function: &str) -> Option<Self> {
        let tracing = tempfile::tempdir().expect("a directory for tracefs");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tracefs", "tracefs"]).arg(tracing.path());
        if !run(mount).ok() {
            return None;
        }
        let traced = Self { tracing };
        let mut nm = Command::new("nm");
        nm.arg(program);
        let symbols = run(nm).expect_ok().stdout;
        let line = symbols.lines().find(|line| line.ends_with(&format!(" T {function}")));
        let address = line.and_then(|line| line.split(' ').next()).expect("the symbol");
        let address = u64::from_str_radix(address, 16).expect("an address");
        traced.tell("uprobe_events", &format!("p:{EVENT} {}:{:#x}", program.display(), address - BASE));
        traced.tell(&format!("events/{EVENT}/enable"), "1");
        Some(traced)
    }

    /// How often it was hit.
    #[track_caller]
    pub fn hits(&self) -> u64 {
        let profile = fs::read_to_string(self.tracing.path().join("uprobe_profile")).expect("uprobe_profile");
        let line = profile.lines().find(|line| line.split_whitespace().any(|word| word == "probe"));
        let hits = line.and_then(|line| line.split_whitespace().last()).expect("the line of the probe");
        hits.parse().expect("a number of hits")
    }

    #[track_caller]
    fn tell(&self, file: &str, what: &str) {
        let path = self.tracing.path().join(file);
        let mut file = OpenOptions::new().append(true).open(&path).expect("open a file of tracefs");
        file.write_all(what.as_bytes()).expect("tell the kernel's tracing");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.tell(&format!("events/{EVENT}/enable"), "0");
        self.tell("uprobe_events", &format!("-:{EVENT}"));
        let mut unmount = Command::new("umount");
        unmount.arg(self.tracing.path());
        let _ = run(unmount).expect_ok();
    }
}
