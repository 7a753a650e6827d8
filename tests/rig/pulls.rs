//! One image, each client, through nginx and docker-registry.

use std::collections::BTreeSet;

use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::turn::together;

/// What both logs know of a request.
fn comparable(log: &Log) -> Vec<(String, String, String, u64)> {
    let of = |entry: &pullscope_tests::log::LogEntry| {
        (entry.method.clone(), entry.path.clone(), entry.code_label(), entry.body_bytes)
    };
    let mut all: Vec<_> = log.0.iter().map(of).collect();
    // Requests on several connections may end in another order for each of the two.
    all.sort();
    all
}

#[track_caller]
fn pull_through_nginx(client: Client) {
    let _turn = together();
    let image = Image::make(&[1_500_000, 200_000, 3_000], 1);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let pushed = registry.log().0.len();
    let front = Site::new().front_of(&registry);
    let address = front.address();
    let nginx = Nginx::start([front]);

    let puller = Puller::plain(client);
    let _ = puller.pull(&format!("{address}/team/app:v1")).expect_ok();
    drop(puller);

    let front_log = nginx.log();
    println!("{client:?}:\n{front_log}");
    let registry_log = Log(registry.stop().0.split_off(pushed));
    assert_eq!(comparable(&front_log.http()), comparable(&registry_log));

    let fetched = front_log.filter(|entry| entry.method == "GET" && entry.code == Some(200));
    let blobs = fetched.of_kind("blob");
    let names: BTreeSet<_> =
        blobs.0.iter().map(|entry| entry.path.rsplit('/').next().unwrap_or("")).collect();
    assert_eq!(names, image.blobs().map(|blob| blob.digest.as_str()).collect());
    assert_eq!(blobs.body_bytes()["blob"], image.blob_bytes());
    assert_eq!(blobs.0.len(), image.blobs().count());
    assert_eq!(fetched.of_kind("manifest").body_bytes()["manifest"], image.manifest.size);
    let spoken: BTreeSet<_> = front_log.0.iter().map(|entry| entry.connection).collect();
    // Go's transport may open a connection that it then does not need.
    assert!(nginx.connections() >= u64::try_from(spoken.len()).expect("a small number"), "{front_log}");
    for entry in &front_log.http().0 {
        assert_eq!(entry.host, Some(address.to_string()));
    }
}

#[test]
fn skopeo() {
    pull_through_nginx(Client::Skopeo);
}

#[test]
fn podman() {
    pull_through_nginx(Client::Podman);
}

#[test]
fn buildah() {
    pull_through_nginx(Client::Buildah);
}

#[test]
fn ctr() {
    pull_through_nginx(Client::Ctr);
}

#[test]
fn docker() {
    pull_through_nginx(Client::Docker);
}

/// docker and podman run what they pull: the exit code is the program's own, in the end and the second time too.
#[track_caller]
fn run_image(client: Client) {
    let _turn = together();
    let image = Image::program(&[3_000], 2);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, "team/app:v1");
    let front = Site::new().front_of(&registry);
    let reference = format!("{}/team/app:v1", front.address());
    let nginx = Nginx::start([front]);
    let puller = Puller::plain(client);
    for code in [0, 7] {
        let outcome = puller.run(&reference, code);
        assert_eq!(outcome.code, Some(code.into()), "{outcome:?}");
    }
    let blobs = nginx.log().filter(|entry| entry.method == "GET").of_kind("blob");
    assert_eq!(blobs.0.len(), image.blobs().count(), "pulled once");
}

#[test]
fn podman_run() {
    run_image(Client::Podman);
}

#[test]
fn docker_run() {
    run_image(Client::Docker);
}
