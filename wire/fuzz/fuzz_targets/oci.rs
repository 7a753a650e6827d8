//! Request lines, one per line of input, as requests to a registry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::http::Method;
use wire::oci::{Kind, Reference, classify};

fuzz_target!(|text: &str| {
    for line in text.lines() {
        let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let request = classify(Method::parse(method.as_bytes()), path, query);
        if let Some(repository) = request.repository {
            assert!(!repository.is_empty() && path.contains(repository));
        }
        match (request.kind, &request.reference) {
            (_, None) | (Kind::Manifest, Some(Reference::Tag(_))) => {}
            (Kind::Manifest | Kind::Blob | Kind::Referrers, Some(Reference::Digest(digest))) => {
                assert!(digest.contains(':'));
            }
            (kind, reference) => panic!("{kind:?} with {reference:?}"),
        }
        let mirrored = request.mirror_of.as_deref();
        assert_eq!(mirrored.and_then(wire::host::normalise).as_deref(), mirrored);
    }
});
