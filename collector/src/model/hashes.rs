//! Keyed hashes in place of what must not be kept: URLs (they may be signed), and names that need no name here.
//!
//! A peer that does not know the key cannot make two things meet in one hash.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use wire::host;

/// The key.
#[derive(Clone, Copy)]
pub(super) struct Hashes {
    key: [u64; 2],
}

impl Hashes {
    pub fn new(key: [u64; 2]) -> Self {
        Self { key }
    }

    /// An absolute URL: its `host[:port]` in lower case and its path and query as they are sent.
    pub fn url(self, https: bool, host: &str, target: &str) -> u64 {
        let (scheme, default) = if https { ("https", "443") } else { ("http", "80") };
        let target = if target.is_empty() { "/" } else { target };
        self.of(&[scheme, without_port(host, &[default]), target])
    }

    /// The place that gives tokens. Neither scheme nor default port count: a challenge tells the scheme, a request does
    /// not.
    pub fn realm(self, host: &str, path: &str) -> u64 {
        self.of(&["realm", without_port(host, &["80", "443"]), path])
    }

    /// What one request for a manifest or blob is for.
    pub fn subject(self, kind: &str, repository: &str, reference: &str) -> u64 {
        self.of(&[kind, repository, reference])
    }

    /// Something that has one name.
    pub fn id(self, name: &str) -> u64 {
        self.of(&["id", name])
    }

    /// The parts are told apart by a byte that no text has.
    fn of(self, parts: &[&str]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key[0], self.key[1]);
        for part in parts {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        hasher.finish()
    }
}

/// Without its port, if that is one of `defaults`.
fn without_port<'a>(authority: &'a str, defaults: &[&str]) -> &'a str {
    match host::split(authority) {
        Some((host, Some(port))) if port.is_empty() || defaults.contains(&port) => host,
        _ => authority,
    }
}

/// The target of a relative reference, seen from a request's (RFC 3986 section 5.2).
pub(super) fn resolve(base: &str, reference: &str) -> String {
    let (path, _) = base.split_once('?').unwrap_or((base, ""));
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    if reference.is_empty() {
        return base.to_owned();
    }
    if reference.starts_with('?') {
        return format!("{path}{reference}");
    }
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    let (more, query) = match reference.split_once('?') {
        Some((more, query)) => (more, Some(query)),
        None => (reference, None),
    };
    let mut target = without_dots(&format!("{folder}{more}"));
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    target
}

/// The path without `.` and `..` (RFC 3986 section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Hashes, resolve};

    #[test]
    fn a_url_is_one_url_however_it_is_written() {
        let hashes = Hashes::new([1, 2]);
        let url = hashes.url(false, "cdn.example.com", "/a?b");
        assert_eq!(hashes.url(false, "cdn.example.com:80", "/a?b"), url);
        assert_eq!(hashes.url(false, "cdn.example.com", ""), hashes.url(false, "cdn.example.com", "/"));
        for other in [
            hashes.url(true, "cdn.example.com", "/a?b"),
            hashes.url(false, "cdn.example.com:8080", "/a?b"),
            hashes.url(false, "cdn.example.com", "/a?c"),
            Hashes::new([1, 3]).url(false, "cdn.example.com", "/a?b"),
        ] {
            assert_ne!(other, url);
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let hashes = Hashes::new([1, 2]);
        assert_ne!(hashes.subject("blob", "a/b", "c"), hashes.subject("blob", "a/bc", ""));
    }

    #[test]
    fn references_are_resolved_as_the_standard_says() {
        // The reference examples of RFC 3986 section 5.4 that concern a path.
        for (reference, target) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("..", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../../g", "/g"),
            ("./g/.", "/b/c/g/"),
        ] {
            assert_eq!(resolve("/b/c/d;p?q", reference), target, "{reference}");
        }
    }
}
