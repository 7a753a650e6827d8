//! Challenges and credentials inside TLS: what skopeo asks of a registry that wants them, of which nothing is kept.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::hosts::Hosts;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::token::TokenServer;
use pullscope_tests::turn::alone;

use crate::compare::{all_decoded, same_traffic, settled};

const HOST: &str = "registry.example.co.uk";
const LABEL: &str = "example.co.uk";
const NAME: &str = "team/app:v1";
const USER: &str = "alice";
const PASSWORD: &str = "open-sesame";

/// nginx speaks TLS for the registry, and for the token server if there is one. The challenge names that by address: what is
/// asked there belongs to the registry all the same.
#[track_caller]
fn counted_exactly(with_tokens: bool) {
    let alone = alone();
    let image = Image::make(&[200_000], 2);
    let (front, door) = (Site::new(), Site::new());
    let origin = format!("https://{}", door.address());
    let tokens = with_tokens.then(|| TokenServer::for_user_behind(&origin, USER, PASSWORD));
    let basic = Access::Basic { user: USER, password: PASSWORD };
    let registry = Registry::start(&tokens.as_ref().map_or(basic, Access::Token));
    let (at, authority) = (front.address(), Authority::new());
    let certificate = authority.certificate([HOST.to_owned(), door.address().ip().to_string()]);
    let mut sites = vec![front.with_tls(&certificate, Version::Http2).front_of(&registry)];
    sites.extend(tokens.iter().map(|tokens| {
        Site::at(door.address()).with_tls(&certificate, Version::Http2).pass_to(tokens.address())
    }));
    let nginx = Nginx::start(sites);
    registry.push(&image, NAME);
    // The push has asked for tokens too.
    let (pushed, connected) = (nginx.log().0.len(), nginx.connections());
    let place = Place::machine().with_hosts(&Hosts::new([(HOST, at.ip())]));
    let collector = Collector::start(&alone);

    let trusted = authority.folder();
    let pull = |password| {
        let options =
            Options { credentials: Some((USER, password)), trust: Some(&trusted), ..Options::default() };
        Puller::start(Client::Skopeo, place.clone(), options).pull(&format!("{HOST}:{}/{NAME}", at.port()))
    };
    let _ = pull(PASSWORD).expect_ok();
    let _ = pull("wrong").expect_failure();
    let log = Log(nginx.log().0.split_off(pushed));
    let of_kind = |kind| log.of_kind(kind).0.len();
    assert_eq!((of_kind("token") > 0, of_kind("blob")), (with_tokens, 2), "{log}");
    assert!(log.0.iter().any(|entry| entry.code == Some(401)), "{log}");
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, "skopeo", LABEL, &log);
    all_decoded(&scrape, "skopeo", LABEL, nginx.connections() - connected);
    let text = collector.text() + &collector.log();
    assert!(![USER, PASSWORD, "wrong"].iter().any(|secret| text.contains(secret)), "credentials are shown");
    collector.stop();
}

#[test]
fn basic_authentication() {
    counted_exactly(false);
}

#[test]
fn tokens() {
    counted_exactly(true);
}
