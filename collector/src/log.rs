//! Log lines on standard error, as text or JSON.
//!
//! Standard output belongs to what a subcommand was asked for; log lines never go there.

use std::io::{self, Write};
use std::sync::OnceLock;

use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use crate::failure::Failure;

/// The shape of the lines, once there is a log.
static FORMAT: OnceLock<Format> = OnceLock::new();

/// Lines less important than this are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What went wrong and could not be mended.
    Error,
    /// What went wrong and was mended or counted.
    Warn,
    /// What the program does as a whole.
    #[default]
    Info,
    /// What it does for each process and connection.
    Debug,
    /// Everything.
    Trace,
}

/// Shape of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// Log lines go to standard error from now on. Once a process; later calls change nothing.
pub fn start(level: Level, format: Format) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(level))
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false);
    // An error means that a log is already there: an earlier call's, in tests.
    let _ = match format {
        Format::Text => lines.try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    let _ = FORMAT.set(format);
}

/// Why the program ends: the last line on standard error. Kubernetes makes the status of a pod of it.
///
/// It is the sentence by itself for people, and an object like the other lines where the log has such.
pub fn last(failure: &Failure) {
    match FORMAT.get() {
        Some(Format::Json) => tracing::error!("{failure}"),
        Some(Format::Text) | None => {
            // Nowhere to write to is no reason to panic.
            let _ = writeln!(io::stderr(), "pullscope: {failure}");
        }
    }
}
