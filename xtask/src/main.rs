//! The project's own commands, started by `cargo xtask COMMAND`: one file per command.
//!
//! Every command that needs something first sets it up, once: the set-up looks at what the machine has and only
//! installs what is missing.

mod architecture;
mod bench;
mod build;
mod chart;
mod cross;
mod demo;
mod docs;
mod fuzz;
mod image;
mod monitoring;
mod run;
mod setup;
mod steps;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks pullscope.
///
/// Two commands are enough to begin:
///
///     cargo xtask run --demo    shows pullscope at work on an empty machine
///     cargo xtask test          runs every check of the project
///
/// Each does its own set-up the first time (a toolchain for the kernel programs,
/// bpf-linker, Debian packages) and none after that.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", verbatim_doc_comment, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Plain `cargo build` and `cargo test` work too, without root, network or any set-up; what they
build has kernel programs only when `cargo xtask build` ran before. The output of every step is
kept in `target/xtask/STEP.log`. NO_COLOR=1 turns colours off.";

#[derive(Subcommand)]
enum Command {
    /// Build the kernel programs, then pullscope with them inside: one static program
    Build(build::AllArgs),
    /// Build, then run pullscope on this machine (as root)
    Run(run::Args),
    /// Run every check: format, lints, docs, unit tests, fuzzing, end-to-end tests
    Test(test::Args),
    /// Measure what pullscope costs on this machine (as root)
    Bench(bench::Args),
    /// Write `docs/metrics.md` from the table that declares the metrics
    Docs(docs::Args),
    /// Write what is made from the chart in `deploy/chart`: the plain manifests, its table of values
    Chart(chart::Args),
    /// Build the image, into `target/image/pullscope-ARCH.tar`
    Image(image::Args),
    /// Only do the set-up that `run` and `test` do by themselves
    Setup(setup::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Build(args) => build::main(&args),
        Command::Run(args) => run::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Docs(args) => docs::main(&args),
        Command::Chart(args) => chart::main(&args),
        Command::Image(args) => image::main(&args),
        Command::Setup(args) => setup::main(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
