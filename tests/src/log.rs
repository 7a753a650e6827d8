//! What a server says it did: the oracle. All servers of the rig give their access logs in this one form.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

/// One request as the server that answered it logged it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The version of HTTP (`HTTP/1.1`, `HTTP/2.0`), where the log tells it.
    pub protocol: Option<String>,
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
    /// What a client of the rig has printed: `METHOD TARGET CODE BYTES PROTOCOL` for each exchange that has ended, where
    /// the target may be a whole URL, and the bytes are those of the body that it has read.
    ///
    /// # Panics
    /// At a line that is not like this.
    #[track_caller]
    pub fn told_by_client(output: &str) -> Self {
        let entry = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let [method, target, code, bytes, protocol] = words[..] else {
                panic!("no line of a client: {line:?}")
            };
            let target =
                target.split_once("://").map_or(target, |(_, rest)| &rest[rest.find('/').unwrap_or(0)..]);
            let (path, query) = LogEntry::split_target(target);
            LogEntry {
                method: method.to_owned(),
                path,
                query,
                code: code.parse().ok().filter(|code| *code != 0),
                body_bytes: bytes.parse().unwrap_or_else(|_| panic!("no number of bytes: {line:?}")),
                protocol: Some(if protocol == "HTTP/2" { "HTTP/2.0" } else { protocol }.to_owned()),
                ..LogEntry::default()
            }
        };
        Self(output.lines().map(entry).collect())
    }

    /// What both a client and a server tell of a request, in an order that depends on nothing else: requests that run at
    /// once end in another for each of the two.
    #[must_use]
    pub fn comparable(&self) -> Self {
        let mut entries = self.0.clone();
        for entry in &mut entries {
            (entry.server, entry.connection, entry.host) = (None, None, None);
            entry.user_agent.clear();
        }
        entries.sort_by_cached_key(|LogEntry { method, path, query, code, body_bytes, .. }| {
            (path.clone(), query.clone(), method.clone(), *code, *body_bytes)
        });
        Self(entries)
    }

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

#[cfg(test)]
mod tests {
    use super::{Log, LogEntry};

    #[test]
    fn what_a_client_tells_compares_with_what_a_server_logs() {
        let told = Log::told_by_client(
            "GET https://host:1/v2/a/blobs/b?c=d 200 12 HTTP/2\nHEAD /v2/ 000 0 HTTP/0\n",
        );
        assert_eq!(told.to_string(), "GET /v2/a/blobs/b?c=d -> 200, 12 bytes\nHEAD /v2/ -> none, 0 bytes\n");
        assert_eq!(told.0[0].protocol.as_deref(), Some("HTTP/2.0"), "as servers write it");
        let logged = told.0.iter().rev().map(|entry| LogEntry {
            connection: Some(1),
            host: Some("host".to_owned()),
            user_agent: "client".to_owned(),
            ..entry.clone()
        });
        let mut logged = Log(logged.collect());
        assert_ne!(told, logged);
        assert_eq!(told.comparable(), logged.comparable());
        logged.0[0].protocol = Some("HTTP/1.1".to_owned());
        assert_ne!(told.comparable(), logged.comparable());
    }

    #[test]
    #[should_panic(expected = "no line of a client")]
    fn other_words_of_a_client_are_no_log() {
        let _ = Log::told_by_client("curl: (16) Error\n");
    }
}
