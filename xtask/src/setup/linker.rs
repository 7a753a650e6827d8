//! bpf-linker, which makes one BPF object out of the compiler's bitcode.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, find_program},
};

/// Pinned: it decides what instructions and what type information the kernel gets to see.
const VERSION: &str = "0.10.3";

/// The pinned bpf-linker; built and installed when it is absent or another version.
pub fn find_or_install(workspace: &Workspace, live: &Live) -> Result<(PathBuf, Outcome)> {
    let present = find_program("bpf-linker").and_then(|path| Some((version(&path)?, path)));
    let note = match present {
        Some((version, path)) if version == VERSION => return Ok((path, Outcome::Done(version))),
        Some((version, _)) => format!("{VERSION}, installed in place of {version}"),
        None => format!("{VERSION}, installed"),
    };
    let mut install = workspace.cargo();
    // Its own build folder: the user's may be set to one that `cargo install` would fill with what it never needs again.
    install
        .args(["install", "--locked", "--force", "--version", VERSION, "bpf-linker"])
        .env_remove("CARGO_TARGET_DIR");
    live.run(&mut install)
        .context("bpf-linker is absent; it comes by `cargo install --locked bpf-linker`")?;
    let path = find_program("bpf-linker").context("bpf-linker was installed but is not in PATH")?;
    Ok((path, Outcome::Done(note)))
}

fn version(path: &std::path::Path) -> Option<String> {
    let output = Command::new(path).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout)).map(str::to_owned)
}

fn parse_version(text: &str) -> Option<&str> {
    text.trim().strip_prefix("bpf-linker ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_follows_the_name() {
        assert_eq!(parse_version("bpf-linker 0.10.3\n"), Some("0.10.3"));
        assert_eq!(parse_version("some other program\n"), None);
    }
}
