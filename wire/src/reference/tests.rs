use super::*;

#[test]
fn what_is_left_out_is_filled_in() {
    let reference = Reference::parse("alpine").expect("a reference");
    assert_eq!((reference.registry_host(), reference.repository()), ("docker.io", "library/alpine"));
    assert_eq!((reference.tag(), reference.digest()), (None, None));
    let reference = Reference::parse("index.docker.io/org/app").expect("a reference");
    assert_eq!((reference.registry_host(), reference.repository()), ("docker.io", "org/app"));
}

#[test]
fn every_part_is_found() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let text = format!("Registry.Example.com:5000/a/b_c.d-e:v1.0@{digest}");
    let reference = Reference::parse(&text).expect("a reference");
    assert_eq!(reference.registry_host(), "registry.example.com:5000");
    assert_eq!(reference.repository(), "a/b_c.d-e");
    assert_eq!((reference.tag(), reference.digest()), (Some("v1.0"), Some(digest.as_str())));
}

#[test]
fn what_is_no_reference_says_why() {
    let long = |length| "a".repeat(length);
    for (text, error) in [
        (String::new(), ReferenceError::Repository),
        ("a".into(), ReferenceError::Repository),
        (long(256), ReferenceError::Repository),
        ("UPPER/case".into(), ReferenceError::Repository),
        ("a//b".into(), ReferenceError::Repository),
        ("gcr.io/".into(), ReferenceError::Repository),
        ("https://gcr.io/foo".into(), ReferenceError::Repository),
        ("gcr.io:x/foo".into(), ReferenceError::Registry),
        ("[::1/foo".into(), ReferenceError::Registry),
        ("alpine:".into(), ReferenceError::Tag),
        ("alpine:-x".into(), ReferenceError::Tag),
        (format!("alpine:{}", long(128)), ReferenceError::Tag),
        ("alpine@".into(), ReferenceError::Digest),
        (format!("alpine@sha256:{}", long(63)), ReferenceError::Digest),
        (format!("alpine@sha256:{}", "A".repeat(64)), ReferenceError::Digest),
        (format!("alpine@sha512:{}", long(64)), ReferenceError::Digest),
    ] {
        assert_eq!(Reference::parse(&text), Err(error), "{text:?}");
    }
    assert!(Reference::parse(&format!("alpine:{}", long(127))).is_ok());
    assert!(Reference::parse(&long(255)).is_ok());
}
