//! Why it does not start: the last line of its log, from which Kubernetes makes the status of a pod.

use std::process::{Command, Output};

use serde_json::Value;

use crate::program::{command, file, finished};
use crate::text;

/// It ended with that status, and its last line is the sentence, with what must be in it.
#[track_caller]
fn refused(output: &Output, status: i32, says: &[&str]) -> String {
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{log}");
    let sentence = log.lines().last().and_then(|line| line.strip_prefix("pullscope: "));
    let sentence = sentence.unwrap_or_else(|| panic!("not the last line: {log}"));
    for part in says {
        assert!(sentence.contains(part), "{part}: {log}");
    }
    assert!(sentence.ends_with('.') && log.ends_with(".\n"), "not a sentence: {log}");
    sentence.to_owned()
}

/// `run` with a config file of that text, and the file's name.
fn run_with(config: &str) -> (Output, String) {
    let config = file(config);
    let output = finished(command().arg("run").arg("--config.file").arg(config.path()));
    (output, config.path().to_str().unwrap().to_owned())
}

#[test]
fn a_wrong_config_file_is_told_with_its_line() {
    let worker = "[[recipe]]\nname = \"worker\"\ncomm = \"python3\"\n\n[[recipe.work]]\n";
    let unbound = format!(
        "{worker}queue = {{ from = \"reply\" }}\nbegin = {{ reply = \"BLPOP **\" }}\n\
                           end = [{{ command = \"BLPOP **\" }}]\n"
    );
    let cases = [
        ("[web]\n\nlisten_adress = \":0\"\n", 3, "unknown key `listen_adress`, expected"),
        ("max_registries = 200\nlog = { levle = \"info\" }\n", 2, "unknown key `levle`"),
        ("[kernel]\nstrategy = \"magic\"\n", 2, "`magic`, expected one of `auto`, `sock`, `syscall`"),
        ("\nmax_registries = 0\n", 2, "0 is not a number from 1 to"),
        ("[web]\nlisten_address = \"nowhere\"\n", 2, "expected an address such as"),
        ("[web\n", 1, "expected `]`"),
        ("[web]\nlisten_address = \"\n", 2, ""),
        ("[[targets]]\nname = \"a\"\n", 1, "missing key `comm`"),
        ("use_recipes = [\"no-such\"]\n", 1, "no-such"),
        (&unbound, 6, "bound"),
    ];
    for (config, line, why) in cases {
        let (output, name) = run_with(config);
        let sentence = refused(&output, 2, &[&format!("config file {name}: line {line}: "), why]);
        assert!(sentence.contains("Mend that line; docs/configuration.md"), "{sentence}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "nothing else is said: {sentence}");
    }
}

#[test]
fn a_config_file_that_cannot_be_read_is_told_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other.toml");
    std::fs::write(&other, b"\xff\xfe").unwrap();
    let large = dir.path().join("large.toml");
    std::fs::write(&large, "#".repeat((1 << 20) + 1)).unwrap();
    let cases = [
        (dir.path().join("absent.toml"), "No such file"),
        (dir.path().to_owned(), "directory"),
        (other, "UTF-8"),
        (large, "more than 1048576"),
    ];
    for (path, why) in cases {
        let output = finished(command().arg("run").arg("--config.file").arg(&path));
        refused(&output, 2, &["config file ", path.to_str().unwrap(), why, "--config.file"]);
    }
}

#[test]
fn a_name_cannot_make_a_second_line() {
    let output = finished(command().args(["run", "--config.file=/absent\npullscope: all is well."]));
    let sentence = refused(&output, 2, &["/absent pullscope: all is well.: No such file"]);
    assert!(sentence.starts_with("config file /absent"), "{sentence}");
}

#[test]
fn a_wrong_variable_is_told_by_its_name() {
    let output = finished(command().env("PULLSCOPE_MAX_REGISTRIES", "many"));
    refused(
        &output,
        2,
        &["the environment variable PULLSCOPE_MAX_REGISTRIES: ", "`many` is not a number from 1 to 1000"],
    );
    let output = finished(command().arg("run").env("PULLSCOPE_KERNEL_STRATEGY", "magic"));
    refused(
        &output,
        2,
        &["the environment variable PULLSCOPE_KERNEL_STRATEGY: ", "[possible values: auto, sock, syscall]"],
    );
    let mut run = command();
    run.args(["run", "--max-registries=0"]).env("PULLSCOPE_MAX_REGISTRIES", "5");
    let sentence =
        refused(&finished(&mut run), 2, &["the command line: ", "--max-registries", "0 is not a number"]);
    assert!(!sentence.contains("environment"), "{sentence}");
}

#[test]
fn a_wrong_command_line_is_one_sentence() {
    let cases: [(&[&str], &[&str]); 4] = [
        (
            &["run", "--web.listen-adress=:0"],
            &["unexpected argument", "; a similar argument exists: '--web.listen-address"],
        ),
        (&["--use-recipes=no-such"], &["no-such"]),
        (&["rnu"], &["unrecognized subcommand 'rnu'"]),
        (&["pulls", "show"], &["required arguments were not provided: <ID>"]),
    ];
    for (arguments, says) in cases {
        let output = finished(command().args(arguments));
        refused(&output, 2, says);
        assert_eq!(text(&output.stderr).lines().count(), 1, "{says:?}");
    }
    // Help that was asked for, and that which says what may follow, are none.
    for (arguments, status) in [(&["--help"][..], 0), (&["recipes"], 2)] {
        let output = finished(command().args(arguments));
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
        assert!(text(&[output.stdout, output.stderr].concat()).contains("Usage:"), "{arguments:?}");
    }
}

/// A port that is taken, and who has it.
fn taken() -> (std::net::TcpListener, String) {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    (taken, address)
}

#[test]
fn a_taken_port_is_told_with_its_address() {
    let (_taken, address) = taken();
    let output = finished(command().arg(format!("--web.listen-address={address}")));
    refused(&output, 1, &[&format!("listening at {address}: the port is taken"), "--web.listen-address"]);
    assert_eq!(text(&output.stderr).lines().count(), 1, "nothing else is said");
}

/// It ended with that status, and its log is objects only, the last of which has the sentence.
#[track_caller]
fn refused_in_json(command: &mut Command, status: i32, says: &[&str]) {
    let output = finished(command);
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{log}");
    let lines = log.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    let last = lines.unwrap_or_else(|error| panic!("{error}: {log}")).pop().expect("a line");
    assert_eq!(last["level"], "ERROR", "{log}");
    let sentence = last["message"].as_str().unwrap();
    assert!(says.iter().all(|part| sentence.contains(part)) && sentence.ends_with('.'), "{log}");
}

#[test]
fn in_a_log_of_objects_it_is_one() {
    let (_taken, address) = taken();
    let says: &[&str] = &[&format!("listening at {address}: the port is taken"), "--web.listen-address"];
    let listen = format!("--web.listen-address={address}");
    refused_in_json(command().args(["run", "--log.format=json", &listen]), 1, says);
    let config = file("[log]\nformat = \"json\"\nlevel = \"error\"\n");
    refused_in_json(command().args(["run", &listen, "--config.file"]).arg(config.path()), 1, says);
    let wrong = file("[log]\nformat = \"json\"\nlevel = \"loud\"\n");
    let says: &[&str] = &["config file ", "line 3: unknown variant `loud`"];
    let mut run = command();
    run.args(["run", "--config.file"]).arg(wrong.path());
    refused(&finished(&mut run), 2, says);
    refused_in_json(run.env("PULLSCOPE_LOG_FORMAT", "json"), 2, says);
}
