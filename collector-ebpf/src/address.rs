//! Where a socket leads: IP addresses and ports, or the path of a unix socket.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel;
use collector_common::COMM_LEN;
use collector_common::conn::Transport;
use collector_common::event::{Endpoint, Open};

use crate::kernel::{AF_INET, Sock, at_most, offset, read};

/// `sockaddr_un.sun_path` begins behind the family: include/uapi/linux/un.h.
const SUN_PATH: u32 = 2;

/// Bytes of `Open::path`.
const PATH_LEN: usize = 108;

const NOWHERE: Endpoint = Endpoint { address: [0; 16], port: 0, reserved: [0; 6] };

/// An IPv4 address mapped to IPv6 (RFC 4291 section 2.5.5.2).
#[inline(always)]
pub fn mapped(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

#[inline(always)]
fn endpoint(sock: Sock, v4: u32, v6: u32, port: u16) -> Endpoint {
    let address = if sock.family() == AF_INET {
        mapped(read(sock.0, v4).unwrap_or([0; 4]))
    } else {
        read(sock.0, v6).unwrap_or([0; 16])
    };
    Endpoint { address, port, reserved: [0; 6] }
}

/// Writes where the socket leads into the record. Not inlined: the stack of those who call it is nearly full.
///
/// # Safety
/// `record` must be writable.
#[inline(never)]
pub unsafe fn write(record: *mut Open, sock: Sock, transport: Transport) {
    // SAFETY: as the caller promises.
    unsafe {
        (*record).path_len = 0;
        (*record).path_is_local = 0;
        (*record).peer = 0;
        (*record).reserved = 0;
        (*record).peer_comm = [0; COMM_LEN];
        if matches!(transport, Transport::Unix) {
            (*record).local = NOWHERE;
            (*record).remote = NOWHERE;
            if let Some(peer) = sock.peer() {
                (*record).peer = peer.number().unwrap_or(0);
                (*record).peer_comm = peer.comm().unwrap_or([0; COMM_LEN]);
            }
            if path(record, sock) {
                (*record).path_is_local = 1;
            } else {
                path(record, Sock(read(sock.0, offset!(unix_peer)).unwrap_or(0)));
            }
        } else {
            (*record).local = endpoint(sock, offset!(sock_saddr), offset!(sock_v6_saddr), sock.local_port());
            (*record).remote =
                endpoint(sock, offset!(sock_daddr), offset!(sock_v6_daddr), sock.remote_port());
        }
    }
}

/// Copies the name of a unix socket; false if it has none. An accepted socket bears its listener's name (net/unix/af_unix.c:
/// `unix_stream_connect`).
///
/// # Safety
/// `record` must be writable.
#[inline(always)]
unsafe fn path(record: *mut Open, sock: Sock) -> bool {
    let Some(name) = read::<u64>(sock.0, offset!(unix_addr)) else { return false };
    let Some(len) = read::<u32>(name, offset!(unix_address_len)) else { return false };
    if name == 0 || len <= SUN_PATH {
        return false;
    }
    let len = len - SUN_PATH;
    let len = at_most(len, PATH_LEN as u32);
    let from = name + u64::from(offset!(unix_address_name) + SUN_PATH);
    // SAFETY: `len` is at most the size of `path`; the helper checks the source.
    unsafe {
        let result = bpf_probe_read_kernel((&raw mut (*record).path).cast(), len, from as *const _);
        (*record).path_len = if result == 0 { len as u8 } else { 0 };
    }
    true
}
