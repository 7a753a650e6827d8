//! What pullscope is built for: this machine's processor, or another.

use clap::ValueEnum;

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Architecture {
    /// x86-64
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    /// arm64
    #[value(name = "aarch64", alias = "arm64")]
    Aarch64,
}

impl Architecture {
    /// This machine's.
    pub const HOST: Self = if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// The other one.
    pub const OTHER: Self = if cfg!(target_arch = "aarch64") { Self::X86_64 } else { Self::Aarch64 };

    /// As Rust calls it, and the kernel programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As images call it.
    pub fn of_images(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// Whether it is this machine's.
    pub fn is_host(self) -> bool {
        self == Self::HOST
    }

    /// What Cargo builds the program for. For this machine with glibc, the one C library that can be linked into a program whole
    /// and still resolves names as the machine is set up to. For another with musl, which Rust brings along, as it does a
    /// linker: that takes no C compiler for that processor.
    pub fn triple(self) -> &'static str {
        match (self, self.is_host()) {
            (Self::X86_64, true) => "x86_64-unknown-linux-gnu",
            (Self::X86_64, false) => "x86_64-unknown-linux-musl",
            (Self::Aarch64, true) => "aarch64-unknown-linux-gnu",
            (Self::Aarch64, false) => "aarch64-unknown-linux-musl",
        }
    }

    /// The compiler's flags for the program: it has the C library inside.
    pub fn flags(self) -> &'static [&'static str] {
        if self.is_host() {
            &["-Ctarget-feature=+crt-static"]
        } else {
            &["-Ctarget-feature=+crt-static", "-Clinker=rust-lld", "-Clink-self-contained=yes"]
        }
    }

    /// In Cargo's target folder, the folder of the kernel programs; `collector/build.rs` looks there too.
    pub fn kernel_folder(self) -> String {
        if self.is_host() { "ebpf".to_owned() } else { format!("ebpf-{}", self.name()) }
    }
}
