//! Texts that real programs gave, with names and digests made shorter.

use super::*;

#[rustfmt::skip]
const TEXTS: &[(&str, Option<Trouble>)] = &[
    // containerd (`remotes/docker`), also in what the kubelet makes of it
    (r#"failed to pull and unpack image "docker.io/library/app:v1": failed to resolve reference "docker.io/library/app:v1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed"#, Some(Trouble::Unauthorized)),
    (r#"rpc error: code = NotFound desc = failed to pull and unpack image "localhost:5000/app:nope": failed to resolve reference "localhost:5000/app:nope": localhost:5000/app:nope: not found"#, Some(Trouble::NotFound)),
    (r#"failed to resolve reference "localhost:5000/app:v1": failed to do request: Head "http://localhost:5000/v2/app/manifests/v1": dial tcp 127.0.0.1:5000: connect: connection refused"#, Some(Trouble::ConnectionRefused)),
    (r#"failed to resolve reference "r.invalid/app:v1": failed to do request: Head "https://r.invalid/v2/app/manifests/v1": dial tcp: lookup r.invalid on 10.96.0.10:53: no such host"#, Some(Trouble::Dns)),
    (r#"failed to do request: Head "https://registry-1.docker.io/v2/a/b/manifests/scratch": net/http: TLS handshake timeout"#, Some(Trouble::Timeout)),
    (r#"failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://cdn.example.com/data?verify=1718615355-x%2B": dial tcp 192.0.2.46:443: i/o timeout"#, Some(Trouble::Timeout)),
    ("failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/postgres/manifests/sha256:0: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit", Some(Trouble::RateLimited)),
    ("failed to copy: httpReadSeeker: failed open: unexpected status from GET request to https://public.ecr.aws/v2/docker/library/redis/manifests/sha256:83: 429 Too Many Requests", Some(Trouble::RateLimited)),
    ("failed to copy: httpReadSeeker: failed open: unexpected status code https://m.example.com/v2/x: 500 Internal Server Error", Some(Trouble::ServerError)),
    (r#"failed to resolve reference "ghcr.io/a/b:v1": unexpected status from HEAD request to https://ghcr.io/v2/a/b/manifests/v1: 403 Forbidden"#, Some(Trouble::Unauthorized)),
    ("failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized", Some(Trouble::Unauthorized)),
    (r#"failed to authorize: failed to fetch oauth token: Post "https://auth.docker.io/token": EOF"#, Some(Trouble::Reset)),
    (r#"failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://r.example.com/v2/library/node/blobs/sha256:0": context canceled: context canceled"#, Some(Trouble::Canceled)),
    (r#"rpc error: code = Canceled desc = failed to pull and unpack image "r.example.com/a/b:1": context canceled"#, Some(Trouble::Canceled)),
    (r#"failed to pull and unpack image "r.example.com/a/b:1": failed to extract layer sha256:0: write /var/lib/containerd/x: no space left on device: unknown"#, Some(Trouble::NoSpace)),
    ("failed to copy: read tcp 10.0.0.2:41234->192.0.2.1:443: read: connection reset by peer", Some(Trouble::Reset)),
    ("failed to copy: unexpected commit digest sha256:1, expected sha256:2: failed precondition", None),
    (r#"failed to pull and unpack image "r.example.com/a/b:1": no match for platform in manifest: not found"#, Some(Trouble::NotFound)),
    (r#"failed to do request: Head "https://r.example.com/v2/a/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority"#, Some(Trouble::Tls)),
    (r#"failed to do request: Head "https://r.example.com/v2/a/manifests/1": remote error: tls: handshake failure"#, Some(Trouble::Tls)),
    // dockerd (`distribution`)
    ("Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io on 10.0.2.3:53: read udp 10.0.2.15:54567->10.0.2.3:53: i/o timeout", Some(Trouble::Dns)),
    (r#"Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused"#, Some(Trouble::ConnectionRefused)),
    ("Get \"https://r.example.com/v2/\": http: server gave HTTP response to HTTPS client", Some(Trouble::Tls)),
    ("manifest for localhost:5000/app:nope not found: manifest unknown: manifest unknown", Some(Trouble::NotFound)),
    ("pull access denied for app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", Some(Trouble::Unauthorized)),
    ("Head \"https://r.example.com/v2/app/manifests/v1\": unauthorized: authentication required", Some(Trouble::Unauthorized)),
    ("Head \"https://123.dkr.ecr.eu-west-1.amazonaws.com/v2/app/manifests/v1\": no basic auth credentials", Some(Trouble::Unauthorized)),
    ("unauthorized: incorrect username or password", Some(Trouble::Unauthorized)),
    ("toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit", Some(Trouble::RateLimited)),
    ("received unexpected HTTP status: 503 Service Unavailable", Some(Trouble::ServerError)),
    ("received unexpected HTTP status: 502 Bad Gateway", Some(Trouble::ServerError)),
    ("error pulling image configuration: received unexpected HTTP status: 504 Gateway Time-out", Some(Trouble::Timeout)),
    ("error pulling image configuration: download failed after attempts=6: dial tcp 192.0.2.7:443: connect: no route to host", Some(Trouble::Unreachable)),
    ("error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: \"<html>\"", Some(Trouble::Unauthorized)),
    ("error parsing HTTP 404 response body: unexpected end of JSON input: \"\"", Some(Trouble::NotFound)),
    ("Get \"https://registry-1.docker.io/v2/\": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)", Some(Trouble::Timeout)),
    ("Get \"https://registry-1.docker.io/v2/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", Some(Trouble::Timeout)),
    ("Get \"https://registry-1.docker.io/v2/\": dial tcp [2600:1f18::1]:443: connect: network is unreachable", Some(Trouble::Unreachable)),
    ("Get \"https://registry-1.docker.io/v2/\": unexpected EOF", Some(Trouble::Reset)),
    ("unexpected EOF", Some(Trouble::Reset)),
    ("Get https://registry-1.docker.io/v2/: EOF", Some(Trouble::Reset)),
    ("no matching manifest for linux/arm64/v8 in the manifest list entries", Some(Trouble::NotFound)),
    ("failed to register layer: write /usr/lib/x: no space left on device", Some(Trouble::NoSpace)),
    ("failed to register layer: Error processing tar file(exit status 1): lchown /x: invalid argument", None),
    ("No such image: app:v1", Some(Trouble::NotFound)),
    // containers/image: podman, skopeo, buildah, CRI-O
    ("Error: initializing source docker://localhost:5000/app:nope: reading manifest nope in localhost:5000/app: manifest unknown", Some(Trouble::NotFound)),
    ("initializing source docker://a/b:v1: reading manifest v1 in docker.io/a/b: requested access to the resource is denied", Some(Trouble::Unauthorized)),
    ("Error reading manifest latest in docker.io/a/b: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required", Some(Trouble::Unauthorized)),
    ("Error reading manifest v1 in ghcr.io/a/b: errors:\ndenied: denied", Some(Trouble::Unauthorized)),
    ("reading manifest latest in reg.example.com/tor: unauthorized: authentication required", Some(Trouble::Unauthorized)),
    ("unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password", Some(Trouble::Unauthorized)),
    ("Requesting bearer token: invalid status code from registry 404 (Not Found)", Some(Trouble::NotFound)),
    ("reading blob sha256:0: fetching blob: received unexpected HTTP status: 500 Internal Server Error", Some(Trouble::ServerError)),
    ("pinging container registry quay.io: Get \"https://quay.io/v2/\": dial tcp: lookup quay.io: Temporary failure in name resolution", Some(Trouble::Dns)),
    ("pinging container registry localhost:5000: Get \"https://localhost:5000/v2/\": http: server gave HTTP response to HTTPS client", Some(Trouble::Tls)),
    ("pinging container registry 192.0.2.8: Get \"https://192.0.2.8/v2/\": dial tcp 192.0.2.8:443: connect: connection refused", Some(Trouble::ConnectionRefused)),
    ("pinging container registry localhost: Get \"https://localhost/v2/\": tls: failed to verify certificate: x509: certificate is valid for *.apps-crc.testing, not localhost", Some(Trouble::Tls)),
    ("choosing an image from manifest list docker://a/b:v1: no image found in manifest list for architecture arm64, variant \"v8\", OS linux", Some(Trouble::NotFound)),
    // Not about images
    ("error getting credentials - err: exec: \"docker-credential-desktop\": executable file not found in $PATH, out: ``", None),
    ("exec: \"unpigz\": executable file not found in $PATH: not found", None),
    ("credential helper not found: asking without credentials: something went wrong", None),
    ("open /etc/docker/certs.d: permission denied", None),
    ("open /x: permission denied: unknown", None),
    ("", None),
    ("something went wrong", None),
];

#[test]
fn texts_tell_what_went_wrong() {
    for (text, expected) in TEXTS {
        assert_eq!(Trouble::of_text(text), *expected, "{text}");
    }
}

#[test]
fn texts_may_be_percent_encoded() {
    // As grpc-go does it: what can be printed but for `%` stays (gRPC over HTTP2, "Percent-Encoded").
    for (text, expected) in TEXTS.iter().filter(|(text, _)| !text.contains('\n')) {
        assert_eq!(Trouble::of_text(&text.replace('%', "%25")), *expected, "{text}");
    }
}

#[test]
fn names_of_images_are_no_errors() {
    for name in [
        "denied:v1",
        "unauthorized:v1",
        "toomanyrequests:v1",
        "x/401:403",
        "eof:eof",
        "manifest-unknown:404",
        "x509:tls",
    ] {
        let text = format!("failed to pull image \"docker.io/library/{name}\": something went wrong");
        assert_eq!(Trouble::of_text(&text), None, "{name}");
        let text = format!("docker.io/library/{name}: not found");
        assert_eq!(Trouble::of_text(&text), Some(Trouble::NotFound), "{name}");
    }
}

#[test]
fn numbers_are_not_all_status_codes() {
    for text in [
        "dial tcp 10.0.0.1:500: something",
        "read 404 bytes",
        "layer 403 of 500",
        "exit status 401x",
        "port 5000 Internal",
        "status 200 ok",
        "HTTP 3040",
        "size 429 503",
    ] {
        assert_eq!(Trouble::of_text(text), None, "{text}");
    }
}

#[test]
fn long_texts_are_read_at_their_start() {
    let text = "\u{e4}".repeat(20_000);
    assert_eq!(Trouble::of_text(&text), None);
    assert_eq!(Trouble::of_text(&format!("x509: {text}")), Some(Trouble::Tls));
}

#[test]
fn some_statuses_tell_why() {
    let told: Vec<_> =
        Status::ALL.into_iter().filter_map(|status| Some((status, Trouble::of_status(status)?))).collect();
    let expected = [
        (Status::Canceled, Trouble::Canceled),
        (Status::DeadlineExceeded, Trouble::Timeout),
        (Status::NotFound, Trouble::NotFound),
        (Status::PermissionDenied, Trouble::Unauthorized),
        (Status::Unauthenticated, Trouble::Unauthorized),
    ];
    assert_eq!(told, expected);
}

#[test]
fn failing_codes_tell_why() {
    assert_eq!(Trouble::of_code(401), Some(Trouble::Unauthorized));
    assert_eq!(Trouble::of_code(404), Some(Trouble::NotFound));
    assert_eq!(Trouble::of_code(429), Some(Trouble::RateLimited));
    assert_eq!(Trouble::of_code(504), Some(Trouble::Timeout));
    assert_eq!(Trouble::of_code(599), Some(Trouble::ServerError));
    assert_eq!(Trouble::of_code(418), Some(Trouble::Other));
    for code in [0, 100, 200, 307, 399, 600, u16::MAX] {
        assert_eq!(Trouble::of_code(code), None, "{code}");
    }
}
