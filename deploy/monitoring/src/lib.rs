//! What operators look at: the dashboard, the rules, the alerts and the runbook.
//!
//! The dashboard is made from [`dashboard`] (`UPDATE_GOLDEN=1 cargo test -p monitoring` writes `deploy/dashboards/`); rules and
//! runbook are written by hand. The tests of this crate hold all of them against `docs/metrics.md`, which is generated from the
//! program's own table, and against each other. That queries also do what they should is up to promtool, which
//! `cargo xtask test` runs on the rules, on their cases and on the queries of the dashboard.

pub mod dashboard;
pub mod query;
pub mod rules;
pub mod table;

use std::path::{Path, PathBuf};

/// A file of the repository, by its path from the top.
pub fn path(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(of)
}

/// The text of a file of the repository.
///
/// # Panics
/// When it cannot be read: it is part of the repository.
pub fn read(of: &str) -> String {
    std::fs::read_to_string(path(of)).unwrap_or_else(|error| panic!("{of}: {error}"))
}
