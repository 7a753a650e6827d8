//! The command line: one file per subcommand, and this one for what they share.

pub mod check;
pub mod explain;
pub mod pulls;
pub mod recipes;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Settings, SettingsArgs};
use crate::failure::{Failure, exit};
use crate::{log, notify, run};

const ABOUT: &str = "Watches container runtimes and image agents from the kernel and exposes image pulls as Prometheus metrics";

const LONG_ABOUT: &str = "\
pullscope watches container runtimes and image agents from the kernel (eBPF) and exposes what they ask of registries, and \
what they serve, as Prometheus metrics. Nothing watched is changed, configured or restarted.

It needs Linux with BTF, and root or the capabilities that `pullscope check` names. Without a subcommand it runs.";

// Lines stay below 80 columns: clap breaks longer ones without indentation.
const AFTER_HELP: &str = "\
Examples:
  pullscope                                   with the defaults
  pullscope check                             what this machine allows
  pullscope run --web.listen-address=:10617   on every address of the machine
  pullscope run --config.file=pullscope.toml  with a config file
  pullscope explain downloads_total           what a metric counts
  pullscope pulls --follow                    images as they are pulled
  pullscope recipes list                      what it can count of agents,
                                              workers and proxies

A setting comes from its flag, else its environment variable, else the config
file, else its default. The variable of --web.listen-address is
PULLSCOPE_WEB_LISTEN_ADDRESS, its key in the file is listen_address in [web].

Exit status: 0 when done, or stopped by SIGTERM or SIGINT; 1 when this machine
does not allow it; 2 for wrong flags, environment or config file.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "pullscope",
    version,
    about = ABOUT,
    long_about = LONG_ABOUT,
    after_help = AFTER_HELP,
    override_usage = "pullscope [OPTIONS]\n       pullscope <COMMAND> [OPTIONS]",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this node and serve metrics until told to stop (the default)
    Run(SettingsArgs),
    /// Say what this kernel, these privileges and these settings allow
    ///
    /// One line for each thing that pullscope needs, with the reason, and how to mend it. Exit status 0 when nothing
    /// failed (warnings are no failure), else 1.
    Check {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Shape of the answer
        #[arg(short, long, value_name = "FORMAT", default_value = "table")]
        output: Output,
    },
    /// Say what a metric counts, when it moves, and what it cannot know
    Explain {
        /// A metric's name, with or without pullscope_; without one, all are listed
        metric: Option<String>,
        /// The whole reference as Markdown: what docs/metrics.md is made of
        #[arg(long, conflicts_with = "metric")]
        markdown: bool,
    },
    /// Show which images are being pulled and which were, as a running pullscope knows them
    ///
    /// A line for each pull, newest first: the image, who pulled it from which registry, how long it took and how it ended.
    #[command(after_help = pulls::AFTER_HELP)]
    Pulls(pulls::PullsArgs),
    /// List the recipes that come with pullscope, print one, or try out your own
    ///
    /// A recipe says what to count of a program that pullscope does not know: which process it is, what begins and what ends its
    /// operations or its items of work.
    #[command(after_help = recipes::AFTER_HELP)]
    Recipes {
        #[command(subcommand)]
        command: recipes::RecipesCommand,
    },
    /// Print a completion script
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page (roff, for man -l)
    Man,
}

/// Shape of what `check` and `pulls` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// JSON.
    Json,
}

/// Does what the command line asks; returns the status to exit with.
pub fn main() -> ExitCode {
    ExitCode::from(perform(std::env::args_os()).unwrap_or_else(|failure| {
        log::last(&failure);
        failure.status()
    }))
}

fn perform(arguments: impl Iterator<Item = OsString>) -> Result<u8, Failure> {
    let arguments: Vec<OsString> = arguments.collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &arguments),
    };
    match cli.command.unwrap_or(Command::Run(cli.settings)) {
        Command::Run(settings) => {
            run_until_signal(&settings).inspect_err(|failure| notify::failed(&failure.to_string()))
        }
        Command::Check { settings, output } => {
            let report = check::report(&settings);
            print(match output {
                Output::Table => report.table(),
                Output::Json => report.json(),
            })?;
            Ok(if report.failed() { exit::FAILED } else { exit::OK })
        }
        Command::Explain { metric, markdown } => print(match metric {
            Some(name) => explain::metric(&name)?,
            None if markdown => explain::markdown(),
            None => explain::list(),
        }),
        Command::Pulls(args) => pulls::perform(&args),
        Command::Recipes { command } => recipes::perform(command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "pullscope", &mut script);
            print(script)
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|error| Failure::new("manual page", error.to_string(), "Please report it."))?;
            print(page)
        }
    }
}

/// What clap has to say: help that was asked for, or in one sentence what is wrong with the command line or the environment.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Result<u8, Failure> {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // There is nobody else to tell that it could not be printed.
        let _ = error.print();
        return Ok(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE));
    }
    let text = error.to_string();
    // What follows is for a terminal.
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
    let why = lines.collect::<Vec<_>>().join(" ").replace(" tip: ", "; ");
    let what = from_environment(error, arguments).map_or_else(
        || "the command line".to_owned(),
        |variable| format!("the environment variable {variable}"),
    );
    let why = why.trim_start_matches("error: ");
    let failure = Failure::usage(what, why, "`pullscope --help` lists what may be given.");
    notify::failed(&failure.to_string());
    Err(failure)
}

/// The environment variable that a refused value comes from: clap names the flag alone.
fn from_environment(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let flag = argument.split(' ').next()?;
    let given =
        |argument: &OsString| argument.to_str().is_some_and(|text| text.split('=').next() == Some(flag));
    if arguments.iter().any(given) {
        return None;
    }
    let name = format!("PULLSCOPE_{}", flag.trim_start_matches('-').replace(['.', '-'], "_").to_uppercase());
    std::env::var_os(&name).map(|_| name)
}

fn run_until_signal(args: &SettingsArgs) -> Result<u8, Failure> {
    let settings = Settings::load(args).inspect_err(|_| {
        // What the file says is not known then.
        log::start(args.log_level.unwrap_or_default(), args.log_format.unwrap_or_default());
    })?;
    log::start(settings.log_level, settings.log_format);
    let cannot = |error: io::Error| {
        Failure::new(
            "starting",
            error.to_string(),
            "Look for limits on threads, memory and file descriptors (`ulimit -a`).",
        )
    };
    // The event loop's thread, and few others: rendering a scrape is all that may block.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .map_err(cannot)?;
    runtime.block_on(async {
        // Before anything else, so that a signal never finds the default action.
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        run::run(settings, async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await
    })?;
    // Not to wait for a scrape that is being rendered.
    runtime.shutdown_background();
    Ok(exit::OK)
}

/// Writes to standard output. A reader that has gone away (`| head`) is no failure.
fn print(text: impl AsRef<[u8]>) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("standard output", error.to_string(), "Write to a place that takes it."))
        }
        _ => Ok(exit::OK),
    }
}
