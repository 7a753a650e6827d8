//! The Docker Engine API, 1.24 to 1.5x, as dockerd and podman serve it, and what podman has of its own under `/libpod`.
//!
//! moby: `api/swagger.yaml`, `daemon/server/router/{image,container,build}`; podman: `pkg/api/server/register_*.go`.

pub use auth::has_credentials;
pub use progress::Progress;

use crate::http::Method;
use crate::oci::parameter;

mod auth;
mod progress;

/// A call that begins or ends something that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// An image is pulled.
    PullImage {
        /// Its name as it was given, with the tag or the digest.
        image: String,
    },
    /// A container is created.
    CreateContainer,
    /// A container is removed.
    RemoveContainer,
    /// An image, or one of its names, is removed.
    RemoveImage,
}

impl Call {
    /// The call that a request is; `None` for others, and for one whose parameters the server will not understand either.
    pub fn of(method: Method, path: &str, query: Option<&str>) -> Option<Self> {
        let path = unversioned(path);
        let (path, libpod) = match path.strip_prefix("/libpod") {
            Some(rest) if rest.starts_with('/') => (rest, true),
            _ => (path, false),
        };
        let query = query.unwrap_or_default();
        match (method, path) {
            (Method::Post, "/images/create") if !libpod => create(query),
            (Method::Post, "/images/pull") if libpod => {
                let reference = parameter(query, "reference")?;
                // podman takes a transport, but only that of registries (`IsRegistryReference`).
                let image = reference.strip_prefix("docker://").unwrap_or(&reference);
                (!image.is_empty()).then(|| Self::PullImage { image: image.to_owned() })
            }
            (Method::Post, "/containers/create") => Some(Self::CreateContainer),
            (Method::Delete, path) => {
                if let Some(name) = path.strip_prefix("/containers/") {
                    return (!name.is_empty() && !name.contains('/')).then_some(Self::RemoveContainer);
                }
                // Names of images have slashes. `/libpod/images/remove` takes several names.
                let name = path.strip_prefix("/images/")?;
                (!name.is_empty()).then_some(Self::RemoveImage)
            }
            _ => None,
        }
    }
}

/// The path without the version that may be in front: `/v1.41`, podman's also `/v4.3.1-dev`.
fn unversioned(path: &str) -> &str {
    let rest = path.strip_prefix("/v").unwrap_or_default();
    let length = rest.find('/').unwrap_or(rest.len());
    let (version, rest) = rest.split_at(length);
    let is_version = version.starts_with(|c: char| c.is_ascii_digit())
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    if is_version { rest } else { path }
}

/// `POST /images/create`: with an image it is a pull, without one an import (moby, `postImagesCreate`).
fn create(query: &str) -> Option<Call> {
    let given = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    if !given("fromImage") {
        return None;
    }
    let image = parameter(query, "fromImage")?;
    let tag = if given("tag") { parameter(query, "tag")? } else { String::new() };
    (!image.is_empty()).then(|| Call::PullImage { image: join(&image, &tag) })
}

/// The reference that name and tag make together. Either may be one by itself: the tag may be a digest, which then stands for
/// all that the name says beyond the repository, and a tag comes in the place of the name's own.
fn join(image: &str, tag: &str) -> String {
    // What `docker pull --all-tags` of old versions sends.
    let image = image.strip_suffix(':').unwrap_or(image);
    if tag.is_empty() {
        return image.to_owned();
    }
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    // A colon before the last slash belongs to the registry's port.
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let name = name[last..].find(':').map_or(name, |colon| &name[..last + colon]);
    match digest {
        _ if tag.contains(':') => format!("{name}@{tag}"),
        Some(digest) => format!("{name}:{tag}@{digest}"),
        None => format!("{name}:{tag}"),
    }
}

#[cfg(test)]
mod tests;
