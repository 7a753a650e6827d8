//! What a program file offers for probing: at which bytes of the file the functions begin that pullscope wants to see.
//!
//! A pure reader. It is given a [`Source`] (an open file, or bytes) and answers with offsets; it attaches nothing and knows
//! nothing of processes. Files come from containers, so every size, count and offset in them is taken for a lie until checked:
//! [`inspect`] reads at most [`MAX_READ`] bytes and holds a few MiB, whatever the file says.
//!
//! A probe at a wrong offset can kill the program that it is put into. Where anything does not agree with the rest, the answer is
//! therefore a [`Refusal`] that says what.
//!
//! | module | answers |
//! | --- | --- |
//! | `source` | bytes of the file, with a limit on all that is read |
//! | `machine` | what differs between processors |
//! | `elf` | segments, sections, addresses to offsets, relocated words |
//! | `go` | is it a Go program, of which release, where are its functions |
//! | `openssl` | does it define OpenSSL's functions |
#![forbid(unsafe_code)]

mod elf;
mod go;
mod machine;
mod openssl;
mod point;
mod refusal;
mod source;

pub use go::{GoProgram, Version};
pub use machine::Machine;
pub use openssl::OpenSsl;
pub use point::Point;
pub use refusal::Refusal;
pub use source::{MAX_READ, Source};

/// What there is to probe in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A Go program of a release whose layout is known.
    Go(GoProgram),
    /// OpenSSL's shared library, or a program that has a copy of OpenSSL or `BoringSSL` inside with its symbols.
    OpenSsl(OpenSsl),
    /// An ELF file without anything to probe.
    None,
}

/// Says what there is to probe in a program file for this build's processor.
///
/// # Errors
/// A file that is no ELF file for it, a Go program of an unknown release, and anything that contradicts itself.
pub fn inspect(source: &(impl Source + ?Sized)) -> Result<Program, Refusal> {
    inspect_for(Machine::OWN, source)
}

/// The same for a processor that may be another.
pub fn inspect_for(machine: Machine, source: &(impl Source + ?Sized)) -> Result<Program, Refusal> {
    let elf = elf::Elf::read(machine, source)?;
    if let Some(program) = go::inspect(&elf)? {
        return Ok(Program::Go(program));
    }
    Ok(openssl::inspect(&elf)?.map_or(Program::None, Program::OpenSsl))
}
