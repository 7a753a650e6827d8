//! The direction of the commands: arrays of bulk strings.

use super::fact::{Command, Fact, Unparsed};
use super::names::Name;
use super::pairing::Pairing;
use super::tokens::{Aggregate, Token, Tokens};

/// Words of a command that are kept.
const MAX_WORDS: usize = 8;

/// The command that is being read. Memory: [`MAX_WORDS`] words.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Track is lost: what the next bytes are is not known.
    pub lost: bool,
    tokens: Tokens,
    /// Words that are still to come.
    left: usize,
    count: usize,
    words: Vec<Option<String>>,
    told: bool,
    /// Time of its first byte.
    began: u64,
}

impl Commands {
    /// `known`: the next byte is the first of a command.
    pub fn new(known: bool) -> Self {
        Self { lost: !known, ..Self::default() }
    }

    /// Whether the next byte is the first of a command.
    pub fn is_between(&self) -> bool {
        self.left == 0 && self.tokens.is_idle()
    }

    /// Whether the words that are kept have not all come.
    pub fn is_cut(&self) -> bool {
        !self.lost && !self.is_between() && !self.told
    }

    /// What the next bytes are is not known.
    pub fn lose(&mut self) {
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
        let bad = |reason| match reason {
            Unparsed::BadReply => Unparsed::BadCommand,
            other => other,
        };
        loop {
            self.tokens.finish(&mut rest).map_err(bad)?;
            if self.is_between() {
                // The server steps over empty lines (`processInlineBuffer`, Redis 7.0, src/networking.c).
                while let [b'\r' | b'\n', more @ ..] = rest {
                    rest = more;
                }
                match rest.first() {
                    None => return Ok(()),
                    Some(b'*') => {}
                    Some(letter) if letter.is_ascii_alphabetic() => return Err(Unparsed::Inline),
                    Some(_) => return Err(Unparsed::BadCommand),
                }
                self.began = time;
                self.told = false;
            }
            let token = self.tokens.next(&mut rest).map_err(bad)?;
            let text = match token {
                None => return Ok(()),
                Some(Token::Aggregate(Aggregate::Array, count)) if self.left == 0 => {
                    (self.left, self.count) = (count, count);
                    continue;
                }
                Some(Token::Nil) if self.left == 0 => continue,
                Some(Token::Bulk(text)) if self.left > 0 => {
                    text.and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned)
                }
                Some(_) => return Err(Unparsed::BadCommand),
            };
            self.word(text, pairing, facts);
        }
    }

    /// Passes over bytes that were not captured.
    pub fn skip(&mut self, count: u64, pairing: &mut Pairing, facts: &mut Vec<Fact>) -> Result<(), Unparsed> {
        // The line of a command's head is no string.
        if self.tokens.skip(count)?.is_some() {
            self.word(None, pairing, facts);
        }
        Ok(())
    }

    /// The next word is there, or its head, if it is too long to keep.
    fn word(&mut self, text: Option<String>, pairing: &mut Pairing, facts: &mut Vec<Fact>) {
        self.left -= 1;
        if self.told {
            return;
        }
        self.words.push(text);
        let name = self.words.first().and_then(Option::as_ref).map(|name| Name::new(name.as_bytes()));
        let secret = name.is_none_or(|name| name.is_secret());
        if secret || self.words.len() == self.count.min(MAX_WORDS) {
            self.told = true;
            let words = std::mem::take(&mut self.words);
            pairing.command(Command { words, count: self.count }, name, self.began, facts);
        }
    }
}
