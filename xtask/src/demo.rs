//! `cargo xtask run --demo`: a registry and a client on loopback, so that pullscope has something to see.
//!
//! Everything lies in one temporary folder and is a child of xtask; both are gone when the demo ends.

mod http;
mod image;
mod metrics;
mod process;
mod summary;

use std::{
    io::{self, IsTerminal as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use self::{metrics::Metrics, process::Process, summary::Pulls};
use crate::{
    setup::debian,
    steps::{Outcome, Steps},
    workspace::Workspace,
};

/// What the demo starts.
pub const PACKAGES: [&str; 3] = ["docker-registry", "skopeo", "umoci"];

const TICK: Duration = Duration::from_millis(100);
const BETWEEN_PULLS: Duration = Duration::from_secs(2);
const BETWEEN_SUMMARIES: Duration = Duration::from_secs(5);
const START_LIMIT: Duration = Duration::from_secs(30);
/// Every so many pulls one asks for a tag that the registry does not have.
const MISSING_EVERY: u32 = 5;

/// Finds or installs the programs of the demo.
pub fn set_up(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    let packages = PACKAGES.map(str::to_owned);
    steps.step("demo packages", |live| debian::require(workspace, live, &packages, "the demo"))
}

/// Shows pullscope at work until Ctrl-C.
pub fn main(workspace: &Workspace, steps: &mut Steps, pullscope: &Path, args: &[String]) -> Result<()> {
    let stop = stop_on_signals()?;
    let folder =
        tempfile::Builder::new().prefix("pullscope-demo-").tempdir().context("no temporary folder")?;
    let folder = folder.path();

    // Values are dropped from the last to the first: pullscope sees the registry go.
    let mut registry = None;
    steps.step("registry", |live| {
        let (process, address) = start_registry(workspace, folder, &stop)?;
        registry = Some((process, address));
        image::push(workspace, live, folder, address)?;
        Ok(Outcome::Done(format!("{address}, with an image made offline")))
    })?;
    let Some((_registry, registry_address)) = registry else { bail!("the registry is not there") };
    let mut watching = None;
    steps.step("pullscope starts", |_| {
        let address = free_address()?;
        let mut command = workspace.command(pullscope);
        command.arg("run").arg(format!("--web.listen-address={address}")).args(args);
        let mut process = Process::start("pullscope", &mut command, &folder.join("pullscope.log"))?;
        wait_for(&mut process, address, "/readyz", &stop)?;
        watching = Some((process, address));
        Ok(Outcome::Done(address.to_string()))
    })?;
    let Some((mut pullscope, address)) = watching else { bail!("pullscope is not there") };

    println!(
        "\npullscope watches, skopeo pulls an image every {} s. Look from another terminal:\n\
         \n    curl -s http://{address}/metrics | grep ^pullscope_registry\
         \n    skopeo copy --src-tls-verify=false docker://{registry_address}/{} dir:demo-image\n\
         \nCtrl-C ends the demo and removes all of it.\n",
        BETWEEN_PULLS.as_secs(),
        image::NAME
    );
    let mut screen = Screen::new();
    let mut client = Client::new(workspace, folder, registry_address);
    let began = Instant::now();
    let mut summary_due = began + BETWEEN_SUMMARIES;
    while !stop.load(Ordering::Relaxed) {
        pullscope.require_running()?;
        client.turn()?;
        if Instant::now() >= summary_due {
            summary_due += BETWEEN_SUMMARIES;
            let lines = match http::get(address, "/metrics") {
                Ok((_, text)) => summary::lines(&Metrics::parse(&text), client.pulls, began.elapsed()),
                // Its end is noticed above; a slow answer is no reason to end the demo.
                Err(error) => vec![format!("pullscope does not answer now: {error:#}")],
            };
            screen.show(&lines)?;
        }
        thread::sleep(TICK);
    }
    println!("\nending the demo: client, pullscope, registry, {}", folder.display());
    Ok(())
}

/// True from the first signal on that asks to end.
fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("signals cannot be caught")?;
    }
    Ok(stop)
}

fn start_registry(workspace: &Workspace, folder: &Path, stop: &AtomicBool) -> Result<(Process, SocketAddr)> {
    let address = free_address()?;
    let config = folder.join("registry.yml");
    let storage = folder.join("registry");
    let text = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\"}}\n",
        storage.display()
    );
    std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = workspace.command("docker-registry");
    command.arg("serve").arg(&config);
    let mut process = Process::start("docker-registry", &mut command, &folder.join("registry.log"))?;
    wait_for(&mut process, address, "/v2/", stop)?;
    Ok((process, address))
}

/// An address on loopback that nobody listens on; whoever is told of it must be quick.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?)
}

fn wait_for(process: &mut Process, address: SocketAddr, path: &str, stop: &AtomicBool) -> Result<()> {
    let began = Instant::now();
    loop {
        process.require_running()?;
        if http::get(address, path).is_ok_and(|(code, _)| code == 200) {
            return Ok(());
        }
        if stop.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
        if began.elapsed() > START_LIMIT {
            bail!("http://{address}{path} does not answer 200 after {} s", START_LIMIT.as_secs());
        }
        thread::sleep(TICK);
    }
}

/// skopeo, again and again.
struct Client<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    registry: SocketAddr,
    running: Option<(Process, bool)>,
    next: Instant,
    pulls: Pulls,
}

impl<'a> Client<'a> {
    fn new(workspace: &'a Workspace, folder: &Path, registry: SocketAddr) -> Self {
        let folder = folder.join("pulled");
        Self { workspace, folder, registry, running: None, next: Instant::now(), pulls: Pulls::default() }
    }

    /// Starts the next pull when it is due, notices the end of one that runs.
    fn turn(&mut self) -> Result<()> {
        match &mut self.running {
            None if Instant::now() >= self.next => {
                let missing = self.pulls.started % MISSING_EVERY == MISSING_EVERY - 1;
                self.running = Some((self.pull(missing)?, missing));
                self.pulls.started += 1;
            }
            None => {}
            Some((process, missing)) => {
                let Some(status) = process.ended()? else { return Ok(()) };
                if status.success() == *missing {
                    bail!("skopeo ended with {status}: {}", process.last_words());
                }
                if *missing {
                    self.pulls.missing += 1;
                } else {
                    self.pulls.ok += 1;
                }
                self.running = None;
                self.next = Instant::now() + BETWEEN_PULLS;
            }
        }
        Ok(())
    }

    fn pull(&self, missing: bool) -> Result<Process> {
        // Absent the first time. skopeo would take layers that are there as pulled.
        let _ = std::fs::remove_dir_all(&self.folder);
        let mut command = self.workspace.command("skopeo");
        let image = if missing { image::MISSING } else { image::NAME };
        command.args(["copy", "--quiet", "--insecure-policy", "--src-tls-verify=false"]);
        command
            .arg(format!("docker://{}/{image}", self.registry))
            .arg(format!("dir:{}", self.folder.display()));
        Process::start("skopeo", &mut command, &self.folder.with_extension("log"))
    }
}

/// The summary's place: on a terminal each takes the place of the one before.
struct Screen {
    terminal: bool,
    shown: usize,
}

impl Screen {
    fn new() -> Self {
        Self { terminal: io::stdout().is_terminal(), shown: 0 }
    }

    fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.terminal && self.shown > 0 {
            // Cursor up, then erase to the end of the screen (ECMA-48: CUU, ED).
            write!(out, "\x1b[{}A\x1b[J", self.shown)?;
        }
        for line in lines {
            writeln!(out, "{line}")?;
        }
        if !self.terminal {
            writeln!(out)?;
        }
        self.shown = lines.len();
        out.flush()
    }
}
