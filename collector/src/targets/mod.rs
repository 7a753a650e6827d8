//! Who is watched: programs by the name the kernel has for them (comm), where needed by their command line too.
//!
//! The kernel programs look up a process's comm at exec. Where targets share a comm, or one asks for a command line, the
//! answer comes from user space: [`Targets::resolve`].

pub mod defaults;
mod name;
mod pattern;
pub mod purpose;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

use clap::ValueEnum;
use serde::Deserialize;

pub use name::{Comm, TargetName};
pub use pattern::ArgvPattern;

/// Most targets that can be watched at once: each brings its own zero-valued series.
pub const MAX_TARGETS: usize = 200;

/// Which side of its connections a target is watched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It asks registries.
    Client,
    /// It answers others: a mirror, a proxy, a peer-to-peer agent.
    Server,
    /// Both.
    #[default]
    Both,
}

impl Role {
    /// Whether what it asks of registries is counted.
    pub fn is_client(self) -> bool {
        self != Self::Server
    }

    /// Whether what it serves is counted.
    pub fn is_server(self) -> bool {
        self != Self::Client
    }
}

/// One program to watch.
#[derive(Clone, Debug)]
pub struct Target {
    /// Value of the `process` and `runtime` labels.
    pub name: TargetName,
    /// The program's comm.
    pub comm: Comm,
    /// What its command line must look like, if the comm alone does not tell.
    pub argv: Option<ArgvPattern>,
    /// The side it is watched on.
    pub role: Role,
    /// Whether its Redis traffic is read.
    pub redis: bool,
    /// Whether the ends of its threads are told, besides that of the process.
    pub threads: bool,
}

/// What the kernel is to do with a comm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Watch it as the target at that place in the list.
    Watch(usize),
    /// Watch it for now; its command line decides: [`Targets::resolve`].
    AskArgv,
}

/// The targets in force, in a fixed order: their places are their ids.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    list: Vec<Target>,
}

/// Why a list of targets cannot be used; `place` is the offending target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Place in the list that was given.
    pub place: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a target among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Another target has the same name.
    Name,
    /// Another target has the same comm, and neither of the two has an argv pattern.
    Comm,
    /// There are [`MAX_TARGETS`] already.
    TooMany,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("another target or recipe has the same name"),
            Self::Comm => {
                f.write_str("another target or recipe has the same comm, and neither has an argv pattern")
            }
            Self::TooMany => write!(f, "more than {MAX_TARGETS} targets"),
        }
    }
}

impl Targets {
    /// The operator's targets, after the built-in ones when `with_defaults`; an operator's target of the same name takes
    /// a built-in one's place, and one of the same comm supersedes it.
    pub fn new(own: Vec<Target>, with_defaults: bool) -> Result<Self, Conflict> {
        for (place, target) in own.iter().enumerate() {
            let conflict = |problem| Err(Conflict { place, problem });
            if own[..place].iter().any(|other| other.name == target.name) {
                return conflict(Problem::Name);
            }
            let plain = |t: &Target| t.argv.is_none();
            if plain(target) && own[..place].iter().any(|other| plain(other) && other.comm == target.comm) {
                return conflict(Problem::Comm);
            }
        }
        let mut list = if with_defaults { defaults::all() } else { Vec::new() };
        list.retain(|default| {
            !own.iter()
                .any(|own| own.name == default.name || (own.comm == default.comm && own.argv.is_none()))
        });
        let room = MAX_TARGETS.saturating_sub(list.len());
        if own.len() > room {
            return Err(Conflict { place: room, problem: Problem::TooMany });
        }
        list.extend(own);
        Ok(Self { list })
    }

    /// All of them; a target's place is its id.
    pub fn as_slice(&self) -> &[Target] {
        &self.list
    }

    /// What the kernel is to do with each comm that any target has.
    pub fn by_comm(&self) -> HashMap<&Comm, Verdict> {
        let mut verdicts = HashMap::new();
        for (place, target) in self.list.iter().enumerate() {
            let ask = target.argv.is_some() || verdicts.contains_key(&target.comm);
            verdicts.insert(&target.comm, if ask { Verdict::AskArgv } else { Verdict::Watch(place) });
        }
        verdicts
    }

    /// The target of a process with that comm and command line (as `/proc/PID/cmdline` has it: arguments that end with
    /// a zero byte each), if it is one. Patterns are tried in order; a target without one takes what is left.
    pub fn resolve(&self, comm: &[u8], cmdline: &[u8]) -> Option<usize> {
        let candidates = || self.list.iter().enumerate().filter(|(_, t)| t.comm.as_bytes() == comm);
        candidates()
            .find(|(_, t)| t.argv.as_ref().is_some_and(|argv| argv.matches(cmdline)))
            .or_else(|| candidates().find(|(_, t)| t.argv.is_none()))
            .map(|(place, _)| place)
    }
}
