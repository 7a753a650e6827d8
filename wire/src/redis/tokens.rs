//! The pieces that RESP values are made of: heads of aggregates, and everything that is not one.
//!
//! The grammar is that of the Redis serialization protocol specification, versions 2 and 3.

use super::fact::Unparsed;

/// Longest text that is kept, in bytes.
pub(super) const MAX_TEXT: usize = 64;
/// Longest bulk string: Redis' own `proto-max-bulk-len` (redis.conf).
const MAX_BULK: u64 = 512 * 1024 * 1024;
/// Most elements of an aggregate: `INT_MAX`, as in `processMultibulkBuffer` (Redis 7.0, src/networking.c).
const MAX_COUNT: u64 = 0x7fff_ffff;
/// Longest line that is no bulk string: as long as an inline command may be (`PROTO_INLINE_MAX_SIZE`, Redis 7.0, src/server.h).
const MAX_LINE: usize = 64 * 1024;
/// Bytes of a line that are looked at: the type, a text that may be kept, and `\r\n`.
const KEPT_LINE: usize = 1 + MAX_TEXT + 2;

/// What has elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Array,
    /// A set, or a map with two elements for each entry.
    Other,
    Push,
    Attribute,
}

/// A piece.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The head of an aggregate of so many elements, which follow.
    Aggregate(Aggregate, usize),
    Nil,
    /// A simple string; `None` if it is too long.
    Status(Option<&'a [u8]>),
    /// An error, cut to [`MAX_TEXT`] bytes.
    Error(&'a [u8]),
    Integer(i64),
    /// A bulk string; `None` if it is too long or was not captured.
    Bulk(Option<&'a [u8]>),
    /// The same with a type in front, which is left out here.
    Verbatim(Option<&'a [u8]>),
    /// A boolean, or a number that is no integer.
    Other,
}

/// Cuts one direction into tokens. Memory: [`KEPT_LINE`] bytes.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    state: State,
    /// The start of a line or of a string that did not come in one piece.
    buffer: Vec<u8>,
    /// Bytes of the line up to now, with those that are not in the buffer.
    length: usize,
    /// The buffer was handed out.
    used: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Line,
    /// The first `keep` bytes of a string, behind which are `after`, its last two `\r\n`.
    Keep { kind: Bulk, keep: usize, after: u64 },
    /// What is left of a string that was told, with its `\r\n`.
    Skip { left: u64 },
}

#[derive(Clone, Copy, Debug)]
enum Bulk {
    Plain,
    Verbatim,
    Error,
}

impl Bulk {
    fn token(self, text: Option<&[u8]>) -> Token<'_> {
        match self {
            Self::Plain => Token::Bulk(text),
            // Three letters and a colon.
            Self::Verbatim => Token::Verbatim(text.and_then(|text| text.get(4..))),
            Self::Error => Token::Error(text.unwrap_or_default()),
        }
    }
}

/// Where the next token is.
enum Step<'r> {
    Token(Token<'r>),
    /// The buffer is a line that is one.
    Line,
    /// The buffer is the text of one.
    Text(Bulk),
}

impl Tokens {
    /// Whether a token, with all its bytes, has ended.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Line) && (self.buffer.is_empty() || self.used)
    }

    /// The next token, if it is there; takes what belongs to it from `rest`. A string that is too long to keep is told at its
    /// head, any other with its last byte: the `\r\n` behind it is taken later.
    pub fn next<'a, 'r: 'a>(&'a mut self, rest: &mut &'r [u8]) -> Result<Option<Token<'a>>, Unparsed> {
        if std::mem::take(&mut self.used) {
            self.buffer.clear();
        }
        let step = loop {
            match (rest.first(), self.state) {
                (None, _) => return Ok(None),
                (_, State::Skip { left }) => self.skip_over(left, rest)?,
                (_, State::Keep { kind, keep, after }) => {
                    if let Some(step) = self.collect(kind, keep, after, rest) {
                        break step;
                    }
                }
                (Some(&first), State::Line) => {
                    if let Some(step) = self.line(first, rest)? {
                        break step;
                    }
                }
            }
        };
        self.used = !matches!(step, Step::Token(_));
        match step {
            Step::Token(token) => Ok(Some(token)),
            Step::Text(kind) => Ok(Some(kind.token(Some(&self.buffer)))),
            Step::Line => match parse_line(&self.buffer)? {
                Parsed::Token(token) => Ok(Some(token)),
                Parsed::Bulk { .. } => Err(Unparsed::BadReply),
            },
        }
    }

    /// Takes what is left of a string that was told.
    pub fn finish(&mut self, rest: &mut &[u8]) -> Result<(), Unparsed> {
        match self.state {
            State::Skip { left } if !rest.is_empty() => self.skip_over(left, rest),
            _ => Ok(()),
        }
    }

    /// Takes bytes of a string that is kept.
    fn collect<'r>(&mut self, kind: Bulk, keep: usize, after: u64, rest: &mut &'r [u8]) -> Option<Step<'r>> {
        if self.buffer.is_empty()
            && let Some((text, more)) = rest.split_at_checked(keep)
        {
            *rest = more;
            self.state = State::Skip { left: after };
            return Some(Step::Token(kind.token(Some(text))));
        }
        let (taken, more) = rest.split_at(rest.len().min(keep - self.buffer.len()));
        *rest = more;
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() < keep {
            return None;
        }
        self.state = State::Skip { left: after };
        Some(Step::Text(kind))
    }

    /// Takes bytes of a line.
    fn line<'r>(&mut self, first: u8, rest: &mut &'r [u8]) -> Result<Option<Step<'r>>, Unparsed> {
        if self.buffer.is_empty() {
            check_type(first)?;
            self.length = 0;
        }
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (bytes, more) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        *rest = more;
        self.length += bytes.len();
        if self.length > MAX_LINE {
            return Err(Unparsed::BadReply);
        }
        if self.buffer.is_empty() && end.is_some() {
            return Ok(match parse_line(bytes)? {
                Parsed::Token(token) => Some(Step::Token(token)),
                Parsed::Bulk { kind, length } => self.begin(kind, length).map(Step::Token),
            });
        }
        let room = KEPT_LINE - self.buffer.len();
        self.buffer.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if end.is_none() {
            return Ok(None);
        }
        let Parsed::Bulk { kind, length } = parse_line(&self.buffer)? else { return Ok(Some(Step::Line)) };
        self.buffer.clear();
        Ok(self.begin(kind, length).map(Step::Token))
    }

    /// The head of a string was read. Tells it if none of its bytes are kept.
    fn begin(&mut self, kind: Bulk, length: u64) -> Option<Token<'static>> {
        let keep = kept(kind, length);
        let after = length - keep as u64 + 2;
        if keep > 0 {
            self.state = State::Keep { kind, keep, after };
            return None;
        }
        self.state = State::Skip { left: after };
        Some(kind.token((length == 0).then_some(&[])))
    }

    fn skip_over(&mut self, left: u64, rest: &mut &[u8]) -> Result<(), Unparsed> {
        let taken = usize::try_from(left).map_or(rest.len(), |left| left.min(rest.len()));
        let (skipped, more) = rest.split_at(taken);
        *rest = more;
        let left = left - taken as u64;
        let fits = match (left, skipped) {
            (0, [.., last]) if taken == 1 => *last == b'\n',
            (0, [.., before, last]) => [*before, *last] == *b"\r\n",
            (1, [.., last]) => *last == b'\r',
            _ => true,
        };
        self.state = if left == 0 { State::Line } else { State::Skip { left } };
        if fits { Ok(()) } else { Err(Unparsed::BadReply) }
    }

    /// Passes over bytes that were not captured. That is possible inside a string only; one that was to be kept is told
    /// without its text.
    pub fn skip(&mut self, count: u64) -> Result<Option<Token<'static>>, Unparsed> {
        let (left, token) = match self.state {
            State::Line => return Err(Unparsed::Hole),
            State::Skip { left } => (left, None),
            State::Keep { kind, keep, after } => {
                (keep as u64 - self.buffer.len() as u64 + after, Some(kind.token(None)))
            }
        };
        let left = left.checked_sub(count).ok_or(Unparsed::Hole)?;
        self.buffer.clear();
        self.used = false;
        self.state = if left == 0 { State::Line } else { State::Skip { left } };
        Ok(token)
    }
}

/// Bytes of a string that are waited for before it is told.
fn kept(kind: Bulk, length: u64) -> usize {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match kind {
        Bulk::Error => length.min(MAX_TEXT),
        Bulk::Plain if length <= MAX_TEXT => length,
        Bulk::Verbatim if length <= MAX_TEXT + 4 => length,
        Bulk::Plain | Bulk::Verbatim => 0,
    }
}

fn check_type(first: u8) -> Result<(), Unparsed> {
    match first {
        b'*' | b'$' | b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' | b'=' | b'!' | b'%' | b'~' | b'>'
        | b'|' => Ok(()),
        b';' | b'.' => Err(Unparsed::Streamed),
        _ => Err(Unparsed::BadReply),
    }
}

enum Parsed<'a> {
    Token(Token<'a>),
    Bulk { kind: Bulk, length: u64 },
}

/// A line that ends with `\n`, or the first [`KEPT_LINE`] bytes of one.
fn parse_line(line: &[u8]) -> Result<Parsed<'_>, Unparsed> {
    let line = match line.get(..KEPT_LINE) {
        // What is left of a line that is too long to be kept; its end is not checked.
        Some(start) if !start.ends_with(b"\n") => start.strip_suffix(b"\r").unwrap_or(start),
        _ => line.strip_suffix(b"\r\n").ok_or(Unparsed::BadReply)?,
    };
    parse(line)
}

/// A line without its end, which begins with a type.
fn parse(line: &[u8]) -> Result<Parsed<'_>, Unparsed> {
    let (&kind, text) = line.split_first().ok_or(Unparsed::BadReply)?;
    if text.contains(&b'\r') {
        return Err(Unparsed::BadReply);
    }
    let bulk = |kind| match text {
        b"-1" => Ok(Parsed::Token(Token::Nil)),
        _ => Ok(Parsed::Bulk { kind, length: number(text, MAX_BULK)? }),
    };
    let aggregate = |kind, each| {
        if text == b"-1" {
            return Ok(Token::Nil);
        }
        let count = number(text, MAX_COUNT / each)? * each;
        Ok(Token::Aggregate(kind, usize::try_from(count).map_err(|_| Unparsed::BadReply)?))
    };
    let token = match kind {
        b'+' => Token::Status(Some(text).filter(|text| text.len() <= MAX_TEXT)),
        b'-' => Token::Error(&text[..text.len().min(MAX_TEXT)]),
        b':' => Token::Integer(integer(text).ok_or(Unparsed::BadReply)?),
        b'$' => return bulk(Bulk::Plain),
        b'=' => return bulk(Bulk::Verbatim),
        b'!' => return bulk(Bulk::Error),
        b'*' => aggregate(Aggregate::Array, 1)?,
        b'~' => aggregate(Aggregate::Other, 1)?,
        b'%' => aggregate(Aggregate::Other, 2)?,
        b'>' => aggregate(Aggregate::Push, 1)?,
        b'|' => aggregate(Aggregate::Attribute, 2)?,
        b'_' if text.is_empty() => Token::Nil,
        b'#' if matches!(text, b"t" | b"f") => Token::Other,
        b',' | b'(' if !text.is_empty() => Token::Other,
        _ => return Err(Unparsed::BadReply),
    };
    Ok(Parsed::Token(token))
}

/// A length or a count.
fn number(text: &[u8], most: u64) -> Result<u64, Unparsed> {
    if text == b"?" {
        return Err(Unparsed::Streamed);
    }
    if text.is_empty() || text.len() > 10 {
        return Err(Unparsed::BadReply);
    }
    let digit = |&byte: &u8| (byte as char).to_digit(10).map(u64::from);
    let number = text.iter().try_fold(0, |number: u64, byte| Some(number * 10 + digit(byte)?));
    number.filter(|number| *number <= most).ok_or(Unparsed::BadReply)
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// What the first bytes of a span look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// An array of bulk strings, as commands are, with the first string if it is there and short.
    Array(Option<&'a [u8]>),
    /// A value that is no command.
    Reply,
    /// Nothing that can be told.
    Unknown,
}

impl<'a> Start<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        let Some((head, mut rest)) = line(bytes) else { return Self::Unknown };
        let count = match parse(head) {
            Ok(Parsed::Token(Token::Aggregate(Aggregate::Array, count @ 1..))) => count,
            // An empty array, or none, too: nobody sends that as a command.
            Ok(_) => return Self::Reply,
            Err(_) => return Self::Unknown,
        };
        let mut first = None;
        for number in 0..count {
            let Some((head, text)) = line(rest) else { break };
            let length = match parse(head) {
                Ok(Parsed::Bulk { kind: Bulk::Plain, length }) => {
                    usize::try_from(length).unwrap_or(usize::MAX)
                }
                Ok(_) => return Self::Reply,
                Err(_) => return Self::Unknown,
            };
            let Some((text, more)) = text.split_at_checked(length) else { break };
            if number == 0 && length <= MAX_TEXT {
                first = Some(text);
            }
            rest = more.get(2..).unwrap_or_default();
        }
        Self::Array(first)
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}
