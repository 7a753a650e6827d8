use std::time::{Duration, SystemTime};

use super::terminal::{plain, shortened};
use super::*;
use crate::pulls::document::{Cached, Layers, Phase};

const PIPE: Terminal = Terminal { columns: None, colours: false };

fn now() -> SystemTime {
    humantime::parse_rfc3339("2026-11-21T15:02:05Z").unwrap()
}

/// A pull that goes on, of which nothing is known.
fn running(id: u64) -> Pull {
    Pull {
        id,
        state: State::Running,
        runtime: "podman".to_owned(),
        pid: 7,
        source: "traffic".to_owned(),
        image: None,
        digest: None,
        registry: "[UNKNOWN]".to_owned(),
        isolation: "unknown".to_owned(),
        trigger: "unknown".to_owned(),
        has_creds: None,
        on_disk: None,
        status: None,
        reason: None,
        began: "2026-11-21T15:02:00.000Z".to_owned(),
        duration_seconds: 5.0,
        bytes: 0,
        bytes_per_second: None,
        phases: Vec::new(),
        phases_left_out: 0,
        layers: None,
        cached: None,
    }
}

fn failed(id: u64, reason: Option<&str>) -> Pull {
    Pull {
        state: State::Ended,
        status: Some("error".to_owned()),
        reason: reason.map(str::to_owned),
        image: Some("example.com/\x1b[31mteam/app:v1".to_owned()),
        began: "2026-11-19T15:00:00.000Z".to_owned(),
        duration_seconds: 0.0123,
        ..running(id)
    }
}

fn phase(step: &str, reference: &str, offset: f64, first: Option<f64>, duration: Option<f64>) -> Phase {
    Phase {
        step: step.to_owned(),
        reference: Some(reference.to_owned()),
        offset_seconds: offset,
        first_byte_seconds: first,
        duration_seconds: duration,
        bytes: 100,
        size: None,
        layer: None,
        code: Some(200),
    }
}

/// A pull of 2 s that went well.
fn known() -> Pull {
    let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let blob = |letter: &str, layer, offset, first, duration| Phase {
        layer: Some(layer),
        bytes: 3_000_000,
        ..phase("blob", &digest(letter), offset, first, duration)
    };
    Pull {
        state: State::Ended,
        runtime: "containerd".to_owned(),
        pid: 123,
        source: "cri".to_owned(),
        image: Some("registry.example.com/team/app:v1".to_owned()),
        digest: Some(digest("d")),
        registry: "example.com".to_owned(),
        isolation: "runc".to_owned(),
        trigger: "execution".to_owned(),
        has_creds: Some(true),
        on_disk: Some(false),
        status: Some("ok".to_owned()),
        began: "2026-11-21T14:00:00.123Z".to_owned(),
        duration_seconds: 2.0,
        bytes: 6_000_700,
        bytes_per_second: Some(3_000_350.0),
        phases: vec![
            Phase { code: Some(401), ..phase("resolve", "v1", 0.0, Some(0.1), Some(0.1)) },
            phase("manifest", &digest("d"), 0.2, Some(0.1), Some(0.2)),
            blob("c", false, 0.5, Some(0.25), Some(0.5)),
            blob("a", true, 1.0, Some(0.25), Some(1.0)),
        ],
        phases_left_out: 2,
        layers: Some(Layers { named: 3, downloaded: 2, cached: Some(1) }),
        cached: Some(vec![Cached { digest: digest("e"), size: 5_000 }]),
        ..running(17)
    }
}

#[test]
fn the_table_has_a_line_for_each_pull() {
    let ended = Pull { state: State::Ended, status: Some("unknown".to_owned()), ..running(16) };
    let pulls = [running(18), known(), ended, failed(15, Some("not_found")), failed(3, None)];
    let expected = "\
ID  AGE  DURATION  STATUS     IMAGE                             RUNTIME     REGISTRY        SIZE       RATE  CACHED
18   5s    5.00 s  running    -                                 podman      [UNKNOWN]        0 B          -       -
17   1h    2.00 s  ok         registry.example.com/team/app:v1  containerd  example.com  5.7 MiB  2.9 MiB/s     1/3
16   5s    5.00 s  unknown    -                                 podman      [UNKNOWN]        0 B          -       -
15   2d     12 ms  not_found  example.com/?[31mteam/app:v1      podman      [UNKNOWN]        0 B          -       -
 3   2d     12 ms  error      example.com/?[31mteam/app:v1      podman      [UNKNOWN]        0 B          -       -
";
    assert_eq!(table::text(&pulls, now(), &PIPE), expected);
}

#[test]
fn an_empty_table_has_its_titles() {
    let expected = "ID  AGE  DURATION  STATUS  IMAGE  RUNTIME  REGISTRY  SIZE  RATE  CACHED\n";
    assert_eq!(table::text(&[], now(), &PIPE), expected);
}

#[test]
fn a_narrow_terminal_shows_the_ends_of_names() {
    let narrow = Terminal { columns: Some(100), colours: false };
    let text = table::text(&[known()], now(), &narrow);
    assert!(text.lines().all(|line| line.chars().count() == 100), "{text}");
    assert!(text.contains("  …ple.com/team/app:v1  containerd"), "{text}");
    let narrowest = table::text(&[known()], now(), &Terminal { columns: Some(10), colours: false });
    assert!(narrowest.contains("  …com/team/app:v1  containerd"), "{narrowest}");
}

#[test]
fn colours_stand_where_they_are_wanted_and_take_no_room() {
    let coloured = Terminal { columns: None, colours: true };
    let text = table::text(&[running(1), known(), failed(2, None)], now(), &coloured);
    for part in ["\x1b[33mrunning\x1b[0m  ", "\x1b[32mok     \x1b[0m  ", "\x1b[31merror  \x1b[0m  "] {
        assert!(text.contains(part), "{text:?}");
    }
    let bare =
        text.replace("\x1b[0m", "").replace("\x1b[33m", "").replace("\x1b[32m", "").replace("\x1b[31m", "");
    assert_eq!(bare, table::text(&[running(1), known(), failed(2, None)], now(), &PIPE));
}

#[test]
fn the_waterfall_shows_what_was_waited_for() {
    let expected = "\
pull 17  registry.example.com/team/app:v1
  digest    sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
  registry  example.com
  runtime   containerd, process 123
  seen by   cri
  trigger   execution
  isolation runc
  access    with credentials
  status    ok
  began     2026-11-21T14:00:00.123Z
  duration  2.00 s
  bytes     5.7 MiB, 2.9 MiB/s
  blobs     3 named (config included), 2 downloaded, 1 there already

STEP      WHAT                      SIZE      TIME  CODE  0               2.00 s
resolve   v1                       100 B    100 ms   401  █
manifest  sha256:dddddddddddd      100 B    200 ms   200    ·█
config    sha256:cccccccccccc    2.9 MiB    500 ms   200       ···███
layer     sha256:aaaaaaaaaaaa    2.9 MiB    1.00 s   200             ··█████████
cached    sha256:eeeeeeeeeeee    4.9 KiB
and 2 more that were not kept

· waits for the first byte   █ the body comes
";
    let text = waterfall::text(&known(), &PIPE);
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_waterfall_of_what_goes_on_says_so() {
    let pull = Pull {
        phases: vec![
            Phase { code: None, reference: None, ..phase("token", "", 4.0, None, None) },
            Phase { layer: Some(true), ..phase("blob", "sha256:aa", 0.0, Some(2.5), None) },
        ],
        layers: Some(Layers { named: 2, downloaded: 1, cached: None }),
        ..running(18)
    };
    let wide = Terminal { columns: Some(BEFORE_BAR + 20), colours: false };
    let text = waterfall::text(&pull, &wide);
    for line in [
        "pull 18  not known",
        "  status    running",
        "  access    credentials not known",
        "  blobs     2 named (config included), 1 downloaded",
        "token     -                        100 B   running     -                  ····",
        "layer     sha256:aa                100 B   running   200  ··········██████████",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let cut = waterfall::text(&Pull { state: State::Ended, ..pull }, &wide);
    assert!(cut.contains("  status    unknown\n") && cut.contains("100 B         -     -  "), "{cut}");
}

/// Columns before the bar.
const BEFORE_BAR: usize = 58;

#[test]
fn a_pull_without_phases_has_a_head_alone() {
    let text = waterfall::text(&running(1), &PIPE);
    assert!(text.ends_with("  bytes     0 B\n  blobs     not known\n"), "{text}");
}

#[test]
fn a_bar_stays_in_its_place_whatever_the_times() {
    let times = [0.0, 1e-12, 0.5, 2.0, 1e9, f64::MAX];
    let all = 0..times.len().pow(3) * 3;
    for case in all {
        let pick = |place: u32| times[case / times.len().pow(place) % times.len()];
        let (offset, first, duration) = match case / times.len().pow(3) {
            0 => (pick(0), Some(pick(1)), Some(pick(2))),
            1 => (pick(0), None, Some(pick(2))),
            _ => (pick(0), Some(pick(1)), None),
        };
        let pull = Pull { phases: vec![phase("blob", "x", offset, first, duration)], ..running(1) };
        let text = waterfall::text(&pull, &PIPE);
        let line = text.lines().find(|line| line.starts_with("blob ")).unwrap();
        let cells = line.chars().skip(BEFORE_BAR).filter(|c| *c != ' ').count();
        assert!(cells >= 1 && line.chars().count() <= 80, "{offset} {first:?} {duration:?}: {line}");
    }
}

#[test]
fn the_first_lines_of_a_stream_are_not_shown_twice() {
    let mut shown = Shown::default();
    shown.listed(&running(1));
    shown.listed(&failed(2, None));
    let news = [running(1), failed(2, None), running(3), running(3), failed(1, None), failed(3, None)];
    assert_eq!(news.map(|pull| shown.is_new(&pull)), [false, false, true, false, true, true]);
}

#[test]
fn events_are_read_and_others_passed_over() {
    let pull = serde_json::to_string(&known()).unwrap();
    let stream = format!(
        ": hello\n\nretry: 3000\nevent: other\ndata: x\n\nevent: pull\nid: 1\ndata: {pull}\n\n\
         event: missed\ndata:{{\"missed\":3}}\n\nevent: pull\ndata: {pull}\n"
    );
    let read: Vec<_> = events::Events::new(stream.as_bytes()).collect();
    // The last was cut before its end.
    assert_eq!(read, [Ok(Event::Pull { pull: Box::new(known()), text: pull }), Ok(Event::Missed(3))]);
    let broken: Vec<_> =
        events::Events::new(&b"event: pull\ndata: {}\n\nevent: missed\ndata: {\"missed\":3}\n\n"[..])
            .collect();
    assert!(matches!(&broken[..], [Err(reason)] if reason.contains("missing field `id`")), "{broken:?}");
}

#[test]
fn fields_of_later_versions_are_passed_over() {
    let mut value = serde_json::to_value(known()).unwrap();
    value["later"] = true.into();
    assert_eq!(serde_json::from_value::<Pull>(value).unwrap(), known());
}

#[test]
fn addresses_are_checked() {
    for (given, address) in [
        ("http://127.0.0.1:10617", "http://127.0.0.1:10617"),
        ("http://[::1]:1/", "http://[::1]:1"),
        ("node-1.example:80", "http://node-1.example:80"),
    ] {
        assert_eq!(given.parse::<Address>().unwrap().to_string(), address);
    }
    for bad in ["", "http://", "https://x", "ftp://x", "http://x/metrics", "http://user:secret@x", "a b"] {
        assert!(bad.parse::<Address>().is_err(), "{bad}");
    }
    assert_eq!(Address::default().to_string(), "http://127.0.0.1:10617");
}

#[test]
fn numbers_are_written_for_people() {
    for (bytes, text) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_524, "1023.9 KiB"),
        (1_048_570, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (u64::MAX, "16777216.0 TiB"),
    ] {
        assert_eq!(units::bytes(bytes), text, "{bytes}");
    }
    for (seconds, text) in [
        (0.0, "0 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1.00 s"),
        (59.99, "59.99 s"),
        (59.999, "1m00s"),
        (125.0, "2m05s"),
        (3599.6, "1h00m"),
        (90_000.0, "1d01h"),
        (f64::MAX, ">99d"),
    ] {
        assert_eq!(units::duration(seconds), text, "{seconds}");
    }
    for (seconds, text) in
        [(0, "0s"), (59, "59s"), (60, "1m"), (3600, "1h"), (86_400, "1d"), (864_000, "10d")]
    {
        assert_eq!(units::age(seconds), text);
    }
    assert_eq!(units::rate(1_500_000.0), "1.4 MiB/s");
}

#[test]
fn what_strangers_say_cannot_move_the_cursor() {
    assert_eq!(plain("a\x1b[2J\r\nb\u{202e}ü"), "a?[2J??b??");
    assert_eq!(shortened("abcdef", 6), "abcdef");
    assert_eq!(shortened("abcdefg", 4), "…efg");
}

#[test]
fn an_age_is_never_negative() {
    let text = table::text(&[running(1)], now() - Duration::from_secs(3600), &PIPE);
    assert!(text.contains(" 0s "), "{text}");
    let text = table::text(&[Pull { began: "soon".to_owned(), ..running(1) }], now(), &PIPE);
    assert!(text.contains("   -  "), "{text}");
}
