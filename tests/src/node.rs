//! A node: containerd as the kubelet needs it, with its CRI, and with runc for what it runs.
//!
//! Quirks of test machines: there is no CNI, so pods are on the node's network; no systemd, so cgroups are made by runc itself;
//! snapshots are copies (`native`), since overlays may not be there on the machine's own. What is left of pods when the node
//! goes, after a test that failed in the middle, goes with it: shims and what runs in containers, by the ids that the node's own
//! files tell, and mounts, which all lie below its directory.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::mounts;
use crate::place::Place;
use crate::process::{Outcome, Server, poll, run};

/// What is different from an empty node.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The image of the containers that hold sandboxes (`sandbox_image`). Without one no sandbox comes about.
    pub pause: &'a str,
    /// Registries that speak plain HTTP, as `host:port`. Those on addresses of loopback do so without being named here.
    pub plain_http: &'a [&'a str],
    /// Registries that speak TLS, as `host:port`, and the file with the authority to trust.
    pub tls: Option<(&'a str, &'a Path)>,
    /// How many bytes the node has room for; without it, as many as the machine has.
    pub room: Option<u64>,
}

/// A running containerd with its CRI; gone with all that it runs when dropped.
pub struct Node {
    server: Server,
    place: Place,
    // Kept so that it can be told of when something is left behind.
    dir: TempDir,
}

impl Node {
    /// Starts containerd and waits until its CRI answers.
    #[track_caller]
    pub fn start(place: &Place, settings: Settings<'_>) -> Self {
        let dir = tempfile::tempdir().expect("a directory for a node");
        let at = dir.path();
        configure(at, settings);
        if let Some(room) = settings.room {
            let root = at.join("root");
            fs::create_dir(&root).expect("a directory for what containerd keeps");
            let mut command = Place::machine().command("mount");
            command.args(["-t", "tmpfs", "-o", &format!("size={room}"), "tmpfs"]).arg(root);
            let _ = run(command).expect_ok();
        }
        let server = serve(place, at);
        Self { server, place: place.clone(), dir }
    }

    /// containerd is killed and started again, with what it had.
    #[track_caller]
    pub fn kill_and_restart(&mut self) {
        self.server.kill();
        self.server = serve(&self.place, self.dir.path());
    }

    /// Kills containerd. What it runs goes on.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("containerd.sock")
    }

    /// The process id of containerd.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What containerd has said.
    pub fn log(&self) -> String {
        self.server.output()
    }

    /// Pulls by `ctr`, into the namespace of the CRI.
    #[track_caller]
    pub fn ctr_pull(&self, image: &str) -> Outcome {
        let mut command = self.place.command("ctr");
        command.arg("--address").arg(self.socket()).arg("--namespace=k8s.io");
        command.args(["image", "pull", "--snapshotter=native", "--plain-http", image]);
        run(command)
    }

    /// Process ids of what runs for pods: shims, and what they have started.
    pub fn running(&self) -> Vec<u32> {
        running(self.dir.path())
    }

    /// Where something is mounted for pods.
    pub fn mounts(&self) -> Vec<PathBuf> {
        mounts::below(self.dir.path())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // By SIGTERM: nothing is half written when what it knows is read.
        self.server.terminate();
        let gone = poll(Duration::from_secs(10), || {
            let running = running(self.dir.path());
            for pid in &running {
                let pid = Pid::from_raw(i32::try_from(*pid).expect("a pid"));
                // It may be gone by itself meanwhile.
                let _ = kill(pid, Signal::SIGKILL);
            }
            running.is_empty().then_some(())
        });
        mounts::remove_below(self.dir.path());
        if gone.is_none() {
            eprintln!("left behind by a node: {:?}", running(self.dir.path()));
        }
    }
}

/// containerd 1.6, `docs/cri/config.md` and `docs/hosts.md`.
#[track_caller]
fn configure(dir: &Path, settings: Settings<'_>) {
    let at = dir.display();
    let config = format!(
        "version = 2\nroot = '{at}/root'\nstate = '{at}/state'\n\
         [grpc]\naddress = '{at}/containerd.sock'\n[ttrpc]\naddress = '{at}/containerd.sock.ttrpc'\n\
         [plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = '{pause}'\nrestrict_oom_score_adj = true\n\
         [plugins.'io.containerd.grpc.v1.cri'.containerd]\nsnapshotter = 'native'\n\
         [plugins.'io.containerd.grpc.v1.cri'.cni]\nbin_dir = '{at}/cni'\nconf_dir = '{at}/cni'\n\
         [plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '{at}/certs.d'\n",
        pause = settings.pause
    );
    fs::write(dir.join("config.toml"), config).expect("write the configuration of containerd");
    let plain = settings.plain_http.iter().map(|registry| (*registry, format!("http://{registry}"), None));
    let tls =
        settings.tls.iter().map(|(registry, file)| (*registry, format!("https://{registry}"), Some(*file)));
    for (registry, origin, authority) in plain.chain(tls) {
        let hosts = dir.join("certs.d").join(registry);
        fs::create_dir_all(&hosts).expect("create the directory of hosts.toml");
        let authority = authority.map_or_else(String::new, |file| format!("ca = '{}'\n", file.display()));
        let text = format!(
            "server = '{origin}'\n[host.'{origin}']\ncapabilities = ['pull', 'resolve']\n{authority}"
        );
        fs::write(hosts.join("hosts.toml"), text).expect("write hosts.toml");
    }
}

#[track_caller]
fn serve(place: &Place, dir: &Path) -> Server {
    let mut command = place.command("containerd");
    command.arg("--config").arg(dir.join("config.toml"));
    let mut server = Server::spawn("containerd", command, &dir.join("log"));
    // Its socket is there before the CRI is.
    server.wait_until("its CRI", |server| {
        server.output().contains("containerd successfully booted").then_some(())
    });
    server
}

/// The shims of a node name its socket in their arguments (`-address`); what runs in a container is told by a file beside its
/// state (`init.pid`, containerd's runtime/v2/runc).
fn running(dir: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("the processes").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let wanted = dir.join("containerd.sock");
    let names_it = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        arguments.next().is_some_and(|program| program.ends_with(b"containerd-shim-runc-v2"))
            && arguments.any(|argument| OsStr::from_bytes(argument) == wanted)
    };
    let mut running: Vec<_> = ids.filter(names_it).collect();
    let tasks = dir.join("state/io.containerd.runtime.v2.task/k8s.io");
    for task in fs::read_dir(tasks).into_iter().flatten().flatten() {
        let pid = fs::read_to_string(task.path().join("init.pid")).ok();
        let pid = pid.and_then(|pid| pid.trim().parse::<u32>().ok());
        // The file stays a while when the process is gone, and its number may be another's by then.
        running.extend(pid.filter(|pid| is_workload(*pid)));
    }
    running
}

/// Whether the program of a process is one that the tests run in containers: their own (see [`crate::images::Image::program`]),
/// or pullscope.
fn is_workload(pid: u32) -> bool {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    ["workload", "pullscope"].contains(&comm.trim_end())
}
