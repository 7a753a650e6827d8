//! TLS: each client reaches the registry through the relay, trusts the test's authority only, and what it says of its
//! requests is what the registry has logged.

use std::collections::BTreeSet;

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::fetch::Fetcher;
use pullscope_tests::go::{self, Protocol, Pull, TOOLCHAINS, Variant};
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, run};
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::together;

const NAME: &str = "team/app:v1";
const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

fn protocols(log: &Log) -> BTreeSet<&str> {
    log.0.iter().filter_map(|entry| entry.protocol.as_deref()).collect()
}

#[track_caller]
fn pulls(client: Client) {
    let _turn = together();
    let image = Image::make(&[1_500_000, 200_000, 3_000], 1);
    for version in VERSIONS {
        // ctr speaks plain HTTP to an address on loopback, so the registry has a name.
        let host = "registry.example.co.uk";
        let mut secure = Secure::start(version, &[host]);
        secure.push(&image, NAME);
        let hosts = Hosts::new([(host, secure.relay.address().ip())]);
        let reference = format!("{host}:{}/{NAME}", secure.relay.address().port());
        let trusted = secure.authority.folder();
        let pull = |trust| {
            let options = Options { trust: Some(trust), ..Options::default() };
            Puller::start(client, Place::machine().with_hosts(&hosts), options).pull(&reference)
        };
        let _ = pull(&trusted).expect_ok();
        let stranger = Authority::new();
        if client != Client::Docker {
            // Loopback always counts as insecure for dockerd.
            let refused = pull(&stranger.folder()).expect_failure();
            assert!(refused.stderr.contains("certificate"), "{refused:?}");
        }
        assert!(secure.relay.connections() > 0 && secure.relay.to_client() > image.blob_bytes());
        let log = secure.stop();
        println!("{client:?} with {version:?}, {:?}:\n{log}", protocols(&log));
        let blobs = log.of_kind("blob").filter(|entry| entry.code == Some(200));
        assert_eq!(blobs.body_bytes()["blob"], image.blob_bytes());
        assert_eq!(blobs.0.len(), image.blobs().count());
    }
}

#[test]
fn skopeo() {
    pulls(Client::Skopeo);
}

#[test]
fn podman() {
    pulls(Client::Podman);
}

#[test]
fn buildah() {
    pulls(Client::Buildah);
}

#[test]
fn ctr() {
    pulls(Client::Ctr);
}

#[test]
fn docker() {
    pulls(Client::Docker);
}

/// Sixteen blobs at a time: with HTTP/2 on one connection, else on sixteen.
#[test]
fn a_client_of_each_go() {
    let _turn = together();
    let image = Image::make(&[70_000; 31], 31);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let mut before = 0;
    for (version, variant) in TOOLCHAINS.into_iter().flat_map(|go| Variant::ALL.map(|variant| (go, variant)))
    {
        let client = go::puller(version, variant);
        for protocol in [Protocol::Http2, Protocol::Http1] {
            let pull = Pull {
                registry: secure.origin(),
                authority: Some(secure.authority.file()),
                name: NAME,
                parallel: 16,
                protocol,
                ..Pull::default()
            };
            let connections = secure.relay.connections();
            let outcome = run(pull.command(&Place::machine(), &client)).expect_ok();
            println!("Go {version}, {variant:?}, {protocol:?}: {:?}", outcome.wall);
            let http1 = protocol == Protocol::Http1;
            let told = go::pulls(&outcome.stdout).swap_remove(0);
            assert_eq!(told.of_kind("blob").body_bytes()["blob"], image.blob_bytes());
            assert_eq!(protocols(&told), [if http1 { "HTTP/1.1" } else { "HTTP/2.0" }].into());
            let logged = Log(secure.log_of(before + told.0.len()).0.split_off(before));
            before += logged.0.len();
            assert_eq!(told.comparable(), logged.comparable(), "Go {version}, {variant:?}");
            let connections = secure.relay.connections() - connections;
            assert!(if http1 { connections >= 16 } else { connections == 1 }, "{connections} connections");
        }
    }
}

#[test]
fn a_client_of_go_that_waits() {
    let _turn = together();
    let image = Image::make(&[70_000; 2], 31);
    let secure = Secure::with(Version::Http2, &image, NAME);
    let dir = tempfile::tempdir().expect("a directory for a gate");
    let gate = dir.path().join("gate");
    let pull = Pull {
        registry: secure.origin(),
        authority: Some(secure.authority.file()),
        name: NAME,
        repeat: 2,
        gate: Some(&gate),
        hold: true,
        ..Pull::default()
    };
    let running =
        Running::spawn(pull.command(&Place::machine(), &go::puller(TOOLCHAINS[0], Variant::Static)));
    for waits in 1..=3 {
        running.wait_for_output(|output| output.matches("waiting\n").count() == waits);
        std::fs::write(&gate, "").expect("open a gate");
    }
    let outcome = running.wait(PATIENCE).expect_ok();
    let pulls = go::pulls(&outcome.stdout);
    assert_eq!(pulls.len(), 2);
    assert_eq!(pulls[0].comparable(), pulls[1].comparable());
    assert_eq!(secure.relay.connections(), 1);
    let both = pulls.into_iter().fold(Log::default(), Log::and);
    assert_eq!(both.comparable(), secure.stop().comparable());
}

/// The URLs of an image: manifest, blobs, one that is not there.
fn urls(origin: &str, image: &Image) -> Vec<String> {
    let repository = format!("{origin}/v2/team/app");
    let blobs = image.blobs().map(|blob| format!("{repository}/blobs/{}", blob.digest));
    let others = ["manifests/v1", "manifests/absent"].map(|rest| format!("{repository}/{rest}"));
    others.into_iter().chain(blobs).collect()
}

#[test]
fn curl_and_requests() {
    let _turn = together();
    let image = Image::make(&[70_000; 20], 32);
    for fetcher in [Fetcher::Curl(Version::Http1), Fetcher::Curl(Version::Http2), Fetcher::Requests] {
        let secure = Secure::with(Version::Http2, &image, NAME);
        let command =
            fetcher.command(&Place::machine(), &secure.authority.file(), &urls(&secure.origin(), &image));
        let told = Log::told_by_client(&run(command).expect_ok().stdout);
        println!("{fetcher:?}:\n{told}");
        assert_eq!(told.of_kind("blob").body_bytes()["blob"], image.blob_bytes());
        assert_eq!(protocols(&told), [fetcher.version().protocol()].into());
        assert_eq!(secure.relay.connections(), 1);
        assert_eq!(told.comparable(), secure.stop().comparable());
    }
}

#[test]
fn curl_speaks_http2_in_the_clear() {
    let _turn = together();
    let image = Image::make(&[70_000; 2], 31);
    let site = Site::new().with_http2_in_the_clear().static_image(&image, NAME);
    let urls = urls(&format!("http://{}", site.address()), &image);
    let nginx = Nginx::start([site]);
    let authority = Authority::new();
    let fetch = |url: &String| {
        let url = std::slice::from_ref(url);
        let command = Fetcher::CurlInTheClear.command(&Place::machine(), &authority.file(), url);
        Log::told_by_client(&run(command).expect_ok().stdout)
    };
    let told = urls.iter().map(fetch).fold(Log::default(), Log::and);
    let log = nginx.log();
    assert_eq!(told.comparable(), log.comparable());
    assert_eq!(protocols(&log), ["HTTP/2.0"].into());
}

#[test]
fn go_speaks_http2_in_the_clear() {
    let _turn = together();
    let image = Image::make(&[70_000; 31], 31);
    let site = Site::new().with_http2_in_the_clear().static_image(&image, NAME);
    let registry = format!("http://{}", site.address());
    let nginx = Nginx::start([site]);
    let version =
        TOOLCHAINS.into_iter().find(|version| go::has_http2_in_the_clear(version)).expect("a new Go");
    let pull =
        Pull { registry, name: NAME, parallel: 16, protocol: Protocol::Http2InTheClear, ..Pull::default() };
    let outcome = run(pull.command(&Place::machine(), &go::puller(version, Variant::Static))).expect_ok();
    let log = nginx.log();
    assert_eq!(go::pulls(&outcome.stdout)[0].comparable(), log.comparable());
    assert_eq!(protocols(&log), ["HTTP/2.0"].into());
    assert_eq!(nginx.connections(), 1);
}

#[test]
fn rustls() {
    let _turn = together();
    let image = Image::make(&[300_000], 33);
    let mut secure = Secure::start(Version::Http2, &["registry.example.co.uk"]);
    secure.push(&image, NAME);
    let mut command = Place::machine().command(env!("CARGO_BIN_EXE_rustls-get"));
    command
        .arg(secure.authority.file())
        .arg("registry.example.co.uk")
        .arg(secure.relay.address().to_string());
    command.args(["/v2/".to_owned(), format!("/v2/team/app/blobs/{}", image.layers[0].digest)]);
    let outcome = run(command).expect_ok();
    assert_eq!(outcome.stdout, format!("2\n{}\n", image.layers[0].size));
    assert_eq!(secure.relay.connections(), 1);
    assert!(secure.relay.to_client() > image.layers[0].size);
    assert_eq!(secure.stop().body_bytes()["blob"], image.layers[0].size);
}

#[track_caller]
fn redirected(client: Client, version: Version) {
    let _turn = together();
    let (registry_name, cdn_name) = ("registry.example.co.uk", "cdn.other-example.com");
    let image = Image::make(&[300_000, 2_000], 3);
    let registry = Registry::start(&Access::Open);
    registry.push(&image, NAME);
    let authority = Authority::new();
    let (front, cdn) = (Site::new(), Site::new());
    let (front_at, cdn_at) = (front.address(), cdn.address());
    let hosts = Hosts::new([(registry_name, front_at.ip()), (cdn_name, cdn_at.ip())]);
    let origin = format!("https://{cdn_name}:{}", cdn_at.port());
    let front = front.with_tls(&authority.certificate([registry_name]), version);
    let cdn = cdn.with_tls(&authority.certificate([cdn_name]), version);
    let nginx =
        Nginx::start([front.redirect_blobs(307, &origin).front_of(&registry), cdn.blob_store(&registry)]);
    let trusted = authority.folder();
    let options = Options { trust: Some(&trusted), ..Options::default() };
    let puller = Puller::start(client, Place::machine().with_hosts(&hosts), options);
    let _ = puller.pull(&format!("{registry_name}:{}/{NAME}", front_at.port())).expect_ok();
    let log = nginx.log();
    println!("{client:?} redirected, {version:?}, {:?}:\n{log}", protocols(&log));
    let redirects = log.at(front_at).of_kind("blob");
    assert!(redirects.0.iter().all(|entry| entry.code == Some(307)), "{redirects}");
    let served = log.at(cdn_at);
    assert_eq!((redirects.0.len(), served.0.len()), (3, 3));
    assert_eq!(served.0.iter().map(|entry| entry.body_bytes).sum::<u64>(), image.blob_bytes());
}

#[test]
fn redirects_from_one_host_with_tls_to_another() {
    for client in Client::ALL {
        for version in VERSIONS {
            redirected(client, version);
        }
    }
}
