//! What a guest is: a machine like the host, or one with the processor that `PULLSCOPE_VM` names. QEMU emulates either;
//! `PULLSCOPE_BIN` must name a program for it.

use std::env;
use std::sync::LazyLock;

use pullscope_tests::go::{TOOLCHAINS, Variant};

/// A kind of machine.
pub struct Machine {
    /// As Rust calls it.
    pub name: &'static str,
    /// As Debian calls it.
    pub debian: &'static str,
    /// Debian's package of what emulates it, and the program in it.
    pub qemu: (&'static str, &'static str),
    /// What that needs to be told.
    pub options: &'static [&'static str],
    /// The serial ports as the guest's kernel calls them: of the console, and of what the guest tells.
    pub ports: (&'static str, &'static str),
    /// QEMU's name of a device that is the second of them.
    pub second_port: &'static str,
    /// Starts a program with its libraries, as the kernel would (the processor's supplement to the System V ABI).
    pub interpreter: &'static str,
    /// The instruction that a uprobe puts in the place of another, or of another's first byte.
    pub breakpoint: &'static [u8],
}

/// The breakpoint is `int3` (arch/x86/include/asm/uprobes.h, `UPROBE_SWBP_INSN`).
static X86_64: Machine = Machine {
    name: "x86_64",
    debian: "amd64",
    qemu: ("qemu-system-x86", "qemu-system-x86_64"),
    options: &[],
    ports: ("ttyS0", "ttyS1"),
    second_port: "isa-serial",
    interpreter: "/lib64/ld-linux-x86-64.so.2",
    breakpoint: &[0xcc],
};

/// A server's processor: with the pointer authentication of QEMU's `max` everything takes longer. The board has one serial port;
/// the second is a PCI card. The breakpoint is `brk 5` (arch/arm64/include/asm/debug-monitors.h, `BRK64_OPCODE_UPROBES`).
static AARCH64: Machine = Machine {
    name: "aarch64",
    debian: "arm64",
    qemu: ("qemu-system-arm", "qemu-system-aarch64"),
    options: &["-machine", "virt", "-cpu", "neoverse-n1"],
    ports: ("ttyAMA0", "ttyS0"),
    second_port: "pci-serial",
    interpreter: "/lib/ld-linux-aarch64.so.1",
    breakpoint: &[0xa0, 0x00, 0x20, 0xd4],
};

impl Machine {
    /// That of all guests of this run.
    #[track_caller]
    pub fn of_guests() -> &'static Self {
        static NAME: LazyLock<String> =
            LazyLock::new(|| env::var("PULLSCOPE_VM").unwrap_or_else(|_| env::consts::ARCH.to_owned()));
        Self::of(&NAME)
    }

    /// The host's.
    #[track_caller]
    pub fn host() -> &'static Self {
        Self::of(env::consts::ARCH)
    }

    #[track_caller]
    fn of(name: &str) -> &'static Self {
        let known = [&X86_64, &AARCH64].into_iter().find(|machine| machine.name == name);
        known.unwrap_or_else(|| panic!("no guest can be a machine {name:?}"))
    }

    /// Whether programs of the host run on it.
    pub fn is_hosts(&self) -> bool {
        self.name == env::consts::ARCH
    }

    /// The Go toolchain and how it builds for this machine. What the host runs is tested on the host with all of them; for
    /// another machine it is one with which the tests of `binary` build for it too, whose standard library is there then.
    pub fn go(&self) -> (&'static str, Variant) {
        if self.is_hosts() {
            (TOOLCHAINS[TOOLCHAINS.len() - 1], Variant::Static)
        } else {
            // Go calls the processors as Debian does.
            (TOOLCHAINS[TOOLCHAINS.len() / 2], Variant::StaticFor(self.debian))
        }
    }
}
