//! Lists that stand for what other crates and modules can say.

use super::*;

#[test]
fn every_reason_of_the_decoders_is_in_the_list() {
    for reason in Unparsed::ALL {
        assert!(UNATTRIBUTED.contains(&reason.as_str()), "{}", reason.as_str());
    }
    for reason in wire::redis::Unparsed::ALL {
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
        table::served::PROXY_ERRORS.metric,
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
