use super::*;
use crate::http::Credentials;

fn parse(head: &str) -> RequestHead {
    let (parsed, length) = RequestHead::parse(head.as_bytes()).expect(head);
    assert_eq!(length, head.len());
    parsed
}

fn with_field(field: &str) -> Result<RequestHead, HeadError> {
    RequestHead::parse(format!("GET /a HTTP/1.1\r\n{field}\r\n\r\n").as_bytes()).map(|(head, _)| head)
}

#[test]
fn a_captured_head_is_read() {
    let bytes = include_bytes!("../../../testdata/http1_head/podman_manifest_request.bin");
    let (head, length) = RequestHead::parse(bytes).expect("a head");
    assert_eq!(length, bytes.len());
    assert_eq!(head.method, Method::Get);
    assert_eq!(head.target.path(), "/v2/test/app/manifests/v1");
    assert_eq!(head.host.as_deref(), Some("127.0.0.1:38571"));
    assert_eq!((head.framing, head.credentials, head.range), (Framing::None, Credentials::None, false));
}

#[test]
fn the_host_is_that_of_the_target_before_the_field() {
    assert_eq!(parse("GET /a HTTP/1.1\r\nHOST: A.Example:80 \r\n\r\n").host.as_deref(), Some("a.example:80"));
    let proxied = parse("GET http://user:pw@b.example/v2/?x=1 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!(proxied.host.as_deref(), Some("b.example"));
    assert_eq!((proxied.target.path(), proxied.target.query()), ("/v2/", Some("x=1")));
    let tunnel = parse("CONNECT c.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n");
    assert_eq!((tunnel.host.as_deref(), tunnel.target.as_str()), (Some("c.example:443"), ""));
}

#[test]
fn a_host_that_cannot_be_known_is_none() {
    for field in ["X: y", "Host: a b", "Host:", "Host: a\r\nHost: b", "Host: a/b", "Host: \u{fc}"] {
        assert_eq!(with_field(field).expect("a head").host, None, "{field:?}");
    }
    assert_eq!(with_field("Host: a\r\nHost: a").expect("a head").host.as_deref(), Some("a"));
}

#[test]
fn only_the_kind_of_credentials_is_kept() {
    for (field, credentials) in [
        ("Authorization: Basic dTpw", Credentials::Basic),
        ("authorization: bearer abc", Credentials::Bearer),
        ("Authorization: AWS4-HMAC-SHA256 x", Credentials::Other),
        ("Authorization:", Credentials::None),
        ("Proxy-Authorization: Basic dTpw", Credentials::None),
    ] {
        assert_eq!(with_field(field).expect("a head").credentials, credentials, "{field}");
    }
}

#[test]
fn the_framing_of_a_request_is_told_by_its_fields() {
    for (field, framing) in [
        ("X: y", Ok(Framing::None)),
        ("Content-Length: 5", Ok(Framing::Length(5))),
        ("Content-Length: 5, 5", Ok(Framing::Length(5))),
        ("Content-Length: 5\r\nContent-Length: 5", Ok(Framing::Length(5))),
        ("Transfer-Encoding: chunked", Ok(Framing::Chunked)),
        ("Transfer-Encoding: gzip, Chunked", Ok(Framing::Chunked)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", Ok(Framing::Chunked)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Ok(Framing::Chunked)),
        ("Content-Length: 5, 6\r\nTransfer-Encoding: chunked", Ok(Framing::Chunked)),
        ("Transfer-Encoding: chunked, gzip", Err(HeadError::Framing)),
        ("Content-Length: 5, 6", Err(HeadError::Framing)),
        ("Content-Length: 5, 6, 6", Err(HeadError::Framing)),
        ("Content-Length: +5", Err(HeadError::Framing)),
        ("Content-Length: -5", Err(HeadError::Framing)),
        ("Content-Length: 0x5", Err(HeadError::Framing)),
        ("Content-Length:", Err(HeadError::Framing)),
        ("Content-Length: 18446744073709551615", Ok(Framing::Length(u64::MAX))),
        ("Content-Length: 18446744073709551616", Err(HeadError::Framing)),
    ] {
        assert_eq!(with_field(field).map(|head| head.framing), framing, "{field}");
    }
}

#[test]
fn the_other_fields_are_seen() {
    let head = with_field("Range: bytes=1-\r\nExpect: 100-Continue\r\nUpgrade: h2c\r\nConnection: x, Close")
        .expect("");
    assert!(head.range && head.expect_continue && head.upgrade && head.close);
    let head = with_field("Connection: keep-alive").expect("a head");
    assert!(!(head.range || head.expect_continue || head.upgrade || head.close));
    assert!(parse("GET /a HTTP/1.0\r\n\r\n").close);
    assert!(!parse("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").close);
}

#[test]
fn what_is_no_head_is_refused() {
    for (bytes, error) in [
        ("GET /a HTTP/1.1\r\nHost: a\r\n", HeadError::Incomplete),
        ("GET /a HTTP/2.0\r\n\r\n", HeadError::Syntax),
        ("GET /a\r\n\r\n", HeadError::Syntax),
        ("GET /a HTTP/1.1\r\n: x\r\n\r\n", HeadError::Syntax),
    ] {
        assert_eq!(RequestHead::parse(bytes.as_bytes()), Err(error), "{bytes:?}");
    }
    let many = format!("GET /a HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(257));
    assert_eq!(RequestHead::parse(many.as_bytes()), Err(HeadError::TooLong));
}
