//! Patterns over the words of a request or a command.
//!
//! A word stands for itself, `{name}` for a word or a part of one that is kept under that name, `*` for one that is not,
//! and `**`, once in a pattern, for any number of words. A pattern is bounded in length and fits or does not fit in one pass over
//! the words: there is nothing to go back to.

#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use wire::http::Method;

use words::{Case, Words};

/// Longest pattern in bytes, as written.
const MAX_PATTERN: usize = 512;

/// Name of what every reply has captured: its first text, if it is short. No pattern may have it.
pub const REPLY: &str = "reply";

/// What a pattern captured: pairs of a name and the text that stood there.
pub type Captures<'p, 't> = Vec<(&'p str, &'t str)>;

/// A method and a path, such as `GET /namespace/{ns}/blobs/{digest}/metainfo`.
///
/// Segments are compared as they were sent, percent-escapes included.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RequestPattern {
    text: String,
    /// `None` for any.
    methods: Option<Vec<Method>>,
    segments: Words,
}

impl RequestPattern {
    /// What it captures of this request; `None` where it does not fit. `path` has no query.
    pub fn matches<'p, 't>(&'p self, method: Method, path: &'t str) -> Option<Captures<'p, 't>> {
        if self.methods.as_ref().is_some_and(|methods| !methods.contains(&method)) {
            return None;
        }
        let path = path.strip_prefix('/')?;
        let count = 1 + path.bytes().filter(|&byte| byte == b'/').count();
        self.segments.fit(count, path.split('/').map(Some), path.rsplit('/').map(Some))
    }

    /// Names of what it captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.segments.captures()
    }
}

impl TryFrom<String> for RequestPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        check_length(&text)?;
        let Some((methods, path)) = text.split_once(' ') else {
            return Err(format!("`{text}` is no method and path such as `GET /v1/{{kind}}`"));
        };
        let Some(segments) = path.strip_prefix('/') else {
            return Err(format!("the path of `{text}` does not begin with a slash"));
        };
        if segments.contains(['?', '#', ' ']) {
            return Err(format!(
                "the path of `{text}` has a space, a query or a fragment: only the path can be told"
            ));
        }
        let methods = match methods {
            "*" => None,
            list => Some(list.split('|').map(method).collect::<Result<_, _>>()?),
        };
        let segments = Words::parse(segments.split('/'), Case::Told)?;
        Ok(Self { text, methods, segments })
    }
}

fn method(name: &str) -> Result<Method, String> {
    match Method::parse(name.as_bytes()) {
        Method::Other => {
            let known = Method::ALL.iter().filter(|method| **method != Method::Other);
            let known: Vec<&str> = known.map(|method| method.as_str()).collect();
            Err(format!(
                "`{name}` is no method: it is one of {}, some of them with `|` between, or `*`",
                known.join(", ")
            ))
        }
        method => Ok(method),
    }
}

/// A Redis command and its arguments, such as `BLPOP {queue} **`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CommandPattern {
    text: String,
    /// In capital letters; `None` for any.
    names: Option<Vec<String>>,
    arguments: Words,
}

impl CommandPattern {
    /// What it captures of these words, the command's name first; `None` where it does not fit. A word that is not known (too
    /// long to be kept) is `None`: it fits only where any word does, and nothing is captured of it. `count` is how many words
    /// the command has, of which the last may be missing in `words`.
    pub fn matches<'p, 't>(&'p self, words: &[Option<&'t str>], count: usize) -> Option<Captures<'p, 't>> {
        if let Some(names) = &self.names {
            let name = words.first().copied().flatten()?;
            if !names.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return None;
            }
        }
        let arguments = (1..count).map(|place| words.get(place).copied().flatten());
        self.arguments.fit(count.checked_sub(1)?, arguments.clone(), arguments.rev())
    }

    /// Names of what it captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.arguments.captures()
    }
}

impl TryFrom<String> for CommandPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        check_length(&text)?;
        let (names, arguments) =
            text.split_once(' ').map_or((&*text, None), |(name, rest)| (name, Some(rest)));
        let names = match names {
            "*" => None,
            list => Some(list.split('|').map(command_name).collect::<Result<_, _>>()?),
        };
        let arguments =
            Words::parse(arguments.into_iter().flat_map(|words| words.split(' ')), Case::Capitals)?;
        Ok(Self { text, names, arguments })
    }
}

fn command_name(name: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty() && name.chars().all(allowed) {
        Ok(name.to_ascii_uppercase())
    } else {
        Err(format!(
            "`{name}` is no name of a command: letters and digits, several names with `|` between, or `*`"
        ))
    }
}

/// A peer's address and port, such as `*:6379`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressPattern {
    text: String,
    /// `None` for any.
    address: Option<IpAddr>,
    /// `None` for any.
    port: Option<u16>,
}

impl AddressPattern {
    /// Whether it fits.
    pub fn matches(&self, peer: SocketAddr) -> bool {
        self.address.is_none_or(|address| address == peer.ip().to_canonical())
            && self.port.is_none_or(|port| port == peer.port())
    }
}

impl TryFrom<String> for AddressPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let malformed = || {
            format!(
                "`{text}` is no peer such as `*:8080`, `10.0.0.1:*` or `[::1]:443`: names can't be told, and no ranges"
            )
        };
        let (address, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let in_brackets = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = match (address, in_brackets) {
            ("*", _) => None,
            (_, Some(inside)) => Some(IpAddr::V6(inside.parse().map_err(|_| malformed())?).to_canonical()),
            (plain, None) => Some(IpAddr::V4(plain.parse().map_err(|_| malformed())?)),
        };
        let port = match port {
            "*" => None,
            port => Some(port.parse().ok().filter(|&port| port > 0).ok_or_else(malformed)?),
        };
        Ok(Self { text, address, port })
    }
}

fn check_length(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_PATTERN {
        return Err(format!("a pattern has 1 to {MAX_PATTERN} bytes"));
    }
    Ok(())
}

macro_rules! as_written {
    ($($pattern:ident),*) => { $(
        impl fmt::Display for $pattern {
            /// As it was written.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
    )* };
}
as_written!(RequestPattern, CommandPattern, AddressPattern);
