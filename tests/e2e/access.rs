//! Challenges, credentials and tokens: a 401 that is answered by a retry is a request, and no failed download.

use pullscope_tests::clients::{Client, Options, Puller};
use pullscope_tests::collector::Collector;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::place::Place;
use pullscope_tests::registry::{Access, Registry};
use pullscope_tests::token::TokenServer;
use pullscope_tests::turn::alone;

use crate::compare::{same_traffic, settled};

const USER: &str = "alice";
const PASSWORD: &str = "open-sesame";

/// Pulls with credentials; `tokens` gives the log of the token server, if there is one.
#[track_caller]
fn counted_exactly(client: Client, access: &Access<'_>, tokens: impl Fn() -> Log) {
    let alone = alone();
    let image = Image::make(&[200_000], 2);
    let registry = Registry::start(access);
    registry.push(&image, "team/app:v1");
    let before = tokens().0.len();
    let front = Site::new().front_of(&registry);
    let reference = format!("{}/team/app:v1", front.address());
    let nginx = Nginx::start([front]);
    let collector = Collector::start(&alone);
    let options = Options { credentials: Some((USER, PASSWORD)), ..Options::default() };

    let _ = Puller::start(client, Place::machine(), options).pull(&reference).expect_ok();
    let log = nginx.log().and(Log(tokens().0.split_off(before)));
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, client.process(), "[IP_ADDRESS]", &log);
    let text = collector.text() + &collector.log();
    assert!(!text.contains(PASSWORD) && !text.contains(USER), "credentials are shown");
    collector.stop();
}

#[test]
fn basic_authentication() {
    for client in Client::ALL {
        counted_exactly(client, &Access::Basic { user: USER, password: PASSWORD }, Log::default);
    }
}

#[test]
fn tokens() {
    for client in Client::ALL {
        let server = TokenServer::for_user(USER, PASSWORD);
        counted_exactly(client, &Access::Token(&server), || server.log());
    }
}

#[test]
fn wrong_credentials() {
    let alone = alone();
    let registry = Registry::start(&Access::Basic { user: USER, password: PASSWORD });
    let front = Site::new().front_of(&registry);
    let reference = format!("{}/team/app:v1", front.address());
    let nginx = Nginx::start([front]);
    let collector = Collector::start(&alone);
    let options = Options { credentials: Some((USER, "wrong")), ..Options::default() };
    let _ = Puller::start(Client::Skopeo, Place::machine(), options).pull(&reference).expect_failure();
    let log = nginx.log();
    let scrape = settled(&collector, &log);
    let unauthorized = [("process", "skopeo"), ("code", "401")];
    let expected = log.filter(|entry| entry.code == Some(401)).0.len();
    assert_eq!(
        scrape.count("pullscope_registry_requests_total", &unauthorized),
        expected as u64,
        "{log}\n{scrape}"
    );
    assert_eq!(scrape.count("pullscope_downloads_total", &[("status", "ok")]), 0, "{scrape}");
    collector.stop();
}
