use super::*;

#[test]
fn content_ranges_are_read_or_refused() {
    let range = |first, last, total| Some(ContentRange { first, last, total });
    for (value, expected) in [
        ("bytes 0-9/10", range(0, 9, Some(10))),
        ("Bytes 5-9/*", range(5, 9, None)),
        ("bytes 0-10/10", None),
        ("bytes 9-0/10", None),
        ("bytes */10", None),
        ("items 0-9/10", None),
        ("bytes 0-9", None),
        ("bytes 0-99999999999999999999/*", None),
        ("", None),
    ] {
        assert_eq!(ContentRange::parse(value.as_bytes()), expected, "{value}");
    }
}

fn head(list: &[(&str, &str, bool)], method: Method) -> Result<ResponseHead, HeadError> {
    ResponseHead::from_fields(
        list.iter().map(|&(name, value, truncated)| Field {
            name: name.as_bytes(),
            value: value.as_bytes(),
            truncated,
        }),
        method,
    )
}

#[test]
fn a_list_makes_a_head() {
    let list = [
        (":status", "206", false),
        ("content-length", "100", false),
        ("content-range", "bytes 0-99/200", false),
        ("content-type", "application/octet-stream", false),
    ];
    let parsed = head(&list, Method::Get).expect("a head");
    assert_eq!((parsed.code, parsed.framing), (206, Framing::Length(100)));
    assert_eq!(parsed.content_range, Some(ContentRange { first: 0, last: 99, total: Some(200) }));
    assert_eq!(parsed.content_type, Some(MediaType::OctetStream));
    assert_eq!(head(&list, Method::Head).expect("a head").framing, Framing::None);
    assert_eq!(head(&list[..1], Method::Get).expect("a head").framing, Framing::UntilClose);
    assert_eq!(
        head(&[(":status", "304", false), list[1]], Method::Get).expect("a head").framing,
        Framing::None
    );
}

#[test]
fn what_is_cut_is_not_taken_for_whole() {
    let challenge = r#"Bearer realm="https://a.example/t",service="x""#;
    let list = [
        (":status", "307", false),
        ("location", "https://cdn.example.com/b", true),
        ("content-length", "12", true),
        ("content-range", "bytes 0-9/1", true),
        ("www-authenticate", challenge, true),
    ];
    let parsed = head(&list, Method::Get).expect("a head");
    assert_eq!((parsed.location, parsed.framing, parsed.content_range), (None, Framing::UntilClose, None));
    assert!(parsed.challenge && parsed.realm.is_none());
    assert_eq!(head(&[(":status", "20", true)], Method::Get), Err(HeadError::Truncated));
}

#[test]
fn a_status_that_is_none_is_refused() {
    for status in ["", "20", "2000", "099", "2a0", "+20"] {
        assert_eq!(head(&[(":status", status, false)], Method::Get), Err(HeadError::Syntax), "{status}");
    }
    assert_eq!(head(&[("", "", false)], Method::Get), Err(HeadError::Unknown));
    assert_eq!(head(&[("date", "", false)], Method::Get), Err(HeadError::Syntax));
}
