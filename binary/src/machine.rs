//! The processors that programs are read for.

/// The processor that a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// arm64, little-endian.
    Aarch64,
}

impl Machine {
    /// That of this build.
    pub const OWN: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// `e_machine` of its programs: `EM_X86_64`, `EM_AARCH64` (include/uapi/linux/elf-em.h).
    pub(crate) fn elf(self) -> u16 {
        match self {
            Self::X86_64 => 62,
            Self::Aarch64 => 183,
        }
    }

    /// The relocation by which a word becomes base plus addend: `R_X86_64_RELATIVE` (System V ABI, AMD64 supplement),
    /// `R_AARCH64_RELATIVE` (ELF for the Arm 64-bit Architecture).
    pub(crate) fn relative(self) -> u32 {
        match self {
            Self::X86_64 => 8,
            Self::Aarch64 => 1027,
        }
    }

    /// Bytes of which the length of every instruction is a multiple: `MinLC` (Go's `cmd/internal/sys/arch.go`).
    pub(crate) fn code_unit(self) -> u8 {
        match self {
            Self::X86_64 => 1,
            Self::Aarch64 => 4,
        }
    }
}
