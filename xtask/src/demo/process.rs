//! A program that runs beside xtask and ends with it.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A program gets so long to end by itself.
const GRACE: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(20);

/// A child that is ended when this is dropped.
pub struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with its output in a file.
    pub fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone()?;
        // A process group of its own: Ctrl-C reaches xtask only, which ends the programs in order.
        let command = command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// How it ended, when it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// An error with its last words when it has ended.
    pub fn require_running(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended with {status}: {}", self.name, self.last_words());
        }
        Ok(())
    }

    /// The last line that it printed.
    pub fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("(it printed nothing)").to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Not waited for yet, so the number is still this child's own.
        if let Ok(None) = self.ended() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
        let began = Instant::now();
        while matches!(self.ended(), Ok(None)) {
            if began.elapsed() > GRACE {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(TICK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(folder: &Path, script: &str) -> Process {
        Process::start("sh", Command::new("sh").args(["-c", script]), &folder.join("log")).unwrap()
    }

    #[test]
    fn a_dropped_process_is_asked_to_end_and_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process =
            start(folder.path(), "trap 'echo asked; exit' TERM; echo ready; while :; do sleep 0.01; done");
        while process.last_words() != "ready" {
            thread::sleep(TICK);
        }
        let proc = PathBuf::from(format!("/proc/{}", process.child.id()));
        assert!(proc.exists());
        drop(process);
        assert!(!proc.exists());
        assert_eq!(fs::read_to_string(folder.path().join("log")).unwrap(), "ready\nasked\n");
    }

    #[test]
    fn the_last_words_of_an_ended_process_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = start(folder.path(), "echo first; echo port is busy >&2; exit 4");
        process.child.wait().unwrap();
        let error = process.require_running().unwrap_err().to_string();
        assert_eq!(error, "sh ended with exit status: 4: port is busy");
    }
}
