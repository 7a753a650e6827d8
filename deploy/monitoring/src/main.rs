//! Prints what promtool is to look at beside the files in the repository (`cargo xtask test` gives it to promtool).
//!
//! - `queries`: those of dashboard and runbook as a file of rules, for Prometheus's own parser.
//! - `panels`: a case in which each query of the dashboard has a result on the healthy day of the rules' cases.

use std::{env, process::ExitCode};

use monitoring::{
    dashboard::{ROWS, substituted},
    rules,
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let text = match env::args().nth(1).as_deref() {
        Some("queries") => queries(),
        Some("panels") => panels(),
        _ => {
            eprintln!("say what is to be printed: queries or panels");
            return ExitCode::FAILURE;
        }
    };
    // JSON is YAML.
    println!("{text}");
    ExitCode::SUCCESS
}

/// A file of rules that is only parsed.
fn queries() -> Value {
    let dashboard = ROWS.iter().flat_map(|row| row.panels).flat_map(|panel| panel.queries);
    let page = monitoring::read(rules::RUNBOOK);
    let all = dashboard
        .map(|query| substituted(query.expr))
        .chain(rules::runbook_queries(&page).into_iter().map(str::to_owned))
        .enumerate()
        // A number each, since promtool wants no rule twice.
        .map(|(number, expr)| json!({ "record": format!("query:{number}"), "expr": expr }))
        .collect::<Vec<_>>();
    json!({ "groups": [{ "name": "queries", "rules": all }] })
}

/// A case for `promtool test rules`.
fn panels() -> Value {
    let day = rules::cases().into_iter().find(rules::Case::is_healthy_day).expect("there is a healthy day");
    let queries = ROWS.iter().flat_map(|row| row.panels).flat_map(|panel| panel.queries);
    let all = queries.map(|query| {
        // Over the whole day, in which everything happens.
        let expr =
            query.expr.replace("$__rate_interval", "1d").replace("$__range", "1d").replace("$window", "1d");
        json!({
            "expr": format!("vector(1) and on () ({})", substituted(&expr)),
            "eval_time": "1d",
            "exp_samples": [{ "labels": "{}", "value": 1 }],
        })
    });
    json!({
        "evaluation_interval": "1d",
        "tests": [{
            "interval": "1m",
            "input_series": day.input_series,
            "promql_expr_test": all.collect::<Vec<_>>(),
        }],
    })
}
