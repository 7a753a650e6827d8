//! The Grafana dashboard: declared in rows of panels, laid out and numbered by itself.

mod agents;
mod fleet;
mod node;
mod panel;

use serde_json::{Value, json};

pub use panel::{Panel, Query, Shape};

/// Where the dashboard stands in the repository.
pub const FILE: &str = "deploy/dashboards/pullscope.json";

/// Version of Grafana's model of a dashboard: that of Grafana 12, which newer ones bring up to date when they load it.
const SCHEMA_VERSION: u32 = 41;
/// Columns of the grid.
const COLUMNS: u32 = 24;

/// Panels under a heading.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// From left to right, then down.
    pub panels: &'static [Panel],
}

/// All rows, from the whole fleet to the collector on one node.
pub const ROWS: [&Row; 8] = [
    &fleet::PULLS,
    &fleet::REGISTRIES,
    &agents::AGENTS,
    &agents::SANDBOXES,
    &agents::WORK,
    &node::NODE,
    &node::COLLECTOR,
    &node::LOSS,
];

/// The Prometheus that the reader chooses.
fn datasource() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// A variable whose values Prometheus knows: its name, what the reader sees, and the query for its values.
///
/// `process` and `runtime` are names of targets both, so one variable serves for both.
const VARIABLES: [(&str, &str, &str); 3] = [
    (
        "registry",
        "Registry",
        "label_values({__name__=~\"pullscope_image_pull_duration_seconds_count|pullscope_connects_total\"}, registry)",
    ),
    ("runtime", "Runtime or agent", "label_values(pullscope_processes_watched, process)"),
    ("instance", "Node", "label_values(pullscope_build_info, instance)"),
];

/// What a query has in place of variables when it is checked, as Grafana would put it.
const SUBSTITUTES: [(&str, &str); 6] = [
    ("$__rate_interval", "4m"),
    ("$__range", "6h"),
    ("$window", "15m"),
    ("$registry", ".*"),
    ("$runtime", ".*"),
    ("$instance", ".*"),
];

/// A query as Prometheus gets it when all of everything is chosen.
pub fn substituted(query: &str) -> String {
    SUBSTITUTES.iter().fold(query.to_owned(), |query, (variable, value)| query.replace(variable, value))
}

/// The dashboard as a file, with a line end at its end.
///
/// # Panics
/// Never: it is made of what JSON has.
pub fn document() -> String {
    let mut panels = Vec::new();
    let mut y = 0;
    for row in ROWS {
        panels.push(heading(row.title, next_id(&panels), y));
        y += 1;
        let mut x = 0;
        let mut height = 0;
        for panel in row.panels {
            if x + panel.width > COLUMNS {
                (x, y, height) = (0, y + height, 0);
            }
            panels.push(panel.json(next_id(&panels), x, y));
            x += panel.width;
            height = height.max(panel.height());
        }
        y += height;
    }
    let text = serde_json::to_string_pretty(&dashboard(&panels));
    format!("{}\n", text.expect("JSON values become text"))
}

fn next_id(panels: &[Value]) -> u32 {
    u32::try_from(panels.len() + 1).unwrap_or(u32::MAX)
}

fn heading(title: &str, id: u32, y: u32) -> Value {
    json!({
        "id": id,
        "type": "row",
        "title": title,
        "collapsed": false,
        "gridPos": { "x": 0, "y": y, "w": COLUMNS, "h": 1 },
        "panels": [],
    })
}

fn dashboard(panels: &[Value]) -> Value {
    json!({
        "uid": "pullscope",
        "title": "pullscope: image pulls",
        "description": "Image pulls, registries, agents and sandboxes of all nodes, then of chosen nodes, and what pullscope itself costs and loses.",
        "tags": ["pullscope", "containers"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [alerts()] },
        "templating": { "list": variables() },
        "links": [],
        "panels": panels,
    })
}

/// Alerts that fire, as marks in each graph.
fn alerts() -> Value {
    json!({
        "name": "Alerts",
        "enable": true,
        "datasource": datasource(),
        "expr": ALERTS,
        "iconColor": "red",
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{registry}} {{instance}} {{process}}",
    })
}

/// Prometheus's own record of alerts; its labels are those of each alert.
const ALERTS: &str = r#"ALERTS{alertname=~"Pullscope.*",alertstate="firing"}"#;

fn variables() -> Vec<Value> {
    let mut all = vec![json!({
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "refresh": 1,
        "regex": "",
    })];
    all.extend(VARIABLES.map(|(name, label, query)| {
        json!({
            "name": name,
            "label": label,
            "type": "query",
            "datasource": datasource(),
            "definition": query,
            "query": { "query": query, "refId": name },
            "refresh": 2,
            "sort": 1,
            "multi": true,
            "includeAll": true,
            // New values are in it from their first day, and the query stays short.
            "allValue": ".*",
            "current": { "text": ["All"], "value": ["$__all"] },
            "hide": 0,
        })
    }));
    let windows = ["5m", "15m", "1h", "6h"];
    all.push(json!({
        "name": "window",
        "label": "Ratios and quantiles over",
        "type": "custom",
        "query": windows.join(","),
        "options": windows.map(|window| json!({ "text": window, "value": window, "selected": window == "15m" })),
        "current": { "text": "15m", "value": "15m" },
        "multi": false,
        "includeAll": false,
        "hide": 0,
    }));
    all
}
