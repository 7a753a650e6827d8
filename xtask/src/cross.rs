//! The processor that this machine does not have: pullscope is built for it and runs in an emulated machine.

use anyhow::Result;

use crate::{
    architecture::Architecture,
    build,
    setup::{self, KernelTools},
    steps::{Live, Outcome, Steps},
    workspace::{Workspace, find_program},
};

/// Tests of `tests/vm` that put programs of this machine into the guest.
const OF_THIS_MACHINE: &str = "systemd::";

/// Builds, and runs the tests in a guest of that kind.
pub fn check(workspace: &Workspace, steps: &mut Steps, tools: Option<&KernelTools>) -> Result<()> {
    let Some(tools) = tools else { return Ok(()) };
    let other = Architecture::OTHER;
    let name = other.name();
    if find_program("rustup").is_none() {
        let why = format!("no rustup, which would fetch Rust's standard library for {name}");
        return steps.step(&format!("end-to-end vm {name}"), |_| Ok(Outcome::Skipped(why)));
    }
    setup::for_architecture(workspace, steps, other)?;
    let programs = format!("kernel programs {name}");
    steps.step(&programs, |live| build::kernel(workspace, live, tools, other, false))?;
    let release = format!("release build {name}");
    let args = build::Args::default();
    steps.step(&release, |live| build::program(workspace, live, args, other))?;
    let built = steps.is_done(&programs) && steps.is_done(&release);
    steps.step(&format!("end-to-end vm {name}"), |live| {
        if built { vm(workspace, live, other) } else { Ok(Outcome::Skipped("not built".to_owned())) }
    })
}

fn vm(workspace: &Workspace, live: &Live, architecture: Architecture) -> Result<Outcome> {
    let mut test = workspace.cargo();
    test.args(["test", "--package=pullscope-tests", "--test=vm"]);
    test.env("PULLSCOPE_VM", architecture.name());
    test.env("PULLSCOPE_BIN", workspace.binary_for(architecture, false));
    live.run(test.args(["--", "--skip", OF_THIS_MACHINE]))?;
    Ok(Outcome::Done(format!("without {OF_THIS_MACHINE}, which takes programs of this machine")))
}
