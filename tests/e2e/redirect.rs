//! Blobs that the registry redirects to a host of another domain: all of it belongs to the registry.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::compare::{same_traffic, settled};

const REGISTRY: &str = "registry.example.co.uk";
const CDN: &str = "cdn.other-example.com";

#[track_caller]
fn belongs_to_the_registry(client: Client, code: u16) {
    let alone = alone();
    let image = Image::make(&[300_000, 2_000], 3);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let (front, cdn) = (Site::new(), Site::new());
    let hosts = Hosts::new([(REGISTRY, front.address().ip()), (CDN, cdn.address().ip())]);
    let origin = format!("http://{CDN}:{}", cdn.address().port());
    let reference = format!("{REGISTRY}:{}/team/app:v1", front.address().port());
    let front = front.redirect_blobs(code, &origin).front_of(&registry);
    let nginx = Nginx::start([front, cdn.blob_store(&registry)]);
    let collector = Collector::start(&alone);
    let puller = Puller::start(client, Place::machine().with_hosts(&hosts), Options::default());

    let _ = puller.pull(&reference).expect_ok();
    let log = nginx.log();
    same_traffic(&settled(&collector, &log), client.process(), "example.co.uk", &log);
    let text = collector.text() + &collector.log();
    assert!(!text.contains("0123456789abcdef"), "a signed URL is shown");
    collector.stop();
}

#[test]
fn skopeo() {
    belongs_to_the_registry(Client::Skopeo, 307);
}

#[test]
fn podman() {
    belongs_to_the_registry(Client::Podman, 302);
}

#[test]
fn buildah() {
    belongs_to_the_registry(Client::Buildah, 307);
}

#[test]
fn ctr() {
    belongs_to_the_registry(Client::Ctr, 307);
}

#[test]
fn docker() {
    belongs_to_the_registry(Client::Docker, 302);
}
