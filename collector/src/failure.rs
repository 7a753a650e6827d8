//! Why the program cannot go on, in one sentence a person can act on.

use std::fmt;

use crate::text::one_line;

/// Exit statuses of the program, the same for every subcommand.
pub mod exit {
    /// Did what was asked.
    pub const OK: u8 = 0;
    /// Could not do it on this machine now: a busy port, a missing privilege, a check that failed.
    pub const FAILED: u8 = 1;
    /// Was asked wrongly: the command line, the environment or the config file.
    pub const USAGE: u8 = 2;
}

/// Longest part of a sentence in bytes. Of the log of a container that failed, Kubernetes keeps the last 2048 bytes
/// (pkg/kubelet/container/runtime.go: `MaxContainerTerminationMessageLogLength`), and all three parts are to be among them.
const MAX_PART: usize = 600;

/// What failed, why, and how to mend it.
///
/// None of the three may hold secrets: they are printed and logged. Together they are one line, whatever they were made of.
#[derive(Debug)]
pub struct Failure {
    what: String,
    why: String,
    mend: String,
    status: u8,
}

impl Failure {
    /// Something on this machine stands in the way.
    pub fn new(what: impl Into<String>, why: impl Into<String>, mend: impl Into<String>) -> Self {
        let [what, why, mend] =
            [what.into(), why.into(), mend.into()].map(|part: String| one_line(&part, MAX_PART));
        Self { what, why, mend, status: exit::FAILED }
    }

    /// A setting is wrong, wherever it comes from.
    pub fn usage(what: impl Into<String>, why: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { status: exit::USAGE, ..Self::new(what, why, mend) }
    }

    /// What failed, in a few words.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Why it failed.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// How to mend it, as one sentence.
    pub fn mend(&self) -> &str {
        &self.mend
    }

    /// Status to exit with, one of [`exit`].
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.what, self.why, self.mend)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_and_fits() {
        let failure = Failure::new("starting", "first\n\tsecond\u{1b}[2J", "Mend it.");
        assert_eq!(failure.to_string(), "starting: first  second [2J. Mend it.");
        let failure = Failure::usage("é".repeat(5000), "x".repeat(5000), "y".repeat(5000));
        let sentence = failure.to_string();
        assert!(
            sentence.len() < 2048 && sentence.starts_with("é") && sentence.ends_with("yyy..."),
            "{sentence}"
        );
        assert_eq!(failure.why(), format!("{}...", "x".repeat(600)));
    }
}
