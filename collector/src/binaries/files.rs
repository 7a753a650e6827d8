//! A file's way: found, looked at, probed, and let go.

use std::fs::File;

use binary::{Program, Refusal};
use tracing::{debug, info, warn};

use super::changes::Watched;
use super::inspector::{Done, Job};
use super::places::Found;
use super::stamp::Stamp;
use super::table::{Entry, FileId, Probed, Role, State};
use super::{Attach, Binaries, describe};
use crate::model::event::Pid;

/// A file that is written to again and again is looked at so many times more before it is refused.
const MAX_CHANGES: u32 = 3;

/// No room in the table.
const TABLE_FULL: &str = "table_full";
/// The thread that looks at files is gone.
const NOT_LOOKED_AT: &str = "not_looked_at";
/// Written to while it was looked at, again and again.
const CHANGING: &str = "changing";
/// The kernel refused a probe.
const ATTACH_FAILED: &str = "attach_failed";

/// What a file is like now, if it was overwritten after it was like `before`.
fn overwritten(file: &File, before: &Stamp) -> Option<Stamp> {
    // An open file can always be asked.
    Stamp::of(file).ok().filter(|now| now.is_overwritten(before))
}

impl<A> Binaries<A> {
    /// A file was found: at a known place, or by a process that uses it.
    pub(super) fn take_in(
        &mut self,
        found: Found,
        role: Role,
        pid: Option<Pid>,
        probes: &mut impl Attach<Attached = A>,
    ) {
        let Found { path, file } = found;
        let Ok(stamp) = Stamp::of(&file) else { return };
        let Some(id) = self.table.find(&stamp).or_else(|| self.insert(Entry::new(path, stamp, role))) else {
            return self.refused.push(TABLE_FULL);
        };
        self.join(id, role, pid);
        self.take_note(id, stamp);
        let Some(entry) = self.table.get_mut(id) else { return };
        match &entry.state {
            State::New => self.inspect(id, file),
            State::Idle(program) => {
                let program = program.clone();
                self.probe(id, file, program, probes);
            }
            State::Probed(_) => {
                if let Some(pid) = pid {
                    self.tell(pid, false);
                }
            }
            State::Waiting | State::Nothing { .. } => {}
        }
    }

    fn insert(&mut self, entry: Entry<A>) -> Option<FileId> {
        let (id, evicted) = self.table.insert(entry);
        if let Some(evicted) = evicted {
            self.let_go(evicted.state);
        }
        id
    }

    /// Notes who uses a file.
    fn join(&mut self, id: FileId, role: Role, pid: Option<Pid>) {
        let process = pid.and_then(|pid| Some((pid, self.processes.get_mut(&pid)?)));
        let Some(entry) = self.table.get_mut(id) else { return };
        let Some((pid, process)) = process else {
            (entry.known, entry.home) = (true, true);
            return;
        };
        entry.home |= process.home == Some(true);
        entry.users.insert(pid);
        if !process.files.contains(&id) {
            process.files.push(id);
        }
        if role == Role::Program {
            process.program = Some(id);
        }
    }

    /// Notes what a file is like now. What was found in it before it was overwritten is worth nothing.
    fn take_note(&mut self, id: FileId, now: Stamp) {
        let Some(entry) = self.table.get_mut(id) else { return };
        let overwritten = now.is_overwritten(&entry.stamp);
        entry.stamp = now;
        if overwritten && !entry.state.is_waiting() {
            let state = std::mem::replace(&mut entry.state, State::New);
            self.let_go(state);
        }
    }

    /// Has a file looked at.
    fn inspect(&mut self, id: FileId, file: File) {
        let Some(entry) = self.table.get_mut(id) else { return };
        entry.state = State::Waiting;
        if !self.inspector.submit(Job { id, file, stamp: entry.stamp }) {
            warn!("the thread that looks at programs is gone: please report it");
            self.refuse(id, true, NOT_LOOKED_AT);
        }
    }

    /// The inspector has looked at a file.
    pub(super) fn learn(&mut self, done: Done, probes: &mut impl Attach<Attached = A>) {
        let Done { job: Job { id, file, stamp }, result } = done;
        let Some(entry) = self.table.get_mut(id) else { return };
        if let Some(now) = overwritten(&file, &stamp) {
            entry.stamp = now;
            entry.changes += 1;
            return if entry.changes > MAX_CHANGES {
                self.refuse(id, true, CHANGING);
            } else {
                self.inspect(id, file);
            };
        }
        let in_use = entry.home || !entry.users.is_empty();
        let is_program = entry.role == Role::Program;
        debug!(path = ?entry.path, found = describe(&result), "looked at a program");
        self.refused.extend(self.reason(&result));
        match self.to_probe(result) {
            Ok(program) if in_use => self.probe(id, file, program, probes),
            Ok(program) => self.set(id, State::Idle(program)),
            Err(go) => self.set(id, State::Nothing { go }),
        }
        let is_go = self.table.get(id).is_some_and(|entry| entry.state.is_go());
        if is_program && !is_go {
            self.find_host_libraries(probes);
        }
    }

    /// What is to be probed of what was found; else whether it is a Go program as far as can be told.
    fn to_probe(&self, found: Result<Program, Refusal>) -> Result<Program, bool> {
        match found {
            Ok(Program::Go(go)) if self.wanted.go && !go.probes.is_empty() => Ok(Program::Go(go)),
            Ok(program @ Program::OpenSsl(_)) if self.wanted.openssl => Ok(program),
            // What is no ELF file is a script, which another program runs.
            Ok(Program::OpenSsl(_) | Program::None) | Err(Refusal::NotElf) => Err(false),
            // What is refused may well be a Go program.
            Ok(Program::Go(_)) | Err(_) => Err(true),
        }
    }

    /// Why not all of a file is probed that should be, if so: the first reason.
    fn reason(&self, found: &Result<Program, Refusal>) -> Option<&'static str> {
        match found {
            Ok(Program::Go(go)) if self.wanted.go => go.refused.first().map(|(_, refusal)| refusal.label()),
            Ok(_) | Err(Refusal::NotElf) => None,
            Err(refusal) => Some(refusal.label()),
        }
    }

    /// Puts the probes in.
    fn probe(&mut self, id: FileId, file: File, program: Program, probes: &mut impl Attach<Attached = A>) {
        let Some(entry) = self.table.get_mut(id) else { return };
        // First the watch, then the look at the stamp: no write can slip through between the two.
        let watched = self.changes.watch(&file);
        if let Err(error) = &watched {
            debug!(path = ?entry.path, %error, "writes to a program file will be noticed late");
        }
        let watched = watched.ok();
        if let Some(now) = overwritten(&file, &entry.stamp) {
            entry.stamp = now;
            self.forget(watched);
            return self.inspect(id, file);
        }
        match probes.attach(&file, &program) {
            Ok(attached) => {
                info!(path = ?entry.path, found = describe(&Ok(program.clone())), "a program has probes");
                let users: Vec<Pid> = entry.users.iter().copied().collect();
                entry.state = State::Probed(Probed { attached, program, file, watched });
                for pid in users {
                    self.tell(pid, true);
                }
            }
            Err(error) => {
                warn!(path = ?entry.path, error = format!("{error:#}"), "a program cannot be probed");
                self.forget(watched);
                self.refuse(id, matches!(program, Program::Go(_)), ATTACH_FAILED);
            }
        }
    }

    fn set(&mut self, id: FileId, state: State<A>) {
        if let Some(entry) = self.table.get_mut(id) {
            entry.state = state;
        }
    }

    fn refuse(&mut self, id: FileId, go: bool, reason: &'static str) {
        self.set(id, State::Nothing { go });
        self.refused.push(reason);
    }

    /// Once there is a program that may use it: OpenSSL's library of the host.
    fn find_host_libraries(&mut self, probes: &mut impl Attach<Attached = A>) {
        if self.wanted.openssl && !std::mem::replace(&mut self.host_libraries, true) {
            for found in self.places.libraries() {
                self.take_in(found, Role::Library, None, probes);
            }
        }
    }

    /// Whether the host's own copy of OpenSSL's library has probes.
    pub(super) fn host_library_probed(&self) -> bool {
        let is_host_library = |entry: &Entry<A>| entry.role == Role::Library && entry.known;
        self.table.iter().any(|(_, entry)| is_host_library(entry) && entry.state.probed().is_some())
    }

    /// Looks whether a file may keep its probes.
    pub(super) fn review(&mut self, id: FileId) {
        let Some(entry) = self.table.get_mut(id) else { return };
        let State::Probed(probed) = &entry.state else { return };
        let Ok(now) = Stamp::of(&probed.file) else { return };
        let overwritten = now.is_overwritten(&entry.stamp);
        let used = !entry.users.is_empty();
        let home = entry.home;
        entry.stamp = now;
        if overwritten || (!used && (now.is_deleted() || !home)) {
            let state = std::mem::replace(&mut entry.state, State::New);
            let Some((file, program)) = self.let_go(state) else { return };
            if overwritten && used {
                self.inspect(id, file);
            } else if overwritten || now.is_deleted() {
                self.table.remove(id);
            } else {
                self.set(id, State::Idle(program));
            }
        }
    }

    /// Takes the probes out, if there are any.
    fn let_go(&mut self, state: State<A>) -> Option<(File, Program)> {
        let State::Probed(Probed { attached, program, file, watched }) = state else { return None };
        drop(attached);
        self.forget(watched);
        Some((file, program))
    }

    fn forget(&self, watched: Option<Watched>) {
        if let Some(watched) = watched {
            self.changes.forget(watched);
        }
    }
}
