//! Every client, at a registry on a bare address: to the request and to the byte.

use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::alone;

use crate::compare::{connects, same_traffic, settled};

/// Whether the client's daemon runs before pullscope starts, or comes after.
#[derive(PartialEq)]
enum Daemon {
    Before,
    After,
}

#[track_caller]
fn counted_exactly(client: Client, daemon: &Daemon) {
    let alone = alone();
    let image = Image::make(&[1_500_000, 200_000, 3_000], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let front = Site::new().front_of(&registry);
    let reference = format!("{}/team/app:v1", front.address());
    let nginx = Nginx::start([front]);
    let early = (*daemon == Daemon::Before).then(|| Puller::plain(client));
    let collector = Collector::start(&alone);
    let puller = early.unwrap_or_else(|| Puller::plain(client));

    let _ = puller.pull(&reference).expect_ok();
    let log = nginx.log();
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, client.process(), "[IP_ADDRESS]", &log);
    assert_eq!(connects(&scrape, client.process(), "ok"), nginx.connections(), "{log}\n{scrape}");
    if client != Client::Docker {
        // The process is gone, and every one of its connections with it; dockerd may keep some. The end of a unix
        // socket is no event of the kernel: pullscope finds out by looking, after a while.
        let open = [("process", client.process())];
        let scrape = collector.until(|scrape| scrape.count("pullscope_connections_open", &open) == 0);
        assert_eq!(scrape.count("pullscope_connections_open", &open), 0, "{scrape}");
    }
    collector.stop();
}

#[test]
fn skopeo() {
    counted_exactly(Client::Skopeo, &Daemon::After);
}

#[test]
fn podman() {
    counted_exactly(Client::Podman, &Daemon::After);
}

#[test]
fn buildah() {
    counted_exactly(Client::Buildah, &Daemon::After);
}

#[test]
fn ctr() {
    counted_exactly(Client::Ctr, &Daemon::After);
}

#[test]
fn docker() {
    counted_exactly(Client::Docker, &Daemon::After);
}

#[test]
fn docker_with_a_daemon_that_was_there_before() {
    counted_exactly(Client::Docker, &Daemon::Before);
}

/// Blobs by sendfile from nginx, and a layer that is far larger than what is captured of it.
#[test]
fn a_large_layer_from_static_files() {
    let alone = alone();
    let image = Image::make(&[64 << 20], 10);
    let site = Site::new().static_image(&image, "static/app:v1");
    let reference = format!("{}/static/app:v1", site.address());
    let nginx = Nginx::start([site]);
    let collector = Collector::start(&alone);
    for client in [Client::Skopeo, Client::Ctr] {
        let _ = Puller::plain(client).pull(&reference).expect_ok();
    }
    let log = nginx.log();
    let scrape = settled(&collector, &log);
    for (client, agent) in [(Client::Skopeo, "skopeo"), (Client::Ctr, "containerd")] {
        let of_client = log.filter(|entry| entry.user_agent.starts_with(agent));
        same_traffic(&scrape, client.process(), "[IP_ADDRESS]", &of_client);
    }
    collector.stop();
}
