//! Rules, their cases and the runbook: about metrics that there are, and about each other.

use std::collections::{BTreeMap, BTreeSet};

use monitoring::{
    query::{Labels, Names},
    rules::{Asked, Case, RUNBOOK, Rule, cases, labels_in, rules, runbook_queries},
    table::Table,
};

fn table() -> Table {
    Table::of_page(&monitoring::read("docs/metrics.md"))
}

/// What may be asked for, records included.
fn names(table: &Table) -> Names<'_> {
    let mut names = Names::new(table);
    for rule in rules().groups.into_iter().flat_map(|group| group.rules) {
        if let Rule::Record { record, expr } = rule {
            let labels = names.labels_of(&expr).unwrap_or_else(|error| panic!("{record}: {error}"));
            names.record(&record, labels);
        }
    }
    names
}

struct Alert {
    name: String,
    expr: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn alerts() -> Vec<Alert> {
    let alert = |rule| match rule {
        Rule::Alert { alert, expr, labels, annotations, .. } => {
            Some(Alert { name: alert, expr, labels, annotations })
        }
        Rule::Record { .. } => None,
    };
    rules().groups.into_iter().flat_map(|group| group.rules).filter_map(alert).collect()
}

fn alert_names() -> BTreeSet<String> {
    alerts().into_iter().map(|alert| alert.name).collect()
}

#[test]
fn records_are_named_after_their_labels() {
    let table = table();
    let names = names(&table);
    for rule in rules().groups.into_iter().flat_map(|group| group.rules) {
        let Rule::Record { record, expr } = rule else { continue };
        let [level, _, operation] = record.split(':').collect::<Vec<_>>()[..] else {
            panic!("{record}: not level:metric:operation")
        };
        let labels = names.labels_of(&expr).unwrap_or_else(|error| panic!("{record}: {error}"));
        let of_level: Labels = level.split('_').map(str::to_owned).collect();
        assert_eq!(labels, of_level, "{record}");
        let window = operation.rsplit_once("rate").expect("an operation with a rate").1;
        assert!(expr.contains(&format!("[{window}]")), "{record}");
    }
}

#[test]
fn alerts_name_what_there_is_and_say_enough() {
    let table = table();
    let names = names(&table);
    let mut seen = BTreeSet::new();
    for Alert { name: alert, expr, labels, annotations } in alerts() {
        assert!(seen.insert(alert.clone()) && alert.starts_with("Pullscope"), "{alert}");
        let series = names.labels_of(&expr).unwrap_or_else(|error| panic!("{alert}: {error}"));
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["severity"], "{alert}");
        assert!(["critical", "warning", "info"].contains(&labels["severity"].as_str()), "{alert}");
        assert_eq!(
            annotations.keys().collect::<Vec<_>>(),
            ["description", "runbook_url", "summary"],
            "{alert}"
        );
        assert_eq!(annotations["runbook_url"], format!("{RUNBOOK}#{}", alert.to_lowercase()), "{alert}");
        assert!(annotations["description"].ends_with('.'), "{alert}");
        let texts = annotations.values().flat_map(|text| labels_in(text)).collect::<BTreeSet<_>>();
        for label in &texts {
            assert!(series.contains(*label), "{alert}: a text names {label}, the query has {series:?}");
        }
        // Who reads only the texts must know which of several this is.
        for label in series.iter().filter(|label| label.as_str() != "job") {
            assert!(texts.contains(label.as_str()), "{alert}: no text names {label}");
        }
    }
}

#[test]
fn each_alert_has_its_section_in_the_runbook_and_no_other_is_there() {
    let page = monitoring::read(RUNBOOK);
    let sections: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts: Vec<_> = alerts().into_iter().map(|alert| alert.name).collect();
    assert_eq!(sections, alerts, "sections of {RUNBOOK}, in the order of the rules");
    for section in page.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap_or_default();
        for part in ["**Means.**", "**Look at.**", "**Usual causes.**", "**Do.**"] {
            assert_eq!(section.matches(part).count(), 1, "{name}: {part}");
        }
        assert!(section.contains("```promql"), "{name}: no query to look at");
    }
}

#[test]
fn queries_of_the_runbook_name_what_there_is() {
    let table = table();
    let names = names(&table);
    let page = monitoring::read(RUNBOOK);
    for query in runbook_queries(&page) {
        names.labels_of(query).unwrap_or_else(|error| panic!("{RUNBOOK}: {error}"));
    }
}

#[test]
fn each_alert_fires_in_a_case_and_is_silent_in_another() {
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        for expected in case.alert_rule_test {
            let set = if expected.exp_alerts.is_empty() { &mut silent } else { &mut fires };
            set.insert(expected.alertname);
        }
    }
    assert_eq!(fires, alert_names());
    assert_eq!(silent, alert_names());
}

/// Prometheus's own record of what fires: none, at no time.
const NOTHING_FIRES: &str = "count_over_time(ALERTS{alertstate=\"firing\"}[";

#[test]
fn the_quiet_cases_leave_nothing_out() {
    let table = table();
    let quiet: Vec<_> = cases().into_iter().filter(Case::is_quiet).collect();
    assert_eq!(quiet.len(), 2, "a healthy day and an idle node");
    for case in &quiet {
        let asked: BTreeSet<_> = case.alert_rule_test.iter().map(|one| one.alertname.clone()).collect();
        assert_eq!(asked, alert_names(), "{}", case.name);
        assert!(case.alert_rule_test.iter().all(|one| one.exp_alerts.is_empty()), "{}", case.name);
        let all_day = |asked: &Asked| asked.expr.starts_with(NOTHING_FIRES) && asked.exp_samples.is_empty();
        assert!(case.promql_expr_test.iter().any(all_day), "{}: not asked at all times", case.name);
    }
    let day = quiet.iter().find(|case| case.is_healthy_day()).expect("there is a healthy day");
    let present: BTreeSet<_> =
        day.input_series.iter().map(|one| one.series.split('{').next().unwrap_or_default()).collect();
    // The sum of a histogram is asked for nowhere.
    for name in table.own_names().filter(|name| !name.ends_with("_seconds_sum")) {
        assert!(present.contains(name), "{}: {name} is missing", day.name);
    }
}

#[test]
fn cases_are_about_series_that_there_are() {
    let table = table();
    let names = Names::new(&table);
    for case in cases() {
        for input in case.input_series {
            names.labels_of(&input.series).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        }
    }
}
