//! Images of Docker Hub through a mirror: with `?ns=` the registry is known, without it is where the request went.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::compare::{same_traffic, settled};

#[track_caller]
fn belongs_to(client: Client, label: &str) {
    let alone = alone();
    let image = Image::make(&[2_000], 4);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "library/app:v1");
    let mirror = Site::new().front_of(&registry);
    let origin = format!("http://{}", mirror.address());
    let nginx = Nginx::start([mirror]);
    let collector = Collector::start(&alone);
    let options = Options { mirror: Some(&origin), ..Options::default() };
    let puller = Puller::start(client, Place::machine(), options);

    let _ = puller.pull("docker.io/library/app:v1").expect_ok();
    let log = nginx.log();
    same_traffic(&settled(&collector, &log), client.process(), label, &log);
    collector.stop();
}

#[test]
fn with_the_name_space() {
    belongs_to(Client::Ctr, "docker.io");
}

#[test]
fn without_the_name_space() {
    for client in [Client::Skopeo, Client::Podman, Client::Buildah, Client::Docker] {
        belongs_to(client, "[IP_ADDRESS]");
    }
}
