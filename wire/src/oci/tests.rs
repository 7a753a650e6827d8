use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn get(target: &str) -> OciRequest<'_> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    classify(Method::Get, path, query)
}

fn digest_of(request: &OciRequest<'_>) -> Option<String> {
    match &request.reference {
        Some(Reference::Digest(digest)) => Some(digest.clone().into_owned()),
        _ => None,
    }
}

#[test]
fn captured_requests_are_classified() {
    let mut counts = std::collections::BTreeMap::new();
    for line in include_str!("../../testdata/oci/requests.txt").lines() {
        let (method, target) = line.split_once(' ').expect("method and target");
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let request = classify(Method::parse(method.as_bytes()), path, query);
        *counts.entry((method, request.kind.as_str())).or_insert(0) += 1;
        if !matches!(request.kind, Kind::Ping | Kind::Catalog | Kind::Other) {
            assert_eq!(request.repository, Some("test/app"), "{line}");
        }
    }
    let expected = [
        (("GET", "blob"), 3),
        (("GET", "catalog"), 1),
        (("GET", "manifest"), 1),
        (("GET", "other"), 5),
        (("GET", "ping"), 1),
        (("GET", "tags"), 1),
        (("HEAD", "blob"), 3),
        (("HEAD", "other"), 2),
        (("PATCH", "upload"), 3),
        (("POST", "upload"), 1),
        (("PUT", "manifest"), 1),
        (("PUT", "other"), 2),
        (("PUT", "upload"), 3),
    ];
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_endpoints_of_the_specification_are_known() {
    let manifest = get("/v2/library/alpine/manifests/3.20");
    assert_eq!(
        manifest,
        OciRequest {
            kind: Kind::Manifest,
            repository: Some("library/alpine"),
            reference: Some(Reference::Tag("3.20")),
            mirror_of: None,
        }
    );
    for (target, kind, repository) in [
        ("/v2", Kind::Ping, None),
        ("/v2/", Kind::Ping, None),
        ("/v2/_catalog?n=5", Kind::Catalog, None),
        ("/v2/a/tags/list?n=1", Kind::Tags, Some("a")),
        ("/v2/a/b/c/blobs/uploads/", Kind::Upload, Some("a/b/c")),
        ("/v2/a/blobs/uploads", Kind::Upload, Some("a")),
        ("/v2/a/blobs/uploads/1234?_state=x", Kind::Upload, Some("a")),
        ("/v2/a/manifests/blobs/manifests/latest", Kind::Manifest, Some("a/manifests/blobs")),
    ] {
        let request = get(target);
        assert_eq!((request.kind, request.repository), (kind, repository), "{target}");
    }
    for endpoint in ["manifests", "blobs", "referrers"] {
        let target = format!("/v2/a/b/{endpoint}/{DIGEST}");
        let request = get(&target);
        assert_eq!(request.repository, Some("a/b"));
        assert_eq!(digest_of(&request).as_deref(), Some(DIGEST), "{target}");
        let escaped = target.replace(':', "%3A");
        assert_eq!(digest_of(&get(&escaped)).as_deref(), Some(DIGEST), "{escaped}");
    }
}

#[test]
fn names_that_are_not_valid_are_unknown() {
    let request = get("/v2/UPPER/manifests/a b");
    assert_eq!((request.kind, request.repository, request.reference), (Kind::Manifest, None, None));
    let request = get("/v2//blobs/sha256:");
    assert_eq!((request.kind, request.repository, request.reference), (Kind::Blob, None, None));
    assert_eq!(get(&format!("/v2/a/manifests/{}", "x".repeat(129))).reference, None);
}

#[test]
fn other_paths_are_other() {
    for path in [
        "/",
        "",
        "/v1/_ping",
        "/v20/",
        "/v2/a",
        "/v2/manifests/latest",
        "/v2/a/manifests/",
        "/v2/a/tags/other",
        "/registry-v2/docker/registry/v2/blobs/sha256/ab/abcdef/data",
        "/x/v2/a/manifests/not valid",
        "/x/v2/a/tags/list",
        "/token",
    ] {
        assert_eq!(get(path).kind, Kind::Other, "{path}");
    }
}

#[test]
fn a_registry_may_stand_behind_a_prefix() {
    let path = format!("/artifactory/api/docker/hub/v2/library/alpine/blobs/{DIGEST}");
    let request = get(&path);
    assert_eq!((request.kind, request.repository), (Kind::Blob, Some("library/alpine")));
}

#[test]
fn the_usual_token_endpoints_are_known() {
    for target in [
        "/token?service=registry.docker.io&scope=repository:library/alpine:pull",
        "/v2/auth?account=x&scope=repository:a:pull",
        "/service/token?service=harbor-registry",
        "/jwt/auth?client_id=docker&service=container_registry",
    ] {
        assert_eq!(get(target).kind, Kind::Token, "{target}");
    }
    assert_eq!(classify(Method::Post, "/oauth2/token", None).kind, Kind::Token);
    assert_eq!(classify(Method::Head, "/token", Some("service=x")).kind, Kind::Other);
    assert_eq!(get("/auth?user=x&noscope=1").kind, Kind::Other);
}

#[test]
fn the_mirrored_registry_is_named_by_ns() {
    let mirror_of = |target| get(target).mirror_of;
    assert_eq!(mirror_of("/v2/a/manifests/1?ns=docker.io").as_deref(), Some("docker.io"));
    assert_eq!(
        mirror_of("/v2/?a=b&ns=Registry.Example.com%3A5000").as_deref(),
        Some("registry.example.com:5000")
    );
    for none in
        ["/v2/", "/v2/?ns=", "/v2/?ns=%zz", "/v2/?ns=%", "/v2/?ns=a%20b", "/v2/?dns=docker.io", "/v2/?ns=%ff"]
    {
        assert_eq!(mirror_of(none), None, "{none}");
    }
}

#[test]
fn what_is_attached_to_a_manifest_has_a_tag_of_its_own() {
    let digest = "0123456789abcdef".repeat(4);
    for tag in [format!("sha256-{digest}"), format!("sha256-{digest}.sig")] {
        assert!(is_attachment(&tag), "{tag}");
    }
    for tag in
        ["v1", "sha256-", "sha256-abc", &format!("sha256:{digest}"), &format!("sha256-{}", "x".repeat(64))]
    {
        assert!(!is_attachment(tag), "{tag}");
    }
}

#[test]
fn digests_in_paths() {
    let hex = "0123456789abcdef".repeat(4);
    for path in [
        format!("/v2/library/busybox/blobs/sha256:{hex}"),
        format!("/namespace/library%2Fbusybox/blobs/sha256%3A{hex}/metainfo"),
        format!("/namespace/a/blobs/{hex}/metainfo"),
        format!("/blobs/sha256%3a{hex}"),
        format!("sha256:{hex}"),
    ] {
        assert_eq!(digest_in(&path), Some(hex.as_str()), "{path}");
    }
    let none =
        ["/v2/library/busybox/manifests/latest", "/", "", &format!("/v2/x/blobs/sha512:{hex}"), &hex[1..]];
    for path in none {
        assert_eq!(digest_in(path), None, "{path}");
    }
    assert_eq!(digest_in(&format!("/x/{}", hex.to_uppercase())), None);
}
