//! The program as a user meets it: its flags, its files, its answers and its exit status.
//!
//! Tests that let it run need root and the kernel programs in the build; elsewhere they are skipped and say so.

mod golden;
mod program;
mod pulls;
mod recipes;
mod refusals;

use std::io::Read;
use std::process::Output;

use program::{Program, command, file, finished};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The finding of that name in a report of `check`.
fn finding(report: &[u8], name: &str) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_slice(report).unwrap();
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap().clone()
}

#[track_caller]
fn refused(output: &Output, status: i32, says: &[&str]) {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    for part in says {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let config = file("[web]\nlisten_address = \"127.0.0.3:0\"\n");
    let in_force = |variable: Option<&str>, flag: Option<&str>| {
        let mut check = command();
        check.args(["check", "--output=json", "--config.file"]).arg(config.path());
        check.args(flag.map(|flag| format!("--web.listen-address={flag}")));
        if let Some(variable) = variable {
            check.env("PULLSCOPE_WEB_LISTEN_ADDRESS", variable);
        }
        let report = finished(&mut check).stdout;
        finding(&report, "addresses")["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(in_force(None, None), "127.0.0.3:0 can be listened at");
    assert_eq!(
        in_force(Some("127.0.0.4:0,127.0.0.5:0"), None),
        "127.0.0.4:0, 127.0.0.5:0 can be listened at"
    );
    assert_eq!(in_force(Some("127.0.0.4:0"), Some("127.0.0.6:0")), "127.0.0.6:0 can be listened at");
}

#[test]
fn it_serves_at_every_address_until_sigterm() {
    let mut run = command();
    run.args(["run", "--web.listen-address=127.0.0.1:0,127.0.0.2:0"]);
    let Some(program) = Program::start_on(run, 2) else { return };
    assert_eq!(program.addresses.len(), 2);
    for address in &program.addresses {
        assert!(program::get(*address, "/healthz", "").head.starts_with("HTTP/1.1 200"), "{address}");
    }
    assert!(program.get("/", "").body.starts_with(b"<!doctype html>"));
    let ended = program.stop();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopping"), "{}", ended.log);
}

#[test]
fn it_stops_on_sigint_though_a_client_holds_a_connection() {
    let Some(program) = Program::start(command()) else { return };
    let held = std::net::TcpStream::connect(program.addresses[0]).unwrap();
    let ended = program.stop_by(nix::sys::signal::Signal::SIGINT);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    drop(held);
}

#[test]
fn metrics_are_compressed_when_asked_for_and_other_methods_refused() {
    let Some(program) = Program::start(command()) else { return };
    let packed = program.get("/metrics", "Accept-Encoding: gzip\r\n");
    assert!(packed.head.to_ascii_lowercase().contains("content-encoding: gzip"), "{}", packed.head);
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked.contains("# TYPE pullscope_build_info gauge"));
    let posted = program::request(program.addresses[0], "POST", "/metrics", "Content-Length: 0\r\n");
    assert!(posted.head.starts_with("HTTP/1.1 405"), "{}", posted.head);
    program.stop();
}

#[test]
fn check_answers_in_json_with_a_status_for_scripts() {
    let output = finished(command().args(["check", "--output", "json", "--web.listen-address=127.0.0.1:0"]));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap();
    let failed = checks.iter().any(|check| check["status"] == "fail");
    assert_eq!(output.status.code(), Some(i32::from(failed)));
    assert_eq!(report["status"] == "fail", failed);
    for check in checks {
        assert!(
            check["name"].is_string() && check["reason"].is_string() && check["mend"].is_string(),
            "{check}"
        );
    }
    assert_eq!(finding(&output.stdout, "addresses")["status"], "ok");
    assert_eq!(finding(&output.stdout, "settings")["status"], "ok");
}

#[test]
fn check_tells_of_an_invalid_file_and_still_looks_at_the_rest() {
    let config = file("[kernel]\nstrategy = \"magic\"\n");
    let output = finished(command().args(["check", "--config.file"]).arg(config.path()));
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(table.contains("fail  settings") && table.contains("line 2: "), "{table}");
    assert!(table.contains("BTF"), "{table}");
}

#[test]
fn the_other_subcommands_print_to_standard_output() {
    let explained = finished(command().args(["explain", "downloads_total"]));
    assert!(explained.status.success() && text(&explained.stdout).starts_with("pullscope_downloads_total\n"));
    refused(
        &finished(command().args(["explain", "no_such"])),
        2,
        &["pullscope: explain no_such: there is no such metric"],
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = finished(command().args(["completions", shell]));
        assert!(script.status.success() && text(&script.stdout).contains("web.listen-address"), "{shell}");
    }
    let page = finished(command().arg("man"));
    assert!(page.status.success() && text(&page.stdout).contains(".TH pullscope 1"));
    let help = finished(command().arg("--help"));
    assert!(text(&help.stdout).lines().all(|line| line.len() < 101), "help fits a terminal");
}
