//! Manifests and indexes: no panic, bounded counts, digests that are digests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::manifest::{Document, MAX_ENTRIES, MAX_LAYERS};

fuzz_target!(|bytes: &[u8]| {
    let is_digest = |digest: &str| {
        digest.split_once(':').is_some_and(|(algorithm, hex)| {
            !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
        })
    };
    match Document::parse(bytes) {
        Some(Document::Manifest(manifest)) => {
            assert!(manifest.layers.len() <= MAX_LAYERS);
            assert!(manifest.config.iter().chain(&manifest.layers).all(|named| is_digest(&named.digest)));
        }
        Some(Document::Index(index)) => {
            assert!(index.entries.len() <= MAX_ENTRIES);
            assert!(index.entries.iter().all(|entry| is_digest(entry)));
        }
        None => {}
    }
    // What is cut is none.
    if let Some((last, rest)) = bytes.trim_ascii_end().split_last() {
        assert!(Document::parse(bytes).is_none() || *last == b'}' && Document::parse(rest).is_none());
    }
});
