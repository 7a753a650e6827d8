//! `/api/v1/pulls`: the pull log as JSON.

use std::io::{self, Write};

use hyper::header::HeaderMap;

use crate::model::pull::record::PullId;
use crate::pulls::PullLog;
use crate::pulls::document::Pulls;
use crate::pulls::entry::Entry;
use crate::pulls::filter::Filter;

/// The list. One pull stands below it under its number.
pub const PULLS: &str = "/api/v1/pulls";

/// The changes as they come.
pub const STREAM: &str = "/api/v1/pulls/stream";

/// What the query of the list asks for. The error is one sentence.
pub fn filter(query: Option<&str>) -> Result<Filter, String> {
    Filter::parse(query.unwrap_or_default())
}

/// Writes the pulls that are asked for.
pub fn list(log: &PullLog, filter: &Filter, to: &mut dyn Write) -> io::Result<()> {
    // The log is not held while they are made into text.
    let pulls = log.list(filter).iter().map(|entry| entry.document()).collect();
    serde_json::to_writer(&mut *to, &Pulls { pulls })?;
    to.write_all(b"\n")
}

/// One pull.
pub fn one(entry: &Entry) -> String {
    // Strings and numbers only: there is nothing that could not be written.
    let mut text = serde_json::to_string(&entry.document()).unwrap_or_default();
    text.push('\n');
    text
}

/// The pull that a path names; `None` where it names none.
pub fn number(path: &str) -> Option<PullId> {
    let digits = path.strip_prefix(PULLS)?.strip_prefix('/')?;
    // Digits alone: what Rust reads as a number may have a sign.
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    number.map(PullId)
}

/// The last event that a reader has seen before its connection broke off (HTML Living Standard, section 9.2.4).
pub fn last_event(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}
