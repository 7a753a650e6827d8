//! How many series there can be.

use super::*;

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
fn a_million_names_take_the_room_of_a_few() {
    let metrics = metrics(200);
    let mut own = 0;
    for number in 0..1_000_000 {
        let registry = RegistryLabel::from_host(&format!("registry.name{number}.com"));
        own += usize::from(matches!(metrics.registries.label(&registry), labels::Registry::Own(_)));
    }
    assert_eq!(own, 200);
}
