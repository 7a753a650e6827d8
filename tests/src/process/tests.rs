//! The ends a child can come to, told apart.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use super::{PATIENCE, Running, Server, poll, run};
use crate::place::Place;

fn shell(script: &str) -> Command {
    let mut command = Place::machine().command("/bin/sh");
    command.args(["-c", script]);
    command
}

#[test]
fn an_exit_code_and_both_outputs_are_kept() {
    let outcome = run(shell("echo out; echo err >&2; exit 3")).expect_failure();
    assert_eq!((outcome.code, outcome.signal, outcome.timed_out), (Some(3), None, false));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn a_command_that_takes_too_long_is_killed_and_says_so() {
    let outcome = Running::spawn(shell("exec sleep 1000")).wait(Duration::from_millis(50));
    assert_eq!((outcome.code, outcome.signal, outcome.timed_out), (None, Some(9), true));
}

#[test]
fn a_killed_command_is_told_from_one_that_took_too_long() {
    let outcome = Running::spawn(shell("exec sleep 1000")).kill();
    assert_eq!((outcome.signal, outcome.timed_out), (Some(9), false));
}

#[test]
fn a_dropped_handle_leaves_no_process() {
    let running = Running::spawn(shell("exec sleep 1000"));
    let pid = running.pid();
    drop(running);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_child_dies_with_the_thread_that_started_it() {
    let start = || {
        let child = shell("exec sleep 1000").spawn().expect("start a shell");
        // `setpriv` asks for the death signal once it runs: wait until it has become the command.
        let argv = format!("/proc/{}/cmdline", child.id());
        poll(PATIENCE, || std::fs::read(&argv).ok().filter(|argv| argv.starts_with(b"sleep")));
        child
    };
    let mut child = std::thread::spawn(start).join().expect("the thread ends");
    let status = poll(PATIENCE, || child.try_wait().expect("look at a child"));
    assert_eq!(status.and_then(|status| status.signal()), Some(9));
}

#[test]
fn a_server_is_terminated_with_its_own_exit_status() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done";
    let mut server = Server::spawn("shell", shell(script), &dir.path().join("log"));
    server.wait_until("its first line", |server| server.output().contains("up").then_some(()));
    assert_eq!(server.terminate().code(), Some(7));
}
