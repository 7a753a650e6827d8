//! The table of connections, with what is due and what goes on in them.

use std::collections::{BTreeSet, HashSet};

use super::connection::Connection;
use super::event::{ConnId, Pid};
use super::recent::Recent;
use super::{Context, reason};

/// The table.
pub(super) struct Connections {
    table: Recent<ConnId, Entry>,
    /// When something is to be given up in a connection.
    deadlines: BTreeSet<(u64, ConnId)>,
    in_progress: HashSet<ConnId>,
}

struct Entry {
    id: ConnId,
    connection: Connection,
    /// Its place in `deadlines`.
    deadline: Option<u64>,
}

impl Connections {
    pub fn new(limit: usize) -> Self {
        Self { table: Recent::new(limit), deadlines: BTreeSet::new(), in_progress: HashSet::new() }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Things to be given up at some time.
    #[cfg(test)]
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    pub fn knows(&self, id: ConnId) -> bool {
        self.table.peek(&id).is_some()
    }

    pub fn in_progress(&self) -> impl Iterator<Item = ConnId> {
        self.in_progress.iter().copied()
    }

    /// Puts a connection in.
    pub fn insert(&mut self, id: ConnId, connection: Connection, context: &mut Context) {
        if let Some(evicted) = self.table.insert(id, Entry { id, connection, deadline: None }) {
            context.outbox.unattributed(reason::CONNECTION_EVICTED);
            context.outbox.set_forced(true);
            self.forget(&evicted);
            evicted.connection.lost(context);
            context.outbox.set_forced(false);
        }
        self.with(id, |_| ());
    }

    /// Makes room for a connection of a known process whose beginning was not seen.
    pub fn meet(&mut self, id: ConnId, pid: Pid, context: &mut Context) {
        if self.knows(id) {
            return;
        }
        match context.processes.target(pid) {
            Some(target) => self.insert(id, Connection::joined(id, pid, target), context),
            None => context.outbox.unattributed(reason::CONNECTION_UNKNOWN),
        }
    }

    /// Does something with a connection and notes what is due and goes on in it after that.
    pub fn with<R>(&mut self, id: ConnId, what: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        let entry = self.table.get(&id)?;
        let result = what(&mut entry.connection);
        let deadline = entry.connection.deadline();
        if deadline != entry.deadline {
            if let Some(before) = entry.deadline {
                self.deadlines.remove(&(before, id));
            }
            if let Some(after) = deadline {
                self.deadlines.insert((after, id));
            }
            entry.deadline = deadline;
        }
        if entry.connection.in_progress() {
            self.in_progress.insert(id);
        } else {
            self.in_progress.remove(&id);
        }
        Some(result)
    }

    pub fn remove(&mut self, id: ConnId) -> Option<Connection> {
        let entry = self.table.remove(&id)?;
        self.forget(&entry);
        Some(entry.connection)
    }

    /// Gives up what has waited long enough.
    pub fn expire(&mut self, now: u64, context: &mut Context) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.with(id, |connection| connection.expire(now, context));
            // A connection has no second deadline in the past; this only keeps a defect from turning into a hang.
            self.deadlines.remove(&(deadline, id));
        }
    }

    /// Whatever does not stay has ended unseen.
    pub fn keep(&mut self, stays: impl Fn(ConnId) -> bool, context: &mut Context) {
        let gone: Vec<_> = self.table.keys().filter(|id| !stays(**id)).copied().collect();
        for id in gone {
            if let Some(connection) = self.remove(id) {
                connection.lost(context);
            }
        }
    }

    /// Takes a connection out of everything but the table.
    fn forget(&mut self, entry: &Entry) {
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, entry.id));
        }
        self.in_progress.remove(&entry.id);
    }
}
