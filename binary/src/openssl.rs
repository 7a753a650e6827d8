//! OpenSSL's functions, exported by its shared library or linked into a program.

use crate::{
    Point, Refusal, Source,
    elf::{Elf, Section},
    source::{Window, u16_at, u32_at, u64_at},
};

/// The functions.
const NAMES: [(&[u8], Point); 5] = [
    (b"SSL_do_handshake", Point::SslHandshake),
    (b"SSL_read", Point::SslRead),
    (b"SSL_read_ex", Point::SslReadEx),
    (b"SSL_write", Point::SslWrite),
    (b"SSL_write_ex", Point::SslWriteEx),
];
/// What all of them begin with.
const PREFIX: &[u8] = b"SSL_";
/// Most places of these names in one table of strings; real ones have one for each.
const MAX_NAMES: usize = 64;

/// Bytes of a symbol (`Elf64_Sym`).
const SYMBOL: usize = 24;
/// Most bytes of a table of symbols; that of a browser with all symbols has about 100 MiB.
const MAX_SYMBOLS: u64 = 128 << 20;
/// Length of the longest name that is looked for, and the zero after it.
const LONGEST: usize = "SSL_do_handshake".len() + 1;

/// What there is to probe in OpenSSL, or in what has its interface (`BoringSSL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSsl {
    /// Where the functions begin in the file. `BoringSSL` has no `..._ex`.
    pub probes: Vec<(Point, u64)>,
}

/// Looks for a file that defines OpenSSL's functions. One that only uses them has nothing to probe: the library has.
pub fn inspect<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<OpenSsl>, Refusal> {
    let mut probes = Vec::new();
    for kind in [Section::DYNAMIC_SYMBOLS, Section::SYMBOLS] {
        for section in elf.sections.iter().filter(|section| section.kind == kind) {
            symbols(elf, section, &mut probes)?;
        }
        if has(&probes, Point::SslRead) && has(&probes, Point::SslWrite) {
            break;
        }
        probes.clear();
    }
    if probes.is_empty() {
        return Ok(None);
    }
    probes.sort_unstable();
    probes.dedup();
    // Two functions of one name are two copies; which of them runs is not known, and each would be right.
    Ok(Some(OpenSsl { probes }))
}

fn has(probes: &[(Point, u64)], point: Point) -> bool {
    probes.iter().any(|(other, _)| *other == point)
}

/// Adds the functions that a table of symbols defines.
fn symbols<S: Source + ?Sized>(
    elf: &Elf<'_, S>,
    section: &Section,
    probes: &mut Vec<(Point, u64)>,
) -> Result<(), Refusal> {
    let bad = Refusal::Malformed("a table of symbols without names");
    let names = elf.sections.get(section.link).ok_or(bad.clone())?;
    if section.len > MAX_SYMBOLS {
        return Err(Refusal::TooMuch);
    }
    let mut table = elf.reader.window(section.offset, section.len)?;
    let mut strings = elf.reader.window(names.offset, names.len)?;
    let wanted = wanted_names(&mut strings)?;
    if wanted.is_empty() {
        return Ok(());
    }
    for index in 0..section.len / SYMBOL as u64 {
        let Some(symbol) = table.get(index * SYMBOL as u64, SYMBOL)? else { break };
        let Some((_, point)) = wanted.iter().find(|(at, _)| u32_at(symbol, 0) == Some(*at)) else { continue };
        let is_function = symbol.get(4).is_some_and(|info| info & 0xf == 2);
        // Section 0: used and not defined here. From 0xff00 on: no section at all.
        let is_defined = u16_at(symbol, 6).is_some_and(|section| section != 0 && section < 0xff00);
        let (Some(address), Some(len)) = (u64_at(symbol, 8), u64_at(symbol, 16)) else { continue };
        if !is_function || !is_defined || len == 0 {
            continue;
        }
        probes.push((*point, elf.code_offset(address, len).ok_or(Refusal::NotCode)?));
    }
    Ok(())
}

/// Where the names stand in a table of strings. A name may be the end of a longer one.
fn wanted_names<S: Source + ?Sized>(strings: &mut Window<'_, '_, S>) -> Result<Vec<(u32, Point)>, Refusal> {
    let mut wanted = Vec::new();
    strings.pieces(LONGEST as u64 - 1, |at, piece| {
        let starts = piece.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
        for (index, _) in starts {
            let rest = piece[index..].split(|byte| *byte == 0).next().unwrap_or_default();
            let is_whole = index + rest.len() < piece.len();
            let Some((_, point)) = NAMES.iter().find(|(name, _)| is_whole && *name == rest) else { continue };
            let Ok(place) = u32::try_from(at + index as u64) else { continue };
            if wanted.last() != Some(&(place, *point)) {
                if wanted.len() == MAX_NAMES {
                    return Err(Refusal::TooMuch);
                }
                wanted.push((place, *point));
            }
        }
        Ok(())
    })?;
    Ok(wanted)
}
