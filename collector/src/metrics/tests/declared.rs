//! The table itself, and that all of it can be recorded.

use super::*;
use crate::model::fact::{Cached, Completion, Operation, ProxyTrouble, Work};

#[test]
fn the_table_follows_the_conventions() {
    let mut names = HashSet::new();
    for metric in table::all() {
        let name = metric.name;
        assert!(names.insert(name), "{name} twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(metric.r#type == Type::Counter, name.ends_with("_total"), "{name}");
        assert!(
            metric.help.ends_with('.') && metric.help.matches(". ").count() == 0,
            "{name}: one sentence of help"
        );
        assert!(metric.about.ends_with('.'), "{name}");
        if metric.unit == "seconds" || metric.unit == "bytes" {
            assert!(name.contains(metric.unit), "{name} in {}", metric.unit);
        }
        let labels: HashSet<_> = metric.labels.iter().map(|label| label.name).collect();
        assert_eq!(labels.len(), metric.labels.len(), "{name}: a label twice");
        for label in metric.labels {
            if let Values::Closed(values) = label.values {
                let distinct: HashSet<_> = values.iter().collect();
                assert_eq!(distinct.len(), values.len(), "{name}: a value of {} twice", label.name);
            }
        }
        if let Type::Histogram(buckets) = metric.r#type {
            assert!(buckets.windows(2).all(|pair| pair[0] < pair[1]), "{name}: buckets grow");
        }
    }
}

/// The names that users were promised: none of them may go away.
#[test]
fn the_contract_is_kept() {
    let contract = "image_pull_duration_seconds{runtime,isolation,registry,status,on_disk,has_creds,trigger} \
        image_pulls_in_flight{runtime,registry} image_pull_bytes_total{runtime,registry} \
        image_pull_errors_total{runtime,registry,reason} \
        cri_operation_duration_seconds{runtime,operation,status} sandbox_create_duration_seconds{runtime,handler,status} \
        sandbox_deletes_total{runtime,handler,status} sandbox_rollbacks_total{runtime,handler} \
        gc_cycle_duration_seconds{runtime,kind} gc_reclaimed_total{runtime,kind,reason} gc_errors_total{runtime,kind} \
        registry_requests_total{process,registry,kind,method,code} \
        registry_request_duration_seconds{process,registry,kind} registry_time_to_first_byte_seconds{process,registry,kind} \
        registry_response_bytes_total{process,registry,kind} registry_requests_in_flight{process,registry} \
        downloads_total{process,registry,kind,status} connects_total{process,registry,result} \
        connect_duration_seconds{process,registry,result} connections_open{process,role} \
        network_bytes_total{process,registry,direction} tls_handshake_duration_seconds{process,registry} \
        dns_lookup_duration_seconds{process,result} connections_by_visibility_total{process,visibility} \
        served_requests_total{process,kind,method,code} served_request_duration_seconds{process,kind} \
        served_requests_in_flight{process} served_bytes_total{process,kind} served_downloads_total{process,kind,status} \
        served_cache_total{process,kind,result} proxy_errors_total{process,reason} \
        work_in_flight{process,queue} work_total{process,queue,status} work_duration_seconds{process,queue,status} \
        work_basis{process,queue,basis} operation_duration_seconds{process,operation,kind,status} \
        operations_total{process,operation,kind,status} operations_in_flight{process,operation,kind} \
        build_info{version,revision,kernel_strategy} probe_attached{probe} binaries_instrumented{library} binaries_refused_total{reason} \
        processes_watched{process} kernel_events_total{type} kernel_events_lost_total{reason} \
        exchanges_unattributed_total{reason} hpack_unknown_total{} corrections_total{gauge} series_dropped_total{metric} pull_log_dropped_total{reason} \
        map_entries{map} map_max_entries{map} probe_runs_total{probe} probe_run_seconds_total{probe}";
    let declared: BTreeSet<String> = table::all()
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| label.name).collect();
            format!("{}{{{}}}", metric.name, labels.join(","))
        })
        .collect();
    for promised in contract.split_whitespace() {
        assert!(declared.contains(promised), "{promised}");
    }
}

#[test]
fn every_metric_of_the_table_can_be_recorded() {
    let metrics = metrics(10);
    for fact in every_fact() {
        metrics.record(&fact);
    }
    metrics.itself.probe_attached(Probe("p"), true);
    metrics.itself.binaries_instrumented(Library::Go, 1);
    metrics.itself.binary_refused("too_new");
    metrics.itself.kernel_event(event::Kind::Exec);
    metrics.itself.kernel_losses(Counter::RingFull, 1);
    metrics.itself.malformed_record();
    metrics.itself.pull_log_dropped(labels::NotLogged::LOG_FULL, 1);
    metrics.itself.map(Map("m"), 1, 2);
    metrics.itself.probe_cost(Probe("p"), 1, 1);
    let text = text(&metrics);
    let shown: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE pullscope_")).collect();
    let declared: Vec<String> = table::all().map(|m| format!("{} {}", m.name, m.r#type.as_str())).collect();
    assert_eq!(shown, declared.iter().map(String::as_str).collect());
}

/// One fact of each kind, the begins before the ends.
fn every_fact() -> Vec<Fact> {
    let (process, client) = (TargetId(0), || client("example.com"));
    let serves = TargetId(1);
    let operation = || Operation { process, operation: "sandbox_create".into(), kind: "all".into() };
    let work = || Work { process, queue: "jobs".into(), exact: true };
    let (kind, status) = (Kind::Manifest, Status::Ok);
    let ended =
        Fact::ServedEnded { process: serves, kind, method: Method::Head, code: Some(404), duration: Some(1) };
    vec![
        Fact::RequestBegan(client()),
        request_ended(client(), Some(200)),
        Fact::ResponseBytes { client: client(), kind, bytes: 1 },
        Fact::Download { client: client(), kind, status },
        Fact::Connected { client: client(), result: ConnectResult::Refused, duration: 1 },
        Fact::ConnectionBegan { process, role: Side::Client },
        Fact::ConnectionEnded { process, role: Side::Client },
        Fact::Visible { process, visibility: Visibility::Plaintext },
        Fact::NetworkBytes { client: client(), received: 2, sent: 1 },
        Fact::Handshake { client: client(), duration: 1 },
        Fact::HpackUnknown { fields: 1 },
        Fact::Lookup { process, result: LookupResult::Ok, duration: 1 },
        Fact::ServedBegan { process: serves },
        ended,
        Fact::ServedBytes { process: serves, kind, bytes: 5 },
        Fact::ServedDownload { process: serves, kind, status },
        Fact::PullBegan(client()),
        Fact::PullEnded(client()),
        Fact::Pulled(Box::new(Pulled { status: PullStatus::Error, ..pulled(client()) })),
        Fact::PullBytes { client: client(), bytes: 1 },
        Fact::CriCall {
            runtime: process,
            operation: "Version",
            status: CallStatus::Told(grpc::Status::Ok),
            duration: 1,
        },
        Fact::SandboxCreated { runtime: process, handler: isolation("runc"), status, duration: 1 },
        Fact::SandboxDeleted { runtime: process, handler: isolation("runc"), status },
        Fact::SandboxRolledBack { runtime: process, handler: isolation("runc") },
        Fact::GcCycle { runtime: process, resource: Resource::Image, duration: 1 },
        Fact::Reclaimed { runtime: process, resource: Resource::Image, remover: Remover::Kubelet },
        Fact::ReclaimFailed { runtime: process, resource: Resource::Image },
        Fact::ServedFrom { process: serves, kind, cached: Cached::Hit },
        Fact::ProxyError { process: serves, trouble: ProxyTrouble::Other },
        Fact::OperationBegan(operation()),
        Fact::OperationEnded { operation: operation(), status: Completion::Ok, duration: Some(1) },
        Fact::WorkBegan(work()),
        Fact::WorkEnded { work: work(), status: Completion::Ok, duration: Some(1) },
        Fact::ValueDropped { metric: "work_total" },
        Fact::ProcessBegan { process },
        Fact::ProcessEnded { process },
        Fact::Unattributed { reason: "hole" },
        Fact::Corrected { gauge: "connections_open" },
    ]
}

#[test]
fn known_series_exist_from_the_start() {
    let metrics = metrics(10);
    let text = text(&metrics);
    let mut series: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        *series.entry(line.split(['{', ' ']).next().unwrap()).or_default() += 1;
    }
    // Clients asks and both; servers serves and both; kinds, results, sides and visibilities in full.
    assert_eq!(series["pullscope_connections_open"], 3 * 2);
    assert_eq!(series["pullscope_connections_by_visibility_total"], 3 * 4);
    assert_eq!(series["pullscope_dns_lookup_duration_seconds_count"], 2 * 5);
    assert_eq!(series["pullscope_served_bytes_total"], 2 * 9);
    assert_eq!(series["pullscope_served_downloads_total"], 2 * 2 * 2);
    assert_eq!(series["pullscope_processes_watched"], 3);
    assert_eq!(series["pullscope_kernel_events_lost_total"], Counter::ALL.len() + 1);
    assert_eq!(series["pullscope_exchanges_unattributed_total"], UNATTRIBUTED.len());
    assert_eq!(series["pullscope_hpack_unknown_total"], 1);
    assert_eq!(series["pullscope_binaries_refused_total"], labels::REFUSED.len());
    assert!(
        !series.contains_key("pullscope_registry_requests_total"),
        "registries are not known from the start"
    );
}
