//! `/metrics` in the eyes of Prometheus's own programs.

use std::fs;

use pullscope_tests::collector::{Collector, get};
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::{Server, run};
use pullscope_tests::turn::alone;

#[test]
fn promtool_accepts_it() {
    let alone = alone();
    let collector = Collector::start(&alone);
    let file = collector.dir().join("metrics");
    fs::write(&file, collector.text()).expect("write the metrics");
    let mut command = Place::machine().command("/bin/sh");
    command.args(["-c", "exec promtool check metrics < \"$0\""]).arg(&file);
    let outcome = run(command).expect_ok();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""), "promtool has something to say");
    collector.stop();
}

#[test]
fn a_prometheus_server_scrapes_it_and_answers_a_query() {
    let alone = alone();
    let collector = Collector::start(&alone);
    let dir = tempfile::tempdir().expect("a directory for prometheus");
    let config = format!(
        "scrape_configs: [{{job_name: pullscope, scrape_interval: 1s, static_configs: [{{targets: ['{}']}}]}}]\n",
        collector.address()
    );
    fs::write(dir.path().join("prometheus.yml"), config).expect("write the configuration of prometheus");
    let address = free_address();
    let mut command = Place::machine().command("prometheus");
    command.arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()));
    command.arg(format!("--web.listen-address={address}"));
    let mut server = Server::spawn("prometheus", command, &dir.path().join("log"));
    server.wait_until("a sample of pullscope", |_| {
        let (code, answer) = get(address, "/api/v1/query?query=pullscope_build_info").ok()?;
        (code == 200 && answer.contains("\"version\"")).then_some(())
    });
    drop(server);
    collector.stop();
}
