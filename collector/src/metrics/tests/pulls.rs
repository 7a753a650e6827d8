//! Pulls, and what is asked of runtimes.

use super::*;

#[test]
fn a_pull_moves_its_metrics() {
    let metrics = metrics(10);
    metrics.record(&Fact::PullBegan(client("docker.io")));
    let in_flight = r#"pullscope_image_pulls_in_flight{registry="docker.io",runtime="asks"}"#;
    assert_eq!(value(&metrics, in_flight), Some(1.0));
    metrics.record(&Fact::PullBytes { client: client("docker.io"), bytes: 700 });
    metrics.record(&Fact::PullEnded(client("docker.io")));
    metrics.record(&Fact::Pulled(Box::new(pulled(client("docker.io")))));
    assert_eq!(value(&metrics, in_flight), Some(0.0));
    let bytes = r#"pullscope_image_pull_bytes_total{registry="docker.io",runtime="asks"}"#;
    assert_eq!(value(&metrics, bytes), Some(700.0));
    let labels = "has_creds=\"true\",isolation=\"runc\",on_disk=\"false\",registry=\"docker.io\",runtime=\"asks\",\
                  status=\"ok\",trigger=\"execution\"";
    let duration = |part: &str| value(&metrics, &format!("pullscope_image_pull_duration_seconds_{part}"));
    assert_eq!(duration(&format!("sum{{{labels}}}")), Some(2.0));
    assert_eq!(duration(&format!("bucket{{{labels},le=\"1\"}}")), Some(0.0));
    assert_eq!(duration(&format!("bucket{{{labels},le=\"2.5\"}}")), Some(1.0));
    assert!(!text(&metrics).contains("pullscope_image_pull_errors_total{"), "it went well");
}

#[test]
fn what_is_not_known_of_a_pull_is_unknown() {
    let metrics = metrics(10);
    metrics.record(&Fact::Pulled(Box::new(Pulled {
        client: Client { process: TargetId(2), registry: RegistryLabel::Unknown },
        isolation: isolation("unknown"),
        status: PullStatus::Unknown,
        trouble: None,
        on_disk: Known::Unknown,
        has_creds: Known::Unknown,
        trigger: Trigger::Unknown,
        duration: 0,
    })));
    let labels = r#"{has_creds="unknown",isolation="unknown",on_disk="unknown",registry="[UNKNOWN]",runtime="both",status="unknown",trigger="unknown"}"#;
    assert_eq!(value(&metrics, &format!("pullscope_image_pull_duration_seconds_count{labels}")), Some(1.0));
    assert!(!text(&metrics).contains("pullscope_image_pull_errors_total{"), "nor is it an error");
}

#[test]
fn every_failed_pull_has_one_reason() {
    let metrics = metrics(10);
    let failed = |trouble| Pulled { status: PullStatus::Error, trouble, ..pulled(client("docker.io")) };
    for trouble in Trouble::ALL {
        metrics.record(&Fact::Pulled(Box::new(failed(Some(trouble)))));
    }
    metrics.record(&Fact::Pulled(Box::new(failed(None))));
    for trouble in Trouble::ALL {
        let reason = trouble.as_str();
        let labels = format!("{{reason=\"{reason}\",registry=\"docker.io\",runtime=\"asks\"}}");
        let count = value(&metrics, &format!("pullscope_image_pull_errors_total{labels}"));
        assert_eq!(count, Some(if trouble == Trouble::Other { 2.0 } else { 1.0 }), "{reason}");
    }
}

#[test]
fn an_end_of_a_pull_without_its_begin_is_a_correction() {
    let metrics = metrics(10);
    metrics.record(&Fact::PullBegan(client("docker.io")));
    metrics.record(&Fact::PullEnded(client("quay.io")));
    let corrections = r#"pullscope_corrections_total{gauge="image_pulls_in_flight"}"#;
    assert_eq!(value(&metrics, corrections), Some(1.0));
    let other = r#"pullscope_image_pulls_in_flight{registry="quay.io",runtime="asks"}"#;
    assert_eq!(value(&metrics, other), Some(0.0));
}

#[test]
fn a_call_of_the_cri_has_its_status_or_says_that_it_has_none() {
    let metrics = metrics(10);
    let told = grpc::Status::ALL.map(|status| (CallStatus::Told(status), status.as_str()));
    let others = [(CallStatus::Unread, "unread"), (CallStatus::Cut, "none")];
    let all: Vec<_> = told.into_iter().chain(others).collect();
    for (status, _) in &all {
        let (runtime, operation) = (TargetId(0), "PullImage");
        metrics.record(&Fact::CriCall { runtime, operation, status: *status, duration: 1_000_000 });
    }
    for (_, status) in &all {
        let labels = format!("{{operation=\"PullImage\",runtime=\"asks\",status=\"{status}\"}}");
        let sum = value(&metrics, &format!("pullscope_cri_operation_duration_seconds_sum{labels}"));
        assert_eq!(sum, Some(0.001), "{status}");
    }
    let Values::Closed(values) = table::cri::OPERATION_DURATION.metric.labels[2].values else { panic!() };
    assert_eq!(values, all.iter().map(|(_, status)| *status).collect::<Vec<_>>());
}

#[test]
fn sandboxes_and_removals_move_their_metrics() {
    let metrics = metrics(10);
    let (runtime, runc) = (TargetId(0), || isolation("runc"));
    for status in [Status::Ok, Status::Error] {
        metrics.record(&Fact::SandboxCreated { runtime, handler: runc(), status, duration: 3_000_000_000 });
        metrics.record(&Fact::SandboxDeleted { runtime, handler: isolation("default"), status });
    }
    metrics.record(&Fact::SandboxRolledBack { runtime, handler: runc() });
    metrics.record(&Fact::GcCycle { runtime, resource: Resource::Sandbox, duration: 500_000_000 });
    for remover in [Remover::Kubelet, Remover::User, Remover::Unknown] {
        metrics.record(&Fact::Reclaimed { runtime, resource: Resource::Container, remover });
    }
    metrics.record(&Fact::ReclaimFailed { runtime, resource: Resource::Image });
    for (series, expected) in [
        (r#"sandbox_create_duration_seconds_sum{handler="runc",runtime="asks",status="ok"}"#, 3.0),
        (r#"sandbox_create_duration_seconds_sum{handler="runc",runtime="asks",status="error"}"#, 3.0),
        (r#"sandbox_deletes_total{handler="default",runtime="asks",status="ok"}"#, 1.0),
        (r#"sandbox_deletes_total{handler="default",runtime="asks",status="error"}"#, 1.0),
        (r#"sandbox_rollbacks_total{handler="runc",runtime="asks"}"#, 1.0),
        (r#"gc_cycle_duration_seconds_sum{kind="sandbox",runtime="asks"}"#, 0.5),
        (r#"gc_reclaimed_total{kind="container",reason="kubelet",runtime="asks"}"#, 1.0),
        (r#"gc_reclaimed_total{kind="container",reason="user",runtime="asks"}"#, 1.0),
        (r#"gc_reclaimed_total{kind="container",reason="unknown",runtime="asks"}"#, 1.0),
        (r#"gc_errors_total{kind="image",runtime="asks"}"#, 1.0),
    ] {
        assert_eq!(value(&metrics, &format!("pullscope_{series}")), Some(expected), "{series}");
    }
}

#[test]
fn runtimes_that_serve_the_cri_have_its_series_from_the_start() {
    let defaults = Metrics::new(&Targets::new(Vec::new(), true).unwrap(), &[], 10).unwrap();
    let text = text(&defaults);
    let count = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(count("pullscope_gc_reclaimed_total{"), 2 * 3 * 3, "containerd and crio");
    assert_eq!(count("pullscope_gc_errors_total{"), 2 * 3);
    assert_eq!(count("pullscope_gc_cycle_duration_seconds_count{"), 2 * 3);
    assert!(text.contains("pullscope_gc_errors_total{kind=\"image\",runtime=\"crio\"} 0\n"));
}
