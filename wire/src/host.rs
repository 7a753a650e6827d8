//! `host[:port]` as it stands in a `Host` field, a request target, a URL or an image reference.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest `host[:port]` that is kept: a DNS name has at most 253 characters (RFC 1035 section 2.3.4), a port five.
const MAX_LENGTH: usize = 253 + 1 + 1 + 5;

/// The lower-cased `host[:port]`, or `None` when it is not one (empty, too long, or with characters that no host
/// has). Brackets of an IPv6 literal and the port stay as they were sent.
pub fn normalise(authority: &str) -> Option<String> {
    let (host, port) = split(authority)?;
    let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let valid = !host.is_empty() && authority.len() <= MAX_LENGTH && (named || address(host).is_some());
    let port_valid = port.is_none_or(|p| p.is_empty() || p.parse::<u16>().is_ok());
    (valid && port_valid).then(|| authority.to_ascii_lowercase())
}

/// The host without its port (brackets of an IPv6 literal stay) and the port, if any. `None` when brackets or colons
/// do not pair up.
pub fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, rest) = authority.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if rest.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

/// The host without its port: `example.com:5000` gives `example.com`. What cannot be split is returned whole.
pub fn without_port(authority: &str) -> &str {
    split(authority).map_or(authority, |(host, _)| host)
}

/// The address when the host is an IP literal: `127.0.0.1`, `::1`, `[::1]`, `[fe80::1%25eth0]`.
pub fn address(host: &str) -> Option<IpAddr> {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // A zone (RFC 6874) says which interface, not which address.
    let (literal, zone) = inner.split_once('%').unwrap_or((inner, ""));
    let zone_valid =
        zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'%'));
    if zone_valid { literal.parse::<Ipv6Addr>().ok().map(IpAddr::V6) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered_and_keep_their_port() {
        assert_eq!(normalise("Registry.Example.COM:5000").as_deref(), Some("registry.example.com:5000"));
        assert_eq!(normalise("my_registry:80").as_deref(), Some("my_registry:80"));
        assert_eq!(normalise("[FE80::1%25eth0]:5000").as_deref(), Some("[fe80::1%25eth0]:5000"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in
            ["", ":80", "a b", "a:99999", "a:b", "[::1", "[nonsense]", "a/b", "ü.example", "::1", "[::1]x"]
        {
            assert_eq!(normalise(bad), None, "{bad:?}");
        }
        assert_eq!(normalise(&"a".repeat(300)), None);
    }

    #[test]
    fn ports_are_split_off() {
        assert_eq!(without_port("example.com:5000"), "example.com");
        assert_eq!(without_port("[::1]:5000"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }

    #[test]
    fn addresses_are_told_from_names() {
        assert_eq!(address("127.0.0.1"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert_eq!(address("[::1]"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(address("::1"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert!(address("[fe80::1%25eth0]").is_some());
        assert_eq!(address("127.0.0.1.example.com"), None);
        assert_eq!(address("[fe80::1%a b]"), None);
    }
}
