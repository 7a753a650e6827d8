//! DNS lookups on one UDP socket: from a question to its answer.

use wire::dns::{self, Code};
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::Context;
use super::event::{Pid, TargetId};
use super::fact::{Client, Fact, LookupResult};
use super::{pull, reason};

/// How long an answer is waited for. Resolvers try again or give up after five seconds by default (resolv.conf(5)).
const PATIENCE: u64 = 10 * 1_000_000_000;
/// Most questions that are open on one socket. Resolvers have two (A and AAAA).
const MOST: usize = 32;

/// The open questions of a socket, oldest first.
#[derive(Default)]
pub(super) struct Lookups(Vec<Question>);

#[derive(Clone, Copy, PartialEq, Eq)]
struct Question {
    /// `None` when questions were sent whose bytes were not captured: it stands for all of them.
    id: Option<u16>,
    time: u64,
    /// Whether one of those has had an answer.
    answered: bool,
}

impl Lookups {
    /// Whether an answer is due.
    pub fn pending(&self) -> bool {
        self.0.iter().any(|question| !question.answered)
    }

    /// When the first question is given up.
    pub fn deadline(&self) -> Option<u64> {
        self.0.iter().map(|question| question.time.saturating_add(PATIENCE)).min()
    }

    /// A datagram was sent; `bytes` is empty when it was not captured.
    pub fn sent(&mut self, bytes: &[u8], time: u64, context: &Context) {
        let id = if bytes.is_empty() {
            None
        } else if let Some(question) = dns::question(bytes) {
            Some(question.id)
        } else {
            return context.outbox.unattributed(reason::DNS_UNPARSED);
        };
        if let Some(again) = self.0.iter_mut().find(|question| question.id == id) {
            // The same question once more is the same lookup, unless it has had its answer.
            if std::mem::take(&mut again.answered) {
                again.time = time;
            }
        } else if self.0.len() < MOST {
            self.0.push(Question { id, time, answered: false });
        } else {
            context.outbox.unattributed(reason::LOOKUPS_FULL);
        }
    }

    /// A datagram was received. `asked` is when the last span of questions began, 0 when none was sent.
    pub fn received(
        &mut self,
        bytes: &[u8],
        asked: u64,
        time: u64,
        by: (Pid, TargetId),
        context: &mut Context,
    ) {
        if bytes.is_empty() {
            return;
        }
        let Some(answer) = dns::answer(bytes) else {
            return context.outbox.unattributed(reason::DNS_UNPARSED);
        };
        let asked = match self.0.iter().position(|question| question.id == Some(answer.id)) {
            Some(at) => self.0.remove(at).time,
            None => match self.0.iter_mut().find(|question| question.id.is_none()) {
                Some(uncaptured) => {
                    uncaptured.answered = true;
                    uncaptured.time
                }
                None if asked > 0 => asked,
                None => return context.outbox.unattributed(reason::DNS_UNPARSED),
            },
        };
        let result = match answer.code {
            Code::Ok => LookupResult::Ok,
            Code::ServFail => LookupResult::Servfail,
            Code::NxDomain => LookupResult::Nxdomain,
            Code::Other => LookupResult::Other,
        };
        let duration = time.saturating_sub(asked);
        context.outbox.push(Fact::Lookup { process: by.1, result, duration });
        let registry = RegistryLabel::from_host(&answer.name);
        if let Some(trouble) = pull::of_lookup(result) {
            let client = Client { process: by.1, registry: registry.clone() };
            context.pulls.unreached(by.0, &client, trouble, time);
        }
        if let Some(memory) = context.processes.memory(by.0) {
            for address in answer.addresses {
                memory.learn_name(address, registry.clone());
            }
        }
    }

    /// Gives up the questions that have waited long enough.
    pub fn expire(&mut self, now: u64, by: (Pid, TargetId), context: &mut Context) {
        self.give_up(now, by, context, |question| question.time.saturating_add(PATIENCE) <= now);
    }

    /// The socket is closed: no answer comes any more.
    pub fn closed(&mut self, now: u64, by: (Pid, TargetId), context: &mut Context) {
        self.give_up(now, by, context, |_| true);
    }

    /// The socket went away unseen.
    pub fn lost(&mut self, context: &Context) {
        for _ in self.0.drain(..).filter(|question| !question.answered) {
            context.outbox.unattributed(reason::LOOKUP_END_UNKNOWN);
        }
    }

    fn give_up(
        &mut self,
        now: u64,
        (pid, process): (Pid, TargetId),
        context: &mut Context,
        over: impl Fn(&Question) -> bool,
    ) {
        self.0.retain(|question| {
            let over = over(question);
            if over && !question.answered {
                let duration = now.saturating_sub(question.time);
                context.outbox.push(Fact::Lookup { process, result: LookupResult::Timeout, duration });
                let client = Client { process, registry: RegistryLabel::Unknown };
                context.pulls.unreached(pid, &client, Trouble::Dns, now);
            }
            !over
        });
    }
}
