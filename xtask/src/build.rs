//! `cargo xtask build`: the kernel programs, then the program that carries them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    architecture::Architecture,
    setup::{self, KernelTools, llvm},
    steps::{Live, Outcome, Steps},
    workspace::Workspace,
};

/// Arguments of `cargo xtask build`, shared by `run`.
#[derive(clap::Args, Clone, Copy, Default)]
// Two `Args` in one command line would be two groups of one name.
#[group(skip)]
pub struct Args {
    /// Build without optimization: quicker to build, slower to run
    #[arg(long)]
    pub debug: bool,
    /// Let the kernel programs log (costs on every event; for work on the programs themselves)
    #[arg(long)]
    pub kernel_log: bool,
}

/// Arguments of `cargo xtask build` alone.
#[derive(clap::Args)]
pub struct AllArgs {
    #[command(flatten)]
    args: Args,
    /// Build for this processor
    #[arg(long, value_enum, default_value_t = Architecture::HOST)]
    arch: Architecture,
    /// Put a copy of the program there
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const TARGET: &str = "bpfel-unknown-none";

/// Sets up and builds.
pub fn main(args: &AllArgs) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?;
    all(&workspace, &mut steps, args.args, args.arch)?;
    if let Some(to) = &args.output {
        let program = workspace.binary_for(args.arch, args.args.debug);
        fs::copy(&program, to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// The set-up and the build, step by step.
pub fn all(workspace: &Workspace, steps: &mut Steps, args: Args, architecture: Architecture) -> Result<()> {
    let tools = setup::for_kernel(workspace, steps)?;
    setup::for_architecture(workspace, steps, architecture)?;
    if let Some(tools) = tools {
        steps
            .step("kernel programs", |live| kernel(workspace, live, &tools, architecture, args.kernel_log))?;
    }
    steps.step("pullscope", |live| program(workspace, live, args, architecture))
}

/// Builds the kernel programs into the one object that `collector/build.rs` embeds.
pub fn kernel(
    workspace: &Workspace,
    live: &Live,
    tools: &KernelTools,
    architecture: Architecture,
    log: bool,
) -> Result<Outcome> {
    let mut build = kernel_cargo(workspace, tools, architecture, "build")?;
    build.arg("--release");
    if log {
        build.args(["--features", "log"]);
    }
    live.run(&mut build)?;
    let folder = workspace.target.join(architecture.kernel_folder());
    let linked = folder.join(TARGET).join("release/collector-ebpf");
    let object = workspace.kernel_object(architecture);
    let bytes = fs::read(&linked).with_context(|| format!("cannot read {}", linked.display()))?;
    ensure!(
        is_bpf_object(&bytes),
        "{} is no BPF object: does collector-ebpf have programs?",
        linked.display()
    );
    let changed = write_if_changed(&object, &bytes)?;
    let size = bytes.len().div_ceil(1024);
    let changed = if changed { "" } else { ", unchanged" };
    Ok(Outcome::Done(format!("{} ({size} KiB{changed})", workspace.short(&object))))
}

/// Lints the kernel programs, when the toolchain can.
pub fn kernel_clippy(workspace: &Workspace, live: &Live, tools: &KernelTools) -> Result<Outcome> {
    if !tools.toolchain.has_clippy() {
        return Ok(Outcome::Skipped(format!("{} has no clippy", tools.toolchain.name)));
    }
    let mut clippy = kernel_cargo(workspace, tools, Architecture::HOST, "clippy")?;
    // Cargo looks for its subcommands in PATH, where another toolchain's may come first.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.toolchain.sysroot.join("bin")).chain(std::env::split_paths(&path));
    clippy.env("PATH", std::env::join_paths(folders)?).args(["--release", "--", "-Dwarnings"]);
    live.run(&mut clippy)?;
    Ok(Outcome::Done(String::new()))
}

/// The kernel toolchain's Cargo for the kernel programs: the flags of aya-build, with the instruction set pinned.
fn kernel_cargo(
    workspace: &Workspace,
    tools: &KernelTools,
    architecture: Architecture,
    subcommand: &str,
) -> Result<Command> {
    let toolchain = &tools.toolchain;
    let flags = [
        // Which registers `pt_regs` has, for aya-ebpf and for us.
        format!("--cfg=bpf_target_arch=\"{}\"", architecture.name()),
        // BTF is made from debug information.
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        // 32-bit operations and jumps: every kernel since 5.1 has them (kernel/bpf/verifier.c, BPF_JMP32).
        "-Ctarget-cpu=v3".to_owned(),
        format!("-Clinker={}", tools.linker.display()),
    ];
    let mut cargo = workspace.command(toolchain.program("cargo"));
    // A folder of its own for each: other compiler, other flags; the host's builds stay as they are.
    cargo
        .args([
            subcommand,
            "--package=collector-ebpf",
            "-Zbuild-std=core",
            "--target",
            TARGET,
            "--target-dir",
        ])
        .arg(workspace.target.join(architecture.kernel_folder()))
        .env("RUSTC", toolchain.program("rustc"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("LD_LIBRARY_PATH", llvm::folder(workspace, toolchain)?);
    for other in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO", "RUSTUP_TOOLCHAIN"] {
        cargo.env_remove(other);
    }
    Ok(cargo)
}

/// Builds the program itself, with the kernel programs that are there.
///
/// It has the C library inside, and so runs on every distribution and in an image with nothing else. The flag is for this target
/// alone: build scripts and macros, which Cargo builds for the machine, cannot be linked so.
pub fn program(
    workspace: &Workspace,
    live: &Live,
    args: Args,
    architecture: Architecture,
) -> Result<Outcome> {
    let Args { debug, kernel_log } = args;
    let mut build = workspace.cargo();
    build.args(["build", "--package=pullscope", "--target", architecture.triple()]);
    build.env("CARGO_ENCODED_RUSTFLAGS", architecture.flags().join("\x1f"));
    if !debug {
        build.arg("--release");
    }
    if kernel_log {
        build.args(["--features", "kernel-log"]);
    }
    if let Some(Commit { revision, .. }) = commit(workspace) {
        build.env("PULLSCOPE_REVISION", revision);
    }
    live.run(&mut build)?;
    let binary = workspace.binary_for(architecture, debug);
    Ok(Outcome::Done(workspace.short(&binary).to_string()))
}

/// A commit.
pub struct Commit {
    /// The first digits of its hash.
    pub revision: String,
    /// When it was made, in seconds since 1970.
    pub time: String,
}

/// The commit that is built, where git knows it.
pub fn commit(workspace: &Workspace) -> Option<Commit> {
    let output =
        workspace.command("git").args(["log", "-1", "--format=%h %ct", "--abbrev=12"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (revision, time) = text.trim().split_once(' ')?;
    Some(Commit { revision: revision.to_owned(), time: time.to_owned() })
}

/// Whether this is an ELF file for BPF: class 64, `e_machine` 247 (`EM_BPF`, include/uapi/linux/elf-em.h).
fn is_bpf_object(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF\x02") && bytes.get(18..20) == Some(&247_u16.to_le_bytes())
}

/// Writes a file unless it has that content, so that what depends on it is not built again; whether it was written.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))
        .and_then(|()| fs::write(path, bytes))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bpf_object_is_told_from_a_host_program() {
        let mut object = [0_u8; 64];
        object[..5].copy_from_slice(b"\x7fELF\x02");
        object[18] = 247;
        assert!(is_bpf_object(&object));
        object[18] = 62;
        assert!(!is_bpf_object(&object), "x86-64");
        assert!(!is_bpf_object(b""));
    }

    #[test]
    fn an_unchanged_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/object");
        assert!(write_if_changed(&path, b"one").unwrap());
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(!write_if_changed(&path, b"one").unwrap());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        assert!(write_if_changed(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
    }
}
