//! `pullscope check`: what this kernel, these privileges and these settings allow, each with the reason and the mend.
//!
//! A check is a function from what it looks at to one [`Finding`]; [`CHECKS`] lists them in the order in which a person
//! would mend things. To add one, write the function and put it there.

mod host;
mod kernel;
mod privileges;
mod programs;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use serde::Serialize;

use crate::config::{Settings, SettingsArgs};
use crate::failure::Failure;
pub use host::Host;
pub use privileges::pid_namespace_of;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// pullscope runs, and sees less.
    Warn,
    /// pullscope cannot run.
    Fail,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at, in one word or two.
    pub name: &'static str,
    /// How it came out.
    pub status: Outcome,
    /// What was found; several things on a line each.
    pub reason: String,
    /// What to do about it; empty when all is well.
    pub mend: String,
}

impl Finding {
    /// All is well.
    pub fn ok(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, status: Outcome::Ok, reason: reason.into(), mend: String::new() }
    }

    /// pullscope runs, and sees less.
    pub fn warn(name: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, status: Outcome::Warn, reason: reason.into(), mend: mend.into() }
    }

    /// pullscope cannot run.
    pub fn fail(name: &'static str, reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, status: Outcome::Fail, reason: reason.into(), mend: mend.into() }
    }
}

/// What the checks look at.
pub struct Context {
    /// The machine.
    pub host: Host,
    /// The settings in force; without the file where it is not valid.
    pub settings: Settings,
    /// Why the config file is not valid.
    pub invalid: Option<Failure>,
}

/// One check.
pub type Check = fn(&Context) -> Finding;

/// All checks, in order.
pub const CHECKS: &[Check] = &[
    settings::config,
    programs::embedded,
    privileges::capabilities,
    privileges::processes,
    privileges::cgroup_programs,
    privileges::probes,
    kernel::version,
    kernel::btf,
    kernel::lockdown,
    privileges::pid_namespace,
    kernel::cgroup2,
    settings::addresses,
    programs::targets,
    programs::probes,
];

/// What all checks found.
#[derive(Debug, Serialize)]
pub struct Report {
    version: &'static str,
    status: Outcome,
    checks: Vec<Finding>,
}

/// Looks at this machine.
pub fn report(args: &SettingsArgs) -> Report {
    let (settings, invalid) = match Settings::load(args) {
        Ok(settings) => (settings, None),
        Err(failure) => (Settings::without_file(args), Some(failure)),
    };
    Report::of(&Context { host: Host::new("/"), settings, invalid })
}

impl Report {
    /// Makes all checks.
    pub fn of(context: &Context) -> Self {
        Self::from_findings(CHECKS.iter().map(|check| check(context)).collect())
    }

    fn from_findings(checks: Vec<Finding>) -> Self {
        let status = checks.iter().map(|finding| finding.status).max().unwrap_or(Outcome::Ok);
        Self { version: crate::VERSION, status, checks }
    }

    /// Whether anything stands in pullscope's way.
    pub fn failed(&self) -> bool {
        self.status == Outcome::Fail
    }

    /// For people: a line for each check, or several where it found several things, and one below where there is something to
    /// mend.
    pub fn table(&self) -> String {
        let width = self.checks.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for Finding { name, status, reason, mend } in &self.checks {
            // Writing to a string cannot fail.
            let mut lines = reason.lines();
            let first = lines.next().unwrap_or_default();
            let _ = writeln!(text, "{:<4}  {name:<width$}  {first}", status.as_str());
            for line in lines {
                let _ = writeln!(text, "      {:<width$}  {line}", "");
            }
            if !mend.is_empty() {
                let _ = writeln!(text, "      {:<width$}  -> {mend}", "");
            }
        }
        text.push_str(match self.status {
            Outcome::Ok => "\npullscope can run here.\n",
            Outcome::Warn => "\npullscope can run here, with what the warnings say.\n",
            Outcome::Fail => "\npullscope cannot run here as it is.\n",
        });
        text
    }

    /// One JSON object, for scripts.
    pub fn json(&self) -> String {
        // Strings and enums only: there is nothing that could not be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
