//! A registry with TLS behind a relay, and images in it: what most tests of TLS begin with.
//!
//! Clients reach it through the relay only. What they have done is in the registry's access log; how many connections and
//! bytes that took, the relay has counted.

use crate::images::Image;
use crate::log::Log;
use crate::loopback::free_address;
use crate::process::{PATIENCE, poll};
use crate::registry::{Access, Registry};
use crate::relay::Relay;
use crate::tls::{Authority, Version};

/// The registry, the relay, and who has signed the certificate.
pub struct Secure {
    /// The authority that clients must trust.
    pub authority: Authority,
    /// What clients reach.
    pub relay: Relay,
    registry: Registry,
    /// Lines of the log that the rig's own pushes have made.
    pushed: usize,
}

impl Secure {
    /// Starts an empty registry whose certificate is for the relay's address, and for `names`.
    #[track_caller]
    pub fn start(version: Version, names: &[&str]) -> Self {
        let (address, authority) = (free_address(), Authority::new());
        let names = names.iter().map(ToString::to_string).chain([address.ip().to_string()]);
        let certificate = authority.certificate(names);
        let registry = Registry::start_tls(&Access::Open, &certificate, version);
        let relay = Relay::start(address, registry.address());
        Self { authority, relay, registry, pushed: 0 }
    }

    /// The same with `image` in it as `name` (repository and tag).
    #[track_caller]
    pub fn with(version: Version, image: &Image, name: &str) -> Self {
        let mut secure = Self::start(version, &[]);
        secure.push(image, name);
        secure
    }

    /// Pushes `image` as `name`, past the relay.
    #[track_caller]
    pub fn push(&mut self, image: &Image, name: &str) {
        self.registry.push(image, name);
        // The push is over when its answer has come, the line of the log may come later. The manifest is the last.
        let complete = poll(PATIENCE, || {
            let log = self.registry.log();
            let last = log.0.last()?;
            (log.0.len() > self.pushed && last.method == "PUT" && last.kind() == "manifest")
                .then_some(log.0.len())
        });
        self.pushed = complete.expect("the end of a push in the log of docker-registry");
    }

    /// The name of an image here, as clients want it.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.relay.address())
    }

    /// The base URL.
    pub fn origin(&self) -> String {
        format!("https://{}", self.relay.address())
    }

    /// The process id of the registry.
    pub fn pid(&self) -> u32 {
        self.registry.pid()
    }

    /// What clients have asked, once there are `count` requests in the log: it may be a little behind the clients.
    #[track_caller]
    pub fn log_of(&self, count: usize) -> Log {
        let log = || Log(self.registry.log().0.split_off(self.pushed));
        poll(PATIENCE, || Some(log()).filter(|log| log.0.len() >= count))
            .unwrap_or_else(|| panic!("the registry has not logged {count} requests:\n{}", log()))
    }

    /// Stops the registry and gives everything that clients have asked.
    #[track_caller]
    pub fn stop(self) -> Log {
        Log(self.registry.stop().0.split_off(self.pushed))
    }
}
