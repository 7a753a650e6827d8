//! A step while it runs: its programs' output, and a sign of life.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufRead as _, BufReader, PipeReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::say;

/// A person at a terminal sees the time and the last line of output move; a log gets a line now and then.
const TERMINAL_TICK: Duration = Duration::from_millis(200);
const LOG_TICK: Duration = Duration::from_secs(30);
/// A program may leave a child behind that keeps its output open: wait no longer than this for the rest of it.
const REST_OF_OUTPUT: Duration = Duration::from_secs(2);
/// Of a failed step so many lines of output are shown: to a person the end, to a CI log (where no file is left) more.
const SHOWN_LINES: usize = 60;
const SHOWN_LINES_CI: usize = 3000;

/// One running step.
pub struct Live {
    log_path: PathBuf,
    log: Arc<Mutex<File>>,
    last_line: Arc<Mutex<String>>,
    over: Arc<AtomicBool>,
    ticker: RefCell<Option<JoinHandle<()>>>,
}

impl Live {
    pub(super) fn start(name: &str, log_folder: &Path, terminal: bool) -> Result<Self> {
        let log_path = log_folder.join(format!("{}.log", name.replace([' ', '/'], "-")));
        let log = File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;
        let last_line = Arc::new(Mutex::new(String::new()));
        let over = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (name, last_line, over) = (name.to_owned(), Arc::clone(&last_line), Arc::clone(&over));
            thread::spawn(move || tick(&name, &last_line, &over, terminal))
        };
        Ok(Self {
            log_path,
            log: Arc::new(Mutex::new(log)),
            last_line,
            over,
            ticker: RefCell::new(Some(ticker)),
        })
    }

    pub(super) fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            // A panicked ticker has lost nothing but the sign of life.
            let _ = ticker.join();
        }
    }

    /// Prints the end of what the step's programs printed.
    pub(super) fn show_output(&self) {
        let Ok(bytes) = std::fs::read(&self.log_path) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let limit = if crate::workspace::is_ci() { SHOWN_LINES_CI } else { SHOWN_LINES };
        let lines: Vec<_> = text.lines().collect();
        let hidden = lines.len().saturating_sub(limit);
        if hidden > 0 {
            say(format_args!("     | ({hidden} lines before these are in {})", self.log_path.display()));
        }
        for line in lines.iter().skip(hidden) {
            say(format_args!("     | {line}"));
        }
    }

    /// Says in a few words what is going on, until a program's output says more.
    pub fn note(&self, words: &str) {
        words.clone_into(&mut locked(&self.last_line));
    }

    /// Runs a program to its end; an error when it does not end well.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        let (reader, writer) = io::pipe()?;
        command.stdout(writer.try_clone()?).stderr(writer);
        self.supervise(command, reader).map(drop)
    }

    /// Runs a program to its end and gives what it wrote to its standard output.
    pub fn output(&self, command: &mut Command) -> Result<Vec<u8>> {
        let (reader, writer) = io::pipe()?;
        command.stdout(Stdio::piped()).stderr(writer);
        self.supervise(command, reader)
    }

    fn supervise(&self, command: &mut Command, output: PipeReader) -> Result<Vec<u8>> {
        let shown = shown(command);
        writeln!(locked(&self.log), "$ {shown}")?;
        let program = command.get_program().display().to_string();
        let mut child =
            command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {program}"))?;
        // The command holds the pipe's writing ends; while it does, the reader sees no end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (ended, end) = mpsc::channel();
        let (log, last_line) = (Arc::clone(&self.log), Arc::clone(&self.last_line));
        thread::spawn(move || {
            copy_lines(output, &log, &last_line);
            // Nobody waits any more when the program left a child behind that held its output open.
            let _ = ended.send(());
        });
        let mut answer = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            stdout.read_to_end(&mut answer)?;
        }
        let status = child.wait()?;
        // An error is a time-out: what a left-over child prints is not awaited.
        let _ = end.recv_timeout(REST_OF_OUTPUT);
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(answer)
    }
}

/// Copies what a program prints into the log and remembers its last line.
fn copy_lines(output: PipeReader, log: &Mutex<File>, last_line: &Mutex<String>) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // A full disk shows up as the step's own failure; the log is an aid.
        let _ = locked(log).write_all(&line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            text.clone_into(&mut locked(last_line));
        }
        line.clear();
    }
}

fn tick(name: &str, last_line: &Mutex<String>, over: &AtomicBool, terminal: bool) {
    let began = Instant::now();
    let mut shown = began;
    loop {
        thread::park_timeout(TERMINAL_TICK);
        if over.load(Ordering::Relaxed) {
            break;
        }
        let line = plain(&locked(last_line), 80);
        let seconds = began.elapsed().as_secs();
        if terminal {
            show(&format!("...  {name:<20} {seconds:>6} s  {line}"));
        } else if shown.elapsed() >= LOG_TICK {
            shown = Instant::now();
            say(format_args!("...  {name:<20} {seconds:>6} s  {line}"));
        }
    }
    if terminal {
        show("");
    }
}

/// Puts a text in place of the terminal's last line (ECMA-48: CR, EL).
fn show(text: &str) {
    let mut out = io::stdout().lock();
    // A terminal that was closed ends xtask by its signal.
    let _ = write!(out, "\r\x1b[K{text}").and_then(|()| out.flush());
}

/// At most `limit` characters of a line, without control characters (a program's colours and cursor movements).
fn plain(line: &str, limit: usize) -> String {
    let mut plain = String::new();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\x1b' {
            // A control sequence ends with its first letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else if !character.is_control() {
            plain.push(character);
        }
    }
    plain.chars().take(limit).collect()
}

/// A command as one would type it, with the name of the program instead of its path.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(folder: &Path) -> Live {
        Live::start("a step", folder, false).unwrap()
    }

    #[test]
    fn output_of_both_kinds_is_logged() {
        let folder = tempfile::tempdir().unwrap();
        let live = live(folder.path());
        live.run(Command::new("sh").args(["-c", "echo one; echo two >&2"])).unwrap();
        live.stop();
        let log = std::fs::read_to_string(folder.path().join("a-step.log")).unwrap();
        assert_eq!(log, "$ sh -c echo one; echo two >&2\none\ntwo\n");
        assert_eq!(*locked(&live.last_line), "two");
    }

    #[test]
    fn standard_output_is_given_apart() {
        let folder = tempfile::tempdir().unwrap();
        let live = live(folder.path());
        let output = live.output(Command::new("sh").args(["-c", "echo answer; echo aside >&2"])).unwrap();
        live.stop();
        assert_eq!(output, b"answer\n");
        assert!(std::fs::read_to_string(&live.log_path).unwrap().ends_with("\naside\n"));
    }

    #[test]
    fn a_bad_end_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let live = live(folder.path());
        let error = live.run(Command::new("/bin/sh").args(["-c", "exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c exit 3` ended with exit status: 3");
        let error = live.run(&mut Command::new("/no/such/program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start /no/such/program");
        live.stop();
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(plain("\x1b[1;32mCompiling\x1b[0m wire\r", 80), "Compiling wire");
        assert_eq!(plain("abcdef", 3), "abc");
        assert_eq!(plain("\x1b[", 3), "");
    }
}
