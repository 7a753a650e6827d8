//! `pullscope pulls`: what a running pullscope knows of image pulls.
//!
//! - `client` asks it over HTTP; `events` reads what it streams;
//! - `table` is a line for each pull; `waterfall` is one pull over its time;
//! - `terminal` is what both need to know of where they are printed, `units` how numbers are written.

mod client;
mod events;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod units;
mod waterfall;

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::SystemTime;

use clap::Subcommand;

use super::Output;
use crate::failure::{Failure, exit};
use crate::pulls::document::{Pull, State};
pub use client::Address;
use client::Client;
use events::Event;
use table::Layout;
use terminal::Terminal;

/// Pulls shown before the first change, when following and not told otherwise.
const BEFORE: usize = 10;

/// What stands below the flags in the help. Lines stay below 80 columns: clap breaks longer ones without indentation.
pub const AFTER_HELP: &str = "\
Examples:
  pullscope pulls                        all that are remembered, newest first
  pullscope pulls --limit 20             the last twenty
  pullscope pulls --follow               the last ten, then each as it begins
                                         and as it ends
  pullscope pulls show 17                one pull over its time
  pullscope pulls -o json | jq '.pulls[] | select(.status == \"error\")'

STATUS is running, ok, unknown (the end was not seen), or why it failed.
SIZE is what crossed the wire, CACHED how many of the image's blobs (layers
and config) were there already. A dash stands for what is not known.

It asks a pullscope that runs, by default on this machine.";

/// Flags and subcommands of `pulls`.
#[derive(Debug, clap::Args)]
pub struct PullsArgs {
    #[command(subcommand)]
    command: Option<PullsCommand>,

    /// Go on and show each pull as it begins and as it ends
    #[arg(short, long)]
    follow: bool,

    /// Show so many at most, the newest [default: all, or 10 with --follow]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Shape of the answer; with json, what the API answers, and with --follow one object a line
    #[arg(short, long, value_name = "FORMAT", default_value = "table", global = true)]
    output: Output,

    /// Where the pullscope that is asked serves
    #[arg(long, value_name = "URL", default_value_t, global = true)]
    address: Address,
}

#[derive(Debug, Subcommand)]
enum PullsCommand {
    /// Show one pull: what was asked of the registry, and when
    ///
    /// A line for each request, with a bar over the time of the pull: · while the first byte is waited for, █ while the body
    /// comes.
    Show {
        /// Its number, as in the column ID
        id: u64,
    },
}

/// Does what was asked; returns the status to exit with.
pub fn perform(args: &PullsArgs) -> Result<u8, Failure> {
    let client = Client::new(args.address.clone());
    let terminal = Terminal::stdout();
    match &args.command {
        Some(PullsCommand::Show { .. }) if args.follow || args.limit.is_some() => Err(Failure::usage(
            "pulls show",
            "--follow and --limit belong to the list",
            "Leave them out, or leave out `show`.",
        )),
        Some(PullsCommand::Show { id }) => super::print(match args.output {
            Output::Table => waterfall::text(&client.one(*id)?, &terminal),
            Output::Json => client.one_text(*id)?,
        }),
        None if args.follow => follow(&client, args, &terminal),
        None => super::print(match args.output {
            Output::Table => table::text(&client.list(args.limit)?, SystemTime::now(), &terminal),
            Output::Json => client.list_text(args.limit)?,
        }),
    }
}

/// Shows pulls until the stream ends or nobody reads any more.
fn follow(client: &Client, args: &PullsArgs, terminal: &Terminal) -> Result<u8, Failure> {
    // The stream first: what happens until the list comes is in one of the two, or in both.
    let stream = client.stream()?;
    let mut before = client.list(args.limit.or(u32::try_from(BEFORE).ok()))?;
    before.reverse();
    let mut shown = Shown::default();
    let mut lines = Vec::new();
    let layout = Layout::wide(&before, SystemTime::now(), terminal);
    if args.output == Output::Table {
        lines.push(layout.header());
    }
    let line = |pull: &Pull| match args.output {
        Output::Table => layout.line(pull, SystemTime::now(), terminal),
        // Strings and numbers only: there is nothing that could not be written.
        Output::Json => serde_json::to_string(pull).unwrap_or_default(),
    };
    for pull in &before {
        shown.listed(pull);
        lines.push(line(pull));
    }
    let mut more = put(&lines)?;
    for event in stream {
        if !more {
            return Ok(exit::OK);
        }
        match event? {
            Event::Pull { pull, text } => {
                more = match args.output {
                    Output::Json => put(&[text])?,
                    Output::Table if shown.is_new(&pull) => put(&[line(&pull)])?,
                    Output::Table => true,
                };
            }
            Event::Missed(missed) => {
                // Nowhere to write to is no reason to stop.
                let _ = writeln!(
                    io::stderr(),
                    "pullscope: {missed} changes were missed, since they were not read fast enough"
                );
            }
        }
    }
    Err(client.gone())
}

/// Which pulls have a line already: one when they go on, one when they have ended.
#[derive(Default)]
struct Shown {
    running: HashSet<u64>,
    /// Ended ones of the list, whose ends may come again in the stream.
    ended: HashSet<u64>,
}

impl Shown {
    fn listed(&mut self, pull: &Pull) {
        match pull.state {
            State::Running => self.running.insert(pull.id),
            State::Ended => self.ended.insert(pull.id),
        };
    }

    fn is_new(&mut self, pull: &Pull) -> bool {
        match pull.state {
            State::Running => self.running.insert(pull.id),
            State::Ended => {
                self.running.remove(&pull.id);
                !self.ended.contains(&pull.id)
            }
        }
    }
}

/// Writes lines to standard output; `false` when the reader has gone away.
fn put(lines: &[String]) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    let written = lines.iter().try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            Err(Failure::new("standard output", error.to_string(), "Write to a place that takes it."))
        }
        Ok(()) => Ok(true),
    }
}
