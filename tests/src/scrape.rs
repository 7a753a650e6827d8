//! What `/metrics` said at one moment: the Prometheus text format 0.0.4, read strictly.
//!
//! A small reader of our own, apart from the writer that it is to check: whatever is not exactly the format fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Labels of a series, by name.
pub type Labels = BTreeMap<String, String>;

/// Values of all series at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape {
    series: BTreeMap<(String, Labels), f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads an exposition.
    ///
    /// # Errors
    /// The first line that is not the format, and why; a series that is there twice; a sample without a type.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut scrape = Self::default();
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        for line in text.lines() {
            scrape.line(line).map_err(|reason| format!("{reason}: {line:?}"))?;
        }
        Ok(scrape)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        if let Some(comment) = line.strip_prefix("# TYPE ") {
            let (name, kind) = comment.split_once(' ').ok_or("a TYPE without a type")?;
            if self.types.insert(name.to_owned(), kind.to_owned()).is_some() {
                return Err("a second TYPE");
            }
            return Ok(());
        }
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let end = line.find(['{', ' ']).ok_or("a sample without a value")?;
        let (name, rest) = line.split_at(end);
        if !is_name(name) {
            return Err("a bad metric name");
        }
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        if ![Some(name), family].into_iter().flatten().any(|name| self.types.contains_key(name)) {
            return Err("a sample before its TYPE");
        }
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (Labels::new(), rest),
        };
        let value = value.strip_prefix(' ').ok_or("no space before the value")?;
        let value = value.parse().map_err(|_| "a value that is no number")?;
        match self.series.insert((name.to_owned(), labels), value) {
            Some(_) => Err("a series that is there twice"),
            None => Ok(()),
        }
    }

    /// The type that the exposition gives a metric.
    pub fn kind(&self, name: &str) -> Option<&str> {
        self.types.get(name).map(String::as_str)
    }

    /// The names of all series.
    pub fn names(&self) -> BTreeSet<&str> {
        self.series.keys().map(|(name, _)| name.as_str()).collect()
    }

    /// The series of this name whose labels have (at least) these values.
    pub fn select<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a Labels, f64)> {
        let has =
            |all: &Labels| labels.iter().all(|(name, value)| all.get(*name).is_some_and(|is| is == value));
        let series = self.series.iter().filter(move |((is, all), _)| is == name && has(all));
        series.map(|((_, labels), value)| (labels, *value))
    }

    /// The sum of the series of this name whose labels have these values; 0 where there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.select(name, labels).map(|(_, value)| value).sum()
    }

    /// The sum, where it must be a whole number.
    #[track_caller]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        whole(self.sum(name, labels))
    }

    /// The sums of the series with these labels, grouped by the values of the labels `by`; groups of 0 are left out,
    /// as a server's log has no line for what did not happen. A series without one of the labels counts as `""`.
    #[track_caller]
    pub fn group<const N: usize>(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        by: [&str; N],
    ) -> BTreeMap<[String; N], u64> {
        let mut groups: BTreeMap<[String; N], u64> = BTreeMap::new();
        for (all, value) in self.select(name, labels).filter(|(_, value)| *value != 0.0) {
            let group = by.map(|label| all.get(label).cloned().unwrap_or_default());
            *groups.entry(group).or_default() += whole(value);
        }
        groups
    }

    /// What has been added since `earlier`: every series minus its earlier value (0 where it was not there). For
    /// counters and the series of histograms; the difference of a gauge is one too.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let value = |key, now: f64| now - earlier.series.get(key).unwrap_or(&0.0);
        let series = self.series.iter().map(|(key, now)| (key.clone(), value(key, *now))).collect();
        Self { series, types: self.types.clone() }
    }
}

/// The series that are not 0, one a line, for people: without the buckets of histograms.
impl fmt::Display for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str, value: f64| value != 0.0 && !name.ends_with("_bucket");
        for ((name, labels), value) in self.series.iter().filter(|((name, _), value)| shown(name, **value)) {
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            writeln!(f, "{name}{{{}}} {value}", labels.join(","))?;
        }
        Ok(())
    }
}

#[track_caller]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and small")]
fn whole(value: f64) -> u64 {
    assert!(value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(53), "{value} is no count");
    value as u64
}

fn is_name(name: &str) -> bool {
    let first = |character: char| character.is_ascii_alphabetic() || character == '_' || character == ':';
    name.starts_with(first) && name.chars().all(|character| first(character) || character.is_ascii_digit())
}

/// Reads labels up to the closing brace; gives what follows it.
fn labels(mut rest: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Labels::new();
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, after) = rest.split_once("=\"").ok_or("a label without a value")?;
        if !is_name(name) || name.contains(':') {
            return Err("a bad label name");
        }
        let (value, after) = quoted(after)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("a label that is there twice");
        }
        rest = match after.strip_prefix(',') {
            Some(after) => after,
            None if after.starts_with('}') => after,
            None => return Err("no comma between labels"),
        };
    }
}

/// A label value up to its closing quote, unescaped (`\\`, `\"`, `\n` and no other), and what follows.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                _ => return Err("a bad escape"),
            },
            _ => value.push(character),
        }
    }
    Err("a label value without an end")
}

#[cfg(test)]
mod tests;
