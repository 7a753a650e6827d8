//! What recipes count.

use std::sync::Arc;

use super::*;
use crate::model::fact::{Cached, Completion, Operation, ProxyTrouble, Work};
use crate::recipes::pattern::CommandPattern;
use crate::recipes::rule::{Bound, During, Each, Feeds, Point, Rule, Source, Span};

const PROCESS: TargetId = TargetId(2);

fn work(queue: &str, exact: bool) -> Work {
    Work { process: PROCESS, queue: queue.into(), exact }
}

fn operation(kind: &str) -> Operation {
    Operation { process: PROCESS, operation: "sandbox_create".into(), kind: kind.into() }
}

/// Metrics of the target `both` with one rule that feeds this as long as a process lives.
fn with_rule(feeds: Feeds) -> Metrics {
    with_span(feeds, Span::During(During::Process))
}

fn with_span(feeds: Feeds, span: Span) -> Metrics {
    let targets = targets();
    let rule = Rule { feeds, span, within: None, ok: Vec::new(), longest: 1_000_000_000 };
    let target = targets.as_slice()[usize::from(PROCESS.0)].clone();
    let recipe = Recipe {
        about: String::new(),
        target,
        isolation: None,
        trigger: None,
        fetches_name_digest: false,
        rules: vec![rule],
    };
    Metrics::new(&targets, &[recipe], 10).unwrap()
}

fn captured(bound: Bound) -> Source {
    Source::Captured { capture: "queue".into(), bound, listing: None }
}

/// How many series there are whose text begins with this.
fn count(metrics: &Metrics, begin: &str) -> usize {
    text(metrics).lines().filter(|line| line.starts_with(begin)).count()
}

#[test]
fn an_item_moves_its_metrics() {
    let metrics = metrics(10);
    let in_flight = r#"pullscope_work_in_flight{process="both",queue="jobs"}"#;
    for item in 1..=3 {
        metrics.record(&Fact::WorkBegan(work("jobs", true)));
        assert_eq!(value(&metrics, in_flight), Some(f64::from(item)));
    }
    let ends = [
        (Completion::Ok, Some(2_000_000_000)),
        (Completion::Error, Some(3_000_000)),
        (Completion::Unknown, None),
    ];
    for (status, duration) in ends {
        metrics.record(&Fact::WorkEnded { work: work("jobs", true), status, duration });
    }
    assert_eq!(value(&metrics, in_flight), Some(0.0));
    let of = |metric: &str, status: &str| {
        value(
            &metrics,
            &format!("pullscope_work_{metric}{{process=\"both\",queue=\"jobs\",status=\"{status}\"}}"),
        )
    };
    for status in ["ok", "error", "unknown"] {
        assert_eq!(of("total", status), Some(1.0), "{status}");
    }
    assert_eq!(of("duration_seconds_sum", "ok"), Some(2.0));
    assert_eq!(of("duration_seconds_sum", "error"), Some(0.003));
    assert_eq!(of("duration_seconds_count", "unknown"), None, "an end that was not seen has no duration");
    assert_eq!(count(&metrics, "pullscope_work_basis{"), 1);
    assert_eq!(
        value(&metrics, r#"pullscope_work_basis{basis="exact",process="both",queue="jobs"}"#),
        Some(1.0)
    );
}

#[test]
fn an_estimate_says_so() {
    let metrics = metrics(10);
    metrics.record(&Fact::WorkBegan(work("jobs", false)));
    metrics.record(&Fact::WorkEnded { work: work("jobs", false), status: Completion::Ok, duration: Some(1) });
    assert_eq!(count(&metrics, "pullscope_work_basis{"), 1);
    assert_eq!(
        value(&metrics, r#"pullscope_work_basis{basis="estimate",process="both",queue="jobs"}"#),
        Some(1.0)
    );
}

#[test]
fn an_operation_moves_its_metrics() {
    let metrics = metrics(10);
    let in_flight = r#"pullscope_operations_in_flight{kind="all",operation="sandbox_create",process="both"}"#;
    for going_on in 1..=2 {
        metrics.record(&Fact::OperationBegan(operation("all")));
        assert_eq!(value(&metrics, in_flight), Some(f64::from(going_on)));
    }
    for duration in [Some(1_500_000_000), None] {
        let operation = operation("all");
        let status = if duration.is_some() { Completion::Error } else { Completion::Unknown };
        metrics.record(&Fact::OperationEnded { operation, status, duration });
    }
    assert_eq!(value(&metrics, in_flight), Some(0.0));
    let of = |metric: &str, status: &str| {
        let labels =
            format!("{{kind=\"all\",operation=\"sandbox_create\",process=\"both\",status=\"{status}\"}}");
        value(&metrics, &format!("pullscope_{metric}{labels}"))
    };
    assert_eq!(of("operation_duration_seconds_sum", "error"), Some(1.5));
    assert_eq!(of("operations_total", "error"), Some(1.0));
    assert_eq!(of("operation_duration_seconds_count", "unknown"), None);
    assert_eq!(of("operations_total", "unknown"), Some(1.0), "it is not lost");
}

#[test]
fn an_end_without_its_begin_is_a_correction() {
    let metrics = metrics(10);
    metrics.record(&Fact::WorkBegan(work("jobs", true)));
    metrics.record(&Fact::WorkEnded {
        work: work("others", true),
        status: Completion::Ok,
        duration: Some(1),
    });
    metrics.record(&Fact::OperationEnded {
        operation: operation("all"),
        status: Completion::Ok,
        duration: None,
    });
    for gauge in ["work_in_flight", "operations_in_flight"] {
        let corrections = format!("pullscope_corrections_total{{gauge=\"{gauge}\"}}");
        assert_eq!(value(&metrics, &corrections), Some(1.0), "{gauge}");
    }
    assert_eq!(value(&metrics, r#"pullscope_work_in_flight{process="both",queue="jobs"}"#), Some(1.0));
    assert_eq!(value(&metrics, r#"pullscope_work_in_flight{process="both",queue="others"}"#), Some(0.0));
}

#[test]
fn what_a_recipe_names_exists_from_the_start() {
    let metrics = with_rule(Feeds::Work { queue: Source::Fixed("jobs".into()) });
    for status in ["ok", "error", "unknown"] {
        let labels = format!("{{process=\"both\",queue=\"jobs\",status=\"{status}\"}}");
        assert_eq!(value(&metrics, &format!("pullscope_work_total{labels}")), Some(0.0));
        assert_eq!(value(&metrics, &format!("pullscope_work_duration_seconds_count{labels}")), Some(0.0));
    }
    assert_eq!(value(&metrics, r#"pullscope_work_in_flight{process="both",queue="jobs"}"#), Some(0.0));
    assert_eq!(
        value(&metrics, r#"pullscope_work_basis{basis="exact",process="both",queue="jobs"}"#),
        Some(1.0)
    );
    assert_eq!(count(&metrics, "pullscope_operation"), 0);

    let kinds: Vec<Arc<str>> = vec!["agent-runtime".into(), "code-interpreter".into()];
    let kind = captured(Bound::Listed(kinds));
    let metrics = with_rule(Feeds::Operation { operation: "sandbox_create".into(), kind });
    for kind in ["agent-runtime", "code-interpreter", "[OTHER]"] {
        let labels = format!("kind=\"{kind}\",operation=\"sandbox_create\",process=\"both\"");
        assert_eq!(value(&metrics, &format!("pullscope_operations_in_flight{{{labels}}}")), Some(0.0));
        for status in ["ok", "error", "unknown"] {
            let labels = format!("{{{labels},status=\"{status}\"}}");
            assert_eq!(value(&metrics, &format!("pullscope_operations_total{labels}")), Some(0.0));
            assert_eq!(
                value(&metrics, &format!("pullscope_operation_duration_seconds_count{labels}")),
                Some(0.0)
            );
        }
    }
    assert_eq!(count(&metrics, "pullscope_operations_total{"), 3 * 3);
}

#[test]
fn a_pool_is_an_estimate_from_the_start() {
    for (each, basis) in [(Each::Thread, "exact"), (Each::Pool, "estimate")] {
        let from = Point::Command(CommandPattern::try_from("BLPOP jobs *".to_owned()).unwrap());
        let to = vec![from.clone()];
        let span = Span::Between { from, to, quiet: None, also: Vec::new(), failed: Vec::new(), each };
        let metrics = with_span(Feeds::Work { queue: Source::Fixed("jobs".into()) }, span);
        assert_eq!(count(&metrics, "pullscope_work_basis{"), 1);
        let series = format!("pullscope_work_basis{{basis=\"{basis}\",process=\"both\",queue=\"jobs\"}}");
        assert_eq!(value(&metrics, &series), Some(1.0));
    }
}

#[test]
fn values_that_are_not_listed_have_no_series_until_they_are_met() {
    let metrics = with_rule(Feeds::Work { queue: captured(Bound::Most(16)) });
    assert_eq!(count(&metrics, "pullscope_work_"), 0);
    let dropped = r#"pullscope_series_dropped_total{metric="work_total"}"#;
    assert_eq!(value(&metrics, dropped), Some(0.0));
    metrics.record(&Fact::ValueDropped { metric: "work_total" });
    assert_eq!(value(&metrics, dropped), Some(1.0));
}

#[test]
fn a_proxy_error_has_its_reason() {
    let metrics = metrics(10);
    let reasons = [
        (ProxyTrouble::ConnectionRefused, "connection_refused"),
        (ProxyTrouble::Timeout, "timeout"),
        (ProxyTrouble::Other, "other"),
    ];
    let of = |metrics: &Metrics, process: &str, reason: &str| {
        value(metrics, &format!("pullscope_proxy_errors_total{{process=\"{process}\",reason=\"{reason}\"}}"))
    };
    for (trouble, reason) in reasons {
        assert_eq!(of(&metrics, "both", reason), Some(0.0));
        assert_eq!(of(&metrics, "serves", reason), Some(0.0));
        assert_eq!(of(&metrics, "asks", reason), None, "it serves nothing");
        metrics.record(&Fact::ProxyError { process: PROCESS, trouble });
        metrics.record(&Fact::ProxyError { process: TargetId(0), trouble });
    }
    for (_, reason) in reasons {
        assert_eq!(of(&metrics, "both", reason), Some(1.0), "{reason}");
        assert_eq!(of(&metrics, "asks", reason), None);
    }
}

#[test]
fn what_was_served_was_there_or_was_fetched() {
    let metrics = metrics(10);
    for (cached, times) in [(Cached::Hit, 3), (Cached::Miss, 2), (Cached::Unknown, 1)] {
        for _ in 0..times {
            for kind in [Kind::Manifest, Kind::Blob, Kind::Tags] {
                metrics.record(&Fact::ServedFrom { process: PROCESS, kind, cached });
            }
        }
    }
    for kind in ["manifest", "blob"] {
        for (result, times) in [("hit", 3.0), ("miss", 2.0), ("unknown", 1.0)] {
            let labels = format!("{{kind=\"{kind}\",process=\"both\",result=\"{result}\"}}");
            assert_eq!(value(&metrics, &format!("pullscope_served_cache_total{labels}")), Some(times));
        }
    }
    assert_eq!(count(&metrics, "pullscope_served_cache_total{"), 2 * 2 * 3);
}
