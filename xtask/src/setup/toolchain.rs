//! The compiler for the kernel programs.
//!
//! No toolchain ships `core` for the BPF target, so it is built along, from the sources of the very compiler that
//! builds it. bpf-linker reads that compiler's bitcode with LLVM, so their LLVM versions must agree too.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use super::{debian, llvm};
use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, is_root},
};

/// Debian's current Rust, kept for building browsers: compiler, Cargo and the sources of `core`.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// A toolchain on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// As a reader knows it: rustup's name, or the path of the system's compiler.
    pub name: String,
    /// The root of its files.
    pub sysroot: PathBuf,
    /// Whether the sources of `core` are there.
    pub has_core: bool,
    /// Its release, such as (1, 96).
    pub release: (u32, u32),
    /// The major version of its LLVM.
    pub llvm: u32,
}

impl Toolchain {
    /// One of its programs, such as `cargo`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.sysroot.join("bin").join(name)
    }

    /// Whether it can lint.
    pub fn has_clippy(&self) -> bool {
        self.program("cargo-clippy").is_file()
    }

    /// Whether rustup looks after it; else the system does.
    pub fn is_of_rustup(&self) -> bool {
        !self.name.starts_with('/')
    }

    fn is_usable(&self) -> bool {
        self.has_core && self.llvm == llvm::MAJOR
    }

    /// Nightly before stable (it was made for unstable flags), rustup's before the system's, newer before older.
    fn rank(&self) -> (bool, bool, (u32, u32)) {
        (self.name.starts_with("nightly"), self.is_of_rustup(), self.release)
    }

    fn describe(&self) -> String {
        format!("{}, Rust {}.{}, LLVM {}", self.name, self.release.0, self.release.1, self.llvm)
    }
}

/// The best toolchain of the machine; installs Debian's when there is none and that is possible.
pub fn find_or_install(workspace: &Workspace, live: &Live) -> Result<(Toolchain, Outcome)> {
    let found = on_this_machine();
    if let Some(best) = choose(&found) {
        let note = best.describe();
        return Ok((best.clone(), Outcome::Done(note)));
    }
    if !(is_root() && debian::has_apt()) {
        bail!("{}", what_is_missing(&found));
    }
    debian::install(workspace, live, &PACKAGES.map(str::to_owned))?;
    match choose(&on_this_machine()) {
        Some(best) => Ok((best.clone(), Outcome::Done(format!("{}, installed", best.describe())))),
        None => bail!("{}", what_is_missing(&on_this_machine())),
    }
}

fn choose(found: &[Toolchain]) -> Option<&Toolchain> {
    found.iter().filter(|toolchain| toolchain.is_usable()).max_by_key(|toolchain| toolchain.rank())
}

/// One sentence: why none of these can build the kernel programs, and what to do.
fn what_is_missing(found: &[Toolchain]) -> String {
    let need = llvm::MAJOR;
    let mend = if found.iter().any(Toolchain::is_of_rustup) {
        "`rustup update && rustup component add rust-src`".to_owned()
    } else {
        format!(
            "`apt-get install {}` (Debian, as root), or rustup with its component rust-src",
            PACKAGES.join(" ")
        )
    };
    let other_llvm: Vec<_> =
        found.iter().filter(|toolchain| toolchain.has_core).map(Toolchain::describe).collect();
    let what = if other_llvm.is_empty() {
        "no Rust toolchain here has the sources of `core`".to_owned()
    } else {
        format!("bpf-linker needs a Rust toolchain with LLVM {need}, but here is {}", other_llvm.join("; "))
    };
    format!("{what}; get one by {mend}")
}

fn on_this_machine() -> Vec<Toolchain> {
    let mut found = Vec::new();
    if let Some(folder) = rustup_home().map(|home| home.join("toolchains"))
        && let Ok(entries) = fs::read_dir(folder)
    {
        for entry in entries.flatten() {
            found.extend(inspect(entry.file_name().to_string_lossy().into_owned(), &entry.path()));
        }
    }
    // Debian, Fedora and Arch put the compiler here. A proxy of rustup at this path has no `core` beside it.
    found.extend(inspect("/usr/bin/rustc".to_owned(), Path::new("/usr")));
    found
}

/// Where rustup keeps its toolchains.
pub fn rustup_home() -> Option<PathBuf> {
    env::var_os("RUSTUP_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".rustup")))
}

fn inspect(name: String, sysroot: &Path) -> Option<Toolchain> {
    let program = |name| sysroot.join("bin").join(name);
    if !program("cargo").is_file() {
        return None;
    }
    let output = Command::new(program("rustc")).arg("-vV").output().ok()?;
    let (release, llvm) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
    let has_core = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs").is_file();
    Some(Toolchain { name, sysroot: sysroot.to_owned(), has_core, release, llvm })
}

/// Release and LLVM's major version out of `rustc -vV`.
fn parse_version(text: &str) -> Option<((u32, u32), u32)> {
    let value = |key| text.lines().find_map(|line| line.strip_prefix(key));
    let mut release = value("release: ")?.split('.').map_while(|part| part.parse().ok());
    let llvm = value("LLVM version: ")?.split('.').next()?.parse().ok()?;
    Some(((release.next()?, release.next()?), llvm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toolchain(name: &str, has_core: bool, minor: u32, llvm: u32) -> Toolchain {
        Toolchain { name: name.into(), sysroot: "/nowhere".into(), has_core, release: (1, minor), llvm }
    }

    fn chosen(found: &[Toolchain]) -> Option<&str> {
        choose(found).map(|toolchain| &*toolchain.name)
    }

    #[test]
    fn nightly_comes_first_then_rustup_then_the_system() {
        let system = toolchain("/usr/bin/rustc", true, 96, 22);
        let stable = toolchain("stable-x86_64-unknown-linux-gnu", true, 95, 22);
        let older = toolchain("1.94.0-x86_64-unknown-linux-gnu", true, 94, 22);
        let nightly = toolchain("nightly-x86_64-unknown-linux-gnu", true, 93, 22);
        let all = [system, stable, older, nightly];
        assert_eq!(chosen(&all), Some("nightly-x86_64-unknown-linux-gnu"));
        assert_eq!(chosen(&all[..3]), Some("stable-x86_64-unknown-linux-gnu"));
        assert_eq!(chosen(&all[..1]), Some("/usr/bin/rustc"));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn a_toolchain_without_core_or_with_another_llvm_is_passed_over() {
        let bare = toolchain("nightly-x86_64-unknown-linux-gnu", false, 97, 22);
        let next = toolchain("nightly-2030-01-01-x86_64-unknown-linux-gnu", true, 120, 30);
        let system = toolchain("/usr/bin/rustc", true, 96, 22);
        assert_eq!(chosen(&[bare.clone(), next.clone(), system]), Some("/usr/bin/rustc"));
        assert_eq!(chosen(&[bare, next]), None);
    }

    #[test]
    fn the_mend_fits_the_machine() {
        let nothing = what_is_missing(&[]);
        assert!(
            nothing.contains("sources of `core`") && nothing.contains("apt-get install rustc-web"),
            "{nothing}"
        );
        let bare = what_is_missing(&[toolchain("stable-x86_64-unknown-linux-gnu", false, 95, 22)]);
        assert!(bare.contains("rustup component add rust-src"), "{bare}");
        let old = what_is_missing(&[toolchain("stable-x86_64-unknown-linux-gnu", true, 88, 20)]);
        assert!(old.contains("Rust 1.88, LLVM 20") && old.contains("rustup update"), "{old}");
    }

    #[test]
    fn versions_are_read_from_the_compilers_own_words() {
        let stable = "rustc 1.96.0\nbinary: rustc\nhost: x\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        assert_eq!(parse_version(stable), Some(((1, 96), 22)));
        assert_eq!(parse_version("release: 1.97.0-nightly\nLLVM version: 22.1\n"), Some(((1, 97), 22)));
        assert_eq!(parse_version("release: 1.96.0\n"), None);
        assert_eq!(parse_version("error: no toolchain\n"), None);
    }
}
