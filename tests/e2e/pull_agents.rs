//! Pulls of agents that nobody asks over an API that is known: a manifest, then the blobs that it names, then the end. And pulls
//! that have to begin anew.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::faulty;
use pullscope_tests::go::{Protocol, Pull, TOOLCHAINS, Variant, installed_as, puller};
use pullscope_tests::images::Image;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running};
use pullscope_tests::turn::alone;

use crate::pulls::{Watch, in_flight};

const AGENT: &str = "dfdaemon";

/// Lets an agent pull over and over on the same connections, and wait between.
#[test]
fn one_after_the_other_by_an_agent() {
    let alone = alone();
    let image = Image::make(&[200_000, 50_000, 3_000], 80);
    let site = Site::new().static_image(&image, "team/app:v1");
    let address = site.address();
    let _nginx = Nginx::start([site]);
    let dir = tempfile::tempdir().expect("a directory for an agent");
    let agent = installed_as(&puller(TOOLCHAINS[0], Variant::Static), dir.path(), AGENT);
    let gate = dir.path().join("gate");
    let mut watch = Watch::new(Collector::start(&alone));
    let pull = Pull {
        registry: format!("http://{address}"),
        name: "team/app:v1",
        parallel: 3,
        protocol: Protocol::Http1,
        repeat: 2,
        gate: Some(&gate),
        ..Pull::default()
    };
    let running = Running::spawn(pull.command(&Place::machine(), &agent));
    for round in 1..=2 {
        running.wait_for_output(|output| output.matches("waiting").count() == round);
        let pulled = watch.one();
        pulled.is(&[("runtime", AGENT), ("source", "traffic"), ("status", "ok"), ("on_disk", "false")]);
        pulled.is(&[("image", &format!("{address}/team/app:v1")), ("trigger", "unknown")]);
        pulled.is(&[("has_creds", "false"), ("digest", &image.manifest.digest)]);
        assert!(pulled.bytes() >= image.blob_bytes() + image.manifest.size, "{pulled}");
        fs::write(&gate, "").expect("open the gate");
    }
    let _ = running.wait(PATIENCE).expect_ok();
    watch.none();
    watch.collector.stop();
}

#[test]
fn an_agent_that_dies_in_the_middle() {
    let alone = alone();
    let image = Image::make(&[2_000_000], 81);
    let site = Site::new().static_image(&image, "team/app:v1");
    let address = site.address();
    let _nginx = Nginx::start([site]);
    let dir = tempfile::tempdir().expect("a directory for an agent");
    let agent = installed_as(&puller(TOOLCHAINS[0], Variant::Static), dir.path(), AGENT);
    let gate = dir.path().join("gate");
    let mut watch = Watch::new(Collector::start(&alone));
    let pull = Pull {
        registry: format!("http://{address}"),
        name: "team/app:v1",
        protocol: Protocol::Http1,
        gate: Some(&gate),
        hold: true,
        begin: 1_000,
        ..Pull::default()
    };
    let running = Running::spawn(pull.command(&Place::machine(), &agent));
    running.wait_for_output(|output| output.contains("waiting"));
    let _ = in_flight(&watch.collector, 1);
    let _ = running.kill();
    watch.one().is(&[("runtime", AGENT), ("source", "traffic")]).failed(&["killed"]);
    watch.collector.stop();
}

/// The layer's first download is reset. podman begins again, and is through: that is one pull, and a good one.
#[test]
fn a_pull_that_is_tried_again() {
    let alone = alone();
    let image = Image::make(&[400_000], 8);
    let (layer, first) = (image.layers[0].clone(), AtomicBool::new(true));
    let server = faulty::serve(&image, move |request| {
        let reset = || faulty::blob(&layer).cut(100_000).then_reset();
        (request.path.ends_with(&layer.digest) && first.swap(false, Ordering::SeqCst)).then(reset)
    });
    let reference = format!("{}/a/b:c", server.address());
    let mut watch = Watch::new(Collector::start(&alone));
    let _ = Puller::plain(Client::Podman).pull(&reference).expect_ok();
    let blobs = server.log().of_kind("blob").0.len();
    assert!(blobs > image.blobs().count(), "nothing was tried again:\n{}", server.log());
    watch.one().is(&[("image", &reference), ("status", "ok"), ("on_disk", "false")]);
    watch.collector.stop();
}

/// The Engine downloads a layer once for all that want it.
#[test]
fn several_pulls_at_once_that_share_layers() {
    let alone = alone();
    let names = ["a/one:v1", "a/two:v1", "a/three:v1"];
    let (shared, other) = (Image::make(&[300_000], 82), Image::make(&[300_000], 83));
    let images = [&shared, &shared, &other];
    let site = Site::new().limit_rate(150_000);
    let site = names.iter().zip(images).fold(site, |site, (name, image)| site.static_image(image, name));
    let address = site.address();
    let _nginx = Nginx::start([site]);
    let puller = Puller::plain(Client::Docker);
    let mut watch = Watch::new(Collector::start(&alone));
    let running = names.map(|name| puller.begin(&format!("{address}/{name}")));
    for one in running {
        let _ = one.wait(PATIENCE).expect_ok();
    }
    let mut images: Vec<_> = watch
        .some(names.len())
        .iter()
        .map(|pulled| {
            pulled.is(&[("runtime", "dockerd"), ("status", "ok")]).entry["image"].as_str().map(str::to_owned)
        })
        .collect();
    let mut expected: Vec<_> = names.iter().map(|name| Some(format!("{address}/{name}"))).collect();
    images.sort();
    expected.sort();
    assert_eq!(images, expected);
    watch.collector.stop();
}
