//! `cargo xtask test`: every check of the project, the same here and in CI.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
};

use anyhow::{Context as _, Result};

use crate::{
    architecture::Architecture,
    build, chart, cross, docs, fuzz, image, monitoring,
    setup::{self, KernelTools},
    steps::{Live, Outcome, Steps},
    workspace::{Workspace, is_root},
};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {
    /// Go on after a check that failed, and tell at the end
    #[arg(long)]
    keep_going: bool,
    /// Leave out fuzzing, the end-to-end tests and the tests that build Go programs
    #[arg(long)]
    quick: bool,
}

/// Everything that builds for the host. The kernel programs build for another target.
const HOST_PACKAGES: [&str; 3] = ["--workspace", "--exclude", "collector-ebpf"];
const RELEASE_BUILD: &str = "release build";

/// Runs the checks and prints a table of them.
pub fn main(args: &Args) -> Result<()> {
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(&workspace)?.keep_going(args.keep_going);
    let result = all(&workspace, &mut steps, args);
    let summary = steps.finish();
    result.and(summary)
}

fn all(workspace: &Workspace, steps: &mut Steps, args: &Args) -> Result<()> {
    let tools = set_up(workspace, steps, args)?;
    // The quick ones first: most mistakes end the run within a minute.
    steps.step("rustfmt", |live| rustfmt(workspace, live))?;
    if let Some(tools) = &tools {
        steps.step("kernel programs", |live| {
            build::kernel(workspace, live, tools, Architecture::HOST, false)
        })?;
        steps.step("kernel clippy", |live| build::kernel_clippy(workspace, live, tools))?;
    }
    steps.step("clippy", |live| cargo(workspace, live, "clippy", &["--all-targets", "--", "-Dwarnings"]))?;
    steps.step("rustdoc", |live| cargo(workspace, live, "doc", &["--no-deps"]))?;
    let toolchains = go_toolchains(workspace, steps, args)?;
    steps.step("unit tests", |live| unit_tests(workspace, live, toolchains.as_deref()))?;
    steps.step("docs", |live| docs::check(workspace, live))?;
    steps.step("rules and dashboard", |live| monitoring::check(workspace, live))?;
    if !args.quick {
        steps.step("fuzz", |live| fuzz::all(workspace, live))?;
    }
    steps.step(RELEASE_BUILD, |live| {
        build::program(workspace, live, build::Args::default(), Architecture::HOST)
    })?;
    if !args.quick {
        let built = steps.is_done(RELEASE_BUILD);
        let program = built.then(|| workspace.binary(false));
        steps.step("chart", |live| chart::check(workspace, live, program.as_deref()))?;
        steps.step("image", |live| {
            if !is_root() {
                return Ok(Outcome::Skipped("only root may build it without a base image".to_owned()));
            }
            image::build(workspace, live, true, Architecture::HOST)
        })?;
        steps.step("end-to-end rig", |live| {
            end_to_end(workspace, live, built, (&["--lib", "--test=rig"], &[]), &[])
        })?;
        for (strategy, left_out) in [("sock", &[][..]), ("syscall", &SAME_WITH_EITHER)] {
            steps.step(&format!("end-to-end {strategy}"), |live| {
                if let Some(why) = lacks(strategy)? {
                    return Ok(Outcome::Skipped(why));
                }
                let tests = (&["--test=e2e"][..], left_out);
                end_to_end(workspace, live, built, tests, &[("PULLSCOPE_STRATEGY", strategy)])
            })?;
        }
        steps.step("end-to-end vm", |live| end_to_end(workspace, live, built, (&["--test=vm"], &[]), &[]))?;
        cross::check(workspace, steps, tools.as_ref())?;
    }
    Ok(())
}

fn set_up(workspace: &Workspace, steps: &mut Steps, args: &Args) -> Result<Option<KernelTools>> {
    let tools = setup::for_kernel(workspace, steps)?;
    setup::for_lints(workspace, steps, tools.as_ref())?;
    if !args.quick {
        setup::for_fuzz(workspace, steps)?;
        if is_root() {
            setup::for_end_to_end(workspace, steps)?;
        }
        setup::for_go(workspace, steps)?;
        setup::for_chart(workspace, steps)?;
    }
    Ok(tools)
}

fn done(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Done(String::new()))
}

fn rustfmt(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    // Told so, since rustfmt colours a diff even in a file.
    let plain = ["--", "--color=never"];
    live.run(workspace.cargo().args(["fmt", "--all", "--check"]).args(plain))?;
    // Each a workspace of its own, as cargo-fuzz wants it.
    for name in fuzz::CRATES {
        let manifest = format!("{name}/fuzz/Cargo.toml");
        live.run(workspace.cargo().args(["fmt", "--check", "--manifest-path", &manifest]).args(plain))?;
    }
    Ok(Outcome::Done(String::new()))
}

fn cargo(workspace: &Workspace, live: &Live, subcommand: &str, words: &[&str]) -> Result<Outcome> {
    let mut cargo = workspace.cargo();
    cargo.arg(subcommand).args(HOST_PACKAGES).args(words).env("RUSTDOCFLAGS", "-Dwarnings");
    done(live.run(&mut cargo))
}

/// What the tests of `binary` are to build programs with, as `PULLSCOPE_GO` has it; `None` leaves it to them.
fn go_toolchains(workspace: &Workspace, steps: &Steps, args: &Args) -> Result<Option<OsString>> {
    if args.quick {
        // None: the first build with each takes minutes.
        return Ok(Some(OsString::new()));
    }
    // All by name, so that none is left out because it lies elsewhere.
    let all =
        || env::join_paths(setup::go::roots(workspace)).context("the target folder has a colon in its name");
    steps.is_done(setup::GO).then(all).transpose()
}

fn unit_tests(workspace: &Workspace, live: &Live, toolchains: Option<&OsStr>) -> Result<Outcome> {
    let mut test = workspace.cargo();
    test.arg("test").envs(toolchains.map(|roots| ("PULLSCOPE_GO", roots)));
    done(live.run(&mut test))
}

/// End-to-end tests of what is made of bytes, however they were read, and of what has nothing to do with it: with the second
/// strategy they would tell nothing new, and take minutes.
const SAME_WITH_EITHER: [&str; 26] = [
    "agent::",
    "cgroups::",
    "containers::",
    "daemonset::",
    "executor::",
    "exposition::",
    "gc::",
    "names::",
    "notify::",
    "pods::",
    "proxy::",
    "pull_agents::",
    "pull_clients::",
    "pull_cri::durations",
    "pull_cri_errors::",
    "pull_storm::",
    "pull_unknown::",
    "refusals::",
    "sandbox_manager::",
    "tls_access::",
    "tls_errors::",
    "tls_lifecycle::",
    "tls_redirect::",
    "tls_storm::",
    "work_shapes::",
    "work_storm::with_events_lost",
];

/// Runs test targets of `tests`, without the tests of these names, with the release build.
fn end_to_end(
    workspace: &Workspace,
    live: &Live,
    built: bool,
    (targets, left_out): (&[&str], &[&str]),
    environment: &[(&str, &str)],
) -> Result<Outcome> {
    if !built {
        return Ok(Outcome::Skipped(format!("the {RELEASE_BUILD} failed")));
    }
    if !is_root() {
        return Ok(Outcome::Skipped("only root may load kernel programs".to_owned()));
    }
    let mut test = workspace.cargo();
    test.args(["test", "--package=pullscope-tests"]).args(targets);
    test.env("PULLSCOPE_BIN", workspace.binary(false));
    test.env("PULLSCOPE_IMAGE", image::archive(workspace, Architecture::HOST));
    test.envs(environment.iter().copied());
    test.arg("--").args(left_out.iter().flat_map(|name| ["--skip", name]));
    live.run(&mut test)?;
    Ok(Outcome::Done(match left_out {
        [] => String::new(),
        names => format!("without {}: the same with either strategy", names.join(", ")),
    }))
}

/// Why this kernel cannot do it that way, if so.
fn lacks(strategy: &str) -> Result<Option<String>> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let lacks = strategy == "sock" && kernel_version(&release) < SOCK_TRACEPOINTS;
    Ok(lacks.then(|| format!("kernel {} has no sock_send_length tracepoint", release.trim())))
}

/// The first kernel with the tracepoints `sock_send_length` and `sock_recv_length` (include/trace/events/sock.h).
const SOCK_TRACEPOINTS: (u32, u32) = (6, 3);

/// The two first numbers of a kernel release such as `6.18.44-amd64`; (0, 0) when it has none.
fn kernel_version(release: &str) -> (u32, u32) {
    let mut numbers =
        release.split(|character: char| !character.is_ascii_digit()).map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_releases_compare_by_number() {
        assert_eq!(kernel_version("6.18.44-fc-v669\n"), (6, 18));
        assert_eq!(kernel_version("6.1.0-18-cloud-amd64\n"), (6, 1));
        assert_eq!(kernel_version("7.0-rc1"), (7, 0));
        assert_eq!(kernel_version("unknown"), (0, 0));
        assert!(kernel_version("6.10.1") >= SOCK_TRACEPOINTS && kernel_version("6.2.9") < SOCK_TRACEPOINTS);
    }
}
