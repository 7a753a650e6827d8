//! One pull over its time: a head of what is known, then a line for each request with a bar.

use std::fmt::Write;

use super::table;
use super::terminal::{Colour, Terminal, plain, shortened};
use super::units;
use crate::pulls::document::{Phase, Pull, State};

/// Narrowest bar; a terminal that has less room breaks the lines.
const NARROWEST: usize = 16;

/// Widths of the columns before the bar, with the blanks between them.
const BEFORE: usize = 8 + 2 + 19 + 2 + 9 + 2 + 8 + 2 + 4 + 2;

/// The whole text.
pub fn text(pull: &Pull, terminal: &Terminal) -> String {
    let mut text = head(pull, terminal);
    let cells = terminal.width().saturating_sub(BEFORE).max(NARROWEST);
    let whole = whole(pull);
    if !pull.phases.is_empty() {
        let end = units::duration(whole);
        let line = columns("STEP", "WHAT", "SIZE", "TIME", "CODE");
        let _ = write!(text, "\n{line}0{end:>width$}\n", width = cells - 1);
    }
    for phase in &pull.phases {
        let bar = Bar::of(phase, whole, cells).text(phase, terminal);
        let _ = writeln!(text, "{}{bar}", line(phase, pull.state));
    }
    for blob in pull.cached.iter().flatten() {
        let columns = columns("cached", &reference(&blob.digest), &units::bytes(blob.size), "", "");
        let _ = writeln!(text, "{}", columns.trim_end());
    }
    if pull.phases_left_out > 0 {
        let _ = writeln!(text, "and {} more that were not kept", pull.phases_left_out);
    }
    if !pull.phases.is_empty() {
        let _ = writeln!(text, "\n· waits for the first byte   █ the body comes");
    }
    text
}

fn head(pull: &Pull, terminal: &Terminal) -> String {
    let known = |text: &Option<String>| text.as_deref().map_or_else(|| "not known".to_owned(), plain);
    let status = match (pull.state, pull.status.as_deref(), pull.reason.as_deref()) {
        (State::Running, ..) => "running".to_owned(),
        (State::Ended, status, None) => plain(status.unwrap_or("unknown")),
        (State::Ended, status, Some(reason)) => plain(&format!("{}: {reason}", status.unwrap_or("unknown"))),
    };
    let status = table::colour(pull).map_or_else(|| status.clone(), |colour| terminal.paint(colour, &status));
    let creds = match pull.has_creds {
        Some(true) => "with credentials",
        Some(false) => "without credentials",
        None => "credentials not known",
    };
    let rate = pull.bytes_per_second.map_or_else(String::new, |rate| format!(", {}", units::rate(rate)));
    let layers = pull.layers.map_or_else(
        || "not known".to_owned(),
        |layers| {
            let cached = layers.cached.map_or_else(String::new, |cached| format!(", {cached} there already"));
            format!("{} named (config included), {} downloaded{cached}", layers.named, layers.downloaded)
        },
    );
    let title = format!("pull {}  {}", pull.id, known(&pull.image));
    let rows = [
        ("digest", known(&pull.digest)),
        ("registry", plain(&pull.registry)),
        ("runtime", format!("{}, process {}", plain(&pull.runtime), pull.pid)),
        ("seen by", plain(&pull.source)),
        ("trigger", plain(&pull.trigger)),
        ("isolation", plain(&pull.isolation)),
        ("access", creds.to_owned()),
        ("status", status),
        ("began", plain(&pull.began)),
        ("duration", units::duration(pull.duration_seconds)),
        ("bytes", format!("{}{rate}", units::bytes(pull.bytes))),
        ("blobs", layers),
    ];
    let mut text = format!("{}\n", terminal.paint(Colour::Bold, &title));
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<10}{value}");
    }
    text
}

/// The time that the bars span: all of the pull, and what a phase took longer.
fn whole(pull: &Pull) -> f64 {
    let end = |phase: &Phase| phase.offset_seconds + phase.duration_seconds.unwrap_or(0.0);
    pull.phases.iter().map(end).fold(pull.duration_seconds, f64::max)
}

fn line(phase: &Phase, state: State) -> String {
    let step = match phase.layer {
        Some(true) => "layer",
        Some(false) => "config",
        None => phase.step.as_str(),
    };
    let took = match (phase.duration_seconds, state) {
        (Some(seconds), _) => units::duration(seconds),
        (None, State::Running) => "running".to_owned(),
        (None, State::Ended) => "-".to_owned(),
    };
    let code = phase.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
    columns(
        &shortened(&plain(step), 8),
        &phase.reference.as_deref().map_or_else(|| "-".to_owned(), reference),
        &units::bytes(phase.bytes),
        &took,
        &code,
    )
}

fn columns(step: &str, what: &str, size: &str, time: &str, code: &str) -> String {
    format!("{step:<8}  {what:<19}  {size:>9}  {time:>8}  {code:>4}  ")
}

/// A digest by its first digits, a tag by its last letters.
fn reference(text: &str) -> String {
    let text = plain(text);
    match text.split_once(':') {
        Some((algorithm, digits)) if digits.len() > 12 && algorithm.len() <= 6 => {
            format!("{algorithm}:{}", digits.get(..12).unwrap_or_default())
        }
        _ => shortened(&text, 19),
    }
}

/// Cells of a bar.
#[derive(Debug, PartialEq, Eq)]
struct Bar {
    /// Before the phase.
    blank: usize,
    /// Until its first byte.
    waiting: usize,
    /// From there to its end.
    body: usize,
}

impl Bar {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Some hundred cells.
    fn of(phase: &Phase, whole: f64, cells: usize) -> Self {
        let scale = if whole > 0.0 { cells as f64 / whole } else { 0.0 };
        let cell = |seconds: f64| (((phase.offset_seconds + seconds) * scale) as usize).min(cells);
        // What has begun has at least one cell.
        let blank = cell(0.0).min(cells - 1);
        let end = phase.duration_seconds.map_or(cells, cell).max(blank + 1);
        // So has a body.
        let first = phase.first_byte_seconds.map_or(end, |seconds| cell(seconds).clamp(blank, end - 1));
        Self { blank, waiting: first - blank, body: end - first }
    }

    fn text(&self, phase: &Phase, terminal: &Terminal) -> String {
        let failed = phase.code.is_some_and(|code| code >= 400);
        let body = if failed { Colour::Red } else { Colour::Green };
        format!(
            "{}{}{}",
            " ".repeat(self.blank),
            terminal.paint(Colour::Dim, &"·".repeat(self.waiting)),
            terminal.paint(body, &"█".repeat(self.body))
        )
    }
}
