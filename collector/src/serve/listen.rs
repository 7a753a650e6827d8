//! Takes the addresses that are served at.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, lookup_host};

use crate::config::ListenAddress;
use crate::failure::Failure;

/// Listens at every address, or at none.
pub async fn bind(addresses: &[ListenAddress]) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(bind_one(address).await.map_err(|error| refused(address, &error))?);
    }
    Ok(listeners)
}

async fn bind_one(address: &ListenAddress) -> io::Result<TcpListener> {
    let port = address.port();
    if address.host().is_empty() {
        // An IPv6 socket takes IPv4 too (net.ipv6.bindv6only is 0 everywhere); a kernel without IPv6 has no such family.
        return match TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
            Err(error) if error.raw_os_error() == Some(EAFNOSUPPORT) => {
                TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await
            }
            bound => bound,
        };
    }
    let mut found: Vec<SocketAddr> = lookup_host((address.host(), port)).await?.collect();
    // A name such as localhost has addresses of both families: the older is the one that every client reaches.
    found.sort_by_key(SocketAddr::is_ipv6);
    match found.first() {
        Some(first) => TcpListener::bind(first).await,
        None => Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address")),
    }
}

/// No such address family (asm-generic/errno.h).
const EAFNOSUPPORT: i32 = 97;

fn refused(address: &ListenAddress, error: &io::Error) -> Failure {
    let what = format!("listening at {address}");
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            what,
            "the port is taken by another program",
            "Stop that program (`ss -ltnp` names it) or choose another port with --web.listen-address.",
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            what,
            "the port is reserved for programs with CAP_NET_BIND_SERVICE",
            "Choose a port from 1024 upwards with --web.listen-address.",
        ),
        io::ErrorKind::AddrNotAvailable => Failure::new(
            what,
            "this machine does not have that address",
            "Choose one that `ip address` shows, or :PORT for all, with --web.listen-address.",
        ),
        _ => Failure::new(what, error.to_string(), "Choose another address with --web.listen-address."),
    }
}
