//! Upstreams fail as they are to: what a real proxy says of each.

use std::net::SocketAddr;
use std::time::Duration;

use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::turn::together;
use pullscope_tests::upstream::{ALL, FULL, REFUSED, Upstreams, ask};

#[test]
fn nginx_answers_for_each_upstream() {
    let _turn = together();
    let upstreams = Upstreams::start();
    let site = Site::new();
    let address = site.address();
    let pass = |site: Site, (name, upstream): (&str, SocketAddr)| {
        let prefix = if name == REFUSED || name == FULL { format!("/{name}/") } else { "/".to_owned() };
        site.proxy(&prefix, upstream, Duration::from_millis(200))
    };
    let nginx = Nginx::start([upstreams.addresses().into_iter().fold(site, pass)]);
    let codes = ALL.map(|name| ask(address, &format!("/{name}/1"), None));
    assert_eq!(codes, [200, 502, 504, 504, 502, 200, 502, 503, 504].map(Some), "{}", nginx.log());
    assert_eq!(ask(address, "/silent/1", Some(Duration::from_millis(20))), None);
    let log = nginx.log();
    assert_eq!(log.0.last().and_then(|entry| entry.code), Some(499), "{log}");
}
