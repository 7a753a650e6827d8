//! Children of the rig: servers that live as long as their handle, and commands that come to an end.
//!
//! Children are ended by their own handle, never by name: other programs of the same name may run on the machine.
//! `setpriv --pdeathsig` (see [`crate::place`]) ends them too when the thread that started them dies, so a killed
//! test run leaves nothing behind. A handle must therefore not outlive the thread that made it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Long enough for any real program to start or stop on a busy machine of two cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a server's output a failed test shows: the end, where the reason stands.
const SHOWN_LINES: usize = 30;
const SHOWN_WIDTH: usize = 240;

const POLL: Duration = Duration::from_millis(10);

/// Calls `ready` until it gives a value, for at most `patience`.
pub fn poll<T>(patience: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if Instant::now() > deadline {
            return None;
        }
        sleep(POLL);
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    // The child is not reaped before the handle is waited for, so the pid can't have become another process's.
    kill(pid, signal).expect("signal a child");
}

/// A server that runs until it is terminated or its handle is dropped. What it prints is kept in a file.
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`; both its outputs go to the file `log`, and are printed when the test fails.
    #[track_caller]
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Self {
        let output = File::create(log).expect("create the log of a server");
        let errors = output.try_clone().expect("share the log of a server");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("start {name}: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The process id (of the program itself: the wrappers before it only exec).
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the server has printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Polls `ready` until it gives a value.
    ///
    /// # Panics
    /// When the server ends before, or [`PATIENCE`] runs out.
    #[track_caller]
    pub fn wait_until<T>(&mut self, what: &str, mut ready: impl FnMut(&Self) -> Option<T>) -> T {
        let found = poll(PATIENCE, || {
            let value = ready(self);
            if value.is_none()
                && let Some(status) = self.child.try_wait().expect("look at a child")
            {
                panic!("{} ended ({status}) before {what}", self.name);
            }
            value
        });
        found.unwrap_or_else(|| panic!("{}: no sign of {what} within {PATIENCE:?}", self.name))
    }

    /// Sends SIGTERM and waits for the end; SIGKILL follows when [`PATIENCE`] runs out.
    pub fn terminate(&mut self) -> ExitStatus {
        if let Some(status) = self.child.try_wait().expect("look at a child") {
            return status;
        }
        signal(&self.child, Signal::SIGTERM);
        poll(PATIENCE, || self.child.try_wait().expect("look at a child")).unwrap_or_else(|| self.kill())
    }

    /// Sends SIGKILL and waits for the end. A server that has already ended gives its own end.
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill().expect("kill a child");
        self.child.wait().expect("reap a child")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            self.kill();
        }
        if panicking() {
            let output = self.output();
            let lines: Vec<_> = output.lines().collect();
            let shown = lines.len().saturating_sub(SHOWN_LINES);
            eprintln!("--- {} printed {} lines, at the end:", self.name, lines.len());
            for line in &lines[shown..] {
                eprintln!("{}", line.chars().take(SHOWN_WIDTH).collect::<String>());
            }
        }
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Whether the rig killed it because it took longer than allowed.
    pub timed_out: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to end. For reports; not to be asserted on.
    pub wall: Duration,
}

impl Outcome {
    /// Whether the command ended with exit code 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// The outcome itself, when it is a success.
    ///
    /// # Panics
    /// With what the command printed, when it failed.
    #[track_caller]
    #[must_use]
    pub fn expect_ok(self) -> Self {
        assert!(self.ok(), "a command failed: {self:#?}");
        self
    }

    /// The outcome itself, when the command ended by itself with an exit code other than 0.
    ///
    /// # Panics
    /// When it succeeded, was killed or took too long.
    #[track_caller]
    #[must_use]
    pub fn expect_failure(self) -> Self {
        assert!(self.code.is_some_and(|code| code != 0), "a command did not fail as it should: {self:#?}");
        self
    }
}

/// A command that runs; killed and reaped when dropped.
pub struct Running {
    child: Child,
    started: Instant,
    output: tempfile::TempDir,
}

impl Running {
    /// Starts `command` with its outputs kept in files, so that a chatty command never blocks on a full pipe.
    #[track_caller]
    pub fn spawn(mut command: Command) -> Self {
        let output = tempfile::tempdir().expect("a directory for the output of a command");
        let file = |name| File::create(output.path().join(name)).expect("a file for the output of a command");
        command.stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        Self { child, started, output }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far on its standard output.
    pub fn output(&self) -> String {
        std::fs::read_to_string(self.output.path().join("stdout")).unwrap_or_default()
    }

    /// Waits until what it has printed so far is `enough`.
    ///
    /// # Panics
    /// When [`PATIENCE`] runs out.
    #[track_caller]
    pub fn wait_for_output(&self, enough: impl Fn(&str) -> bool) {
        poll(PATIENCE, || enough(&self.output()).then_some(()))
            .unwrap_or_else(|| panic!("a command has printed only this: {}", self.output()));
    }

    /// Waits for the end, for at most `patience`; then kills.
    pub fn wait(mut self, patience: Duration) -> Outcome {
        let ended = poll(patience, || self.child.try_wait().expect("look at a child"));
        match ended {
            Some(status) => self.outcome(status, false),
            None => self.kill_and_reap(true),
        }
    }

    /// Sends SIGKILL and waits for the end. A command that has already ended gives its own end.
    pub fn kill(mut self) -> Outcome {
        self.kill_and_reap(false)
    }

    fn kill_and_reap(&mut self, timed_out: bool) -> Outcome {
        self.child.kill().expect("kill a child");
        let status = self.child.wait().expect("reap a child");
        self.outcome(status, timed_out)
    }

    fn outcome(&self, status: ExitStatus, timed_out: bool) -> Outcome {
        let text = |name| {
            let bytes = std::fs::read(self.output.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Outcome {
            code: status.code(),
            signal: status.signal(),
            timed_out,
            stdout: text("stdout"),
            stderr: text("stderr"),
            wall: self.started.elapsed(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs `command` to its end, for at most [`PATIENCE`].
#[track_caller]
pub fn run(command: Command) -> Outcome {
    Running::spawn(command).wait(PATIENCE)
}

#[cfg(test)]
mod tests;
