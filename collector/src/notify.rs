//! What the service manager is told, by the socket that `NOTIFY_SOCKET` names (systemd's protocol, `sd_notify(3)`). Without it
//! nothing is told.
//!
//! The library says what a message looks like and reads the environment; sending is done here, since what it sends waits for a
//! manager that does not read, and whoever waits drains no ring buffer.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::warn;

use crate::metrics::label::LabelValue;
use crate::serve::status::{ProbeState, Snapshot};
use crate::text::one_line;

/// Names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";
/// Longest text in bytes. A message has one assignment a line, and systemd takes none above 4096 (`NOTIFY_BUFFER_MAX`,
/// src/core/manager.c of version 252).
const MAX_TEXT: usize = 2048;
/// Least time between two signs of life, whatever the manager asks for.
const MIN_SIGNS: Duration = Duration::from_millis(10);

/// Tells the service manager how pullscope is.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// Time between two signs of life, if the manager waits for them.
    signs: Option<Duration>,
    sign: Option<Instant>,
    /// Where the metrics are, for people.
    served: String,
    /// The last status that was told.
    told: String,
    ready: bool,
}

impl Notifier {
    /// For the manager that the environment names. `served` says where the metrics are.
    pub fn new(served: String) -> Self {
        Self::with(env::var_os(SOCKET), sd_notify::watchdog_enabled(), served)
    }

    fn with(socket: Option<OsString>, limit: Option<Duration>, served: String) -> Self {
        let socket = socket.and_then(|name| {
            let open = open(&name);
            open.inspect_err(|error| warn!(%error, ?name, "the service manager cannot be told")).ok()
        });
        // Half of the limit, as `sd_watchdog_enabled(3)` has it. A limit of 0 is none.
        let signs = limit.filter(|limit| !limit.is_zero()).map(|limit| MIN_SIGNS.max(limit / 2));
        Self { socket, signs, sign: None, served, told: String::new(), ready: false }
    }

    /// How it is, until it was ready once: then the manager is told that it is.
    pub fn starting(&mut self, snapshot: impl FnOnce() -> Snapshot) {
        if self.ready || self.socket.is_none() {
            return;
        }
        let now = snapshot();
        self.ready = now.ready.is_ok();
        let text = match &now.ready {
            Ok(()) => self.summary(&now),
            Err(reason) => one_line(reason, MAX_TEXT),
        };
        if self.ready {
            self.tell(&[NotifyState::Ready, NotifyState::Status(&text)]);
        } else if self.told != text {
            self.tell(&[NotifyState::Status(&text)]);
            self.told = text;
        }
    }

    /// The ring buffer is being drained: to be said every time. The manager is told often enough.
    pub fn alive(&mut self) {
        let Some(every) = self.signs else { return };
        if self.sign.is_none_or(|last| last.elapsed() >= every) {
            self.tell(&[NotifyState::Watchdog]);
            self.sign = Some(Instant::now());
        }
    }

    /// Time until [`alive`](Self::alive) must be said again.
    pub fn within(&self) -> Duration {
        let Some(every) = self.signs else { return Duration::MAX };
        self.sign.map_or(Duration::ZERO, |last| every.saturating_sub(last.elapsed()))
    }

    /// It is told to stop, and does.
    pub fn stopping(&self) {
        self.tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    fn failed(&self, reason: &str) {
        self.tell(&[NotifyState::Status(&one_line(reason, MAX_TEXT))]);
    }

    fn summary(&self, now: &Snapshot) -> String {
        let attached = now.probes.values().filter(|state| **state == ProbeState::Attached).count();
        let (strategy, all) = (now.strategy.as_str(), now.probes.len());
        let text =
            format!("strategy {strategy}, {attached} of {all} kernel programs attached, {}", self.served);
        one_line(&text, MAX_TEXT)
    }

    /// Sends one message. Whether it arrives or not, pullscope goes on.
    fn tell(&self, states: &[NotifyState<'_>]) {
        let Some((socket, address)) = &self.socket else { return };
        let mut message = String::new();
        for state in states {
            // Writing to a string cannot fail.
            let _ = writeln!(message, "{state}");
        }
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            warn!(%error, message = message.trim_end(), "the service manager was not told");
        }
    }
}

/// Tells the manager that the program ends, and why.
pub fn failed(reason: &str) {
    Notifier::new(String::new()).failed(reason);
}

/// A socket to send from without ever waiting, and the manager's: a path, or after an `@` a name in the abstract namespace.
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metrics::labels::AttachedStrategy;

    /// A manager with a socket in a folder, and one who tells it things.
    fn pair(limit: Option<Duration>) -> (UnixDatagram, Notifier, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_nonblocking(true).unwrap();
        let notifier = Notifier::with(Some(path.into()), limit, "http://127.0.0.1:1/metrics".to_owned());
        (manager, notifier, folder)
    }

    /// Every message that the manager has got.
    fn messages(manager: &UnixDatagram) -> Vec<String> {
        let mut buffer = [0; 4096];
        let mut all = Vec::new();
        while let Ok(length) = manager.recv(&mut buffer) {
            all.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        all
    }

    fn snapshot(ready: Result<(), &str>) -> Snapshot {
        let probes = [("one", ProbeState::Attached), ("two", ProbeState::Detached("a reason".to_owned()))];
        Snapshot {
            ready: ready.map_err(str::to_owned),
            strategy: AttachedStrategy::Sock,
            probes: BTreeMap::from(probes),
        }
    }

    #[test]
    fn ready_is_told_once_and_not_before() {
        let (manager, mut notifier, _folder) = pair(None);
        notifier.starting(|| snapshot(Err("not yet")));
        notifier.starting(|| snapshot(Err("not yet")));
        assert_eq!(messages(&manager), ["STATUS=not yet\n"]);
        notifier.starting(|| snapshot(Ok(())));
        let expected =
            "READY=1\nSTATUS=strategy sock, 1 of 2 kernel programs attached, http://127.0.0.1:1/metrics\n";
        assert_eq!(messages(&manager), [expected]);
        notifier.starting(|| panic!("nobody has to look any more"));
        notifier.stopping();
        assert_eq!(messages(&manager), ["STOPPING=1\nSTATUS=stopping\n"]);
    }

    #[test]
    fn a_reason_is_one_line_that_the_manager_takes() {
        let (manager, notifier, _folder) = pair(None);
        notifier.failed("wrong:\nMAINPID=1");
        assert_eq!(messages(&manager), ["STATUS=wrong: MAINPID=1\n"]);
        notifier.failed(&"é".repeat(5000));
        assert_eq!(messages(&manager), [format!("STATUS={}...\n", "é".repeat(1024))]);
    }

    #[test]
    fn signs_of_life_come_when_they_are_asked_for() {
        let (manager, mut notifier, _folder) = pair(None);
        notifier.alive();
        assert_eq!((notifier.within(), messages(&manager).len()), (Duration::MAX, 0));

        let (manager, mut notifier, _folder) = pair(Some(Duration::from_secs(3600)));
        assert_eq!(notifier.within(), Duration::ZERO);
        notifier.alive();
        notifier.alive();
        assert_eq!(messages(&manager), ["WATCHDOG=1\n"]);
        assert!((1..=1800).contains(&notifier.within().as_secs()), "{:?}", notifier.within());
        notifier.sign = Instant::now().checked_sub(Duration::from_secs(1800));
        notifier.alive();
        assert_eq!(messages(&manager), ["WATCHDOG=1\n"]);
    }

    #[test]
    fn a_limit_that_is_none_or_too_short_makes_nobody_spin() {
        assert_eq!(pair(Some(Duration::ZERO)).1.within(), Duration::MAX);
        assert_eq!(pair(Some(Duration::from_micros(1))).1.signs, Some(MIN_SIGNS));
    }

    #[test]
    fn a_manager_that_does_not_read_or_is_gone_is_not_waited_for() {
        let (manager, notifier, folder) = pair(None);
        // More than any queue holds (net.unix.max_dgram_qlen).
        for _ in 0..10_000 {
            notifier.stopping();
        }
        assert!(!messages(&manager).is_empty());
        drop((manager, folder));
        notifier.stopping();
    }

    #[test]
    fn a_name_in_the_abstract_namespace() {
        let name = format!("pullscope-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        manager.set_nonblocking(true).unwrap();
        Notifier::with(Some(format!("@{name}").into()), None, String::new()).failed("so");
        assert_eq!(messages(&manager), ["STATUS=so\n"]);
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let mut notifier = Notifier::with(None, None, String::new());
        notifier.starting(|| panic!("nobody wants to know"));
        notifier.alive();
        notifier.stopping();
        notifier.failed("so");
    }
}
