//! `cargo xtask chart`: the files that are made from the chart in `deploy/chart`, and the checks of the chart.
//!
//! Helm's library and the schemas of Kubernetes and Grafana come as Python packages by pip, some 350 MB, and are kept in the target
//! folder. What is done with them is Python, in `deploy/chart/tests`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    steps::{Live, Outcome, Steps},
    workspace::{Workspace, find_program},
};

/// Arguments of `cargo xtask chart`.
#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail when a file is stale or the chart is wrong
    #[arg(long)]
    check: bool,
}

/// The step that brings the Python packages.
pub const TOOLS: &str = "chart tools";

const TESTS: &str = "deploy/chart/tests";
const REQUIREMENTS: &str = "requirements.txt";

/// Debian's: of another that comes first in `PATH` it is not known whether it has pip.
const DEBIAN_PYTHON: &str = "/usr/bin/python3";

/// Writes the files, or checks the chart.
pub fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    steps.step(TOOLS, |live| require(&workspace, live))?;
    steps.step(
        "chart",
        |live| {
            if args.check { check(&workspace, live, None) } else { write(&workspace, live) }
        },
    )
}

/// Fetches the Python packages, unless those of the list are there.
pub fn require(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let list = workspace.root.join(TESTS).join(REQUIREMENTS);
    let wanted = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let kept = packages(workspace);
    if fs::read(kept.join(REQUIREMENTS)).is_ok_and(|present| present == wanted) {
        return Ok(Outcome::Done(String::new()));
    }
    let folder = kept.parent().context("the packages lie in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Made beside it: a fetch that was cut off leaves nothing that looks whole.
    let work = tempfile::tempdir_in(folder)?;
    let made = work.path().join("made");
    let mut install = workspace.command(python()?);
    install.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--only-binary=:all:"]);
    install.arg("--target").arg(&made).arg("--requirement").arg(&list);
    live.run(&mut install).context("the packages for the chart cannot be fetched by pip")?;
    fs::write(made.join(REQUIREMENTS), &wanted)?;
    if kept.is_dir() {
        fs::remove_dir_all(&kept).with_context(|| format!("cannot remove {}", kept.display()))?;
    }
    fs::rename(&made, &kept).with_context(|| format!("cannot keep {}", kept.display()))?;
    Ok(Outcome::Done("fetched".to_owned()))
}

fn write(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let mut generate = script(workspace)?;
    generate.arg("generate.py");
    let said = live.output(&mut generate)?;
    Ok(Outcome::Done(String::from_utf8_lossy(&said).trim().to_owned()))
}

/// Checks that what is made from the chart is fresh, then the chart; with a program, also that it takes the chart's config files.
pub fn check(workspace: &Workspace, live: &Live, program: Option<&Path>) -> Result<Outcome> {
    let mut generate = script(workspace)?;
    live.run(generate.args(["generate.py", "--check"]))?;
    let mut tests = script(workspace)?;
    tests.args(["-m", "unittest", "--verbose"]);
    match program {
        Some(program) => tests.env("PULLSCOPE_BIN", program),
        None => tests.env_remove("PULLSCOPE_BIN"),
    };
    live.run(&mut tests)?;
    Ok(Outcome::Done(String::new()))
}

/// Python in the folder of the scripts, with the packages.
fn script(workspace: &Workspace) -> Result<Command> {
    let packages = packages(workspace);
    ensure!(packages.is_dir(), "the packages for the chart are missing; get them by `cargo xtask setup`");
    let mut command = workspace.command(python()?);
    command.current_dir(workspace.root.join(TESTS));
    command.env("PYTHONPATH", packages).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(command)
}

fn packages(workspace: &Workspace) -> PathBuf {
    workspace.build.join("chart/python")
}

fn python() -> Result<PathBuf> {
    let debian = Path::new(DEBIAN_PYTHON);
    let found = if debian.is_file() { Some(debian.to_owned()) } else { find_program("python3") };
    match found {
        Some(python) => Ok(python),
        None => bail!(
            "python3 is missing, which renders the chart; on Debian get it by `apt-get install python3 python3-pip`"
        ),
    }
}
