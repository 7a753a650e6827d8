//! The figures as a table for people and as JSON for machines.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use crate::machine::Machine;
use crate::spread::Spread;

/// What a number counts.
#[derive(Clone, Copy)]
pub enum Unit {
    /// With pullscope to without.
    Ratio,
    Percent,
    Nanoseconds,
    Seconds,
    Kibibytes,
    Mebibytes,
    Count,
}

impl Unit {
    /// The name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Ratio => "ratio",
            Self::Percent => "percent",
            Self::Nanoseconds => "nanoseconds",
            Self::Seconds => "seconds",
            Self::Kibibytes => "kibibytes",
            Self::Mebibytes => "mebibytes",
            Self::Count => "count",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.3}"),
            Self::Percent => format!("{value:.3} %"),
            Self::Nanoseconds => format!("{value:.1} ns"),
            Self::Seconds => format!("{value:.2} s"),
            Self::Kibibytes => format!("{value:.1} KiB"),
            Self::Mebibytes => format!("{value:.1} MiB"),
            Self::Count => format!("{value:.2}"),
        }
    }
}

/// One figure.
pub struct Figure {
    /// What is measured.
    name: String,
    unit: Unit,
    measured: Spread,
    /// The median must not be above this; none where there is only something to know.
    bar: Option<f64>,
}

/// All figures of a run.
pub struct Report {
    machine: Machine,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Report {
    pub fn on(machine: Machine) -> Self {
        Self { machine, figures: Vec::new(), notes: Vec::new() }
    }

    /// A figure that has to stay within a bar.
    pub fn bar(&mut self, name: impl Into<String>, unit: Unit, samples: &[f64], bar: f64) {
        self.add(name.into(), unit, samples, Some(bar));
    }

    /// A figure to know.
    pub fn tell(&mut self, name: impl Into<String>, unit: Unit, samples: &[f64]) {
        self.add(name.into(), unit, samples, None);
    }

    fn add(&mut self, name: String, unit: Unit, samples: &[f64], bar: Option<f64>) {
        let figure = Figure { name, unit, measured: Spread::of(samples), bar };
        // Whoever waits for the table sees that it comes along.
        eprintln!("{figure}");
        self.figures.push(figure);
    }

    /// Something that a reader of the figures must know.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        eprintln!("note: {note}");
        self.notes.push(note);
    }

    pub fn json(&self) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::json).collect();
        json!({ "machine": self.machine.json(), "figures": figures, "notes": self.notes })
    }
}

impl Figure {
    fn met(&self) -> Option<bool> {
        self.bar.map(|bar| self.measured.median <= bar)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit.name(),
            "measured": self.measured.json(),
            "bar": self.bar,
            "met": self.met(),
        })
    }

    /// Measured, bar and verdict.
    fn columns(&self) -> [String; 3] {
        let show = |value| self.unit.show(value);
        let Spread { median, first_quartile, third_quartile, samples } = self.measured;
        let measured = match samples {
            1 => show(median),
            _ => format!("{} [{} .. {}]", show(median), show(first_quartile), show(third_quartile)),
        };
        let bar = self.bar.map_or_else(String::new, |bar| format!("<= {}", show(bar)));
        let verdict = self.met().map_or("", |met| if met { "met" } else { "MISSED" });
        [measured, bar, verdict.to_owned()]
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [measured, bar, verdict] = self.columns();
        write!(f, "{}: {measured} {bar} {verdict}", self.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.machine)?;
        let heading = ["figure", "median [quartiles]", "bar", ""].map(str::to_owned);
        let rows = self.figures.iter().map(|figure| {
            let [measured, bar, verdict] = figure.columns();
            [figure.name.clone(), measured, bar, verdict]
        });
        let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        for [name, measured, bar, verdict] in &rows {
            let mut line = String::new();
            let [names, values, bars] = widths;
            write!(line, "{name:names$}  {measured:values$}  {bar:bars$}  {verdict}")?;
            writeln!(f, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}
