//! rustfmt and clippy of the toolchain that builds the workspace, clippy of the one for the kernel programs.

use anyhow::{Result, bail};

use super::{debian, toolchain::Toolchain};
use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, is_root},
};

/// The packages that add them to Debian's Rust.
const PACKAGES: [&str; 2] = ["rustfmt-web", CLIPPY];
const CLIPPY: &str = "rust-web-clippy";

/// Makes sure that `cargo fmt` and `cargo clippy` work.
pub fn require(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    if works(workspace, live) {
        return Ok(Outcome::Done(String::new()));
    }
    // Under rustup the toolchain says so; the packages are for Debian's own compiler only.
    if std::env::var_os("RUSTUP_TOOLCHAIN").is_some() {
        bail!("rustfmt or clippy is missing; get them by `rustup component add rustfmt clippy`");
    }
    if !(is_root() && debian::has_apt()) {
        bail!("rustfmt or clippy is missing; on Debian get them by `apt-get install {}`", PACKAGES.join(" "));
    }
    debian::install(workspace, live, &PACKAGES.map(str::to_owned))?;
    if !works(workspace, live) {
        bail!("rustfmt and clippy are installed but do not start");
    }
    Ok(Outcome::Done("installed".to_owned()))
}

/// Adds clippy to Debian's Rust when that builds the kernel programs; elsewhere they are linted when it is there.
pub fn require_for_kernel(workspace: &Workspace, live: &Live, toolchain: &Toolchain) -> Result<Outcome> {
    if toolchain.has_clippy() {
        return Ok(Outcome::Done(String::new()));
    }
    if toolchain.is_of_rustup() || !is_root() || !debian::has_apt() {
        return Ok(Outcome::Skipped(format!(
            "{} has no clippy, the kernel programs go unlinted",
            toolchain.name
        )));
    }
    debian::install(workspace, live, &[CLIPPY.to_owned()])?;
    Ok(Outcome::Done("installed".to_owned()))
}

fn works(workspace: &Workspace, live: &Live) -> bool {
    ["fmt", "clippy"].iter().all(|lint| live.run(workspace.cargo().args([lint, "--version"])).is_ok())
}
