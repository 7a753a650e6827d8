//! The metrics that there are, as `docs/metrics.md` has them.
//!
//! `cargo xtask docs --check` holds that page equal to what the program prints of its own table. It is read here, and not the
//! table itself, so that the check needs neither the program nor what it is built with.

use std::collections::{BTreeMap, BTreeSet};

/// Series that a histogram has beside each other.
const HISTOGRAM: [&str; 3] = ["_bucket", "_sum", "_count"];

/// What every exporter of this kind has besides (`collector/tests/golden/metrics.txt`), and what Prometheus says of a target.
const WITHOUT_A_TABLE: [&str; 9] = [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
    "process_threads",
    "process_start_time_seconds",
    "up",
    "scrape_duration_seconds",
];

/// A label: the values it may have, where the page lists them all.
pub type Values = Option<BTreeSet<String>>;

/// The series of one name.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Its own labels: without those of the target.
    pub labels: BTreeMap<String, Values>,
}

/// All series names.
#[derive(Debug)]
pub struct Table {
    series: BTreeMap<String, Series>,
}

impl Table {
    /// Reads the page.
    ///
    /// # Panics
    /// When the page has another form than it had: then nothing could be checked.
    pub fn of_page(page: &str) -> Self {
        let mut series: BTreeMap<String, Series> =
            WITHOUT_A_TABLE.map(|name| (name.to_owned(), Series::default())).into();
        for section in page.split("\n### ").skip(1) {
            let (name, text) = section.split_once('\n').expect("a metric has a text");
            let section_end = text.find("\n## ").unwrap_or(text.len());
            let text = &text[..section_end];
            let mut labels: BTreeMap<_, _> = text
                .lines()
                .filter_map(|line| line.strip_prefix("- `")?.split_once("`: "))
                .map(label)
                .collect();
            if text.contains(" Type: histogram,") {
                let bounds = text.lines().find_map(|line| line.strip_prefix("- buckets: "));
                let bounds = bounds.unwrap_or_else(|| panic!("{name}: a histogram without buckets"));
                for suffix in HISTOGRAM {
                    if suffix == "_bucket" {
                        let bounds = bounds.split(' ').chain(["+Inf"]).map(str::to_owned).collect();
                        labels.insert("le".to_owned(), Some(bounds));
                    } else {
                        labels.remove("le");
                    }
                    series.insert(format!("{name}{suffix}"), Series { labels: labels.clone() });
                }
            } else {
                assert!(
                    text.contains(" Type: counter,") || text.contains(" Type: gauge,"),
                    "{name}: a metric without a type"
                );
                series.insert(name.to_owned(), Series { labels });
            }
        }
        assert!(series.len() > WITHOUT_A_TABLE.len(), "no metric was found on the page");
        Self { series }
    }

    /// The series of that name.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.get(name)
    }

    /// The names of pullscope's own series; of a histogram all three.
    pub fn own_names(&self) -> impl Iterator<Item = &str> {
        self.series.keys().map(String::as_str).filter(|name| name.starts_with("pullscope_"))
    }
}

/// A list of bare words is the whole of a label's values. Where there are others, the page says so in words.
fn label((name, values): (&str, &str)) -> (String, Values) {
    let is_word = |value: &str| {
        !value.is_empty()
            && value.chars().all(|character| character.is_ascii_alphanumeric() || "_[]".contains(character))
    };
    let words: BTreeSet<_> = values.split(", ").map(str::to_owned).collect();
    (name.to_owned(), words.iter().all(|value| is_word(value)).then_some(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Metrics

## Pulls

| metric | type | labels |
| --- | --- | --- |
| [`pullscope_a_seconds`](#x) | histogram | status, runtime |

### pullscope_a_seconds

Time. Type: histogram, in seconds.

- `runtime`: name of a configured target
- `status`: ok, error
- buckets: 0.5 1

## Itself

- `fleeting`: a, b

### pullscope_b_total

Number. Type: counter, in pulls.

- `registry`: eTLD+1 of the registry, [IP_ADDRESS], [UNKNOWN] or [OTHER]
";

    #[test]
    fn histograms_have_three_series_and_lists_are_closed() {
        let table = Table::of_page(PAGE);
        assert_eq!(
            table.own_names().collect::<Vec<_>>(),
            [
                "pullscope_a_seconds_bucket",
                "pullscope_a_seconds_count",
                "pullscope_a_seconds_sum",
                "pullscope_b_total"
            ]
        );
        let bucket = table.series("pullscope_a_seconds_bucket").unwrap();
        assert_eq!(bucket.labels.keys().collect::<Vec<_>>(), ["le", "runtime", "status"]);
        assert_eq!(bucket.labels["runtime"], None);
        assert_eq!(bucket.labels["status"], Some(BTreeSet::from(["ok", "error"].map(str::to_owned))));
        assert_eq!(bucket.labels["le"], Some(BTreeSet::from(["0.5", "1", "+Inf"].map(str::to_owned))));
        assert!(!table.series("pullscope_a_seconds_sum").unwrap().labels.contains_key("le"));
        assert_eq!(
            table.series("pullscope_b_total").unwrap().labels.keys().collect::<Vec<_>>(),
            ["registry"]
        );
        assert!(table.series("pullscope_a_seconds").is_none(), "a histogram has no series of its own name");
    }

    #[test]
    #[should_panic(expected = "no metric")]
    fn a_page_of_another_form_is_refused() {
        let _ = Table::of_page("# Metrics\n\nnone\n");
    }
}
