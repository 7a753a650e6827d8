//! Go programs: which release made them, and where the functions are that are probed.
//!
//! Functions are found by the table that the Go runtime itself uses (`.gopclntab`). Every program has it, stripped or not, and what
//! it says can be checked against the runtime's own record of the program (`runtime.moduledata`); a symbol table says nothing
//! that it does not, so it is not asked.

mod arm64;
mod buildinfo;
mod closure_call;
mod entry;
mod functions;
mod layout;
mod moduledata;
mod modules;
mod pclntab;
mod version;

use collector_common::go::Layout;

pub use version::Version;

use crate::{Machine, Point, Refusal, Source, elf::Elf};
use functions::{Function, Library};
use modules::Modules;
use pclntab::{Code, Table};

/// What there is to probe in a Go program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoProgram {
    /// The release that made it.
    pub version: Version,
    /// Type hashes and field offsets of that release, with which the modules agree whose functions are among the probes.
    pub layout: Layout,
    /// Where functions begin in the file, by point. A point may be there several times: a program may have several copies of
    /// HTTP/2, all with this layout.
    pub probes: Vec<(Point, u64)>,
    /// Functions that are in the program but are not to be probed, and why.
    pub refused: Vec<(Point, Refusal)>,
}

/// Looks for a Go program.
pub fn inspect<S: Source + ?Sized>(elf: &Elf<'_, S>) -> Result<Option<GoProgram>, Refusal> {
    let Some(info) = buildinfo::read(elf)? else {
        // Without it there is no release to be known, even if the functions are there.
        return if pclntab::has_section(elf) { Err(Refusal::VersionUnknown) } else { Ok(None) };
    };
    let version = Version::parse(&info.version)?;
    let layout = layout::of(version)?;
    let table = Table::read(elf)?;
    let mut probes = Vec::new();
    let mut refused = Vec::new();
    let modules = Modules::parse(&info.modules);
    for (function, found) in table.find(elf)? {
        let checked = found
            .and_then(|code| place(elf, function.point, code))
            .and_then(|offset| modules.check(function, &layout).map(|()| offset));
        match checked {
            Ok(offset) => probes.push((function, offset)),
            Err(refusal) => refused.push((function.point, refusal)),
        }
    }
    drop_lone_fields(&mut probes);
    // Either `condfn` is a function of its own, or its code is in `Read`.
    if probes.iter().any(|(function, _)| function.point == Point::H1BodyEnd) {
        refused.retain(|(point, _)| *point != Point::H1BodyRead);
    }
    let mut probes: Vec<_> = probes.into_iter().map(|(function, offset)| (function.point, offset)).collect();
    probes.sort_unstable();
    refused.sort_by_key(|(point, _)| *point);
    Ok(Some(GoProgram { version, layout, probes, refused }))
}

/// Where in a function the probe of that point goes, as an offset in the file.
fn place<S: Source + ?Sized>(elf: &Elf<'_, S>, point: Point, code: Code) -> Result<u64, Refusal> {
    let offset = elf.code_offset(code.start, code.end - code.start).ok_or(Refusal::NotCode)?;
    let is_within = point == Point::H1BodyRead;
    let look =
        (code.end - code.start).min(if is_within { closure_call::MAX_CODE } else { entry::LOOK as u64 });
    let bytes = elf.reader.bytes(offset, usize::try_from(look).map_err(|_| Refusal::TooMuch)?)?;
    let at = match (elf.machine, is_within) {
        (Machine::X86_64, false) => entry::behind_stack_check(&bytes)?,
        (Machine::X86_64, true) => {
            let behind_check = entry::behind_stack_check(&bytes)?;
            closure_call::find(&bytes, behind_check).ok_or(Refusal::Instruction)?
        }
        (Machine::Aarch64, false) => arm64::behind_stack_check(&bytes)?,
        (Machine::Aarch64, true) => arm64::closure_call(&bytes).ok_or(Refusal::Instruction)?,
    };
    Ok(offset + at as u64)
}

/// The encoder of golang.org/x/net is also used by gRPC, whose calls are read on sockets and not in programs: it is of use only
/// together with the HTTP/2 client of the same module.
fn drop_lone_fields(probes: &mut Vec<(Function, u64)>) {
    let has_client = probes
        .iter()
        .any(|(function, _)| function.library == Library::Net && function.point == Point::H2Request);
    probes.retain(|(function, _)| {
        has_client || function.library != Library::Net || function.point != Point::H2Field
    });
}

#[cfg(test)]
mod tests;
