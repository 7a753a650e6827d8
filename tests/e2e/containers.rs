//! The image, run as the chart's manifests say, observes what happens outside of its container; and what is lost without each of
//! its capabilities.
//!
//! The oracles are those of the tests without a container: the registry's log, the kernel's counters of a network namespace.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::manifest::Manifest;
use pullscope_tests::network::Namespace;
use pullscope_tests::place::Place;
use pullscope_tests::pod::Pod;
use pullscope_tests::scrape::Scrape;
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::{Alone, alone};

use crate::compare::{all_decoded, connects, decoded_and_opaque, nothing_left_or_lost, same_traffic};

const HOST: &str = "registry.example.co.uk";
const LABEL: &str = "example.co.uk";
const NAME: &str = "team/app:v1";

/// A pull over TLS: it takes probes in the client's program file, which is not the container's.
#[track_caller]
fn pull(secure: &Secure) {
    let hosts = Hosts::new([(HOST, secure.relay.address().ip())]);
    let reference = format!("{HOST}:{}/{NAME}", secure.relay.address().port());
    let trusted = secure.authority.folder();
    let options = Options { trust: Some(&trusted), ..Options::default() };
    let puller = Puller::start(Client::Skopeo, Place::machine().with_hosts(&hosts), options);
    let _ = puller.pull(&reference).expect_ok();
}

#[track_caller]
fn registry() -> Secure {
    let mut secure = Secure::start(Version::Http1, &[HOST]);
    secure.push(&Image::make(&[1_500_000, 3_000], 1), NAME);
    secure
}

/// Connects that fail for want of a route: only programs at the root of the cgroup hierarchy see them. Gives how many there were.
#[track_caller]
fn connect_without_a_route() -> u64 {
    let namespace = Namespace::new();
    let puller = Puller::start(Client::Skopeo, Place::machine().inside(&namespace), Options::default());
    // These the kernel counts, and the client tries the others as often.
    let _ = puller.pull("127.0.0.1:5000/a/b:c").expect_failure();
    let tries = namespace.tcp().active_opens;
    assert!(tries > 0, "the client has not tried");
    let _ = puller.pull(&format!("{}:5000/a/b:c", Namespace::NO_ROUTE)).expect_failure();
    tries
}

#[track_caller]
fn attached(scrape: &Scrape, probe: &str) -> u64 {
    scrape.count("pullscope_probe_attached", &[("probe", probe)])
}

#[track_caller]
fn observes(alone: &Alone, pod: &Pod) {
    let secure = registry();
    let collector = Collector::start_in(alone, pod);
    for probe in ["process_exec", "connect_v4", "connect_v6"] {
        assert_eq!(attached(&collector.scrape(), probe), 1, "{probe}: {}", collector.log());
    }
    pull(&secure);
    let connections = secure.relay.connections();
    let log = secure.stop();
    let tries = connect_without_a_route();
    collector.until(|scrape| connects(scrape, "skopeo", "unreachable") >= tries);
    let scrape = collector.settled();
    same_traffic(&scrape, "skopeo", LABEL, &log);
    all_decoded(&scrape, "skopeo", LABEL, connections);
    assert_eq!(connects(&scrape, "skopeo", "unreachable"), tries, "{scrape}");
    nothing_left_or_lost(&scrape);

    // As install.md has it by `kubectl exec`.
    let check = pod.exec(&["pullscope", "check"]);
    assert!(check.stdout.contains("the host's"), "{check:#?}");
    let pulls = pod.exec(&["pullscope", "pulls", "-o", "json"]).expect_ok().stdout;
    assert!(pulls.contains(&format!("{HOST}:")) && pulls.contains("/team/app"), "{pulls}");
    collector.stop();
}

#[test]
fn privileged() {
    observes(&alone(), &Pod::new(Manifest::Privileged));
}

#[test]
fn with_the_capabilities_of_the_chart() {
    observes(&alone(), &Pod::new(Manifest::Unprivileged));
}

/// The chart's container without a capability.
#[track_caller]
fn without(capability: &str) -> Pod {
    let mut pod = Pod::new(Manifest::Unprivileged);
    let before = pod.capabilities().len();
    pod.capabilities().retain(|name| name != capability);
    assert_eq!(pod.capabilities().len(), before - 1, "{capability} is not the chart's");
    pod
}

/// What a kubelet takes for the termination message: the end of the log of a container that failed, 2048 bytes or 80 lines of it
/// (Kubernetes 1.30, `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
#[track_caller]
fn stops_with_a_sentence(pod: &Pod, status: i32, words: &[&str]) {
    let outcome = pod.run(&[]);
    assert_eq!(outcome.code, Some(status), "{outcome:#?}");
    let said = outcome.stderr.trim_end();
    assert_eq!(outcome.stdout, "");
    assert!(!said.contains('\n') && said.len() <= 2048, "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?}: {said}");
    }
}

#[test]
fn without_bpf_or_perfmon_it_does_not_start() {
    let _alone = alone();
    for capability in ["BPF", "PERFMON"] {
        stops_with_a_sentence(&without(capability), 1, &["pullscope check"]);
    }
}

#[test]
fn without_net_admin_it_sees_no_connect_without_a_route() {
    let alone = alone();
    let pod = without("NET_ADMIN");
    let collector = Collector::start_in(&alone, &pod);
    let tries = connect_without_a_route();
    // Those at the first address are counted by another probe.
    collector.until(|scrape| connects(scrape, "skopeo", "refused") >= tries);
    let scrape = collector.settled();
    assert_eq!(connects(&scrape, "skopeo", "refused"), tries, "{scrape}");
    assert_eq!(connects(&scrape, "skopeo", "unreachable"), 0, "{scrape}");
    for probe in ["connect_v4", "connect_v6"] {
        assert_eq!(attached(&scrape, probe), 0, "{scrape}");
    }
    collector.stop();
}

#[test]
fn without_sys_ptrace_tls_is_opaque() {
    let alone = alone();
    let secure = registry();
    let pod = without("SYS_PTRACE");
    let collector = Collector::start_in(&alone, &pod);
    pull(&secure);
    let connections = secure.relay.connections();
    drop(secure.stop());
    let opaque = |scrape: &Scrape| decoded_and_opaque(scrape, "skopeo") == (0, connections);
    let scrape = collector.until(opaque);
    assert!(opaque(&scrape), "{connections} connections: {scrape}");
    // And it says why.
    let refused = scrape.count("pullscope_binaries_refused_total", &[("reason", "unreadable")]);
    assert!(refused > 0, "{scrape}");
    collector.stop();
}

#[test]
fn a_config_with_a_mistake_stops_the_pod_with_a_sentence() {
    let _alone = alone();
    let pod = Pod::new(Manifest::Privileged);
    for (config, words) in [
        (
            "max_registries = 0\n",
            ["line 1: 0 is not a number from 1 to 1000", "/etc/pullscope/pullscope.toml"],
        ),
        ("registries = 5\n", ["registries", "/etc/pullscope/pullscope.toml"]),
        ("[kernel\nstrategy = \"auto\"\n", ["line 1", "/etc/pullscope/pullscope.toml"]),
        ("[[targets]]\nname = \"x\"\ncomm = \"a-name-that-no-kernel-keeps\"\n", ["comm", "15"]),
    ] {
        pod.set_config(config);
        stops_with_a_sentence(&pod, 2, &words);
    }
}

/// The image itself: nothing but the program, and what registries show of it.
#[test]
fn the_image_is_small_and_says_what_it_is() {
    let _alone = alone();
    let pod = Pod::new(Manifest::Privileged);
    let bytes: u64 = pod.inspect_image("{{.Size}}").parse().expect("a size");
    assert!((1 << 20..25 << 20).contains(&bytes), "{bytes} bytes");
    let version = pod.run(&["--version"]).expect_ok().stdout;
    assert!(version.starts_with(concat!("pullscope ", env!("CARGO_PKG_VERSION"))), "{version}");
    for (name, value) in
        [("title", "pullscope"), ("version", env!("CARGO_PKG_VERSION")), ("licenses", "MIT OR Apache-2.0")]
    {
        let label = pod.inspect_image(&format!("{{{{index .Labels \"org.opencontainers.image.{name}\"}}}}"));
        assert_eq!(label, value, "{name}");
    }
    assert_eq!(pod.inspect_image("{{.Config.Entrypoint}} {{len .RootFS.Layers}}"), "[/usr/bin/pullscope] 1");
}
