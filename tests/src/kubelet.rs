//! A pod of the chart as a kubelet has it run by containerd, over the CRI.
//!
//! What the plain manifest says is translated as Kubernetes 1.30 does it (`pkg/kubelet/kuberuntime`): privileges, mounts,
//! environment, the limit of memory, and the paths of /proc and /sys that are hidden from containers. Different is the network,
//! which is the node's, since test machines have no CNI.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tempfile::TempDir;

use crate::cri::messages::{
    Capability, ContainerConfig, ContainerMetadata, ImageSpec, Int64Value, KeyValue, LinuxContainerConfig,
    LinuxContainerResources, LinuxContainerSecurityContext, Mount, NamespaceOption, PodSandboxConfig,
    SecurityProfile,
};
use crate::cri::{Client, NODE, pod};
use crate::endpoint::Endpoint;
use crate::manifest::{Bind, Container, Manifest, Profile, Spec, Workload};
use crate::process::{Outcome, PATIENCE, poll};

/// `CONTAINER` and `NODE` of the CRI's `NamespaceMode`, `CONTAINER_EXITED` of its `ContainerState`, `Unconfined` of its
/// `ProfileType`.
const CONTAINER: i32 = 1;
const EXITED: i32 = 2;
const UNCONFINED: i32 = 1;

/// What containers do not see and do not write, unless privileged (Kubernetes 1.30, `pkg/securitycontext/util.go`).
const MASKED: [&str; 10] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Where the log of the container is, below the folder of the pod's logs.
const LOG: &str = "pullscope/0.log";

/// A pod whose container has been started.
pub struct DaemonPod<'a> {
    kubelet: &'a Client,
    sandbox: String,
    container: String,
    port: u16,
    dir: TempDir,
}

impl<'a> DaemonPod<'a> {
    /// Has a pod of the chart run, with `image`, which is there already, and `config` in place of the manifest's.
    #[track_caller]
    pub fn start(kubelet: &'a Client, manifest: Manifest, image: &str, config: Option<&str>) -> Self {
        let workload = Workload::read(manifest);
        let dir = tempfile::tempdir().expect("a directory for a pod");
        let config_folder = dir.path().join("config");
        fs::create_dir(&config_folder).expect("a directory for the config");
        fs::write(config_folder.join("pullscope.toml"), config.unwrap_or(&workload.config))
            .expect("write the config of a pod");
        // What makes the log is not the runtime.
        fs::create_dir(dir.path().join("pullscope")).expect("a directory for a log");

        let sandbox_config = sandbox(&workload.spec, dir.path().display().to_string());
        let sandbox = kubelet.run_sandbox(&sandbox_config, "").expect_ok().id;
        let mounts = workload.spec.binds(&config_folder).map(|Bind { source, path, read_only }| Mount {
            container_path: path.to_owned(),
            host_path: source.display().to_string(),
            readonly: read_only,
        });
        let mut container = container(&workload.spec, image);
        container.mounts = mounts.collect();
        let container = kubelet.create_container_by(&sandbox, &sandbox_config, container).expect_ok().id;
        let _ = kubelet.start_container(&container).expect_ok();
        let port = workload.spec.container().port();
        Self { kubelet, sandbox, container, port, dir }
    }

    /// What it serves, once it is ready.
    #[track_caller]
    pub fn ready(&self) -> Endpoint {
        let endpoint = Endpoint(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.port));
        let ready = poll(PATIENCE, || endpoint.ready().then_some(()));
        assert!(ready.is_some(), "not ready: {:#?}", self.log());
        endpoint
    }

    /// Runs a command of the image in its container, as `kubectl exec` does.
    #[track_caller]
    pub fn exec(&self, words: &[&str]) -> Outcome {
        self.kubelet.exec(&self.container, words)
    }

    /// Its memory as the kubelet counts it, in bytes.
    #[track_caller]
    pub fn working_set(&self) -> u64 {
        self.kubelet.working_set(&self.container)
    }

    /// The lines that `kubectl logs` would show. Each stands behind a time, the name of a stream and a tag
    /// (`docs` of the CRI's log format, kubernetes/design-proposals-archive, `node/kubelet-cri-logging.md`).
    #[track_caller]
    pub fn log(&self) -> Vec<String> {
        let file: PathBuf = self.dir.path().join(LOG);
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = |line: &str| line.splitn(4, ' ').nth(3).expect("a line of a container's log").to_owned();
        text.lines().map(line).collect()
    }

    /// Its exit status, once the container has ended by itself.
    #[track_caller]
    pub fn exit_status(&self) -> i32 {
        let exited = poll(PATIENCE, || {
            let status = self.kubelet.container_status(&self.container);
            (status.state == EXITED).then_some(status.exit_code)
        });
        exited.unwrap_or_else(|| panic!("the container goes on: {:#?}", self.log()))
    }

    /// Stops the container, and takes the pod away. Gives the exit status.
    #[track_caller]
    pub fn stop(self) -> i32 {
        let _ = self.kubelet.stop_container(&self.container).expect_ok();
        let status = self.exit_status();
        let _ = self.kubelet.stop_sandbox(&self.sandbox).expect_ok();
        let _ = self.kubelet.remove_sandbox(&self.sandbox).expect_ok();
        status
    }
}

fn namespaces(spec: &Spec) -> NamespaceOption {
    NamespaceOption { network: NODE, pid: if spec.host_pid { NODE } else { CONTAINER } }
}

fn sandbox(spec: &Spec, logs: String) -> PodSandboxConfig {
    let mut sandbox = PodSandboxConfig { log_directory: logs, ..pod("pullscope") };
    let context = sandbox.linux.as_mut().and_then(|linux| linux.security_context.as_mut());
    let context = context.expect("the security context of a pod");
    context.namespace_options = Some(namespaces(spec));
    context.privileged = spec.container().security_context.privileged;
    sandbox
}

#[track_caller]
fn container(spec: &Spec, image: &str) -> ContainerConfig {
    let container = spec.container();
    let security_context = security_context(spec, container);
    let resources =
        LinuxContainerResources { memory_limit_in_bytes: bytes(&container.resources.limits.memory) };
    let variable = |(key, value): (&str, String)| KeyValue { key: key.to_owned(), value };
    ContainerConfig {
        metadata: Some(ContainerMetadata { name: container.name.clone(), attempt: 0 }),
        image: Some(ImageSpec { image: image.to_owned(), ..ImageSpec::default() }),
        envs: container.environment().map(variable).collect(),
        log_path: LOG.to_owned(),
        linux: Some(LinuxContainerConfig {
            resources: Some(resources),
            security_context: Some(security_context),
        }),
        ..ContainerConfig::default()
    }
}

fn security_context(spec: &Spec, container: &Container) -> LinuxContainerSecurityContext {
    let context = &container.security_context;
    let profile = |profile: Profile| match profile {
        Profile::Unconfined => SecurityProfile { profile_type: UNCONFINED },
    };
    let hidden = |paths: &[&str]| {
        let paths = if context.privileged { &[] } else { paths };
        paths.iter().map(ToString::to_string).collect()
    };
    LinuxContainerSecurityContext {
        capabilities: context.capabilities.as_ref().map(|capabilities| Capability {
            add_capabilities: capabilities.add.clone(),
            drop_capabilities: capabilities.drop.clone(),
        }),
        privileged: context.privileged,
        namespace_options: Some(namespaces(spec)),
        run_as_user: Some(Int64Value { value: context.run_as_user.into() }),
        readonly_rootfs: context.read_only_root_filesystem,
        no_new_privs: !context.allow_privilege_escalation,
        run_as_group: Some(Int64Value { value: context.run_as_group.into() }),
        masked_paths: hidden(&MASKED),
        readonly_paths: hidden(&READ_ONLY),
        seccomp: context.seccomp_profile.map(profile),
        apparmor: context.app_armor_profile.map(profile),
    }
}

/// A quantity of bytes as the manifests write it.
#[track_caller]
fn bytes(quantity: &str) -> i64 {
    let mebibytes = quantity.strip_suffix("Mi").and_then(|number| number.parse::<i64>().ok());
    mebibytes.unwrap_or_else(|| panic!("{quantity} is not a number of MiB")) << 20
}
