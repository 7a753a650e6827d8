//! What the format is, and what it is not.

use std::collections::BTreeMap;

use super::Scrape;

const TEXT: &str = r#"# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{process="skopeo",kind="blob",code="200"} 3
requests_total{process="skopeo",kind="blob",code="404"} 0
requests_total{process="skopeo",kind="manifest",code="200"} 1
requests_total{process="podman",kind="blob",code="200"} 2e0
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 1
took_seconds_sum 0.25
took_seconds_count 1
# TYPE odd gauge
odd{label="a \"b\" \\ c\nd, }",} -1
"#;

fn parsed() -> Scrape {
    Scrape::parse(TEXT).expect("well-formed text")
}

#[test]
fn series_are_summed_by_the_labels_asked_for() {
    let scrape = parsed();
    assert_eq!(scrape.count("requests_total", &[]), 6);
    assert_eq!(scrape.count("requests_total", &[("process", "skopeo"), ("kind", "blob")]), 3);
    assert_eq!(scrape.count("requests_total", &[("process", "docker")]), 0);
    assert_eq!(scrape.count("requests", &[]), 0);
    assert_eq!(scrape.kind("took_seconds"), Some("histogram"));
    let (labels, value) = scrape.select("odd", &[]).next().expect("a series");
    assert_eq!((labels["label"].as_str(), value), ("a \"b\" \\ c\nd, }", -1.0));
}

#[test]
fn groups_leave_out_what_did_not_happen() {
    let group = |kind: &str, code: &str| [kind.to_owned(), code.to_owned()];
    assert_eq!(
        parsed().group("requests_total", &[("process", "skopeo")], ["kind", "code"]),
        BTreeMap::from([(group("blob", "200"), 3), (group("manifest", "200"), 1)])
    );
}

#[test]
fn the_difference_starts_from_zero_for_new_series() {
    let later = Scrape::parse(&TEXT.replace(" 3\n", " 10\n")).expect("well-formed text");
    assert_eq!(later.since(&parsed()).count("requests_total", &[]), 7);
    assert_eq!(later.since(&Scrape::default()).count("requests_total", &[]), 13);
}

#[test]
fn what_is_not_the_format_fails_with_its_reason() {
    for (line, reason) in [
        ("a 1", "before its TYPE"),
        ("t", "without a value"),
        ("t one", "no number"),
        ("t{a=\"b\"}1", "no space"),
        ("t{a=\"b\\t\"} 1", "bad escape"),
        ("t{a=\"b} 1", "without an end"),
        ("t{a=\"b\"c=\"d\"} 1", "no comma"),
        ("t{a=\"b\",a=\"d\"} 1", "label that is there twice"),
        ("t{0=\"b\"} 1", "label name"),
        ("0 1", "metric name"),
        ("t 1\nt 1", "series that is there twice"),
        ("# TYPE t counter", "second TYPE"),
    ] {
        let error = Scrape::parse(&format!("# TYPE t counter\n{line}\n")).expect_err(line);
        assert!(error.contains(reason), "{line}: {error}");
    }
    assert!(Scrape::parse("# TYPE t counter\nt 1").is_err(), "the end of the last line is missing");
}
