//! Header blocks (RFC 7541 section 6).

use std::mem;

use super::huffman;
use super::table::{Dynamic, Looked};

/// Largest integer that is read. Peers take no larger ones: they are lengths and indices.
const MAX_INTEGER: u64 = u32::MAX as u64;

/// A field of a header block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name; `None` where it is not known.
    pub name: Option<&'a [u8]>,
    /// The value; `None` where it is not known. Of a value that comes from the table only what is [`kept`](super::kept) is
    /// there.
    pub value: Option<&'a [u8]>,
}

/// Values may be credentials.
impl std::fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = |text: Option<&[u8]>| text.map(<[u8]>::len);
        write!(f, "Header(name: {:?} bytes, value: {:?} bytes)", length(self.name), length(self.value))
    }
}

/// Why a header block could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It ends inside a field.
    Incomplete,
    /// An integer that is too large (RFC 7541 section 5.1).
    Integer,
    /// A string that is not in the Huffman code (RFC 7541 section 5.2).
    Huffman,
    /// An index that is 0 or past the end of the table (RFC 7541 sections 2.3.3 and 6.1).
    Index,
}

/// Reads the header blocks of one direction of a connection.
#[derive(Debug)]
pub struct Decoder {
    table: Dynamic,
    unknown: u64,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// For a connection that was perhaps joined in the middle.
    pub fn new() -> Self {
        Self { table: Dynamic::unknown(), unknown: 0 }
    }

    /// For a connection that is seen from its first header block.
    pub fn opened() -> Self {
        Self { table: Dynamic::empty(), unknown: 0 }
    }

    /// Header blocks, or parts of one, were missed: what the peer's table holds is not known any more.
    pub fn forget(&mut self) {
        self.table = Dynamic::unknown();
    }

    /// How many fields were unknown since this was last asked.
    pub fn take_unknown(&mut self) -> u64 {
        mem::take(&mut self.unknown)
    }

    /// Memory that is kept, in bytes: at most [`MAX_MEMORY`](super::MAX_MEMORY).
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Reads a whole header block and gives its fields one after the other. After an error, before which fields may have been
    /// given, the decoder has forgotten its table.
    pub fn decode(&mut self, block: &[u8], each: &mut dyn FnMut(Header<'_>)) -> Result<(), Error> {
        let read = self.read(block, each);
        if read.is_err() {
            self.forget();
        }
        read
    }

    fn read(&mut self, block: &[u8], each: &mut dyn FnMut(Header<'_>)) -> Result<(), Error> {
        let mut texts = Texts::default();
        let mut rest = block;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => self.indexed(&mut rest, each)?,
                0x40.. => {
                    let name = self.literal(&mut rest, 6, &mut texts, each)?;
                    self.table.insert(name.then_some(&texts.name), &texts.value);
                }
                0x20.. => self.table.resize(integer(&mut rest, 5)?),
                _ => drop(self.literal(&mut rest, 4, &mut texts, each)?),
            }
        }
        Ok(())
    }

    /// An indexed field (RFC 7541 section 6.1).
    fn indexed(&mut self, rest: &mut &[u8], each: &mut dyn FnMut(Header<'_>)) -> Result<(), Error> {
        match self.table.get(integer(rest, 7)?) {
            Looked::Entry(Some(name), value) => each(Header { name: Some(name), value: Some(value) }),
            Looked::Entry(None, _) | Looked::Unknown => {
                self.unknown += 1;
                each(Header { name: None, value: None });
            }
            Looked::Invalid => return Err(Error::Index),
        }
        Ok(())
    }

    /// A literal field (RFC 7541 section 6.2). Leaves name and value in `texts` and tells whether the name is known.
    fn literal(
        &mut self,
        rest: &mut &[u8],
        prefix: u32,
        texts: &mut Texts,
        each: &mut dyn FnMut(Header<'_>),
    ) -> Result<bool, Error> {
        let index = integer(rest, prefix)?;
        texts.name.clear();
        texts.value.clear();
        let known = if index == 0 {
            string(rest, &mut texts.name)?;
            true
        } else {
            match self.table.get(index) {
                Looked::Entry(Some(name), _) => {
                    texts.name.extend_from_slice(name);
                    true
                }
                Looked::Entry(None, _) | Looked::Unknown => false,
                Looked::Invalid => return Err(Error::Index),
            }
        };
        string(rest, &mut texts.value)?;
        self.unknown += u64::from(!known);
        each(Header { name: known.then_some(&texts.name), value: Some(&texts.value) });
        Ok(known)
    }
}

/// The last literal.
#[derive(Default)]
struct Texts {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// An integer whose first byte has `prefix` bits of it (RFC 7541 section 5.1).
fn integer(rest: &mut &[u8], prefix: u32) -> Result<u64, Error> {
    let (&first, mut after) = rest.split_first().ok_or(Error::Incomplete)?;
    let mask = (1_u64 << prefix) - 1;
    let mut value = u64::from(first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (&byte, more) = after.split_first().ok_or(Error::Incomplete)?;
            after = more;
            // Five bytes of seven bits hold the largest.
            if shift > 28 {
                return Err(Error::Integer);
            }
            value += u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if value > MAX_INTEGER {
            return Err(Error::Integer);
        }
    }
    *rest = after;
    Ok(value)
}

/// A string (RFC 7541 section 5.2).
fn string(rest: &mut &[u8], text: &mut Vec<u8>) -> Result<(), Error> {
    let coded = rest.first().ok_or(Error::Incomplete)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let length = usize::try_from(length).map_err(|_| Error::Integer)?;
    let (bytes, after) = rest.split_at_checked(length).ok_or(Error::Incomplete)?;
    *rest = after;
    if coded {
        return huffman::decode(bytes, text).map_err(|_| Error::Huffman);
    }
    text.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
