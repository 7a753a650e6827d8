//! `/metrics` in the eyes of Prometheus's own programs.

use std::fs;

use pullscope_tests::collector::{Collector, Settings};
use pullscope_tests::endpoint::get;
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

/// With `--bpf-stats` the kernel measures the programs, and says so of each.
#[test]
fn what_the_kernel_programs_cost() {
    let alone = alone();
    let name = "pullscope_probe_runs_total";
    let plain = Collector::start(&alone);
    assert!(!plain.scrape().names().contains(name));
    plain.stop();
    let collector =
        Collector::start_with(&alone, &Settings { arguments: &["--bpf-stats"], ..Settings::default() });
    let programs = 20;
    for _ in 0..programs {
        let _ = run(Place::machine().command("mount")).expect_ok();
    }
    let scrape = collector.scrape();
    assert!(scrape.count(name, &[("probe", "process_exec")]) >= programs, "{scrape}");
    collector.stop();
}
