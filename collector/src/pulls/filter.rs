//! What the query of `/api/v1/pulls` may ask for.

use percent_encoding::percent_decode_str;

use super::document::State;
use super::entry::Entry;

/// Which pulls are asked for. The default is all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    state: Option<State>,
    limit: Option<usize>,
    runtime: Option<String>,
    registry: Option<String>,
}

impl Filter {
    /// Reads a query such as `state=ended&limit=10`. The error is one sentence for whoever asked.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong(name, "text in UTF-8"))?;
            match name {
                "state" => put(&mut filter.state, name, state(&value)?)?,
                "limit" => put(&mut filter.limit, name, limit(&value)?)?,
                "runtime" => put(&mut filter.runtime, name, value.into_owned())?,
                "registry" => put(&mut filter.registry, name, value.into_owned())?,
                // It is not echoed: it may be anything.
                _ => return Err("the parameters are state, limit, runtime and registry".to_owned()),
            }
        }
        Ok(filter)
    }

    /// How many at most.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    /// Whether a pull is among those that are asked for, the limit apart.
    pub fn matches(&self, entry: &Entry) -> bool {
        let state = if entry.record.end.is_some() { State::Ended } else { State::Running };
        self.state.is_none_or(|wanted| wanted == state)
            && self.runtime.as_ref().is_none_or(|wanted| **wanted == *entry.runtime)
            && self.registry.as_ref().is_none_or(|wanted| wanted == entry.record.registry.as_str())
    }
}

fn state(value: &str) -> Result<State, String> {
    match value {
        "running" => Ok(State::Running),
        "ended" => Ok(State::Ended),
        _ => Err(wrong("state", "running or ended")),
    }
}

fn limit(value: &str) -> Result<usize, String> {
    // Digits alone: what Rust reads as a number may have a sign.
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { value.parse().ok() } else { None };
    number.filter(|number| *number > 0).ok_or_else(|| wrong("limit", "a number from 1"))
}

fn put<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("the parameter {name} is there twice")),
    }
}

fn wrong(name: &str, is: &str) -> String {
    format!("the parameter {name} is {is}")
}
