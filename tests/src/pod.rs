//! A pod of the chart as a kubelet would run it, by podman: with what the plain manifest says of privileges, mounts and
//! environment, and nothing else.
//!
//! What the manifest asks for and is not known here fails the test: a privilege that was left out would be missed by nobody.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_norway::{Deserializer, Value};
use tempfile::TempDir;

use crate::collector::strategy;
use crate::network::{Namespace, Wire};
use crate::place::Place;
use crate::process::{Outcome, PATIENCE, Running, run};

/// The plain manifests, by what they ask for.
#[derive(Clone, Copy, Debug)]
pub enum Manifest {
    /// All privileges: the chart's default.
    Privileged,
    /// Some capabilities (`privileged: false`).
    Unprivileged,
}

/// A pod that is ready to be run; gone with its container when dropped.
pub struct Pod {
    spec: Spec,
    dir: TempDir,
    image: String,
    namespace: Arc<Namespace>,
    wire: Wire,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default, rename = "hostPID")]
    host_pid: bool,
    #[serde(default)]
    host_network: bool,
    containers: Vec<Container>,
    volumes: Vec<Volume>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Container {
    name: String,
    env: Vec<Variable>,
    ports: Vec<Port>,
    security_context: SecurityContext,
    volume_mounts: Vec<Mount>,
    // What a kubelet does with these is not podman's.
    #[serde(rename = "image")]
    _image: String,
    #[serde(rename = "imagePullPolicy")]
    _pull: String,
    #[serde(rename = "startupProbe")]
    _startup: Value,
    #[serde(rename = "livenessProbe")]
    _liveness: Value,
    #[serde(rename = "readinessProbe")]
    _readiness: Value,
    #[serde(rename = "resources")]
    _resources: Value,
    termination_message_policy: String,
}

#[derive(Clone, Deserialize)]
struct Variable {
    name: String,
    value: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    container_port: u16,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SecurityContext {
    run_as_user: u32,
    run_as_group: u32,
    read_only_root_filesystem: bool,
    privileged: bool,
    #[serde(default = "yes")]
    allow_privilege_escalation: bool,
    capabilities: Option<Capabilities>,
    seccomp_profile: Option<Profile>,
    app_armor_profile: Option<Profile>,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Capabilities {
    drop: Vec<String>,
    add: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    r#type: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Mount {
    name: String,
    #[serde(rename = "mountPath")]
    path: String,
    read_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Volume {
    name: String,
    config_map: Option<Value>,
    host_path: Option<HostPath>,
}

#[derive(Deserialize)]
struct HostPath {
    path: PathBuf,
}

impl Pod {
    /// A pod of the chart with its image, in a network of its own that the machine reaches by a wire.
    #[track_caller]
    pub fn new(manifest: Manifest) -> Self {
        let file = match manifest {
            Manifest::Privileged => "pullscope.yaml",
            Manifest::Unprivileged => "pullscope-unprivileged.yaml",
        };
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests").join(file);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut objects: Vec<Value> =
            Deserializer::from_str(&text).map(|object| Value::deserialize(object).expect("YAML")).collect();
        let spec: Spec = part(&mut objects, "DaemonSet", &["spec", "template", "spec"]);
        let config: String = part(&mut objects, "ConfigMap", &["data", "pullscope.toml"]);
        let dir = tempfile::tempdir().expect("a directory for a pod");
        fs::create_dir(dir.path().join("config")).expect("a directory for the config");
        let namespace = Namespace::new();
        let wire = namespace.wire();
        let image = load(dir.path());
        let pod = Self { spec, dir, image, namespace, wire };
        pod.set_config(&config);
        pod
    }

    /// Replaces the config file.
    pub fn set_config(&self, config: &str) {
        fs::write(self.dir.path().join("config/pullscope.toml"), config).expect("write the config of a pod");
    }

    /// The capabilities that the container is given besides none; without effect on a privileged one.
    pub fn capabilities(&mut self) -> &mut Vec<String> {
        let capabilities = &mut self.container_mut().security_context.capabilities;
        &mut capabilities.as_mut().expect("no capabilities are named for a privileged container").add
    }

    /// Where its metrics are, seen from the machine.
    pub fn address(&self) -> SocketAddr {
        let [port] = &self.container().ports[..] else { panic!("one port is known") };
        SocketAddr::new(self.wire.namespace.into(), port.container_port)
    }

    /// Something of the image's description, in the language of Go's templates.
    #[track_caller]
    pub fn inspect_image(&self, what: &str) -> String {
        let mut inspect = self.podman("image");
        inspect.args(["inspect", "--format", what, &self.image]);
        run(inspect).expect_ok().stdout.trim().to_owned()
    }

    /// Runs a command of the image in the running container, as `kubectl exec` does.
    #[track_caller]
    pub fn exec(&self, arguments: &[&str]) -> Outcome {
        let mut exec = self.podman("exec");
        exec.arg(&self.container().name).args(arguments);
        run(exec)
    }

    /// Runs the container to its end, with these arguments for its program.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.command();
        command.args(arguments);
        run(command)
    }

    /// A command that runs the container in the foreground; signals go to it, and its exit status is the container's.
    #[track_caller]
    pub fn command(&self) -> Command {
        let container = self.container();
        let context = &container.security_context;
        assert_eq!(container.termination_message_policy, "FallbackToLogsOnError");
        assert!(!self.spec.host_network, "the pod has a network of its own");
        let mut run = self.podman("run");
        run.args(["--rm", "--name", &container.name, "--pull=never"]);
        // Not podman's own limits, which are higher than a test machine may allow. containerd has none.
        run.args(["--ulimit=nofile=16384:16384", "--ulimit=nproc=1024:1024"]);
        run.arg(format!("--network=ns:{}", self.namespace.file().display()));
        if self.spec.host_pid {
            run.arg("--pid=host");
        }
        run.arg(format!("--user={}:{}", context.run_as_user, context.run_as_group));
        if context.read_only_root_filesystem {
            run.args(["--read-only", "--read-only-tmpfs=false"]);
        }
        if context.privileged {
            run.arg("--privileged");
        }
        if !context.allow_privilege_escalation {
            run.arg("--security-opt=no-new-privileges");
        }
        if let Some(Capabilities { drop, add }) = &context.capabilities {
            run.args(drop.iter().map(|name| format!("--cap-drop={name}")));
            run.args(add.iter().map(|name| format!("--cap-add={name}")));
        }
        for (name, profile) in
            [("seccomp", &context.seccomp_profile), ("apparmor", &context.app_armor_profile)]
        {
            if let Some(Profile { r#type }) = profile {
                assert_eq!(r#type, "Unconfined", "{name}: podman's profile is not that of another runtime");
                run.arg(format!("--security-opt={name}=unconfined"));
            }
        }
        for Variable { name, value } in &container.env {
            run.arg(format!("--env={name}={value}"));
        }
        run.arg(format!("--env=PULLSCOPE_KERNEL_STRATEGY={}", strategy()));
        for Mount { name, path, read_only } in &container.volume_mounts {
            let volume = self.spec.volumes.iter().find(|volume| volume.name == *name).expect("a volume");
            let source = match (&volume.config_map, &volume.host_path) {
                (Some(_), None) => self.dir.path().join("config"),
                (None, Some(host)) => host.path.clone(),
                _ => panic!("{name} is a volume of another kind"),
            };
            let how = if *read_only { "ro" } else { "rw" };
            run.arg(format!("--volume={}:{path}:{how},rbind", source.display()));
        }
        run.arg(&self.image);
        run
    }

    fn container(&self) -> &Container {
        let [container] = &self.spec.containers[..] else { panic!("one container is known") };
        container
    }

    fn container_mut(&mut self) -> &mut Container {
        self.spec.containers.first_mut().expect("a container")
    }

    fn podman(&self, subcommand: &str) -> Command {
        podman(self.dir.path(), subcommand)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let mut remove = self.podman("rm");
        remove.args(["--force", "--ignore", "--time=0", &self.container().name]);
        // In a test that fails already a second panic would hide the first.
        let _ = Running::spawn(remove).wait(PATIENCE);
    }
}

/// podman with a storage in this directory.
fn podman(dir: &Path, subcommand: &str) -> Command {
    let mut command = Place::machine().command("podman");
    command.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("run"));
    // Test machines have no systemd and no journal, and cgroups that only runc can do with.
    command.args(["--storage-driver=vfs", "--runtime=runc", "--cgroup-manager=cgroupfs"]);
    command.args(["--events-backend=none", subcommand]);
    command.env("HOME", dir).env("XDG_RUNTIME_DIR", dir);
    command
}

/// Loads the image; its name.
#[track_caller]
fn load(dir: &Path) -> String {
    let name = if cfg!(target_arch = "aarch64") { "pullscope-arm64.tar" } else { "pullscope-amd64.tar" };
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/image").join(name);
    let archive = env::var_os("PULLSCOPE_IMAGE").map_or_else(default, PathBuf::from);
    assert!(archive.is_file(), "no image at {}: `cargo xtask image --local`", archive.display());
    let mut load = podman(dir, "load");
    load.arg("--quiet").arg("--input").arg(archive);
    let said = run(load).expect_ok().stdout;
    said.trim().rsplit(' ').next().expect("a name").to_owned()
}

/// A part of the object of that kind.
#[track_caller]
fn part<T: DeserializeOwned>(objects: &mut [Value], kind: &str, path: &[&str]) -> T {
    let object = objects.iter().find(|object| object["kind"] == kind).expect("an object of the manifest");
    let part = path.iter().fold(object, |value, key| &value[*key]);
    serde_norway::from_value(part.clone()).unwrap_or_else(|error| panic!("{kind} {path:?}: {error}"))
}
