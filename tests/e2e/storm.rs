//! Many pulls at once, some of them killed: every finished exchange is counted once, and nothing stays in flight.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use pullscope_tests::clients::{Client, Puller};
use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::images::Image;
use pullscope_tests::log::Log;
use pullscope_tests::nginx::{Nginx, Site};
use pullscope_tests::scrape::Scrape;
use pullscope_tests::turn::alone;

use crate::compare::{by_kind_and_method, nothing_left_or_lost};

const PULLS: u32 = 500;
const AT_ONCE: u32 = 8;
/// Every so many-th client is killed.
const KILLED: u32 = 10;

/// Runs the pulls. The seed of the moments of death is printed, so that a failure can be run again.
fn pull_all(reference: &str) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let next = &next;
            scope.spawn(move || {
                let puller = Puller::plain(Client::Skopeo);
                let mut rng = Rng::with_seed(seed.wrapping_add(worker.into()));
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= PULLS {
                        return;
                    }
                    if number.is_multiple_of(KILLED) {
                        let running = puller.begin(reference);
                        thread::sleep(Duration::from_millis(rng.u64(0..300)));
                        let _ = running.kill();
                    } else {
                        let _ = puller.pull(reference).expect_ok();
                    }
                }
            });
        }
    });
}

/// A front of static files, the pulls, and what came of it.
fn storm(settings: &Settings<'_>) -> (Log, Scrape) {
    let alone = alone();
    let image = Image::make(&[200_000, 50_000, 2_000], 11);
    let site = Site::new().static_image(&image, "a/b:c");
    let reference = format!("{}/a/b:c", site.address());
    let nginx = Nginx::start([site]);
    let collector = Collector::start_with(&alone, settings);
    pull_all(&reference);
    let log = nginx.log().http();
    let scrape = collector.settled();
    collector.stop();
    (log, scrape)
}

/// nginx logs a request when it has handed over the answer; a client that was killed just then has sent the request,
/// but may not have read the answer, so its code and bytes may be missing. The requests themselves may not.
#[test]
fn every_request_is_counted_once() {
    let (log, scrape) = storm(&Settings::default());
    nothing_left_or_lost(&scrape);
    let by_kind =
        scrape.group("pullscope_registry_requests_total", &[("process", "skopeo")], ["kind", "method"]);
    assert_eq!(by_kind, by_kind_and_method(&log), "{scrape}");
    let unread =
        scrape.count("pullscope_registry_requests_total", &[("process", "skopeo"), ("code", "none")]);
    assert!(unread <= u64::from(PULLS / KILLED) * 4, "{scrape}");
    let open = scrape.count("pullscope_connections_open", &[("process", "skopeo")]);
    assert_eq!(open, 0, "{scrape}");
}

/// With a ring buffer that is far too small, what is lost is counted, and the gauges return to 0 all the same.
#[test]
fn what_is_lost_in_a_small_ring_is_counted() {
    let settings = Settings { arguments: &["--kernel.ring-buffer-bytes=65536"], ..Settings::default() };
    let (log, scrape) = storm(&settings);
    for gauge in ["registry_requests_in_flight", "connections_open"] {
        assert_eq!(
            scrape.count(&format!("pullscope_{gauge}"), &[("process", "skopeo")]),
            0,
            "{gauge}:\n{scrape}"
        );
    }
    let counted = scrape.count("pullscope_registry_requests_total", &[("process", "skopeo")]);
    let missing = (log.0.len() as u64).saturating_sub(counted);
    let lost = scrape.count("pullscope_kernel_events_lost_total", &[]);
    assert!(missing == 0 || lost > 0, "{missing} requests are missing and no event is lost:\n{scrape}");
    assert!(counted <= log.0.len() as u64, "{scrape}");
}
