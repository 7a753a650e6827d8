//! The table of all functions of a Go program (`runtime/symtab.go`, `pcHeader` and `functab`; `cmd/link/internal/ld/pcln.go`).
//!
//! A header, then the names of functions, tables that are not needed here, and at the end the functions themselves: pairs of the
//! distance of the function's code from the beginning of the code and of a description, which repeats the distance and has the
//! offset of the name.

use std::collections::HashMap;

use super::{
    functions::{self, Function},
    moduledata,
};
use crate::{
    Machine, Refusal, Source,
    elf::Elf,
    source::{u32_at, u64_at},
};

/// First byte of the header in Go 1.18 and 1.19, and since 1.20.
const MAGICS: [u8; 2] = [0xf0, 0xf1];
/// Names of the section; the second in programs that may be loaded anywhere, made by Go up to 1.25.
const SECTIONS: [&str; 2] = [".gopclntab", ".data.rel.ro.gopclntab"];
/// Bytes of the header.
const HEADER: usize = 72;
/// Most functions; Kubernetes has about 200,000.
const MAX_FUNCTIONS: u64 = 4 << 20;
/// Most bytes of names.
const MAX_NAMES: u64 = 128 << 20;
/// Most places that are tried where there is no section for it.
const MAX_CANDIDATES: usize = 16;
/// Most names of functions that are looked for; a program has a few copies of each at most.
const MAX_WANTED: usize = 1024;
/// Bytes of names that are read at once.
const NAMES_AT_ONCE: u64 = 256 << 10;

/// The table of functions of a program, checked against its module data.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Address of the header.
    pub address: u64,
    pub functions: u64,
    /// As the header says, relocated: 0 since Go 1.26.
    pub text: u64,
    /// Offsets from the header: of the names, of what comes after them, and of the functions.
    pub names: u64,
    pub names_end: u64,
    pub entries: u64,
    /// Length of the part with the functions.
    pub entries_len: u64,
}

/// The code of a function, as addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    pub start: u64,
    pub end: u64,
}

/// A function that is looked for, with its code or with the reason why that is not known.
pub type Found = (Function, Result<Code, Refusal>);

/// Whether there is a section for the table.
pub fn has_section<S: Source + ?Sized>(elf: &Elf<'_, S>) -> bool {
    SECTIONS.iter().any(|name| elf.section(name).is_some())
}

/// Whether a header begins here: a number, two zeros, the unit of code, pointers of 8 bytes.
fn begins(bytes: &[u8], machine: Machine) -> bool {
    MAGICS.iter().any(|magic| bytes.starts_with(&[*magic, 0xff, 0xff, 0xff, 0, 0, machine.code_unit(), 8]))
}

impl Table {
    /// Finds the table, and the beginning of the code.
    pub fn read<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Self, Refusal> {
        let Some(section) = SECTIONS.iter().find_map(|name| elf.section(name)) else {
            return Self::scan(elf);
        };
        if elf.offset_of(section.address, HEADER as u64) != Some(section.offset) {
            return Err(Refusal::BadFunctions("its section is not where it is loaded"));
        }
        Self::at(elf, section.address)
    }

    /// Without the section (C linkers put the second into `.data.rel.ro`): the only place in the loaded data that begins like a
    /// header and that module data point to.
    fn scan<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Self, Refusal> {
        let mut candidates = Vec::new();
        for segment in &elf.segments {
            let skip = segment.address.wrapping_neg() % 8;
            let Some(len) = segment.len.checked_sub(skip) else { continue };
            elf.reader.window(segment.offset + skip, len)?.pieces(0, |at, piece| {
                for (index, word) in piece.chunks_exact(8).enumerate() {
                    if begins(word, elf.machine) {
                        if candidates.len() == MAX_CANDIDATES {
                            return Err(Refusal::Ambiguous);
                        }
                        candidates.push(segment.address + skip + at + index as u64 * 8);
                    }
                }
                Ok(())
            })?;
        }
        let mut result = Err(Refusal::NoFunctions);
        for address in candidates {
            match (Self::at(elf, address), &result) {
                (Ok(_), Ok(_)) => return Err(Refusal::Ambiguous),
                (Ok(table), Err(_)) => result = Ok(table),
                // Limits hold for the file, not for one candidate.
                (Err(refusal @ (Refusal::TooMuch | Refusal::Unreadable(_))), _) => return Err(refusal),
                (Err(refusal), Err(Refusal::NoFunctions)) => result = Err(refusal),
                (Err(_), _) => {}
            }
        }
        result
    }

    /// Reads the header at an address and looks for the module data that belong to it.
    fn at<S: Source + ?Sized>(elf: &Elf<'_, S>, address: u64) -> Result<Self, Refusal> {
        let bad = Refusal::BadFunctions;
        let offset = elf.offset_of(address, HEADER as u64).ok_or(bad("the header is not in the file"))?;
        let header = elf.reader.bytes(offset, HEADER)?;
        if !begins(&header, elf.machine) {
            return Err(bad("a header of an unknown kind"));
        }
        let word = |index: usize| u64_at(&header, index * 8).ok_or(bad("the header is cut short"));
        let functions = word(1)?;
        let (names, units, files, pcs, entries) = (word(4)?, word(5)?, word(6)?, word(7)?, word(8)?);
        let rising =
            HEADER as u64 <= names && names < units && units <= files && files <= pcs && pcs < entries;
        if !rising || functions == 0 || functions > MAX_FUNCTIONS || units - names > MAX_NAMES {
            return Err(bad("its parts overlap, or are too large"));
        }
        let mut table =
            Self { address, functions, text: 0, names, names_end: units, entries, entries_len: 0 };
        // What is asked for here is checked to be in one segment, so the parts before it are, too.
        let pairs = (functions + 1).checked_mul(8).and_then(|len| len.checked_add(entries));
        let whole = pairs.ok_or(bad("its parts overlap, or are too large"))?;
        elf.offset_of(address, whole).ok_or(bad("its parts are not in the file"))?;
        let mut text = [0];
        elf.words(address + 24, &mut text)?;
        table.text = text[0];
        moduledata::complete(elf, &mut table)?;
        Ok(table)
    }

    /// Distances of the first function and of the end of the last from the beginning of the code.
    pub fn bounds<S: Source + ?Sized>(&self, elf: &Elf<'_, S>) -> Result<(u64, u64), Refusal> {
        let number = |at: u64| -> Result<u64, Refusal> {
            let offset = elf.offset_of(self.address + self.entries + at, 4);
            let offset = offset.ok_or(Refusal::BadFunctions("its parts are not in the file"))?;
            Ok(u64::from(u32_at(&elf.reader.bytes(offset, 4)?, 0).unwrap_or_default()))
        };
        Ok((number(0)?, number(self.functions * 8)?))
    }

    /// The functions that are probed.
    pub fn find<S: Source + ?Sized>(&self, elf: &Elf<'_, S>) -> Result<Vec<Found>, Refusal> {
        let wanted = self.wanted_names(elf)?;
        let mut found: HashMap<usize, Found> = HashMap::new();
        self.each(elf, |name, code| {
            let Some((function, index)) = wanted.get(&name) else { return };
            let code = match code {
                Ok(code) if !found.contains_key(index) => Ok(code),
                // The name is there twice: neither can be trusted.
                Ok(_) => Err(Refusal::Repeated),
                Err(refusal) => Err(refusal),
            };
            found.insert(*index, (*function, code));
        })?;
        Ok(found.into_values().collect())
    }

    /// Hands over offset of the name and code of every function.
    pub fn each<S: Source + ?Sized>(
        &self,
        elf: &Elf<'_, S>,
        mut each: impl FnMut(u32, Result<Code, Refusal>),
    ) -> Result<(), Refusal> {
        let bad = Refusal::BadFunctions;
        let start = elf
            .offset_of(self.address + self.entries, self.entries_len)
            .ok_or(bad("its parts are not in the file"))?;
        let mut pairs = elf.reader.window(start, (self.functions + 1) * 8)?;
        let mut descriptions = elf.reader.window(start, self.entries_len)?;
        let pair =
            |bytes: Option<&[u8]>| bytes.and_then(|bytes| Some((u32_at(bytes, 0)?, u32_at(bytes, 4)?)));
        let mut next = pair(pairs.get(0, 8)?).ok_or(bad("the functions are cut short"))?;
        for index in 1..=self.functions {
            let (entry, description) = next;
            // The last one is only a distance.
            let after = pairs.get(index * 8, if index == self.functions { 4 } else { 8 })?;
            let after =
                after.and_then(|bytes| Some((u32_at(bytes, 0)?, u32_at(bytes, 4).unwrap_or_default())));
            next = after.ok_or(bad("the functions are cut short"))?;
            if next.0 < entry {
                return Err(bad("the functions are not in order"));
            }
            let Some((repeated, name)) = pair(descriptions.get(u64::from(description), 8)?) else {
                return Err(bad("a function lies beyond the end"));
            };
            let code = Code { start: self.text + u64::from(entry), end: self.text + u64::from(next.0) };
            let agrees = repeated == entry && code.start < code.end;
            each(name, if agrees { Ok(code) } else { Err(bad("a function contradicts itself")) });
        }
        Ok(())
    }

    /// Offsets of the names that are looked for. Each name has a number, so that it is known where it stands twice.
    fn wanted_names<S: Source + ?Sized>(
        &self,
        elf: &Elf<'_, S>,
    ) -> Result<HashMap<u32, (Function, usize)>, Refusal> {
        let mut numbers = HashMap::new();
        let mut wanted = HashMap::new();
        let mut too_many = false;
        self.names(elf, |at, name| {
            let Some(function) = str::from_utf8(name).ok().and_then(functions::named) else { return };
            too_many |= wanted.len() == MAX_WANTED;
            if !too_many {
                let next = numbers.len();
                let number = *numbers.entry(name.to_owned()).or_insert(next);
                wanted.insert(at, (function, number));
            }
        })?;
        if too_many { Err(Refusal::TooMuch) } else { Ok(wanted) }
    }

    /// Hands over offset and text of every name, but for those that are longer than any real one.
    pub fn names<S: Source + ?Sized>(
        &self,
        elf: &Elf<'_, S>,
        mut each: impl FnMut(u32, &[u8]),
    ) -> Result<(), Refusal> {
        let bad = Refusal::BadFunctions;
        let len = self.names_end - self.names;
        let start =
            elf.offset_of(self.address + self.names, len).ok_or(bad("the names are not in the file"))?;
        let mut window = elf.reader.window(start, len)?;
        let (mut at, mut within_a_name) = (0, false);
        while at < len {
            let size = usize::try_from((len - at).min(NAMES_AT_ONCE)).map_err(|_| Refusal::TooMuch)?;
            let piece = window.get(at, size)?.ok_or(bad("the names are not in the file"))?;
            let Some(last) = piece.iter().rposition(|byte| *byte == 0) else {
                // No function has a name of that length.
                within_a_name = true;
                at += size as u64;
                continue;
            };
            let mut place = at;
            for name in piece[..last].split(|byte| *byte == 0) {
                if !within_a_name {
                    each(u32::try_from(place).unwrap_or(u32::MAX), name);
                }
                within_a_name = false;
                place += name.len() as u64 + 1;
            }
            at += last as u64 + 1;
        }
        Ok(())
    }
}
