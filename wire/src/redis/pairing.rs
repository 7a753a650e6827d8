//! Which reply belongs to which command.

use std::collections::VecDeque;

use super::fact::{Command, Fact, Reply, Unparsed};
use super::names::{Answer, Effect, Name, QUEUED};
use crate::http::Role;

/// Most commands that wait for their reply, those in a transaction included.
pub(super) const MAX_WAITING: usize = 4096;

/// A command that waits for its reply.
#[derive(Debug)]
pub(super) struct Pending {
    number: u32,
    pub effect: Effect,
    answer: Answer,
    /// Nothing of the reply's text may be kept.
    secret: bool,
    /// What the first element of the reply may be, where that has to be checked.
    keys: Vec<String>,
}

/// What is known of the commands after those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// There are none.
    Exact,
    /// There may be some.
    Unknown,
    /// Commands and replies are not paired any more.
    Given,
}

/// Why commands and replies are taken to belong to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Every byte was seen.
    Whole,
    /// The client began a span when everything had been answered, as far as can be told.
    Turns,
    /// The same, but it was the first that was seen of the connection.
    First,
}

/// What to do with a reply when no command waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unasked {
    /// Its command was not reported yet: it is held.
    Early,
    /// Its command was not seen.
    Ignore,
    /// Nothing that comes is read.
    Stop,
}

/// The commands of a connection that wait. Memory: [`MAX_WAITING`] of them.
#[derive(Debug)]
pub(super) struct Pairing {
    pub role: Role,
    next: u32,
    waiting: VecDeque<Pending>,
    /// Commands of a transaction that has not run.
    queued: VecDeque<Pending>,
    tail: Tail,
    trust: Trust,
    /// The client does not wait for replies before it asks again.
    overlaps: bool,
    /// No command was seen.
    silent: bool,
}

impl Pairing {
    pub fn new(role: Role, opened: bool) -> Self {
        Self {
            role,
            next: 0,
            waiting: VecDeque::new(),
            queued: VecDeque::new(),
            tail: if opened { Tail::Exact } else { Tail::Unknown },
            trust: if opened { Trust::Whole } else { Trust::Turns },
            overlaps: false,
            silent: true,
        }
    }

    /// Whether a reply will be told.
    pub fn awaits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether every command that was sent and not answered is known.
    pub fn is_exact(&self) -> bool {
        self.tail == Tail::Exact
    }

    /// Whether commands and replies are not paired any more.
    pub fn is_given_up(&self) -> bool {
        self.tail == Tail::Given
    }

    /// Whether commands wait, in a transaction or for their reply.
    pub fn in_progress(&self) -> bool {
        self.awaits() || !self.queued.is_empty()
    }

    /// The client begins a span with a command; `turned`: after something was received. `busy`: a reply has not ended. Where
    /// everything has been answered, commands and replies pair again.
    pub fn begins(&mut self, turned: bool, busy: bool, time: u64, facts: &mut Vec<Fact>) {
        let answered = !busy && !self.awaits();
        if turned && !answered && self.tail == Tail::Exact {
            self.overlaps = true;
            if self.trust != Trust::Whole {
                // That everything had been answered was wrong, perhaps.
                facts.push(Fact::Unparsed { reason: Unparsed::OutOfStep });
                self.lose(time, facts);
            }
        }
        if !answered || self.overlaps {
            return;
        }
        match self.tail {
            Tail::Unknown => {
                self.tail = Tail::Exact;
                self.trust = if turned { Trust::Turns } else { Trust::First };
            }
            Tail::Exact if turned && self.trust == Trust::First => self.trust = Trust::Turns,
            Tail::Exact | Tail::Given => {}
        }
    }

    /// A command was sent.
    pub fn command(&mut self, command: Command, name: Option<Name>, time: u64, facts: &mut Vec<Fact>) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.silent = false;
        let then = command.words.get(1).and_then(Option::as_deref);
        let effect = name.map_or(Effect::None, |name| name.effect(then));
        let (answer, keys) = match name.map_or(Answer::Any, |name| name.answer()) {
            // What comes from the first byte needs no check, and keys that were not kept can't be checked.
            Answer::Keyed if self.trust == Trust::Whole => (Answer::Any, Vec::new()),
            Answer::Keyed => keys(&command).map_or((Answer::Any, Vec::new()), |keys| (Answer::Keyed, keys)),
            other => (other, Vec::new()),
        };
        let secret = name.is_none_or(|name| name.is_secret());
        facts.push(Fact::Command { number, role: self.role, command, time });
        if effect == Effect::Unpaired && self.tail != Tail::Given {
            facts.push(Fact::Unparsed { reason: Unparsed::Unpaired });
            self.tail = Tail::Given;
        }
        if self.tail == Tail::Exact && self.waiting.len() + self.queued.len() >= MAX_WAITING {
            facts.push(Fact::Unparsed { reason: Unparsed::Pipelined });
            self.lose_tail();
        }
        if self.tail == Tail::Exact {
            self.waiting.push_back(Pending { number, effect, answer, secret, keys });
        } else {
            facts.push(Fact::Unanswered { number, closed: false, time });
        }
    }

    /// A reply begins; no command waits.
    pub fn unasked(&mut self, facts: &mut Vec<Fact>) -> Result<Unasked, Unparsed> {
        match self.tail {
            Tail::Exact if self.trust == Trust::Whole => Ok(Unasked::Early),
            Tail::Exact => {
                self.overlaps = true;
                Err(Unparsed::OutOfStep)
            }
            Tail::Unknown => {
                if self.silent {
                    facts.push(Fact::Unparsed { reason: Unparsed::NoCommand });
                }
                Ok(Unasked::Ignore)
            }
            Tail::Given => Ok(Unasked::Stop),
        }
    }

    /// The command that the next reply is for.
    pub fn take_next(&mut self) -> Option<Pending> {
        self.waiting.pop_front()
    }

    /// The commands of the transaction that a reply of `count` elements is for. Where they can't be, none: their replies will
    /// not be told.
    pub fn take_queued(&mut self, count: usize, time: u64, facts: &mut Vec<Fact>) -> VecDeque<Pending> {
        let queued = std::mem::take(&mut self.queued);
        if queued.len() == count {
            return queued;
        }
        unanswered(queued, false, time, facts);
        VecDeque::new()
    }

    /// The reply to a command is there.
    pub fn tell(
        &mut self,
        pending: Pending,
        reply: Reply,
        time: u64,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        if self.trust != Trust::Whole && !pending.answer.allows(&reply) {
            unanswered([pending], false, time, facts);
            self.overlaps = true;
            return Err(Unparsed::OutOfStep);
        }
        if pending.effect == Effect::None && matches!(&reply, Reply::Status(status) if status == QUEUED) {
            self.queued.push_back(pending);
            return Ok(());
        }
        match (pending.effect, &reply) {
            (Effect::Exec, Reply::Nil | Reply::Error(_)) => {
                for queued in std::mem::take(&mut self.queued) {
                    self.tell_queued(queued, reply.clone(), time, facts)?;
                }
            }
            (Effect::Discard, Reply::Status(_)) => {
                for queued in std::mem::take(&mut self.queued) {
                    self.tell_queued(queued, Reply::Nil, time, facts)?;
                }
            }
            (Effect::Multi, Reply::Status(_)) => {
                // They belong to a transaction whose end was not seen.
                unanswered(std::mem::take(&mut self.queued), false, time, facts);
            }
            _ => {}
        }
        self.tell_queued(pending, reply, time, facts)
    }

    /// The reply to a command of a transaction is there.
    pub fn tell_queued(
        &mut self,
        pending: Pending,
        reply: Reply,
        time: u64,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        let number = pending.number;
        let sure = match &reply {
            Reply::Array { texts, .. } if pending.answer == Answer::Keyed => {
                let first = texts.first().and_then(Option::as_ref);
                let own = first.is_some_and(|first| pending.keys.contains(first));
                if !own {
                    unanswered([pending], false, time, facts);
                    self.overlaps = true;
                    return Err(Unparsed::OutOfStep);
                }
                own
            }
            _ => false,
        };
        if self.trust == Trust::First && !sure {
            facts.push(Fact::Unanswered { number, closed: false, time });
            return Ok(());
        }
        let reply = if pending.secret { without_text(reply) } else { reply };
        facts.push(Fact::Reply { number, reply, time });
        Ok(())
    }

    /// Commands may have been sent after those that wait.
    pub fn lose_tail(&mut self) {
        if self.tail == Tail::Exact {
            self.tail = Tail::Unknown;
        }
        self.silent = false;
        if self.trust == Trust::Whole {
            self.trust = Trust::Turns;
        }
    }

    /// Replies may have come to all that wait.
    pub fn lose(&mut self, time: u64, facts: &mut Vec<Fact>) {
        self.lose_tail();
        self.end(false, time, facts);
    }

    /// No reply will be told to any that waits.
    pub fn end(&mut self, closed: bool, time: u64, facts: &mut Vec<Fact>) {
        unanswered(self.queued.drain(..).chain(self.waiting.drain(..)), closed, time, facts);
    }

    /// The command that runs a transaction may be among those that were not seen.
    pub fn settle(&mut self, time: u64, facts: &mut Vec<Fact>) {
        if self.tail != Tail::Exact && !self.awaits() {
            unanswered(self.queued.drain(..), false, time, facts);
        }
    }
}

/// The keys of a command that has a timeout behind them, if they were all kept.
fn keys(command: &Command) -> Option<Vec<String>> {
    let words = command.words.get(1..command.count.checked_sub(1)?)?;
    words.iter().cloned().collect()
}

/// What may be known of a reply that may hold credentials.
fn without_text(reply: Reply) -> Reply {
    match reply {
        Reply::Text(_) => Reply::Text(None),
        Reply::Array { count, .. } => Reply::Array { count, texts: Vec::new() },
        other => other,
    }
}

/// Replies to these will not be told.
pub(super) fn unanswered(
    commands: impl IntoIterator<Item = Pending>,
    closed: bool,
    time: u64,
    facts: &mut Vec<Fact>,
) {
    facts.extend(commands.into_iter().map(|Pending { number, .. }| Fact::Unanswered {
        number,
        closed,
        time,
    }));
}
