//! What `/metrics` says: the Prometheus text format, as far as a summary needs it.

use std::collections::BTreeMap;

/// The samples of one scrape.
pub struct Metrics {
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(label, _)| label == name).map_or("", |(_, value)| value)
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(name, value)| self.label(name) == *value)
    }
}

impl Metrics {
    /// Reads the text; lines that are no samples are passed over.
    pub fn parse(text: &str) -> Self {
        Self { samples: text.lines().filter_map(sample).collect() }
    }

    /// The sum of all series of a metric that have these labels.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        self.series(metric, labels).iter().fold(0.0, |sum, sample| sum + sample.value)
    }

    /// The sums of the series of a metric by the values of some of its labels, those that are not 0.
    pub fn by<const N: usize>(
        &self,
        metric: &str,
        labels: &[(&str, &str)],
        by: [&str; N],
    ) -> BTreeMap<[&str; N], f64> {
        let mut sums = BTreeMap::new();
        for sample in self.series(metric, labels) {
            *sums.entry(by.map(|label| sample.label(label))).or_default() += sample.value;
        }
        sums.retain(|_, sum| *sum != 0.0);
        sums
    }

    /// The mean of a histogram; `None` when it has observed nothing.
    pub fn mean(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let count = self.sum(&format!("{metric}_count"), labels);
        (count > 0.0).then(|| self.sum(&format!("{metric}_sum"), labels) / count)
    }

    fn series(&self, metric: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == metric && sample.has(labels)).collect()
    }
}

/// One line: `name{label="value",...} value`.
fn sample(line: &str) -> Option<Sample> {
    let end_of_name = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end_of_name);
    if name.is_empty() || name.starts_with('#') {
        return None;
    }
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, after) = unquote(quoted)?;
        labels.push((name.trim().to_owned(), value));
        rest = after;
    }
}

/// The text up to the closing quote with its escapes undone, and what follows the quote.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, text.get(at + 1..)?)),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, character) => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP r_total Requests, by kind.
# TYPE r_total counter
r_total{kind="blob",code="200"} 4
r_total{kind="blob",code="404"} 1
r_total{kind="manifest",code="200"} 2
r_total{kind="tags",code="200"} 0
odd{text="a \"b\", {c}\\ d"} 1.5e3 1700000000
up 1
t_seconds_sum{kind="blob"} 3
t_seconds_count{kind="blob"} 4
"#;

    #[test]
    fn sums_are_taken_over_the_series_that_match() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.sum("r_total", &[]).to_string(), "7");
        assert_eq!(metrics.sum("r_total", &[("code", "200"), ("kind", "blob")]).to_string(), "4");
        assert_eq!(metrics.sum("up", &[]).to_string(), "1");
        assert_eq!(metrics.sum("r", &[]).to_string(), "0");
    }

    #[test]
    fn groups_leave_out_what_is_zero() {
        let metrics = Metrics::parse(TEXT);
        let groups: Vec<_> = metrics.by("r_total", &[], ["kind"]).into_iter().collect();
        assert_eq!(groups, [(["blob"], 5.0), (["manifest"], 2.0)]);
    }

    #[test]
    fn label_values_may_hold_what_else_means_something() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.sum("odd", &[("text", r#"a "b", {c}\ d"#)]).to_string(), "1500");
    }

    #[test]
    fn a_mean_needs_an_observation() {
        let metrics = Metrics::parse(TEXT);
        assert_eq!(metrics.mean("t_seconds", &[("kind", "blob")]), Some(0.75));
        assert_eq!(metrics.mean("t_seconds", &[("kind", "tags")]), None);
    }

    #[test]
    fn broken_lines_are_passed_over() {
        for line in ["", "# a 1", "a{b=\"c", "a{b=\"c\"", "a{b} 1", "a", "a x", "{} 1"] {
            assert!(sample(line).is_none(), "{line}");
        }
    }
}
