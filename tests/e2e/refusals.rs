//! What pullscope says when it can't run, and that it leaves nothing behind when it has run.

use std::net::TcpListener;
use std::process::Command;

use pullscope_tests::collector::{Collector, binary};
use pullscope_tests::place::Place;
use pullscope_tests::process::{Outcome, run};
use pullscope_tests::turn::alone;

/// The last line on standard error, and no other, names the program, tells why, and how to mend it; exit status 1.
#[track_caller]
fn refused(outcome: &Outcome, why: &str) {
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let told: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("pullscope: ")).collect();
    assert_eq!(told.len(), 1, "{outcome:#?}");
    assert_eq!(outcome.stderr.lines().last(), Some(told[0]), "{outcome:#?}");
    assert!(told[0].contains(why), "{outcome:#?}");
}

fn with_wrapper(wrapper: &[&str]) -> Command {
    let mut command = Place::machine().command("setpriv");
    command.args(wrapper).arg("--").arg(binary()).args(["run", "--web.listen-address=127.0.0.1:0"]);
    command
}

#[test]
fn by_nobody() {
    // The program may stand where nobody can reach it: a copy can be reached.
    let dir = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let copy = dir.path().join("pullscope");
    std::fs::copy(binary(), &copy).expect("copy the program");
    let mut open = Command::new("chmod");
    assert!(open.args(["-R", "a+rx"]).arg(dir.path()).status().expect("chmod").success());
    let mut command = Place::machine().command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&copy);
    command.args(["run", "--web.listen-address=127.0.0.1:0"]);
    refused(&run(command), "run as root");
}

#[test]
fn without_the_capability_to_load_programs() {
    let bounds = ["--bounding-set=-bpf,-sys_admin,-perfmon", "--inh-caps=-bpf,-sys_admin,-perfmon"];
    refused(&run(with_wrapper(&bounds)), "CAP_BPF");
}

#[test]
fn at_a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address");
    let mut command = Place::machine().command(binary());
    command.arg("run").arg(format!("--web.listen-address={address}"));
    refused(&run(command), &address.to_string());
}

/// The names of the kernel programs that are loaded now.
fn loaded() -> String {
    let mut command = Place::machine().command("bpftool");
    command.args(["prog", "show"]);
    run(command).expect_ok().stdout
}

#[test]
fn nothing_stays_attached() {
    let alone = alone();
    let collector = Collector::start(&alone);
    assert!(loaded().contains("process_exec"));
    collector.stop();
    // The kernel lets go of programs a moment after their last descriptor.
    let gone = pullscope_tests::process::poll(std::time::Duration::from_secs(10), || {
        (!loaded().contains("process_exec")).then_some(())
    });
    assert!(gone.is_some(), "{}", loaded());
}

/// A recipe with a mistake is refused with the file, the line and the reason, and nothing is watched.
#[test]
fn recipes_with_mistakes() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("recipes.toml");
    let head = "[[recipe]]\nname = \"worker\"\nabout = \"A worker.\"\ncomm = \"worker\"\n\n[[recipe.work]]\n";
    let cases = [
        (
            "queue = { from = \"reply\" }\nbegin = { reply = \"BLPOP **\" }\nend = [{ command = \"BLPOP **\" }]\n",
            7,
            "bound",
        ),
        ("queue = \"jobs\"\nbegin = { reply = \"BLPOP **\" }\n", 8, "end"),
        (
            "queue = \"jobs\"\nbegin = { replies = \"BLPOP **\" }\nend = [{ command = \"BLPOP **\" }]\n",
            8,
            "replies",
        ),
    ];
    for (rule, line, why) in cases {
        std::fs::write(&file, format!("{head}{rule}")).expect("write a recipe");
        let mut command = Place::machine().command(binary());
        command.args(["run", "--web.listen-address=127.0.0.1:0"]);
        command.arg(format!("--config.file={}", file.display()));
        let outcome = run(command);
        assert_eq!(outcome.code, Some(2), "{outcome:#?}");
        let place = format!("line {line}: ");
        assert!(
            ["recipes.toml", &place, why].iter().all(|text| outcome.stderr.contains(*text)),
            "{place} {why}: {outcome:#?}"
        );
    }
}
