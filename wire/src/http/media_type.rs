//! The media types that registries answer with.

/// A `Content-Type` (RFC 9110 section 8.3) without its parameters, as far as it matters to registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// An OCI image index.
    OciIndex,
    /// An OCI image manifest.
    OciManifest,
    /// A Docker manifest list (schema 2).
    DockerManifestList,
    /// A Docker image manifest (schema 2).
    DockerManifest,
    /// A Docker manifest of schema 1, signed or not.
    DockerManifestV1,
    /// `application/json`.
    Json,
    /// gRPC, whatever its messages are encoded in (gRPC over HTTP2, "Content-Type").
    Grpc,
    /// `application/octet-stream`: the usual type of a blob.
    OctetStream,
    /// Anything else.
    Other,
}

const NAMES: [(&str, MediaType); 10] = [
    ("application/vnd.oci.image.index.v1+json", MediaType::OciIndex),
    ("application/vnd.oci.image.manifest.v1+json", MediaType::OciManifest),
    ("application/vnd.docker.distribution.manifest.list.v2+json", MediaType::DockerManifestList),
    ("application/vnd.docker.distribution.manifest.v2+json", MediaType::DockerManifest),
    ("application/vnd.docker.distribution.manifest.v1+json", MediaType::DockerManifestV1),
    ("application/vnd.docker.distribution.manifest.v1+prettyjws", MediaType::DockerManifestV1),
    ("application/json", MediaType::Json),
    ("application/grpc", MediaType::Grpc),
    ("application/grpc+proto", MediaType::Grpc),
    ("application/octet-stream", MediaType::OctetStream),
];

impl MediaType {
    /// The type that a `Content-Type` value names.
    pub fn parse(value: &[u8]) -> Self {
        let essence = value.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        NAMES
            .iter()
            .find(|(name, _)| essence.eq_ignore_ascii_case(name.as_bytes()))
            .map_or(Self::Other, |&(_, kind)| kind)
    }

    /// Whether a body of this type (or of one that is not known) may be worth reading: it is small, or tells in its first
    /// bytes what it is about.
    pub(crate) fn is_read(kind: Option<Self>) -> bool {
        !matches!(kind, Some(Self::OctetStream | Self::Other))
    }
}

#[cfg(test)]
mod tests {
    use super::MediaType;

    #[test]
    fn parameters_and_case_do_not_matter() {
        assert_eq!(MediaType::parse(b"Application/JSON; charset=utf-8"), MediaType::Json);
        assert_eq!(MediaType::parse(b"application/vnd.oci.image.index.v1+json"), MediaType::OciIndex);
        assert_eq!(MediaType::parse(b"application/vnd.oci.image.index.v2+json"), MediaType::Other);
        assert_eq!(MediaType::parse(b""), MediaType::Other);
    }
}
