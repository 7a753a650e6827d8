//! TLS that no probe reads (rustls, linked into its program): the right registry by its name in the handshake, every byte, and
//! no invented request.

use pullscope_tests::collector::{Collector, Settings, clients};
use pullscope_tests::go::installed_as;
use pullscope_tests::images::Image;
use pullscope_tests::place::Place;
use pullscope_tests::process::run;
use pullscope_tests::secure::Secure;
use pullscope_tests::tls::Version;
use pullscope_tests::turn::alone;

use crate::compare::{connects, decoded_and_opaque, nothing_left_or_lost};

const HOST: &str = "registry.example.co.uk";
const LABEL: &str = "example.co.uk";
const NAME: &str = "rustls-get";

#[test]
fn rustls() {
    let alone = alone();
    let image = Image::make(&[300_000], 33);
    let programs = tempfile::tempdir().expect("a directory for a program");
    let program = installed_as(env!("CARGO_BIN_EXE_rustls-get").as_ref(), programs.path(), NAME);
    let mut secure = Secure::start(Version::Http2, &[HOST]);
    secure.push(&image, "team/app:v1");
    let config = format!("default_targets = false\n{}", clients([NAME]));
    let settings = Settings { config: Some(&config), programs: Some(programs.path()), ..Settings::default() };
    let collector = Collector::start_with(&alone, &settings);

    let mut command = Place::machine().command(&program);
    command.arg(secure.authority.file()).arg(HOST).arg(secure.relay.address().to_string());
    command.args(["/v2/".to_owned(), format!("/v2/team/app/blobs/{}", image.layers[0].digest)]);
    let _ = run(command).expect_ok();
    let (connections, sent, received) =
        (secure.relay.connections(), secure.relay.to_server(), secure.relay.to_client());
    assert!(received > image.layers[0].size);
    assert_eq!(secure.stop().0.len(), 2);

    let open = [("process", NAME)];
    let is_over = |scrape: &pullscope_tests::scrape::Scrape| {
        connects(scrape, NAME, "ok") == connections && scrape.count("pullscope_connections_open", &open) == 0
    };
    collector.until(is_over);
    let scrape = collector.settled();
    assert!(is_over(&scrape), "{scrape}");
    assert_eq!(decoded_and_opaque(&scrape, NAME), (0, connections), "{scrape}");
    // The client has read to the end, so nothing that the relay has passed on is left unread.
    let bytes = scrape.group("pullscope_network_bytes_total", &open, ["registry", "direction"]);
    let of = |direction: &str| [LABEL.to_owned(), direction.to_owned()];
    assert_eq!(bytes, [(of("receive"), received), (of("transmit"), sent)].into(), "{scrape}");
    let labels = [("process", NAME), ("registry", LABEL)];
    let handshakes = scrape.count("pullscope_tls_handshake_duration_seconds_count", &labels);
    assert_eq!(handshakes, connections, "{scrape}");
    for name in ["registry_requests_total", "registry_response_bytes_total", "downloads_total"] {
        assert_eq!(scrape.count(&format!("pullscope_{name}"), &[]), 0, "{name}:\n{scrape}");
    }
    nothing_left_or_lost(&scrape);
    collector.stop();
}
