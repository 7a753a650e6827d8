//! What the commands need from the machine: looked for first, installed only when absent.

pub mod debian;
pub mod go;
pub mod linker;
pub mod lints;
pub mod llvm;
pub mod std;
pub mod toolchain;

use anyhow::Result;

use crate::{
    architecture::Architecture,
    chart, demo, fuzz,
    steps::{Outcome, Steps},
    workspace::{Workspace, find_program},
};

/// Arguments of `cargo xtask setup`.
#[derive(clap::Args)]
pub struct Args {}

/// What builds the kernel programs.
pub struct KernelTools {
    /// A compiler with the sources of its `core`.
    pub toolchain: toolchain::Toolchain,
    /// bpf-linker.
    pub linker: ::std::path::PathBuf,
}

/// Sets up everything that `run` and `test` need.
pub fn main(_: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    let tools = for_kernel(&workspace, &mut steps)?;
    for_lints(&workspace, &mut steps, tools.as_ref())?;
    for_fuzz(&workspace, &mut steps)?;
    for_end_to_end(&workspace, &mut steps)?;
    for_go(&workspace, &mut steps)?;
    // As `test` has it: without rustup the other processor is left out.
    if find_program("rustup").is_some() {
        for_architecture(&workspace, &mut steps, Architecture::OTHER)?;
    }
    for_chart(&workspace, &mut steps)?;
    demo::set_up(&workspace, &mut steps)
}

/// Finds or installs what builds the kernel programs.
pub fn for_kernel(workspace: &Workspace, steps: &mut Steps) -> Result<Option<KernelTools>> {
    let mut found_toolchain = None;
    let mut found_linker = None;
    steps.step("kernel toolchain", |live| {
        let (toolchain, outcome) = toolchain::find_or_install(workspace, live)?;
        found_toolchain = Some(toolchain);
        Ok(outcome)
    })?;
    steps.step("bpf-linker", |live| {
        let (linker, outcome) = linker::find_or_install(workspace, live)?;
        found_linker = Some(linker);
        Ok(outcome)
    })?;
    Ok(found_toolchain.zip(found_linker).map(|(toolchain, linker)| KernelTools { toolchain, linker }))
}

/// Finds or fetches the standard library for a processor that is not this machine's.
pub fn for_architecture(workspace: &Workspace, steps: &mut Steps, architecture: Architecture) -> Result<()> {
    if architecture.is_host() {
        return Ok(());
    }
    let step = format!("Rust for {}", architecture.name());
    steps.step(&step, |live| std::require(workspace, live, architecture))
}

/// Finds or installs rustfmt and clippy.
pub fn for_lints(workspace: &Workspace, steps: &mut Steps, tools: Option<&KernelTools>) -> Result<()> {
    steps.step("rustfmt and clippy", |live| {
        let host = lints::require(workspace, live)?;
        let Some(tools) = tools else { return Ok(host) };
        lints::require_for_kernel(workspace, live, &tools.toolchain)
    })
}

/// Finds or installs cargo-fuzz.
pub fn for_fuzz(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.step("cargo-fuzz", |live| fuzz::require(workspace, live))
}

/// The step that brings Go's toolchains.
pub const GO: &str = "Go toolchains";

/// Finds or fetches the Go toolchains that the tests build programs with.
pub fn for_go(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.step(GO, |live| go::require(workspace, live))
}

/// Finds or fetches what renders the chart.
pub fn for_chart(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.step(chart::TOOLS, |live| chart::require(workspace, live))
}

/// Finds or installs the Debian packages that the end-to-end tests start.
pub fn for_end_to_end(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.step("test packages", |live| {
        let list = workspace.root.join("tests/packages.txt");
        if !list.is_file() {
            return Ok(Outcome::Skipped(format!("there is no {}", workspace.short(&list))));
        }
        let packages = debian::parse_packages(&::std::fs::read_to_string(list)?);
        debian::require(workspace, live, &packages, "the end-to-end tests")
    })
}
