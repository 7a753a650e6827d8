//! `pullscope pulls` against a pull log that is served here: no kernel programs, no root.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pullscope::config::{ListenAddress, Settings, SettingsArgs, TelemetryPath};
use pullscope::metrics::Metrics;
use pullscope::model::event::TargetId;
use pullscope::model::pull::record::{
    Isolation, Known, PullEnd, PullId, PullRecord, PullStatus, Source, Trigger,
};
use pullscope::pulls::PullLog;
use pullscope::serve::{self, Pages, Status};
use tokio::sync::{mpsc, watch};
use wire::registry::RegistryLabel;
use wire::trouble::Trouble;

use crate::program::{command, finished};
use crate::{refused, text};

/// A pull log, served on a free port of loopback as long as this is there.
struct Served {
    address: String,
    log: PullLog,
    stop: watch::Sender<bool>,
}

fn served() -> Served {
    let targets = Settings::load(&SettingsArgs::default()).unwrap().targets;
    let metrics = Arc::new(Metrics::new(&targets, &[], 10).unwrap());
    let log = PullLog::new(&targets, 10, Arc::clone(&metrics));
    let status = Status::new(Arc::clone(&metrics), "not yet");
    let (refresh, _) = mpsc::channel(1);
    let pages = Pages::new(metrics, status, log.clone(), TelemetryPath::default(), refresh);
    let (stop, stopped) = watch::channel(false);
    let (tell, told) = std::sync::mpsc::channel();
    // It ends when it is told to stop, or when there is nobody left to tell it.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let address: ListenAddress = "127.0.0.1:0".parse().unwrap();
            let listeners = serve::bind(&[address]).await.unwrap();
            tell.send(listeners[0].local_addr().unwrap()).unwrap();
            serve::serve(listeners, Arc::new(pages), stopped).await;
        });
    });
    let address = format!("http://{}", told.recv().unwrap());
    Served { address, log, stop }
}

fn pull(id: u64, end: Option<(PullStatus, Option<Trouble>)>) -> PullRecord {
    let began = pullscope::observer::now();
    PullRecord {
        id: PullId(id),
        runtime: TargetId(0),
        pid: 1,
        source: Source::Cri,
        image: Some(format!("example.com/app:v{id}")),
        digest: None,
        registry: RegistryLabel::Name("example.com".into()),
        isolation: Isolation("runc".into()),
        trigger: Trigger::Warmup,
        has_creds: Known::No,
        on_disk: Known::Unknown,
        began,
        end: end.map(|(status, trouble)| PullEnd { time: began + 2_000_000_000, status, trouble }),
        bytes: 0,
        phases: Vec::new(),
        phases_left_out: 0,
        named: None,
    }
}

const OK: Option<(PullStatus, Option<Trouble>)> = Some((PullStatus::Ok, None));

#[test]
fn pulls_are_shown_as_a_table_as_json_and_one_by_one() {
    let served = served();
    served.log.record(pull(1, Some((PullStatus::Error, Some(Trouble::NotFound)))));
    served.log.record(pull(2, OK));
    served.log.record(pull(3, None));
    let ask = |arguments: &[&str]| {
        finished(command().arg("pulls").args(arguments).args(["--address", &served.address]))
    };
    let table = text(&ask(&[]).stdout);
    let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0][..5], ["ID", "AGE", "DURATION", "STATUS", "IMAGE"], "{table}");
    let parts = |line: &[&str]| (line[0].to_owned(), line[4].to_owned(), line[5].to_owned());
    let row = |id: &str, status: &str| (id.to_owned(), status.to_owned(), format!("example.com/app:v{id}"));
    // The duration is two words, `2.00 s`; that of the one that goes on is `N ms`.
    let rows: Vec<_> = words[1..].iter().map(|line| parts(line)).collect();
    assert_eq!(rows, [row("3", "running"), row("2", "ok"), row("1", "not_found")], "{table}");
    assert!(!table.contains('\x1b'), "no colours where there is no terminal");

    let json: serde_json::Value =
        serde_json::from_slice(&ask(&["--limit", "1", "-o", "json"]).stdout).unwrap();
    assert_eq!((&json["pulls"][0]["id"], &json["pulls"][1]), (&3.into(), &serde_json::Value::Null));

    let shown = text(&ask(&["show", "1"]).stdout);
    assert!(shown.starts_with("pull 1  example.com/app:v1\n"), "{shown}");
    assert!(shown.contains("  status    error: not_found\n"), "{shown}");
    let json: serde_json::Value = serde_json::from_slice(&ask(&["show", "2", "-o", "json"]).stdout).unwrap();
    assert_eq!((&json["id"], &json["duration_seconds"]), (&2.into(), &2.0.into()));
}

#[test]
fn followed_pulls_have_a_line_when_they_begin_and_one_when_they_end() {
    for format in ["table", "json"] {
        let served = served();
        served.log.record(pull(1, OK));
        served.log.record(pull(2, None));
        let mut follow = command();
        follow.args(["pulls", "--follow", "-o", format, "--address", &served.address]);
        let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut id = || {
            let line = lines.next().unwrap();
            if let Ok(pull) = serde_json::from_str::<serde_json::Value>(&line) {
                return format!("{} {}", pull["id"], pull["state"].as_str().unwrap());
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let state = if words[4] == "running" { "running" } else { "ended" };
            format!("{} {state}", words[0])
        };
        if format == "table" {
            assert_eq!(id(), "ID ended", "the titles");
        }
        assert_eq!((id(), id()), ("1 ended".to_owned(), "2 running".to_owned()), "oldest first");
        if format == "json" {
            assert_eq!(id(), "2 running", "the stream begins with what goes on");
        }
        served.log.record(pull(2, OK));
        served.log.record(pull(3, None));
        assert_eq!((id(), id()), ("2 ended".to_owned(), "3 running".to_owned()), "{format}");
        served.stop.send(true).unwrap();
        assert_eq!(lines.next(), None);
        let ended = child.wait_with_output().unwrap();
        refused(&ended, 1, &["pullscope: following ", "pullscope has closed the stream"]);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_following() {
    let served = served();
    served.log.record(pull(1, None));
    let mut follow = command();
    follow.args(["pulls", "--follow", "-o", "json", "--address", &served.address]);
    let mut child = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    // It ends with the first line that it cannot write. The limit is there only so that a program that does not end fails
    // the test instead of holding it.
    let limit = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < limit, "it goes on");
        served.log.record(pull(1, None));
        std::thread::yield_now();
    }
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), text(&ended.stderr).as_str()), (Some(0), ""));
}

#[test]
fn where_nobody_answers_one_sentence_says_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{free}");
    for arguments in
        [&["pulls"][..], &["pulls", "--follow"], &["pulls", "show", "1"], &["pulls", "-o", "json"]]
    {
        let output = finished(command().args(arguments).args(["--address", &address]));
        let says = format!(
            "pullscope: asking {address}: nobody listens there. Start pullscope there, or say with --address"
        );
        refused(&output, 1, &[&says]);
        assert_eq!(text(&output.stderr).lines().count(), 1, "one sentence");
    }
}

#[test]
fn wrong_arguments_of_pulls_are_refused() {
    let served = served();
    let ask = |arguments: &[&str]| {
        finished(command().arg("pulls").args(arguments).args(["--address", &served.address]))
    };
    refused(
        &ask(&["show", "77"]),
        1,
        &["there is no such pull, or it is forgotten", "`pullscope pulls` lists"],
    );
    refused(&ask(&["show", "x"]), 2, &["invalid value 'x'"]);
    refused(&ask(&["--limit", "0"]), 2, &["--limit"]);
    refused(&ask(&["--follow", "show", "1"]), 2, &["--follow and --limit belong to the list"]);
    refused(
        &finished(command().args(["pulls", "--address=https://x"])),
        2,
        &["pullscope serves http, not https"],
    );
    let help = text(&finished(command().args(["pulls", "--help"])).stdout);
    assert!(help.contains("pullscope pulls show 17") && help.lines().all(|line| line.len() < 101), "{help}");
}

#[test]
fn another_server_is_told_from_a_pullscope() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n\x1b[m",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        }
    });
    for why in ["missing field `pulls`", "status 404"] {
        let output = finished(command().args(["pulls", "--address", &address]));
        refused(&output, 1, &["the answer is not that of a pullscope of this version (", why]);
    }
    server.join().unwrap();
}
