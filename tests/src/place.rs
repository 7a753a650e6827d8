//! Where a program of the rig runs: on the machine as it is, in a network namespace, with other names in `/etc/hosts`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::hosts::Hosts;
use crate::network::Namespace;
use crate::packages::{PATH, program};

/// Where a program runs. Clones share the namespace and the names, which live as long as the last of them.
#[derive(Clone, Default)]
pub struct Place {
    namespace: Option<Arc<Namespace>>,
    hosts: Option<Arc<Hosts>>,
}

impl Place {
    /// The machine as it is.
    pub fn machine() -> Self {
        Self::default()
    }

    /// The same place, in a network namespace.
    #[must_use]
    pub fn inside(mut self, namespace: &Arc<Namespace>) -> Self {
        self.namespace = Some(Arc::clone(namespace));
        self
    }

    /// The same place, where `/etc/hosts` holds other names.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &Arc<Hosts>) -> Self {
        self.hosts = Some(Arc::clone(hosts));
        self
    }

    /// A command that runs `what` (a program of the rig by name, any other by its path) here.
    ///
    /// The wrappers in front only exec: the process id stays, and in the end the process is `what`. The environment
    /// is empty but for `PATH` and `HOME`, so that no proxy setting or credential of the caller takes part.
    #[track_caller]
    pub fn command(&self, what: impl AsRef<Path>) -> Command {
        let what = what.as_ref();
        let path = if what.is_absolute() {
            what.to_owned()
        } else {
            program(what.to_str().expect("programs have plain names"))
        };
        let mut command = Command::new(program("setpriv"));
        command.env_clear().env("PATH", PATH).env("HOME", "/nonexistent").args(["--pdeathsig", "KILL", "--"]);
        if let Some(namespace) = &self.namespace {
            // Not `ip netns exec`: that also mounts another /sys over the one containerd and dockerd look at.
            let file = format!("--net={}", namespace.file().display());
            command.arg(program("nsenter")).args([file.as_str(), "--"]);
        }
        if let Some(hosts) = &self.hosts {
            let script = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
            command.arg(program("unshare")).args(["--mount", "--propagation", "private", "--"]);
            command.args([OsStr::new("/bin/sh"), "-c".as_ref(), script.as_ref(), hosts.file().as_ref()]);
        }
        command.arg(path);
        command
    }
}
