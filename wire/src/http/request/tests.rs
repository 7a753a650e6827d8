use super::*;

const UNKNOWN: (&str, &str) = ("", "");
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":path", "/v2/"), (":scheme", "https"), (":authority", "A.example:5000")];

fn head(list: &[(&str, &str)]) -> Result<RequestHead, HeadError> {
    RequestHead::from_fields(list.iter().map(|(name, value)| Field {
        name: name.as_bytes(),
        value: value.as_bytes(),
        truncated: false,
    }))
}

fn with(more: (&str, &str)) -> Result<RequestHead, HeadError> {
    head(&[&GET[..], &[more]].concat())
}

/// The list of `GET` with one field cut.
fn cut(name: &str) -> Result<RequestHead, HeadError> {
    RequestHead::from_fields(GET.iter().map(|(known, value)| Field {
        name: known.as_bytes(),
        value: value.as_bytes(),
        truncated: *known == name,
    }))
}

#[test]
fn a_list_makes_a_head() {
    let head = head(&GET).expect("a head");
    assert_eq!((head.method, head.target.as_str()), (Method::Get, "/v2/"));
    assert_eq!((head.host.as_deref(), head.framing), (Some("a.example:5000"), Framing::UntilClose));
    assert_eq!((head.credentials, head.range, head.close), (Credentials::None, false, false));
    let head = with(("content-length", "5")).expect("a head");
    assert_eq!(head.framing, Framing::Length(5));
    assert_eq!(with(("authorization", "Basic dTpw")).expect("a head").credentials, Credentials::Basic);
    assert!(with(("range", "bytes=0-1")).expect("a head").range);
    assert_eq!(with(("content-length", "5, 6")), Err(HeadError::Framing));
}

#[test]
fn connection_fields_say_nothing() {
    for field in [("transfer-encoding", "gzip"), ("connection", "close"), ("upgrade", "h2c")] {
        assert_eq!(with(field), head(&GET), "{field:?}");
    }
}

#[test]
fn the_host_field_stands_in_for_the_authority() {
    let list = |more: &[(&str, &str)]| head(&[&GET[..3], more].concat()).expect("a head").host;
    assert_eq!(list(&[("host", "b.example")]).as_deref(), Some("b.example"));
    assert_eq!(list(&[]), None);
    // The authority may be what is not known.
    assert_eq!(list(&[("host", "b.example"), UNKNOWN]), None);
    assert_eq!(with(("host", "b.example")).expect("a head").host.as_deref(), Some("a.example:5000"));
    assert_eq!(cut(":authority").expect("a head").host, None);
    assert_eq!(with((":authority", "b.example")).expect("a head").host, None);
}

#[test]
fn a_path_is_whole_or_none() {
    assert_eq!(cut(":path"), Err(HeadError::Truncated));
    assert_eq!(cut(":method"), Err(HeadError::Truncated));
    let without = |list: &[(&str, &str)]| head(&[&[GET[0], GET[2]], list].concat());
    assert_eq!(without(&[]), Err(HeadError::Syntax));
    assert_eq!(without(&[UNKNOWN]), Err(HeadError::Unknown));
    assert_eq!(with((":path", "/v2/")), Err(HeadError::Syntax));
    for bad in ["", "/a b", "/a\u{7f}", "/\r\n"] {
        assert_eq!(without(&[(":path", bad)]), Err(HeadError::Syntax), "{bad:?}");
    }
    let cut = GET[..1].iter().map(|_| Field { name: b":method", value: b"GET", truncated: false });
    assert_eq!(RequestHead::from_fields(cut.chain([Field::UNKNOWN, Field::CUT])), Err(HeadError::Truncated));
}

#[test]
fn a_tunnel_needs_no_path() {
    let tunnel = [(":method", "CONNECT"), (":authority", "a.example:443")];
    let parsed = head(&tunnel).expect("a head");
    assert_eq!((parsed.target.as_str(), parsed.host.as_deref()), ("", Some("a.example:443")));
    assert_eq!(head(&[&tunnel[..], &[UNKNOWN]].concat()), Err(HeadError::Unknown));
    let extended = [&tunnel[..], &[(":path", "/chat"), (":protocol", "websocket")]].concat();
    assert_eq!(head(&extended).expect("a head").target.as_str(), "/chat");
}

#[test]
fn credentials_that_may_be_among_what_is_missing_are_unknown() {
    assert_eq!(with(UNKNOWN).expect("a head").credentials, Credentials::Unknown);
    let known = head(&[&GET[..], &[("authorization", "Bearer x"), UNKNOWN]].concat()).expect("a head");
    assert_eq!(known.credentials, Credentials::Bearer);
    let start = |value: &'static str| {
        let field = Field { name: b"authorization", value: value.as_bytes(), truncated: true };
        let list = GET.map(|(name, value)| Field {
            name: name.as_bytes(),
            value: value.as_bytes(),
            truncated: false,
        });
        RequestHead::from_fields(list.into_iter().chain([field])).expect("a head").credentials
    };
    for (value, credentials) in
        [("Basic", Credentials::Basic), ("Bear", Credentials::Other), ("", Credentials::Other)]
    {
        assert_eq!(start(value), credentials, "{value}");
    }
}
