//! Pulls that are asked for over the CRI: containerd, asked as the kubelet asks.

use std::net::Ipv4Addr;
use std::time::Duration;

use pullscope_tests::collector::Collector;
use pullscope_tests::cri::{Client, Pull, Version, code, pod};
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::loopback::free_port;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::node::{Node, Settings};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::pulls::{Watch, durations_agree, ended, pulls};

/// What isolates the containers of a pod whose handler the client leaves to the runtime.
pub const DEFAULT: &str = "default";

#[track_caller]
fn first_second_and_missing(version: Version) {
    let alone = alone();
    let image = Image::make(&[200_000, 3_000], 21);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start_with("crictl", &node.socket(), version);
    let reference = format!("{}/team/app:v1", registry.address());
    let always = [
        ("runtime", "containerd"),
        ("isolation", DEFAULT),
        ("registry", "[IP_ADDRESS]"),
        ("has_creds", "false"),
    ];

    let _ = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_ok();
    let first = watch.one();
    first.is(&always).is(&[("image", &reference)]);
    first.is(&[("status", "ok"), ("on_disk", "false"), ("trigger", "warmup")]);
    let entry = &first.entry;
    assert_eq!(entry["source"], "cri", "{first}");
    assert_eq!(entry["pid"], node.pid(), "{first}");
    assert_eq!(entry["digest"], image.manifest.digest, "{first}");
    assert_eq!(entry["layers"]["named"], image.blobs().count(), "{first}");
    assert_eq!(entry["layers"]["downloaded"], image.blobs().count(), "{first}");
    // containerd asks once for the manifest, after a HEAD.
    assert_eq!(first.bytes(), image.blob_bytes() + image.manifest.size, "{first}");

    let pod = pod("a-pod");
    let _ = client.pull(&Pull { image: &reference, pod: Some(&pod), ..Pull::default() }).expect_ok();
    let second = watch.one();
    second.is(&always).is(&[("image", &reference)]);
    second.is(&[("status", "ok"), ("on_disk", "true"), ("trigger", "execution")]);

    let missing = format!("{}/team/app:none", registry.address());
    let _ = client.pull(&Pull { image: &missing, ..Pull::default() }).expect_code(code::NOT_FOUND);
    watch.one().is(&always).is(&[("image", &missing), ("trigger", "warmup")]).failed(&["not_found"]);
    client.stop();
    watch.collector.stop();
}

#[test]
fn first_second_and_missing_image() {
    first_second_and_missing(Version::V1);
}

#[test]
fn the_same_by_the_older_version() {
    first_second_and_missing(Version::V1Alpha2);
}

#[test]
fn credentials() {
    let alone = alone();
    let (user, password) = ("alice", "open-sesame");
    let image = Image::make(&[3_000], 22);
    let registry = Registry::start(&Access::Basic { user, password });
    registry.push(&image, "team/app:v1");
    let node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    let reference = format!("{}/team/app:v1", registry.address());
    let pull = |credentials| client.pull(&Pull { image: &reference, credentials, ..Pull::default() });

    let _ = pull(None).expect_code(code::UNKNOWN);
    watch.one().is(&[("has_creds", "false")]).failed(&["unauthorized"]);
    let _ = pull(Some((user, "wrong"))).expect_code(code::UNKNOWN);
    watch.one().is(&[("has_creds", "true")]).failed(&["unauthorized"]);
    let _ = pull(Some((user, password))).expect_ok();
    watch.one().is(&[("has_creds", "true"), ("status", "ok"), ("on_disk", "false")]);

    let text = format!("{}{:?}{}", watch.collector.text(), pulls(&watch.collector), watch.collector.log());
    assert!(!text.contains(user) && !text.contains(password), "credentials are shown");
    client.stop();
    watch.collector.stop();
}

#[test]
fn twenty_at_once() {
    const PULLS: usize = 20;
    let alone = alone();
    let images: Vec<_> = (0..5).map(|seed| Image::make(&[100_000, 3_000], 30 + seed)).collect();
    let registry = Registry::start(&Access::Open);
    for (number, image) in images.iter().enumerate() {
        registry.push(image, &format!("team/app-{number}:v1"));
    }
    let node = Node::start(&Place::machine(), Settings::default());
    let collector = Collector::start(&alone);
    let client = Client::start("kubelet", &node.socket());
    // Four of each image, and as many for a pod as not.
    let name = |number: usize| format!("{}/team/app-{}:v1", registry.address(), number % images.len());
    let pod = pod("a-pod");
    let calls: Vec<_> = (0..PULLS)
        .map(|number| {
            let pod = number.is_multiple_of(2).then_some(&pod);
            client.begin_pull(&Pull { image: &name(number), pod, ..Pull::default() })
        })
        .collect();
    for call in calls {
        let _ = call.wait().expect_ok();
    }
    let scrape = ended(&collector, PULLS as u64);
    let half = PULLS as u64 / 2;
    let of = |trigger| [("runtime", "containerd"), ("status", "ok"), ("trigger", trigger)];
    assert_eq!(scrape.count(crate::pulls::COUNT, &of("execution")), half, "{scrape}");
    assert_eq!(scrape.count(crate::pulls::COUNT, &of("warmup")), half, "{scrape}");
    let mut named: Vec<_> =
        pulls(&collector).iter().map(|pull| pull["image"].as_str().expect("a name").to_owned()).collect();
    let mut expected: Vec<_> = (0..PULLS).map(name).collect();
    named.sort();
    expected.sort();
    assert_eq!(named, expected);
    // Whatever crossed the wire is some pull's: no blob came but for one.
    let fetched = scrape.count("pullscope_registry_response_bytes_total", &[("process", "containerd")]);
    assert_eq!(scrape.count("pullscope_image_pull_bytes_total", &[]), fetched, "{scrape}");
    client.stop();
    collector.stop();
}

/// The registry's name is the one in the image's reference.
#[test]
fn names_of_registries() {
    let alone = alone();
    let image = Image::make(&[2_000], 4);
    let address = free_port(Ipv4Addr::LOCALHOST.into());
    let names = [
        ("registry.example.co.uk", "example.co.uk"),
        ("images.team.github.io", "team.github.io"),
        ("localhost", "[UNKNOWN]"),
    ];
    let site = Site::at(address).static_image(&image, "a/b:c");
    let _nginx = Nginx::start([site]);
    let hosts = Hosts::new(names.iter().map(|(name, _)| (*name, address.ip())));
    let registries: Vec<_> = names.iter().map(|(name, _)| format!("{name}:{}", address.port())).collect();
    let plain_http: Vec<_> = registries.iter().map(String::as_str).collect();
    let settings = Settings { plain_http: &plain_http, ..Settings::default() };
    let node = Node::start(&Place::machine().with_hosts(&hosts), settings);
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    for ((_, label), registry) in names.iter().zip(&registries) {
        let reference = format!("{registry}/a/b:c");
        let _ = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_ok();
        watch.one().is(&[("registry", label), ("image", &reference), ("status", "ok")]);
    }
    client.stop();
    watch.collector.stop();
}

/// What takes a pull its time is the registry, so the client's own overhead does not count.
#[test]
fn durations() {
    let alone = alone();
    let images: Vec<_> = (0..12).map(|seed| Image::make(&[1_200_000], 40 + seed)).collect();
    let sites = images.iter().map(|image| Site::new().static_image(image, "a/b:c").limit_rate(600_000));
    let sites: Vec<_> = sites.collect();
    let mut references: Vec<_> = sites.iter().map(|site| format!("{}/a/b:c", site.address())).collect();
    let _nginx = Nginx::start(sites);
    let node = Node::start(&Place::machine(), Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    durations_agree(|| {
        let reference = references.pop().expect("an image that is not there yet");
        let answer = client.pull(&Pull { image: &reference, ..Pull::default() });
        assert_eq!(answer.code, code::OK, "{answer:?}");
        let pulled = watch.one();
        pulled.is(&[("on_disk", "false")]);
        assert!(answer.wall > Duration::from_millis(400), "not slow enough to measure: {answer:?}");
        (answer.wall, pulled.duration())
    });
    client.stop();
    watch.collector.stop();
}
