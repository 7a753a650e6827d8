//! What has come of a replay: the series that moved, as `/metrics` would have them.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::metrics::Metrics;

/// Beginnings of the names of metrics that a replay says something about: what passes on a socket is made up there, so its bytes and
/// connections are not.
const SHOWN: [&str; 12] = [
    "work_",
    "operation",
    "served_",
    "proxy_errors",
    "registry_requests_total",
    "downloads_total",
    "image_pull",
    "connects_total",
    "exchanges_unattributed",
    "series_dropped",
    "corrections",
    "kernel_events_lost",
];

/// Space between two columns.
const GAP: usize = 2;

/// The series that moved, one a line: metric, labels, value. Of histograms, how often and how long together; of gauges also those
/// that have come back to 0.
pub fn table(metrics: &Metrics) -> String {
    let mut text = Vec::new();
    if metrics.write(&mut text).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&text);
    let series: Vec<Series<'_>> = text.lines().filter_map(Series::of).collect();
    let moved: BTreeSet<Vec<&str>> =
        series.iter().filter(|one| one.value != "0").map(Series::of_what).collect();
    let mut rows = vec![["METRIC", "LABELS", "VALUE"].map(str::to_owned)];
    let mut seconds = "";
    for one in &series {
        let gauge = one.name.ends_with("_in_flight") && moved.contains(&one.of_what());
        if one.value == "0" && !gauge {
            continue;
        }
        // The text format has the sum of a histogram before its count.
        let (name, value) = match (one.name.strip_suffix("_sum"), one.name.strip_suffix("_count")) {
            (Some(_), _) => {
                seconds = one.value;
                continue;
            }
            (None, Some(name)) => (name, format!("{} in {} s", one.value, rounded(seconds))),
            (None, None) => (one.name, one.value.to_owned()),
        };
        rows.push([name.to_owned(), one.labels.join(" "), value]);
    }
    columns(&rows)
}

/// A sum of times without what adding up has left far behind the point.
fn rounded(seconds: &str) -> String {
    let rounded = seconds.parse().map(|seconds: f64| (seconds * 1e6).round() / 1e6);
    rounded.map_or_else(|_| seconds.to_owned(), |seconds| seconds.to_string())
}

/// One line of the text format.
struct Series<'a> {
    name: &'a str,
    /// Each as `name="value"`.
    labels: Vec<&'a str>,
    value: &'a str,
}

impl<'a> Series<'a> {
    /// `None` for comments, buckets, and metrics that are not shown.
    fn of(line: &'a str) -> Option<Self> {
        let line = line.strip_prefix(crate::metrics::table::PREFIX)?;
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.strip_suffix('}').unwrap_or(labels);
        let labels = labels.split_inclusive("\",").map(|label| label.trim_end_matches(',')).collect();
        let shown = SHOWN.iter().any(|start| name.starts_with(start)) && !name.ends_with("_bucket");
        shown.then_some(Self { name, labels, value })
    }

    /// What it is counted of: its labels but for how that ended.
    fn of_what(&self) -> Vec<&'a str> {
        self.labels.iter().copied().filter(|label| !label.starts_with("status=")).collect()
    }
}

/// Rows as aligned columns.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}{:GAP$}", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
