//! `cargo xtask bench`: what pullscope costs on this machine. `tests/bench` measures; this sets up and builds.

use std::{
    io,
    os::fd::AsFd as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    architecture::Architecture,
    build, setup,
    steps::{Outcome, Steps},
    workspace::{Workspace, is_root},
};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Args {
    /// Print the figures as JSON instead of a table; what else there is to say goes to standard error
    #[arg(long)]
    json: bool,
    /// Only these, instead of all
    #[arg(value_parser = ["unwatched", "pull", "tls", "cri", "exchanges", "redis", "memory", "idle"])]
    figures: Vec<String>,
}

/// Measures, and prints every figure, met or not; also into `target/bench.json`.
pub fn main(args: &Args) -> Result<()> {
    if !is_root() {
        bail!("only root may load kernel programs: run `cargo xtask bench` as root");
    }
    let figures = io::stdout().as_fd().try_clone_to_owned()?;
    if args.json {
        // The steps speak to standard output, which is now the figures' alone.
        rustix::stdio::dup2_stdout(io::stderr())?;
    }
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    setup::for_end_to_end(&workspace, &mut steps)?;
    setup::for_go(&workspace, &mut steps)?;
    build::all(&workspace, &mut steps, build::Args::default(), Architecture::HOST)?;
    steps.step("benchmark", |live| {
        live.run(cargo_bench(&workspace).arg("--no-run"))?;
        Ok(Outcome::Done(String::new()))
    })?;
    let file = workspace.target.join("bench.json");
    let mut bench = cargo_bench(&workspace);
    bench.args(["--quiet", "--"]).args(args.json.then_some("--json")).args(&args.figures);
    bench.arg(format!("--output={}", file.display())).env("PULLSCOPE_BIN", workspace.binary(false));
    let status = bench.stdout(Stdio::from(figures)).status().context("cannot start cargo")?;
    ensure!(status.success(), "the benchmark ended with {status}");
    eprintln!("written as JSON: {}", workspace.short(&file));
    Ok(())
}

fn cargo_bench(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--package=pullscope-tests", "--bench=cost"]);
    cargo
}
