//! Blobs that a registry with TLS redirects to another host with TLS: all of it belongs to the registry.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::alone;

use crate::compare::{nothing_unknown, same_traffic, settled};

const REGISTRY: &str = "registry.example.co.uk";
const CDN: &str = "cdn.other-example.com";
const NAME: &str = "team/app:v1";

/// The registry's front and the other host, in one nginx; the registry itself is behind them in the clear.
struct Stage {
    authority: Authority,
    place: Place,
    /// `NAME:PORT` of the front.
    front: String,
    nginx: Nginx,
    _registry: Registry,
}

impl Stage {
    #[track_caller]
    fn set(version: Version) -> Self {
        let image = Image::make(&[300_000, 2_000], 3);
        let registry = Registry::start(&Access::Open);
        registry.push(&image, NAME);
        let authority = Authority::new();
        let (front, cdn) = (Site::new(), Site::new());
        let hosts = Hosts::new([(REGISTRY, front.address().ip()), (CDN, cdn.address().ip())]);
        let origin = format!("https://{CDN}:{}", cdn.address().port());
        let name = format!("{REGISTRY}:{}", front.address().port());
        let front = front.with_tls(&authority.certificate([REGISTRY]), version);
        let cdn = cdn.with_tls(&authority.certificate([CDN]), version);
        let sites = [front.redirect_blobs(307, &origin).front_of(&registry), cdn.blob_store(&registry)];
        let nginx = Nginx::start(sites);
        let place = Place::machine().with_hosts(&hosts);
        Self { authority, place, front: name, nginx, _registry: registry }
    }

    #[track_caller]
    fn compare(self, collector: Collector, process: &str) {
        let log = self.nginx.log();
        let scrape = settled(&collector, &log);
        same_traffic(&scrape, process, "example.co.uk", &log);
        nothing_unknown(&scrape);
        let text = collector.text() + &collector.log();
        assert!(!text.contains("0123456789abcdef"), "a signed URL is shown");
        collector.stop();
    }
}

#[track_caller]
fn belongs_to_the_registry(client: Client) {
    let alone = alone();
    let stage = Stage::set(Version::Http2);
    let collector = Collector::start(&alone);
    let trusted = stage.authority.folder();
    let options = Options { trust: Some(&trusted), ..Options::default() };
    let puller = Puller::start(client, stage.place.clone(), options);
    let _ = puller.pull(&format!("{}/{NAME}", stage.front)).expect_ok();
    stage.compare(collector, client.process());
}

#[test]
fn skopeo() {
    belongs_to_the_registry(Client::Skopeo);
}

#[test]
fn podman() {
    belongs_to_the_registry(Client::Podman);
}

#[test]
fn buildah() {
    belongs_to_the_registry(Client::Buildah);
}

#[test]
fn ctr() {
    belongs_to_the_registry(Client::Ctr);
}

#[test]
fn docker() {
    belongs_to_the_registry(Client::Docker);
}

#[track_caller]
fn of_go(protocol: Protocol) {
    let alone = alone();
    let stage = Stage::set(Version::Http2);
    let programs = tempfile::tempdir().expect("a directory for a program");
    let puller = go::puller(TOOLCHAINS[0], Variant::Static);
    let program = go::installed_as(&puller, programs.path(), "puller");
    let config = format!("default_targets = false\n{}", clients(["puller"]));
    let settings = Settings { config: Some(&config), programs: Some(programs.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);
    let pull = Pull {
        registry: format!("https://{}", stage.front),
        authority: Some(stage.authority.file()),
        name: NAME,
        parallel: 3,
        protocol,
        ..Pull::default()
    };
    let outcome = run(pull.command(&stage.place, &program)).expect_ok();
    assert_eq!(go::pulls(&outcome.stdout)[0].comparable(), stage.nginx.log().comparable());
    stage.compare(collector, "puller");
}

#[test]
fn go_over_http2() {
    of_go(Protocol::Http2);
}

#[test]
fn go_over_http1() {
    of_go(Protocol::Http1);
}
