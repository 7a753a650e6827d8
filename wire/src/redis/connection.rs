//! Both directions of one connection: positions, spans, and who reads what.

use super::commands::Commands;
use super::fact::{Fact, Unparsed};
use super::names::Name;
use super::pairing::Pairing;
use super::piece::Content;
use super::replies::Replies;
use super::side::{Place, Undecided};
use super::tokens::Start;
use crate::Decoder;
use crate::http::{Direction, Role};

/// The decoder of one connection. The [module](super) says what it believes and what not.
#[derive(Debug, Default)]
pub struct Connection {
    received: Option<u64>,
    sent: Option<u64>,
    /// Direction of the latest bytes.
    latest: Option<Direction>,
    /// It is known from its first byte.
    opened: bool,
    closed: bool,
    undecided: Undecided,
    known: Option<Known>,
}

/// A connection whose sides are known.
#[derive(Debug)]
struct Known {
    commands: Commands,
    replies: Replies,
    pairing: Pairing,
}

impl Connection {
    /// A connection that is seen from its first byte, which has position 0 in both directions.
    pub fn opened() -> Self {
        Self { received: Some(0), sent: Some(0), opened: true, ..Self::default() }
    }

    /// A connection that was joined later: whatever came before the first call is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the process is, once that is known. It does not change then.
    pub fn role(&self) -> Option<Role> {
        self.known.as_ref().map(|known| known.pairing.role)
    }

    /// Whether a command waits for its reply.
    pub fn in_progress(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.replies.in_progress() || known.pairing.in_progress())
    }
}

impl Decoder for Connection {
    type Fact = Fact;

    fn data(&mut self, way: Direction, start: u64, bytes: &[u8], time: u64, facts: &mut Vec<Fact>) {
        let end = start.saturating_add(bytes.len() as u64);
        let expected = self.position(way).unwrap_or(start);
        if self.closed || bytes.is_empty() || end <= expected {
            return;
        }
        let first = self.latest.is_none();
        let turned = self.latest.replace(way) != Some(way);
        let place = match () {
            () if start != expected || !turned => Place::Within,
            () if first => Place::First,
            () => Place::Turn,
        };
        if start > expected {
            self.pass(way, Place::Within, Content::Gap(start - expected), time, facts);
        }
        *self.position(way) = Some(end);
        let known = usize::try_from(expected.saturating_sub(start)).unwrap_or(usize::MAX);
        self.pass(way, place, Content::Bytes(bytes.get(known..).unwrap_or_default()), time, facts);
    }

    fn advanced(&mut self, way: Direction, position: u64, time: u64, facts: &mut Vec<Fact>) {
        let expected = self.position(way).unwrap_or(position);
        if self.closed || position < expected {
            return;
        }
        *self.position(way) = Some(position);
        if position > expected {
            self.latest = Some(way);
            self.pass(way, Place::Within, Content::Gap(position - expected), time, facts);
        }
    }

    fn closed(&mut self, time: u64, facts: &mut Vec<Fact>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        if !std::mem::take(&mut self.undecided).held.is_empty() {
            facts.push(Fact::Unparsed { reason: Unparsed::NoCommand });
        }
        if let Some(Known { commands, replies, pairing }) = &mut self.known {
            if commands.is_cut() {
                facts.push(Fact::Unparsed { reason: Unparsed::CommandCut });
            }
            replies.lose(true, time, facts);
            commands.lose();
            pairing.end(true, time, facts);
        }
    }
}

impl Connection {
    fn position(&mut self, way: Direction) -> &mut Option<u64> {
        match way {
            Direction::Received => &mut self.received,
            Direction::Sent => &mut self.sent,
        }
    }

    fn pass(&mut self, way: Direction, place: Place, content: Content<'_>, time: u64, facts: &mut Vec<Fact>) {
        if self.known.is_none() {
            let Some(role) = self.decide(way, place, content) else {
                if let Err(reason) = self.undecided.held.push(content, (way, place, time)) {
                    facts.push(Fact::Unparsed { reason });
                    self.opened = false;
                }
                return;
            };
            self.known = Some(Known::new(role, self.opened));
            for (piece, (way, place, time)) in std::mem::take(&mut self.undecided).held {
                self.read(way, place, piece.content(), time, facts);
            }
        }
        self.read(way, place, content, time, facts);
    }

    fn decide(&mut self, way: Direction, place: Place, content: Content<'_>) -> Option<Role> {
        let Content::Bytes(bytes) = content else { return None };
        match place {
            // A server does not speak first.
            Place::First if self.opened && way == Direction::Sent && bytes[0] == b'*' => Some(Role::Client),
            Place::First | Place::Turn => self.undecided.span(way, bytes),
            Place::Within => None,
        }
    }

    fn read(&mut self, way: Direction, place: Place, content: Content<'_>, time: u64, facts: &mut Vec<Fact>) {
        let Some(known) = &mut self.known else { return };
        if Role::of_request(way) == known.pairing.role {
            known.commands(place, content, time, facts);
        } else {
            known.replies(place, content, time, facts);
        }
        known.settle(time, facts);
    }
}

impl Known {
    fn new(role: Role, opened: bool) -> Self {
        let (commands, replies) = (Commands::new(opened), Replies::new(opened));
        Self { commands, replies, pairing: Pairing::new(role, opened) }
    }

    fn commands(&mut self, place: Place, content: Content<'_>, time: u64, facts: &mut Vec<Fact>) {
        if let Content::Bytes(bytes) = content
            && place != Place::Within
        {
            if self.commands.lost && self.begins(bytes) {
                self.commands = Commands::new(true);
            }
            if !self.commands.lost && self.commands.is_between() {
                let (turned, busy) = (place == Place::Turn, self.replies.is_busy());
                self.pairing.begins(turned, busy, time, facts);
            }
        }
        if self.commands.lost {
            return;
        }
        let Self { commands, replies, pairing } = self;
        let read = match content {
            Content::Bytes(bytes) => commands.feed(bytes, time, pairing, facts),
            Content::Gap(count) => commands.skip(count, pairing, facts),
        };
        let released = if replies.held.is_empty() || !pairing.awaits() {
            Ok(())
        } else {
            replies.release(pairing, facts)
        };
        if let Err(reason) = read {
            facts.push(Fact::Unparsed { reason });
            commands.lose();
            pairing.lose_tail();
        }
        if let Err(reason) = released {
            self.lose_replies(reason, time, facts);
        }
    }

    /// Whether a span of commands begins with one.
    fn begins(&self, bytes: &[u8]) -> bool {
        match (Start::of(bytes), self.pairing.role) {
            (Start::Array(_), Role::Client) => true,
            // What a server reads at once may begin anywhere.
            (Start::Array(Some(name)), Role::Server) => Name::new(name).known().is_some(),
            _ => false,
        }
    }

    fn replies(&mut self, place: Place, content: Content<'_>, time: u64, facts: &mut Vec<Fact>) {
        let Self { replies, pairing, .. } = self;
        if replies.lost {
            let begins = match content {
                Content::Bytes(bytes) => place != Place::Within && Start::of(bytes) != Start::Unknown,
                Content::Gap(_) => false,
            };
            if !begins || (pairing.is_given_up() && !pairing.awaits()) {
                // Replies to what waits may be among them.
                if pairing.awaits() {
                    pairing.lose(time, facts);
                }
                return;
            }
            *replies = Replies::new(true);
        }
        let read = match content {
            Content::Bytes(bytes) => replies.feed(bytes, time, pairing, facts),
            Content::Gap(count) => replies.skip(count, time, pairing, facts),
        };
        if let Err(reason) = read {
            self.lose_replies(reason, time, facts);
        }
    }

    fn lose_replies(&mut self, reason: Unparsed, time: u64, facts: &mut Vec<Fact>) {
        let Self { replies, pairing, .. } = self;
        facts.push(Fact::Unparsed { reason });
        replies.lose(false, time, facts);
        pairing.lose(time, facts);
    }

    /// What can't be told any more is given up.
    fn settle(&mut self, time: u64, facts: &mut Vec<Fact>) {
        let Self { replies, pairing, .. } = self;
        if !replies.in_progress() {
            pairing.settle(time, facts);
        }
        // What is held may be for commands that were not seen.
        if !replies.held.is_empty() && !pairing.is_exact() {
            replies.lose(false, time, facts);
        }
    }
}
