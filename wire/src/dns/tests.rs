use super::*;

macro_rules! captured {
    ($name:literal) => {
        include_bytes!(concat!("../../testdata/dns/", $name, ".bin"))
    };
}

fn addresses_of(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

/// Query, response, and what they say: name, type, code, addresses.
type Captured = (&'static [u8], &'static [u8], &'static str, u16, Code, &'static [&'static str]);

#[test]
fn captured_answers_are_read() {
    let cases: [Captured; 5] = [
        (captured!("a_query"), captured!("a_answer"), "many.example.net", 1, Code::Ok, &["192.0.2.1"]),
        (
            captured!("cname_query"),
            captured!("cname_answer"),
            "registry.example.com",
            1,
            Code::Ok,
            &["192.0.2.10"],
        ),
        (
            captured!("aaaa_query"),
            captured!("aaaa_answer"),
            "registry.example.com",
            28,
            Code::Ok,
            &["2001:db8::10"],
        ),
        (
            captured!("nxdomain_query"),
            captured!("nxdomain_answer"),
            "nope.example.org",
            1,
            Code::NxDomain,
            &[],
        ),
        (captured!("refused_query"), captured!("refused_answer"), "other.test", 1, Code::Other, &[]),
    ];
    for (query, response, name, query_type, code, addresses) in cases {
        let asked = question(query).expect(name);
        let answered = answer(response).expect(name);
        assert_eq!((asked.name.as_str(), asked.query_type), (name, query_type));
        assert_eq!((answered.id, answered.name.as_str(), answered.query_type), (asked.id, name, query_type));
        assert_eq!((answered.code, answered.truncated), (code, false));
        assert_eq!(answered.addresses, addresses_of(addresses));
        assert_eq!((question(response), answer(query)), (None, None));
    }
}

#[test]
fn a_message_that_is_cut_short_is_nothing() {
    let whole = captured!("cname_answer");
    for cut in 0..20 {
        assert_eq!(answer(&whole[..cut]), None, "{cut}");
    }
}

/// A name as it stands in a message.
fn name(text: &str) -> Vec<u8> {
    let labels = text
        .split('.')
        .flat_map(|label| [&[u8::try_from(label.len()).expect("short")], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// A response to a question for the address of `asked` with records `(owner, type, data)`.
fn response(flags: [u8; 2], asked: &str, records: &[(&str, u8, Vec<u8>)]) -> Vec<u8> {
    let count = u16::try_from(records.len()).expect("few").to_be_bytes();
    let mut bytes =
        [&[0, 7, flags[0], flags[1], 0, 1][..], &count, &[0; 4], &name(asked), &[0, 1, 0, 1]].concat();
    for (owner, kind, data) in records {
        bytes.extend(name(owner));
        bytes.extend([0, *kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).expect("short")]);
        bytes.extend(data);
    }
    bytes
}

const A: u8 = 1;
const CNAME: u8 = 5;

#[test]
fn only_addresses_of_the_name_count() {
    let records = [
        ("other.example", A, vec![192, 0, 2, 9]),
        ("B.example", A, vec![192, 0, 2, 1]),
        ("a.EXAMPLE", CNAME, name("b.example")),
        ("b.example", A, vec![192, 0, 2, 2]),
    ];
    let answer = answer(&response([0x81, 0x80], "A.example", &records)).expect("an answer");
    assert_eq!((answer.id, answer.name.as_str()), (7, "a.example"));
    assert_eq!(answer.addresses, addresses_of(&["192.0.2.1", "192.0.2.2"]));
}

#[test]
fn aliases_in_a_circle_lead_nowhere() {
    let records = [("a.example", CNAME, name("b.example")), ("b.example", CNAME, name("a.example"))];
    let answer = answer(&response([0x81, 0x80], "a.example", &records)).expect("an answer");
    assert!(answer.addresses.is_empty());
}

#[test]
fn codes_truncation_and_bounds() {
    let with_flags = |flags| answer(&response(flags, "a.example", &[])).expect("an answer");
    assert_eq!(with_flags([0x81, 0x82]).code, Code::ServFail);
    assert!(with_flags([0x83, 0x80]).truncated);
    let many = vec![("a.example", A, vec![192, 0, 2, 1]); 100];
    assert_eq!(
        answer(&response([0x81, 0x80], "a.example", &many)).expect("an answer").addresses.len(),
        MAX_ADDRESSES
    );
    assert_eq!(answer(&response([0x81, 0x80], "a b.example", &[])), None);
}
