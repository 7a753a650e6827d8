//! Addresses on loopback that no other test uses.
//!
//! All of 127.0.0.0/8 is local (RFC 1122, 3.2.1.3 g). Each server gets an address of its own, so that its port can
//! be chosen before it starts without a race, and a port says nothing about which server answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// An address and port on loopback, free now, and not given to anyone else by this or another test program.
#[track_caller]
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // After 254 servers the addresses come round again, with other ports.
    let [.., number] = (NEXT.fetch_add(1, Ordering::Relaxed) % 254 + 1).to_be_bytes();
    let [.., high, low] = std::process::id().to_be_bytes();
    free_port(Ipv4Addr::new(127, 64 + high % 128, low, number).into())
}

/// A port that is free now on `address`. Another program may take it before it is used: prefer [`free_address`].
#[track_caller]
pub fn free_port(address: IpAddr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).expect("bind a free port");
    listener.local_addr().expect("the address of a listener")
}
