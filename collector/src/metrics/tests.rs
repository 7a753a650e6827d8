mod pulls;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use collector_common::counters::Counter;
use collector_common::event;
use wire::grpc;
use wire::http::{Method, Unparsed};
use wire::oci::Kind;
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use super::label::Values;
use super::labels::{AttachedStrategy, Library, Map, Probe, UNATTRIBUTED};
use super::registry_traffic::Peers;
use super::table::{self, Type};
use super::*;
use crate::model::event::TargetId;
use crate::model::fact::{
    CallStatus, Client, ConnectResult, Fact, LookupResult, Pulled, Remover, Resource, Role as Side, Status,
    Visibility,
};
use crate::model::pull::record::{Isolation, Known, PullStatus, Trigger};
use crate::targets::{Comm, TargetName};

/// Targets `asks` (client), `serves` (server) and `both`.
fn metrics(max_registries: usize) -> Metrics {
    let target = |name: &str, role| Target {
        name: TargetName::try_from(name.to_owned()).unwrap(),
        comm: Comm::try_from(name.to_owned()).unwrap(),
        argv: None,
        role,
    };
    let own = vec![target("asks", Role::Client), target("serves", Role::Server), target("both", Role::Both)];
    Metrics::new(&Targets::new(own, false).unwrap(), max_registries).unwrap()
}

fn text(metrics: &Metrics) -> String {
    let mut bytes = Vec::new();
    metrics.write(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Value of one series, written as it stands in the text; `None` where it is not there.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = text(metrics);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

fn client(registry: &str) -> Client {
    Client { process: TargetId(0), registry: RegistryLabel::Name(registry.into()) }
}

fn isolation(name: &str) -> Isolation {
    Isolation(name.into())
}

/// A pull of 2 s that went well, of which everything is known.
fn pulled(client: Client) -> Pulled {
    Pulled {
        client,
        isolation: isolation("runc"),
        status: PullStatus::Ok,
        trouble: None,
        on_disk: Known::No,
        has_creds: Known::Yes,
        trigger: Trigger::Execution,
        duration: 2_000_000_000,
    }
}

fn request_ended(client: Client, code: Option<u16>) -> Fact {
    Fact::RequestEnded {
        client,
        kind: Kind::Blob,
        method: Method::Get,
        code,
        duration: code.map(|_| 2_000_000_000),
        first_byte: code.map(|_| 3_000_000),
    }
}

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
        Fact::ProcessBegan { process },
        Fact::ProcessEnded { process },
        Fact::Unattributed { reason: "hole" },
        Fact::Corrected { gauge: "connections_open" },
    ]
}

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
fn past_the_limit_registries_are_other_and_counted() {
    let metrics = metrics(2);
    for registry in ["a.example", "b.example", "a.example", "c.example", "d.example"] {
        metrics.record(&Fact::RequestBegan(client(registry)));
    }
    // These take no room.
    for registry in [RegistryLabel::Unknown, RegistryLabel::IpAddress] {
        metrics.record(&Fact::RequestBegan(Client { process: TargetId(0), registry }));
    }
    let in_flight = |registry: &str| {
        let labels = format!("{{process=\"asks\",registry=\"{registry}\"}}");
        value(&metrics, &format!("pullscope_registry_requests_in_flight{labels}"))
    };
    assert_eq!(in_flight("a.example"), Some(2.0));
    assert_eq!(in_flight("b.example"), Some(1.0));
    assert_eq!(in_flight("c.example"), None);
    assert_eq!(in_flight("[OTHER]"), Some(2.0));
    assert_eq!(in_flight("[UNKNOWN]"), Some(1.0));
    assert_eq!(in_flight("[IP_ADDRESS]"), Some(1.0));
    let dropped =
        |metric: &str| value(&metrics, &format!("pullscope_series_dropped_total{{metric=\"{metric}\"}}"));
    assert_eq!(dropped("registry_requests_in_flight"), Some(2.0));
    assert_eq!(dropped("registry_requests_total"), Some(0.0));
    metrics.record(&request_ended(client("c.example"), None));
    assert_eq!(in_flight("[OTHER]"), Some(1.0));
}

#[test]
fn a_name_longer_than_a_name_can_be_is_unknown() {
    let metrics = metrics(10);
    metrics.record(&Fact::RequestBegan(client(&"a".repeat(254))));
    let line = r#"pullscope_registry_requests_in_flight{process="asks",registry="[UNKNOWN]"}"#;
    assert_eq!(value(&metrics, line), Some(1.0));
}

#[test]
fn one_metric_has_so_many_series_and_no_more() {
    let metrics = metrics(1000);
    let (methods, registries) = (&Method::ALL[..], 60);
    let mut sets = 0;
    for registry in 0..registries {
        for method in methods {
            for code in (100..600).step_by(50) {
                let ended = registry_traffic::Ended {
                    kind: Kind::Other,
                    method: *method,
                    code: Some(code),
                    duration: None,
                    first_byte: None,
                };
                let label = RegistryLabel::Name(format!("r{registry}.example").into());
                let registry = metrics.registries.label(&label);
                let peers = Peers { process: metrics.process(TargetId(0)), registry };
                metrics.traffic.exchange_began(&peers);
                assert!(metrics.traffic.exchange_ended(&peers, ended));
                sets += 1;
            }
        }
    }
    assert!(sets > family::MAX_SERIES);
    let text = text(&metrics);
    let series = text.lines().filter(|line| line.starts_with("pullscope_registry_requests_total{")).count();
    assert_eq!(series, family::MAX_SERIES);
    let dropped = value(&metrics, r#"pullscope_series_dropped_total{metric="registry_requests_total"}"#);
    assert_eq!(dropped, Some(f64::from(u32::try_from(sets - family::MAX_SERIES).unwrap())));
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

#[test]
fn every_reason_of_the_decoder_is_in_the_list() {
    for reason in Unparsed::ALL {
        assert!(UNATTRIBUTED.contains(&reason.as_str()), "{}", reason.as_str());
    }
    let metrics = metrics(1);
    metrics.record(&Fact::Unattributed { reason: "never heard of" });
    assert_eq!(value(&metrics, r#"pullscope_exchanges_unattributed_total{reason="other"}"#), Some(1.0));
}

#[test]
fn every_refusal_is_in_the_list() {
    use binary::Refusal;
    let refusals = [
        Refusal::Unreadable(io::ErrorKind::Other),
        Refusal::NotElf,
        Refusal::Machine(1),
        Refusal::Malformed(""),
        Refusal::TooMuch,
        Refusal::VersionUnknown,
        Refusal::Development,
        Refusal::Experiment,
        Refusal::TooOld(None),
        Refusal::NoFunctions,
        Refusal::Ambiguous,
        Refusal::BadFunctions(""),
        Refusal::NoModuleData,
        Refusal::NotCode,
        Refusal::Instruction,
        Refusal::Repeated,
        Refusal::Module,
    ];
    for refusal in refusals {
        assert!(labels::REFUSED.contains(&refusal.label()), "{}", refusal.label());
    }
    let metrics = metrics(1);
    metrics.itself.binary_refused("never heard of");
    assert_eq!(value(&metrics, r#"pullscope_binaries_refused_total{reason="other"}"#), Some(1.0));
}

#[test]
fn every_reason_is_explained() {
    let of_reasons = [
        table::itself::KERNEL_EVENTS_LOST.metric,
        table::itself::EXCHANGES_UNATTRIBUTED.metric,
        table::itself::BINARIES_REFUSED.metric,
        table::itself::PULL_LOG_DROPPED.metric,
        table::image_pulls::ERRORS.metric,
        table::cri::GC_RECLAIMED.metric,
    ];
    for metric in of_reasons {
        let label = metric.labels.iter().find(|label| label.name == "reason").unwrap();
        let Values::Closed(reasons) = label.values else { panic!("{}: open reasons", metric.name) };
        let words: HashSet<&str> = metric.about.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for reason in reasons {
            assert!(words.contains(reason), "{}: {reason}", metric.name);
        }
    }
}

#[test]
fn every_gauge_name_is_a_gauge_of_the_table() {
    for gauge in labels::GAUGES {
        assert_eq!(table::find(gauge).unwrap().r#type, Type::Gauge, "{gauge}");
    }
}

#[test]
fn build_info_has_one_series_whatever_the_strategy() {
    let metrics = metrics(1);
    metrics.itself.strategy(AttachedStrategy::Sock);
    metrics.itself.strategy(AttachedStrategy::Syscall);
    let text = text(&metrics);
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("pullscope_build_info{")).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#"kernel_strategy="syscall""#) && lines[0].ends_with(" 1"), "{lines:?}");
}

#[test]
fn totals_counted_elsewhere_only_rise() {
    let metrics = metrics(1);
    for total in [3, 5, 4] {
        metrics.itself.kernel_losses(Counter::UserMemory, total);
        metrics.itself.probe_cost(Probe("p"), total, total * 1_000_000_000);
    }
    assert_eq!(value(&metrics, r#"pullscope_kernel_events_lost_total{reason="user_memory"}"#), Some(5.0));
    assert_eq!(value(&metrics, r#"pullscope_probe_runs_total{probe="p"}"#), Some(5.0));
    assert_eq!(value(&metrics, r#"pullscope_probe_run_seconds_total{probe="p"}"#), Some(5.0));
}

#[test]
fn the_exporter_says_what_it_uses_itself() {
    let metrics = metrics(1);
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 100_000.0);
    // Field 22 of proc_pid_stat(5) in hundredths of a second after the boot, which /proc/stat has in epoch seconds.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    let boot = std::fs::read_to_string("/proc/stat").unwrap();
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime ")).unwrap().parse().unwrap();
    let started = value(&metrics, "process_start_time_seconds").unwrap();
    assert!(
        (started - boot - ticks / 100.0).abs() < 1.5,
        "{started}: the clock may have been set between the two"
    );
    assert!(value(&metrics, "process_open_fds").unwrap() >= 3.0);
    assert!(value(&metrics, "process_cpu_seconds_total").is_some());
}

#[test]
fn a_million_names_take_the_room_of_a_few() {
    let metrics = metrics(200);
    let mut own = 0;
    for number in 0..1_000_000 {
        let registry = RegistryLabel::from_host(&format!("registry.name{number}.com"));
        own += usize::from(matches!(metrics.registries.label(&registry), labels::Registry::Own(_)));
    }
    assert_eq!(own, 200);
}
