//! Exchanges, and who is watched.

use super::*;

#[test]
fn an_exchange_moves_its_metrics() {
    let metrics = metrics(10);
    metrics.record(&Fact::RequestBegan(client("docker.io")));
    let in_flight = r#"pullscope_registry_requests_in_flight{process="asks",registry="docker.io"}"#;
    assert_eq!(value(&metrics, in_flight), Some(1.0));
    metrics.record(&request_ended(client("docker.io"), Some(206)));
    assert_eq!(value(&metrics, in_flight), Some(0.0));
    let labels = r#"{code="206",kind="blob",method="GET",process="asks",registry="docker.io"}"#;
    assert_eq!(value(&metrics, &format!("pullscope_registry_requests_total{labels}")), Some(1.0));
    let labels = r#"{kind="blob",process="asks",registry="docker.io"}"#;
    assert_eq!(
        value(&metrics, &format!("pullscope_registry_request_duration_seconds_sum{labels}")),
        Some(2.0)
    );
    assert_eq!(
        value(&metrics, &format!("pullscope_registry_time_to_first_byte_seconds_sum{labels}")),
        Some(0.003)
    );
}

#[test]
fn a_request_without_an_answer_has_no_duration() {
    let metrics = metrics(10);
    metrics.record(&Fact::RequestBegan(client("docker.io")));
    metrics.record(&request_ended(client("docker.io"), None));
    let labels = r#"{code="none",kind="blob",method="GET",process="asks",registry="docker.io"}"#;
    assert_eq!(value(&metrics, &format!("pullscope_registry_requests_total{labels}")), Some(1.0));
    assert!(!text(&metrics).contains("# TYPE pullscope_registry_request_duration_seconds "));
}

#[test]
fn byte_counters_are_exact_past_what_a_float_holds() {
    let metrics = metrics(10);
    let bytes = (1 << 53) + 1;
    metrics.record(&Fact::ResponseBytes { client: client("docker.io"), kind: Kind::Blob, bytes });
    let line = r#"pullscope_registry_response_bytes_total{kind="blob",process="asks",registry="docker.io"}"#;
    // The text format's values are floats; the counter itself is not: one byte more, and it is even again.
    metrics.record(&Fact::ResponseBytes { client: client("docker.io"), kind: Kind::Blob, bytes: 1 });
    assert_eq!(value(&metrics, line), Some(9_007_199_254_740_994.0));
}

#[test]
fn codes_have_three_digits() {
    for (code, shown) in
        [(Some(7), "007"), (Some(200), "200"), (Some(999), "999"), (Some(1000), "none"), (None, "none")]
    {
        assert_eq!(label::LabelValue::as_str(&labels::Code::from(code)), shown);
    }
}

#[test]
fn an_end_without_a_begin_is_a_correction() {
    let metrics = metrics(10);
    metrics.record(&request_ended(client("docker.io"), Some(200)));
    metrics.record(&Fact::ProcessEnded { process: TargetId(2) });
    let corrections =
        |gauge: &str| value(&metrics, &format!("pullscope_corrections_total{{gauge=\"{gauge}\"}}"));
    assert_eq!(corrections("registry_requests_in_flight"), Some(1.0));
    assert_eq!(corrections("processes_watched"), Some(1.0));
    assert_eq!(corrections("connections_open"), Some(0.0));
    let in_flight = r#"pullscope_registry_requests_in_flight{process="asks",registry="docker.io"}"#;
    assert_eq!(value(&metrics, in_flight), Some(0.0));
}

#[test]
fn a_side_that_is_not_watched_is_not_counted() {
    let metrics = metrics(10);
    let before = text_without_process(&metrics);
    metrics.record(&Fact::ServedBegan { process: TargetId(0) });
    let serves = || Client { process: TargetId(1), registry: RegistryLabel::Unknown };
    metrics.record(&Fact::RequestBegan(serves()));
    metrics.record(&Fact::PullBegan(serves()));
    metrics.record(&Fact::PullBytes { client: serves(), bytes: 1 });
    metrics.record(&Fact::PullEnded(serves()));
    metrics.record(&Fact::Pulled(Box::new(pulled(serves()))));
    assert_eq!(text_without_process(&metrics), before);
    metrics.record(&Fact::ServedBegan { process: TargetId(2) });
    assert_eq!(value(&metrics, r#"pullscope_served_requests_in_flight{process="both"}"#), Some(1.0));
}

fn text_without_process(metrics: &Metrics) -> String {
    text(metrics).lines().filter(|line| !line.contains("process_")).collect::<Vec<_>>().join("\n")
}
