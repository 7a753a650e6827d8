//! What goes on in one process from one point to another.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::doing::Doing;
use super::good;
use crate::model::event::{ConnId, Ending, Tid};
use crate::model::fact::Completion;
use crate::model::outbox::Outbox;
use crate::model::reason;
use crate::model::recent::Recent;
use crate::recipes::rule::{Each, Rule};

/// Most things that go on in one process at once.
const MOST_OPEN: usize = 4096;

/// Most texts of lists that are remembered of one process.
const MOST_LISTED: usize = 1024;

/// Where a begin looks for its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    Thread(Tid),
    Connection(ConnId),
    Process,
}

/// From its begin to its end.
pub(super) struct Open {
    pub doing: Doing,
    /// When something of it last happened.
    pub last: u64,
    /// It has failed, and is not over.
    pub failed: bool,
    /// When its end is not waited for any more.
    pub given_up: u64,
    /// It ends when nothing of it has happened for so long.
    pub quiet: Option<u64>,
}

impl Open {
    /// When something is to be done about it.
    fn deadline(&self) -> u64 {
        let quiet = self.quiet.map_or(u64::MAX, |quiet| self.last.saturating_add(quiet));
        quiet.min(self.given_up)
    }

    fn end(self, status: Completion, time: u64) {
        let status = if self.failed { Completion::Error } else { status };
        self.doing.end(status, time);
    }
}

/// A process with rules.
#[derive(Default)]
pub(super) struct Process {
    /// By the operation's name: held by each that goes on.
    running: HashMap<Arc<str>, Arc<()>>,
    /// By the rule's number.
    open: HashMap<(usize, Scope), VecDeque<Open>>,
    count: usize,
    /// What lists told of texts, by the rule's number and the hash of the text.
    listed: Option<Recent<(usize, u64), Arc<str>>>,
    /// The process itself, by the rules that count it.
    pub life: Vec<(usize, Doing)>,
}

impl Process {
    /// A list that the rule of that number looks at had a text, by its hash.
    pub fn list(&mut self, rule: usize, text: u64, told: &Arc<str>) {
        let listed = self.listed.get_or_insert_with(|| Recent::new(MOST_LISTED));
        listed.insert((rule, text), Arc::clone(told));
    }

    /// What the last list that had it told of a text.
    pub fn listed(&mut self, rule: usize, text: u64) -> Option<Arc<str>> {
        self.listed.as_mut()?.get(&(rule, text)).map(|told| Arc::clone(told))
    }

    /// To be held while an operation of this name goes on.
    pub fn token(&mut self, operation: &Arc<str>) -> Arc<()> {
        Arc::clone(self.running.entry(Arc::clone(operation)).or_default())
    }

    /// Whether an operation of this name goes on.
    pub fn is_running(&self, operation: &str) -> bool {
        self.running.get(operation).is_some_and(|token| Arc::strong_count(token) > 1)
    }

    /// Whether something goes on there.
    pub fn is_open(&self, rule: usize, scope: Scope) -> bool {
        self.open.contains_key(&(rule, scope))
    }

    /// Something is about to begin. What goes on there has ended unseen, unless there may be many.
    pub fn make_room(&mut self, rule: usize, scope: Scope, each: Each, outbox: &Outbox) {
        let full = self.count >= MOST_OPEN;
        if each == Each::Pool && !full {
            return;
        }
        let Some(list) = self.open.get_mut(&(rule, scope)) else { return };
        if each == Each::Pool {
            outbox.unattributed(reason::OPERATIONS_FULL);
        }
        self.count -= usize::from(!list.is_empty());
        let before = outbox.set_forced(true);
        list.pop_front();
        outbox.set_forced(before);
    }

    /// It begins.
    pub fn begin(&mut self, rule: usize, scope: Scope, open: Open) {
        self.open.entry((rule, scope)).or_default().push_back(open);
        self.count += 1;
    }

    /// Something happens that belongs to what goes on there. `failed`: and it has failed.
    pub fn touch(&mut self, rule: usize, scope: Scope, time: u64, failed: bool) {
        if let Some(open) = self.open.get_mut(&(rule, scope)).and_then(VecDeque::front_mut) {
            open.last = open.last.max(time);
            open.failed |= failed;
        }
    }

    /// What goes on there ends: of many the first whose label has this value, else the first.
    pub fn end(&mut self, rule: usize, scope: Scope, value: Option<&str>, time: u64) {
        let Some(list) = self.open.get_mut(&(rule, scope)) else { return };
        let named = value.and_then(|value| list.iter().position(|open| open.doing.value() == value));
        let Some(open) = list.remove(named.unwrap_or(0)) else { return };
        self.count -= 1;
        if list.is_empty() {
            self.open.remove(&(rule, scope));
        }
        open.end(Completion::Ok, time);
    }

    /// A thread or a connection is gone, and with it the end of what went on there.
    pub fn scope_ended(&mut self, scope: Scope, time: u64) {
        let gone: Vec<_> = self.open.keys().filter(|(_, open)| *open == scope).copied().collect();
        for open in gone.into_iter().filter_map(|key| self.open.remove(&key)).flatten() {
            self.count -= 1;
            open.end(Completion::Unknown, time);
        }
    }

    /// What ends at a point may have ended unseen; what ends when it is quiet has not.
    pub fn missed(&mut self, outbox: &Outbox) {
        let before = outbox.set_forced(true);
        for list in self.open.values_mut() {
            let all = list.len();
            list.retain(|open| open.quiet.is_some());
            self.count -= all - list.len();
        }
        outbox.set_forced(before);
        self.open.retain(|_, list| !list.is_empty());
    }

    /// The threads in which something goes on.
    pub fn threads(&self) -> impl Iterator<Item = Tid> {
        self.open.keys().filter_map(|(_, scope)| match scope {
            Scope::Thread(thread) => Some(*thread),
            _ => None,
        })
    }

    /// The process is gone. What goes on in it has ended with it, if that was seen.
    pub fn ended(self, rules: &[Rule], how: &Ending, time: u64) {
        if *how == Ending::Unknown {
            return;
        }
        for (number, doing) in self.life {
            let ok = rules.get(number).map_or(&[][..], |rule| &rule.ok);
            doing.end(good::of_process(ok, how), time);
        }
        for open in self.open.into_values().flatten() {
            open.end(good::of_process(&[], how), time);
        }
    }

    /// Ends what has been quiet long enough, and gives up what has gone on for too long. Tells when to look again.
    pub fn expire(&mut self, now: u64, outbox: &Outbox) -> u64 {
        let mut next = u64::MAX;
        let mut due = Vec::new();
        for list in self.open.values_mut() {
            let mut index = 0;
            while let Some(open) = list.get(index) {
                let deadline = open.deadline();
                if deadline <= now {
                    due.extend(list.remove(index));
                } else {
                    next = next.min(deadline);
                    index += 1;
                }
            }
        }
        self.open.retain(|_, list| !list.is_empty());
        self.count -= due.len();
        for open in due {
            if open.given_up <= now {
                let before = outbox.set_forced(true);
                drop(open);
                outbox.set_forced(before);
            } else {
                let last = open.last;
                open.end(Completion::Ok, last);
            }
        }
        next
    }
}
