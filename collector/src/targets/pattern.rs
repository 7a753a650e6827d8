//! What a target's command line must look like.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// Longest pattern in bytes, as written.
const MAX_PATTERN: usize = 256;

/// Most memory that a compiled pattern may take, in bytes.
const MAX_COMPILED: usize = 256 * 1024;

/// Bytes of a command line that a pattern is matched against.
const MAX_CMDLINE: usize = 4096;

/// A regular expression over a command line, its arguments joined by one space each.
///
/// `Debug` shows the pattern, which is the operator's text; command lines themselves are never kept.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ArgvPattern(Regex);

impl ArgvPattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a command line fits, given as `/proc/PID/cmdline` has it; only its first 4096 bytes count.
    pub fn matches(&self, cmdline: &[u8]) -> bool {
        let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
        let joined: Vec<u8> =
            cmdline.iter().take(MAX_CMDLINE).map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
        self.0.is_match(&joined)
    }
}

impl TryFrom<String> for ArgvPattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        if pattern.is_empty() || pattern.len() > MAX_PATTERN {
            return Err(format!("an argv pattern has 1 to {MAX_PATTERN} bytes"));
        }
        // A lazy DFA's cache would count per pattern; commands are matched seldom, so keep it small.
        let built = RegexBuilder::new(&pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("the pattern needs more than {limit} bytes of memory")
            }
            // The crate draws the pattern with a marker over several lines; its last line says what is wrong.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("not a regular expression: {}", last.trim_start_matches("error: "))
            }
        })
    }
}

impl fmt::Debug for ArgvPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ArgvPattern({:?})", self.0.as_str())
    }
}
