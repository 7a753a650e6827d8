//! What promtool says of rules, dashboard and runbook.
//!
//! That they name metrics and labels that there are, and each other, is up to the tests of the package `monitoring`, which need no
//! promtool. Here Prometheus's own code parses every query, runs the alerts through their cases, and has the queries of the dashboard
//! answered from a made-up day.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{
    steps::{Live, Outcome},
    workspace::{Workspace, find_program},
};

const RULES: &str = "deploy/rules";

/// Checks all of it; without promtool the step is skipped.
pub fn check(workspace: &Workspace, live: &Live) -> Result<Outcome> {
    let Some(promtool) = find_program("promtool") else {
        return Ok(Outcome::Skipped(
            "no promtool: `cargo xtask setup` gets it (Debian's package prometheus)".into(),
        ));
    };
    let rules = files(workspace, RULES)?;
    let cases = files(workspace, &format!("{RULES}/tests"))?;
    let check = |words: [&str; 2], files: &[PathBuf]| {
        live.note(&format!("promtool {}", words.join(" ")));
        live.run(workspace.command(&promtool).args(words).args(files))
    };
    check(["check", "rules"], &rules)?;
    check(["test", "rules"], &cases)?;
    check(["check", "rules"], &[printed(workspace, live, "queries")?])?;
    check(["test", "rules"], &[printed(workspace, live, "panels")?])?;
    Ok(Outcome::Done(String::new()))
}

/// The files of a folder with YAML in them, by name. An empty list would have promtool succeed.
fn files(workspace: &Workspace, folder: &str) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(workspace.root.join(folder)).with_context(|| format!("cannot read {folder}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("there is no .yml file in {folder}");
    }
    files.sort();
    Ok(files)
}

/// What the package `monitoring` prints under that name, as a file.
fn printed(workspace: &Workspace, live: &Live, name: &str) -> Result<PathBuf> {
    let mut print = workspace.cargo();
    print.args(["run", "--quiet", "--package=monitoring", "--", name]);
    let path = workspace.target.join(format!("xtask/{name}.yml"));
    fs::write(&path, live.output(&mut print)?).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
