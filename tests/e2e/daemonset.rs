//! The chart's pod on a node: containerd runs it, asked as a kubelet asks, and pullscope observes that containerd.

use pullscope_tests::cri::{Client, Pull, pod};
use pullscope_tests::images::Image;
use pullscope_tests::kubelet::DaemonPod;
use pullscope_tests::manifest::{Manifest, archive};
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{decoded_and_opaque, nothing_unknown, same_traffic};
use crate::pulls::{ended, pulls};

const NAME: &str = "team/app:v1";

/// A registry with the images of the pod.
struct Images {
    _registry: Registry,
    pause: String,
    pullscope: String,
}

impl Images {
    #[track_caller]
    fn start() -> Self {
        let registry = Registry::start(&Access::Open);
        let [pause, pullscope] =
            ["pause:1", "pullscope:1"].map(|name| format!("{}/{name}", registry.address()));
        registry.push(&Image::program(&[], 1), "pause:1");
        registry.push_from(&format!("oci-archive:{}", archive().display()), "pullscope:1");
        Self { _registry: registry, pause, pullscope }
    }

    /// Has them pulled, as a kubelet does before it starts the pod.
    #[track_caller]
    fn pull(&self, kubelet: &Client) {
        for image in [&self.pause, &self.pullscope] {
            let _ = kubelet.pull(&Pull { image, ..Pull::default() }).expect_ok();
        }
    }
}

#[track_caller]
fn observes_its_own_runtime(manifest: Manifest) {
    let _alone = alone();
    let images = Images::start();
    let secure = Secure::with(Version::Http2, &Image::make(&[1_500_000, 3_000], 1), NAME);
    let (registry, authority) = (secure.relay.address().to_string(), secure.authority.file());
    let settings =
        Settings { pause: &images.pause, tls: Some((&registry, &authority)), ..Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let kubelet = Client::start("kubelet", &node.socket());
    images.pull(&kubelet);
    let daemon = DaemonPod::start(&kubelet, manifest, &images.pullscope, None);
    let pullscope = daemon.ready();

    // By a kubelet that has started since: nothing of what it sends is older than pullscope.
    let other = Client::start("kubelet", &node.socket());
    let (image, workload) = (secure.reference(NAME), pod("workload"));
    let _ = other.pull(&Pull { image: &image, pod: Some(&workload), ..Pull::default() }).expect_ok();
    let _ = ended(&pullscope, 1);
    let scrape = pullscope.settled();
    let [pulled] = &pulls(&pullscope)[..] else { panic!("one pull was asked for") };
    for (field, value) in
        [("image", &*image), ("runtime", "containerd"), ("status", "ok"), ("trigger", "execution")]
    {
        assert_eq!(pulled[field], value, "{pulled:#}");
    }
    assert_eq!(pulled["pid"], node.pid(), "{pulled:#}");
    let connections = secure.relay.connections();
    same_traffic(&scrape, "containerd", "[IP_ADDRESS]", &secure.stop());
    // Go may connect once more than it needs: of that connection nothing is said before containerd closes it, idle for 30 s.
    let (decoded, _) = decoded_and_opaque(&scrape, "containerd");
    assert!((1..=connections).contains(&decoded), "{decoded} of {connections}:\n{scrape}");
    nothing_unknown(&scrape);

    // As install.md has it by `kubectl exec`.
    let check = daemon.exec(&["pullscope", "check"]);
    assert!(check.stdout.contains("the host's"), "{check:#?}");
    let shown = daemon.exec(&["pullscope", "pulls", "-o", "json"]).expect_ok().stdout;
    assert!(shown.contains(&image), "{shown}");
    println!("a working set of {} KiB", daemon.working_set() / 1024);
    assert_eq!(daemon.stop(), 0);
    assert!(node.mounts().is_empty(), "{:?}", node.mounts());
}

#[test]
fn privileged() {
    observes_its_own_runtime(Manifest::Privileged);
}

#[test]
fn with_the_capabilities_of_the_chart() {
    observes_its_own_runtime(Manifest::Unprivileged);
}

/// The status that the kubelet shows, and the log that it takes the termination message from.
#[test]
fn a_config_with_a_mistake() {
    let _alone = alone();
    let images = Images::start();
    let node = Node::start(&Place::machine(), Settings { pause: &images.pause, ..Settings::default() });
    let kubelet = Client::start("kubelet", &node.socket());
    images.pull(&kubelet);
    let daemon =
        DaemonPod::start(&kubelet, Manifest::Privileged, &images.pullscope, Some("max_registries = 0\n"));
    assert_eq!(daemon.exit_status(), 2);
    let log = daemon.log();
    let [sentence] = &log[..] else { panic!("one line was to be expected: {log:#?}") };
    for word in ["line 1: 0 is not a number from 1 to 1000", "/etc/pullscope/pullscope.toml"] {
        assert!(sentence.contains(word), "no {word:?}: {sentence}");
    }
    assert_eq!(daemon.stop(), 2);
}
