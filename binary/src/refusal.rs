//! Why a program is not probed.

use std::{fmt, io};

use crate::Version;

/// Why a program, or a function in it, is not probed. As text it is one sentence for people; [`Refusal::label`] is for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The file cannot be read.
    Unreadable(io::ErrorKind),
    /// Not an ELF file.
    NotElf,
    /// A program for another kind of machine, with its `e_machine`.
    Machine(u16),
    /// Headers that contradict each other or the length of the file.
    Malformed(&'static str),
    /// Looking further would take more reading than any real program needs.
    TooMuch,
    /// A Go program that does not say which release made it, or not in a way that is known.
    VersionUnknown,
    /// A Go program made by something else than a release: a development version, a release candidate.
    Development,
    /// A Go program built with an experiment of the toolchain that is not known to leave the layout alone.
    Experiment,
    /// Made by a release before the first whose layout is known; before Go 1.18 a program does not say so in a readable way.
    TooOld(Option<Version>),
    /// Made by a release after the last whose layout is known.
    TooNew(Version),
    /// The table of functions (pclntab) is not there.
    NoFunctions,
    /// There are several tables of functions.
    Ambiguous,
    /// The table of functions contradicts itself.
    BadFunctions(&'static str),
    /// `runtime.moduledata`, which says where the code begins, is not there or does not agree with the table of functions.
    NoModuleData,
    /// A function's address is not in a segment with code.
    NotCode,
    /// A function does not have the instructions that the compiler gives to functions of its kind.
    Instruction,
    /// The table of functions has the name more than once.
    Repeated,
    /// A function of the module golang.org/x/net, whose version the program does not tell, or whose layout is not known or differs
    /// from the standard library's.
    Module,
}

impl Refusal {
    /// The reason as a metric label: one of a few.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotElf | Self::Machine(_) => "other_machine",
            Self::Malformed(_) => "malformed",
            Self::TooMuch => "too_much",
            Self::VersionUnknown | Self::Development | Self::Experiment => "version_unknown",
            Self::TooOld(_) => "too_old",
            Self::TooNew(_) => "too_new",
            Self::NoFunctions | Self::Ambiguous | Self::BadFunctions(_) | Self::NoModuleData => {
                "functions_unknown"
            }
            Self::NotCode | Self::Instruction | Self::Repeated => "function_doubtful",
            Self::Module => "module_unknown",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(kind) => write!(out, "the file cannot be read: {kind}"),
            Self::NotElf => write!(out, "it is not an ELF program"),
            Self::Machine(machine) => {
                write!(out, "it is made for another kind of machine (ELF machine {machine})")
            }
            Self::Malformed(what) => write!(out, "its ELF headers are malformed: {what}"),
            Self::TooMuch => {
                write!(out, "finding its functions would take more reading than any real program needs")
            }
            Self::VersionUnknown => {
                write!(out, "it is a Go program that does not say which Go release made it")
            }
            Self::Development => write!(out, "it is made by a development version of Go"),
            Self::Experiment => write!(out, "it is made with a Go experiment whose effect is not known"),
            Self::TooOld(Some(version)) => {
                write!(out, "it is made by Go {version}, and Go 1.19 is the oldest that is known")
            }
            Self::TooOld(None) => {
                write!(out, "it is made by a Go release before 1.18, and Go 1.19 is the oldest that is known")
            }
            Self::TooNew(version) => {
                write!(out, "it is made by Go {version}, which is newer than any that is known")
            }
            Self::NoFunctions => write!(out, "it is a Go program without a table of its functions"),
            Self::Ambiguous => write!(out, "it has several tables of Go functions"),
            Self::BadFunctions(what) => write!(out, "its table of Go functions is malformed: {what}"),
            Self::NoModuleData => write!(
                out,
                "where its code begins cannot be told: no Go module data fits its table of functions"
            ),
            Self::NotCode => write!(out, "the function's address is not in a segment with code"),
            Self::Instruction => {
                write!(out, "the function does not have the instructions that Go's compiler gives it")
            }
            Self::Repeated => write!(out, "the table of functions has the function more than once"),
            Self::Module => {
                write!(out, "the function is from a Go module whose version is not told or not known")
            }
        }
    }
}

impl std::error::Error for Refusal {}
