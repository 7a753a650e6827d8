//! Image references as people write them: `[registry/]repository[:tag][@digest]`.
//!
//! The grammar is the one that the registry label is defined by (see `testdata/registry/labels.tsv`). It differs from
//! what Docker's own parser takes in that `localhost` without a port names no registry, and in the length limits.

use crate::host;

/// Where Docker Hub is, whatever the reference calls it.
const DOCKER_HUB: &str = "docker.io";
const REPOSITORY_LENGTH: std::ops::RangeInclusive<usize> = 2..=255;
const MAX_TAG: usize = 127;
const SHA256_DIGITS: usize = 64;

/// A parsed image reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why something is no image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// The registry is not `host[:port]`.
    Registry,
    /// The repository is too short, too long, or has characters that no repository has.
    Repository,
    /// The tag is empty, too long, or has characters that no tag has.
    Tag,
    /// The digest is not `sha256:` with 64 hexadecimal digits.
    Digest,
}

impl Reference {
    /// Parses a reference and fills in what Docker leaves out: the registry `docker.io` and its `library/`.
    pub fn parse(reference: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match reference.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].split_once(':') {
            Some((component, tag)) => (&rest[..last + component.len()], Some(tag)),
            None => (rest, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) => {
                (host::normalise(first).ok_or(ReferenceError::Registry)?, rest)
            }
            _ => (DOCKER_HUB.to_owned(), name),
        };
        if !is_repository(repository) {
            return Err(ReferenceError::Repository);
        }
        if !tag.is_none_or(is_tag) {
            return Err(ReferenceError::Tag);
        }
        if !digest.is_none_or(is_sha256) {
            return Err(ReferenceError::Digest);
        }
        let registry = if registry == "index.docker.io" { DOCKER_HUB.to_owned() } else { registry };
        let official = registry == DOCKER_HUB && !repository.contains('/');
        let repository = if official { format!("library/{repository}") } else { repository.to_owned() };
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }

    /// The registry as lower-cased `host[:port]`; `docker.io` when the reference names none.
    pub fn registry_host(&self) -> &str {
        &self.registry
    }

    /// The repository in the registry, with `library/` for Docker Hub's official images.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if there is one. Clients take `latest` when there is neither tag nor digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest with its algorithm, if there is one.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

fn is_repository(text: &str) -> bool {
    REPOSITORY_LENGTH.contains(&text.len())
        && text.split('/').all(|component| !component.is_empty())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'/' | b'-'))
}

fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG).contains(&text.len())
        && !text.starts_with(['.', '-'])
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_sha256(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == SHA256_DIGITS && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests;
