//! Messages of Protocol Buffers, field by field (protobuf.dev, "Encoding").
//!
//! There is no generated code and no `prost` behind this, for two reasons. Of a message at most the captured start is there:
//! `prost` refuses such bytes, while here all fields before the cut are read and what is cut is told from what is not there. And
//! `prost` makes an owned value of every field, so also of passwords; here a field is a borrowed slice that nobody has to look at.

use std::str;

/// Longest text that is taken out of a message. References and ids are far shorter.
pub const MAX_TEXT: usize = 1024;

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED32: u8 = 5;
const MAX_FIELD: u64 = (1 << 29) - 1;

/// The value of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number or a bool, as it is encoded: signed ones are not decoded.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Text, bytes, a message, or numbers in a row.
    Bytes(Bytes<'a>),
    /// Four bytes.
    Fixed32(u32),
}

/// Values may be credentials.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Varint(_) => f.write_str("Varint"),
            Self::Fixed64(_) => f.write_str("Fixed64"),
            Self::Bytes(value) => value.fmt(f),
            Self::Fixed32(_) => f.write_str("Fixed32"),
        }
    }
}

/// A value that has a length, or the start of one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'a> {
    /// What is there of it.
    pub bytes: &'a [u8],
    /// Whether that is all. If it is not, there is at least one byte more.
    pub whole: bool,
}

impl std::fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({} bytes, whole: {})", self.bytes.len(), self.whole)
    }
}

impl<'a> Bytes<'a> {
    /// The fields of the message that this is.
    pub fn fields(self) -> Fields<'a> {
        Fields::of(self.bytes, self.whole)
    }

    /// The text that this is; `None` where it is cut, longer than [`MAX_TEXT`], or not UTF-8.
    pub fn text(self) -> Option<&'a str> {
        str::from_utf8(self.bytes).ok().filter(|text| self.whole && text.len() <= MAX_TEXT)
    }

    /// Whether there is anything in it. Known of a cut one too.
    pub fn is_empty(self) -> bool {
        self.whole && self.bytes.is_empty()
    }
}

/// Where the reading of a message has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// All fields were seen.
    Whole,
    /// The bytes end before the message does.
    Cut,
    /// No message has these bytes.
    Malformed,
}

/// The fields of a message, in the order in which they stand there: numbers and values.
///
/// Groups (wire types 3 and 4) are not read: what follows one is unknown.
#[derive(Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    whole: bool,
    state: State,
}

/// Values may be credentials.
impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({} bytes left, {:?})", self.rest.len(), self.state)
    }
}

impl<'a> Fields<'a> {
    /// The fields in `bytes`, which are all of a message (`whole`) or the start of one.
    pub fn of(bytes: &'a [u8], whole: bool) -> Self {
        Self { rest: bytes, whole, state: State::Reading }
    }

    /// Whether every field of the message was seen: what has not come is not there. Known after the last.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }

    /// Whether these bytes, as far as they were read, are no message that can be read.
    pub fn is_malformed(&self) -> bool {
        self.state == State::Malformed
    }

    fn stop(&mut self, state: State) -> Option<(u32, Value<'a>)> {
        self.rest = &[];
        self.state = state;
        None
    }

    /// Where something needs more bytes than there are.
    fn short(&self) -> State {
        if self.whole { State::Malformed } else { State::Cut }
    }

    fn varint(&mut self) -> Result<u64, State> {
        let mut value = 0u64;
        for position in 0..10 {
            let (&byte, rest) = self.rest.split_first().ok_or(self.short())?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has one bit left.
            if position == 9 && byte > 1 {
                return Err(State::Malformed);
            }
            value |= bits << (7 * position);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(State::Malformed)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], State> {
        let (&value, rest) = self.rest.split_first_chunk().ok_or(self.short())?;
        self.rest = rest;
        Ok(value)
    }

    fn bytes(&mut self) -> Result<Bytes<'a>, State> {
        let length = self.varint()?;
        let known = usize::try_from(length).ok().filter(|&length| length <= self.rest.len());
        match known {
            Some(length) => {
                let (bytes, rest) = self.rest.split_at(length);
                self.rest = rest;
                Ok(Bytes { bytes, whole: true })
            }
            // A length of more than 2 GiB is none (protobuf.dev, "Proto Limits").
            None if self.whole || length > i32::MAX as u64 => Err(State::Malformed),
            None => Ok(Bytes { bytes: std::mem::take(&mut self.rest), whole: false }),
        }
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), State> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_FIELD {
            return Err(State::Malformed);
        }
        // Neither cast loses anything: the number has 29 bits, the type 3.
        #[allow(clippy::cast_possible_truncation)]
        let (number, wire_type) = (number as u32, (tag & 7) as u8);
        let value = match wire_type {
            VARINT => Value::Varint(self.varint()?),
            FIXED64 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            LENGTH_DELIMITED => Value::Bytes(self.bytes()?),
            FIXED32 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err(State::Malformed),
        };
        Ok((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.state != State::Reading {
            return None;
        }
        if self.rest.is_empty() {
            let end = if self.whole { State::Whole } else { State::Cut };
            return self.stop(end);
        }
        match self.field() {
            Ok(field) => Some(field),
            Err(state) => self.stop(state),
        }
    }
}

#[cfg(test)]
mod tests;
