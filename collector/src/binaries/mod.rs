//! Finds the programs whose TLS can be read, and keeps probes in them.
//!
//! Probes belong to a file, not to a process: one that is put in is there for all who run the file, also for those that
//! begin later. So a client that lives 100 ms is seen, if its file has probes already:
//!
//! - at the start, the files at the host's known paths of the configured targets, and what runs already;
//! - later, at each exec of a watched program, the file behind `/proc/PID/exe`, where it is new;
//! - OpenSSL's library of the host, once there is a watched program that is not a Go program, so that other users of the
//!   library never meet a probe where nobody watches but Go programs; and at the first `ClientHello` of such a process, what it
//!   has mapped, which need not be the host's.
//!
//! | file | has |
//! | --- | --- |
//! | `stamp` | which file it is, also across overlays, and whether it was overwritten |
//! | `table` | the files that are known, at most [`MAX_FILES`] |
//! | `files` | a file's way from found to probed and back |
//! | `places` | known paths, and the files behind processes |
//! | `inspector` | the thread that looks at files |
//! | `changes` | writes to files that have probes |
//! | `survey` | the same look without any probe, for `pullscope check` |
//!
//! **When probes go.** An open file and a probe both hold on to the file and to the mount that it was found in. A file of the
//! host keeps its probes until it is deleted and no watched process runs it. A file of a container keeps them only while a
//! watched process runs it: a container's root file system must not be held after the container's end. What was found in it is
//! remembered, so that its next run costs no second look. A file that is written to loses them at once.

mod changes;
mod describe;
mod files;
mod inspector;
pub mod places;
mod stamp;
mod survey;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use binary::{Program, Refusal};
use tokio::sync::Notify;

use crate::model::event::Pid;
use changes::Changes;
pub use describe::describe;
use inspector::Inspector;
use places::Places;
pub use survey::Survey;
pub use table::MAX_FILES;
use table::{FileId, Role, Table};

/// Puts probes into a file.
pub trait Attach {
    /// The probes; dropping it takes them out.
    type Attached;

    /// Puts in the probes of a program.
    fn attach(&mut self, file: &File, program: &Program) -> anyhow::Result<Self::Attached>;
}

/// Which TLS libraries are to be probed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Go's.
    pub go: bool,
    /// OpenSSL and its forks.
    pub openssl: bool,
}

/// A process whose TLS can be read from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readable {
    /// The process.
    pub pid: Pid,
    /// The probes were put in only now: what it did before was not seen.
    pub late: bool,
}

/// Files with probes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Go programs.
    pub go: u32,
    /// OpenSSL's libraries, and programs with a copy.
    pub openssl: u32,
}

/// A watched process.
#[derive(Clone, Debug, Default)]
struct Process {
    /// Whether it sees the host's file systems; `None` for one that was gone before it could be asked.
    home: Option<bool>,
    /// What it runs.
    program: Option<FileId>,
    /// All files that it uses.
    files: Vec<FileId>,
    /// Its memory was searched for libraries.
    searched: bool,
    /// It was told to be readable.
    told: bool,
}

/// All that has probes, or may get some.
pub struct Binaries<A> {
    places: Places,
    wanted: Wanted,
    table: Table<A>,
    processes: HashMap<Pid, Process>,
    inspector: Inspector,
    changes: Changes,
    /// The host's libraries were looked for.
    host_libraries: bool,
    /// Not all that was found at the start was looked at yet.
    starting: bool,
    readable: Vec<Readable>,
    /// Files that a process used which has ended.
    left: Vec<FileId>,
    /// Reasons why files got no probes, since last asked.
    refused: Vec<&'static str>,
}

impl<A> Binaries<A> {
    /// Nothing is found yet. `inspect` is [`binary::inspect`] but in tests.
    pub fn new(
        places: Places,
        wanted: Wanted,
        limit: usize,
        inspect: impl Fn(&File) -> Result<Program, Refusal> + Send + 'static,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            places,
            wanted,
            table: Table::new(limit),
            processes: HashMap::new(),
            inspector: Inspector::start(inspect)?,
            changes: Changes::new()?,
            host_libraries: false,
            starting: true,
            readable: Vec::new(),
            left: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// Finds the programs of these names at the host's known paths, so that they have probes before they run.
    pub fn find<'a>(&mut self, names: impl Iterator<Item = &'a str>, probes: &mut impl Attach<Attached = A>) {
        for found in names.flat_map(|name| self.places.programs(name)).collect::<Vec<_>>() {
            self.take_in(found, Role::Program, None, probes);
        }
    }

    /// A watched process began.
    pub fn began(&mut self, pid: Pid, probes: &mut impl Attach<Attached = A>) {
        self.ended(pid);
        let home = self.places.is_at_home(pid);
        self.processes.insert(pid, Process { home, ..Process::default() });
        match self.places.executable(pid) {
            Ok(found) => self.take_in(found, Role::Program, Some(pid), probes),
            // For want of a capability, or a filter of system calls forbids it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.refused.push(Refusal::Unreadable(error.kind()).label());
            }
            // One that is gone already is no error: nothing more can be learned of it.
            Err(_) => {}
        }
    }

    /// A watched process forked. The child runs the same files.
    pub fn forked(&mut self, pid: Pid, parent: Pid) {
        self.ended(pid);
        let Some(process) = self.processes.get(&parent).cloned() else { return };
        for id in &process.files {
            if let Some(entry) = self.table.get_mut(*id) {
                entry.users.insert(pid);
            }
        }
        self.processes.insert(pid, process);
    }

    /// A watched process ended. Whether its files keep their probes is seen to when all settles: the next process that runs
    /// them may have begun already.
    pub fn ended(&mut self, pid: Pid) {
        let Some(process) = self.processes.remove(&pid) else { return };
        for id in process.files {
            if let Some(entry) = self.table.get_mut(id) {
                entry.users.remove(&pid);
                self.left.push(id);
            }
        }
    }

    /// After a loss: only these processes live. What began unseen is found now.
    pub fn resync(&mut self, processes: &HashSet<Pid>, probes: &mut impl Attach<Attached = A>) {
        let gone: Vec<Pid> = self.processes.keys().filter(|pid| !processes.contains(pid)).copied().collect();
        for pid in gone {
            self.ended(pid);
        }
        for pid in processes {
            if !self.processes.contains_key(pid) {
                self.began(*pid, probes);
            }
        }
    }

    /// A process begins TLS. Once for each that does not run a Go program, its memory is searched for OpenSSL's library.
    pub fn greeted(&mut self, pid: Pid, probes: &mut impl Attach<Attached = A>) {
        let Some(process) = self.processes.get_mut(&pid).filter(|process| !process.searched) else { return };
        process.searched = true;
        let home = process.home;
        let program = process.program.and_then(|id| self.table.get(id));
        if !self.wanted.openssl || program.is_some_and(|entry| entry.state.is_go()) {
            return;
        }
        match self.places.mapped_libraries(pid) {
            Ok(libraries) => {
                for found in libraries {
                    self.take_in(found, Role::Library, Some(pid), probes);
                }
            }
            // It is gone already, perhaps before it could be asked where it lives. If it had the host's library, its probes
            // were in place.
            Err(_) if home != Some(false) && self.host_library_probed() => self.tell(pid, false),
            Err(_) => {}
        }
    }

    /// Takes what the inspector has found, notices writes to files that have probes, and lets go what nobody uses any more.
    pub fn settle(&mut self, probes: &mut impl Attach<Attached = A>) {
        if self.changes.any() {
            self.check();
        }
        for id in std::mem::take(&mut self.left) {
            self.review(id);
        }
        while let Some(done) = self.inspector.done() {
            self.learn(done, probes);
        }
        self.starting = self.starting && self.table.iter().any(|(_, entry)| entry.state.is_waiting());
    }

    /// Asks all files that have probes whether they are still there.
    pub fn check(&mut self) {
        let probed = self.table.iter().filter(|(_, entry)| entry.state.probed().is_some());
        for id in probed.map(|(id, _)| id).collect::<Vec<_>>() {
            self.review(id);
        }
    }

    /// Processes that have become readable since the last call.
    pub fn readable(&mut self) -> Vec<Readable> {
        std::mem::take(&mut self.readable)
    }

    /// Why files got no probes, one reason for each file, since the last call.
    pub fn refused(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.refused)
    }

    /// How many files have probes.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, entry) in self.table.iter() {
            match entry.state.probed().map(|probed| &probed.program) {
                Some(Program::Go(_)) => counts.go += 1,
                Some(Program::OpenSsl(_)) => counts.openssl += 1,
                Some(Program::None) | None => {}
            }
        }
        counts
    }

    /// Whether what was found at the start is still being looked at.
    pub fn is_starting(&self) -> bool {
        self.starting
    }

    /// To wait for the inspector: [`settle`](Self::settle) has work then.
    pub fn told(&self) -> Arc<Notify> {
        self.inspector.told()
    }

    /// Can be read from when [`settle`](Self::settle) has a write to notice.
    pub fn changes(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }

    /// A process is readable from now on; said once.
    fn tell(&mut self, pid: Pid, late: bool) {
        if let Some(process) = self.processes.get_mut(&pid)
            && !std::mem::replace(&mut process.told, true)
        {
            self.readable.push(Readable { pid, late });
        }
    }
}
