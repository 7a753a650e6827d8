//! Words that the loader fills in.
//!
//! In a program that may be loaded anywhere, a word that holds an address may be zero in the file; the address then stands in a
//! table of relocations ([`Machine::relative`](crate::Machine): base plus addend). Where the table is in the
//! compact form (`DT_RELR`), the word itself holds it.

use super::Elf;
use crate::{
    Refusal, Source,
    source::{u32_at, u64_at},
};

/// Bytes of a relocation with addend.
const ENTRY: usize = 24;
/// Most entries of the dynamic section; real programs have about thirty.
const MAX_DYNAMIC: u64 = 4096;

impl<S: Source + ?Sized> Elf<'_, S> {
    /// Addresses of words that hold `value` when the program is loaded at the addresses that it names: those in writable
    /// segments (`.data`, and what is made read-only after relocation) at multiples of eight. At most `max`; more are refused.
    pub fn words_with(&self, value: u64, max: usize) -> Result<Vec<u64>, Refusal> {
        let mut found = Vec::new();
        for segment in self.segments.iter().filter(|segment| segment.writable) {
            let skip = segment.address.wrapping_neg() % 8;
            let Some(len) = segment.len.checked_sub(skip) else { continue };
            let mut window = self.reader.window(segment.offset + skip, len)?;
            window.pieces(0, |at, piece| {
                for (index, word) in piece.chunks_exact(8).enumerate() {
                    if u64_at(word, 0) == Some(value) {
                        note(&mut found, segment.address + skip + at + index as u64 * 8, max)?;
                    }
                }
                Ok(())
            })?;
        }
        self.relocations(
            |address, addend| {
                if addend == value { note(&mut found, address, max) } else { Ok(()) }
            },
        )?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The words from `address` on, relocated.
    pub fn words(&self, address: u64, into: &mut [u64]) -> Result<bool, Refusal> {
        let len = into.len() * 8;
        let Some(offset) = self.offset_of(address, len as u64) else { return Ok(false) };
        let bytes = self.reader.bytes(offset, len)?;
        for (index, word) in into.iter_mut().enumerate() {
            *word = u64_at(&bytes, index * 8).unwrap_or_default();
        }
        self.relocations(|at, addend| {
            let Some(distance) = at.checked_sub(address) else { return Ok(()) };
            if distance % 8 == 0
                && let Some(word) = usize::try_from(distance / 8).ok().and_then(|index| into.get_mut(index))
            {
                *word = addend;
            }
            Ok(())
        })?;
        Ok(true)
    }

    /// Hands over address and value of each relocation of the simple kind.
    fn relocations(&self, mut each: impl FnMut(u64, u64) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let Some((table, len)) = self.relocation_table()? else { return Ok(()) };
        let Some(offset) = self.offset_of(table, len) else {
            return Err(Refusal::Malformed("the relocations are not in the file"));
        };
        // A piece must hold whole entries: 24 divides no power of two.
        let mut window = self.reader.window(offset, len)?;
        let mut at = 0;
        while at < len {
            let size = (len - at).min(ENTRY as u64 * 8192);
            let Some(piece) = window.get(at, usize::try_from(size).map_err(|_| Refusal::TooMuch)?)? else {
                break;
            };
            for entry in piece.chunks_exact(ENTRY) {
                if u32_at(entry, 8) == Some(self.machine.relative())
                    && u32_at(entry, 12) == Some(0)
                    && let (Some(address), Some(addend)) = (u64_at(entry, 0), u64_at(entry, 16))
                {
                    each(address, addend)?;
                }
            }
            at += size;
        }
        Ok(())
    }

    /// Address and length of the table of relocations with addends, from the dynamic section.
    fn relocation_table(&self) -> Result<Option<(u64, u64)>, Refusal> {
        let Some((offset, len)) = self.dynamic else { return Ok(None) };
        if len > MAX_DYNAMIC * 16 {
            return Err(Refusal::Malformed("too many dynamic entries"));
        }
        let bytes = self.reader.bytes(offset, usize::try_from(len).map_err(|_| Refusal::TooMuch)?)?;
        let (mut table, mut size, mut entry) = (None, None, None);
        for pair in bytes.chunks_exact(16) {
            match u64_at(pair, 0) {
                // DT_NULL
                Some(0) => break,
                // DT_RELA, DT_RELASZ, DT_RELAENT
                Some(7) => table = u64_at(pair, 8),
                Some(8) => size = u64_at(pair, 8),
                Some(9) => entry = u64_at(pair, 8),
                _ => {}
            }
        }
        match (table, size, entry) {
            (Some(table), Some(size), Some(24)) => Ok(Some((table, size))),
            (None, ..) => Ok(None),
            _ => Err(Refusal::Malformed("relocations of an unknown kind")),
        }
    }
}

fn note(found: &mut Vec<u64>, address: u64, max: usize) -> Result<(), Refusal> {
    if found.len() >= max {
        return Err(Refusal::TooMuch);
    }
    found.push(address);
    Ok(())
}
