//! The LLVM library that bpf-linker loads when it runs.
//!
//! bpf-linker takes the first file named `libLLVM*` in the folders of `LD_LIBRARY_PATH`, whatever its version, and a
//! Debian machine may have several in one folder. So it is shown a folder of our own with a link to the right one.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::toolchain::Toolchain;
use crate::workspace::Workspace;

/// The LLVM that the pinned bpf-linker is made for.
pub const MAJOR: u32 = 22;

/// A folder that holds nothing but a link to the LLVM library that fits the toolchain.
pub fn folder(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let Some(library) = library_folders(&toolchain.sysroot).iter().find_map(|folder| library_in(folder))
    else {
        bail!(
            "LLVM {MAJOR} of {} is not there; on Debian `apt-get install libllvm{MAJOR}` brings it",
            toolchain.name
        );
    };
    let folder = workspace.target.join("ebpf/llvm");
    let link = folder.join(format!("libLLVM-{MAJOR}.so"));
    if fs::read_link(&link).is_ok_and(|target| target == library) {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Absent the first time.
    let _ = fs::remove_file(&link);
    symlink(&library, &link).with_context(|| format!("cannot make {}", link.display()))?;
    Ok(folder)
}

/// Where a toolchain's LLVM library may lie: in rustup's toolchains in `lib`, in a distribution's also below.
fn library_folders(sysroot: &Path) -> Vec<PathBuf> {
    let library = sysroot.join("lib");
    let multiarch = library.join(format!("{}-linux-gnu", std::env::consts::ARCH));
    vec![multiarch, sysroot.join("lib64"), library.join(format!("llvm-{MAJOR}/lib")), library]
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| is_library(&entry.file_name().to_string_lossy(), MAJOR))
        // Rustup also ships a linker script of that name, a few bytes long, beside the library.
        .filter_map(|entry| fs::canonicalize(entry.path()).ok())
        .filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 1 << 20))
        .collect();
    found.sort();
    found.pop()
}

/// Whether a file name is that of LLVM's shared library in this version.
fn is_library(name: &str, major: u32) -> bool {
    let Some(version) = name.strip_prefix("libLLVM.so.").or_else(|| name.strip_prefix("libLLVM-")) else {
        return false;
    };
    version.split(|character: char| !character.is_ascii_digit()).next() == Some(&*major.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_debian_and_of_rustup_are_known() {
        for name in [
            "libLLVM.so.22.1",
            "libLLVM-22.so",
            "libLLVM.so.22.1-rust-1.95.0-stable",
            "libLLVM-22-rust-1.97.0-nightly.so",
        ] {
            assert!(is_library(name, 22), "{name}");
        }
        for name in [
            "libLLVM-14.so.1",
            "libLLVM.so.21.1",
            "libLLVM-2.so",
            "libLLVM-220.so",
            "libLLVM.so",
            "libLTO.so.22",
        ] {
            assert!(!is_library(name, 22), "{name}");
        }
    }

    #[test]
    fn the_library_is_found_past_links_scripts_and_other_versions() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("libLLVM-14.so.1"), vec![0; 2 << 20]).unwrap();
        fs::write(path("libLLVM-22-rust-1.95.0-stable.so"), "INPUT(...)").unwrap();
        assert_eq!(library_in(folder.path()), None);
        fs::write(path("libLLVM.so.22.1"), vec![0; 2 << 20]).unwrap();
        symlink("libLLVM.so.22.1", path("libLLVM-22.so")).unwrap();
        assert_eq!(library_in(folder.path()), fs::canonicalize(path("libLLVM.so.22.1")).ok());
        assert_eq!(library_in(Path::new("/no/such/folder")), None);
    }
}
