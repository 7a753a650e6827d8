use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::progress::MAX_LINE;
use super::*;
use crate::trouble::Trouble;

fn post(target: &str) -> Option<Call> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    Call::of(Method::Post, path, query)
}

fn pulled(target: &str) -> String {
    match post(target) {
        Some(Call::PullImage { image }) => image,
        other => panic!("{target}: {other:?}"),
    }
}

const HEX: &str = "87baf1412dfd7250ffdfe08849bab6b35e1220d7e3362994d2c8d26e6235d807";

#[test]
fn pulls_name_their_image() {
    // As the Docker CLI sends them (`docker pull alpine`, with a registry, by digest, all tags).
    assert_eq!(pulled("/v1.41/images/create?fromImage=alpine&tag=latest"), "alpine:latest");
    assert_eq!(pulled("/images/create?fromImage=alpine&tag=latest"), "alpine:latest");
    let target = "/v1.24/images/create?fromImage=127.0.0.1%3A5000%2Ftest%2Fapp&tag=v1";
    assert_eq!(pulled(target), "127.0.0.1:5000/test/app:v1");
    let target = format!("/v1.41/images/create?fromImage=alpine&tag=sha256%3A{HEX}");
    assert_eq!(pulled(&target), format!("alpine@sha256:{HEX}"));
    assert_eq!(pulled("/v1.41/images/create?fromImage=alpine"), "alpine");
    assert_eq!(pulled("/v1.41/images/create?fromImage=alpine%3A&tag="), "alpine");
    // As other clients do: all of it in one parameter, or twice.
    assert_eq!(pulled("/images/create?fromImage=quay.io%3A443/a/b%3Av2"), "quay.io:443/a/b:v2");
    assert_eq!(pulled("/images/create?fromImage=quay.io:443/a/b:v1&tag=v2"), "quay.io:443/a/b:v2");
    assert_eq!(
        pulled("/images/create?tag=v2&platform=linux%2Famd64&fromImage=quay.io:443/a/b"),
        "quay.io:443/a/b:v2"
    );
    let target = format!("/images/create?fromImage=a%2Fb%3Av1%40sha256:{HEX}&tag=v2");
    assert_eq!(pulled(&target), format!("a/b:v2@sha256:{HEX}"));
    assert_eq!(
        pulled(&format!("/images/create?fromImage=a/b:v1&tag=sha256:{HEX}")),
        format!("a/b@sha256:{HEX}")
    );
    assert_eq!(
        pulled("/v4.3.1/libpod/images/pull?reference=docker%3A%2F%2Fquay.io%2Fa%2Fb%3Av1&policy=always"),
        "quay.io/a/b:v1"
    );
    assert_eq!(pulled("/v5.0.0-dev/libpod/images/pull?reference=quay.io/a/b"), "quay.io/a/b");
}

#[test]
fn calls_are_told_by_method_and_path() {
    assert_eq!(post("/v1.41/images/create?fromSrc=-&repo=x&tag=v1"), None, "an import");
    assert_eq!(post("/v1.41/images/create?fromImage=&fromSrc=-"), None, "an import");
    for prefix in ["", "/v1.24", "/v1.51", "/v4.3.1/libpod", "/libpod"] {
        let post = |path: &str| post(&format!("{prefix}{path}"));
        let delete = |path: &str| Call::of(Method::Delete, &format!("{prefix}{path}"), Some("force=1"));
        assert_eq!(post("/containers/create?name=x"), Some(Call::CreateContainer));
        assert_eq!(delete("/containers/3f4e8b6f"), Some(Call::RemoveContainer));
        assert_eq!(delete("/images/quay.io/a/b:v1"), Some(Call::RemoveImage));
        for path in [
            "/containers/3f4e8b6f/start",
            "/containers/create/",
            "/containers/prune",
            "/images/prune?filters=%7B%7D",
            "/images/alpine/push",
            "/build?t=x&pull=1",
            "/",
        ] {
            assert_eq!(post(path), None, "{path}");
        }
        for path in ["/containers/", "/containers/a/b", "/images/", "/images/create/"] {
            assert!(
                delete(path).is_none_or(|call| path == "/images/create/" && call == Call::RemoveImage),
                "{path}"
            );
        }
        assert_eq!(Call::of(Method::Get, &format!("{prefix}/images/json"), None), None);
    }
    assert_eq!(Call::of(Method::Get, "/v1.41/images/create", Some("fromImage=a")), None);
    assert_eq!(post("/libpod/images/create?fromImage=a"), None);
    assert_eq!(post("/images/pull?reference=a"), None);
    assert_eq!(post("/libpod/images/pull"), None);
    assert_eq!(post("/libpod/images/pull?reference="), None);
    assert_eq!(post("/libpodx/containers/create"), None);
    assert_eq!(post("/volumes/containers/create"), None);
    assert_eq!(post("/v/containers/create"), None);
    assert_eq!(post("/v1.41"), None);
    // A query that Go's server does not understand either.
    assert_eq!(post("/images/create?fromImage=a%zz"), None);
    assert_eq!(post("/images/create?fromImage=a&tag=%f"), None);
}

#[test]
fn credentials_are_told_from_none() {
    let secret = [
        r#"{"username":"me","password":"hunter2","serveraddress":"r.example.com"}"#,
        r#"{"auth":"bWU6aHVudGVyMg=="}"#,
        r#"{"identitytoken":"x"}"#,
        r#"{"registrytoken":"x","username":""}"#,
        r#"{"Username":"me"}"#,
        r#"{"username":"\u00fc"}"#,
    ];
    let none = [
        "{}",
        "null",
        r#"{"username":"","password":"","auth":"","serveraddress":"","identitytoken":"","registrytoken":""}"#,
        r#"{"serveraddress":"https://index.docker.io/v1/","email":"me@example.com"}"#,
        r#"{"username":null}"#,
        r#"{"r.example.com":{"username":""}}"#,
    ];
    let unknown = [
        "", // of some blanks, see below
        "[]",
        "7",
        r#"{"username":7}"#,
        r#"{"username":"me""#,
        r#"{"r.example.com":{"username":"me","password":"x"},"quay.io":{}}"#,
    ];
    for (texts, expected) in [(&secret, Some(true)), (&none, Some(false)), (&unknown, None)] {
        for json in texts.iter().map(|json| format!("{json} ")) {
            for encoded in [URL_SAFE.encode(&json), URL_SAFE_NO_PAD.encode(&json), STANDARD.encode(&json)] {
                assert_eq!(has_credentials(encoded.as_bytes()), expected, "{json}");
            }
        }
    }
    assert_eq!(has_credentials(b""), Some(false));
    assert_eq!(has_credentials(b"null"), Some(false));
    assert_eq!(has_credentials(b"*"), None);
    // Characters that only one of the alphabets has are in it.
    let json = r#"{"username":"???>>>"}"#;
    for (encoded, own) in [(URL_SAFE.encode(json), ['-', '_']), (STANDARD.encode(json), ['+', '/'])] {
        assert!(encoded.contains(own));
        assert_eq!(has_credentials(encoded.as_bytes()), Some(true));
    }
}

#[test]
fn deep_objects_are_refused() {
    let json = r#"{"a":"#.repeat(10_000);
    assert_eq!(has_credentials(URL_SAFE.encode(json).as_bytes()), None);
}

/// What is read of a body: failed, trouble, up to date.
type Read = (bool, Option<Trouble>, Option<bool>);

fn read(progress: &Progress) -> Read {
    (progress.failed(), progress.trouble(), progress.up_to_date())
}

fn progress(pieces: &[&[u8]]) -> Progress {
    let mut progress = Progress::default();
    for piece in pieces {
        progress.feed(piece);
    }
    progress.finish();
    progress
}

/// Bodies of real answers, and what the client that got them said of them.
fn captured() -> Vec<(&'static str, &'static [u8], Read)> {
    macro_rules! body {
        ($name:literal, $read:expr) => {
            ($name, &include_bytes!(concat!("../../testdata/engine/", $name, ".json"))[..], $read)
        };
    }
    vec![
        body!("docker_first", (false, None, Some(false))),
        body!("docker_second", (false, None, Some(true))),
        body!("docker_no_tag", (true, Some(Trouble::NotFound), None)),
        body!("docker_refused", (true, Some(Trouble::ConnectionRefused), None)),
        body!("docker_no_host", (true, Some(Trouble::Dns), None)),
        body!("docker_bad_name", (true, None, None)),
        body!("docker_blob_missing", (true, Some(Trouble::NotFound), None)),
        body!("podman_tls", (true, Some(Trouble::Tls), None)),
        body!("podman_libpod", (false, None, None)),
        body!("podman_libpod_no_tag", (true, Some(Trouble::NotFound), None)),
    ]
}

#[test]
fn answers_of_real_servers_are_read() {
    for (name, body, expected) in captured() {
        assert_eq!(read(&progress(&[body])), expected, "{name}");
        for size in [1, 7, 100] {
            let pieces: Vec<_> = body.chunks(size).collect();
            assert_eq!(read(&progress(&pieces)), expected, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_code_counts_before_the_text() {
    let line = br#"{"errorDetail":{"code":401,"message":"manifest unknown"},"error":"manifest unknown"}"#;
    assert_eq!(read(&progress(&[line])), (true, Some(Trouble::Unauthorized), None));
    // A code that says nothing.
    let line = br#"{"errorDetail":{"code":1,"message":"manifest unknown"},"error":""}"#;
    assert_eq!(read(&progress(&[line])), (true, Some(Trouble::NotFound), None));
}

#[test]
fn what_is_empty_is_no_failure() {
    // podman 2 to 4 on success.
    let line =
        br#"{"status":"pulling image () from x","error":"","progress":"","progressDetail":{},"id":"87ba"}"#;
    assert!(!progress(&[line]).failed());
    assert!(!progress(&[br#"{"errorDetail":{},"error":null}"#]).failed());
    assert!(!progress(&[br#"{"errorDetail":{"code":0,"message":""}}"#]).failed());
    assert!(!progress(&[br#"{"status":"the \"error\" of a layer"}"#]).failed());
}

#[test]
fn one_download_among_many_tags_is_a_download() {
    let new = b"{\"status\":\"Status: Downloaded newer image for a:1\"}\r\n";
    let old = b"{\"status\":\"Status: Image is up to date for a:2\"}\r\n";
    assert_eq!(progress(&[new, old]).up_to_date(), Some(false));
    assert_eq!(progress(&[old, new]).up_to_date(), Some(false));
    assert_eq!(progress(&[old, old]).up_to_date(), Some(true));
}

#[test]
fn a_gap_costs_the_line_that_it_is_in() {
    let line = b"{\"status\":\"Status: Image is up to date for a:2\"}\r\n";
    let mut progress = Progress::default();
    progress.feed(b"{\"errorDetail\":{\"mess");
    progress.gap();
    progress.feed(b"is lost\"},\"error\":\"x509: no\"}\r\n");
    assert_eq!((progress.failed(), progress.missed()), (false, true));
    progress.feed(line);
    assert_eq!(progress.up_to_date(), Some(true));
    // What follows a gap may look like a line.
    progress.gap();
    progress.feed(b"{\"error\":\"x509: no\"}\n");
    assert!(!progress.failed());
    progress.gap();
    progress.feed(b"{\"error\":\"x509: no\"}");
    progress.finish();
    assert!(!progress.failed());
}

#[test]
fn long_lines_are_skipped() {
    let long = format!("{{\"error\":\"{}\"}}\n", "x".repeat(MAX_LINE));
    for size in [1, 1000, usize::MAX] {
        let mut progress = Progress::default();
        for piece in long.as_bytes().chunks(size.min(long.len())) {
            progress.feed(piece);
        }
        assert_eq!((progress.failed(), progress.missed()), (false, true));
        progress.feed(b"{\"error\":\"x\"}\n");
        assert!(progress.failed());
    }
}

proptest! {
    #[test]
    fn how_a_body_is_cut_changes_nothing(which in 0..10usize, cuts in prop::collection::vec(1..400usize, 1..20)) {
        let (_, body, expected) = captured().swap_remove(which);
        let (mut pieces, mut rest) = (Vec::new(), body);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        prop_assert_eq!(read(&progress(&pieces)), expected);
    }

    #[test]
    fn anything_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
        progress(&[&bytes, b"\n", text.as_bytes()]);
        has_credentials(&bytes);
        has_credentials(URL_SAFE.encode(&text).as_bytes());
        post(&format!("/images/create?fromImage={text}&tag={text}"));
        post(&text);
    }
}
