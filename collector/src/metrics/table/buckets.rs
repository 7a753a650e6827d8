//! Upper bounds of histogram buckets, in seconds. Each list spans what is seen between a mirror on the same host and a
//! far registry on a bad day; few enough that a scrape stays small.

/// A whole pull: from an image that is there already to one that takes an hour.
pub const PULL: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0,
    3600.0,
];

/// A call of the CRI: from a question that memory answers to the two minutes and more after which kubelet gives up
/// (`--runtime-request-timeout`, 2 min by default).
pub const CALL: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0,
    600.0,
];

/// Making a sandbox: namespaces and network take some tenths of a second, a virtual machine some seconds, and kubelet
/// waits four minutes.
pub const SANDBOX: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0];

/// A cycle of garbage collection: from one removal to some hundreds.
pub const CYCLE: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// An operation or an item of work: from a command that a server's memory answers to the hour after which an end is not waited
/// for, unless a recipe says otherwise.
pub const WORK: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
    600.0, 1800.0, 3600.0,
];

/// A whole exchange: from a manifest of a local mirror to a layer that takes an hour.
pub const EXCHANGE: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1800.0, 3600.0,
];

/// Until an answer begins: past a minute clients give up.
pub const FIRST_BYTE: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Until a connection is made or given up. 1, 3, 7, 15, 31, 63 and 127 s are when Linux sends the next SYN, or gives up
/// (RFC 6298 section 2.1, `net.ipv4.tcp_syn_retries` 6).
pub const CONNECT: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 130.0,
];

/// A TLS handshake: at least one round trip, and work on both sides.
pub const HANDSHAKE: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A DNS lookup: resolvers ask again after 5 s (`timeout` in resolv.conf(5)).
pub const LOOKUP: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
