//! One panel, as it is declared and as Grafana wants it.

use serde_json::{Value, json};

use super::datasource;

/// What a panel shows, and how.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// What is shown, in a few words.
    pub title: &'static str,
    /// What the numbers mean and what to make of them; behind the (i) of the panel.
    pub description: &'static str,
    /// Its form.
    pub shape: Shape,
    /// Grafana's name of the unit.
    pub unit: &'static str,
    /// Of 24 columns.
    pub width: u32,
    /// What it asks for.
    pub queries: &'static [Query],
    /// Series that mean the same everywhere have the same colour everywhere. Others get theirs from Grafana.
    pub colours: &'static [(&'static str, &'static str)],
    /// From which value on which colour. The first holds from the least value on.
    pub thresholds: &'static [(f64, &'static str)],
}

/// A query, and what a series of it is called.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// `PromQL`, with variables of the dashboard.
    pub expr: &'static str,
    /// Labels in `{{ }}`.
    pub legend: &'static str,
}

/// The form of a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One number.
    Number,
    /// A line for each series.
    Lines,
    /// Areas on top of each other: for what adds up.
    Stack,
    /// A row for each series, with what it is now.
    Table,
}

/// A panel of lines, to be completed.
pub const LINES: Panel = Panel {
    title: "",
    description: "",
    shape: Shape::Lines,
    unit: "",
    width: 12,
    queries: &[],
    colours: &[],
    thresholds: &[],
};
/// A panel of stacked areas, to be completed.
pub const STACK: Panel = Panel { shape: Shape::Stack, ..LINES };
/// A number, to be completed. Six stand side by side.
pub const NUMBER: Panel = Panel { shape: Shape::Number, width: 4, ..LINES };

const GREEN: &str = "green";
const RED: &str = "red";
const ORANGE: &str = "orange";
const BLUE: &str = "blue";
/// Nothing is known: neither good nor bad.
const GREY: &str = "#8e8e8e";

/// Of `status` and `result`.
pub const OUTCOMES: &[(&str, &str)] = &[("ok", GREEN), ("error", RED), ("unknown", GREY)];
/// Of quantiles.
pub const QUANTILES: &[(&str, &str)] = &[("p50", BLUE), ("p90", ORANGE), ("p99", RED)];
/// Of `visibility`.
pub const VISIBILITIES: &[(&str, &str)] =
    &[("plaintext", BLUE), ("tls_decoded", GREEN), ("tls_opaque", ORANGE), ("other", GREY)];
/// Of a share of failures: some are always there, one in twenty is worth a look, one in five is felt.
pub const FAILURES: &[(f64, &str)] = &[(0.0, GREEN), (0.05, ORANGE), (0.2, RED)];
/// Of what should be 0.
pub const NONE_WANTED: &[(f64, &str)] = &[(0.0, GREEN), (1.0, RED)];
/// Of a number that is neither good nor bad.
pub const PLAIN: &[(f64, &str)] = &[(0.0, BLUE)];

impl Panel {
    /// Rows of the grid, each 30 pixels.
    pub fn height(&self) -> u32 {
        if self.shape == Shape::Number { 4 } else { 8 }
    }

    /// The panel in Grafana's words.
    pub fn json(&self, id: u32, x: u32, y: u32) -> Value {
        json!({
            "id": id,
            "type": match self.shape {
                Shape::Number => "stat",
                Shape::Lines | Shape::Stack => "timeseries",
                Shape::Table => "table",
            },
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": { "x": x, "y": y, "w": self.width, "h": self.height() },
            "targets": self.queries.iter().zip('A'..='Z').map(|(query, id)| self.target(query, id)).collect::<Vec<_>>(),
            "fieldConfig": { "defaults": self.defaults(), "overrides": self.overrides() },
            "options": self.options(),
            "transformations": self.transformations(),
        })
    }

    fn target(&self, query: &Query, id: char) -> Value {
        // Numbers and tables are about the whole time that is shown.
        let at_once = matches!(self.shape, Shape::Number | Shape::Table);
        json!({
            "refId": id.to_string(),
            "datasource": datasource(),
            "editorMode": "code",
            "expr": query.expr,
            "legendFormat": query.legend,
            "instant": at_once,
            "range": !at_once,
            "format": if self.shape == Shape::Table { "table" } else { "time_series" },
        })
    }

    fn defaults(&self) -> Value {
        let mut defaults = json!({
            "unit": self.unit,
            "min": 0,
            "color": { "mode": if self.shape == Shape::Number { "thresholds" } else { "palette-classic" } },
        });
        if !self.thresholds.is_empty() {
            // Grafana wants no number in the first step: it holds from minus infinity on.
            let step = |(index, (value, colour)): (usize, &(f64, &str))| json!({ "color": colour, "value": (index > 0).then_some(*value) });
            let steps: Vec<_> = self.thresholds.iter().enumerate().map(step).collect();
            defaults["thresholds"] = json!({ "mode": "absolute", "steps": steps });
        }
        let stacked = self.shape == Shape::Stack;
        match self.shape {
            Shape::Lines | Shape::Stack => {
                defaults["custom"] = json!({
                    "drawStyle": "line",
                    "lineInterpolation": "linear",
                    "lineWidth": 1,
                    "fillOpacity": if stacked { 40 } else { 8 },
                    "showPoints": "auto",
                    "pointSize": 4,
                    "spanNulls": false,
                    "stacking": { "mode": if stacked { "normal" } else { "none" }, "group": "A" },
                    "thresholdsStyle": { "mode": if self.thresholds.is_empty() { "off" } else { "dashed" } },
                });
            }
            Shape::Number => {
                defaults["noValue"] = json!("none");
                if self.unit == "short" {
                    // What `increase` has of whole things is not whole.
                    defaults["decimals"] = json!(0);
                }
            }
            Shape::Table => defaults["custom"] = json!({ "align": "auto", "filterable": true }),
        }
        defaults
    }

    fn overrides(&self) -> Vec<Value> {
        let colour = |(name, colour): &(&str, &str)| {
            json!({
                "matcher": { "id": "byName", "options": name },
                "properties": [{ "id": "color", "value": { "mode": "fixed", "fixedColor": colour } }],
            })
        };
        self.colours.iter().map(colour).collect()
    }

    fn options(&self) -> Value {
        match self.shape {
            Shape::Number => json!({
                "colorMode": "value",
                "graphMode": "none",
                "justifyMode": "center",
                "textMode": "value",
                "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
            }),
            Shape::Lines | Shape::Stack => json!({
                "legend": {
                    "displayMode": "table",
                    "placement": "bottom",
                    "showLegend": true,
                    "calcs": ["lastNotNull", "max"],
                },
                "tooltip": { "mode": "multi", "sort": "desc", "hideZeros": true },
            }),
            Shape::Table => json!({
                "showHeader": true,
                "cellHeight": "sm",
                "sortBy": [{ "displayName": "Value", "desc": true }],
            }),
        }
    }

    fn transformations(&self) -> Vec<Value> {
        if self.shape != Shape::Table {
            return Vec::new();
        }
        vec![json!({ "id": "organize", "options": { "excludeByName": { "Time": true } } })]
    }
}
