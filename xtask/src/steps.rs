//! One line per step: what it is, how it ended, how long it took. Long steps show that they live.
//!
//! What a step's programs print goes to `target/xtask/STEP.log` and is shown only when the step fails.

mod live;

use std::{
    fmt::Display,
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

pub use live::Live;

use crate::workspace::Workspace;

/// How a step that did not fail ended.
pub enum Outcome {
    /// Done, with a few words about the result, or none.
    Done(String),
    /// Not done, and why that is no failure.
    Skipped(String),
}

/// A step that is over.
struct Ended {
    name: String,
    took: Duration,
    /// `Err` holds the sentence that was shown.
    outcome: Result<Outcome, String>,
}

/// The steps of one command.
pub struct Steps {
    log_folder: PathBuf,
    keep_going: bool,
    style: Style,
    ended: Vec<Ended>,
    began: Instant,
}

impl Steps {
    /// Steps that end with the first that fails.
    pub fn new(workspace: &Workspace) -> Result<Self> {
        let log_folder = workspace.target.join("xtask");
        fs::create_dir_all(&log_folder).with_context(|| format!("cannot make {}", log_folder.display()))?;
        Ok(Self {
            log_folder,
            keep_going: false,
            style: Style::of_stdout(),
            ended: Vec::new(),
            began: Instant::now(),
        })
    }

    /// A failed step is remembered and the next one is taken; `finish` then tells.
    pub fn keep_going(mut self, yes: bool) -> Self {
        self.keep_going = yes;
        self
    }

    /// Takes one step. Its error comes back, unless the steps keep going.
    pub fn step(&mut self, name: &str, work: impl FnOnce(&Live) -> Result<Outcome>) -> Result<()> {
        let began = Instant::now();
        let live = Live::start(name, &self.log_folder, self.style.terminal)?;
        let result = work(&live);
        live.stop();
        let took = began.elapsed();
        say(self.style.line(name, took, &result));
        let outcome = result.map_err(|error| {
            live.show_output();
            format!("{error:#}")
        });
        let failure = outcome.as_ref().err().map(|error| anyhow!("{name}: {error}"));
        self.ended.push(Ended { name: name.to_owned(), took, outcome });
        match failure {
            Some(error) if !self.keep_going => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a step of that name was done.
    pub fn is_done(&self, name: &str) -> bool {
        self.ended.iter().any(|step| step.name == name && matches!(step.outcome, Ok(Outcome::Done(_))))
    }

    /// Prints the table of all steps; an error when one failed.
    pub fn finish(&self) -> Result<()> {
        let width = self.ended.iter().map(|step| step.name.len()).max().unwrap_or(0);
        say(format_args!("\n{:width$}  {:>8}  result", "step", "time"));
        for step in &self.ended {
            let result = match &step.outcome {
                Ok(Outcome::Done(_)) => self.style.paint(GREEN, "ok"),
                Ok(Outcome::Skipped(why)) => self.style.paint(YELLOW, &format!("skipped: {why}")),
                Err(_) => self.style.paint(RED, "failed"),
            };
            say(format_args!("{:width$}  {:>8}  {result}", step.name, seconds(step.took)));
        }
        say(format_args!("{:width$}  {:>8}", "all", seconds(self.began.elapsed())));
        let failed: Vec<_> =
            self.ended.iter().filter(|step| step.outcome.is_err()).map(|step| &*step.name).collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("failed: {}; the output is in {}", failed.join(", "), self.log_folder.display())
    }
}

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";

/// How the output looks: for a person at a terminal, or for a file.
#[derive(Clone, Copy)]
struct Style {
    terminal: bool,
    colours: bool,
}

impl Style {
    fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        // https://no-color.org: any value but the empty one.
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { terminal, colours: terminal && !no_colour }
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(self, name: &str, took: Duration, result: &Result<Outcome>) -> String {
        let (mark, note) = match result {
            Ok(Outcome::Done(note)) => (self.paint(GREEN, "ok  "), note.clone()),
            Ok(Outcome::Skipped(why)) => (self.paint(YELLOW, "skip"), why.clone()),
            Err(error) => (self.paint(RED, "FAIL"), format!("{error:#}")),
        };
        format!("{mark} {name:<20} {:>8}  {note}", seconds(took)).trim_end().to_owned()
    }
}

/// Prints a line. When nobody reads any more (`| head`) the work goes on, and the exit status tells how it ended.
fn say(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A duration in seconds to one decimal, or in minutes and seconds when long.
fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 100 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} m {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(folder: &std::path::Path) -> Steps {
        let style = Style { terminal: false, colours: false };
        Steps {
            log_folder: folder.to_owned(),
            keep_going: false,
            style,
            ended: Vec::new(),
            began: Instant::now(),
        }
    }

    #[test]
    fn a_failed_step_ends_the_steps() {
        let folder = tempfile::tempdir().unwrap();
        let mut steps = steps(folder.path());
        assert!(steps.step("good", |_| Ok(Outcome::Done(String::new()))).is_ok());
        let error = steps.step("bad", |_| bail!("it broke")).unwrap_err();
        assert_eq!(error.to_string(), "bad: it broke");
        assert!(steps.is_done("good") && !steps.is_done("bad"));
        assert!(steps.finish().is_err());
    }

    #[test]
    fn keeping_going_still_fails_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut steps = steps(folder.path()).keep_going(true);
        assert!(steps.step("bad", |_| bail!("it broke")).is_ok());
        assert!(steps.step("skipped", |_| Ok(Outcome::Skipped("why".into()))).is_ok());
        assert!(!steps.is_done("skipped"));
        assert!(steps.finish().unwrap_err().to_string().starts_with("failed: bad;"));
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(seconds(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 m 05 s");
    }
}
