//! The direction of the replies: any values, of which the shape and the first short texts are kept.

use std::collections::VecDeque;

use super::fact::{Fact, Reply, Unparsed};
use super::names::Effect;
use super::pairing::{Pairing, Pending, Unasked, unanswered};
use super::piece::{Content, Held};
use super::tokens::{Aggregate, Token, Tokens};

/// Aggregates within each other. Redis' own replies have fewer than ten.
const MAX_DEPTH: usize = 32;
/// Texts of an array that are kept.
const MAX_TEXTS: usize = 64;

/// The reply that is being read. Memory: [`MAX_TEXTS`] texts twice, and what [`Held`] has.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Track is lost: what the next bytes are is not known.
    pub lost: bool,
    tokens: Tokens,
    value: Value,
    /// Replies that came before their commands were reported.
    pub held: Held,
}

/// The value that is being read.
#[derive(Debug, Default)]
struct Value {
    open: Vec<Open>,
    /// Of these, attributes.
    attributes: usize,
    /// What is kept, until it is told.
    building: Option<Box<Building>>,
}

/// An aggregate whose elements have not all come.
#[derive(Debug)]
struct Open {
    left: usize,
    attribute: bool,
}

/// The reply to a command, which is an aggregate.
#[derive(Debug)]
struct Building {
    pending: Pending,
    array: Array,
    /// The commands that a transaction's elements are the replies to.
    queued: VecDeque<Pending>,
    /// The reply to one of them, which is an aggregate itself.
    inner: Option<(Pending, Array)>,
}

#[derive(Debug)]
struct Array {
    count: usize,
    texts: Vec<Option<String>>,
}

impl Array {
    fn new(count: usize) -> Self {
        Self { count, texts: Vec::with_capacity(count.min(MAX_TEXTS)) }
    }

    fn push(&mut self, token: &Token<'_>) {
        if !self.is_complete() {
            self.texts.push(text(token));
        }
    }

    /// Whether nothing more is kept of it.
    fn is_complete(&self) -> bool {
        self.texts.len() == self.count.min(MAX_TEXTS)
    }

    fn reply(self) -> Reply {
        Reply::Array { count: self.count, texts: self.texts }
    }
}

impl Replies {
    /// `known`: the next byte is the first of a value.
    pub fn new(known: bool) -> Self {
        Self { lost: !known, ..Self::default() }
    }

    /// Whether the next byte is the first of a value.
    fn is_between(&self) -> bool {
        self.value.open.is_empty() && self.tokens.is_idle()
    }

    /// Whether a value has not ended, or is held.
    pub fn is_busy(&self) -> bool {
        !self.held.is_empty() || (!self.lost && !self.is_between())
    }

    /// Whether the reply to a command has begun and was not told.
    pub fn in_progress(&self) -> bool {
        self.value.building.is_some()
    }

    /// What the next bytes are is not known. What was to be told is not told.
    pub fn lose(&mut self, closed: bool, time: u64, facts: &mut Vec<Fact>) {
        if let Some(building) = std::mem::take(&mut self.value).building {
            let Building { pending, queued, inner, .. } = *building;
            let inner = inner.map(|(pending, _)| pending);
            unanswered(inner.into_iter().chain(queued).chain([pending]), closed, time, facts);
        }
        if !std::mem::take(&mut self.held).is_empty() {
            facts.push(Fact::Unparsed { reason: Unparsed::NoCommand });
        }
        *self = Self::new(false);
    }

    /// Reads bytes.
    pub fn feed(
        &mut self,
        mut rest: &[u8],
        time: u64,
        pairing: &mut Pairing,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        if !self.held.is_empty() {
            return self.held.push(Content::Bytes(rest), time);
        }
        loop {
            self.tokens.finish(&mut rest)?;
            let Some(&first) = rest.first() else { return Ok(()) };
            // Pushes and attributes (RESP3) come whether somebody asked or not.
            if self.is_between() && !matches!(first, b'>' | b'|') && !pairing.awaits() {
                match pairing.unasked(facts)? {
                    Unasked::Early => return self.held.push(Content::Bytes(rest), time),
                    Unasked::Ignore => {}
                    Unasked::Stop => {
                        self.lost = true;
                        return Ok(());
                    }
                }
            }
            if let Some(token) = self.tokens.next(&mut rest)? {
                self.value.token(&token, time, pairing, facts)?;
            }
        }
    }

    /// Passes over bytes that were not captured.
    pub fn skip(
        &mut self,
        count: u64,
        time: u64,
        pairing: &mut Pairing,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        if !self.held.is_empty() {
            return self.held.push(Content::Gap(count), time);
        }
        match self.tokens.skip(count)? {
            Some(token) => self.value.token(&token, time, pairing, facts),
            None => Ok(()),
        }
    }

    /// Commands were reported: reads what was held for them.
    pub fn release(&mut self, pairing: &mut Pairing, facts: &mut Vec<Fact>) -> Result<(), Unparsed> {
        for (piece, time) in std::mem::take(&mut self.held) {
            match piece.content() {
                Content::Bytes(bytes) => self.feed(bytes, time, pairing, facts)?,
                Content::Gap(count) => self.skip(count, time, pairing, facts)?,
            }
        }
        Ok(())
    }
}

impl Value {
    fn token(
        &mut self,
        token: &Token<'_>,
        time: u64,
        pairing: &mut Pairing,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        let depth = self.open.len();
        let aggregate = match *token {
            Token::Aggregate(kind, count) => Some((kind, count)),
            _ => None,
        };
        match aggregate {
            Some((Aggregate::Push, _)) if depth > 0 => return Err(Unparsed::BadReply),
            Some((Aggregate::Push | Aggregate::Attribute, _)) => {}
            _ if self.attributes > 0 => {}
            _ => self.keep(depth, token, time, pairing, facts)?,
        }
        match aggregate {
            Some((_, 1..)) if depth == MAX_DEPTH => return Err(Unparsed::BadReply),
            Some((kind, left @ 1..)) => {
                let attribute = kind == Aggregate::Attribute;
                self.attributes += usize::from(attribute);
                self.open.push(Open { left, attribute });
            }
            // It stands before a value, and is none.
            Some((Aggregate::Attribute, _)) => {}
            _ => self.ended(),
        }
        Ok(())
    }

    /// A value has ended, and with it, perhaps, those that it is in.
    fn ended(&mut self) {
        while let Some(open) = self.open.last_mut() {
            open.left -= 1;
            if open.left > 0 {
                return;
            }
            let attribute = open.attribute;
            self.open.pop();
            if attribute {
                self.attributes -= 1;
                return;
            }
        }
    }

    /// Keeps what is to be kept of it, and tells what is complete then.
    fn keep(
        &mut self,
        depth: usize,
        token: &Token<'_>,
        time: u64,
        pairing: &mut Pairing,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        if depth == 0 {
            let Some(pending) = pairing.take_next() else { return Ok(()) };
            let Token::Aggregate(_, count) = *token else {
                return pairing.tell(pending, scalar(token), time, facts);
            };
            let queued = match pending.effect {
                Effect::Exec => pairing.take_queued(count, time, facts),
                _ => VecDeque::new(),
            };
            self.building =
                Some(Box::new(Building { pending, array: Array::new(count), queued, inner: None }));
        } else if let Some(building) = &mut self.building {
            building.token(depth, token, time, pairing, facts)?;
        }
        match self.building.take_if(|building| building.is_complete()) {
            Some(building) => pairing.tell(building.pending, building.array.reply(), time, facts),
            None => Ok(()),
        }
    }
}

impl Building {
    fn token(
        &mut self,
        depth: usize,
        token: &Token<'_>,
        time: u64,
        pairing: &mut Pairing,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Unparsed> {
        if depth == 1 {
            self.array.push(token);
            if let Some(pending) = self.queued.pop_front() {
                match *token {
                    Token::Aggregate(_, count) => self.inner = Some((pending, Array::new(count))),
                    _ => pairing.tell_queued(pending, scalar(token), time, facts)?,
                }
            }
        } else if depth == 2
            && let Some((_, array)) = &mut self.inner
        {
            array.push(token);
        }
        match self.inner.take_if(|(_, array)| array.is_complete()) {
            Some((pending, array)) => pairing.tell_queued(pending, array.reply(), time, facts),
            None => Ok(()),
        }
    }

    fn is_complete(&self) -> bool {
        self.array.is_complete() && self.queued.is_empty() && self.inner.is_none()
    }
}

/// What is kept of a value that is no aggregate.
fn scalar(token: &Token<'_>) -> Reply {
    match *token {
        Token::Nil => Reply::Nil,
        Token::Status(_) => text(token).map_or(Reply::Text(None), Reply::Status),
        Token::Error(message) => Reply::Error(first_word(message)),
        Token::Integer(number) => Reply::Integer(number),
        Token::Bulk(_) | Token::Verbatim(_) => Reply::Text(text(token)),
        Token::Other | Token::Aggregate(..) => Reply::Other,
    }
}

fn text(token: &Token<'_>) -> Option<String> {
    match *token {
        Token::Status(text) | Token::Bulk(text) | Token::Verbatim(text) => {
            std::str::from_utf8(text?).ok().map(str::to_owned)
        }
        _ => None,
    }
}

/// The kind of an error: the first word, in capital letters by convention. Anything else may be anything.
fn first_word(message: &[u8]) -> String {
    let word = message.split(|&byte| byte == b' ').next().unwrap_or_default();
    let proper = |&byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let word = if word.iter().all(proper) { word } else { b"" };
    word.iter().map(|&byte| char::from(byte)).collect()
}
