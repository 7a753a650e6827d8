//! What nginx serves besides a plain front: redirects, mirrors, static images, errors; under names of a test's own.

use std::net::SocketAddr;

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::together;

const REGISTRY: &str = "registry.example.co.uk";
const CDN: &str = "cdn.other-example.com";

#[track_caller]
fn redirected(client: Client) {
    let _turn = together();
    let image = Image::make(&[300_000, 2_000], 3);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let (front, cdn) = (Site::new(), Site::new());
    let (front_at, cdn_at) = (front.address(), cdn.address());
    let hosts = Hosts::new([(REGISTRY, front_at.ip()), (CDN, cdn_at.ip())]);
    let origin = format!("http://{CDN}:{}", cdn_at.port());
    let nginx =
        Nginx::start([front.redirect_blobs(307, &origin).front_of(&registry), cdn.blob_store(&registry)]);

    let puller = Puller::start(client, Place::machine().with_hosts(&hosts), Options::default());
    let _ = puller.pull(&format!("{REGISTRY}:{}/team/app:v1", front_at.port())).expect_ok();

    let log = nginx.log();
    println!("{client:?} redirected:\n{log}");
    let redirects = log.at(front_at).of_kind("blob");
    assert!(redirects.0.iter().all(|entry| entry.code == Some(307)), "{redirects}");
    let served = log.at(cdn_at);
    assert_eq!((redirects.0.len(), served.0.len()), (3, 3));
    assert_eq!(served.0.iter().map(|entry| entry.body_bytes).sum::<u64>(), image.blob_bytes());
    let host = |address: SocketAddr, name: &str| {
        let expected = Some(format!("{name}:{}", address.port()));
        assert!(log.http().at(address).0.iter().all(|entry| entry.host == expected), "{log}");
    };
    host(front_at, REGISTRY);
    host(cdn_at, CDN);
}

#[test]
fn redirected_skopeo() {
    redirected(Client::Skopeo);
}

#[test]
fn redirected_podman() {
    redirected(Client::Podman);
}

#[test]
fn redirected_ctr() {
    redirected(Client::Ctr);
}

#[test]
fn redirected_docker() {
    redirected(Client::Docker);
}

#[track_caller]
fn mirrored(client: Client, ns: Option<&str>) {
    let _turn = together();
    let image = Image::make(&[2_000], 4);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "library/app:v1");
    let mirror = Site::new().front_of(&registry);
    let origin = format!("http://{}", mirror.address());
    let nginx = Nginx::start([mirror]);
    let options = Options { mirror: Some(&origin), ..Options::default() };
    let puller = Puller::start(client, Place::machine(), options);
    let _ = puller.pull("docker.io/library/app:v1").expect_ok();
    let log = nginx.log();
    println!("{client:?} at a mirror:\n{log}");
    let blobs = log.of_kind("blob");
    assert_eq!(blobs.body_bytes()["blob"], image.blob_bytes());
    assert!(blobs.0.iter().all(|entry| entry.query.as_deref() == ns), "{blobs}");
}

#[test]
fn a_mirror_is_asked_for_the_name_space_by_ctr() {
    mirrored(Client::Ctr, Some("ns=docker.io"));
}

#[test]
fn a_mirror_is_asked_without_the_name_space_by_the_others() {
    for client in [Client::Skopeo, Client::Podman, Client::Buildah, Client::Docker] {
        mirrored(client, None);
    }
}

#[track_caller]
fn from_files(client: Client) {
    let _turn = together();
    let image = Image::make(&[800_000], 5);
    let site = Site::new().static_image(&image, "static/app:v1");
    let reference = format!("{}/static/app:v1", site.address());
    let nginx = Nginx::start([site]);
    let _ = Puller::plain(client).pull(&reference).expect_ok();
    let log = nginx.log();
    println!("{client:?} from static files:\n{log}");
    assert_eq!(log.of_kind("blob").body_bytes()["blob"], image.blob_bytes());
}

#[test]
fn a_static_image_is_an_image_for_each_client() {
    Client::ALL.into_iter().for_each(from_files);
}

#[test]
fn too_many_requests_come_with_the_time_to_try_again() {
    let site = Site::new().answer("/blobs/", 429);
    let url = format!("http://{}/v2/a/blobs/x", site.address());
    let _nginx = Nginx::start([site]);
    let config = ureq::config::Config::builder().http_status_as_error(false).build();
    let answer = config.new_agent().get(url).call().expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers().get("retry-after").map(ureq::http::HeaderValue::as_bytes), Some(&b"1"[..]));
}

#[test]
fn errors_are_answered_and_fail_the_client() {
    let _turn = together();
    let image = Image::make(&[2_000], 6);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    for (code, pattern) in [(500, "/blobs/"), (429, "/blobs/"), (404, "/manifests/"), (500, "/manifests/")] {
        let front = Site::new().answer(pattern, code).front_of(&registry);
        let reference = format!("{}/team/app:v1", front.address());
        let nginx = Nginx::start([front]);
        for client in [Client::Skopeo, Client::Ctr] {
            let _ = Puller::plain(client).pull(&reference).expect_failure();
        }
        let log = nginx.log();
        println!("{code} for {pattern}:\n{log}");
        assert!(log.0.iter().any(|entry| entry.code == Some(code) && entry.path.contains(pattern)), "{log}");
    }
}
