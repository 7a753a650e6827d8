//! What the linker writes into a Go program about itself (Go 1.18 and later: `cmd/link/internal/ld/data.go`, `buildinfo`; read
//! by `debug/buildinfo`).

use crate::{Refusal, Source, elf::Elf, source::Reader};

/// How it begins. Pointer size and flags follow, and from byte 32 on the strings.
const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// It stands at a multiple of this.
const ALIGN: usize = 16;
/// Most bytes of the version; real ones have less than a hundred.
const MAX_VERSION: u64 = 256;
/// Most bytes of the list of modules; that of Kubernetes has about 30 KiB.
const MAX_MODULES: u64 = 1 << 20;

/// What a Go program says of itself.
pub struct BuildInfo {
    /// As in `go version`: `go1.19.8`.
    pub version: String,
    /// The modules that it was built from, as lines; empty where it was built without.
    pub modules: String,
}

/// Reads it, if it is there.
pub fn read<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<BuildInfo>, Refusal> {
    let at = if elf.sections.is_empty() { scan(elf)? } else { section(elf)? };
    let Some(at) = at else { return Ok(None) };
    let reader = &elf.reader;
    let head = reader.bytes(at, 32)?;
    let flags = head.get(15).copied().unwrap_or_default();
    if flags & 2 == 0 {
        // Pointers to strings instead of strings: Go 1.13 to 1.17.
        return Err(Refusal::TooOld(None));
    }
    let mut next = at + 32;
    let version = string(reader, &mut next, MAX_VERSION)?;
    let modules = string(reader, &mut next, MAX_MODULES)?;
    let version = String::from_utf8(version).map_err(|_| Refusal::VersionUnknown)?;
    let modules = String::from_utf8_lossy(unframed(&modules)).into_owned();
    Ok(Some(BuildInfo { version, modules }))
}

fn section<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<u64>, Refusal> {
    let Some(section) = elf.section(".go.buildinfo") else { return Ok(None) };
    if section.len < 32 || elf.reader.bytes(section.offset, MAGIC.len())? != MAGIC {
        return Err(Refusal::VersionUnknown);
    }
    Ok(Some(section.offset))
}

/// Without sections: the first place in the loaded data that begins like it.
fn scan<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<u64>, Refusal> {
    for segment in elf.segments.iter().filter(|segment| !segment.executable) {
        let skip = segment.address.wrapping_neg() % ALIGN as u64;
        let Some(len) = segment.len.checked_sub(skip) else { continue };
        let mut found = None;
        elf.reader.window(segment.offset + skip, len)?.pieces(0, |at, piece| {
            if found.is_none()
                && let Some(index) = piece.chunks(ALIGN).position(|chunk| chunk.starts_with(MAGIC))
            {
                found = Some(segment.offset + skip + at + (index * ALIGN) as u64);
            }
            Ok(())
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A string after its length as a varint (`encoding/binary`, `Uvarint`).
fn string<S: Source + ?Sized>(reader: &Reader<'_, S>, next: &mut u64, max: u64) -> Result<Vec<u8>, Refusal> {
    let (mut len, mut shift) = (0, 0);
    loop {
        let byte = reader.bytes(*next, 1)?.first().copied().unwrap_or_default();
        *next += 1;
        len |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
        if shift > 28 {
            return Err(Refusal::VersionUnknown);
        }
    }
    if len > max {
        return Err(Refusal::VersionUnknown);
    }
    let bytes = reader.bytes(*next, usize::try_from(len).map_err(|_| Refusal::VersionUnknown)?)?;
    *next += len;
    Ok(bytes)
}

/// The list of modules stands between two marks of 16 bytes (`cmd/go/internal/modload/build.go`, `ModInfoData`).
fn unframed(modules: &[u8]) -> &[u8] {
    modules.get(16..modules.len().saturating_sub(16)).unwrap_or_default()
}
