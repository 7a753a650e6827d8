//! URLs in response heads: where a redirect leads ([`Location`]) and who gives tokens ([`Realm`]).

use std::fmt;

use crate::host;

/// The URL of a `Location` field (RFC 9110 section 10.2.2), split as the request that follows it will show it.
///
/// It may be a signed URL, so its `Debug` output shows the host only.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    host: Option<String>,
    https: Option<bool>,
    target: String,
}

impl Location {
    /// Parses an absolute URL or a relative reference. `None` when the value is neither readable nor HTTP.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let url = Url::split(std::str::from_utf8(value).ok()?)?;
        let host = match url.authority {
            Some(authority) => Some(host::normalise(authority)?),
            None => None,
        };
        let target = if host.is_some() && !url.target.starts_with('/') {
            format!("/{}", url.target)
        } else {
            url.target.to_owned()
        };
        Some(Self { host, https: url.https, target })
    }

    /// Lower-cased `host[:port]` with the port as sent; `None` for a relative reference: the host of the request.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether the URL is `https`; `None` for a relative reference: the scheme of the request.
    pub fn is_https(&self) -> Option<bool> {
        self.https
    }

    /// Path and query as a request for this URL sends them. A relative path (one without `/` in front) is not
    /// resolved against the request's.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path of [`target`](Self::target).
    pub fn path(&self) -> &str {
        split_query(&self.target).0
    }

    /// The query of [`target`](Self::target), without the `?`.
    pub fn query(&self) -> Option<&str> {
        split_query(&self.target).1
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Who gives tokens for a registry: the `realm` of a Bearer challenge. Its query is dropped at once.
#[derive(Clone, PartialEq, Eq)]
pub struct Realm {
    host: String,
    path: String,
}

impl Realm {
    /// The realm of the first Bearer challenge in a `WWW-Authenticate` value (RFC 9110 section 11.6.1, RFC 6750
    /// section 3). `None` when there is none, or when it is no absolute HTTP URL.
    pub fn of_challenge(value: &str) -> Option<Self> {
        let url = bearer_realm(value)?;
        let url = Url::split(&url)?;
        let host = host::normalise(url.authority?)?;
        let (path, _) = split_query(url.target);
        Some(Self { host, path: if path.is_empty() { "/".into() } else { path.into() } })
    }

    /// Lower-cased `host[:port]`, the port as sent.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path, `/` when the URL has none.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Debug for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Realm").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Path and query of a target.
pub(crate) fn split_query(target: &str) -> (&str, Option<&str>) {
    target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)))
}

/// An HTTP URL, cut at its seams (RFC 3986 section 3). The user information is dropped: it is a credential.
pub(crate) struct Url<'a> {
    pub https: Option<bool>,
    pub authority: Option<&'a str>,
    pub target: &'a str,
}

impl<'a> Url<'a> {
    pub fn split(url: &'a str) -> Option<Self> {
        let url = url.split_once('#').map_or(url, |(before, _)| before);
        if url.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return None;
        }
        let (https, rest) = match scheme(url) {
            Some(("http", rest)) => (Some(false), rest),
            Some(("https", rest)) => (Some(true), rest),
            Some(_) => return None,
            None => (None, url),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return https.is_none().then_some(Self { https, authority: None, target: rest });
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Some(Self { https, authority: Some(authority), target })
    }
}

/// The scheme in lower case, when it is one that can be compared, and what follows its colon.
fn scheme(url: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let name = match scheme {
        _ if !valid => return None,
        s if s.eq_ignore_ascii_case("http") => "http",
        s if s.eq_ignore_ascii_case("https") => "https",
        _ => "",
    };
    Some((name, rest))
}

/// The value of the `realm` parameter that follows the scheme `Bearer`, unquoted.
fn bearer_realm(value: &str) -> Option<String> {
    let mut rest = value;
    let mut bearer = false;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=', '"']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let Some(parameter) = after.trim_start_matches([' ', '\t']).strip_prefix('=').filter(|_| end > 0)
        else {
            if after.is_empty() {
                return None;
            }
            // A word that no `=` follows is a scheme; a stray quote or equals sign is stepped over.
            bearer = word.eq_ignore_ascii_case("bearer");
            rest = if end == 0 { after.get(1..)? } else { after };
            continue;
        };
        let (text, after) = parameter_value(parameter.trim_start_matches([' ', '\t']))?;
        if bearer && word.eq_ignore_ascii_case("realm") {
            return Some(text);
        }
        rest = after;
    }
}

/// A token or a quoted string (RFC 9110 section 5.6.4) and what follows it. `None` when the quote is never closed.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, after) = text.split_at(text.find([' ', '\t', ',']).unwrap_or(text.len()));
        return Some((token.to_owned(), after));
    };
    let mut unquoted = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((unquoted, &quoted[at + 1..])),
            '\\' => unquoted.push(characters.next()?.1),
            _ => unquoted.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests;
