//! Programs that use OpenSSL: curl over HTTP/1.1 and HTTP/2, and `requests` of Python; and curl over HTTP/2 in the clear.

use std::path::Path;
use std::process::Command;

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::fetch::Fetcher;
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::packages::program;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Running, run};
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::{Authority, Version};
use pullscope_tests::turn::alone;

use crate::compare::{all_decoded, nothing_unknown, same_traffic, settled};

const NAME: &str = "team/app:v1";

fn image() -> Image {
    Image::make(
        &[70_000, 0, 1, 16_384, 4_000_000, 70_000, 3_000, 300, 900_000, 10, 11, 12, 13, 14, 15, 16],
        35,
    )
}

/// Manifest, blobs, and a manifest that is not there.
fn urls(origin: &str) -> Vec<String> {
    let repository = format!("{origin}/v2/team/app");
    let image = image();
    let blobs = image.blobs().map(|blob| format!("{repository}/blobs/{}", blob.digest));
    let others = ["manifests/v1", "manifests/absent"].map(|rest| format!("{repository}/{rest}"));
    others.into_iter().chain(blobs).collect()
}

#[track_caller]
fn watching(alone: &pullscope_tests::turn::Alone, program: &str) -> Collector {
    let config = format!("default_targets = false\n{}", clients([program]));
    Collector::start_with(alone, &Settings { config: Some(&config), ..Settings::default() })
}

#[track_caller]
fn counted_exactly(fetcher: Fetcher, version: Version) {
    let alone = alone();
    let secure = Secure::with(version, &image(), NAME);
    let collector = watching(&alone, fetcher.program());
    let command = fetcher.command(&Place::machine(), &secure.authority.file(), &urls(&secure.origin()));
    let told = Log::told_by_client(&run(command).expect_ok().stdout);
    let connections = secure.relay.connections();
    let log = secure.stop();
    assert_eq!(told.comparable(), log.comparable());
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, fetcher.program(), "[IP_ADDRESS]", &log);
    all_decoded(&scrape, fetcher.program(), "[IP_ADDRESS]", connections);
    collector.stop();
}

#[test]
fn curl_over_http1() {
    counted_exactly(Fetcher::Curl(Version::Http1), Version::Http2);
}

#[test]
fn curl_over_http1_at_a_registry_without_http2() {
    counted_exactly(Fetcher::Curl(Version::Http1), Version::Http1);
}

#[test]
fn curl_over_http2() {
    counted_exactly(Fetcher::Curl(Version::Http2), Version::Http2);
}

#[test]
fn requests() {
    counted_exactly(Fetcher::Requests, Version::Http2);
}

#[test]
fn curl_over_http2_in_the_clear() {
    let alone = alone();
    let site = Site::new().with_http2_in_the_clear().static_image(&image(), NAME);
    let urls = urls(&format!("http://{}", site.address()));
    let nginx = Nginx::start([site]);
    let authority = Authority::new();
    let collector = watching(&alone, "curl");
    for url in urls.chunks(1) {
        let _ = run(Fetcher::CurlInTheClear.command(&Place::machine(), &authority.file(), url)).expect_ok();
    }
    let log = nginx.log();
    let scrape = settled(&collector, &log);
    same_traffic(&scrape, "curl", "[IP_ADDRESS]", &log);
    nothing_unknown(&scrape);
    collector.stop();
}

/// Asks once, waits for a file, and asks for the rest; each time on a connection of its own.
const IN_TWO_STEPS: &str = "
import os, sys, time, requests
authority, gate, first, *rest = sys.argv[1:]
def ask(url):
    answer = requests.get(url, verify=authority, headers={'Accept': 'application/vnd.oci.image.manifest.v1+json'})
    print('GET', url, answer.status_code, len(answer.content), 'HTTP/1.1', flush=True)
ask(first)
print('waiting', flush=True)
while not os.path.exists(gate): time.sleep(0.01)
for url in rest: ask(url)
";

/// A container brings its own libssl: another file under the same path, which only the container's processes see. It is found
/// when the first of them shakes hands; what they ask from then on is read.
#[test]
fn a_library_of_a_mount_namespace() {
    let alone = alone();
    let secure = Secure::with(Version::Http2, &image(), NAME);
    let dir = tempfile::tempdir().expect("a directory for a library");
    let (library, gate) = (dir.path().join("libssl"), dir.path().join("gate"));
    let place = library_of_python();
    std::fs::copy(&place, &library).expect("copy a library");
    let collector = watching(&alone, "python3");
    let known = collector.scrape().count("pullscope_binaries_instrumented", &[("library", "openssl")]);

    let mut command = Command::new(program("setpriv"));
    command.args(["--pdeathsig", "KILL", "--"]).arg(program("unshare"));
    command.args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c"]);
    command.arg(r#"mount --bind "$0" "$1" && shift && exec "$@""#).arg(&library).arg(&place);
    command.arg(program("python3")).args(["-c", IN_TWO_STEPS]);
    command.arg(secure.authority.file()).arg(&gate).args(urls(&secure.origin()));
    let running = Running::spawn(command);
    running.wait_for_output(|output| output.contains("waiting\n"));
    let more = |scrape: &pullscope_tests::scrape::Scrape| {
        scrape.count("pullscope_binaries_instrumented", &[("library", "openssl")]) > known
    };
    let scrape = collector.until(more);
    assert!(more(&scrape), "{scrape}");
    let before = collector.settled();
    std::fs::write(&gate, "").expect("open a gate");
    let outcome = running.wait(PATIENCE).expect_ok();

    let told = Log::told_by_client(&outcome.stdout.replace("waiting\n", ""));
    let log = secure.stop();
    assert_eq!(told.comparable(), log.comparable());
    let later = Log(log.0[1..].to_vec());
    let scrape = settled(&collector, &later).since(&before);
    same_traffic(&scrape, "python3", "[IP_ADDRESS]", &later);
    collector.stop();
}

/// The libssl that Debian's Python loads.
#[track_caller]
fn library_of_python() -> std::path::PathBuf {
    let mut command = Place::machine().command("python3");
    command.args(["-c", "import ssl; print(open('/proc/self/maps').read())"]);
    let maps = run(command).expect_ok().stdout;
    let path = maps.lines().filter_map(|line| line.split_whitespace().last());
    let mut paths = path.filter(|path| {
        Path::new(path).file_name().is_some_and(|name| name.to_string_lossy().starts_with("libssl.so"))
    });
    paths.next().unwrap_or_else(|| panic!("no libssl in {maps}")).into()
}
