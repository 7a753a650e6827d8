//! The start page: where to go, and how pullscope is. It loads nothing from elsewhere.

use std::fmt::Write;

use super::status::{ProbeState, Snapshot};
use crate::metrics::label::LabelValue;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--ok:#1a7f37;--bad:#c0392b}\
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}\
h1{margin-bottom:0}.sub{opacity:.7;margin-top:0}nav a{margin-right:1.2rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line)}\
code{font:14px ui-monospace,monospace}.ok{color:var(--ok)}.bad{color:var(--bad)}";

/// The page.
pub fn html(status: &Snapshot, telemetry_path: &str) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>pullscope</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\
         <h1>pullscope</h1><p class=\"sub\">image pulls of this node, seen from the kernel</p>\
         <nav><a href=\"{path}\">{path}</a><a href=\"/api/v1/pulls\">/api/v1/pulls</a>\
         <a href=\"/api/v1/pulls/stream\">stream</a><a href=\"/healthz\">/healthz</a><a href=\"/readyz\">/readyz</a></nav>\
         <h2>State</h2><table>",
        path = escape(telemetry_path)
    );
    let (class, state) = match &status.ready {
        Ok(()) => ("ok", "ready: attached and draining".to_owned()),
        Err(reason) => ("bad", format!("not ready: {reason}")),
    };
    row(&mut page, "pullscope", class, &state);
    row(&mut page, "version", "", &format!("{} ({})", crate::VERSION, crate::REVISION));
    row(&mut page, "kernel strategy", "", status.strategy.as_str());
    page.push_str("</table><h2>Kernel programs</h2><table>");
    if status.probes.is_empty() {
        row(&mut page, "none", "bad", "not attached");
    }
    for (name, state) in &status.probes {
        match state {
            ProbeState::Attached => row(&mut page, name, "ok", "attached"),
            ProbeState::Detached(reason) => row(&mut page, name, "bad", reason),
        }
    }
    page.push_str("</table></body></html>\n");
    page
}

fn row(page: &mut String, name: &str, class: &str, value: &str) {
    let (name, value) = (escape(name), escape(value));
    // Writing to a string cannot fail.
    let _ = write!(page, "<tr><td><code>{name}</code></td><td class=\"{class}\">{value}</td></tr>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
