use super::*;

fn request(text: &str) -> RequestPattern {
    RequestPattern::try_from(text.to_owned()).unwrap()
}

fn command(text: &str) -> CommandPattern {
    CommandPattern::try_from(text.to_owned()).unwrap()
}

/// What a pattern captures of a request, as `name=text` with spaces between; `-` where it does not fit.
fn of_request(pattern: &str, method: Method, path: &str) -> String {
    let pattern = request(pattern);
    shown(pattern.matches(method, path))
}

/// The same of a command; `?` is a word that is not known.
fn of_command(pattern: &str, words: &[&str]) -> String {
    let pattern = command(pattern);
    let words: Vec<Option<&str>> = words.iter().map(|word| Some(*word).filter(|word| *word != "?")).collect();
    shown(pattern.matches(&words, words.len()))
}

fn shown(captures: Option<Captures<'_, '_>>) -> String {
    let Some(captures) = captures else { return "-".to_owned() };
    let pairs: Vec<String> = captures.iter().map(|(name, text)| format!("{name}={text}")).collect();
    pairs.join(" ")
}

#[test]
fn segments_of_a_path_are_captured() {
    let metainfo = "GET /namespace/{ns}/blobs/{digest}/metainfo";
    assert_eq!(
        of_request(metainfo, Method::Get, "/namespace/library%2Fapp/blobs/sha256:aa/metainfo"),
        "ns=library%2Fapp digest=sha256:aa"
    );
    assert_eq!(of_request(metainfo, Method::Head, "/namespace/a/blobs/b/metainfo"), "-");
    assert_eq!(of_request(metainfo, Method::Get, "/namespace/a/blobs/b/metainfo/"), "-");
    assert_eq!(
        of_request(metainfo, Method::Get, "/namespace/a/blobs//metainfo"),
        "-",
        "a name holds something"
    );
    assert_eq!(
        of_request("GET /namespace/{ns}/blobs/sha256:{hex}", Method::Get, "/namespace/a/blobs/sha256:0f"),
        "ns=a hex=0f"
    );
}

#[test]
fn methods_are_one_several_or_any() {
    assert_eq!(of_request("GET|POST /a", Method::Post, "/a"), "");
    assert_eq!(of_request("GET|POST /a", Method::Put, "/a"), "-");
    assert_eq!(of_request("* /a", Method::Other, "/a"), "");
    assert_eq!(of_request("GET /", Method::Get, "/"), "");
    assert_eq!(of_request("GET /", Method::Get, "/a"), "-");
    assert_eq!(of_request("GET /v2/", Method::Get, "/v2/"), "");
    assert_eq!(of_request("GET /v2/", Method::Get, "/v2"), "-");
    assert_eq!(of_request("OPTIONS /", Method::Options, "*"), "-", "a target that is no path");
}

#[test]
fn any_number_of_words_may_stand_between() {
    let invoke = "GET|POST /v1/namespaces/{ns}/{kind}/{name}/invocations/**";
    for path in [
        "/v1/namespaces/n/k/a/invocations",
        "/v1/namespaces/n/k/a/invocations/",
        "/v1/namespaces/n/k/a/invocations/x/y",
    ] {
        assert_eq!(of_request(invoke, Method::Get, path), "ns=n kind=k name=a", "{path}");
    }
    assert_eq!(of_request("GET /v2/**/blobs/{digest}", Method::Get, "/v2/a/b/c/blobs/d"), "digest=d");
    assert_eq!(of_request("GET /v2/**/blobs/{digest}", Method::Get, "/v2/blobs/d"), "digest=d");
    assert_eq!(of_request("GET /v2/**/blobs/{digest}", Method::Get, "/v2/d"), "-");
    assert_eq!(of_request("GET /a/**/a", Method::Get, "/a"), "-", "one word is not two");
    assert_eq!(of_command("ZADD **", &["ZADD"]), "");
    assert_eq!(of_command("SET session:{id} ** XX", &["set", "session:7", "?", "xx"]), "id=7");
    assert_eq!(of_command("SET session:{id} ** XX", &["set", "session:7", "?", "ex", "9", "XX"]), "id=7");
    assert_eq!(of_command("SET session:{id} ** XX", &["set", "session:7", "?"]), "-");
}

#[test]
fn parts_of_a_word_are_captured() {
    assert_eq!(of_command("DEL session:{id}", &["del", "session:abc"]), "id=abc");
    assert_eq!(of_command("DEL session:{id}", &["del", "session:"]), "-");
    assert_eq!(of_command("DEL session:{id}", &["del", "other:abc"]), "-");
    assert_eq!(of_command("DEL {app}:*:{id}", &["del", "a:b:c"]), "app=a id=c");
    assert_eq!(of_command("DEL {app}:*:{id}", &["del", "a:b:c:d"]), "app=a id=c:d");
    assert_eq!(of_command("DEL {app}:*:{id}", &["del", "a::c"]), "-");
    assert_eq!(of_command("DEL *:end", &["del", "x:end:end"]), "");
    assert_eq!(of_command("DEL *:end", &["del", ":end"]), "-");
    assert_eq!(of_command("DEL a{x}a", &["del", "aa"]), "-");
    assert_eq!(of_command("DEL a{x}a", &["del", "aba"]), "x=b");
    assert_eq!(of_command("DEL {x}ä", &["del", "öä"]), "x=ö", "letters of several bytes");
}

#[test]
fn names_and_options_fit_in_any_case_and_keys_do_not() {
    assert_eq!(of_command("BLPOP|BRPOP {queue} **", &["brpop", "jobs", "0"]), "queue=jobs");
    assert_eq!(of_command("blpop {queue} **", &["BLPOP", "jobs", "0"]), "queue=jobs");
    assert_eq!(of_command("SET k v XX", &["SET", "k", "v", "xx"]), "");
    assert_eq!(of_command("SET k v XX", &["SET", "K", "v", "xx"]), "-");
    assert_eq!(of_command("SET k v xx", &["SET", "k", "v", "XX"]), "-");
    assert_eq!(of_command("* k", &["GET", "k"]), "");
    assert_eq!(of_command("* k", &["?", "k"]), "");
    assert_eq!(of_command("GET k", &["?", "k"]), "-");
}

#[test]
fn a_word_that_is_not_known_fits_only_where_any_does() {
    assert_eq!(of_command("SET {key} *", &["SET", "?", "?"]), "");
    assert_eq!(of_command("SET session:{id} *", &["SET", "?", "v"]), "-");
    assert_eq!(of_command("SET k v", &["SET", "k", "?"]), "-");
    let pattern = command("ZADD {key} ** last");
    assert_eq!(pattern.matches(&[Some("ZADD"), Some("k")], 9), None, "the last word is missing");
    let pattern = command("ZADD {key} **");
    assert_eq!(pattern.matches(&[Some("ZADD"), Some("k")], 9), Some(vec![("key", "k")]));
    assert_eq!(command("PING").matches(&[], 0), None);
    assert_eq!(command("*").matches(&[], 0), None);
}

#[test]
fn peers_are_told_by_address_and_port() {
    let fits = |pattern: &str, peer: &str| {
        AddressPattern::try_from(pattern.to_owned()).unwrap().matches(peer.parse().unwrap())
    };
    assert!(fits("*:6379", "10.0.0.1:6379") && !fits("*:6379", "10.0.0.1:6380"));
    assert!(fits("10.0.0.1:*", "10.0.0.1:1") && !fits("10.0.0.1:*", "10.0.0.2:1"));
    assert!(fits("[::1]:443", "[::1]:443") && fits("*:*", "[::1]:443"));
    assert!(fits("10.0.0.1:1", "[::ffff:10.0.0.1]:1"));
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    let requests = [
        ("", "a pattern has 1 to 512 bytes"),
        ("/v1", "`/v1` is no method and path such as `GET /v1/{kind}`"),
        ("GET v1", "the path of `GET v1` does not begin with a slash"),
        (
            "GET /v1?x",
            "the path of `GET /v1?x` has a space, a query or a fragment: only the path can be told",
        ),
        (
            "FETCH /",
            "`FETCH` is no method: it is one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, CONNECT, TRACE, some of them with `|` between, or `*`",
        ),
        ("GET /**/a/**", "`**` may stand once in a pattern"),
        ("GET /a**", "`a**` has nothing between two parts that may be anything"),
        ("GET /{a}{b}", "`{a}{b}` has nothing between two parts that may be anything"),
        ("GET /{a}/{a}", "`{a}` stands twice in a pattern"),
        (
            "GET /{A}",
            "`{A}` has a brace that is not one of a name such as `{queue}` (a-z, 0-9 and _, at most 32)",
        ),
        (
            "GET /a}",
            "`a}` has a brace that is not one of a name such as `{queue}` (a-z, 0-9 and _, at most 32)",
        ),
        ("GET /{reply}", "`{reply}` is what a reply says: another name is needed"),
    ];
    for (text, reason) in requests {
        assert_eq!(RequestPattern::try_from(text.to_owned()).unwrap_err(), reason);
    }
    let commands = [
        (
            "BL{x} a",
            "`BL{x}` is no name of a command: letters and digits, several names with `|` between, or `*`",
        ),
        ("GET  a", "two words have one space between them"),
        ("GET a ", "two words have one space between them"),
        (
            "GET {a",
            "`{a` has a brace that is not one of a name such as `{queue}` (a-z, 0-9 and _, at most 32)",
        ),
    ];
    for (text, reason) in commands {
        assert_eq!(CommandPattern::try_from(text.to_owned()).unwrap_err(), reason);
    }
    assert_eq!(
        CommandPattern::try_from("a ".repeat(200) + "b").unwrap_err(),
        "a pattern has at most 32 words"
    );
    for bad in ["6379", "redis:6379", "10.0.0.0/8:1", "*:0", "*:65536", "::1:1", "[x]:1", "[10.0.0.1]:1"] {
        let reason = AddressPattern::try_from(bad.to_owned()).unwrap_err();
        assert!(reason.starts_with(&format!("`{bad}` is no peer such as")), "{reason}");
    }
}

#[test]
fn a_pattern_is_shown_as_it_was_written() {
    assert_eq!(request("GET|HEAD /v2/**").to_string(), "GET|HEAD /v2/**");
    assert_eq!(command("set session:{id} * xx").to_string(), "set session:{id} * xx");
}

proptest::proptest! {
    /// Whatever the pattern and the words are: no panic, and captures are parts of the words.
    #[test]
    fn any_text_is_taken(pattern in "[a{}*b| ]{0,12}", words in proptest::collection::vec("[ab]{0,5}", 0..5)) {
        let Ok(pattern) = CommandPattern::try_from(pattern) else { return Ok(()) };
        let words: Vec<Option<&str>> = words.iter().map(|word| Some(word.as_str())).collect();
        for (_, text) in pattern.matches(&words, words.len()).unwrap_or_default() {
            proptest::prop_assert!(!text.is_empty() && words.iter().flatten().any(|word| word.contains(text)));
        }
    }

    /// A pattern made of words by putting holes into them fits those words: an oracle that is not the matching itself.
    #[test]
    fn what_a_pattern_was_made_of_fits(parts in proptest::collection::vec("[xy:]{1,4}", 1..6), first in proptest::bool::ANY) {
        let word: String = parts.concat();
        let hole = |place: usize| place.is_multiple_of(2) == first;
        let text: Vec<&str> = parts.iter().enumerate().map(|(place, part)| if hole(place) { "*" } else { part.as_str() }).collect();
        let pattern = command(&format!("GET {}", text.concat()));
        proptest::prop_assert!(pattern.matches(&[Some("GET"), Some(&word)], 2).is_some());
    }
}
