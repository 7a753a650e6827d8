//! A machine of temporary files, with a /proc of its own, and probes that only count.
//!
//! What a file offers is its first word: `go`, `partly` (a Go program of which some functions are refused), `openssl`, `none`, `refused`, `script`, or `growing`, which is written to
//! whenever it is looked at.

mod libraries;
mod lifetime;
mod start;

use std::fs;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use binary::{GoProgram, OpenSsl, Point, Version};
use collector_common::go::Layout;
use tempfile::TempDir;
use zerocopy::FromZeros;

use super::*;

const HOST: &str = "mnt:[1]";
const CONTAINER: &str = "mnt:[2]";
const OWN: &str = "mnt:[3]";
const BOTH: Wanted = Wanted { go: true, openssl: true };

/// Probes that count how many of them are in place.
#[derive(Default)]
struct Probes {
    attached: Arc<AtomicUsize>,
    fail: bool,
}

struct Attached(Arc<AtomicUsize>);

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Attach for Probes {
    type Attached = Attached;

    fn attach(&mut self, _: &File, _: &Program) -> anyhow::Result<Attached> {
        anyhow::ensure!(!self.fail, "the kernel says no");
        self.attached.fetch_add(1, Ordering::Relaxed);
        Ok(Attached(Arc::clone(&self.attached)))
    }
}

struct Machine {
    binaries: Binaries<Attached>,
    probes: Probes,
    looked_at: Arc<AtomicUsize>,
    root: TempDir,
}

fn machine() -> Machine {
    machine_with(BOTH, 100)
}

fn machine_with(wanted: Wanted, limit: usize) -> Machine {
    let root = tempfile::tempdir().unwrap();
    let looked_at = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&looked_at);
    let inspect = move |file: &File| {
        count.fetch_add(1, Ordering::Relaxed);
        inspect(file)
    };
    let binaries = Binaries::new(Places::below(root.path()), wanted, limit, inspect).unwrap();
    let machine = Machine { binaries, probes: Probes::default(), looked_at, root };
    machine.process(1, HOST, "sbin/init");
    machine.link("proc/self/ns/mnt", OWN);
    machine
}

fn inspect(file: &File) -> Result<Program, Refusal> {
    let text = io::read_to_string(file).unwrap();
    (&*file).rewind().unwrap();
    match text.split_whitespace().next().unwrap_or_default() {
        "go" => Ok(Program::Go(GoProgram {
            version: Version { major: 1, minor: 21, patch: 13 },
            layout: Layout::new_zeroed(),
            probes: vec![(Point::H1Request, 16)],
            refused: Vec::new(),
        })),
        "partly" => Ok(Program::Go(GoProgram {
            version: Version { major: 1, minor: 21, patch: 13 },
            layout: Layout::new_zeroed(),
            probes: vec![(Point::H1Request, 16)],
            refused: vec![(Point::H2Request, Refusal::Module), (Point::H2Response, Refusal::Module)],
        })),
        "openssl" => Ok(Program::OpenSsl(OpenSsl { probes: vec![(Point::SslRead, 16)] })),
        "none" => Ok(Program::None),
        "script" => Err(Refusal::NotElf),
        "growing" => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b" more").unwrap();
            Ok(Program::None)
        }
        _ => Err(Refusal::NoFunctions),
    }
}

impl Machine {
    fn path(&self, path: &str) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    /// A new file; one that was there is put aside, not overwritten.
    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.path(path);
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
    }

    /// A process that runs a file.
    fn process(&self, pid: Pid, namespace: &str, program: &str) {
        self.link(&format!("proc/{pid}/ns/mnt"), namespace);
        self.link(&format!("proc/{pid}/exe"), self.root.path().join(program).to_str().unwrap());
    }

    fn find(&mut self, names: &[&str]) {
        self.binaries.find(names.iter().copied(), &mut self.probes);
    }

    fn begins(&mut self, pid: Pid, namespace: &str, program: &str) {
        self.process(pid, namespace, program);
        self.binaries.began(pid, &mut self.probes);
    }

    fn ends(&mut self, pid: Pid) {
        self.binaries.ended(pid);
        self.binaries.settle(&mut self.probes);
    }

    fn greets(&mut self, pid: Pid) {
        self.binaries.greeted(pid, &mut self.probes);
    }

    /// Lets the inspector do all that it has to, and writes be noticed.
    fn settle(&mut self) {
        self.binaries.settle(&mut self.probes);
        while self.binaries.table.iter().any(|(_, entry)| entry.state.is_waiting()) {
            std::thread::yield_now();
            self.binaries.settle(&mut self.probes);
        }
    }

    /// Probed files, as the table and as the probes themselves say.
    #[track_caller]
    fn probed(&self) -> Counts {
        let counts = self.binaries.counts();
        assert_eq!(self.probes.attached.load(Ordering::Relaxed), (counts.go + counts.openssl) as usize);
        counts
    }

    fn looked_at(&self) -> usize {
        self.looked_at.load(Ordering::Relaxed)
    }

    /// Processes that have become readable, each with whether it was late.
    fn readable(&mut self) -> Vec<(Pid, bool)> {
        let mut readable: Vec<_> =
            self.binaries.readable().into_iter().map(|Readable { pid, late }| (pid, late)).collect();
        readable.sort_unstable();
        readable
    }
}

const fn go(files: u32) -> Counts {
    Counts { go: files, openssl: 0 }
}

const fn openssl(files: u32) -> Counts {
    Counts { go: 0, openssl: files }
}
