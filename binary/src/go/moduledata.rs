//! The runtime's record of a program: `runtime.moduledata` (`runtime/symtab.go`, the same at its beginning from Go 1.18 to 1.27).
//!
//! It says where the code begins, from which the table of functions counts; since Go 1.26 nothing else does. It is found by its
//! first word, which points to the table's header, and is believed when all that it repeats of the table agrees.

use super::pclntab::Table;
use crate::{Refusal, Source, elf::Elf};

/// Words of it that are read: up to `etext`.
const WORDS: usize = 24;
/// Most words that hold the header's address. Real programs have one or two.
const MAX_CANDIDATES: usize = 16;

/// Completes a table by what its module data say: the beginning of the code and the length of the table.
pub fn complete<S: Source + ?Sized>(elf: &Elf<'_, S>, table: &mut Table) -> Result<(), Refusal> {
    let bounds = table.bounds(elf)?;
    let mut found = None;
    for address in elf.words_with(table.address, MAX_CANDIDATES)? {
        let mut words = [0; WORDS];
        if elf.words(address, &mut words)?
            && let Some(module) = agrees(table, &words, bounds)
            && found.replace(module).is_some_and(|other| other != module)
        {
            return Err(Refusal::Ambiguous);
        }
    }
    let (text, entries_len) = found.ok_or(Refusal::NoModuleData)?;
    // Up to Go 1.25 the header says the same.
    if table.text != 0 && table.text != text {
        return Err(Refusal::NoModuleData);
    }
    let len = table.entries.checked_add(entries_len);
    len.and_then(|len| elf.offset_of(table.address, len)).ok_or(Refusal::NoModuleData)?;
    // The code is one piece of a segment for code.
    elf.code_offset(text + bounds.0, bounds.1.saturating_sub(bounds.0)).ok_or(Refusal::NotCode)?;
    table.text = text;
    table.entries_len = entries_len;
    Ok(())
}

/// Beginning of the code and length of the part with the functions, if these are the module data of the table.
fn agrees(table: &Table, words: &[u64; WORDS], (first, last): (u64, u64)) -> Option<(u64, u64)> {
    let [header, names, names_len, names_cap, ..] = *words;
    let [
        ..,
        functions,
        functions_len,
        functions_cap,
        pairs,
        pairs_len,
        pairs_cap,
        _,
        minpc,
        maxpc,
        text,
        etext,
    ] = *words;
    let at = |offset: u64| table.address.checked_add(offset);
    let is_names = Some(names) == at(table.names)
        && names_len == names_cap
        && names_len <= table.names_end - table.names;
    let is_functions = Some(functions) == at(table.entries)
        && functions_len == functions_cap
        && functions_len >= (table.functions + 1) * 8 - 4;
    let is_pairs = pairs == functions && pairs_len == pairs_cap && pairs_len == table.functions + 1;
    let is_code = text.checked_add(first) == Some(minpc)
        && text.checked_add(last) == Some(maxpc)
        && minpc < maxpc
        && maxpc <= etext;
    (header == table.address && is_names && is_functions && is_pairs && is_code)
        .then_some((text, functions_len))
}
