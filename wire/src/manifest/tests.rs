//! The documents are those of a real registry; what they must say is what the registry stored, read off its disk.

use proptest::prelude::*;

use super::*;

const CONFIG: &str = "sha256:87baf1412dfd7250ffdfe08849bab6b35e1220d7e3362994d2c8d26e6235d807";
const LOW: &str = "sha256:07a6f6e4176bc543ae322bd5cc788764a2b9dfa5114c6846f6e19301689237e1";
const HIGH: &str = "sha256:78fccaf79de0d7f2ff08aa993e4feca09b69b383705d77af53b5c0b7c67dea26";

const SCHEMA2: &[u8] = include_bytes!("../../testdata/manifest/schema2.json");
const OCI: &[u8] = include_bytes!("../../testdata/manifest/oci.json");
const SCHEMA1: &[u8] = include_bytes!("../../testdata/manifest/schema1.json");
const LIST: &[u8] = include_bytes!("../../testdata/manifest/schema2_list.json");
const INDEX: &[u8] = include_bytes!("../../testdata/manifest/oci_index.json");

fn named(digest: &str, size: Option<u64>) -> Descriptor {
    Descriptor { digest: digest.to_owned(), size, foreign: false }
}

#[test]
fn manifests_name_config_and_layers() {
    let expected = Manifest {
        config: Some(named(CONFIG, Some(438))),
        layers: vec![named(LOW, Some(125)), named(HIGH, Some(200_557))],
    };
    assert_eq!(Document::parse(SCHEMA2), Some(Document::Manifest(expected.clone())));
    assert_eq!(Document::parse(OCI), Some(Document::Manifest(expected)), "without a media type");
}

#[test]
fn schema_1_names_layers_without_sizes() {
    let expected = Manifest { config: None, layers: vec![named(LOW, None), named(HIGH, None)] };
    assert_eq!(Document::parse(SCHEMA1), Some(Document::Manifest(expected)));
}

#[test]
fn indexes_name_manifests() {
    for (document, digest) in [
        (LIST, "sha256:c24d16a7e6f87e810ce842521599ac9511cd29dc11d4ae7132332482287a280d"),
        (INDEX, "sha256:18ca4e29c503b9111d5cfa832ae451f600e34e6160fd7037eb4f6c5e6b096c5f"),
    ] {
        let entries = vec![digest.to_owned()];
        assert_eq!(Document::parse(document), Some(Document::Index(Index { entries })));
    }
    let document = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{CONFIG}"}}]}}"#);
    let entries = vec![CONFIG.to_owned()];
    assert_eq!(
        Document::parse(document.as_bytes()),
        Some(Document::Index(Index { entries })),
        "without a size"
    );
}

#[test]
fn foreign_layers_are_told() {
    let text = std::str::from_utf8(SCHEMA2).unwrap();
    for media_type in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        let text = text.replacen("application/vnd.docker.image.rootfs.diff.tar.gzip", media_type, 1);
        let Some(Document::Manifest(manifest)) = Document::parse(text.as_bytes()) else {
            panic!("a manifest")
        };
        assert_eq!(manifest.layers.iter().map(|layer| layer.foreign).collect::<Vec<_>>(), [true, false]);
    }
}

#[test]
fn what_is_cut_is_no_document() {
    for document in [SCHEMA2, OCI, SCHEMA1, LIST, INDEX] {
        let text = document.trim_ascii_end();
        for end in 0..text.len() {
            assert_eq!(Document::parse(&text[..end]), None, "{end}");
        }
        assert!(Document::parse(text).is_some());
    }
}

#[test]
fn other_documents_are_none() {
    let descriptor = format!(r#"{{"digest":"{LOW}","size":1}}"#);
    for document in [
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        r#"{"token":"x"}"#.to_owned(),
        r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#.to_owned(),
        // The config of an image, whose `config` is something else.
        r#"{"architecture":"amd64","config":{"Env":["A=b"]},"rootfs":{"type":"layers"}}"#.to_owned(),
        format!(r#"{{"config":{descriptor}}}"#),
        format!(r#"{{"layers":[{descriptor}]}}"#),
        // Both at once: which of them a client takes is not known.
        format!(r#"{{"config":{descriptor},"layers":[],"manifests":[]}}"#),
        format!(r#"{{"fsLayers":[],"manifests":[{descriptor}]}}"#),
        format!(r#"{{"config":{descriptor},"config":{descriptor},"layers":[]}}"#),
    ] {
        assert_eq!(Document::parse(document.as_bytes()), None, "{document}");
    }
}

#[test]
fn digests_are_digests() {
    let manifest = |digest: &str| format!(r#"{{"config":{{"digest":"{digest}","size":1}},"layers":[]}}"#);
    for digest in [LOW, &format!("sha512:{}", "0".repeat(128)), &format!("blake3:{}", "a".repeat(64))] {
        assert!(Document::parse(manifest(digest).as_bytes()).is_some(), "{digest}");
    }
    for digest in [
        "",
        "sha256:",
        "07a6f6e4176bc543ae322bd5cc788764a2b9dfa5114c6846f6e19301689237e1",
        &LOW[..LOW.len() - 1],
        &LOW.to_uppercase(),
        &LOW.replace('0', "g"),
        &format!("{LOW}0"),
        &format!("sha512:{}", "0".repeat(64)),
        &format!("../..:{}", "a".repeat(64)),
        &format!("{}:{}", "a".repeat(33), "a".repeat(64)),
    ] {
        assert_eq!(Document::parse(manifest(digest).as_bytes()), None, "{digest}");
    }
    // Escaped, it is the same.
    assert!(Document::parse(manifest(&LOW.replace(':', "\\u003a")).as_bytes()).is_some());
}

#[test]
fn counts_are_bounded() {
    let list = |count: usize| vec![format!(r#"{{"digest":"{LOW}","size":1}}"#); count].join(",");
    let manifest =
        |count| format!(r#"{{"config":{{"digest":"{LOW}","size":1}},"layers":[{}]}}"#, list(count));
    assert!(Document::parse(manifest(MAX_LAYERS).as_bytes()).is_some());
    assert!(Document::parse(manifest(MAX_LAYERS + 1).as_bytes()).is_none());
    let index = |count| format!(r#"{{"manifests":[{}]}}"#, list(count));
    assert!(Document::parse(index(MAX_ENTRIES).as_bytes()).is_some());
    assert!(Document::parse(index(MAX_ENTRIES + 1).as_bytes()).is_none());
    let old = |count: usize| {
        format!(r#"{{"fsLayers":[{}]}}"#, vec![format!(r#"{{"blobSum":"{LOW}"}}"#); count].join(","))
    };
    assert!(Document::parse(old(MAX_LAYERS).as_bytes()).is_some());
    assert!(Document::parse(old(MAX_LAYERS + 1).as_bytes()).is_none());
}

proptest! {
    #[test]
    fn anything_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0..600usize) {
        Document::parse(&bytes);
        for document in [SCHEMA2, OCI, SCHEMA1, LIST, INDEX] {
            let mut document = document.to_vec();
            let at = at.min(document.len());
            let end = document.len().min(at + bytes.len());
            document[at..end].copy_from_slice(&bytes[..end - at]);
            Document::parse(&document);
        }
    }
}
