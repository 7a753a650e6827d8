//! All of `/metrics` as it stands at a fresh start, in one file that a change of the table shows up in.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use pullscope::config::{Settings, SettingsArgs};
use pullscope::metrics::Metrics;

use crate::program::file;

/// Two targets and a recipe keep the file short enough to read.
const TARGETS: &str = "\
default_targets = false
[[targets]]
name = \"containerd\"
comm = \"containerd\"
role = \"client\"
[[targets]]
name = \"spegel\"
comm = \"spegel\"
role = \"both\"
[[recipe]]
name = \"worker\"
about = \"Takes items from a queue.\"
comm = \"worker\"
role = \"client\"
[[recipe.work]]
queue = \"jobs\"
begin = { reply = \"BLPOP jobs *\", is = \"item\" }
end = [{ command = \"BLPOP jobs *\" }]
[[recipe.operation]]
operation = \"acknowledge\"
during = { redis = \"LREM **\" }
";

fn fresh_start() -> String {
    let config = file(TARGETS);
    let args = SettingsArgs { config_file: Some(config.path().to_owned()), ..SettingsArgs::default() };
    let settings = Settings::load(&args).unwrap();
    let mut text = Vec::new();
    Metrics::new(&settings.targets, &settings.recipes, 200).unwrap().write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Puts a fixed text in the place of what differs between builds and runs: values of `process_*`, version and revision.
fn normalised(text: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some((name, _)) if name.starts_with("process_") => format!("{name} 0\n"),
        Some((name, value)) if name.starts_with("pullscope_build_info{") => {
            format!("pullscope_build_info{{kernel_strategy=\"none\",revision=\"-\",version=\"-\"}} {value}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_fresh_start_is_as_in_the_golden_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics.txt");
    let found = normalised(&fresh_start());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    let differs = golden.lines().zip(found.lines()).find(|(golden, found)| golden != found);
    assert!(
        golden == found,
        "differs from tests/golden/metrics.txt, first (golden, found): {differs:?}; if that is meant, run the tests \
         with UPDATE_GOLDEN=1"
    );
}

#[test]
fn promtool_accepts_the_metrics() {
    let mut promtool = match Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(promtool) => promtool,
        Err(error) => {
            eprintln!(
                "SKIPPED: promtool cannot be started ({error}); Debian has it in the package prometheus"
            );
            return;
        }
    };
    promtool.stdin.take().unwrap().write_all(fresh_start().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
