//! What recipes count: operations and items of work, from what passes on connections and what becomes of processes.
//!
//! | file | idea |
//! | --- | --- |
//! | `doing` | something that goes on, and its one end |
//! | `open` | what goes on in one process from one point to another |
//! | `values` | values of labels, as few as the recipe allows |
//! | `good` | which ends are good ones |
//! | `http`, `redis`, `connect` | exchanges, commands and connects, against the rules |

mod connect;
mod doing;
mod good;
mod http;
mod open;
mod redis;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use connect::Connecting;
pub(super) use http::Exchanging;
pub(super) use redis::Call;

use super::event::{ConnId, Ending, Pid, TargetId, Tid};
use super::hashes::Hashes;
use super::outbox::Outbox;
use crate::recipes::pattern::Captures;
use crate::recipes::rule::{During, Each, Feeds, Listing, Point, Rule, Span};
use doing::Doing;
use open::{Open, Process, Scope};
use values::{Captured, Values};

/// Who does something, and where.
#[derive(Clone, Copy)]
pub(super) struct Actor {
    pub pid: Pid,
    pub target: TargetId,
    pub thread: Tid,
    pub conn: ConnId,
}

/// The rules, and what goes on by them.
pub(super) struct Rules {
    recipes: HashMap<TargetId, Arc<[Rule]>>,
    processes: HashMap<Pid, Process>,
    values: Values,
    hashes: Hashes,
    /// Nothing is due before this.
    due: u64,
    outbox: Outbox,
}

impl Rules {
    pub fn new(recipes: HashMap<TargetId, Vec<Rule>>, hashes: Hashes, outbox: &Outbox) -> Self {
        let recipes = recipes.into_iter().map(|(target, rules)| (target, rules.into())).collect();
        Self {
            recipes,
            processes: HashMap::new(),
            values: Values::default(),
            hashes,
            due: u64::MAX,
            outbox: outbox.clone(),
        }
    }

    /// The rules of a target.
    fn of(&self, target: TargetId) -> Option<Arc<[Rule]>> {
        self.recipes.get(&target).cloned()
    }

    /// A program was executed in the process.
    pub fn process_began(&mut self, pid: Pid, target: TargetId, time: u64) {
        let Some(rules) = self.of(target) else { return };
        let texts = Captured { captures: &Captures::new(), reply: None };
        for (number, rule) in rules.iter().enumerate() {
            if matches!(rule.span, Span::During(During::Process)) {
                let doing = self.begin(pid, target, (number, rule), &texts, time);
                self.processes.entry(pid).or_default().life.push((number, doing));
            }
        }
    }

    pub fn process_ended(&mut self, pid: Pid, target: Option<TargetId>, how: &Ending, time: u64) {
        let Some(process) = self.processes.remove(&pid) else { return };
        let rules = target.and_then(|target| self.of(target));
        process.ended(rules.as_deref().unwrap_or_default(), how, time);
    }

    pub fn thread_ended(&mut self, pid: Pid, thread: Tid, time: u64) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.scope_ended(Scope::Thread(thread), time);
        }
    }

    pub fn connection_ended(&mut self, pid: Pid, conn: ConnId, time: u64) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.scope_ended(Scope::Connection(conn), time);
        }
    }

    /// Something was lost that may have been the end of what goes on in the process from one point to another.
    pub fn missed(&mut self, pid: Pid) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.missed(&self.outbox);
        }
    }

    /// The threads in which something goes on.
    pub fn threads(&self) -> impl Iterator<Item = (Pid, Tid)> {
        self.processes.iter().flat_map(|(pid, process)| process.threads().map(|thread| (*pid, thread)))
    }

    /// Ends and gives up what is due.
    pub fn expire(&mut self, now: u64) {
        if now < self.due {
            return;
        }
        let ends = self.processes.values_mut().map(|process| process.expire(now, &self.outbox));
        self.due = ends.min().unwrap_or(u64::MAX);
    }

    /// Something happens at a point: `matches` tells which points that is, and what they capture. Ends come before begins: what
    /// asks for the next item is done with the last.
    fn at<'a>(
        &mut self,
        actor: &Actor,
        rules: &'a [Rule],
        matches: impl Fn(&'a Point) -> Option<Captures<'a, 'a>>,
        reply: Option<&'a str>,
        time: u64,
    ) {
        for (number, rule) in rules.iter().enumerate() {
            let Span::Between { from, to, quiet, also, failed, each } = &rule.span else { continue };
            let scope = match each {
                Each::Thread => Scope::Thread(actor.thread),
                Each::Connection => Scope::Connection(actor.conn),
                Each::Process | Each::Pool => Scope::Process,
            };
            if let Some(process) = self.processes.get_mut(&actor.pid)
                && process.is_open(number, scope)
            {
                if failed.iter().any(|point| matches(point).is_some()) {
                    process.touch(number, scope, time, true);
                }
                if also.iter().any(|point| matches(point).is_some()) {
                    process.touch(number, scope, time, false);
                }
                if let Some(captures) = to.iter().find_map(&matches) {
                    let texts = Captured { captures: &captures, reply };
                    process.end(number, scope, values::text(rule, &texts), time);
                }
            }
            let Some(captures) = matches(from) else { continue };
            if let (Some(_), Some(process)) = (quiet, self.processes.get_mut(&actor.pid))
                && process.is_open(number, scope)
            {
                process.touch(number, scope, time, false);
                continue;
            }
            if !self.is_within(actor.pid, rule) {
                continue;
            }
            if let Some(process) = self.processes.get_mut(&actor.pid) {
                process.make_room(number, scope, *each, &self.outbox);
            }
            let texts = Captured { captures: &captures, reply };
            let doing = self.begin(actor.pid, actor.target, (number, rule), &texts, time);
            let given_up = time.saturating_add(rule.longest);
            let open = Open { doing, last: time, failed: false, given_up, quiet: *quiet };
            self.due = self.due.min(given_up).min(quiet.map_or(u64::MAX, |quiet| time.saturating_add(quiet)));
            self.processes.entry(actor.pid).or_default().begin(number, scope, open);
        }
    }

    /// Whether what the rule counts only within something else would be within it.
    fn is_within(&self, pid: Pid, rule: &Rule) -> bool {
        let Some(operation) = &rule.within else { return true };
        self.processes.get(&pid).is_some_and(|process| process.is_running(operation))
    }

    fn begin(
        &mut self,
        pid: Pid,
        target: TargetId,
        (number, rule): (usize, &Rule),
        texts: &Captured<'_>,
        time: u64,
    ) -> Doing {
        let listed = rule.feeds.listing().and_then(|Listing { item, .. }| {
            let item = self.hashes.id(texts.get(item)?);
            self.processes.get_mut(&pid)?.listed(number, item)
        });
        let text = listed.as_deref().or_else(|| values::text(rule, texts));
        let label = self.values.label(target, (number, rule), text, &self.outbox);
        let running = match &rule.feeds {
            Feeds::Operation { operation, .. } => self.processes.entry(pid).or_default().token(operation),
            Feeds::Work { .. } => Arc::default(),
        };
        Doing::begin(label, time, running, &self.outbox)
    }

    /// Begins what the rules count that begins and ends with one thing. `captures` tells which rules that are.
    fn during<'a>(
        &mut self,
        actor: &Actor,
        rules: &'a [Rule],
        captures: impl Fn(&'a During) -> Option<Captures<'a, 'a>>,
        time: u64,
    ) -> Vec<(usize, Doing)> {
        let mut doing = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            if let Span::During(during) = &rule.span
                && let Some(captures) = captures(during)
                && self.is_within(actor.pid, rule)
            {
                let texts = Captured { captures: &captures, reply: None };
                doing.push((number, self.begin(actor.pid, actor.target, (number, rule), &texts, time)));
            }
        }
        doing
    }
}
