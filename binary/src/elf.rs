//! ELF headers (System V ABI, "Object Files"): what of the file is loaded where, and where its parts are.
//!
//! An own reader, because little is needed (program headers, section headers, dynamic entries) and all of it has to go through one
//! limit on reading and memory.

mod relocation;

use crate::{
    Machine, Refusal, Source,
    source::{Reader, u16_at, u32_at, u64_at},
};

/// Most program headers; real programs have about ten.
const MAX_SEGMENTS: u16 = 256;
/// Most section headers; real programs have less than a hundred, with `-ffunction-sections` only object files have more.
const MAX_SECTIONS: u16 = 4096;
/// Most bytes of section names.
const MAX_NAMES: u64 = 1 << 20;

/// A part of the file that is loaded (`PT_LOAD`).
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Address in memory, before the loader moves it.
    pub address: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// Bytes of it that are in the file; the rest is zero.
    pub len: u64,
    pub executable: bool,
    pub writable: bool,
}

impl Segment {
    /// The end of what is in the file, as an address.
    fn end(&self) -> u64 {
        self.address + self.len
    }
}

/// A section header.
#[derive(Clone, Debug)]
pub struct Section {
    pub name: String,
    /// `sh_type`
    pub kind: u32,
    pub address: u64,
    pub offset: u64,
    pub len: u64,
    /// `sh_link`: for a table of symbols the section with their names.
    pub link: usize,
}

impl Section {
    /// `SHT_SYMTAB`
    pub const SYMBOLS: u32 = 2;
    /// `SHT_NOBITS`: without bytes in the file.
    const NO_BITS: u32 = 8;
    /// `SHT_DYNSYM`
    pub const DYNAMIC_SYMBOLS: u32 = 11;
}

/// A program file for one kind of machine.
pub struct Elf<'a, S: ?Sized> {
    pub machine: Machine,
    pub reader: Reader<'a, S>,
    /// Loaded parts by rising address, none over another, all within the file.
    pub segments: Vec<Segment>,
    /// Sections, all within the file; empty where the headers are stripped.
    pub sections: Vec<Section>,
    /// Where `PT_DYNAMIC` is in the file, and its length.
    dynamic: Option<(u64, u64)>,
}

impl<'a, S: Source + ?Sized> Elf<'a, S> {
    pub fn read(machine: Machine, source: &'a S) -> Result<Self, Refusal> {
        let reader = Reader::new(source)?;
        if reader.size() < 64 {
            return Err(Refusal::NotElf);
        }
        let header = reader.bytes(0, 64)?;
        // Magic, 64 bits, little-endian, version 1.
        if !header.starts_with(b"\x7fELF") {
            return Err(Refusal::NotElf);
        }
        let found = u16_at(&header, 18).ok_or(Refusal::NotElf)?;
        if !header.starts_with(b"\x7fELF\x02\x01\x01") || found != machine.elf() {
            return Err(Refusal::Machine(found));
        }
        // ET_EXEC or ET_DYN.
        if !matches!(u16_at(&header, 16), Some(2 | 3)) {
            return Err(Refusal::NotElf);
        }
        let mut elf = Self { machine, reader, segments: Vec::new(), sections: Vec::new(), dynamic: None };
        elf.read_segments(&header)?;
        elf.read_sections(&header)?;
        Ok(elf)
    }

    fn read_segments(&mut self, header: &[u8]) -> Result<(), Refusal> {
        let short = Refusal::Malformed("the program headers are cut short");
        let offset = u64_at(header, 32).ok_or(short.clone())?;
        let count = u16_at(header, 56).ok_or(short.clone())?;
        if u16_at(header, 54) != Some(56) || count > MAX_SEGMENTS {
            return Err(Refusal::Malformed("program headers of an unknown kind, or too many"));
        }
        let table = self.reader.bytes(offset, usize::from(count) * 56)?;
        for entry in table.chunks_exact(56) {
            let number = |at| u64_at(entry, at).ok_or(short.clone());
            let kind = u32_at(entry, 0).ok_or(short.clone())?;
            let flags = u32_at(entry, 4).ok_or(short.clone())?;
            let (offset, address, len, in_memory) = (number(8)?, number(16)?, number(32)?, number(40)?);
            match kind {
                // PT_LOAD
                1 => {
                    let fits = self.reader.holds(offset, len) && len <= in_memory;
                    if !fits || address.checked_add(in_memory).is_none() {
                        return Err(Refusal::Malformed("a segment lies beyond the end of the file"));
                    }
                    if self.segments.last().is_some_and(|last| last.end() > address) {
                        return Err(Refusal::Malformed("segments overlap"));
                    }
                    let (executable, writable) = (flags & 1 != 0, flags & 2 != 0);
                    self.segments.push(Segment { address, offset, len, executable, writable });
                }
                // PT_DYNAMIC
                2 if self.reader.holds(offset, len) => self.dynamic = Some((offset, len)),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_sections(&mut self, header: &[u8]) -> Result<(), Refusal> {
        let short = Refusal::Malformed("the section headers are cut short");
        let offset = u64_at(header, 40).ok_or(short.clone())?;
        let count = u16_at(header, 60).ok_or(short.clone())?;
        let names = usize::from(u16_at(header, 62).ok_or(short.clone())?);
        if offset == 0 || count == 0 {
            return Ok(());
        }
        if u16_at(header, 58) != Some(64) || count > MAX_SECTIONS {
            return Err(Refusal::Malformed("section headers of an unknown kind, or too many"));
        }
        let table = self.reader.bytes(offset, usize::from(count) * 64)?;
        let mut name_offsets = Vec::with_capacity(usize::from(count));
        for entry in table.chunks_exact(64) {
            let number = |at| u64_at(entry, at).ok_or(short.clone());
            let kind = u32_at(entry, 4).ok_or(short.clone())?;
            let (address, offset, len) = (number(16)?, number(24)?, number(32)?);
            let link = u32_at(entry, 40).ok_or(short.clone())? as usize;
            if kind != Section::NO_BITS && kind != 0 && !self.reader.holds(offset, len) {
                return Err(Refusal::Malformed("a section lies beyond the end of the file"));
            }
            name_offsets.push(u32_at(entry, 0).ok_or(short.clone())? as usize);
            self.sections.push(Section { name: String::new(), kind, address, offset, len, link });
        }
        let Some(strings) = self.sections.get(names) else { return Err(short) };
        if strings.kind == Section::NO_BITS || strings.len > MAX_NAMES {
            return Err(Refusal::Malformed("the names of the sections are not there, or too long"));
        }
        let strings = self.reader.bytes(strings.offset, usize::try_from(strings.len).map_err(|_| short)?)?;
        for (section, at) in self.sections.iter_mut().zip(name_offsets) {
            // Real names are short; a longer one is none that is looked for.
            let name =
                strings.get(at..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
            section.name = String::from_utf8_lossy(&name[..name.len().min(64)]).into_owned();
        }
        Ok(())
    }

    /// The section of that name that has bytes in the file.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name && section.kind != Section::NO_BITS)
    }

    /// The segment whose bytes in the file hold a range of addresses.
    pub fn segment_of(&self, address: u64, len: u64) -> Option<&Segment> {
        let end = address.checked_add(len)?;
        self.segments.iter().find(|segment| segment.address <= address && end <= segment.end())
    }

    /// Where a range of addresses is in the file.
    pub fn offset_of(&self, address: u64, len: u64) -> Option<u64> {
        let segment = self.segment_of(address, len)?;
        Some(segment.offset + (address - segment.address))
    }

    /// Where code is in the file: as [`Self::offset_of`], if the segment is for code and nothing else.
    pub fn code_offset(&self, address: u64, len: u64) -> Option<u64> {
        let segment = self.segment_of(address, len)?;
        (segment.executable && !segment.writable).then_some(segment.offset + (address - segment.address))
    }
}
