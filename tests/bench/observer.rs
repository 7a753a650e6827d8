//! pullscope as the benchmark runs it: started and stopped in every round, with either strategy, and never asked for its
//! metrics while something is measured.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use pullscope_tests::collector::binary;
use pullscope_tests::endpoint::{Endpoint, get};
use pullscope_tests::loopback::free_address;
use pullscope_tests::place::Place;
use pullscope_tests::process::{PATIENCE, Server, poll};
use pullscope_tests::scrape::Scrape;
use tempfile::TempDir;

use crate::programs::Programs;

/// pullscope goes to sleep after a tenth of a second without records.
const SETTLE: Duration = Duration::from_millis(200);

/// The two ways to see I/O.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Sock,
    Syscall,
}

impl Strategy {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sock => "sock",
            Self::Syscall => "syscall",
        }
    }
}

/// A running pullscope; gone when dropped.
pub struct Observer {
    server: Server,
    address: SocketAddr,
    // After the server: it goes first.
    _dir: TempDir,
}

impl Observer {
    /// With its defaults but for the strategy, attached and draining.
    #[track_caller]
    pub fn start(strategy: Strategy) -> Self {
        Self::start_with(strategy, "")
    }

    /// The same with a configuration file.
    #[track_caller]
    pub fn start_with(strategy: Strategy, config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory for pullscope");
        let file = dir.path().join("pullscope.toml");
        fs::write(&file, config).expect("write the configuration of pullscope");
        let address = free_address();
        let mut command = Place::machine().command(binary());
        command.arg("run").arg(format!("--config.file={}", file.display()));
        command.arg(format!("--web.listen-address={address}"));
        command.arg(format!("--kernel.strategy={}", strategy.name()));
        let mut server = Server::spawn("pullscope", command, &dir.path().join("log"));
        server.wait_until("/readyz", |_| Endpoint(address).ready().then_some(()));
        Self { server, address, _dir: dir }
    }

    /// With its start-up behind it, and asleep unless there is traffic: what follows is what running costs.
    #[must_use]
    pub fn settled(self) -> Self {
        std::thread::sleep(SETTLE);
        self
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// CPU time that all its threads have taken, in seconds.
    #[track_caller]
    pub fn cpu(&self) -> f64 {
        let pid = Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        let clock = clock_getcpuclockid(pid).expect("the CPU clock of pullscope");
        Duration::from(clock_gettime(clock).expect("the CPU time of pullscope")).as_secs_f64()
    }

    /// Memory that is resident, in KiB.
    #[track_caller]
    pub fn resident(&self) -> u32 {
        self.status("VmRSS:")
    }

    /// The most that ever was, in KiB.
    #[track_caller]
    pub fn peak(&self) -> u32 {
        self.status("VmHWM:")
    }

    /// A size of `proc_pid_status(5)`.
    #[track_caller]
    fn status(&self, field: &str) -> u32 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the status of pullscope");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field of the status");
        line.trim().trim_end_matches(" kB").parse().expect("a size in kB")
    }

    #[track_caller]
    pub fn scrape(&self) -> Scrape {
        let (code, text) = get(self.address, "/metrics").expect("GET /metrics");
        assert_eq!(code, 200, "{text}");
        Scrape::parse(&text).expect("the text format")
    }

    /// Its kernel programs.
    #[track_caller]
    pub fn programs(&self) -> Programs {
        Programs::of(self.pid())
    }

    /// Stops it, and waits until nothing of it is left in the kernel.
    #[track_caller]
    pub fn stop(mut self) {
        let programs = self.programs();
        let status = self.server.terminate();
        assert!(status.success(), "pullscope ended with {status}");
        poll(PATIENCE, || (!programs.are_loaded()).then_some(()))
            .expect("the kernel lets go of the programs");
    }
}
