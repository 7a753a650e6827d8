//! The file of rules and the cases of `promtool test rules`, as far as they are looked at here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file of rules.
pub const RULES: &str = "deploy/rules/pullscope.rules.yml";
/// The folder of its cases.
pub const CASES: &str = "deploy/rules/tests";
/// What to do about each alert.
pub const RUNBOOK: &str = "docs/runbook.md";

/// A file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Rules that are evaluated together.
    pub groups: Vec<Group>,
}

/// A group of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Unique in the file.
    pub name: String,
    /// In the order in which they are evaluated.
    pub rules: Vec<Rule>,
}

/// A rule: one that records, or an alert.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Rule {
    /// Makes series of a name.
    Record {
        /// `level:metric:operations`.
        record: String,
        /// What is recorded.
        expr: String,
    },
    /// Fires for each series that its query has.
    Alert {
        /// Its name.
        alert: String,
        /// The query.
        expr: String,
        /// How long the query must have a series before it fires.
        r#for: String,
        /// Labels that are added.
        labels: BTreeMap<String, String>,
        /// Texts for who is woken up.
        annotations: BTreeMap<String, String>,
    },
}

/// A file of cases.
#[derive(Debug, Deserialize)]
pub struct CaseFile {
    /// The cases.
    pub tests: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What Prometheus has scraped.
    #[serde(default)]
    pub input_series: Vec<Input>,
    /// Which alerts fire when.
    #[serde(default)]
    pub alert_rule_test: Vec<Expected>,
    /// What queries have as their results.
    #[serde(default)]
    pub promql_expr_test: Vec<Asked>,
}

/// A query and what it is to have as its result.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// The query.
    pub expr: String,
    /// None for no result.
    #[serde(default)]
    pub exp_samples: Vec<serde::de::IgnoredAny>,
}

impl Case {
    /// Whether nothing is to fire in it.
    pub fn is_quiet(&self) -> bool {
        self.name.starts_with("quiet: ")
    }

    /// Whether all metrics are in it.
    pub fn is_healthy_day(&self) -> bool {
        self.name == "quiet: a healthy day"
    }
}

/// One series of a case.
#[derive(Debug, Deserialize, Serialize)]
pub struct Input {
    /// Name and labels.
    pub series: String,
    /// Its values, in promtool's short form.
    pub values: String,
}

/// What one alert does at one time.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The alert.
    pub alertname: String,
    /// Its instances, none for silence.
    #[serde(default)]
    pub exp_alerts: Vec<serde::de::IgnoredAny>,
}

/// The rules of the repository.
///
/// # Panics
/// When they have another form.
pub fn rules() -> File {
    serde_norway::from_str(&crate::read(RULES)).unwrap_or_else(|error| panic!("{RULES}: {error}"))
}

/// The cases of the repository, all files of them.
///
/// # Panics
/// When they have another form.
pub fn cases() -> Vec<Case> {
    let folder = std::fs::read_dir(crate::path(CASES)).unwrap_or_else(|error| panic!("{CASES}: {error}"));
    let mut all = Vec::new();
    for entry in folder {
        let path = entry.expect("the folder can be read").path();
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: CaseFile =
            serde_norway::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        all.extend(file.tests);
    }
    all
}

/// The labels that a text of an alert or a legend refers to: each `{{ $labels.NAME }}` and `{{NAME}}`.
pub fn labels_in(text: &str) -> Vec<&str> {
    text.split("{{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(inside, _)| inside.trim())
        .filter(|inside| !inside.starts_with("$value"))
        .map(|inside| inside.trim_start_matches("$labels."))
        .collect()
}

/// The queries of a page: what stands in its fenced blocks marked `promql`, one query a block.
pub fn runbook_queries(page: &str) -> Vec<&str> {
    page.split("\n```promql\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("\n```"))
        .map(|(query, _)| query)
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn queries_of_a_page_are_found() {
        let page = "# a\n\n```promql\nsum(\n  up\n)\n```\n\n```sh\nls\n```\n\n```promql\nup\n```\n";
        assert_eq!(super::runbook_queries(page), ["sum(\n  up\n)", "up"]);
    }

    #[test]
    fn labels_in_texts_are_found() {
        let text =
            "{{ $labels.registry }} did {{ $value | humanizePercentage }} of {{kind}}, {{ $labels.node }}";
        assert_eq!(super::labels_in(text), ["registry", "kind", "node"]);
        assert!(super::labels_in("nothing").is_empty());
    }
}
