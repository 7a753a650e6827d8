//! Labels of pulls whose honest value is `unknown`.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use pullscope_tests::clients::{Client as Program, Puller};
use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::cri::messages::{AuthConfig, ImageSpec, PullImageRequest, PullImageResponse};
use pullscope_tests::cri::{Client, Pull, pod};
use pullscope_tests::images::Image;
use pullscope_tests::loopback::free_port;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::node::{self, Node};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::alone;

use crate::pulls::{COUNT, Watch, pulls};

/// A request of which the beginning is captured and the end is not: whether there are credentials in it, and a pod, is not
/// known. The image is.
#[test]
fn credentials_and_trigger_of_a_long_request() {
    let alone = alone();
    let image = Image::make(&[3_000], 25);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let node = Node::start(&Place::machine(), node::Settings::default());
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("crictl", &node.socket());
    let reference = format!("{}/team/app:v1", registry.address());
    let annotations = HashMap::from([("note".to_owned(), "x".repeat(40_000))]);
    let auth = AuthConfig { username: "alice".to_owned(), ..AuthConfig::default() };
    let request = PullImageRequest {
        image: Some(ImageSpec { image: reference.clone(), annotations, ..ImageSpec::default() }),
        auth: Some(auth),
        sandbox_config: Some(pod("a-pod")),
    };
    let call = client.begin::<PullImageResponse>("Image", "PullImage", &request, None);
    let _ = call.wait().expect_ok();
    let pulled = watch.one();
    pulled.is(&[("image", &reference), ("status", "ok"), ("registry", "[IP_ADDRESS]")]);
    pulled.is(&[("has_creds", "unknown"), ("trigger", "unknown")]);
    client.stop();
    watch.collector.stop();
}

/// TLS that is not read: whether a blob crossed the wire is not known, nor whether credentials that nobody named did.
#[test]
fn what_passes_in_tls_that_is_not_read() {
    let alone = alone();
    let image = Image::make(&[3_000], 26);
    let authority = Authority::new();
    let site = Site::new();
    let registry = site.address().to_string();
    let certificate = authority.certificate([site.address().ip()]);
    let _nginx = Nginx::start([site.with_tls(&certificate, Version::Http1).static_image(&image, "a/b:c")]);
    let settings = node::Settings { tls: Some((&registry, &authority.file())), ..node::Settings::default() };
    let node = Node::start(&Place::machine(), settings);
    let settings = Settings { arguments: &["--tls.go=off"], ..Settings::default() };
    let mut watch = Watch::new(Collector::start_with(&alone, &settings));
    let client = Client::start("crictl", &node.socket());
    let reference = format!("{registry}/a/b:c");
    let _ = client.pull(&Pull { image: &reference, ..Pull::default() }).expect_ok();
    let pulled = watch.one();
    pulled.is(&[("image", &reference), ("status", "ok"), ("trigger", "warmup")]);
    pulled.is(&[("on_disk", "unknown"), ("has_creds", "unknown")]);
    client.stop();
    watch.collector.stop();
}

/// The image of the containers that hold sandboxes: nobody asks the runtime for it, and what it is for nobody says.
#[test]
fn trigger_and_isolation_of_what_nobody_asked_for() {
    let alone = alone();
    let pause = Image::program(&[], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&pause, "pause:1");
    let reference = format!("{}/pause:1", registry.address());
    let node =
        Node::start(&Place::machine(), node::Settings { pause: &reference, ..node::Settings::default() });
    let mut watch = Watch::new(Collector::start(&alone));
    let client = Client::start("kubelet", &node.socket());
    let _ = client.run_sandbox(&pod("a-pod"), "").expect_ok();
    let pulled = watch.one();
    pulled.is(&[("runtime", "containerd"), ("source", "traffic"), ("image", &reference), ("status", "ok")]);
    pulled.is(&[("trigger", "unknown"), ("isolation", "unknown"), ("on_disk", "false")]);
    client.stop();
    watch.collector.stop();
}

/// `docker pull` may be to run the image, or to have it.
#[test]
fn trigger_of_a_pull_by_the_engine_and_registry_of_a_name_without_a_domain() {
    let alone = alone();
    let image = Image::make(&[2_000], 4);
    let site = Site::at(free_port(Ipv4Addr::LOCALHOST.into())).static_image(&image, "a/b:c");
    let reference = format!("localhost:{}/a/b:c", site.address().port());
    let _nginx = Nginx::start([site]);
    let puller = Puller::plain(Program::Docker);
    let mut watch = Watch::new(Collector::start(&alone));
    let _ = puller.pull(&reference).expect_ok();
    watch.one().is(&[("image", &reference), ("trigger", "unknown"), ("registry", "[UNKNOWN]")]);
    watch.collector.stop();
}

/// How a pull ended is not known when its end was lost with other events. The gauge comes back all the same.
#[test]
fn the_end_of_a_pull_that_is_lost() {
    let alone = alone();
    let image = Image::make(&[200_000, 50_000, 2_000], 11);
    let site = Site::new().static_image(&image, "a/b:c");
    let reference = format!("{}/a/b:c", site.address());
    let _nginx = Nginx::start([site]);
    let settings = Settings { arguments: &["--kernel.ring-buffer-bytes=4096"], ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    let node = Node::start(&Place::machine(), node::Settings::default());
    let client = Client::start("kubelet", &node.socket());
    let calls: Vec<_> =
        (0..100).map(|_| client.begin_pull(&Pull { image: &reference, ..Pull::default() })).collect();
    for call in calls {
        let _ = call.wait().expect_ok();
    }
    client.stop();
    let over =
        |scrape: &pullscope_tests::scrape::Scrape| scrape.count("pullscope_image_pulls_in_flight", &[]) == 0;
    let scrape = collector.until(over);
    assert!(over(&scrape), "{scrape}");
    let lost = scrape.count("pullscope_kernel_events_lost_total", &[]);
    let (ok, all) = (scrape.count(COUNT, &[("status", "ok")]), scrape.count(COUNT, &[]));
    assert!(all <= 100 && (ok == 100 || lost > 0), "{scrape}");
    // Nobody was told of an error, so none is made up.
    assert_eq!(scrape.count(COUNT, &[("status", "error")]), 0, "{scrape}");
    assert!(pulls(&collector).iter().all(|pull| pull["status"] != "error"));
    collector.stop();
}
