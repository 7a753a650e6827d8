//! The dashboard in the repository: fresh, well-formed, and about metrics that there are.

use std::{collections::BTreeSet, env, fs};

use monitoring::{
    dashboard::{FILE, ROWS, document, substituted},
    query::Names,
    rules::labels_in,
    table::Table,
};
use serde_json::Value;

fn table() -> Table {
    Table::of_page(&monitoring::read("docs/metrics.md"))
}

/// What the file has, as `the_file_is_fresh` says.
fn file() -> Value {
    serde_json::from_str(&document()).expect("the dashboard is JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list {key}"))
}

#[test]
fn the_file_is_fresh() {
    let fresh = document();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let path = monitoring::path(FILE);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("the folder can be made");
        fs::write(&path, &fresh).unwrap_or_else(|error| panic!("{FILE}: {error}"));
    }
    assert!(
        monitoring::read(FILE) == fresh,
        "{FILE} is stale: UPDATE_GOLDEN=1 cargo test -p monitoring writes it"
    );
}

#[test]
fn queries_and_legends_name_what_there_is() {
    let table = table();
    let names = Names::new(&table);
    for panel in ROWS.iter().flat_map(|row| row.panels) {
        for query in panel.queries {
            let expr = substituted(query.expr);
            assert!(!expr.contains('$'), "{}: a variable that is not known in {expr}", panel.title);
            let labels = names.labels_of(&expr).unwrap_or_else(|error| panic!("{}: {error}", panel.title));
            for label in labels_in(query.legend) {
                assert!(
                    labels.contains(label),
                    "{}: the legend names {label}, the query has {labels:?}",
                    panel.title
                );
            }
        }
    }
}

#[test]
fn the_series_of_a_panel_have_different_names() {
    let table = table();
    let names = Names::new(&table);
    for panel in ROWS.iter().flat_map(|row| row.panels) {
        let legends: BTreeSet<_> = panel.queries.iter().map(|query| query.legend).collect();
        assert_eq!(legends.len(), panel.queries.len(), "{}", panel.title);
        for query in panel.queries.iter().filter(|query| !query.legend.is_empty()) {
            let mut labels = names.labels_of(&substituted(query.expr)).expect("checked above");
            // These come with every series of a collector, and there is one collector.
            labels.remove("job");
            for label in labels {
                assert!(query.legend.contains(&label), "{}: the legend leaves out {label}", panel.title);
            }
        }
    }
}

#[test]
fn variables_are_filled_from_metrics_that_there_are() {
    let (table, file) = (table(), file());
    let names = Names::new(&table);
    let mut found = BTreeSet::new();
    for variable in list(&file["templating"], "list") {
        found.insert(variable["name"].as_str().expect("a variable has a name"));
        let Some(query) = variable["query"]["query"].as_str() else { continue };
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (selector, label) = inside.and_then(|inside| inside.rsplit_once(", ")).expect("label_values");
        let metrics = selector.strip_prefix("{__name__=~\"").and_then(|rest| rest.strip_suffix("\"}"));
        for metric in metrics.unwrap_or(selector).split('|') {
            let labels = names.labels_of(metric).unwrap_or_else(|error| panic!("{query}: {error}"));
            assert!(labels.contains(label), "{query}: {metric} has no label {label}");
        }
    }
    assert_eq!(found, BTreeSet::from(["datasource", "instance", "registry", "runtime", "window"]));
}

#[test]
fn every_panel_says_what_it_shows() {
    for panel in ROWS.iter().flat_map(|row| row.panels) {
        assert!(!panel.title.is_empty() && panel.description.ends_with('.'), "{}", panel.title);
        assert!(!panel.unit.is_empty() && !panel.queries.is_empty(), "{}", panel.title);
    }
}

#[test]
fn panels_have_their_own_numbers_and_places() {
    let file = file();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&file, "panels") {
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{}", panel["title"]);
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_else(|| panic!("{}", panel["title"]));
        assert!(at("x") + at("w") <= 24 && at("w") > 0 && at("h") > 0, "{}", panel["title"]);
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(cells.insert((x, y)), "{} lies on another panel at {x}, {y}", panel["title"]);
        }
    }
    assert!(ids.len() > ROWS.len());
}
