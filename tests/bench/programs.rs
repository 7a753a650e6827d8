//! What the kernel itself says of the kernel programs: how often and how long they ran, and how far their ring buffer has
//! come. Taken from outside, so that the product needs nothing for it.
//!
//! `/proc/PID/fdinfo` names the programs and maps that a process holds (kernel/bpf/syscall.c: `bpf_prog_show_fdinfo`,
//! `bpf_map_show_fdinfo`), so another pullscope on the machine is told apart.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use aya::maps::MapInfo;
use aya::programs::loaded_programs;
use aya::sys::{Stats, enable_stats};
use memmap2::{Mmap, MmapOptions};

/// `BPF_MAP_TYPE_RINGBUF`, include/uapi/linux/bpf.h.
const RING_BUFFER: u64 = 27;

/// While this lives the kernel counts the runs of all programs and takes their times; then it stops, also when the
/// benchmark is killed: the kernel turns it off with the last descriptor (`BPF_ENABLE_STATS`, bpf(2)).
pub struct Counting(#[expect(dead_code, reason = "held for its drop")] OwnedFd);

impl Counting {
    #[track_caller]
    pub fn start() -> Self {
        Self(enable_stats(Stats::RunTime).expect("let the kernel count the runs of programs"))
    }
}

/// How often and how long a program has run since it was loaded, while counting.
#[derive(Clone, Copy, Default)]
pub struct Runs {
    pub count: u64,
    pub nanoseconds: u64,
}

/// The programs that one process has loaded.
pub struct Programs {
    /// By name, where the kernel shows the numbers.
    files: BTreeMap<String, PathBuf>,
    ids: BTreeSet<u32>,
}

impl Programs {
    #[track_caller]
    pub fn of(pid: u32) -> Self {
        let names: BTreeMap<_, _> = loaded_programs()
            .flatten()
            .filter_map(|it| Some((it.id(), it.name_as_str()?.to_owned())))
            .collect();
        let mut this = Self { files: BTreeMap::new(), ids: BTreeSet::new() };
        // A link names its program too; only the program itself has numbers.
        for (file, info) in fdinfo(pid).into_iter().filter(|(_, info)| info.contains_key("run_cnt")) {
            let id =
                info.get("prog_id").and_then(|id| u32::try_from(*id).ok()).expect("the number of a program");
            this.files.insert(names.get(&id).expect("the name of a program").clone(), file);
            this.ids.insert(id);
        }
        assert!(!this.ids.is_empty(), "process {pid} has no kernel programs");
        this
    }

    /// Whether one of them is still there. The kernel lets go of them some time after the process has ended.
    pub fn are_loaded(&self) -> bool {
        loaded_programs().flatten().any(|program| self.ids.contains(&program.id()))
    }

    /// What each has run so far.
    #[track_caller]
    pub fn runs(&self) -> BTreeMap<String, Runs> {
        let runs = |file| {
            let info = parse(&fs::read_to_string(file).expect("read the numbers of a kernel program"));
            let number = |name| info.get(name).copied().expect("a number of a kernel program");
            Runs { count: number("run_cnt"), nanoseconds: number("run_time_ns") }
        };
        self.files.iter().map(|(name, file)| (name.clone(), runs(file))).collect()
    }

    /// What each runs while `work` does.
    #[track_caller]
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (T, BTreeMap<String, Runs>) {
        let before = self.runs();
        let result = work();
        let mut runs = self.runs();
        for (name, runs) in &mut runs {
            runs.count -= before[name].count;
            runs.nanoseconds -= before[name].nanoseconds;
        }
        (result, runs)
    }
}

/// All of them together.
pub fn total(runs: &BTreeMap<String, Runs>) -> Runs {
    runs.values().fold(Runs::default(), |sum, runs| Runs {
        count: sum.count + runs.count,
        nanoseconds: sum.nanoseconds + runs.nanoseconds,
    })
}

/// The programs by what they took, the dearest first.
pub fn shown(runs: &BTreeMap<String, Runs>) -> String {
    let mut runs: Vec<_> = runs.iter().filter(|(_, runs)| runs.count > 0).collect();
    runs.sort_by_key(|(_, runs)| Reverse(runs.nanoseconds));
    let shown = runs.into_iter().map(|(name, Runs { count, nanoseconds })| {
        format!("{name} {count} runs of {} ns", nanoseconds / count)
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// The ring buffer of a process.
pub struct Ring(Mmap);

impl Ring {
    #[track_caller]
    pub fn of(pid: u32) -> Self {
        let mut rings = fdinfo(pid).into_values().filter(|info| info.get("map_type") == Some(&RING_BUFFER));
        let id = rings.next().and_then(|info| info.get("map_id").copied()).expect("a ring buffer");
        let map = MapInfo::from_id(u32::try_from(id).expect("the number of a map")).expect("a map");
        let map = map.fd().expect("a descriptor of a map");
        let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
        let page = page.and_then(|page| usize::try_from(page).ok()).expect("the size of a page");
        // SAFETY: the page is only read, atomically; it stays while the mapping does.
        let map = unsafe { MmapOptions::new().offset(page as u64).len(page).map(&map.as_fd()) };
        Self(map.expect("map the ring buffer"))
    }

    /// Bytes that have ever been reserved in it, headers and padding included: the first number of the second page
    /// (kernel/bpf/ringbuf.c: `struct bpf_ringbuf`, `producer_pos`).
    #[expect(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
    pub fn produced(&self) -> u64 {
        // SAFETY: within the mapping, which is a page long; only read, and the kernel changes the number as a whole.
        let position = unsafe { AtomicU64::from_ptr(self.0.as_ptr().cast::<u64>().cast_mut()) };
        position.load(Ordering::Acquire)
    }
}

/// `BPF_PROG_TYPE_KPROBE`, `_TRACEPOINT`, `_PERF_EVENT`, `_RAW_TRACEPOINT`, `_RAW_TRACEPOINT_WRITABLE`, `_TRACING`:
/// include/uapi/linux/bpf.h.
const TRACING: [u32; 6] = [2, 5, 7, 17, 24, 26];

/// Numbers of the programs on this machine that are there to trace: the others concern packets or devices.
pub fn tracing() -> BTreeSet<u32> {
    let tracing = loaded_programs().flatten().filter(|it| TRACING.contains(&(it.program_type() as u32)));
    tracing.map(|it| it.id()).collect()
}

/// What the kernel shows of every descriptor of a process.
#[track_caller]
fn fdinfo(pid: u32) -> BTreeMap<PathBuf, BTreeMap<String, u64>> {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("the descriptors of a process");
    let files = files.flatten().map(|file| file.path());
    // A descriptor may be closed meanwhile.
    files.filter_map(|file| Some((file.clone(), parse(&fs::read_to_string(&file).ok()?)))).collect()
}

/// The lines `name: number`.
fn parse(info: &str) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    info.lines().filter_map(line).collect()
}
