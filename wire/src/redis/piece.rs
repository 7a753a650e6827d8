//! Captured bytes and holes that wait to be read.

use super::fact::Unparsed;

/// Bytes that are held at most.
const MAX_HELD: usize = 16 * 1024;
/// Pieces that are held at most.
const MAX_PIECES: usize = 64;

/// What passed in a direction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    Bytes(&'a [u8]),
    /// So many bytes, which were not captured.
    Gap(u64),
}

/// The same, kept.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    Gap(u64),
}

impl Piece {
    pub fn content(&self) -> Content<'_> {
        match self {
            Self::Bytes(bytes) => Content::Bytes(bytes),
            Self::Gap(count) => Content::Gap(*count),
        }
    }
}

impl From<Content<'_>> for Piece {
    fn from(content: Content<'_>) -> Self {
        match content {
            Content::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Content::Gap(count) => Self::Gap(count),
        }
    }
}

/// Pieces with what belongs to them, in their order.
#[derive(Debug)]
pub(super) struct Held<T = u64> {
    pieces: Vec<(Piece, T)>,
    bytes: usize,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), bytes: 0 }
    }
}

impl<T> Held<T> {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Keeps one more. Where there is no room, nothing is kept any more.
    pub fn push(&mut self, content: Content<'_>, with: T) -> Result<(), Unparsed> {
        let bytes = match content {
            Content::Bytes(bytes) => bytes.len(),
            Content::Gap(_) => 0,
        };
        if self.bytes + bytes > MAX_HELD || self.pieces.len() == MAX_PIECES {
            *self = Self::default();
            return Err(Unparsed::NoCommand);
        }
        self.bytes += bytes;
        self.pieces.push((content.into(), with));
        Ok(())
    }
}

impl<T> IntoIterator for Held<T> {
    type Item = (Piece, T);
    type IntoIter = std::vec::IntoIter<(Piece, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter()
    }
}
