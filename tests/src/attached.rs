//! What the kernel says is attached: the oracle for a clean end. Nothing here asks pullscope.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
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

/// How many breakpoints stand in the code of a process: bytes of its program's executable mappings that are not those of the
/// file. A probe writes `int3` over the first byte of an instruction (arch/x86/include/asm/uprobes.h, `UPROBE_SWBP_INSN`),
/// into the process's own copy of the page and never into the file (kernel/events/uprobes.c, `uprobe_write_opcode`), and puts
/// the byte back when it goes. Programs of Go change nothing else in their code.
///
/// # Panics
/// At a byte that is neither the file's nor a breakpoint.
#[track_caller]
pub fn breakpoints(pid: u32) -> usize {
    let proc = Path::new("/proc").join(pid.to_string());
    let own = fs::metadata(proc.join("exe")).expect("the program of a process").ino();
    let (file, memory) =
        (File::open(proc.join("exe")).expect("a program"), File::open(proc.join("mem")).expect("its memory"));
    let maps = fs::read_to_string(proc.join("maps")).expect("the memory map of a process");
    let code: Vec<_> = maps.lines().filter_map(|line| executable(line, own)).collect();
    assert!(!code.is_empty(), "no code of its program in\n{maps}");
    code.into_iter().map(|(range, offset)| different(&file, &memory, range, offset)).sum()
}

/// The addresses of an executable mapping of the file `inode`, and where in the file they begin (`proc_pid_maps(5)`).
fn executable(line: &str, inode: u64) -> Option<(Range<u64>, u64)> {
    let mut fields = line.split_whitespace();
    let (range, rights, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let (_device, found) = (fields.next()?, fields.next()?);
    let hex = |text| u64::from_str_radix(text, 16).expect("a hexadecimal number");
    let (from, to) = range.split_once('-')?;
    (rights == "r-xp" && found.parse() == Ok(inode)).then(|| (hex(from)..hex(to), hex(offset)))
}

/// How many bytes of this mapping are breakpoints.
#[track_caller]
fn different(file: &File, memory: &File, range: Range<u64>, offset: u64) -> usize {
    let length = usize::try_from(range.end - range.start).expect("a mapping that fits in memory");
    let (mut mapped, mut written) = (vec![0; length], Vec::new());
    memory.read_exact_at(&mut mapped, range.start).expect("read the code of a process");
    let mut file = file;
    file.seek(SeekFrom::Start(offset)).expect("seek in a program");
    file.take(length as u64).read_to_end(&mut written).expect("read a program");
    // The last page goes on behind the end of the file, with zeros.
    written.resize(length, 0);
    let changed = mapped.iter().zip(&written).enumerate().filter(|(_, (mapped, written))| mapped != written);
    let breakpoint = |(at, (mapped, written)): (usize, (&u8, &u8))| {
        assert_eq!(
            *mapped, 0xcc,
            "neither the file's {written:#x} nor a breakpoint, {at:#x} behind {range:x?}"
        );
    };
    changed.map(breakpoint).count()
}
