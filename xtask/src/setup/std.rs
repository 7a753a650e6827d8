//! Rust's standard library for another processor.

use std::path::Path;

use anyhow::{Result, bail};

use crate::{
    architecture::Architecture,
    steps::{Live, Outcome},
    workspace::{Workspace, find_program},
};

/// Makes sure that the compiler has it.
pub fn require(workspace: &Workspace, live: &Live, architecture: Architecture) -> Result<Outcome> {
    let triple = architecture.triple();
    if is_there(workspace, live, triple) {
        return Ok(Outcome::Done(triple.to_owned()));
    }
    let Some(rustup) = find_program("rustup") else {
        bail!("Rust's standard library for {triple} is missing, and rustup, which would fetch it");
    };
    live.run(workspace.command(rustup).args(["target", "add", triple]))?;
    if !is_there(workspace, live, triple) {
        bail!("rustup has fetched {triple}, but for another toolchain than the one that builds");
    }
    Ok(Outcome::Done(format!("{triple}, fetched")))
}

fn is_there(workspace: &Workspace, live: &Live, triple: &str) -> bool {
    // The compiler beside Cargo, since that is the one that builds.
    let compiler = Path::new(workspace.cargo().get_program()).with_file_name("rustc");
    let mut ask = workspace.command(compiler);
    let folder = live.output(ask.args(["--print=target-libdir", "--target", triple])).unwrap_or_default();
    Path::new(String::from_utf8_lossy(&folder).trim()).is_dir()
}
