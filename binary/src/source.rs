//! Bytes of a file, and a limit on all that is read of it.

use std::{cell::Cell, fs::File, io, os::unix::fs::FileExt as _};

use crate::Refusal;

/// Most bytes that one [`crate::inspect`] reads, whatever the file says of itself.
pub const MAX_READ: u64 = 256 << 20;

/// Most bytes that are read, and so held, at once.
const MAX_PIECE: usize = 8 << 20;

/// Something that program bytes can be read from.
///
/// A file is read, never mapped: one that is cut short while it is looked at must be an error and not a signal.
pub trait Source {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Reads exactly the bytes from `offset` on.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(into, offset)
    }
}

impl Source for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let end = start.and_then(|start| start.checked_add(into.len()));
        let bytes = start.zip(end).and_then(|(start, end)| self.get(start..end));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Reads a source within the limits.
pub struct Reader<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
    left: Cell<u64>,
}

impl<'a, S: Source + ?Sized> Reader<'a, S> {
    pub fn new(source: &'a S) -> Result<Self, Refusal> {
        let size = source.size().map_err(|error| Refusal::Unreadable(error.kind()))?;
        Ok(Self { source, size, left: Cell::new(MAX_READ) })
    }

    /// Length of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether a range lies within the file.
    pub fn holds(&self, offset: u64, len: u64) -> bool {
        offset.checked_add(len).is_some_and(|end| end <= self.size)
    }

    /// Fills the whole buffer from `offset` on.
    pub fn fill(&self, offset: u64, into: &mut [u8]) -> Result<(), Refusal> {
        let len = into.len() as u64;
        if !self.holds(offset, len) {
            return Err(Refusal::Malformed("something lies beyond the end of the file"));
        }
        self.left.set(self.left.get().checked_sub(len).ok_or(Refusal::TooMuch)?);
        self.source.read_at(offset, into).map_err(|error| Refusal::Unreadable(error.kind()))
    }

    /// Reads `len` bytes from `offset` on. The range is checked before anything is allocated.
    pub fn bytes(&self, offset: u64, len: usize) -> Result<Vec<u8>, Refusal> {
        if len > MAX_PIECE {
            return Err(Refusal::TooMuch);
        }
        if !self.holds(offset, len as u64) {
            return Err(Refusal::Malformed("something lies beyond the end of the file"));
        }
        let mut bytes = vec![0; len];
        self.fill(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// A view of a range of the file that is read piece by piece.
    pub fn window(&self, start: u64, len: u64) -> Result<Window<'_, 'a, S>, Refusal> {
        if !self.holds(start, len) {
            return Err(Refusal::Malformed("something lies beyond the end of the file"));
        }
        Ok(Window { reader: self, start, len, piece: Vec::new(), piece_at: 0 })
    }
}

/// A range of a file of which one piece at a time is held. What is asked for in rising order is read about once; what jumps
/// about uses up the limit.
pub struct Window<'w, 'a, S: ?Sized> {
    reader: &'w Reader<'a, S>,
    start: u64,
    len: u64,
    piece: Vec<u8>,
    piece_at: u64,
}

impl<S: Source + ?Sized> Window<'_, '_, S> {
    /// Bytes of a piece.
    const PIECE: u64 = 256 << 10;

    /// The bytes `at..at + len` of the range, if they lie in it.
    pub fn get(&mut self, at: u64, len: usize) -> Result<Option<&[u8]>, Refusal> {
        let want = len as u64;
        if at.checked_add(want).is_none_or(|end| end > self.len) {
            return Ok(None);
        }
        if at < self.piece_at || at + want > self.piece_at + self.piece.len() as u64 {
            let size = (self.len - at).min(Self::PIECE.max(want));
            self.piece.resize(usize::try_from(size).map_err(|_| Refusal::TooMuch)?, 0);
            self.piece_at = at;
            self.reader.fill(self.start + at, &mut self.piece)?;
        }
        let from = usize::try_from(at - self.piece_at).map_err(|_| Refusal::TooMuch)?;
        Ok(self.piece.get(from..from + len))
    }

    /// Hands over the range piece by piece, each with its place in the range. A piece begins `overlap` bytes before the end of the
    /// one before.
    pub fn pieces(
        &mut self,
        overlap: u64,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut at = 0;
        while at < self.len {
            let size = (self.len - at).min(Self::PIECE);
            self.piece.resize(usize::try_from(size).map_err(|_| Refusal::TooMuch)?, 0);
            self.piece_at = at;
            self.reader.fill(self.start + at, &mut self.piece)?;
            each(at, &self.piece)?;
            at += size;
            if at < self.len {
                at -= overlap.min(size - 1);
            }
        }
        Ok(())
    }
}

/// A little-endian number in a slice that is known to hold it.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A little-endian number in a slice.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// A little-endian number in a slice.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
