//! Which registry a request belongs to, and what it asks for, by the evidence there is.
//!
//! In order of trust: the registry that a mirror is asked to stand in for (`?ns=`), the registry that redirected here or
//! whose challenge named this token server, the host that the request names, then what the connection itself shows (SNI,
//! the name that DNS gave for the address, the address).

use wire::http::{Location, Method, RequestHead, RequestTarget};
use wire::oci::{self, Kind, Reference};
use wire::registry::RegistryLabel;

use super::Context;
use super::hashes::{Hashes, resolve};
use super::pull::Link;
use super::seat::Seat;

/// What a request is, as far as it can be known when its head has passed.
pub(super) struct Attribution<'a> {
    pub registry: RegistryLabel,
    pub kind: Kind,
    /// The manifest or blob that it is about, through redirects.
    pub subject: Option<u64>,
    /// Whether a redirect led here.
    pub redirected: bool,
    /// The place in a pull of the request that was redirected here.
    pub link: Option<Link>,
    /// What the request names itself.
    pub request: oci::OciRequest<'a>,
}

/// Attributes a request of a client. `seat` says what the connection itself shows.
pub(super) fn of_request<'a>(
    head: &'a RequestHead,
    seat: &Seat,
    now: u64,
    context: &mut Context,
) -> Attribution<'a> {
    let (path, query) = (head.target.path(), head.target.query());
    let asked = oci::classify(head.method, path, query);
    let hashes = context.hashes;
    let (mut redirect, mut challenger) = (None, None);
    if let (Some(host), Some(memory)) = (&head.host, context.processes.memory(seat.party.pid)) {
        redirect = memory.redirect(hashes.url(seat.secure, host, head.target.as_str()), now);
        challenger = memory.realm(hashes.realm(host, path));
    }
    let mirrored = asked.mirror_of.as_deref().map(RegistryLabel::from_host);
    let (kind, subject, redirected) = match (&redirect, &challenger) {
        (Some(redirect), _) => (redirect.kind, redirect.subject, true),
        (None, Some(_)) => (Kind::Token, None, false),
        (None, None) => (asked.kind, subject(&asked, path, hashes), false),
    };
    let link = redirect.as_ref().and_then(|redirect| redirect.link);
    let registry = mirrored
        .or(redirect.map(|redirect| redirect.registry))
        .or(challenger)
        .or_else(|| head.host.as_deref().map(RegistryLabel::from_host))
        .unwrap_or_else(|| seat.shown.clone());
    Attribution { registry, kind, subject, redirected, link, request: asked }
}

/// What a served request asks for.
pub(super) fn of_served(head: &RequestHead) -> Kind {
    oci::classify(head.method, head.target.path(), head.target.query()).kind
}

/// Whether a request is for a manifest or blob itself.
pub(super) fn is_download(method: Method, kind: Kind) -> bool {
    method == Method::Get && matches!(kind, Kind::Manifest | Kind::Blob)
}

/// Names that break the grammar are still asked for: the path stands for them.
fn subject(asked: &oci::OciRequest<'_>, path: &str, hashes: Hashes) -> Option<u64> {
    if !matches!(asked.kind, Kind::Manifest | Kind::Blob) {
        return None;
    }
    let (repository, reference) = match (asked.repository, &asked.reference) {
        (Some(repository), Some(Reference::Tag(tag))) => (repository, *tag),
        (Some(repository), Some(Reference::Digest(digest))) => (repository, digest.as_ref()),
        _ => (path, ""),
    };
    Some(hashes.subject(asked.kind.as_str(), repository, reference))
}

/// Where a request was sent: what a relative `Location` is relative to. It lives as long as the exchange.
pub(super) struct Place {
    secure: bool,
    host: String,
    target: RequestTarget,
}

impl Place {
    /// `secure`: inside TLS.
    pub fn of(head: RequestHead, secure: bool) -> Option<Self> {
        Some(Self { secure, host: head.host?, target: head.target })
    }

    /// The hash of the URL that `location` means here.
    pub fn follow(&self, location: &Location, hashes: Hashes) -> u64 {
        let https = location.is_https().unwrap_or(self.secure);
        match location.host() {
            Some(host) => hashes.url(https, host, location.target()),
            None => hashes.url(https, &self.host, &resolve(self.target.as_str(), location.target())),
        }
    }
}
