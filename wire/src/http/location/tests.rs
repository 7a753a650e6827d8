use super::*;

fn location(url: &str) -> (Option<String>, Option<bool>, String) {
    let location = Location::parse(url.as_bytes()).expect(url);
    (location.host().map(str::to_owned), location.is_https(), location.target().to_owned())
}

#[test]
fn absolute_urls_are_split_as_the_next_request_shows_them() {
    let cdn = Some("cdn.example.com".to_owned());
    assert_eq!(location("https://CDN.example.com/b?s=1#f"), (cdn.clone(), Some(true), "/b?s=1".into()));
    assert_eq!(location("HTTP://cdn.example.com"), (cdn.clone(), Some(false), "/".into()));
    assert_eq!(location("http://cdn.example.com?s=1"), (cdn.clone(), Some(false), "/?s=1".into()));
    assert_eq!(location("//cdn.example.com/b"), (cdn, None, "/b".into()));
    assert_eq!(location("http://[::1]:5000/b").0.as_deref(), Some("[::1]:5000"));
}

#[test]
fn relative_references_have_no_host() {
    assert_eq!(
        location("/v2/a/blobs/uploads/1?_state=x"),
        (None, None, "/v2/a/blobs/uploads/1?_state=x".into())
    );
    assert_eq!(location("b?x=http://c/"), (None, None, "b?x=http://c/".into()));
    let location = Location::parse(b"/a?b=c?d").expect("a location");
    assert_eq!((location.path(), location.query()), ("/a", Some("b=c?d")));
}

#[test]
fn passwords_in_urls_are_dropped() {
    let location = Location::parse(b"https://user:pass@cdn.example.com/b").expect("a location");
    assert_eq!(location.host(), Some("cdn.example.com"));
    assert_eq!(format!("{location:?}"), "Location { host: Some(\"cdn.example.com\"), .. }");
}

#[test]
fn what_is_no_http_url_is_refused() {
    for bad in ["ftp://a/b", "http:/a", "http://a b/", "http://", "javascript:x", "http://a:b/", "/a\nb"] {
        assert_eq!(Location::parse(bad.as_bytes()), None, "{bad:?}");
    }
    assert_eq!(Location::parse(b"/\xff"), None);
}

fn realm(challenge: &str) -> Option<(String, String)> {
    Realm::of_challenge(challenge).map(|realm| (realm.host().to_owned(), realm.path().to_owned()))
}

#[test]
fn the_realm_of_a_bearer_challenge_is_found() {
    let expected = Some(("auth.example.com".to_owned(), "/token".to_owned()));
    for challenge in [
        r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="a:b:pull,push""#,
        r#"bearer service="x", REALM = "https://Auth.example.com/token?account=me""#,
        r#"Basic realm="https://no.example.com/", Bearer realm="https://auth.example.com/token""#,
        "Negotiate, Bearer realm=https://auth.example.com/token",
        r#"Digest realm="a \" Bearer realm=", Bearer realm="https:\/\/auth.example.com/token""#,
        r#"NTLM dG9rZW4=, Bearer realm="https://auth.example.com/token""#,
    ] {
        assert_eq!(realm(challenge), expected, "{challenge}");
    }
    assert_eq!(realm(r#"Bearer realm="http://a.example:5001""#), Some(("a.example:5001".into(), "/".into())));
}

#[test]
fn other_challenges_have_no_realm() {
    for challenge in [
        r#"Basic realm="https://auth.example.com/token""#,
        r#"Bearer error="x""#,
        r#"Bearer realm="registry""#,
        r#"Bearer realm="https://auth.example.com/token"#,
        "Bearer",
        "",
        "\"=,=\"",
        "= = =",
    ] {
        assert_eq!(realm(challenge), None, "{challenge}");
    }
}

#[test]
fn a_realm_shows_its_host_only() {
    let realm = Realm::of_challenge(r#"Bearer realm="https://a.example/secret?secret""#).expect("a realm");
    assert_eq!(format!("{realm:?}"), "Realm { host: \"a.example\", .. }");
}
