//! The plain manifests, as what runs a pod needs them.
//!
//! What a manifest asks for and is not known here fails the test: a privilege that was left out would be missed by nobody.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_norway::{Deserializer, Value};

use crate::collector::strategy;

/// The plain manifests, by what they ask for.
#[derive(Clone, Copy, Debug)]
pub enum Manifest {
    /// All privileges: the chart's default.
    Privileged,
    /// Some capabilities (`privileged: false`).
    Unprivileged,
}

/// What a manifest says of the pods and of their config.
pub(crate) struct Workload {
    pub(crate) spec: Spec,
    pub(crate) config: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec {
    #[serde(default, rename = "hostPID")]
    pub(crate) host_pid: bool,
    #[serde(default)]
    host_network: bool,
    pub(crate) containers: Vec<Container>,
    pub(crate) volumes: Vec<Volume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) env: Vec<Variable>,
    pub(crate) ports: Vec<Port>,
    pub(crate) security_context: SecurityContext,
    pub(crate) volume_mounts: Vec<Mount>,
    // Not for the runtime.
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
    pub(crate) resources: Resources,
    // Only read: there is no other that the tests know.
    #[serde(rename = "terminationMessagePolicy")]
    _termination_message: TerminationMessage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resources {
    pub(crate) limits: Limits,
    // For the scheduler.
    #[serde(rename = "requests")]
    _requests: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) memory: String,
}

#[derive(Deserialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port {
    pub(crate) container_port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecurityContext {
    pub(crate) run_as_user: u32,
    pub(crate) run_as_group: u32,
    pub(crate) read_only_root_filesystem: bool,
    pub(crate) privileged: bool,
    #[serde(default = "yes")]
    pub(crate) allow_privilege_escalation: bool,
    pub(crate) capabilities: Option<Capabilities>,
    pub(crate) seccomp_profile: Option<Profile>,
    pub(crate) app_armor_profile: Option<Profile>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capabilities {
    pub(crate) drop: Vec<String>,
    pub(crate) add: Vec<String>,
}

/// What a profile is. Those of a runtime differ from runtime to runtime.
#[derive(Clone, Copy, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub(crate) enum Profile {
    Unconfined,
}

/// Where the message of a container that has ended comes from.
#[derive(Deserialize)]
pub(crate) enum TerminationMessage {
    FallbackToLogsOnError,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Mount {
    pub(crate) name: String,
    #[serde(rename = "mountPath")]
    pub(crate) path: String,
    pub(crate) read_only: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) config_map: Option<Value>,
    pub(crate) host_path: Option<HostPath>,
}

#[derive(Deserialize)]
pub(crate) struct HostPath {
    pub(crate) path: PathBuf,
}

/// A folder of the machine that a container sees.
pub(crate) struct Bind<'a> {
    pub(crate) source: PathBuf,
    pub(crate) path: &'a str,
    pub(crate) read_only: bool,
}

impl Workload {
    #[track_caller]
    pub(crate) fn read(manifest: Manifest) -> Self {
        let file = match manifest {
            Manifest::Privileged => "pullscope.yaml",
            Manifest::Unprivileged => "pullscope-unprivileged.yaml",
        };
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests").join(file);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let objects: Vec<Value> =
            Deserializer::from_str(&text).map(|object| Value::deserialize(object).expect("YAML")).collect();
        let spec: Spec = part(&objects, "DaemonSet", &["spec", "template", "spec"]);
        assert!(!spec.host_network, "the pod has a network of its own");
        Self { spec, config: part(&objects, "ConfigMap", &["data", "pullscope.toml"]) }
    }
}

impl Spec {
    #[track_caller]
    pub(crate) fn container(&self) -> &Container {
        let [container] = &self.containers[..] else { panic!("one container is known") };
        container
    }

    /// What the container has of the machine, and its config, which is in the folder `config`.
    #[track_caller]
    pub(crate) fn binds(&self, config: &Path) -> impl Iterator<Item = Bind<'_>> {
        self.container().volume_mounts.iter().map(move |Mount { name, path, read_only }| {
            let volume = self.volumes.iter().find(|volume| volume.name == *name).expect("a volume");
            let source = match (&volume.config_map, &volume.host_path) {
                (Some(_), None) => config.to_owned(),
                (None, Some(host)) => host.path.clone(),
                _ => panic!("{name} is a volume of another kind"),
            };
            Bind { source, path, read_only: *read_only }
        })
    }
}

impl Container {
    /// Its environment, and the strategy under test.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, String)> {
        let named = self.env.iter().map(|Variable { name, value }| (name.as_str(), value.clone()));
        named.chain([("PULLSCOPE_KERNEL_STRATEGY", strategy())])
    }

    /// The port of its metrics.
    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        let [port] = &self.ports[..] else { panic!("one port is known") };
        port.container_port
    }
}

/// The image, as an OCI archive: what `PULLSCOPE_IMAGE` names (default: what `cargo xtask image` builds).
#[track_caller]
pub fn archive() -> PathBuf {
    let name = if cfg!(target_arch = "aarch64") { "pullscope-arm64.tar" } else { "pullscope-amd64.tar" };
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/image").join(name);
    let archive = env::var_os("PULLSCOPE_IMAGE").map_or_else(default, PathBuf::from);
    assert!(archive.is_file(), "no image at {}: `cargo xtask image --local`", archive.display());
    archive
}

/// A part of the object of that kind.
#[track_caller]
fn part<T: DeserializeOwned>(objects: &[Value], kind: &str, path: &[&str]) -> T {
    let object = objects.iter().find(|object| object["kind"] == kind).expect("an object of the manifest");
    let part = path.iter().fold(object, |value, key| &value[*key]);
    serde_norway::from_value(part.clone()).unwrap_or_else(|error| panic!("{kind} {path:?}: {error}"))
}
