//! What a running pullscope serves, and what the tests read of it, whoever has started it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::process::{PATIENCE, poll};
use crate::scrape::Scrape;

/// Where pullscope serves.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint(pub SocketAddr);

impl Endpoint {
    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.0
    }

    /// Whether it is ready.
    pub fn ready(&self) -> bool {
        get(self.0, "/readyz").is_ok_and(|(code, _)| code == 200)
    }

    /// `/metrics` as text.
    #[track_caller]
    pub fn text(&self) -> String {
        let (code, text) = get(self.0, "/metrics").expect("GET /metrics");
        assert_eq!(code, 200, "{text}");
        text
    }

    /// `/metrics` now.
    #[track_caller]
    pub fn scrape(&self) -> Scrape {
        Scrape::parse(&self.text()).expect("the text format")
    }

    /// Scrapes until `enough` says so, for at most [`PATIENCE`]; gives the last scrape either way, so that the
    /// assertion that follows can show what is missing.
    #[track_caller]
    pub fn until(&self, enough: impl Fn(&Scrape) -> bool) -> Scrape {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let scrape = self.scrape();
            if enough(&scrape) || Instant::now() > deadline {
                return scrape;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Scrapes until two scrapes, a while apart, have the same counts of requests, and nothing is in flight: what the
    /// clients have done is counted.
    #[track_caller]
    pub fn settled(&self) -> Scrape {
        let counts = |scrape: &Scrape| {
            let counted = [
                "registry_requests_total",
                "downloads_total",
                "connects_total",
                "registry_response_bytes_total",
            ];
            counted.map(|name| scrape.count(&format!("pullscope_{name}"), &[]))
        };
        let settled = poll(PATIENCE, || {
            let before = self.scrape();
            std::thread::sleep(Duration::from_millis(300));
            let after = self.scrape();
            let idle = after.count("pullscope_registry_requests_in_flight", &[]) == 0;
            (idle && counts(&before) == counts(&after)).then_some(after)
        });
        settled.unwrap_or_else(|| panic!("pullscope does not settle: {}", self.scrape()))
    }
}

/// A GET of any path of pullscope's HTTP surface: status and body.
///
/// # Errors
/// When there is no answer.
pub fn get(address: SocketAddr, path: &str) -> Result<(u16, String), ureq::Error> {
    let config =
        ureq::config::Config::builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
    let mut answer = config.new_agent().get(format!("http://{address}{path}")).call()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}
