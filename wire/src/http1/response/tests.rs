use super::*;
use crate::http::{ContentRange, Framing, MediaType, Realm};

fn parse(status: &str, fields: &str, method: Method) -> Result<ResponseHead, HeadError> {
    let head = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
    ResponseHead::parse(head.as_bytes(), method).map(|(head, _)| head)
}

#[test]
fn captured_heads_are_read() {
    let bytes = include_bytes!("../../../testdata/http1_head/podman_manifest_response.bin");
    let (head, length) = ResponseHead::parse(bytes, Method::Get).expect("a head");
    assert_eq!((length, head.code, head.framing), (bytes.len(), 200, Framing::Length(504)));
    assert_eq!(head.content_type, Some(MediaType::OciManifest));
    let bytes = include_bytes!("../../../testdata/http1_head/curl_redirect_response.bin");
    let (head, _) = ResponseHead::parse(bytes, Method::Get).expect("a head");
    let location = head.location.expect("a location");
    assert_eq!((location.host(), location.target()), (Some("cdn.example.com"), "/blob?X-Sig=abc"));
    let bytes = include_bytes!("../../../testdata/http1_head/curl_ranges_response.bin");
    let (head, _) = ResponseHead::parse(bytes, Method::Get).expect("a head");
    assert_eq!(head.content_range, Some(ContentRange { first: 100, last: 199, total: Some(200_000) }));
}

#[test]
fn the_framing_of_a_response_depends_on_what_was_asked() {
    let length = "Content-Length: 5\r\n";
    for (status, fields, method, framing) in [
        ("200 OK", length, Method::Get, Ok(Framing::Length(5))),
        ("200 OK", length, Method::Head, Ok(Framing::None)),
        ("200 OK", length, Method::Connect, Ok(Framing::None)),
        ("407 No", length, Method::Connect, Ok(Framing::Length(5))),
        ("100 Continue", length, Method::Get, Ok(Framing::None)),
        ("204 No Content", length, Method::Get, Ok(Framing::None)),
        ("304 Not Modified", length, Method::Get, Ok(Framing::None)),
        ("205 Reset", length, Method::Get, Ok(Framing::Length(5))),
        ("200 OK", "", Method::Get, Ok(Framing::UntilClose)),
        ("200 OK", "Transfer-Encoding: gzip\r\n", Method::Get, Ok(Framing::UntilClose)),
        ("200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Method::Get, Ok(Framing::Chunked)),
        ("200 OK", "Content-Length: 5\r\nContent-Length: 6\r\n", Method::Get, Err(HeadError::Framing)),
        ("204 No", "Content-Length: 5\r\nContent-Length: 6\r\n", Method::Get, Ok(Framing::None)),
    ] {
        assert_eq!(parse(status, fields, method).map(|h| h.framing), framing, "{status} {fields} {method:?}");
    }
}

#[test]
fn challenges_are_seen_and_their_realm_is_read() {
    let fields =
        "WWW-Authenticate: Basic realm=\"x\"\r\nwww-authenticate: Bearer realm=\"https://a.example/t\"\r\n";
    let head = parse("401 Unauthorized", fields, Method::Get).expect("a head");
    assert!(head.challenge);
    assert_eq!(head.realm.as_ref().map(Realm::host), Some("a.example"));
    let head =
        parse("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", Method::Get).expect("a head");
    assert!(head.challenge && head.realm.is_none());
    assert!(!parse("200 OK", "", Method::Get).expect("a head").challenge);
}

#[test]
fn status_codes_have_three_digits() {
    assert_eq!(parse("999 X", "", Method::Get).map(|h| h.code), Ok(999));
    assert_eq!(parse("200", "", Method::Get).map(|h| h.code), Ok(200));
    for bad in ["099 X", "20 X", "2000 X", "OK", "-20 X"] {
        assert_eq!(parse(bad, "", Method::Get), Err(HeadError::Syntax), "{bad}");
    }
}
