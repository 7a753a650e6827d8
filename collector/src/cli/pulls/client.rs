//! Asks a running pullscope over HTTP.

use std::fmt;
use std::io::BufReader;
use std::str::FromStr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::StatusCode;

use super::events::{Event, Events};
use crate::config::DEFAULT_LISTEN_ADDRESS;
use crate::failure::Failure;
use crate::pulls::document::{Pull, Pulls};

/// A pullscope that does not answer for so long is not asked any longer. Itself it waits 2 s at most for fresh numbers.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 256 << 20;

/// Where a pullscope serves: `http://HOST:PORT`, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(String);

impl Default for Address {
    fn default() -> Self {
        Self(format!("http://{DEFAULT_LISTEN_ADDRESS}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = match text.split_once("://") {
            Some(("http", host)) => host,
            Some(("https", _)) => return Err("pullscope serves http, not https".to_owned()),
            Some(_) => return Err(format!("`{text}` is not http://HOST:PORT")),
            None => text,
        };
        let host = host.strip_suffix('/').unwrap_or(host);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if host.is_empty() || !host.chars().all(allowed) {
            return Err(format!("`{text}` is not http://HOST:PORT"));
        }
        Ok(Self(format!("http://{host}")))
    }
}

/// Asks one pullscope.
pub struct Client {
    agent: ureq::Agent,
    address: Address,
}

impl Client {
    /// Asks the one at that address, past any proxy.
    pub fn new(address: Address) -> Self {
        let config = ureq::Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
        Self { agent: config.timeout_connect(Some(TIMEOUT)).build().into(), address }
    }

    /// The pulls that it remembers, newest first.
    pub fn list(&self, limit: Option<u32>) -> Result<Vec<Pull>, Failure> {
        self.read::<Pulls>(&self.list_text(limit)?).map(|answer| answer.pulls)
    }

    /// The same as it says it.
    pub fn list_text(&self, limit: Option<u32>) -> Result<String, Failure> {
        let query = limit.map_or_else(String::new, |limit| format!("?limit={limit}"));
        self.text(&format!("/api/v1/pulls{query}"))
    }

    /// One pull.
    pub fn one(&self, id: u64) -> Result<Pull, Failure> {
        self.read(&self.one_text(id)?)
    }

    /// The same as it says it.
    pub fn one_text(&self, id: u64) -> Result<String, Failure> {
        self.text(&format!("/api/v1/pulls/{id}"))
    }

    /// Changes of pulls as they come. It ends when pullscope ends.
    pub fn stream(&self) -> Result<impl Iterator<Item = Result<Event, Failure>>, Failure> {
        let response = self.agent.get(format!("{}/api/v1/pulls/stream", self.address)).call();
        let mut response = response.map_err(|error| self.silent(&error))?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            let said = response.body_mut().read_to_string().unwrap_or_default();
            return Err(self.refused(status, &said));
        }
        let lines = BufReader::new(response.into_body().into_reader());
        Ok(Events::new(lines).map(|event| event.map_err(|reason| self.odd(&reason))))
    }

    /// That the stream has ended.
    pub fn gone(&self) -> Failure {
        Failure::new(
            format!("following {}", self.address),
            "pullscope has closed the stream",
            "If it was restarted, say so again.",
        )
    }

    fn text(&self, path: &str) -> Result<String, Failure> {
        let request = self.agent.get(format!("{}{path}", self.address));
        let mut response = request
            .config()
            .timeout_global(Some(TIMEOUT))
            .build()
            .call()
            .map_err(|error| self.silent(&error))?;
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
        let body = body.map_err(|error| self.silent(&error))?;
        match response.status() {
            StatusCode::OK => Ok(body),
            status => Err(self.refused(status, &body)),
        }
    }

    fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Failure> {
        serde_json::from_str(text).map_err(|error| self.odd(&error.to_string()))
    }

    fn what(&self) -> String {
        format!("asking {}", self.address)
    }

    fn silent(&self, error: &ureq::Error) -> Failure {
        let why = match error {
            ureq::Error::Io(error) => match error.kind() {
                std::io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
                _ => error.to_string(),
            },
            ureq::Error::Timeout(_) => format!("no answer for {} s", TIMEOUT.as_secs()),
            ureq::Error::HostNotFound => "the name has no address".to_owned(),
            error => error.to_string(),
        };
        Failure::new(self.what(), why, "Start pullscope there, or say with --address where it serves.")
    }

    /// What pullscope itself says is one sentence; another server may say anything.
    fn refused(&self, status: StatusCode, said: &str) -> Failure {
        let sentence = said.lines().next().filter(|line| said.lines().count() == 1 && line.len() <= 120);
        match sentence {
            Some(line) if status == StatusCode::NOT_FOUND && line.contains("pull") => {
                Failure::new(self.what(), line, "`pullscope pulls` lists those that there are.")
            }
            Some(line) if status != StatusCode::NOT_FOUND && line.chars().all(|c| !c.is_control()) => {
                Failure::new(self.what(), line, "Ask again when that is mended.")
            }
            _ => self.odd(&format!("status {}", status.as_u16())),
        }
    }

    fn odd(&self, why: &str) -> Failure {
        Failure::new(
            self.what(),
            format!("the answer is not that of a pullscope of this version ({why})"),
            "Say with --address where pullscope serves.",
        )
    }
}
