//! Clients that fetch what they are told by URL, with OpenSSL: curl, and `requests` of Python.
//!
//! Each prints a line for each exchange: see [`Log::told_by_client`](crate::log::Log::told_by_client).

use std::path::Path;
use std::process::Command;

use crate::place::Place;
use crate::tls::Version;

/// Pulls of OCI images want it for manifests; for the rest it makes no difference to a registry.
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";

/// `AUTHORITY URL...`: a HEAD of the first URL, then a GET of each, on one connection.
const REQUESTS: &str = "
import sys, requests
session = requests.Session()
session.verify = sys.argv[1]
name, value = 'Accept', 'application/vnd.oci.image.manifest.v1+json'
session.headers[name] = value
for method, url in [('HEAD', sys.argv[2])] + [('GET', url) for url in sys.argv[2:]]:
    answer = session.request(method, url)
    version = {10: 'HTTP/1.0', 11: 'HTTP/1.1'}[answer.raw.version]
    print(method, url, answer.status_code, len(answer.content), version)
";

/// A client, and how it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetcher {
    /// curl, one request after the other on one connection, or all at once on one with HTTP/2.
    Curl(Version),
    /// curl that speaks HTTP/2 in the clear from the first byte. One URL only: curl 7.88 fails when it uses such a
    /// connection again (exit code 16).
    CurlInTheClear,
    /// Python's requests: HTTP/1.1.
    Requests,
}

impl Fetcher {
    /// The program, as a target tells it.
    pub fn program(self) -> &'static str {
        match self {
            Self::Curl(_) | Self::CurlInTheClear => "curl",
            Self::Requests => "python3",
        }
    }

    /// The version that the two of them speak, when the server would have either.
    pub fn version(self) -> Version {
        match self {
            Self::Curl(version) => version,
            Self::CurlInTheClear => Version::Http2,
            Self::Requests => Version::Http1,
        }
    }

    /// A command that fetches `urls` and trusts the certificate in the file `authority`.
    #[track_caller]
    pub fn command(self, place: &Place, authority: &Path, urls: &[String]) -> Command {
        let mut command = place.command(self.program());
        if self == Self::Requests {
            command.args(["-c", REQUESTS]).arg(authority).args(urls);
            return command;
        }
        let format = "%{method} %{url_effective} %{http_code} %{size_download} HTTP/%{http_version}\\n";
        command.args(["--silent", "--show-error", "--disable", "--write-out", format, "--header", ACCEPT]);
        command.arg("--cacert").arg(authority);
        match self {
            Self::Curl(Version::Http1) => command.arg("--http1.1"),
            Self::Curl(Version::Http2) => command.args(["--http2", "--parallel", "--parallel-max", "64"]),
            _ => command.arg("--http2-prior-knowledge"),
        };
        for url in urls {
            command.args(["--output", "/dev/null", url]);
        }
        command
    }
}
