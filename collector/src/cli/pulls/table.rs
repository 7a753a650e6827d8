//! A line for each pull.

use std::time::SystemTime;

use super::terminal::{Colour, Terminal, plain, shortened};
use super::units;
use crate::pulls::document::{Pull, State};

/// Titles, and whether the column's values end at its right edge.
const COLUMNS: [(&str, bool); 10] = [
    ("ID", true),
    ("AGE", true),
    ("DURATION", true),
    ("STATUS", false),
    ("IMAGE", false),
    ("RUNTIME", false),
    ("REGISTRY", false),
    ("SIZE", true),
    ("RATE", true),
    ("CACHED", true),
];
const STATUS: usize = 3;
const IMAGE: usize = 4;

/// Widths where lines follow that are not known yet.
const WIDE: [usize; COLUMNS.len()] = [5, 4, 8, 12, 40, 10, 14, 9, 11, 6];

/// An image's name is not made shorter than this.
const SHORTEST_IMAGE: usize = 16;

/// Between two columns.
const GAP: usize = 2;

type Row = [String; COLUMNS.len()];

/// How wide the columns are.
pub struct Layout {
    widths: [usize; COLUMNS.len()],
}

/// The table of these pulls, in their order.
pub fn text(pulls: &[Pull], now: SystemTime, terminal: &Terminal) -> String {
    let rows: Vec<Row> = pulls.iter().map(|pull| row(pull, now)).collect();
    let layout = Layout::fit([0; COLUMNS.len()], &rows, terminal);
    let mut lines = vec![layout.header()];
    lines.extend(rows.iter().zip(pulls).map(|(row, pull)| layout.lay(row, pull, terminal)));
    lines.push(String::new());
    lines.join("\n")
}

impl Layout {
    /// For these pulls, and for others that are still to come.
    pub fn wide(pulls: &[Pull], now: SystemTime, terminal: &Terminal) -> Self {
        let rows: Vec<Row> = pulls.iter().map(|pull| row(pull, now)).collect();
        Self::fit(WIDE, &rows, terminal)
    }

    fn fit(at_least: [usize; COLUMNS.len()], rows: &[Row], terminal: &Terminal) -> Self {
        let mut widths = at_least;
        for (column, width) in widths.iter_mut().enumerate() {
            let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            *width = (*width).max(longest).max(COLUMNS[column].0.len());
        }
        if let Some(columns) = terminal.columns {
            let all: usize = widths.iter().map(|width| width + GAP).sum::<usize>() - GAP;
            let less = widths[IMAGE].saturating_sub(all.saturating_sub(columns));
            widths[IMAGE] = less.max(SHORTEST_IMAGE.min(widths[IMAGE]));
        }
        Self { widths }
    }

    /// The titles.
    pub fn header(&self) -> String {
        self.join(COLUMNS.map(|(title, _)| title.to_owned()), |_, text| text)
    }

    /// The line of a pull.
    pub fn line(&self, pull: &Pull, now: SystemTime, terminal: &Terminal) -> String {
        self.lay(&row(pull, now), pull, terminal)
    }

    fn lay(&self, row: &Row, pull: &Pull, terminal: &Terminal) -> String {
        let mut row = row.clone();
        row[IMAGE] = shortened(&row[IMAGE], self.widths[IMAGE]);
        let colour = colour(pull);
        self.join(row, |column, text| match colour {
            Some(colour) if column == STATUS => terminal.paint(colour, &text),
            _ => text,
        })
    }

    /// `paint` gets each text with the blanks that fill its column, since a colour takes no room.
    fn join(&self, row: Row, paint: impl Fn(usize, String) -> String) -> String {
        let mut line = String::new();
        for (column, text) in row.into_iter().enumerate() {
            let width = self.widths[column];
            let filled =
                if COLUMNS[column].1 { format!("{text:>width$}") } else { format!("{text:<width$}") };
            line.push_str(&paint(column, filled));
            line.push_str(if column + 1 < COLUMNS.len() { "  " } else { "" });
        }
        line
    }
}

/// What is good, bad, and going on.
pub fn colour(pull: &Pull) -> Option<Colour> {
    match (pull.state, pull.status.as_deref()) {
        (State::Running, _) => Some(Colour::Yellow),
        (State::Ended, Some("ok")) => Some(Colour::Green),
        (State::Ended, Some("error")) => Some(Colour::Red),
        (State::Ended, _) => None,
    }
}

fn row(pull: &Pull, now: SystemTime) -> Row {
    let unknown = || "-".to_owned();
    let began = humantime::parse_rfc3339(&pull.began).ok();
    let age = began.map(|began| now.duration_since(began).unwrap_or_default().as_secs());
    [
        pull.id.to_string(),
        age.map_or_else(unknown, units::age),
        units::duration(pull.duration_seconds),
        status(pull),
        pull.image.as_deref().or(pull.digest.as_deref()).map_or_else(unknown, plain),
        plain(&pull.runtime),
        plain(&pull.registry),
        units::bytes(pull.bytes),
        pull.bytes_per_second.map_or_else(unknown, units::rate),
        pull.layers
            .and_then(|layers| Some(format!("{}/{}", layers.cached?, layers.named)))
            .unwrap_or_else(unknown),
    ]
}

fn status(pull: &Pull) -> String {
    match (pull.state, pull.reason.as_deref(), pull.status.as_deref()) {
        (State::Running, ..) => "running".to_owned(),
        (State::Ended, Some(reason), _) => plain(reason),
        (State::Ended, None, status) => plain(status.unwrap_or("unknown")),
    }
}
