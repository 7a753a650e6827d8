//! Which endpoint of a registry a request is for (OCI distribution specification 1.1, "Endpoints").

use std::borrow::Cow;

use crate::host;
use crate::http::Method;

/// What a request asks a registry for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A manifest or index, by tag or digest.
    Manifest,
    /// A layer or config.
    Blob,
    /// The tags of a repository.
    Tags,
    /// The manifests that refer to a digest.
    Referrers,
    /// A token for a registry.
    Token,
    /// The version check, `/v2/`.
    Ping,
    /// The repositories of a registry.
    Catalog,
    /// The upload of a blob.
    Upload,
    /// Nothing of the above.
    Other,
}

impl Kind {
    /// Every kind, for metrics that exist from the start.
    pub const ALL: [Self; 9] = [
        Self::Manifest,
        Self::Blob,
        Self::Tags,
        Self::Referrers,
        Self::Token,
        Self::Ping,
        Self::Catalog,
        Self::Upload,
        Self::Other,
    ];

    /// The kind as a metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
            Self::Tags => "tags",
            Self::Referrers => "referrers",
            Self::Token => "token",
            Self::Ping => "ping",
            Self::Catalog => "catalog",
            Self::Upload => "upload",
            Self::Other => "other",
        }
    }
}

/// What a manifest, blob or referrers request names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference<'a> {
    /// A tag.
    Tag(&'a str),
    /// A digest with its algorithm: `sha256:…`.
    Digest(Cow<'a, str>),
}

impl Reference<'_> {
    /// The tag, or the digest with its algorithm.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag,
            Self::Digest(digest) => digest,
        }
    }
}

/// A request, understood as one to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciRequest<'a> {
    /// The endpoint.
    pub kind: Kind,
    /// The repository, when the endpoint has one and it is a valid name.
    pub repository: Option<&'a str>,
    /// The tag or digest, when the endpoint has one and it is valid.
    pub reference: Option<Reference<'a>>,
    /// The host whose registry is mirrored (`?ns=`, which containerd adds for mirrors), normalised.
    pub mirror_of: Option<String>,
}

impl<'a> OciRequest<'a> {
    fn of(kind: Kind, repository: Option<&'a str>, reference: Option<Reference<'a>>) -> Self {
        Self { kind, repository: repository.filter(|name| is_repository(name)), reference, mirror_of: None }
    }
}

/// Classifies a request. Token endpoints have no fixed path: only the usual shapes are known here, others are told by
/// the realm of a challenge ([`ResponseHead::realm`](crate::http::ResponseHead)).
pub fn classify<'a>(method: Method, path: &'a str, query: Option<&str>) -> OciRequest<'a> {
    let request = if is_token(method, path, query) {
        OciRequest::of(Kind::Token, None, None)
    } else if let Some(rest) =
        path.strip_prefix("/v2").filter(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        of_endpoint(rest)
    } else {
        of_prefixed(path)
    };
    let mirror_of = query.and_then(|query| parameter(query, "ns")).and_then(|host| host::normalise(&host));
    OciRequest { mirror_of, ..request }
}

/// The endpoint of a path without its `/v2`.
fn of_endpoint(rest: &str) -> OciRequest<'_> {
    match rest {
        "" | "/" => return OciRequest::of(Kind::Ping, None, None),
        "/_catalog" => return OciRequest::of(Kind::Catalog, None, None),
        _ => {}
    }
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    // The repository may have components that are called like endpoints: the last one counts.
    if let Some((name, session)) = rest.rsplit_once("/blobs/uploads")
        && (session.is_empty() || session.starts_with('/'))
    {
        return OciRequest::of(Kind::Upload, Some(name), None);
    }
    let Some((head, last)) = rest.rsplit_once('/') else { return OciRequest::of(Kind::Other, None, None) };
    let Some((name, endpoint)) = head.rsplit_once('/') else {
        return OciRequest::of(Kind::Other, None, None);
    };
    match (endpoint, last) {
        (_, "") => OciRequest::of(Kind::Other, None, None),
        ("manifests", _) => OciRequest::of(Kind::Manifest, Some(name), reference(last)),
        ("blobs", _) => OciRequest::of(Kind::Blob, Some(name), digest(last)),
        ("tags", "list") => OciRequest::of(Kind::Tags, Some(name), None),
        ("referrers", _) => OciRequest::of(Kind::Referrers, Some(name), digest(last)),
        _ => OciRequest::of(Kind::Other, None, None),
    }
}

/// A registry that a mirror's base path puts deeper, such as `/artifactory/api/docker/hub/v2/…`. Such a path is only
/// taken for a registry's when everything in it fits.
fn of_prefixed(path: &str) -> OciRequest<'_> {
    path.split_once("/v2/")
        .map(|(prefix, _)| of_endpoint(&path[prefix.len() + "/v2".len()..]))
        .filter(|request| {
            matches!(request.kind, Kind::Manifest | Kind::Blob | Kind::Referrers)
                && request.repository.is_some()
                && request.reference.is_some()
        })
        .unwrap_or_else(|| OciRequest::of(Kind::Other, None, None))
}

fn is_token(method: Method, path: &str, query: Option<&str>) -> bool {
    match method {
        Method::Get => {
            let endpoint = path.rsplit('/').next().unwrap_or_default();
            matches!(endpoint, "token" | "auth")
                && query.is_some_and(|q| {
                    q.split('&').any(|p| p.starts_with("service=") || p.starts_with("scope="))
                })
        }
        // The parameters are in the body.
        Method::Post => matches!(path, "/token" | "/v2/token" | "/oauth2/token"),
        _ => false,
    }
}

/// A repository name: lower-case components (specification, "Pulling manifests").
fn is_repository(name: &str) -> bool {
    name.split('/').all(|component| {
        component.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && component
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
    })
}

fn reference(text: &str) -> Option<Reference<'_>> {
    digest(text).or_else(|| is_tag(text).then_some(Reference::Tag(text)))
}

/// Whether a tag stands for what is attached to a manifest, such as its signatures: `sha256-` and a digest (OCI distribution
/// specification 1.1, "Referrers Tag Schema"; cosign puts `.sig`, `.att` or `.sbom` behind it).
pub fn is_attachment(tag: &str) -> bool {
    let digest = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    digest.is_some_and(|digest| digest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A tag has at most 128 characters (specification, "Pulling manifests").
fn is_tag(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The SHA-256 digest that a path names, as its 64 hexadecimal digits: in a segment of its own, bare or behind `sha256:` (the
/// colon may be escaped). Agents and their upstreams name content so in paths of their own.
pub fn digest_in(path: &str) -> Option<&str> {
    let bare = |segment: &'_ str| segment.len() == 64 && segment.bytes().all(is_lower_hex);
    path.split('/').find_map(|segment| {
        let prefixes = ["sha256:", "sha256%3A", "sha256%3a"];
        let hex = prefixes.iter().find_map(|prefix| segment.strip_prefix(prefix)).unwrap_or(segment);
        bare(hex).then_some(hex)
    })
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The digest that a field's value is.
pub(crate) fn owned_digest(value: &[u8]) -> Option<String> {
    match digest(std::str::from_utf8(value).ok()?)? {
        Reference::Digest(digest) => Some(digest.into_owned()),
        Reference::Tag(_) => None,
    }
}

/// A digest `algorithm:encoded` (OCI image specification, "Digests"); some clients escape the colon.
fn digest(text: &str) -> Option<Reference<'_>> {
    let text: Cow<'_, str> = match text.split_once("%3A").or_else(|| text.split_once("%3a")) {
        Some((algorithm, encoded)) => Cow::Owned(format!("{algorithm}:{encoded}")),
        None => Cow::Borrowed(text),
    };
    let (algorithm, encoded) = text.split_once(':')?;
    let algorithm_valid = !algorithm.is_empty()
        && algorithm
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'.' | b'_' | b'-'));
    let encoded_valid = !encoded.is_empty()
        && encoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'));
    (algorithm_valid && encoded_valid).then_some(Reference::Digest(text))
}

/// The repository that a token is asked for (`scope=repository:NAME:pull`; distribution, "Token Scope Documentation").
pub fn scope(query: Option<&str>) -> Option<String> {
    let scope = parameter(query?, "scope")?;
    let mut parts = scope.split(':');
    let repository = (parts.next() == Some("repository")).then(|| parts.next())??;
    is_repository(repository).then(|| repository.to_owned())
}

/// The value of a query parameter, unescaped. `None` when it is not there or not UTF-8.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let mut unescaped = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        unescaped.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(unescaped).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests;
