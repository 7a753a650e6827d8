//! Header blocks on their way to fields (RFC 9113 section 4.3).

use std::fmt;

use super::frame::{FrameHead, kind};
use super::hpack::{Decoder, Error, Header};
use crate::http::{Field, Unparsed};

/// Longest header block that is put together from its frames; servers commonly refuse far shorter ones.
pub(super) const MAX_BLOCK: usize = 64 * 1024;
/// Most text of a list of fields that is kept until the head is made.
const MAX_TEXT: usize = 64 * 1024;
/// Most fields that a list may have.
const MAX_FIELDS: usize = 256;

/// What a header block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Purpose {
    pub stream: u32,
    /// Whether it promises a response instead of being one (`PUSH_PROMISE`).
    pub promise: bool,
    /// Whether nothing follows on the stream.
    pub ends_stream: bool,
    /// Time of its first frame.
    pub began: u64,
}

/// A header block of which frames are yet to come.
pub(super) struct Block {
    pub purpose: Purpose,
    bytes: Vec<u8>,
    /// Whether all bytes up to now were captured.
    whole: bool,
    /// Whether it has become too long.
    refused: bool,
}

/// The bytes may hold credentials.
impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({:?}, {} bytes)", self.purpose, self.bytes.len())
    }
}

impl Purpose {
    /// For a `HEADERS` or `PUSH_PROMISE` frame.
    pub fn of(head: FrameHead, began: u64) -> Self {
        let promise = head.kind == kind::PUSH_PROMISE;
        Self { stream: head.stream(), promise, ends_stream: !promise && head.ends_stream(), began }
    }
}

impl Block {
    pub fn new(purpose: Purpose) -> Self {
        Self { purpose, bytes: Vec::new(), whole: true, refused: false }
    }

    /// Takes the fragment in one frame.
    pub fn extend(&mut self, head: FrameHead, payload: &[u8]) {
        let (fragment, whole) = head.fragment(payload);
        self.refused |= self.bytes.len() + fragment.len() > MAX_BLOCK;
        if self.refused {
            self.bytes = Vec::new();
        } else if self.whole {
            self.bytes.extend_from_slice(fragment);
        }
        self.whole &= whole;
    }

    /// The rest of the block will not come.
    pub fn cut(&mut self) {
        self.whole = false;
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn read(&self, decoder: &mut Decoder) -> Result<FieldList, Unparsed> {
        if self.refused {
            decoder.forget();
            return Err(Unparsed::HeadTooLong);
        }
        FieldList::read(&self.bytes, self.whole, decoder)
    }
}

/// The fields of one header block.
#[derive(Default)]
pub(super) struct FieldList {
    text: Vec<u8>,
    /// Where in `text` a name begins, its value begins, and that ends.
    places: Vec<[usize; 3]>,
    /// Whether the end of the block was not captured.
    cut: bool,
    /// Whether a field refers to what was not seen.
    unknown: bool,
    overflown: bool,
}

/// What a list of fields belongs to, as its pseudo fields tell (RFC 9113 section 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Request,
    Response,
    /// There are none: trailers.
    Neither,
    /// They are not known.
    Unknown,
}

impl FieldList {
    /// Reads a block, of which `whole` tells whether its end was captured.
    pub fn read(block: &[u8], whole: bool, decoder: &mut Decoder) -> Result<Self, Unparsed> {
        let mut list = Self { cut: !whole, ..Self::default() };
        let read = decoder.decode(block, &mut |header| list.add(header));
        if !whole {
            // What was inserted after this is not known.
            decoder.forget();
        }
        match read {
            Ok(()) if list.overflown => Err(Unparsed::HeadTooLong),
            Ok(()) => Ok(list),
            Err(Error::Incomplete) if !whole => Ok(list),
            Err(_) => Err(Unparsed::BadHead),
        }
    }

    fn add(&mut self, header: Header<'_>) {
        let Header { name: Some(name), value: Some(value) } = header else {
            self.unknown = true;
            return;
        };
        self.overflown |=
            self.text.len() + name.len() + value.len() > MAX_TEXT || self.places.len() == MAX_FIELDS;
        // A name that is empty is none, and would be taken for an unknown one.
        if self.overflown || name.is_empty() {
            return;
        }
        let begin = self.text.len();
        self.text.extend_from_slice(name);
        let middle = self.text.len();
        self.text.extend_from_slice(value);
        self.places.push([begin, middle, self.text.len()]);
    }

    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let known = self.places.iter().map(|&[begin, middle, end]| Field {
            name: &self.text[begin..middle],
            value: &self.text[middle..end],
            truncated: false,
        });
        let unknown = self.unknown.then_some(Field::UNKNOWN);
        known.chain(unknown).chain(self.cut.then_some(Field::CUT))
    }

    pub fn shape(&self) -> Shape {
        for Field { name, .. } in self.fields() {
            match name {
                b":method" | b":path" | b":authority" | b":scheme" => return Shape::Request,
                b":status" => return Shape::Response,
                _ => {}
            }
        }
        if self.cut || self.unknown { Shape::Unknown } else { Shape::Neither }
    }
}
