//! What a server says it did: the oracle. All servers of the rig give their access logs in this one form.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

/// One request as the server that answered it logged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// The server's own address, where its log tells it: one program may serve several.
    pub server: Option<SocketAddr>,
    /// A number for the connection, where the log tells it; unique within one server program.
    pub connection: Option<u64>,
    /// The method; empty when what arrived was not HTTP (such as a TLS hello on a plain port).
    pub method: String,
    /// The path of the request target.
    pub path: String,
    /// The query of the request target.
    pub query: Option<String>,
    /// The status code; `None` when no answer was sent.
    pub code: Option<u16>,
    /// Bytes of the response body that the server handed to its socket. 0 for HEAD.
    pub body_bytes: u64,
    /// The `Host` field, where the log tells it and the request had one.
    pub host: Option<String>,
    /// The `User-Agent` field; empty when the request had none.
    pub user_agent: String,
}

impl LogEntry {
    /// Splits a request target into path and query.
    pub fn split_target(target: &str) -> (String, Option<String>) {
        match target.split_once('?') {
            Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
            None => (target.to_owned(), None),
        }
    }

    /// The kind of request, as the `kind` label of the metrics names it (OCI distribution spec v1.1, "Endpoints").
    ///
    /// Written for the paths that the rig serves, and apart from pullscope's own decoder, which it is to check.
    pub fn kind(&self) -> &'static str {
        let Some(rest) = self.path.strip_prefix("/v2/") else {
            return match self.path.as_str() {
                "/token" => "token",
                // What a registry has redirected to is still that blob.
                path if path.starts_with("/data/") => "blob",
                _ => "other",
            };
        };
        match rest {
            "" => "ping",
            "_catalog" => "catalog",
            _ if rest.contains("/manifests/") => "manifest",
            _ if rest.contains("/blobs/uploads/") => "upload",
            _ if rest.contains("/blobs/") => "blob",
            _ if rest.ends_with("/tags/list") => "tags",
            _ if rest.contains("/referrers/") => "referrers",
            _ => "other",
        }
    }

    /// The status code as the `code` label of the metrics has it.
    pub fn code_label(&self) -> String {
        self.code.map_or_else(|| "none".to_owned(), |code| code.to_string())
    }
}

/// A group of requests: kind, method and code.
pub type Group = (&'static str, String, String);

/// The requests that a server logged, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log(pub Vec<LogEntry>);

impl Log {
    /// The entries that are HTTP: what remains is connections that spoke something else.
    #[must_use]
    pub fn http(&self) -> Self {
        self.filter(|entry| !entry.method.is_empty())
    }

    /// The entries that arrived at one address of the server.
    #[must_use]
    pub fn at(&self, server: SocketAddr) -> Self {
        self.filter(|entry| entry.server == Some(server))
    }

    /// The entries of one kind.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> Self {
        self.filter(|entry| entry.kind() == kind)
    }

    /// The entries that `keep` says.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&LogEntry) -> bool) -> Self {
        Self(self.0.iter().filter(|entry| keep(entry)).cloned().collect())
    }

    /// The entries of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// How many requests of each kind, method and code.
    pub fn tally(&self) -> BTreeMap<Group, u64> {
        let mut tally = BTreeMap::new();
        for entry in &self.0 {
            *tally.entry((entry.kind(), entry.method.clone(), entry.code_label())).or_default() += 1;
        }
        tally
    }

    /// Body bytes of each kind. Kinds of which every body was empty are there with 0.
    pub fn body_bytes(&self) -> BTreeMap<&'static str, u64> {
        let mut bytes = BTreeMap::new();
        for entry in &self.0 {
            *bytes.entry(entry.kind()).or_default() += entry.body_bytes;
        }
        bytes
    }
}

/// One line a request, for people.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.0 {
            let method = if entry.method.is_empty() { "(not HTTP)" } else { &entry.method };
            let query = entry.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
            let (path, code, bytes) = (&entry.path, entry.code_label(), entry.body_bytes);
            write!(f, "{method} {path}{query} -> {code}, {bytes} bytes")?;
            if let Some(connection) = entry.connection {
                write!(f, ", connection {connection}")?;
            }
            if let Some(host) = &entry.host {
                write!(f, ", host {host}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
