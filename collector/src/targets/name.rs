//! Names of targets and of programs: checked once, where they enter.

use std::fmt;

use serde::Deserialize;

/// Longest comm in bytes: the kernel keeps 16 with the terminating zero (`TASK_COMM_LEN`, include/linux/sched.h).
const MAX_COMM: usize = 15;

/// Longest target name in bytes.
const MAX_NAME: usize = 32;

/// Name of a target, a label value: 1 to 32 of `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct TargetName(String);

impl TargetName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TargetName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
        if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(allowed) {
            Ok(Self(name))
        } else {
            Err(format!("a target's name has 1 to {MAX_NAME} of a-z, 0-9, `_` and `-`"))
        }
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kernel's name for a program: the first 15 bytes of its file's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Comm(String);

impl Comm {
    /// The name as the kernel has it, without the terminating zero.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Comm {
    type Error = String;

    fn try_from(comm: String) -> Result<Self, String> {
        if comm.is_empty() || comm.contains(['\0', '/']) {
            Err("a comm is the name of a program's file, without directory".to_owned())
        } else if comm.len() > MAX_COMM {
            Err(format!("a comm has at most {MAX_COMM} bytes: write the first {MAX_COMM} of the file's name"))
        } else {
            Ok(Self(comm))
        }
    }
}
