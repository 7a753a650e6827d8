//! The files that are known, and what is known of them.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;

use binary::Program;

use super::changes::Watched;
use super::stamp::Stamp;
use crate::model::event::Pid;

/// Most files that are known at once: a node has some tens of programs that pull images.
pub const MAX_FILES: usize = 1024;

/// A file's number in the table; never used again.
pub type FileId = u64;

/// What a file is to the processes that use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// They run it.
    Program,
    /// They have loaded it.
    Library,
}

/// What is known of a file.
#[derive(Debug)]
pub enum State<A> {
    /// It was not looked at.
    New,
    /// It is being looked at.
    Waiting,
    /// It has probes.
    Probed(Probed<A>),
    /// There is something to probe, but nobody uses it now.
    Idle(Program),
    /// It has no probes and will get none.
    Nothing {
        /// Whether it is a Go program as far as can be told, so that no other TLS library is to be looked for.
        go: bool,
    },
}

/// A file with probes. Dropping it takes them out.
#[derive(Debug)]
pub struct Probed<A> {
    /// The probes.
    pub attached: A,
    /// What the probes were made of.
    pub program: Program,
    /// Open, so that it can be asked whether it is still there.
    pub file: File,
    /// Tells of writes to it; none where the machine's limit of watched files is reached.
    pub watched: Option<Watched>,
}

/// A file.
#[derive(Debug)]
pub struct Entry<A> {
    /// Where it was found, for people.
    pub path: String,
    /// What it was like when last looked at.
    pub stamp: Stamp,
    /// What it is used as.
    pub role: Role,
    /// Found at one of the host's known places: it keeps its probes when nobody uses it.
    pub known: bool,
    /// Used by processes in the host's mount namespace.
    pub home: bool,
    /// Watched processes that use it.
    pub users: HashSet<Pid>,
    /// How often it was written to while it was being looked at.
    pub changes: u32,
    /// What is known of it.
    pub state: State<A>,
}

impl<A> Entry<A> {
    /// A file that was just found.
    pub fn new(path: String, stamp: Stamp, role: Role) -> Self {
        Self {
            path,
            stamp,
            role,
            known: false,
            home: false,
            users: HashSet::new(),
            changes: 0,
            state: State::New,
        }
    }

    /// Whether this is the file of that stamp.
    fn is(&self, stamp: &Stamp) -> bool {
        // On an overlay a stamp is the same only as long as nothing about the file has changed: ask again.
        let now = match &self.state {
            State::Probed(probed) if self.stamp.resembles(stamp) => Stamp::of(&probed.file).ok(),
            _ => None,
        };
        now.unwrap_or(self.stamp).is_same_file(stamp)
    }
}

/// All known files.
#[derive(Debug)]
pub struct Table<A> {
    entries: BTreeMap<FileId, Entry<A>>,
    next: FileId,
    limit: usize,
}

impl<A> Table<A> {
    /// An empty one for at most so many files.
    pub fn new(limit: usize) -> Self {
        Self { entries: BTreeMap::new(), next: 0, limit }
    }

    /// The file of that stamp, if it is known.
    pub fn find(&self, stamp: &Stamp) -> Option<FileId> {
        self.entries.iter().find(|(_, entry)| entry.is(stamp)).map(|(id, _)| *id)
    }

    /// Takes in a new file; none if there is no room. Where there is none, that one goes which was found first, of those
    /// that nobody uses and that have no known place; it is returned too.
    pub fn insert(&mut self, entry: Entry<A>) -> (Option<FileId>, Option<Entry<A>>) {
        let mut evicted = None;
        if self.entries.len() >= self.limit {
            let unused =
                |entry: &Entry<A>| entry.users.is_empty() && !entry.known && !entry.state.is_waiting();
            let Some(id) = self.entries.iter().find(|(_, entry)| unused(entry)).map(|(id, _)| *id) else {
                return (None, None);
            };
            evicted = self.entries.remove(&id);
        }
        let id = self.next;
        self.next += 1;
        self.entries.insert(id, entry);
        (Some(id), evicted)
    }

    /// A file.
    pub fn get_mut(&mut self, id: FileId) -> Option<&mut Entry<A>> {
        self.entries.get_mut(&id)
    }

    /// A file.
    pub fn get(&self, id: FileId) -> Option<&Entry<A>> {
        self.entries.get(&id)
    }

    /// Forgets a file.
    pub fn remove(&mut self, id: FileId) -> Option<Entry<A>> {
        self.entries.remove(&id)
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Entry<A>)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }
}

impl<A> State<A> {
    /// Whether it is being looked at.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting)
    }

    /// The probes, if there are any.
    pub fn probed(&self) -> Option<&Probed<A>> {
        match self {
            Self::Probed(probed) => Some(probed),
            _ => None,
        }
    }

    /// Whether it is a Go program as far as can be told.
    pub fn is_go(&self) -> bool {
        match self {
            Self::Nothing { go } => *go,
            Self::Probed(Probed { program, .. }) | Self::Idle(program) => matches!(program, Program::Go(_)),
            Self::New | Self::Waiting => false,
        }
    }
}
