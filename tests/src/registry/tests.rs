//! Lines as docker-registry 2.8 wrote them.

use super::{listening_address, parse_access};
use crate::log::Log;

const LINES: &str = r#"127.0.0.1 - - [21/Nov/2026:06:05:32 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "skopeo/1.9.3"
127.0.0.1 - - [21/Nov/2026:06:06:17 +0000] "HEAD /v2/team/app/manifests/v1?ns=docker.io HTTP/1.1" 200 349 "" "docker/20.10 UpstreamClient(Docker-Client/20.10 \\(linux\\))"
127.0.0.1 - user [21/Nov/2026:06:06:17 +0000] "GET /v2/a/blobs/sha256:00 HTTP/1.1" 206 1000647 "a \"quoted\" referer" "x"
{"level":"info","msg":"listening on 127.0.0.1:5000"}
not a line of the log"#;

#[test]
fn lines_of_the_access_log_are_read_and_others_are_not() {
    let log = Log(LINES.lines().filter_map(parse_access).collect());
    let expected = "\
GET /v2/ -> 200, 2 bytes
HEAD /v2/team/app/manifests/v1?ns=docker.io -> 200, 0 bytes
GET /v2/a/blobs/sha256:00 -> 206, 1000647 bytes
";
    assert_eq!(log.to_string(), expected);
    let agents: Vec<_> = log.0.iter().map(|entry| entry.user_agent.as_str()).collect();
    assert_eq!(agents, ["skopeo/1.9.3", r"docker/20.10 UpstreamClient(Docker-Client/20.10 \(linux\))", "x"]);
}

#[test]
fn the_address_is_told_with_and_without_tls() {
    let expected = "127.0.0.1:5000".parse().ok();
    assert_eq!(listening_address(LINES), expected);
    let line = r#"{"level":"info","msg":"listening on 127.0.0.1:5000, tls"}"#;
    assert_eq!(listening_address(line), expected);
}
