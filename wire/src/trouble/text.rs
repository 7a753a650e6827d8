//! What an error text of a runtime complains of.
//!
//! The texts are those of Go's `net`, `net/http` and `crypto/tls`, of containerd (`remotes/docker`), of dockerd
//! (`distribution`), of containers/image (podman, skopeo, buildah, CRI-O), and of the registries whose error codes they repeat
//! (OCI distribution specification, "Error Codes"). They wrap each other, so several patterns can be in one text: what is nearer
//! to the cause stands earlier in the table.

use super::Trouble;

/// Bytes of a text that are looked at.
const MAX_TEXT: usize = 16 * 1024;

/// Patterns in lower case, and what they tell. The first that is found counts.
///
/// No pattern can be a part of an image reference: each has a space, or a character that no reference has.
#[rustfmt::skip]
const PATTERNS: &[(&str, Trouble)] = &[
    // Of this machine.
    ("no space left on device", Trouble::NoSpace),
    ("disk quota exceeded", Trouble::NoSpace),
    // A lookup fails in the words of a connection (`lookup HOST on SERVER: read udp …: i/o timeout`), so it comes before those.
    ("dial tcp: lookup ", Trouble::Dns),
    ("no such host", Trouble::Dns),
    ("server misbehaving", Trouble::Dns),
    ("temporary failure in name resolution", Trouble::Dns),
    // TLS. What the peer says of a handshake comes as `remote error: tls: …`.
    ("server gave http response to https client", Trouble::Tls),
    ("x509: ", Trouble::Tls),
    (": tls: ", Trouble::Tls),
    ("first record does not look like a tls handshake", Trouble::Tls),
    // Connections that did not come about.
    ("connection refused", Trouble::ConnectionRefused),
    ("no route to host", Trouble::Unreachable),
    ("network is unreachable", Trouble::Unreachable),
    ("host is down", Trouble::Unreachable),
    ("cannot assign requested address", Trouble::Unreachable),
    // Codes that registries put into their answers. `unauthorized` and `denied` are also what they say of what is not there,
    // unless they know who asks.
    ("toomanyrequests: ", Trouble::RateLimited),
    ("too many requests", Trouble::RateLimited),
    ("pull rate limit", Trouble::RateLimited),
    ("pull access denied", Trouble::Unauthorized),
    ("requested access to the resource is denied", Trouble::Unauthorized),
    ("unauthorized: ", Trouble::Unauthorized),
    (": denied: ", Trouble::Unauthorized),
    ("authentication required", Trouble::Unauthorized),
    ("authorization failed", Trouble::Unauthorized),
    ("no basic auth credentials", Trouble::Unauthorized),
    ("invalid username/password", Trouble::Unauthorized),
    ("incorrect username or password", Trouble::Unauthorized),
    ("insufficient_scope: ", Trouble::Unauthorized),
    ("manifest unknown", Trouble::NotFound),
    ("name unknown", Trouble::NotFound),
    ("blob unknown", Trouble::NotFound),
    // dockerd's words for it (`distribution`, `registry/client`).
    ("unknown blob", Trouble::NotFound),
    ("repository name not known to registry", Trouble::NotFound),
];

/// Patterns that are looked for when there is no status code either: they also are the consequence of something else.
#[rustfmt::skip]
const GENERAL: &[(&str, Trouble)] = &[
    // A connection that broke off.
    ("connection reset by peer", Trouble::Reset),
    ("broken pipe", Trouble::Reset),
    ("unexpected eof", Trouble::Reset),
    ("server closed idle connection", Trouble::Reset),
    ("server sent goaway", Trouble::Reset),
    ("stream error: stream id", Trouble::Reset),
    ("connection lost", Trouble::Reset),
    ("use of closed network connection", Trouble::Reset),
    // Go's client says both when its own time is over: `context deadline exceeded (Client.Timeout exceeded while …)`, and in
    // older versions `request canceled (Client.Timeout exceeded …)`.
    ("i/o timeout", Trouble::Timeout),
    ("connection timed out", Trouble::Timeout),
    ("tls handshake timeout", Trouble::Timeout),
    ("timeout awaiting response headers", Trouble::Timeout),
    ("client.timeout", Trouble::Timeout),
    ("deadline exceeded", Trouble::Timeout),
    ("context canceled", Trouble::Canceled),
    ("request canceled", Trouble::Canceled),
    ("operation was canceled", Trouble::Canceled),
    ("no such image: ", Trouble::NotFound),
    ("no matching manifest for ", Trouble::NotFound),
    ("no image found in manifest list ", Trouble::NotFound),
    ("does not exist or no pull access", Trouble::NotFound),
];

/// What the text complains of; `None` where it has nothing that is known.
pub(super) fn classify(text: &str) -> Option<Trouble> {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|&end| text.is_char_boundary(end));
    let text = text[..end.unwrap_or_default()].to_ascii_lowercase();
    let find = |table: &[(&str, Trouble)]| {
        table.iter().find(|(pattern, _)| text.contains(pattern)).map(|&(_, trouble)| trouble)
    };
    // It may be all there is, or all of a line in a list.
    let starts = || text.lines().any(|line| line.starts_with("denied: ")).then_some(Trouble::Unauthorized);
    find(PATTERNS)
        .or_else(starts)
        .or_else(|| code(&text).and_then(Trouble::of_code))
        .or_else(|| find(GENERAL))
        .or_else(|| ends(&text))
}

/// What only means something at the end of a text, or of one in a list (containerd's `…: not found`, Go's `…: EOF`).
fn ends(text: &str) -> Option<Trouble> {
    text.lines().find_map(|line| {
        let line = line.trim_end_matches([' ', '.', '"', '\'', ')', ']']);
        if line.ends_with(": not found") || line.starts_with("manifest for ") && line.ends_with(" not found")
        {
            // Of a program that is missing, not of an image.
            (!line.contains("executable file not found")).then_some(Trouble::NotFound)
        } else if line.ends_with(": eof") || line == "eof" {
            Some(Trouble::Reset)
        } else {
            None
        }
    })
}

/// A status code of HTTP that the text names: `404 Not Found`, `404 (Not Found)`, `status code 500`, `HTTP 403 response`.
/// Other numbers (ports, sizes, parts of references) have no such words around them.
fn code(text: &str) -> Option<u16> {
    let bytes = text.as_bytes();
    let candidates = bytes.windows(3).enumerate().filter(|(_, window)| window.iter().all(u8::is_ascii_digit));
    candidates.into_iter().find_map(|(at, window)| {
        let (before, after) = (&text[..at], &text[at + 3..]);
        let number: u16 = window.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        let stands_alone = !before.ends_with(|c: char| c.is_ascii_alphanumeric())
            && !after.starts_with(|c: char| c.is_ascii_alphanumeric());
        let named = [
            "status code ",
            "status code: ",
            "http status: ",
            "http status code: ",
            "http ",
            "statuscode: ",
            "status: ",
            "status ",
        ]
        .iter()
        .any(|words| before.ends_with(words));
        let explained = reason(number).is_some_and(|reason| {
            after.strip_prefix(' ').is_some_and(|rest| rest.trim_start_matches('(').starts_with(reason))
        });
        (stands_alone && (named || explained) && number >= 400).then_some(number)
    })
}

/// The reason phrase of a status code (RFC 9110 section 15), in lower case.
fn reason(code: u16) -> Option<&'static str> {
    Some(match code {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not found",
        407 => "proxy authentication required",
        408 => "request timeout",
        410 => "gone",
        429 => "too many requests",
        500 => "internal server error",
        501 => "not implemented",
        502 => "bad gateway",
        503 => "service unavailable",
        // nginx writes it with a hyphen.
        504 => "gateway time",
        _ => return None,
    })
}
