//! A pod of the chart, by podman: with what the plain manifest says of privileges, mounts and environment, and nothing else.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

use crate::manifest::{Bind, Capabilities, Manifest, Profile, Spec, Workload, archive};
use crate::network::{Namespace, Wire};
use crate::place::Place;
use crate::process::{Outcome, PATIENCE, Running, run};

/// A pod that is ready to be run; gone with its container when dropped.
pub struct Pod {
    spec: Spec,
    dir: TempDir,
    image: String,
    namespace: Arc<Namespace>,
    wire: Wire,
}

impl Pod {
    /// A pod of the chart with its image, in a network of its own that the machine reaches by a wire.
    #[track_caller]
    pub fn new(manifest: Manifest) -> Self {
        let Workload { spec, config } = Workload::read(manifest);
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
        let capabilities = &mut self.spec.containers[0].security_context.capabilities;
        &mut capabilities.as_mut().expect("no capabilities are named for a privileged container").add
    }

    /// Where its metrics are, seen from the machine.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.wire.namespace.into(), self.spec.container().port())
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
        exec.arg(&self.spec.container().name).args(arguments);
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
        let container = self.spec.container();
        let context = &container.security_context;
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
            if let Some(Profile::Unconfined) = profile {
                run.arg(format!("--security-opt={name}=unconfined"));
            }
        }
        for (name, value) in container.environment() {
            run.arg(format!("--env={name}={value}"));
        }
        for Bind { source, path, read_only } in self.spec.binds(&self.dir.path().join("config")) {
            let how = if read_only { "ro" } else { "rw" };
            run.arg(format!("--volume={}:{path}:{how},rbind", source.display()));
        }
        run.arg(&self.image);
        run
    }

    fn podman(&self, subcommand: &str) -> Command {
        podman(self.dir.path(), subcommand)
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let mut remove = self.podman("rm");
        remove.args(["--force", "--ignore", "--time=0", &self.spec.container().name]);
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
    let mut load = podman(dir, "load");
    load.arg("--quiet").arg("--input").arg(archive());
    let said = run(load).expect_ok().stdout;
    said.trim().rsplit(' ').next().expect("a name").to_owned()
}
