//! The small JSON documents that say what an image consists of.
//!
//! OCI image specification 1.1 ("Image Manifest", "Image Index"), Docker's "Image Manifest Version 2, Schema 2" and, for old
//! registries, "Schema 1", which names layers but neither their sizes nor a config.

use std::borrow::Cow;

use serde::Deserialize;

use crate::oci::owned_digest;

/// Most layers of a manifest. Storage drivers allow 125 or so.
pub const MAX_LAYERS: usize = 512;
/// Most entries of an index.
pub const MAX_ENTRIES: usize = 256;

/// Type of a layer that is nowhere to be had: Windows base layers that have their own URLs (Docker's schema 2).
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
/// The same in OCI images, with suffixes for the compression.
const NON_DISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.";

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// What one image consists of.
    Manifest(Manifest),
    /// Images for several platforms.
    Index(Index),
}

/// What one image consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its config; `None` in schema 1.
    pub config: Option<Descriptor>,
    /// Its layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// Something that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Digest with its algorithm.
    pub digest: String,
    /// Size in bytes; `None` in schema 1.
    pub size: Option<u64>,
    /// Whether registries are not meant to have it, so that it comes from elsewhere or not at all.
    pub foreign: bool,
}

/// Images for several platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Digests of its entries in order, each of a manifest or of another index.
    pub entries: Vec<String>,
}

impl Document {
    /// Parses a document by what is in it: a media type may be missing, and answers need not have the right one. `None` where it
    /// is not whole, is none of these, has a digest that is none, or is larger than anybody's.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let raw: Raw<'_> = serde_json::from_slice(bytes).ok()?;
        match raw {
            Raw { manifests: Some(entries), layers: None, fs_layers: None, .. } => {
                let entries = bounded(entries, MAX_ENTRIES)?.into_iter().map(|entry| digest(&entry.digest));
                Some(Self::Index(Index { entries: entries.collect::<Option<_>>()? }))
            }
            Raw { config: Some(config), layers, manifests: None, fs_layers: None } => {
                let layers = bounded(layers?, MAX_LAYERS)?.into_iter().map(RawDescriptor::read);
                let layers = layers.collect::<Option<_>>()?;
                Some(Self::Manifest(Manifest { config: Some(config.read()?), layers }))
            }
            Raw { fs_layers: Some(layers), layers: None, manifests: None, .. } => {
                // The highest comes first here.
                let layers = bounded(layers, MAX_LAYERS)?.into_iter().rev().map(RawLayer::read);
                Some(Self::Manifest(Manifest { config: None, layers: layers.collect::<Option<_>>()? }))
            }
            Raw { .. } => None,
        }
    }
}

fn bounded<T>(list: Vec<T>, most: usize) -> Option<Vec<T>> {
    (list.len() <= most).then_some(list)
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    config: Option<RawDescriptor<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<RawDescriptor<'a>>>,
    #[serde(borrow)]
    manifests: Option<Vec<RawEntry<'a>>>,
    #[serde(borrow, rename = "fsLayers")]
    fs_layers: Option<Vec<RawLayer<'a>>>,
}

#[derive(Deserialize)]
struct RawDescriptor<'a> {
    #[serde(borrow, default, rename = "mediaType")]
    media_type: Cow<'a, str>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    size: u64,
}

impl RawDescriptor<'_> {
    fn read(self) -> Option<Descriptor> {
        let foreign = self.media_type == FOREIGN || self.media_type.starts_with(NON_DISTRIBUTABLE);
        Some(Descriptor { digest: digest(&self.digest)?, size: Some(self.size), foreign })
    }
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow)]
    digest: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawLayer<'a> {
    #[serde(borrow, rename = "blobSum")]
    digest: Cow<'a, str>,
}

impl RawLayer<'_> {
    fn read(self) -> Option<Descriptor> {
        Some(Descriptor { digest: digest(&self.digest)?, size: None, foreign: false })
    }
}

/// A digest, whose second part is hexadecimal in every algorithm that is registered ("Digests").
fn digest(text: &str) -> Option<String> {
    let (algorithm, encoded) = text.split_once(':')?;
    let right_length = match algorithm {
        "sha256" => encoded.len() == 64,
        "sha512" => encoded.len() == 128,
        _ => (32..=128).contains(&encoded.len()) && algorithm.len() <= 32,
    };
    let hex = encoded.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (right_length && hex).then(|| owned_digest(text.as_bytes())).flatten()
}

#[cfg(test)]
mod tests;
