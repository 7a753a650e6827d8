//! `cargo xtask run`: pullscope on this machine, or the demo.

use std::{os::unix::process::CommandExt as _, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    architecture::Architecture,
    build, demo,
    steps::Steps,
    workspace::{Workspace, is_root},
};

/// Arguments of `cargo xtask run`.
#[derive(clap::Args)]
pub struct Args {
    /// For a machine with nothing to watch: start a registry, pull an image again and again, show what pullscope sees
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    build: build::Args,
    /// Arguments for pullscope itself, after `--`
    #[arg(last = true)]
    pullscope: Vec<String>,
}

/// Builds and runs.
pub fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    if args.demo {
        require_root("the demo loads kernel programs: run `cargo xtask run --demo` as root")?;
        demo::set_up(&workspace, &mut steps)?;
    }
    build::all(&workspace, &mut steps, args.build, Architecture::HOST)?;
    let binary = workspace.binary(args.build.debug);
    if args.demo {
        return demo::main(&workspace, &mut steps, &binary, &args.pullscope);
    }
    require_root(&format!(
        "only root may load kernel programs: run `sudo {}`",
        as_typed(&binary, &args.pullscope)
    ))?;
    // In place of xtask: signals and the exit status are pullscope's own.
    Err(workspace.command(&binary).args(&args.pullscope).exec()).context("cannot start pullscope")
}

fn require_root(otherwise: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    bail!("{otherwise}")
}

fn as_typed(binary: &Path, args: &[String]) -> String {
    let mut words = binary.display().to_string();
    for arg in args {
        words.push(' ');
        words.push_str(arg);
    }
    words
}
